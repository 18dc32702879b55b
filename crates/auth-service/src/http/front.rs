//! What every request goes through, in order. It is one layer and not one for each step: a layer costs every request its
//! allocations, whether or not it has anything to do.

use axum::body::HttpBody as _;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use tracing::Instrument as _;

use crate::App;
use crate::http::asking::SupportId;
use crate::http::failure::{self, Shown};
use crate::http::{access, guard, headers};
use crate::protocol;

/// Gives the request its support id, and a span that carries it; lets it in, or refuses it; shows a failure in the form of
/// the route; and puts the headers on the answer.
pub(crate) async fn serve(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let measured = app.traffic.begin(&request);
    // A body is read before anything is answered, even one that nobody asked for.
    if !app.is_development()
        && request.body().is_end_stream()
        && let Some(document) = protocol::ready_made(&app, &request)
    {
        measured.end(document.status());
        return document;
    }
    let support_id = app.auth.new_support_id();
    // At the highest level, so that whatever is logged of a request carries its support id, however little is logged.
    let span = tracing::error_span!(
        "request",
        method = %request.method(),
        path = request.uri().path(),
        support_id,
        request_id = access::request_id(&app, &request),
    );
    request.extensions_mut().insert(SupportId(support_id));
    let line = access::Line::of(&app, &request, measured);
    async {
        let response = answer(app, request, next).await;
        line.end(response.status());
        response
    }
    .instrument(span)
    .await
}

async fn answer(app: App, request: Request, next: Next) -> Response {
    let shown = Shown::of(&request, &app);
    let path = request.uri().path();
    let choice = headers::Choice {
        any_page_may_read: protocol::any_page_may_read(path),
        rated: headers::is_rated(path),
        on_the_way: headers::is_on_the_way(path),
    };
    let response = match admit(&app, request).await {
        Ok(request) => next.run(request).await,
        Err(refused) => refused,
    };
    let mut response = failure::show(&app, shown, response).await;
    headers::add(app.https, choice, response.headers_mut());
    response
}

/// The whole body is read before anything is decided.
async fn admit(app: &App, request: Request) -> Result<Request, Response> {
    let request = guard::read_body(app, request).await?;
    if let Some(elsewhere) = guard::check_host(app, &request) {
        return Err(elsewhere);
    }
    match guard::check_origin(app, &request) {
        Ok(()) => Ok(request),
        Err(failure) => Err(failure.into_response()),
    }
}
