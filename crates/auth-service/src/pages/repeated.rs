//! A form of something that is done once, sent a second time: by the back button, by a link pressed again. What it was to do is
//! done, and the browser that did it is told so, where any other is told that the code or link is over.

use std::time::Duration;

use axum::http::header::LOCATION;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::App;
use crate::http::asking::Asking;
use crate::pages::lead_with;
use crate::views::Notice;

/// Whoever presses a button twice does so soon.
const LIFE: Duration = Duration::from_mins(10);

/// Marks on an answer that what `evidence` (a link's token, a form's id) stands for is done, and where that led. The mark
/// grants nothing: it is a hash of what is used up.
pub(crate) fn done(app: &App, mut response: Response, evidence: &str) -> Response {
    let led_to = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
    let led_to = led_to.filter(|location| is_own_page(location)).unwrap_or_default();
    let value = format!("{}.{}", hash(evidence), URL_SAFE_NO_PAD.encode(led_to));
    app.cookies.set(&mut response, app.cookies.done, &value, LIFE);
    response
}

/// Leads on where this browser has done it before.
pub(crate) fn already_done(app: &App, asking: &Asking, evidence: &str) -> Option<Response> {
    let (marked, led_to) = asking.done.as_deref()?.split_once('.')?;
    if marked != hash(evidence) {
        return None;
    }
    let led_to = URL_SAFE_NO_PAD.decode(led_to).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let here = if asking.signed_in.is_some() { "/account" } else { "/sign-in" };
    let to = led_to.filter(|location| is_own_page(location));
    Some(lead_with(app, to.as_deref().unwrap_or(here), Notice::AlreadyDone))
}

/// What waited for a sign-in, an app's request, has had its answer: nobody is sent there again.
fn is_own_page(location: &str) -> bool {
    let path = location.split('?').next().unwrap_or_default();
    matches!(path, "/sign-in" | "/account" | "/account/email")
}

fn hash(evidence: &str) -> String {
    URL_SAFE_NO_PAD.encode(secrets::sha256(evidence.as_bytes()))
}
