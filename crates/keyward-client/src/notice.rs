//! `Notice`: what a person is told when a sign-in does not go on, or while a sign-out does.

use std::time::Duration;

use axum::http::StatusCode;

use crate::return_path::ReturnPath;
use crate::{SIGN_IN_PATH, SIGNED_OUT_PATH};

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoticeKind {
    /// The person, or the server, said no.
    Denied,
    /// The answer belongs to no sign-in that is under way in this browser.
    NotExpected,
    /// The server cannot be asked just now.
    Unavailable,
    /// The server's answer is not accepted; its log, or ours, says why.
    Failed,
    /// The person is signed out of this app, and about to be at the server.
    SigningOut,
    /// The person is signed out of this app; the server, which cannot be asked, may still know them.
    SignedOutHereOnly,
    /// A form was sent from another site.
    Foreign,
}

fn ways_on(kind: NoticeKind, page: Option<&ReturnPath>) -> Vec<(&'static str, String)> {
    let start = ("To the start", "/".to_owned());
    let again = page.map_or_else(|| SIGN_IN_PATH.to_owned(), sign_in_path);
    let again = ("Sign in again", again);
    match (kind, page) {
        (NoticeKind::NotExpected, _) => vec![start, again],
        (NoticeKind::Denied | NoticeKind::Failed, _) => vec![again, start],
        (NoticeKind::SigningOut, _) => vec![("Sign out everywhere", SIGNED_OUT_PATH.to_owned())],
        (NoticeKind::Unavailable, Some(page)) => vec![("Try again", page.as_str().to_owned()), start],
        (NoticeKind::Unavailable | NoticeKind::SignedOutHereOnly | NoticeKind::Foreign, _) => vec![start],
    }
}

/// Where a sign-in begins that leads back to this page.
fn sign_in_path(page: &ReturnPath) -> String {
    let query =
        url::form_urlencoded::Serializer::new(String::new()).append_pair("return_to", page.as_str()).finish();
    format!("{SIGN_IN_PATH}?{query}")
}

/// What a person is told: what happened, why, and what to do next. [`Settings::notice_page`](crate::Settings) makes a page
/// of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Notice {
    /// What happened.
    pub kind: NoticeKind,
    /// A heading.
    pub title: &'static str,
    /// One or two sentences.
    pub text: &'static str,
    /// What a person can press, the best first: words, and a path of this app with its query. A page of HTML escapes both.
    pub ways_on: Vec<(&'static str, String)>,
    /// When it is worth trying again.
    pub(crate) retry_after: Option<Duration>,
}

impl Notice {
    pub(crate) fn new(kind: NoticeKind) -> Self {
        let (title, text) = match kind {
            NoticeKind::Denied => (
                "You are not signed in",
                "The sign-in was called off, so this app was told nothing about you. You can begin again at any time.",
            ),
            NoticeKind::NotExpected => (
                "This sign-in cannot go on here",
                "It is done already, it has waited for too long, or it was begun in another browser. If you are signed in, \
                 just go on; if not, sign in again.",
            ),
            NoticeKind::Unavailable => (
                "Sign-in cannot be checked just now",
                "The sign-in server does not answer, so this page stays closed. Nothing is lost: try again in a few seconds.",
            ),
            NoticeKind::Failed => (
                "The sign-in did not succeed",
                "The sign-in server's answer could not be accepted. Sign in again; if that does not help, tell whoever looks \
                 after this app: its log says why.",
            ),
            NoticeKind::SigningOut => (
                "Signing you out",
                "You are signed out of this app. If nothing follows by itself, press the button to be signed out everywhere.",
            ),
            NoticeKind::SignedOutHereOnly => (
                "You are signed out of this app only",
                "The sign-in server does not answer, so you may still be signed in there. If others use this browser, close \
                 it, or try again in a few seconds.",
            ),
            NoticeKind::Foreign => (
                "This was not sent from here",
                "Another site, or an old page, sent this form. Go to the start of this app and try again.",
            ),
        };
        Self { kind, title, text, ways_on: ways_on(kind, None), retry_after: None }
    }

    /// The page is tried again.
    pub(crate) fn unavailable(wait: Duration) -> Self {
        let retry_after = Some(wait.max(Duration::from_secs(1)));
        Self { retry_after, ..Self::new(NoticeKind::Unavailable) }
    }

    /// It kept a person from this page.
    pub(crate) fn on_the_way_to(self, page: &ReturnPath) -> Self {
        Self { ways_on: ways_on(self.kind, Some(page)), ..self }
    }

    pub(crate) fn status(&self) -> StatusCode {
        match self.kind {
            NoticeKind::SigningOut => StatusCode::OK,
            NoticeKind::Denied | NoticeKind::Foreign => StatusCode::FORBIDDEN,
            NoticeKind::NotExpected => StatusCode::BAD_REQUEST,
            NoticeKind::Unavailable | NoticeKind::SignedOutHereOnly => StatusCode::SERVICE_UNAVAILABLE,
            NoticeKind::Failed => StatusCode::BAD_GATEWAY,
        }
    }

    /// The page of an app that has none of its own for this.
    pub fn page(&self) -> String {
        // Words of ours, and paths that have no other sign of HTML in them.
        let link = |(words, path): &(&str, String)| {
            format!("<p><a href=\"{}\">{words}</a></p>\n", path.replace('&', "&amp;"))
        };
        let ways_on = self.ways_on.iter().map(link).collect::<Vec<_>>().concat();
        let Self { title, text, .. } = self;
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title}</title>\n</head>\n<body>\n<main>\n\
             <h1>{title}</h1>\n<p>{text}</p>\n{ways_on}</main>\n</body>\n</html>\n"
        )
    }
}
