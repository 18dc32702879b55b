//! What is refused before a handler runs.

use std::any::Any;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use axum::BoxError;
use axum::body::{Bytes, HttpBody};
use axum::extract::{Request, State};
use axum::http::header::{CONNECTION, HOST, ORIGIN};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http_body_util::{BodyExt as _, Limited};

use crate::App;
use crate::http::asking::{BrowserToken, NewBrowserToken, hash_browser_token};
use crate::http::failure::{Failure, is_for_people};
use crate::http::{cookies, headers};

/// A longer path is not looked at (RFC 9110 section 15.5.15). What stands behind the `?` has limits where it is read: an app is to
/// be told what is wrong with it.
const LONGEST_PATH: usize = 8 * 1024;

/// A body that takes longer is given up.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// A fault of ours that nobody foresaw: it is told as one, and the next request is served.
#[expect(clippy::needless_pass_by_value, reason = "the layer that catches hands it over")]
pub(crate) fn caught(panic: Box<dyn Any + Send>) -> Response {
    tracing::error!(said = crate::panics::said(&*panic), "a handler panicked");
    Failure::Internal.into_response()
}

pub(crate) fn has_too_long_a_path(uri: &Uri) -> bool {
    uri.path().len() > LONGEST_PATH
}

/// No page and no support id: nothing is done for it, and nothing written of it.
pub(crate) fn path_too_long(app: &App) -> Response {
    let said = "The path of this address is longer than 8 KiB: check it for a slip.\n";
    let mut response = (StatusCode::URI_TOO_LONG, said).into_response();
    // Its body, if there is one, was not read.
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    headers::add(app.https, headers::Choice::default(), response.headers_mut());
    response
}

/// Reads the whole body before anything is decided: an answer sent while a body is still coming makes a proxy hand a
/// dying connection to the next client. What cannot be read to its end closes the connection.
pub(crate) async fn read_body<B>(app: &App, body: B) -> Result<Bytes, Failure>
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let most = app.auth.settings().limits.body;
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    // One that says beforehand that it is too long need not come: nor is whoever asks (`Expect: 100-continue`) told to send.
    if body.size_hint().lower() > u64::from(most) {
        return Err(Failure::TooLarge(most));
    }
    let mut read = pin!(Limited::new(body, most as usize).collect());
    // Most bodies have come with their heads, and need no clock.
    let read = match poll_fn(|task| Poll::Ready(read.as_mut().poll(task))).await {
        Poll::Ready(read) => Ok(read),
        Poll::Pending => tokio::time::timeout(BODY_TIMEOUT, read).await,
    };
    match read {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => Err(Failure::TooLarge(most)),
        Ok(Err(_)) => Err(Failure::Malformed("The body broke off.".into())),
        Err(_) => Err(Failure::TooSlow),
    }
}

/// A failure after which nothing more is read of the connection.
pub(crate) fn closing(failure: Failure) -> Response {
    let mut response = failure.into_response();
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// In development the server answers to its own name only, so that no page on the web can reach it by a name of its own
/// that leads to this machine (DNS rebinding). Whoever looks at a page by another name of this machine is led to the public
/// one: the forms on it would be refused, since they would come from another origin than ours. Gives what it is answered
/// instead of what it asked for.
pub(crate) fn check_host(app: &App, head: &Parts) -> Option<Response> {
    if !app.is_development() {
        return None;
    }
    let Some(name) = asked_host(head).and_then(|host| own_name(host, app)) else {
        return Some(Failure::MisdirectedHost.into_response());
    };
    let looks = matches!(head.method, Method::GET | Method::HEAD);
    let leads = looks && is_for_people(head.uri.path()) && app.public_url().host_str() != Some(name);
    leads.then(|| lead_to_public_name(app, &head.uri))
}

/// The one host that a request names: its `Host`, which has to be there once, and agree with the authority of an absolute
/// address if it has one (RFC 9112 sections 3.2 and 3.2.2).
fn asked_host(head: &Parts) -> Option<&str> {
    let mut hosts = head.headers.get_all(HOST).iter();
    let (host, None) = (hosts.next()?.to_str().ok()?, hosts.next()) else { return None };
    let authority = head.uri.authority().map(axum::http::uri::Authority::as_str);
    authority.is_none_or(|authority| authority == host).then_some(host)
}

/// The name that a `Host` header gives this machine; none if it names another, or another port.
fn own_name<'a>(host: &'a str, app: &App) -> Option<&'a str> {
    let port = app.public_url().port_or_known_default().unwrap_or(80);
    let (name, given) = match host.rsplit_once(':') {
        Some((name, digits)) if !digits.ends_with(']') => (name, digits.parse().unwrap_or(0)),
        _ => (host, 80),
    };
    (given == port && matches!(name, "localhost" | "127.0.0.1" | "[::1]")).then_some(name)
}

