//! The routes that an app merges into its own.

use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRequest as _, RawQuery, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use oidc::{LogoutTokenRules, Parameters, end_session_url};
use serde_json::json;

use crate::answers::{self, not_stored};
use crate::cookies::Leaving;
use crate::provider_error::ProviderError;
use crate::return_path::ReturnPath;
use crate::{Keyward, Notice, NoticeKind};

/// Where a person begins to sign in; `return_to` in the query says to which page of the app they come back.
pub const SIGN_IN_PATH: &str = "/auth/sign-in";
/// Where they come back from the server: the redirect URI to register.
pub const CALLBACK_PATH: &str = "/auth/callback";
/// Where a form of the app posts to sign out.
pub const SIGN_OUT_PATH: &str = "/auth/sign-out";
/// Where a person is then sent to be signed out at the server.
pub const SIGNED_OUT_PATH: &str = "/auth/signed-out";
/// Where the server tells of sign-outs: the `backchannel_logout_uri` to register.
pub const BACKCHANNEL_LOGOUT_PATH: &str = "/auth/backchannel-logout";

/// A logout token has at most 8 KiB.
const LARGEST_BODY: usize = 16 * 1024;

/// It is sent by a server.
const BODY_TIME: Duration = Duration::from_secs(10);

impl Keyward {
    /// The routes of [`SIGN_IN_PATH`], [`CALLBACK_PATH`], [`SIGN_OUT_PATH`], [`SIGNED_OUT_PATH`] and
    /// [`BACKCHANNEL_LOGOUT_PATH`].
    pub fn routes<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        Router::new()
            .route(SIGN_IN_PATH, get(sign_in))
            .route(CALLBACK_PATH, get(callback))
            .route(SIGN_OUT_PATH, post(sign_out))
            .route(SIGNED_OUT_PATH, get(signed_out))
            .route(BACKCHANNEL_LOGOUT_PATH, post(backchannel_logout))
            .layer(DefaultBodyLimit::max(LARGEST_BODY))
            .with_state(self.clone())
    }
}

async fn sign_in(State(keyward): State<Keyward>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    let parameters = Parameters::parse(query.as_deref().unwrap_or_default()).unwrap_or_default();
    let page = parameters.get("return_to").and_then(|page| ReturnPath::parse(page, &keyward.app_url));
    let page = page.unwrap_or_else(ReturnPath::start);
    match keyward.begin(&page, &headers).await {
        Ok(leads) => answers::redirect(&leads.to, leads.cookies),
        Err(notice) => keyward.show(&notice.on_the_way_to(&page)),
    }
}

async fn callback(State(keyward): State<Keyward>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    match keyward.finish(query.as_deref().unwrap_or_default(), &headers).await {
        Ok(leads) => answers::redirect(&leads.to, leads.cookies),
        Err((notice, cookies)) => {
            let mut response = keyward.show(&notice);
            answers::set_cookies(&mut response, cookies);
            response
        }
    }
}

/// Ends the session here, and sends the person to the server by way of a page. A browser keeps the page that one leaves, to
/// go back to it, `no-store` or not; Chromium throws it away when a cookie of the host changes after that. So the cookie that
/// the page sets is taken back by the next one ([`signed_out`]).
async fn sign_out(State(keyward): State<Keyward>, headers: HeaderMap) -> Response {
    if !is_own_form(&headers, &keyward.app_url.origin().ascii_serialization()) {
        return keyward.show(&Notice::new(NoticeKind::Foreign));
    }
    let Some(session) = keyward.cookies.session(&headers) else {
        return answers::redirect(keyward.after_sign_out.as_str(), keyward.cookies.clear_session());
    };
    keyward.ended.end(&session);
    let metadata = keyward.provider.metadata().await;
    let endpoint = metadata.as_ref().ok().and_then(|metadata| metadata.end_session_endpoint.as_deref());
    let (id, hint) = (&keyward.provider.client_id, session.id_token.as_ref());
    let to = endpoint.map(|endpoint| end_session_url(endpoint, id, hint, &keyward.signed_out_url));
    let mut response = keyward.show(&Notice::new(NoticeKind::SigningOut));
    let go_on = format!("0; url={SIGNED_OUT_PATH}");
    response.headers_mut().extend(HeaderValue::from_str(&go_on).ok().map(|go_on| (header::REFRESH, go_on)));
    let cookies = [keyward.cookies.clear_session(), keyward.cookies.set_leaving(&Leaving { to })];
    answers::set_cookies(&mut response, cookies.into_iter().flatten());
    response
}

