//! What a person sees.

use askama::Template;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use jiff::Timestamp;
use keyward_client::{Identity, Keyward, Notice, SIGN_OUT_PATH};

#[derive(Template)]
#[template(path = "home.html")]
struct HomePage;

#[derive(Template)]
#[template(path = "protected.html")]
struct ProtectedPage<'a> {
    identity: &'a Identity,
    signed_in_at: String,
    proofs: String,
    account: String,
    sign_out: &'static str,
}

#[derive(Template)]
#[template(path = "notice.html")]
struct NoticePage<'a> {
    notice: &'a Notice,
}

#[derive(Template)]
#[template(path = "not_found.html")]
struct NotFoundPage;

/// Anybody's page.
pub(crate) async fn home() -> Response {
    page(&HomePage)
}

/// The page of those who are signed in: taking an [`Identity`] is what proves that somebody is.
pub(crate) async fn protected(State(keyward): State<Keyward>, identity: Identity) -> Response {
    page(&ProtectedPage {
        signed_in_at: identity.auth_time.map(moment).unwrap_or_default(),
        proofs: identity.amr.iter().filter_map(|name| proof(name)).collect::<Vec<_>>().join(", then "),
        account: keyward.account_url(),
        sign_out: SIGN_OUT_PATH,
        identity: &identity,
    })
}

/// The page that tells what came of a sign-in, and what to do next.
pub(crate) fn notice(notice: &Notice) -> String {
    NoticePage { notice }.render().unwrap_or_default()
}

pub(crate) async fn not_found() -> Response {
    (StatusCode::NOT_FOUND, page(&NotFoundPage)).into_response()
}

/// An address that only a form leads to, typed or loaded again.
pub(crate) async fn wrong_method() -> Response {
    (StatusCode::METHOD_NOT_ALLOWED, page(&NotFoundPage)).into_response()
}

pub(crate) async fn stylesheet() -> impl IntoResponse {
    let headers =
        [(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, "public, max-age=3600")];
    (headers, include_str!("../static/app.css"))
}

fn page(template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => Html(html).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn moment(unix_seconds: i64) -> String {
    let timestamp = Timestamp::from_second(unix_seconds).unwrap_or_default();
    timestamp.strftime("%-d %B %Y, %H:%M UTC").to_string()
}

/// A proof in words; `mfa` only says that there were two.
fn proof(name: &str) -> Option<&str> {
    match name {
        "pwd" => Some("password"),
        "otp" => Some("one-time code"),
        "mfa" => None,
        other => Some(other),
    }
}
