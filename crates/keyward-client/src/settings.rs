//! Where the sign-in server is, and how it is asked.

use std::time::Duration;

use url::Url;

/// What the library has to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The public address of the sign-in server: people are redirected there.
    pub auth_url: Url,
    /// Where this app asks the server, when that is another address than the public one (a private network).
    pub internal_url: Option<Url>,
    /// The cookie that carries the token. Keyward's is always `jwt`; another server of the family may name it otherwise.
    pub cookie_name: String,
    /// How long one question may take before the answer is "unreachable".
    pub timeout: Duration,
}

impl Settings {
    /// The usual settings with the server at `auth_url`: cookie `jwt`, two seconds for a question.
    pub fn new(auth_url: Url) -> Self {
        Self { auth_url, internal_url: None, cookie_name: "jwt".to_owned(), timeout: Duration::from_secs(2) }
    }

    pub(crate) fn check(&self) -> Result<(), InvalidSettings> {
        let internal = self.internal_url.as_ref().map(|url| ("internal_url", url));
        for (name, url) in [("auth_url", &self.auth_url)].into_iter().chain(internal) {
            let bare = url.query().is_none()
                && url.fragment().is_none()
                && url.username().is_empty()
                && url.password().is_none();
            if !matches!(url.scheme(), "http" | "https") || !url.has_host() || !bare {
                return Err(InvalidSettings::Address(name));
            }
        }
        if self.asked().scheme() == "https" && !cfg!(feature = "rustls") {
            return Err(InvalidSettings::NoTls);
        }
        Ok(())
    }

    /// Where the server is asked.
    pub(crate) fn asked(&self) -> &Url {
        self.internal_url.as_ref().unwrap_or(&self.auth_url)
    }
}

/// Why the library cannot be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSettings {
    /// An address that is not a server's; which of them it is.
    #[error(
        "{0} is not the address of a server: it must begin with http:// or https://, name a host, and have no user, \
         query or fragment; correct it"
    )]
    Address(&'static str),
    /// An `https` address, and a build without TLS.
    #[error(
        "the sign-in server is to be asked over https, but this build has no TLS: turn on the feature `rustls`"
    )]
    NoTls,
    /// The HTTP client did not start.
    #[error(
        "the HTTP client did not start: {0}; if it names certificates, install the system's root certificates"
    )]
    Client(#[source] Box<dyn std::error::Error + Send + Sync>),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(auth_url: &str, internal_url: Option<&str>) -> Result<(), InvalidSettings> {
        let internal_url = internal_url.map(|url| Url::parse(url).unwrap());
        Settings { internal_url, ..Settings::new(Url::parse(auth_url).unwrap()) }.check()
    }

    #[test]
    fn an_address_is_a_servers() {
        assert!(check("http://localhost:3000", None).is_ok());
        assert!(check("https://example.com/auth/", Some("http://10.0.0.5:3000")).is_ok());
        for wrong in [
            "ftp://example.com",
            "mailto:a@example.com",
            "https://a@example.com",
            "https://example.com?x",
            "https://example.com#x",
        ] {
            assert!(matches!(check(wrong, None), Err(InvalidSettings::Address("auth_url"))), "{wrong}");
            let internal = check("https://example.com", Some(wrong));
            assert!(matches!(internal, Err(InvalidSettings::Address("internal_url"))), "{wrong}");
        }
    }
}
