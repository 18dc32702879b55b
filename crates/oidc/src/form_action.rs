//! Where a form on the way to an app may end: `form-action` of a Content-Security-Policy.
//!
//! Browsers apply it to every redirect that follows a form (CSP level 3 section 6.4.2), so to wherever the app's callback itself
//! leads too. The validated redirect URI's origin is named, and what was registered besides.

use std::fmt;

use url::{Host, Url};

use crate::{redirect_uri::is_this_machine, text_form::text_form};

/// Why an origin cannot be registered. The text says what to write instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "it is not an origin, such as https://team.example.com, or https://*.example.com for every host below one; http is for this \
     machine alone, and nothing may stand behind the host and its port"
)]
pub struct OnwardOriginError;

/// Somewhere that the callback of an app leads on to before its person sees a page: `https://team.example.com`, or
/// `https://*.example.com`. It is a `host-source` of CSP level 3 (section 2.3.1).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OnwardOrigin(String);

impl OnwardOrigin {
    /// Checks what is to be registered: it must be what a browser writes, so that it can stand in a header as it is.
    pub fn parse(text: &str) -> Result<Self, OnwardOriginError> {
        let one_host = text.replacen("://*.", "://", 1);
        let url = Url::parse(&one_host).map_err(|_| OnwardOriginError)?;
        let Some(Host::Domain(name)) = url.host() else {
            // An address is of this machine, and has no hosts below it. CSP cannot write one of IPv6.
            let is_here =
                matches!(url.host(), Some(Host::Ipv4(_))) && is_this_machine(&url) && one_host == text;
            return if is_here { Self::written(text, &url) } else { Err(OnwardOriginError) };
        };
        // Not all there is below a whole top-level domain.
        let is_one_domain = one_host == text || name.contains('.');
        let is_allowed = url.scheme() == "https" || (url.scheme() == "http" && is_this_machine(&url));
        if is_allowed && is_one_domain { Self::written(text, &url) } else { Err(OnwardOriginError) }
    }

    fn written(text: &str, url: &Url) -> Result<Self, OnwardOriginError> {
        let is_origin = url.origin().ascii_serialization() == text.replacen("://*.", "://", 1);
        if is_origin && can_be_named(url) { Ok(Self(text.to_owned())) } else { Err(OnwardOriginError) }
    }

    /// The origin, as registered.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for OnwardOrigin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

text_form!(OnwardOrigin);

/// Whether CSP has a way to write its host: a URL may have signs in it (`;`) that end a directive.
fn can_be_named(url: &Url) -> bool {
    let is_plain = |name: &str| {
        !name.ends_with('.') && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte))
    };
    match url.host() {
        Some(Host::Domain(name)) => is_plain(name),
        Some(Host::Ipv4(_)) => true,
        Some(Host::Ipv6(_)) | None => false,
    }
}

/// What `form-action` has to name so that a page may end in a redirect to this validated address, and from there at `onward`.
///
/// The address's origin; the scheme of an app on a device. Of one that is developed at http on this machine any port of it, too:
/// such apps hop between them. Where CSP has no way to write the host (section 2.3.1), as of an IPv6 address, it is the scheme.
pub fn form_action_sources(address: &str, onward: &[OnwardOrigin]) -> Option<String> {
    let url = Url::parse(address).ok()?;
    let mut sources = match url.scheme() {
        "https" if can_be_named(&url) => url.origin().ascii_serialization(),
        "http" if can_be_named(&url) => {
            format!("{} http://localhost:* http://127.0.0.1:*", url.origin().ascii_serialization())
        }
        scheme => format!("{scheme}:"),
    };
    for origin in onward {
        sources.extend([" ", origin.as_str()]);
    }
    Some(sources)
}
