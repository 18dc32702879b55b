//! What the server says of itself, and its keys.

use auth::KEY_SET_LIFE;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use oidc::{Endpoints, ProviderMetadata, ProviderSettings, Scopes};

use crate::App;
use crate::locale::Locale;
use crate::views::assets;

/// What the server says of itself, ready made.
pub(crate) fn document(issuer: &str) -> String {
    let at = |path: &str| format!("{issuer}{path}");
    let settings = ProviderSettings {
        issuer: issuer.to_owned(),
        endpoints: Endpoints {
            authorization_endpoint: at("/authorize"),
            token_endpoint: at("/token"),
            userinfo_endpoint: at("/userinfo"),
            jwks_uri: at("/.well-known/jwks.json"),
            introspection_endpoint: at("/introspect"),
            revocation_endpoint: at("/revoke"),
            end_session_endpoint: at("/end-session"),
        },
        scopes: Scopes::parse("openid profile email offline_access").unwrap_or_default(),
        acr_values: vec!["1".to_owned(), "2".to_owned()],
        person_claims: vec!["name", "locale", "updated_at", "email", "email_verified"],
        ui_locales: Locale::ALL.into_iter().map(|locale| locale.tag().to_owned()).collect(),
    };
    serde_json::to_string(&ProviderMetadata::new(settings)).unwrap_or_default()
}

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
