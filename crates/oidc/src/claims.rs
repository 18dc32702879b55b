//! `PersonClaims`: what a client gets to know of a person.

use serde::{Deserialize, Serialize};

use crate::{EMAIL, PROFILE, Scopes};

/// The claims of a person (OpenID Connect Core section 5.1). Each that is not known is left out, never sent empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonClaims {
    /// The whole name, as the person writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its given part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_name: Option<String>,
    /// Its family part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family_name: Option<String>,
    /// A short name to show. Not unique, and it may change: know people by `sub`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preferred_username: Option<String>,
    /// The address of a picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<String>,
    /// A language tag, such as `de-CH`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    /// A time zone, such as `Europe/Zurich`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zoneinfo: Option<String>,
    /// When any of these changed last, in Unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<i64>,
    /// The mail address. May change: know people by `sub`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The person has proved that the address is theirs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email_verified: Option<bool>,
}

impl PersonClaims {
    /// Every name, in the order of the fields.
    pub const NAMES: [&'static str; 10] = [
        "name",
        "given_name",
        "family_name",
        "preferred_username",
        "picture",
        "locale",
        "zoneinfo",
        "updated_at",
        "email",
        "email_verified",
    ];

    /// What these scopes let a client know (OpenID Connect Core section 5.4).
    #[must_use]
    pub fn for_scopes(&self, scopes: &Scopes) -> Self {
        let profile = if scopes.contains(PROFILE) { self.clone() } else { Self::default() };
        let (email, email_verified) =
            if scopes.contains(EMAIL) { (self.email.clone(), self.email_verified) } else { (None, None) };
        Self { email, email_verified, ..profile }
    }
}
