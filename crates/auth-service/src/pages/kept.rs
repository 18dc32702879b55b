//! What somebody typed into a form that could not be taken: their session has ended in another tab, or they have to prove again
//! who they are. It waits in their browser and is in the form when they come back. Never a password.

use std::time::Duration;

use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::App;
use crate::http::asking::Asking;
use crate::http::failure::Failure;

/// Time to find a password, and the code of a second step.
const LIFE: Duration = Duration::from_mins(10);

/// A browser keeps cookies of four kilobytes (RFC 6265 section 6.1); no form of ours takes nearly as much.
const LONGEST: usize = 2_000;

/// The failure, whose answer leaves in the browser what was typed at `page`.
pub(crate) fn keep(app: &App, failure: Failure, page: &str, typed: &impl Serialize) -> Response {
    let wait = matches!(failure, Failure::Unauthenticated | Failure::NotFresh);
    let mut response = failure.into_response();
    if wait && let Ok(text) = serde_json::to_vec(&(page, typed)) {
        let value = URL_SAFE_NO_PAD.encode(text);
        if value.len() <= LONGEST {
            app.cookies.set(&mut response, app.cookies.typed, &value, LIFE);
        }
    }
    response
}

/// What was typed at `page` before.
pub(crate) fn kept<T: DeserializeOwned>(asking: &Asking, page: &str) -> Option<T> {
    let text = URL_SAFE_NO_PAD.decode(asking.typed.as_deref()?).ok()?;
    let (at, typed): (String, T) = serde_json::from_slice(&text).ok()?;
    (at == page).then_some(typed)
}

/// The browser need keep `typed` no longer: the page shows it, or whoever typed it has signed out and the next may be another.
pub(crate) fn given_back<T>(app: &App, typed: Option<&T>, mut response: Response) -> Response {
    if typed.is_some() {
        app.cookies.clear(&mut response, app.cookies.typed);
    }
    response
}
