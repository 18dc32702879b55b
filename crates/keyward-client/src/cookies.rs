//! Cookies: their names, how they are sealed, set and read.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrets::sealing::{Keyring, Place};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::attempt::{Attempt, LABEL};
use crate::session::Session;
use crate::{InvalidSettings, Settings};

/// The largest value of a session: browsers take 4,096 bytes with the name, some proxies fewer.
const LARGEST_SESSION: usize = 3500;
/// So many sign-ins may be under way in one browser; the oldest give way.
const ATTEMPTS: usize = 6;
/// While a person signs in, or opens an account and reads a mail, the attempt waits for so long, as the server's does.
pub(crate) const ATTEMPT_LIFE: Duration = Duration::from_hours(1);

/// From one page to the next.
const LEAVING_LIFE: Duration = Duration::from_mins(1);

/// The cookies of this app. The names have the client's id, since apps on one machine share its name and so their cookies.
pub(crate) struct Cookies {
    session: String,
    /// With the label of the attempt behind it.
    attempt: String,
    leaving: String,
    attributes: &'static str,
    session_life: Duration,
    keyring: Keyring,
    /// What is sealed belongs to this app and this server.
    owner: String,
}

/// What a cookie is for; what is sealed for one purpose opens for no other.
#[derive(Clone, Copy)]
enum Purpose {
    Session,
    Attempt,
    Leaving,
}

/// A sign-out that is on its way to the server.
#[derive(Deserialize, Serialize)]
pub(crate) struct Leaving {
    /// Its address there; none if the server does not say.
    pub(crate) to: Option<String>,
}

impl Cookies {
    pub(crate) fn new(settings: &Settings) -> Result<Self, InvalidSettings> {
        // Over http browsers would refuse both; it is for this machine only.
        let (prefix, attributes) = if settings.app_url.scheme() == "https" {
            ("__Host-", "; Path=/; HttpOnly; SameSite=Lax; Secure")
        } else {
            ("", "; Path=/; HttpOnly; SameSite=Lax")
        };
        let id = &settings.client_id;
        Ok(Self {
            session: format!("{prefix}{id}-session"),
            attempt: format!("{prefix}{id}-sign-in-"),
            leaving: format!("{prefix}{id}-sign-out"),
            attributes,
            session_life: settings.session_life,
            keyring: Keyring::from_text(&settings.session_key, &settings.older_session_keys)?,
            owner: format!("{id} {}", settings.issuer),
        })
    }

    /// The session of whoever asks, whatever its age.
    pub(crate) fn session(&self, headers: &HeaderMap) -> Option<Session> {
        self.open(Purpose::Session, find(headers, &self.session)?)
    }

    /// Sets the session. One that has no room for the ID token goes without: at sign-out the person is asked then.
    pub(crate) fn set_session(&self, session: &Session) -> Result<HeaderValue, TooLarge> {
        let mut value = self.seal(Purpose::Session, session);
        if value.len() > LARGEST_SESSION {
            value = self.seal(Purpose::Session, &Session { id_token: None, ..session.clone() });
        }
        if value.len() > LARGEST_SESSION {
            return Err(TooLarge(value.len()));
        }
        self.set(&self.session, &value, self.session_life).ok_or(TooLarge(value.len()))
    }

    pub(crate) fn clear_session(&self) -> Option<HeaderValue> {
        self.set(&self.session, "", Duration::ZERO)
    }

    /// The attempt that a `state` belongs to, of this browser.
    pub(crate) fn attempt(&self, headers: &HeaderMap, label: &str) -> Option<Attempt> {
        self.open(Purpose::Attempt, find(headers, &format!("{}{label}", self.attempt))?)
    }

    /// Sets an attempt, and takes back those of the browser that are too many, so that no number of tabs makes its
    /// requests larger than servers read.
    pub(crate) fn set_attempt(&self, attempt: &Attempt, headers: &HeaderMap) -> Vec<HeaderValue> {
        let mut set = Vec::new();
        let mut others: Vec<_> = pairs(headers)
            .filter_map(|(name, value)| Some((name.strip_prefix(self.attempt.as_str())?, value)))
            .filter(|(label, _)| label.len() == LABEL)
            .map(|(label, value)| {
                (self.open::<Attempt>(Purpose::Attempt, value).map(|kept| kept.begun_at), label)
            })
            .collect();
        others.sort();
        let excess = (others.len() + 1).saturating_sub(ATTEMPTS);
        set.extend(others.iter().take(excess).filter_map(|(_, label)| self.clear_attempt(label)));
        let (name, value) =
            (format!("{}{}", self.attempt, attempt.label()), self.seal(Purpose::Attempt, attempt));
        set.extend(self.set(&name, &value, ATTEMPT_LIFE));
        set
    }

