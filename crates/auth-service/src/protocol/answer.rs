//! How the protocol answers programs.

use auth::ProtocolError;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_MAX_AGE, AUTHORIZATION,
    CACHE_CONTROL, CONTENT_TYPE, PRAGMA, RETRY_AFTER, WWW_AUTHENTICATE,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use oidc::{ErrorCode, OAuthError, Parameters, Realm};
use serde::Serialize;

use crate::App;
use crate::client_keys::PAUSE_AFTER_FAILURE;
use crate::http::failure::Failure;

/// JSON that nobody keeps; section 5.1 of RFC 6749 asks for both headers.
pub(super) fn json(body: &impl Serialize) -> Response {
    match serde_json::to_string(body) {
        Ok(text) => (headers(), text).into_response(),
        Err(_) => Failure::Internal.into_response(),
    }
}

/// The headers of such an answer.
pub(crate) fn headers() -> HeaderMap {
    let all = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store"), (PRAGMA, "no-cache")];
    all.into_iter().map(|(name, value)| (name, HeaderValue::from_static(value))).collect()
}

/// An error, as a program reads it.
fn refusal(error: &OAuthError, support_id: &str) -> Response {
    tracing::warn!(error = %error.code, description = error.description.for_the_log(), "an app was refused");
    let mut response = json(&error.clone().with_support_id(support_id));
    *response.status_mut() = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST);
    response
}

/// The answer of an endpoint at which apps authenticate.
pub(super) fn refuse_client(app: &App, support_id: &str, error: ProtocolError) -> Response {
    match error {
        ProtocolError::Refused(error) => {
            let mut response = refusal(&error, support_id);
            if let Some(challenge) = error.client_challenge(&Realm::new(app.auth.issuer())) {
                challenge_with(&mut response, &challenge);
            }
            if matches!(error.code, ErrorCode::TemporarilyUnavailable) {
                let wait = HeaderValue::from(PAUSE_AFTER_FAILURE.as_secs());
                response.headers_mut().insert(RETRY_AFTER, wait);
            }
            response
        }
        ProtocolError::TooMany(too_many) => Failure::from(too_many).into_response(),
        ProtocolError::Fault(fault) => Failure::from(fault).into_response(),
    }
}

/// The answer of an endpoint that takes an access token (RFC 6750 section 3).
pub(super) fn refuse_bearer(app: &App, support_id: &str, error: ProtocolError) -> Response {
    match error {
        ProtocolError::Refused(error) => {
            let mut response = refusal(&error, support_id);
            let scope = matches!(error.code, ErrorCode::InsufficientScope).then_some("openid");
            challenge_with(&mut response, &error.bearer_challenge(&Realm::new(app.auth.issuer()), scope));
            response
        }
        ProtocolError::TooMany(too_many) => Failure::from(too_many).into_response(),
        ProtocolError::Fault(fault) => Failure::from(fault).into_response(),
    }
}

/// There was no access token at all: no error is named (RFC 6750 section 3.1).
pub(super) fn ask_for_bearer(app: &App) -> Response {
    let mut response = StatusCode::UNAUTHORIZED.into_response();
    challenge_with(&mut response, &Realm::new(app.auth.issuer()).bearer_challenge());
    response
}

fn challenge_with(response: &mut Response, challenge: &str) {
    if let Ok(challenge) = HeaderValue::from_str(challenge) {
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    }
}

/// The form of a request (RFC 6749 appendix B).
pub(crate) fn form(headers: &HeaderMap, body: &[u8]) -> Result<Parameters, OAuthError> {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let wrong = |text: &str| OAuthError::new(ErrorCode::InvalidRequest, text);
    if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(wrong("The body has to be a form: application/x-www-form-urlencoded."));
    }
    Parameters::parse(std::str::from_utf8(body).map_err(|_| wrong("The form is not UTF-8."))?)
}

/// The `Authorization` header. One that is there twice is as none that can be read.
pub(crate) fn authorization(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    match (values.next(), values.next()) {
        (None, _) => None,
        (Some(value), None) => Some(value.to_str().unwrap_or("unreadable")),
        _ => Some("there twice"),
    }
}

/// What a browser asks before it sends a request with `Authorization`.
pub(super) async fn preflight() -> Response {
    let headers = [
        (ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"),
        (ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type"),
        (ACCESS_CONTROL_MAX_AGE, "7200"),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}
