//! What every request goes through, in order. It is one layer and not one for each step: a layer costs every request its
//! allocations, whether or not it has anything to do.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tracing::Instrument as _;

use crate::App;
use crate::http::asking::SupportId;
use crate::http::failure::{self, Shown};
use crate::http::{access, guard, headers};
use crate::metrics::{now, template};
use crate::protocol;
use crate::shortcuts::Read;

/// Gives the request its support id, and a span that carries it; lets it in, or refuses it; shows a failure in the form of
/// the route; and puts the headers on the answer.
pub(crate) async fn serve(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let read = request.extensions_mut().remove::<Read>();
    let since = read.as_ref().map_or_else(now, |read| read.since);
    let measured = app.traffic.begin(request.method(), template(&request), since);
    if guard::has_too_long_a_path(request.uri()) {
        let refused = guard::path_too_long(&app);
        measured.end(refused.status());
        return refused;
    }
    let (head, body) = request.into_parts();
    let body = match read {
        Some(read) => read.body,
        None => guard::read_body(&app, body).await,
    };
    let support_id = app.auth.new_support_id();
    // At the highest level, so that whatever is logged of a request carries its support id, however little is logged.
    let span = tracing::error_span!(
        "request",
        method = %head.method,
        path = &*access::shown(head.uri.path()),
        support_id,
        request_id = access::request_id(&app, &head),
    );
    let (body, unread) = match body {
        Ok(body) => (Body::from(body), None),
        Err(failure) => (Body::empty(), Some(guard::closing(failure))),
    };
    let mut request = Request::from_parts(head, body);
    request.extensions_mut().insert(SupportId(support_id));
    let line = access::Line::of(&app, &request, measured);
    async {
        let response = answer(app, request, unread, next).await;
        line.end(response.status());
        response
    }
    .instrument(span)
    .await
}

/// `unread` is what whoever sent it is told if its body could not be read.
async fn answer(app: App, request: Request, unread: Option<Response>, next: Next) -> Response {
    let shown = Shown::of(&request, &app);
    let path = request.uri().path();
    let choice = headers::Choice {
        any_page_may_read: protocol::any_page_may_read(path),
        rated: headers::is_rated(path),
        on_the_way: headers::is_on_the_way(path),
    };
    let (head, body) = request.into_parts();
    let response = match unread.or_else(|| refuse(&app, &head)) {
        Some(refused) => refused,
        None => next.run(Request::from_parts(head, body)).await,
    };
    let mut response = failure::show(&app, shown, response).await;
    headers::add(app.https, choice, response.headers_mut());
    response
}

/// What is refused before a handler runs.
fn refuse(app: &App, head: &Parts) -> Option<Response> {
    guard::check_host(app, head)
        .or_else(|| guard::check_origin(app, head).err().map(IntoResponse::into_response))
}
