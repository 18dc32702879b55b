//! `ReturnPath`: the page that a person was on the way to.

use url::Url;

/// Room for any page of an app, and not for a whole header.
const LARGEST: usize = 1024;

/// A path of this app, with its query. Nothing else can be one, so whoever holds one may send people there (class 2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReturnPath(String);

impl ReturnPath {
    /// Reads a path as it stands in a request. It has one spelling: what a browser would read otherwise than it is written
    /// is none, and no page of the sign-in itself is, since that would lead in circles.
    pub(crate) fn parse(text: &str, app_url: &Url) -> Option<Self> {
        let plain = |byte: u8| byte.is_ascii_graphic() && !b"\\#\"<>`{}|^".contains(&byte);
        if text.len() > LARGEST
            || !text.starts_with('/')
            || text.starts_with("//")
            || !text.bytes().all(plain)
        {
            return None;
        }
        let url = app_url.join(text).ok()?;
        let written =
            format!("{}{}", url.path(), url.query().map(|query| format!("?{query}")).unwrap_or_default());
        let own = url.origin() == app_url.origin() && written == text && !url.path().starts_with("/auth/");
        own.then(|| Self(text.to_owned()))
    }

    /// The start of the app.
    pub(crate) fn start() -> Self {
        Self("/".to_owned())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Option<ReturnPath> {
        ReturnPath::parse(text, &Url::parse("https://app.example.com").unwrap())
    }

    #[test]
    fn pages_of_the_app_are_found_again() {
        for text in
            ["/", "/protected", "/a/b.c?d=e&f=%2F%C3%A4", "/search?q=https://evil.example/", "/a//b", "/?"]
        {
            assert_eq!(parse(text).as_ref().map(ReturnPath::as_str), Some(text));
        }
    }

    /// Class 2 of the security notes: open redirect at sign-in.
    #[test]
    fn class_02_open_redirect_corpus_leads_nowhere() {
        let long = format!("/{}", "a".repeat(LARGEST));
        for text in [
            "",
            "protected",
            "//evil.example",
            "///evil.example",
            "//evil.example/%2e%2e",
            "/\\evil.example",
            "\\\\evil.example",
            "\\/evil.example",
            "/\t/evil.example",
            "/\n/evil.example",
            "\t//evil.example",
            " //evil.example",
            "/ /evil.example",
            "/./evil",
            "/../evil",
            "/a/../b",
            "/a/..",
            "/%2e%2e/evil",
            "/.//evil.example",
            "/..//evil.example",
            "/%2e//evil.example",
            "/..;/evil#",
            "/a#b",
            "https://evil.example",
            "https:evil.example",
            "https:/evil.example",
            "https://app.example.com/protected",
            "https://app.example.com@evil.example/",
            "http://app.example.com/",
            "javascript:alert(1)",
            "/javascript\u{0}:alert(1)",
            "data:text/html,x",
            "/\u{ff0f}evil.example",
            "/ä",
            "/\"><script>",
            "@evil.example",
            ".evil.example",
            ":80",
            "/auth/sign-in?return_to=/",
            "/auth/sign-out",
            "/auth/callback?code=x",
            &long,
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }
}