/// For now only: with another port the names change.
fn lead_to_public_name(app: &App, asked: &Uri) -> Response {
    let mut url = app.public_url().clone();
    url.set_path(asked.path());
    url.set_query(asked.query());
    Redirect::temporary(url.as_str()).into_response()
}

/// Refuses what a page of another site sends. Every unsafe request is checked, whether or not it has cookies, so that
/// nobody is signed in to a stranger's account either. Both headers absent: not a browser.
pub(crate) fn check_origin(app: &App, head: &Parts) -> Result<(), Failure> {
    if head.method.is_safe() || is_own_origin(&head.headers, &app.origin) {
        return Ok(());
    }
    let open = crate::protocol::is_open_to_other_origins(head.uri.path());
    if open { Ok(()) } else { Err(Failure::ForeignOrigin) }
}

fn is_own_origin(headers: &HeaderMap, own: &str) -> bool {
    let single = |name: &str| {
        let mut values = headers.get_all(name).iter();
        (values.next(), values.next())
    };
    let origin = match single(ORIGIN.as_str()) {
        (None, _) => true,
        (Some(origin), None) => origin.as_bytes() == own.as_bytes(),
        _ => false,
    };
    let site = match single("sec-fetch-site") {
        (None, _) => true,
        // "none": typed by the person, which no unsafe request is; a browser extension's is.
        (Some(site), None) => site == "same-origin" || site == "none",
        _ => false,
    };
    origin && site
}

/// Gives a browser that looks at our pages a token to keep: it binds what it begins to it, and is known again.
pub(crate) async fn keep_browser(State(app): State<App>, request: Request, next: Next) -> Response {
    let had_notice = cookies::read(request.headers(), app.cookies.notice).is_some();
    let mut response = give_token(&app, request, next).await;
    // A notice is said once, by the page that the redirect leads to.
    if had_notice && !response.status().is_redirection() {
        app.cookies.clear(&mut response, app.cookies.notice);
    }
    response
}

async fn give_token(app: &App, mut request: Request, next: Next) -> Response {
    // What is no token of ours is replaced: with it a person could begin things here and never finish them.
    if cookies::read(request.headers(), app.cookies.browser).and_then(hash_browser_token).is_some() {
        return next.run(request).await;
    }
    let token = URL_SAFE_NO_PAD.encode(app.auth.new_browser_token());
    request.extensions_mut().insert(BrowserToken(token.clone()));
    let mut response = next.run(request).await;
    app.cookies.set(&mut response, app.cookies.browser, &token, cookies::LONGEST);
    response
}

/// Gives a browser or program that is signed in by JSON a token to keep, if it keeps none: a stranger's failures must not
/// keep it out the next time.
pub(crate) async fn keep_whoever_signs_in(
    State(app): State<App>,
    mut request: Request,
    next: Next,
) -> Response {
    if cookies::read(request.headers(), app.cookies.browser).and_then(hash_browser_token).is_some() {
        return next.run(request).await;
    }
    let token = URL_SAFE_NO_PAD.encode(app.auth.new_browser_token());
    request.extensions_mut().insert(NewBrowserToken(token.clone()));
    let mut response = next.run(request).await;
    if app.cookies.opens_session(&response) {
        app.cookies.set(&mut response, app.cookies.browser, &token, cookies::LONGEST);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The whole class: any origin but our own, however it is spelt.
    #[test]
    fn cross_site_requests_are_refused() {
        let own = "https://auth.example.com";
        let check = |pairs: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.append(*name, HeaderValue::from_static(value));
            }
            is_own_origin(&headers, own)
        };
        assert!(check(&[]), "not a browser");
        assert!(check(&[("origin", own)]));
        assert!(check(&[("origin", own), ("sec-fetch-site", "same-origin")]));
        for origin in [
            "null",
            "",
            "http://auth.example.com",
            "https://auth.example.com:444",
            "https://auth.example.com/",
            "https://AUTH.example.com",
            "https://evil.example",
            "https://auth.example.com.evil.example",
            "https://app.example.com",
        ] {
            assert!(!check(&[("origin", origin)]), "{origin}");
            assert!(!check(&[("origin", origin), ("sec-fetch-site", "same-origin")]), "{origin}");
        }
        for site in ["same-site", "cross-site", "", "Same-Origin", "whatever"] {
            assert!(!check(&[("sec-fetch-site", site)]), "{site}");
            assert!(!check(&[("origin", own), ("sec-fetch-site", site)]), "{site}");
        }
        assert!(!check(&[("origin", own), ("origin", own)]), "two of them");
    }
}
