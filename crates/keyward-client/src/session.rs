//! `Session`: what the sealed cookie of a person holds.

use oidc::{PersonClaims, Secret, SignedIn};
use serde::{Deserialize, Serialize};

use crate::{Identity, Moment, secret_text};

/// The largest name that is kept; a longer one is cut.
const LARGEST_NAME: usize = 200;
/// RFC 5321 section 4.5.3.1.3.
const LARGEST_EMAIL: usize = 254;

/// Who is signed in, since when, and by what that is proved again. The names are short, since a cookie is.
#[derive(Clone, Deserialize, Serialize)]
#[expect(clippy::struct_field_names, reason = "what the server calls a session is its id")]
pub(crate) struct Session {
    #[serde(rename = "s")]
    pub(crate) subject: String,
    #[serde(rename = "i", default, skip_serializing_if = "Option::is_none")]
    pub(crate) session_id: Option<String>,
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    pub(crate) auth_time: Option<i64>,
    #[serde(rename = "a", default, skip_serializing_if = "Option::is_none")]
    pub(crate) acr: Option<String>,
    #[serde(rename = "m", default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) amr: Vec<String>,
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    #[serde(rename = "e", default, skip_serializing_if = "Option::is_none")]
    pub(crate) email: Option<String>,
    #[serde(rename = "v", default)]
    pub(crate) email_verified: bool,
    /// When the person signed in here.
    #[serde(rename = "b")]
    pub(crate) begun_at: Moment,
    /// When the server last said that this holds.
    #[serde(rename = "p")]
    pub(crate) proved_at: Moment,
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none", with = "secret_text")]
    pub(crate) refresh_token: Option<Secret>,
    /// Shown to the server at sign-out, so that the person is not asked.
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none", with = "secret_text")]
    pub(crate) id_token: Option<Secret>,
}

impl Session {
    pub(crate) fn begin(
        signed_in: SignedIn,
        person: PersonClaims,
        id_token: Option<Secret>,
        refresh_token: Option<Secret>,
        now: Moment,
    ) -> Self {
        let mut session = Self {
            subject: signed_in.subject,
            session_id: signed_in.session_id,
            auth_time: signed_in.auth_time,
            acr: signed_in.acr,
            amr: signed_in.amr,
            name: None,
            email: None,
            email_verified: false,
            begun_at: now,
            proved_at: now,
            refresh_token,
            id_token,
        };
        session.know(person);
        session
    }

    /// Takes over what is told of the person, as far as a cookie has room for it.
    pub(crate) fn know(&mut self, person: PersonClaims) {
        self.name = person.name.map(|mut name| {
            name.truncate(name.floor_char_boundary(LARGEST_NAME));
            name
        });
        self.email = person.email.filter(|email| email.len() <= LARGEST_EMAIL);
        self.email_verified = self.email.is_some() && person.email_verified == Some(true);
    }

    /// What handlers are told.
    pub(crate) fn identity(&self) -> Identity {
        Identity {
            subject: self.subject.clone(),
            session_id: self.session_id.clone(),
            name: self.name.clone(),
            email: self.email.clone(),
            email_verified: self.email_verified,
            auth_time: self.auth_time,
            acr: self.acr.clone(),
            amr: self.amr.clone(),
        }
    }
}
