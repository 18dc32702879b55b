//! What the server says of itself, and its keys.

use std::sync::{Arc, PoisonError, RwLock};

use auth::KEY_SET_LIFE;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use oidc::{Endpoints, ProviderMetadata, ProviderSettings, Scopes};

use crate::App;
use crate::locale::Locale;
use crate::views::assets;

/// What the server says of itself.
fn document(issuer: &str) -> String {
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

/// A document that everybody is shown, ready made.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    body: Bytes,
    tag: HeaderValue,
    life: HeaderValue,
}

impl Document {
    fn new(body: &str) -> Self {
        let tag = format!("\"{:016x}\"", assets::hash(body.as_bytes()));
        // For as long as a next key is published before it signs, and less.
        let life = format!("public, max-age={}", KEY_SET_LIFE.as_secs());
        let value = |text: &str| HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""));
        Self { body: Bytes::copy_from_slice(body.as_bytes()), tag: value(&tag), life: value(&life) }
    }

    /// Nothing but its tag to whoever knows it already (RFC 9110 section 13.1.2).
    fn show(self, asked: &HeaderMap) -> Response {
        let known = asked.get(IF_NONE_MATCH).is_some_and(|known| *known == self.tag);
        let mut response = if known {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            let mut response = Response::new(Body::from(self.body));
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            response
        };
        let headers = response.headers_mut();
        headers.insert(ETAG, self.tag);
        headers.insert(CACHE_CONTROL, self.life);
        response
    }
}

/// The documents of a server.
#[derive(Debug)]
pub(crate) struct Documents {
    provider: Document,
    /// Of the keys that were published when they were last asked for.
    keys: RwLock<(Arc<str>, Document)>,
}

impl Documents {
    pub(crate) fn new(issuer: &str, published: Arc<str>) -> Self {
        let keys = Document::new(&published);
        Self { provider: Document::new(&document(issuer)), keys: RwLock::new((published, keys)) }
    }

    fn keys(&self, published: Arc<str>) -> Document {
        {
            let made = self.keys.read().unwrap_or_else(PoisonError::into_inner);
            if Arc::ptr_eq(&made.0, &published) {
                return made.1.clone();
            }
        }
        let document = Document::new(&published);
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = (published, document.clone());
        document
    }
}

/// OpenID Connect Discovery section 4, RFC 8414 section 3: one document.
pub(super) async fn provider(State(app): State<App>, headers: HeaderMap) -> Response {
    app.documents.provider.clone().show(&headers)
}

/// RFC 7517 section 5.
pub(super) async fn keys(State(app): State<App>, headers: HeaderMap) -> Response {
    app.documents.keys(app.auth.keys().published()).show(&headers)
}
