//! Where a person goes after signing in or out. Only addresses that are known beforehand, compared as exact strings.

use domain::RequestId;
use url::Url;

/// Pages of our own that a person may have been on the way to.
const OWN_PAGES: &[&str] = &[
    "/account",
    "/account/profile",
    "/account/email",
    "/account/password",
    "/account/second-step",
    "/account/sessions",
    "/account/delete",
    "/account/apps",
];

/// Where an authorization request goes on, whoever's it is: it goes on in its own browser only.
fn is_waiting_request(text: &str) -> bool {
    waiting_request(text).is_some()
}

/// Which request it is.
pub(crate) fn waiting_request(text: &str) -> Option<RequestId> {
    let id = text.strip_prefix("/authorize/continue?id=")?;
    // One spelling only.
    id.parse::<RequestId>().ok().filter(|request| request.to_string() == id)
}

/// A place that a person may be sent to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReturnTo(String);

impl ReturnTo {
    /// Reads a place from a request: one of our own pages, or, to the letter, one of `allowed`. Anything else is none.
    pub fn parse(text: &str, allowed: &[Url]) -> Option<Self> {
        let known = OWN_PAGES.contains(&text)
            || is_waiting_request(text)
            || allowed.iter().any(|url| url.as_str() == text);
        known.then(|| Self(text.to_owned()))
    }

    /// The place, as a `Location`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The authorization request that goes on there, if one does.
    pub fn waiting_request(&self) -> Option<RequestId> {
        waiting_request(&self.0)
    }

    /// Whether it is an app's, not ours.
    pub fn is_app(&self) -> bool {
        !self.0.starts_with('/')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Class 2 of the security notes: open redirect at login and logout.
    #[test]
    fn open_redirect_corpus_leads_nowhere() {
        let allowed = [Url::parse("https://app.example.com/protected").unwrap()];
        assert!(ReturnTo::parse("https://app.example.com/protected", &allowed).is_some_and(|to| to.is_app()));
        assert!(ReturnTo::parse("/account/email", &allowed).is_some_and(|to| !to.is_app()));
        let waiting = "/authorize/continue?id=0b1c2d3e-4f50-4111-8222-93a4b5c6d7e8";
        assert!(ReturnTo::parse(waiting, &allowed).is_some_and(|to| to.waiting_request().is_some()));
        for text in [
            "/authorize/continue",
            "/authorize/continue?id=",
            "/authorize/continue?id=0B1C2D3E-4F50-4111-8222-93A4B5C6D7E8",
            "/authorize/continue?id=0b1c2d3e4f504111822293a4b5c6d7e8",
            "/authorize/continue?id=0b1c2d3e-4f50-4111-8222-93a4b5c6d7e8&x=//evil.example",
            "/authorize/continue?id=//evil.example",
            "",
            "/",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "https:evil.example",
            "https://app.example.com",
            "https://app.example.com/",
            "https://app.example.com/protected/",
            "https://app.example.com/protected?",
            "https://app.example.com/protected?x=1",
            "https://app.example.com/protected#x",
            "https://app.example.com/protected/../evil",
            "https://app.example.com/;/protected",
            "https://app.example.com/..;/protected",
            "https://app.example.com/%70rotected",
            "https://app.example.com/protected%00",
            "https://app.example.com:443/protected",
            "https://app.example.com./protected",
            "https://APP.example.com/protected",
            "HTTPS://app.example.com/protected",
            "http://app.example.com/protected",
            "https://app.example.com@evil.example/protected",
            "https://evil.example\\@app.example.com/protected",
            "https://user@app.example.com/protected",
            "https://app.example.com.evil.example/protected",
            " https://app.example.com/protected",
            "https://app.example.com/protected\n",
            "\thttps://app.example.com/protected",
            "javascript:alert(1)",
            "data:text/html,x",
            "/account/../evil",
            "/account?next=//evil.example",
            "/account/",
            "/%61ccount",
            "/sign-out",
        ] {
            assert_eq!(ReturnTo::parse(text, &allowed), None, "{text:?}");
        }
    }
}
