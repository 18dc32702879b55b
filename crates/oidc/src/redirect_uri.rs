//! `RedirectUri`: where a client may be answered.

use std::fmt;

use url::{Host, Url};

use crate::text_form::text_form;

const MAXIMUM_BYTES: usize = 2048;

/// What an answer itself says (RFC 6749 section 4.1.2, RFC 9207 section 2): in the query of a registered URI it would
/// be there twice.
const ANSWERED: [&str; 6] = ["code", "state", "iss", "error", "error_description", "error_uri"];

/// Why a redirect URI cannot be registered. The text says what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RedirectUriError {
    /// Too long.
    #[error("it is longer than {MAXIMUM_BYTES} bytes")]
    TooLong,
    /// Space, control character, backslash, quote, or not ASCII.
    #[error("it has a character that a URI cannot have (RFC 3986); write other characters percent-encoded")]
    Character,
    /// Exact strings are compared, so `*` would stand for itself.
    #[error("it has a '*', and patterns are not supported; register each URI")]
    Wildcard,
    /// Relative, or no URI.
    #[error("it is not an absolute URI, such as https://app.example/callback")]
    Relative,
    /// Fragments are forbidden (RFC 6749 section 3.1.2).
    #[error("it has a fragment; leave out the '#' and what follows")]
    Fragment,
    /// A name or password before the host misleads people.
    #[error("it has a name or password before the host; leave them out")]
    UserInformation,
    /// Another scheme.
    #[error(
        "its scheme is not allowed: use https, http on this machine (127.0.0.1, [::1], localhost), or for an app on a \
         device a scheme with a dot, such as com.example.app:/callback (RFC 8252)"
    )]
    Scheme,
    /// A host that is written so that two readers could take it for two.
    #[error("its host ends in a dot; leave it out")]
    TrailingDot,
    /// Written in another way than browsers write it.
    #[error("browsers read it as '{0}'; register that, and let the client send that")]
    NotNormal(String),
    /// A query parameter that the answer itself has.
    #[error("its query has the parameter '{0}', which is what the answer is told by; name it otherwise")]
    Reserved(&'static str),
}

/// A registered redirect URI. It [`matches`](Self::matches) what is presented letter by letter; nothing is normalised
/// (RFC 9700 section 4.1.3, class 1).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RedirectUri(String);

impl RedirectUri {
    /// Checks what is to be registered: RFC 6749 section 3.1.2, RFC 8252 sections 7 and 8, and that no two readers
    /// take it for two addresses.
    pub fn parse(text: &str) -> Result<Self, RedirectUriError> {
        let url = parse_registered_url(text)?;
        let private_use = url.scheme().contains('.') && url.host().is_none();
        let allowed = match url.scheme() {
            "https" => true,
            "http" => is_this_machine(&url),
            _ => private_use,
        };
        if !allowed {
            return Err(RedirectUriError::Scheme);
        }
        let reserved = |name: &str| url.query_pairs().any(|(found, _)| found == name);
        match ANSWERED.into_iter().find(|name| reserved(name)) {
            Some(name) => Err(RedirectUriError::Reserved(name)),
            None => Ok(Self(text.to_owned())),
        }
    }

    /// The URI, as registered.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the presented URI is this one: the same string; where it is `http://127.0.0.1` or `http://[::1]`, with
    /// any port, since an app on a device is given one by its system (RFC 8252 section 7.3).
    pub fn matches(&self, presented: &str) -> bool {
        presented == self.0
            || matches!((Loopback::split(&self.0), Loopback::split(presented)), (Some(a), Some(b)) if a == b)
    }
}

/// What every registered address has to be, whatever its scheme.
pub(crate) fn parse_registered_url(text: &str) -> Result<Url, RedirectUriError> {
    if text.len() > MAXIMUM_BYTES {
        return Err(RedirectUriError::TooLong);
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte)) {
        return Err(RedirectUriError::Character);
    }
    if text.contains('*') {
        return Err(RedirectUriError::Wildcard);
    }
    let url = Url::parse(text).map_err(|_| RedirectUriError::Relative)?;
    if url.fragment().is_some() {
        return Err(RedirectUriError::Fragment);
    }
    if !url.username().is_empty() || url.password().is_some() || has_user_information(text) {
        return Err(RedirectUriError::UserInformation);
    }
    if url.host_str().is_some_and(|host| host.ends_with('.')) {
        return Err(RedirectUriError::TrailingDot);
    }
    // A browser adds the slash of an empty path; nothing else may differ.
    if url.as_str() != text && url.as_str().strip_suffix('/') != Some(text) {
        return Err(RedirectUriError::NotNormal(url.into()));
    }
    Ok(url)
}

/// An empty name (`https://@host`) is not told by the parser.
fn has_user_information(text: &str) -> bool {
    let authority = text.split_once("://").map_or("", |(_, rest)| rest);
    authority.split(['/', '?', '#']).next().is_some_and(|authority| authority.contains('@'))
}

/// Never leaves the machine: the loopback addresses, and `localhost` with what is below it (RFC 6761 section 6.3).
pub fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

/// Whether what is sent there stays on the person's device: at a loopback address, or with whichever app has taken the
/// scheme for its own (RFC 8252 section 7).
pub(crate) fn is_on_device(redirect_uri: &str) -> bool {
    Url::parse(redirect_uri).map_or(true, |url| url.scheme() != "https" || is_this_machine(&url))
}

/// A loopback address without its port.
#[derive(PartialEq, Eq)]
struct Loopback<'a> {
    origin: &'static str,
    rest: &'a str,
}

impl<'a> Loopback<'a> {
    /// By the letters alone: a URL parser would make one address of many spellings.
    fn split(text: &'a str) -> Option<Self> {
        let (origin, behind) = ["http://127.0.0.1", "http://[::1]"]
            .into_iter()
            .find_map(|origin| text.strip_prefix(origin).map(|behind| (origin, behind)))?;
        let rest = match behind.strip_prefix(':') {
            None => behind,
            Some(behind) => {
                let digits = behind.bytes().take_while(u8::is_ascii_digit).count();
                let (port, rest) = behind.split_at(digits);
                let is_port = !port.starts_with('0') && port.parse::<u16>().is_ok();
                is_port.then_some(rest)?
            }
        };
        (rest.is_empty() || rest.starts_with(['/', '?'])).then_some(Self { origin, rest })
    }
}

impl fmt::Display for RedirectUri {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

text_form!(RedirectUri);
