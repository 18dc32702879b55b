//! `UserInfo`: what a client is told of the person whom its access token is about.

use serde::Serialize;

use crate::{AccessToken, OAuthError, OPENID, PersonClaims};

/// The answer of the userinfo endpoint (OpenID Connect Core section 5.3.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UserInfo {
    sub: String,
    #[serde(flatten)]
    person: PersonClaims,
}

impl UserInfo {
    /// What the token's scopes let its client know; without `openid`, nothing (OpenID Connect Core section 5.3.1).
    pub fn of(token: &AccessToken, person: &PersonClaims) -> Result<Self, OAuthError> {
        token.require_scope(OPENID)?;
        Ok(Self { sub: token.sub.clone(), person: person.for_scopes(&token.scope) })
    }
}
