//! What the server says of itself, and its keys.

use std::sync::{Arc, PoisonError, RwLock};

use auth::KEY_SET_LIFE;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::Response;
use oidc::{Endpoints, ProviderMetadata, ProviderSettings, Scopes};

use crate::App;
use crate::http::conditional::is_known;
use crate::http::failure::Failure;
use crate::http::headers;
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
struct Document {
    headers: HeaderMap,
    body: Bytes,
}

impl Document {
    /// With the headers that every answer has.
    fn new(body: &str, https: bool) -> Self {
        let tag = format!("\"{:016x}\"", assets::hash(body.as_bytes()));
        // For as long as a next key is published before it signs, and less.
        let life = format!("public, max-age={}", KEY_SET_LIFE.as_secs());
        let value = |text: &str| HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""));
        let mut headers = HeaderMap::from_iter([(ETAG, value(&tag)), (CACHE_CONTROL, value(&life))]);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let choice = headers::Choice { any_page_may_read: true, ..headers::Choice::default() };
        headers::add(https, choice, &mut headers);
        Self { headers, body: Bytes::copy_from_slice(body.as_bytes()) }
    }

    /// Nothing but its headers to whoever knows it already (RFC 9110 section 13.1.2).
    fn show(&self, asked: &HeaderMap) -> Response {
        let tag = self.headers.get(ETAG).and_then(|tag| tag.to_str().ok());
        let known = tag.is_some_and(|tag| is_known(asked, tag));
        let body = if known { Body::empty() } else { Body::from(self.body.clone()) };
        let mut response = Response::new(body);
        *response.headers_mut() = self.headers.clone();
        if known {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            response.headers_mut().remove(CONTENT_TYPE);
        }
        response
    }
}

/// The documents of a server.
#[derive(Debug)]
pub(crate) struct Documents {
    provider: Document,
    /// Of the keys that were published when they were last asked for.
    keys: RwLock<(Arc<str>, Document)>,
    https: bool,
}

impl Documents {
    pub(crate) fn new(issuer: &str, published: Arc<str>, https: bool) -> Self {
        let (provider, keys) = (Document::new(&document(issuer), https), Document::new(&published, https));
        Self { provider, keys: RwLock::new((published, keys)), https }
    }

    fn show_keys(&self, published: Arc<str>, asked: &HeaderMap) -> Response {
        {
            let made = self.keys.read().unwrap_or_else(PoisonError::into_inner);
            if Arc::ptr_eq(&made.0, &published) {
                return made.1.show(asked);
            }
        }
        let document = Document::new(&published, self.https);
        let response = document.show(asked);
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = (published, document);
        response
    }
}

/// The answer to a request for one of them, headers and all. It can be given before anything else is looked at: nothing of
/// it depends on who asks, and nothing of it can go wrong.
pub(crate) fn ready_made<B>(app: &App, request: &Request<B>) -> Option<Response> {
    if request.method() != Method::GET {
        return None;
    }
    match request.uri().path() {
        // OpenID Connect Discovery section 4, RFC 8414 section 3: one document.
        "/.well-known/openid-configuration" | "/.well-known/oauth-authorization-server" => {
            Some(app.documents.provider.show(request.headers()))
        }
        // RFC 7517 section 5.
        "/.well-known/jwks.json" => {
            Some(app.documents.show_keys(app.auth.keys().published(), request.headers()))
        }
        _ => None,
    }
}

/// As above, for what came the long way: a `HEAD`, or anything in development.
pub(super) async fn show(State(app): State<App>, mut request: Request) -> Result<Response, Failure> {
    *request.method_mut() = Method::GET;
    ready_made(&app, &request).ok_or(Failure::NotFound)
}