    pub(crate) fn clear_attempt(&self, label: &str) -> Option<HeaderValue> {
        self.set(&format!("{}{label}", self.attempt), "", Duration::ZERO)
    }

    pub(crate) fn leaving(&self, headers: &HeaderMap) -> Option<Leaving> {
        self.open(Purpose::Leaving, find(headers, &self.leaving)?)
    }

    pub(crate) fn set_leaving(&self, leaving: &Leaving) -> Option<HeaderValue> {
        self.set(&self.leaving, &self.seal(Purpose::Leaving, leaving), LEAVING_LIFE)
    }

    pub(crate) fn clear_leaving(&self) -> Option<HeaderValue> {
        self.set(&self.leaving, "", Duration::ZERO)
    }

    fn set(&self, name: &str, value: &str, life: Duration) -> Option<HeaderValue> {
        let (attributes, life) = (self.attributes, life.as_secs());
        HeaderValue::from_str(&format!("{name}={value}{attributes}; Max-Age={life}")).ok()
    }

    fn place(&self, purpose: Purpose) -> Place<'_> {
        let column = match purpose {
            Purpose::Session => "session",
            Purpose::Attempt => "attempt",
            Purpose::Leaving => "leaving",
        };
        Place { table: "keyward-client cookies", column, row: self.owner.as_bytes() }
    }

    fn seal(&self, purpose: Purpose, value: &impl Serialize) -> String {
        let json = serde_json::to_vec(value).unwrap_or_default();
        URL_SAFE_NO_PAD.encode(self.keyring.seal(&self.place(purpose), &json))
    }

    fn open<T: DeserializeOwned>(&self, purpose: Purpose, value: &str) -> Option<T> {
        let sealed = URL_SAFE_NO_PAD.decode(value).ok()?;
        let opened = self.keyring.open(&self.place(purpose), &sealed).ok()?;
        serde_json::from_slice(&opened).ok()
    }
}

/// The server's tokens have no room in a cookie.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error(
    "the session would have {0} bytes, and a cookie has room for {LARGEST_SESSION}; the server's tokens are too large"
)]
pub(crate) struct TooLarge(usize);

/// The value of a cookie. A request with two of that name has none: one of them is not ours.
fn find<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut found = pairs(headers).filter(|(own, _)| *own == name);
    let (_, value) = found.next()?;
    found.next().is_none().then_some(value).filter(|value| !value.is_empty())
}

/// Every cookie. Those of others on this host may hold any byte, and hide none of ours.
fn pairs(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    let lines = headers.get_all(header::COOKIE).iter();
    let parts = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    parts.filter_map(|pair| std::str::from_utf8(pair).ok()?.trim().split_once('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(lines: &[&[u8]]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::COOKIE, HeaderValue::from_bytes(line).unwrap());
        }
        find(&headers, "own").map(str::to_owned)
    }

    #[test]
    fn a_cookie_is_found_among_others() {
        for lines in [&[&b""[..]][..], &[b"a=b"], &[b"not-own=x; OWN=y; own2=z"], &[b"own="], &[b"own=\xff"]]
        {
            assert_eq!(found(lines), None);
        }
        assert_eq!(found(&[b"a=b; own=x; c=d"]).as_deref(), Some("x"));
        assert_eq!(found(&[b"a=b", b"own=x"]).as_deref(), Some("x"));
    }

    /// It hid the whole header once: whoever had such a cookie was sent between app and sign-in for ever.
    #[test]
    fn a_strange_cookie_beside_it_does_not_hide_it() {
        for strange in [&b"name=M\xfcller"[..], "name=Müller".as_bytes(), b"no-equals-sign", b"=", b""] {
            let line = [strange, b"; own=x; ", strange].concat();
            assert_eq!(found(&[&line]).as_deref(), Some("x"), "{}", String::from_utf8_lossy(&line));
        }
    }

    /// One of them is not ours, and nobody can tell which.
    #[test]
    fn two_of_a_name_are_none() {
        for lines in [&[&b"own=x; own=y"[..]][..], &[b"own=x", b"own=y"], &[b"own=x", b"own=x; own="]] {
            assert_eq!(found(lines), None);
        }
    }
}
