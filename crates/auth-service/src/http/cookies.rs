//! Cookies: their names, and how they are set.

use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use cookie::{Cookie, SameSite, time::Duration};

/// The cookies this server sets.
///
/// Over https each but `jwt` has the prefix `__Host-`, so that no sibling host can set it (RFC 6265bis section 4.1.3.2).
/// `jwt` is named by the contract that apps of the auth-service family speak.
#[derive(Debug)]
pub(crate) struct CookieNames {
    secure: bool,
    pub(crate) session: &'static str,
    pub(crate) browser: &'static str,
    /// With the id of the request behind it: there is one for each that waits.
    pub(crate) request: &'static str,
    pub(crate) language: &'static str,
    pub(crate) notice: &'static str,
    pub(crate) done: &'static str,
    pub(crate) typed: &'static str,
    pub(crate) jwt: &'static str,
}

/// A browser is asked to keep a cookie for so long at the most (RFC 6265bis section 4.1.2.2).
pub(crate) const LONGEST: std::time::Duration = std::time::Duration::from_hours(400 * 24);

impl CookieNames {
    pub(crate) fn new(secure: bool) -> Self {
        if secure {
            Self {
                secure,
                session: "__Host-keyward-session",
                browser: "__Host-keyward-browser",
                request: "__Host-keyward-request-",
                language: "__Host-keyward-language",
                notice: "__Host-keyward-notice",
                done: "__Host-keyward-done",
                typed: "__Host-keyward-typed",
                jwt: "jwt",
            }
        } else {
            Self {
                secure,
                session: "keyward-session",
                browser: "keyward-browser",
                request: "keyward-request-",
                language: "keyward-language",
                notice: "keyward-notice",
                done: "keyward-done",
                typed: "keyward-typed",
                jwt: "jwt",
            }
        }
    }

    /// Sets a cookie on an answer.
    pub(crate) fn set(&self, response: &mut Response, name: &str, value: &str, life: std::time::Duration) {
        let life = Duration::try_from(life).unwrap_or(Duration::MAX);
        let cookie = Cookie::build((name, value))
            .http_only(true)
            .same_site(SameSite::Lax)
            .path("/")
            .secure(self.secure)
            .max_age(life)
            .build();
        if let Ok(value) = HeaderValue::from_str(&cookie.to_string()) {
            response.headers_mut().append(SET_COOKIE, value);
        }
    }

    /// Whether an answer sets the cookie of a session.
    pub(crate) fn opens_session(&self, response: &Response) -> bool {
        let start = format!("{}=", self.session);
        response.headers().get_all(SET_COOKIE).iter().any(|cookie| {
            let value = cookie.as_bytes().strip_prefix(start.as_bytes());
            value.is_some_and(|value| !value.starts_with(b";"))
        })
    }

    /// Takes a cookie back.
    pub(crate) fn clear(&self, response: &mut Response, name: &str) {
        self.set(response, name, "", std::time::Duration::ZERO);
    }
}

/// The value of the request's cookie `name`. A request with two of that name has none: one of them is not ours.
pub(crate) fn read<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut found = pairs(headers).filter(|(own, _)| *own == name);
    let (_, value) = found.next()?;
    found.next().is_none().then_some(value).filter(|value| !value.is_empty())
}

/// Every cookie of the request. Those of others on this host may hold any byte; they are passed over.
pub(crate) fn pairs(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    let parts = headers.get_all(COOKIE).iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    parts.filter_map(|pair| std::str::from_utf8(pair).ok()?.trim().split_once('='))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn header(lines: &[Vec<u8>]) -> HeaderMap {
        let values = lines.iter().filter_map(|line| HeaderValue::from_bytes(line).ok());
        values.map(|value| (COOKIE, value)).collect()
    }

    proptest! {
        /// What is read stands in what came, and there is no second of its name.
        #[test]
        fn class_21_any_cookies_are_read_or_passed_over(
            lines in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 0..4),
            likely in "(jwt|a|__Host-jwt| )?=?[a-z=; ]{0,40}",
        ) {
            let headers = header(&[lines, vec![likely.into_bytes()]].concat());
            for name in ["jwt", "a", "__Host-jwt", ""] {
                let Some(value) = read(&headers, name) else { continue };
                let same = pairs(&headers).filter(|(own, _)| *own == name).collect::<Vec<_>>();
                prop_assert_eq!(same, vec![(name, value)]);
                prop_assert!(!value.is_empty() && !value.contains(';'));
            }
        }

        #[test]
        fn class_21_a_cookie_is_found_beside_any_other(before in "[ -~]{0,60}", value in "[A-Za-z0-9_-]{1,60}") {
            let line = format!("{before}; jwt={value}");
            let twice = before.split(';').any(|pair| pair.trim().starts_with("jwt="));
            let headers = header(&[line.into_bytes()]);
            prop_assert_eq!(read(&headers, "jwt"), (!twice).then_some(value.as_str()));
        }
    }
}
