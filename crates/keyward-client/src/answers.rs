//! What a request gets that may not pass.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};

use crate::{Keyward, Notice};

/// A browser goes elsewhere, and gets cookies on the way.
pub(crate) fn redirect(to: &str, cookies: impl IntoIterator<Item = HeaderValue>) -> Response {
    let mut response = Redirect::to(to).into_response();
    set_cookies(&mut response, cookies);
    not_stored(response)
}

pub(crate) fn set_cookies(response: &mut Response, cookies: impl IntoIterator<Item = HeaderValue>) {
    for cookie in cookies {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
}

/// Whoever is not on the way to a page is told so: a redirect would lose what it sent, or give a script a page of HTML.
pub(crate) fn unauthorized() -> Response {
    not_stored(
        (StatusCode::UNAUTHORIZED, "You are not signed in. Sign in, then try again.\n").into_response(),
    )
}

impl Keyward {
    /// The page that tells a person what happened.
    pub(crate) fn show(&self, notice: &Notice) -> Response {
        let mut response = (notice.status(), Html((self.notice_page)(notice))).into_response();
        if let Some(wait) = notice.retry_after {
            // Never a moment too early.
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        not_stored(response)
    }
}

/// An answer that hangs on who is asking is kept nowhere, so that the back button shows nothing after a sign-out.
pub(crate) fn not_stored(mut response: Response) -> Response {
    let no_store = HeaderValue::from_static("no-store");
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(no_store);
    response
}

/// A body left unread would be taken for the next request on the connection, so that connection ends here.
pub(crate) fn closing(mut response: Response) -> Response {
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}
