//! Security headers, on every answer, so that the server is safe behind any proxy or none.

use axum::http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, CACHE_CONTROL, CONTENT_SECURITY_POLICY,
    HeaderName, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;

/// Nothing is allowed but our own stylesheets, pictures and forms.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; \
                      base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

const HEADERS: [(HeaderName, &str); 7] = [
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    // A link in a mail carries a secret in its address: no other site may learn it. (`no-referrer` would make browsers
    // send `Origin: null` with our own forms.)
    (REFERRER_POLICY, "same-origin"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(), publickey-credentials-get=(self)",
    ),
    (OPENER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-embedder-policy"), "require-corp"),
];

/// Where a new password is typed: our own scripts, and nobody else's, say there how easy it is to guess. They may ask for
/// nothing (`connect-src` is none). No other page runs any, but the one that takes an answer to an app.
pub(crate) fn is_rated(path: &str) -> bool {
    matches!(
        path,
        "/sign-up" | "/verify" | "/reset/code" | "/reset/new" | "/account/password" | "/account/second-step"
    )
}

/// What somebody may pass on the way to an app and back from it. An app may have opened a window for that (`signinPopup` of
/// oidc-client-ts), and is told there how it ended: a page that cuts the window off from its opener, were it only a
/// redirect among others, cuts it off for good.
pub(crate) fn is_on_the_way(path: &str) -> bool {
    const WITH_ALL_BELOW: [&str; 4] = ["/authorize", "/sign-in", "/verify", "/reset"];
    const ALONE: [&str; 5] = ["/sign-up", "/account/confirm", "/language", "/end-session", "/sign-out"];
    let within =
        |first: &str| path.strip_prefix(first).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    WITH_ALL_BELOW.into_iter().any(within) || ALONE.contains(&path)
}

/// Which of them an answer has, by its path.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Choice {
    /// Any page may read it: it depends on no cookie (the WHATWG's CORS protocol).
    pub(crate) any_page_may_read: bool,
    /// See [`is_rated`].
    pub(crate) rated: bool,
    /// See [`is_on_the_way`].
    pub(crate) on_the_way: bool,
}

pub(crate) fn add(https: bool, choice: Choice, headers: &mut HeaderMap) {
    // Growing on the way would move what is there again and again.
    headers.reserve(HEADERS.len() + 5);
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if !headers.contains_key(CONTENT_SECURITY_POLICY) {
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    }
    if choice.on_the_way {
        headers.insert(OPENER_POLICY, HeaderValue::from_static("unsafe-none"));
    }
    if choice.rated {
        allow_own_scripts(headers);
    }
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if https {
        headers.insert(
            STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static("max-age=63072000; includeSubDomains"),
        );
    }
    if choice.any_page_may_read {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        headers
            .insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("www-authenticate, retry-after"));
    }
}

fn allow_own_scripts(headers: &mut HeaderMap) {
    let policy =
        headers.get(CONTENT_SECURITY_POLICY).and_then(|policy| policy.to_str().ok()).unwrap_or(POLICY);
    let policy = policy.replace("default-src 'none';", "default-src 'none'; script-src 'self';");
    if let Ok(value) = HeaderValue::from_str(&policy) {
        headers.insert(CONTENT_SECURITY_POLICY, value);
    }
}

/// A picture that is opened by itself is a document: it may run nothing, load nothing, and is of no origin. One that a team
/// brings along may hold anything; a style in it is for where it is a picture of a page, to which no policy of its own applies.
pub(crate) fn for_picture(response: &mut Response) {
    let policy = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
                  require-trusted-types-for 'script'; trusted-types 'none'; sandbox";
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
}

/// Allows the page's script, which is a file of ours, and its form to post to `sources`.
pub(crate) fn allow_form_to_post_itself(response: &mut Response, sources: &str) {
    allow_form_to_end_at(response, sources);
    allow_own_scripts(response.headers_mut());
}

/// Allows the page's form to end at an app, and where that leads on to ([`oidc::form_action_sources`]).
pub(crate) fn allow_form_to_end_at(response: &mut Response, sources: &str) {
    let policy = POLICY.replace("form-action 'self'", &format!("form-action 'self' {sources}"));
    if let Ok(value) = HeaderValue::from_str(&policy) {
        response.headers_mut().insert(CONTENT_SECURITY_POLICY, value);
    }
}