/// Sends a person who has just signed out here to sign out at the server (OpenID Connect RP-Initiated Logout).
async fn signed_out(State(keyward): State<Keyward>, headers: HeaderMap) -> Response {
    let mut response = match keyward.cookies.leaving(&headers) {
        Some(Leaving { to: Some(to) }) => answers::redirect(&to, None),
        Some(Leaving { to: None }) => keyward.show(&Notice::new(NoticeKind::SignedOutHereOnly)),
        None => return answers::redirect(keyward.after_sign_out.as_str(), None),
    };
    answers::set_cookies(&mut response, keyward.cookies.clear_leaving());
    response
}

/// A browser says where a form comes from; what is no browser has no cookie that another site could use.
fn is_own_form(headers: &HeaderMap, origin: &str) -> bool {
    match (headers.get("sec-fetch-site"), headers.get(header::ORIGIN)) {
        (Some(site), _) => site == "same-origin",
        (None, Some(named)) => named == origin,
        (None, None) => true,
    }
}

/// OpenID Connect Back-Channel Logout sections 2.5 to 2.8.
async fn backchannel_logout(State(keyward): State<Keyward>, request: Request) -> Response {
    let (headers, body) = (request.headers().clone(), Bytes::from_request(request, &keyward));
    // Whoever sends a byte now and then would have a task of ours for as long as they like.
    let Ok(body) = tokio::time::timeout(BODY_TIME, body).await else {
        let close = [(header::CONNECTION, "close")];
        return not_stored((StatusCode::REQUEST_TIMEOUT, close).into_response());
    };
    let body = match body {
        Ok(body) => body,
        Err(rejection) => return not_stored(rejection.into_response()),
    };
    let refused = |why: &str| {
        tracing::warn!(why, "a logout token is refused");
        let body =
            json!({ "error": "invalid_request", "error_description": "The logout token is not accepted." });
        (StatusCode::BAD_REQUEST, axum::Json(body)).into_response()
    };
    let response = match keyward.hear(&headers, &body).await {
        Ok(()) => StatusCode::OK.into_response(),
        Err(Deaf::Refused(why)) => refused(&why),
        Err(Deaf::Later) => (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "5")]).into_response(),
    };
    not_stored(response)
}

enum Deaf {
    /// It is no logout token for this app.
    Refused(String),
    /// It cannot be read just now: the keys are not known.
    Later,
}

impl Keyward {
    async fn hear(&self, headers: &HeaderMap, body: &[u8]) -> Result<(), Deaf> {
        let refused = |why: &str| Deaf::Refused(why.to_owned());
        let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(refused("it is not in a form"));
        }
        let form = std::str::from_utf8(body).map_err(|_| refused("the form is not UTF-8"))?;
        let form = Parameters::parse(form).map_err(|error| refused(error.description.as_str()))?;
        let token = form.get("logout_token").ok_or_else(|| refused("there is none"))?;
        let now = self.clock.now().seconds();
        let told = self.provider.verify(|keys| {
            let rules = LogoutTokenRules {
                issuer: &self.provider.issuer,
                client_id: &self.provider.client_id,
                keys,
                leeway_seconds: self.provider.leeway_seconds,
                now,
            };
            rules.verify(token)
        });
        let told = told.await.map_err(|error| match error {
            ProviderError::Unreachable(_) => Deaf::Later,
            error => refused(&error.to_string()),
        })?;
        if self.ended.hear(told) { Ok(()) } else { Err(refused("it was heard before")) }
    }
}
