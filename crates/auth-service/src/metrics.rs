//! What whoever watches the server is told: Prometheus metrics, on the internal address. They are counted as things happen, by
//! adding to a number, and put together when they are asked for. Every label is of a closed set: kinds that are enums, and
//! the templates of routes.

mod durations;
mod exposition;
mod families;
pub mod reference;
mod scrape;
mod traffic;

pub use families::{ALL, Family, Sort};
pub(crate) use traffic::{Measured, Traffic, now, template};

use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};

use crate::health::Health;

/// The text format that every Prometheus reads.
const FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// `/metrics`.
pub(crate) async fn answer(health: &Health) -> Response {
    match scrape::scrape(health).await.text() {
        Ok(text) => ([(CONTENT_TYPE, FORMAT), (CACHE_CONTROL, "no-store")], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "metrics could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
