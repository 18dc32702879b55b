//! The span of a request.

use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument as _;

use super::TARGET;
use crate::App;
use crate::http::asking;

/// What it is called in the code; a collector is told method and route.
pub(super) const REQUEST: &str = "request";

/// Records a request: its method, the template of its route, and how it was answered. A proxy that is trusted may say whose part
/// it is.
pub(crate) async fn trace(State(app): State<App>, request: Request, next: Next) -> Response {
    let mut told = request.headers().get_all("traceparent").iter();
    let traceparent = match (told.next(), told.next()) {
        (Some(traceparent), None) => traceparent.to_str().ok(),
        // Two say nothing: which of them is meant?
        _ => None,
    };
    let traceparent =
        traceparent.filter(|_| asking::came_from(request.headers(), request.extensions(), &app).1);
    let span = tracing::info_span!(
        target: TARGET,
        REQUEST,
        http.request.method = method(request.method()),
        // What is asked for that is not there has none.
        http.route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str),
        http.response.status_code = tracing::field::Empty,
        traceparent,
    );
    let response = next.run(request).instrument(span.clone()).await;
    span.record("http.response.status_code", u64::from(response.status().as_u16()));
    response
}

/// What the conventions of OpenTelemetry call a method that is none of those that there are: nothing of a stranger's own is told.
pub(super) const OTHER: &str = "_OTHER";

/// One of those that there are.
fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => OTHER,
    }
}
