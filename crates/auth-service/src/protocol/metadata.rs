//! What the server says of itself, and its keys.

use auth::KEY_SET_LIFE;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::App;
use crate::views::assets;

/// OpenID Connect Discovery section 4, RFC 8414 section 3: one document.
pub(super) async fn provider(State(app): State<App>, headers: HeaderMap) -> Response {
    cached(&headers, app.metadata.clone())
}

/// RFC 7517 section 5.
pub(super) async fn keys(State(app): State<App>, headers: HeaderMap) -> Response {
    cached(&headers, app.auth.keys().published())
}

/// For as long as a next key is published before it signs, and less.
fn cached(headers: &HeaderMap, body: String) -> Response {
    let tag = format!("\"{:016x}\"", assets::hash(body.as_bytes()));
    let mut response = if headers.get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(CONTENT_TYPE, "application/json")], body).into_response()
    };
    let life = format!("public, max-age={}", KEY_SET_LIFE.as_secs());
    for (name, value) in [(ETAG, tag), (CACHE_CONTROL, life)] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}
