//! What a request gets that may not pass.

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use url::Url;

/// Seconds until a person may try again when the server could not be asked.
const RETRY_AFTER_SECONDS: u64 = 5;

/// The page of an app that has none of its own for this.
pub(crate) const UNAVAILABLE_PAGE: &str = r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Sign-in cannot be checked just now</title>
</head>
<body>
<main>
<h1>Sign-in cannot be checked just now</h1>
<p>The sign-in server does not answer, so this page stays closed. Nothing is lost: try again in a few seconds.</p>
</main>
</body>
</html>
"#;

/// A person on the way to a page goes to sign in.
pub(crate) fn redirect(sign_in: &Url) -> Response {
    not_stored(Redirect::to(sign_in.as_str()).into_response())
}

/// Anything else is told so: a redirect would lose what it sent, or give a script a page of HTML.
pub(crate) fn unauthorized() -> Response {
    not_stored(
        (StatusCode::UNAUTHORIZED, "You are not signed in. Sign in, then try again.\n").into_response(),
    )
}

/// Nobody can say who it is.
pub(crate) fn unavailable(page: &Bytes) -> Response {
    let headers = [(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"))];
    let retry_after = [(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER_SECONDS))];
    let body = Body::from(page.clone());
    not_stored((StatusCode::SERVICE_UNAVAILABLE, headers, retry_after, body).into_response())
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
