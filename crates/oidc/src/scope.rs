//! `Scopes`: what is asked for, and what is granted.

use std::{collections::BTreeSet, fmt};

use crate::{ErrorCode, OAuthError, text_form::text_form};

/// OpenID Connect: an ID token, and userinfo (OpenID Connect Core section 3.1.2.1).
pub const OPENID: &str = "openid";
/// Name, language and the like (OpenID Connect Core section 5.4).
pub const PROFILE: &str = "profile";
/// The address (OpenID Connect Core section 5.4).
pub const EMAIL: &str = "email";
/// A refresh token (OpenID Connect Core section 11).
pub const OFFLINE_ACCESS: &str = "offline_access";

/// Those that OpenID Connect Core sections 5.4 and 11 define, in the order in which they are shown. A provider may
/// leave out those that it does not serve.
pub(crate) const STANDARD: [&str; 6] = [OPENID, PROFILE, EMAIL, "address", "phone", OFFLINE_ACCESS];

const MAXIMUM_SCOPES: usize = 50;
const MAXIMUM_SCOPE_BYTES: usize = 200;

/// A set of scopes (RFC 6749 section 3.3). As a text, and one after the other: those of OpenID Connect first, then the
/// others by name, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scopes(BTreeSet<(usize, String)>);

impl Scopes {
    /// Reads scopes with one space between: `%x21 / %x23-5B / %x5D-7E` each (RFC 6749 section 3.3). The empty text is
    /// no scope.
    pub fn parse(text: &str) -> Result<Self, OAuthError> {
        let mut scopes = Self::default();
        if text.is_empty() {
            return Ok(scopes);
        }
        for scope in text.split(' ') {
            if !is_scope(scope) {
                return Err(OAuthError::new(
                    ErrorCode::InvalidScope,
                    "The scope is malformed: names in printable ASCII without quotes and backslashes, one space between.",
                ));
            }
            scopes.insert(scope);
        }
        if scopes.0.len() > MAXIMUM_SCOPES {
            return Err(OAuthError::new(
                ErrorCode::InvalidScope,
                format!("More than {MAXIMUM_SCOPES} scopes are asked for; ask for those that are needed."),
            ));
        }
        Ok(scopes)
    }

    fn insert(&mut self, scope: &str) {
        let rank = STANDARD.iter().position(|standard| *standard == scope).unwrap_or(STANDARD.len());
        self.0.insert((rank, scope.to_owned()));
    }

    /// One after the other, in the order in which they are shown.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(_, scope)| scope.as_str())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this one is there; letters count with case.
    pub fn contains(&self, scope: &str) -> bool {
        self.iter().any(|found| found == scope)
    }

    /// Whether all of these are in `other`.
    pub fn is_subset_of(&self, other: &Self) -> bool {
        self.0.is_subset(&other.0)
    }

    /// Those of these that are in `other`.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        Self(self.0.intersection(&other.0).cloned().collect())
    }

    /// Those of these that are not in `other`.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        Self(self.0.difference(&other.0).cloned().collect())
    }

    /// These without that one.
    #[must_use]
    pub fn without(mut self, scope: &str) -> Self {
        self.0.retain(|(_, found)| found != scope);
        self
    }

    /// These and those of `other`.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self(self.0.union(&other.0).cloned().collect())
    }
}

fn is_scope(text: &str) -> bool {
    let allowed = |byte| matches!(byte, b'!' | b'#'..=b'[' | b']'..=b'~');
    !text.is_empty() && text.len() <= MAXIMUM_SCOPE_BYTES && text.bytes().all(allowed)
}

impl fmt::Display for Scopes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, scope) in self.iter().enumerate() {
            let space = if index == 0 { "" } else { " " };
            write!(formatter, "{space}{scope}")?;
        }
        Ok(())
    }
}

text_form!(Scopes);
