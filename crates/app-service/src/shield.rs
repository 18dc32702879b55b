//! What holds for every page: whom the app answers for, and what a browser may do with it.

use std::sync::Arc;

use axum::body::HttpBody;
use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use url::{Position, Url};

use crate::Settings;

/// The one host of this app.
pub(crate) struct Shield {
    /// As a `Host` header says it: a browser leaves the scheme's own port out, other clients need not.
    hosts: Vec<String>,
    /// This machine's other names, where the app's is `localhost`: sign-in leads back to one address only.
    aliases: Vec<String>,
    url: Url,
}

impl Shield {
    pub(crate) fn new(settings: &Settings) -> Self {
        let host = settings.app_url[Position::BeforeHost..Position::AfterPort].to_owned();
        let port = settings.app_url.port_or_known_default().filter(|_| settings.app_url.port().is_none());
        let with_port = port.map(|port| format!("{host}:{port}"));
        let hosts: Vec<_> = [host].into_iter().chain(with_port).collect();
        let is_local = settings.app_url.host_str() == Some("localhost");
        let alias = |host: &String| ["127.0.0.1", "[::1]"].map(|name| host.replacen("localhost", name, 1));
        let aliases = hosts.iter().filter(|_| is_local).flat_map(alias).collect();
        Self { hosts, aliases, url: settings.app_url.clone() }
    }

    /// Whether a `Host` header names this app. A name that only leads here (DNS rebinding) is not it.
    fn answers_for(&self, host: &str) -> bool {
        self.hosts.iter().any(|own| own.eq_ignore_ascii_case(host))
    }

    /// Where somebody is led who looks at the app by another name of this machine. Not for good: ports change.
    fn leads(&self, host: &str, request: &Request) -> Option<Response> {
        let looks = matches!(*request.method(), Method::GET | Method::HEAD);
        if !looks || !self.aliases.iter().any(|alias| alias == host) {
            return None;
        }
        let mut url = self.url.clone();
        url.set_path(request.uri().path());
        url.set_query(request.uri().query());
        Some(Redirect::temporary(url.as_str()).into_response())
    }
}

/// Refuses a foreign host, and puts the security headers on every answer.
pub(crate) async fn shield(State(shield): State<Arc<Shield>>, request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let mut response = match host.or_else(|| request.uri().authority().map(Authority::as_str)) {
        Some(host) if shield.answers_for(host) => next.run(request).await,
        Some(host) => shield.leads(host, &request).unwrap_or_else(|| {
            let reason = "This app has another address. Open it by the address you were given.\n";
            (StatusCode::MISDIRECTED_REQUEST, reason).into_response()
        }),
        None => (StatusCode::BAD_REQUEST, "The request names no host. Send a Host header.\n").into_response(),
    };
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    if shield.url.scheme() == "https" {
        let value = HeaderValue::from_static("max-age=63072000; includeSubDomains");
        response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, value);
    }
    response
}

/// Hardly anything here reads a body, and one left unread would be taken for the connection's next request.
pub(crate) async fn close_behind_a_body(request: Request, next: Next) -> Response {
    let has_body = !request.body().is_end_stream();
    let mut response = next.run(request).await;
    if has_body {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

const HEADERS: [(HeaderName, &str); 8] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; \
         require-trusted-types-for 'script'; trusted-types 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    // Not `no-referrer`, by which browsers would send `Origin: null` with the app's own forms.
    (header::REFERRER_POLICY, "same-origin"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(), publickey-credentials-get=(self)",
    ),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-embedder-policy"), "require-corp"),
];
