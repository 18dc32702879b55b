//! A failure, as a page: what happened, and what to do next.

use crate::App;
use crate::http::asking::Asking;
use crate::http::failure::Failure;
use crate::views::{AppRefused, ErrorPage, Frame};

pub(crate) fn render(app: &App, asking: &Asking, failure: &Failure, path: &str) -> String {
    let leaving = matches!(path, "/end-session" | "/sign-out");
    let of_an_app = matches!(path, "/authorize" | "/end-session");
    // The language switch must not send anybody back into a failure that GET does not show.
    let path = if matches!(failure, Failure::NotFound) { path } else { "/" };
    let frame = Frame { notice: None, ..super::frame(app, asking, path) };
    match failure {
        Failure::AppRequest(error) => {
            // Whatever is wrong with what the app sent: whoever wanted to sign out still can.
            let signed_in = frame.signed_in.is_some();
            AppRefused { description: error.description.as_str(), leaving, signed_in }.render(&frame)
        }
        // Forms of an app's own: the person can do nothing about what they are, and whoever looks after the app can.
        Failure::UnsupportedMediaType(_) if of_an_app => {
            let signed_in = frame.signed_in.is_some();
            AppRefused { description: &failure.detail(), leaving, signed_in }.render(&frame)
        }
        _ => error_page(app, failure).render(&frame),
    }
}

fn error_page<'a>(app: &'a App, failure: &Failure) -> ErrorPage<'a> {
    match failure {
        Failure::NotFound => ErrorPage::NotFound,
        Failure::MethodNotAllowed => ErrorPage::MethodNotAllowed,
        Failure::TooLarge(_) => ErrorPage::TooLarge,
        Failure::ForeignOrigin => ErrorPage::Forbidden,
        Failure::MisdirectedHost => ErrorPage::Misdirected(app.public_url().as_str()),
        Failure::Gone | Failure::WrongCode { .. } => ErrorPage::LinkExpired,
        Failure::TooMany(wait) | Failure::TooManyKeys(wait) => ErrorPage::TooManyTries(super::seconds(*wait)),
        Failure::Busy(_) | Failure::Unavailable => ErrorPage::Unavailable,
        Failure::Uncertain => ErrorPage::Uncertain,
        Failure::Internal => ErrorPage::Internal,
        Failure::Malformed(_)
        | Failure::UnsupportedMediaType(_)
        | Failure::TooSlow
        | Failure::Invalid(_)
        | Failure::Unauthenticated
        | Failure::NotFresh
        | Failure::Incorrect(_)
        | Failure::KeyInUse
        | Failure::KeyReused
        | Failure::AppRequest(_) => ErrorPage::BadRequest,
    }
}
