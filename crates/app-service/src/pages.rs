//! What a person sees.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use jiff::Timestamp;
use keyward_client::{Identity, Keyward};

use crate::Settings;

/// Where the links on the pages lead.
pub(crate) struct Links {
    sign_up: String,
    sign_out: String,
    account: String,
}

impl Links {
    pub(crate) fn new(keyward: &Keyward, settings: &Settings) -> Self {
        Self {
            sign_up: keyward.sign_up_url(&settings.protected_url()).into(),
            sign_out: keyward.sign_out_url(&settings.home_url()).into(),
            account: keyward.account_url().into(),
        }
    }
}

#[derive(Template)]
#[template(path = "home.html")]
struct HomePage<'a> {
    links: &'a Links,
}

#[derive(Template)]
#[template(path = "protected.html")]
struct ProtectedPage<'a> {
    links: &'a Links,
    subject: &'a str,
    signed_in_at: String,
    proofs: String,
}

#[derive(Template)]
#[template(path = "unavailable.html")]
struct UnavailablePage;

#[derive(Template)]
#[template(path = "not_found.html")]
struct NotFoundPage;

/// Anybody's page.
pub(crate) async fn home(State(links): State<Arc<Links>>) -> Response {
    page(&HomePage { links: &links })
}

/// The page of those who are signed in: taking an [`Identity`] is what proves that somebody is.
pub(crate) async fn protected(State(links): State<Arc<Links>>, identity: Identity) -> Response {
    page(&ProtectedPage {
        links: &links,
        subject: &identity.subject,
        signed_in_at: moment(identity.auth_time),
        proofs: identity.amr.iter().filter_map(|name| proof(name)).collect::<Vec<_>>().join(", then "),
    })
}

pub(crate) async fn not_found() -> Response {
    (StatusCode::NOT_FOUND, page(&NotFoundPage)).into_response()
}

pub(crate) async fn stylesheet() -> impl IntoResponse {
    let headers =
        [(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, "public, max-age=3600")];
    (headers, include_str!("../static/app.css"))
}

/// The protected page, while the sign-in server cannot be asked.
pub(crate) fn unavailable() -> String {
    UnavailablePage.render().unwrap_or_default()
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
