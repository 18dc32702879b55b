//! `Introspection`: what a resource is told of a token it asks about (RFC 7662).

use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::{AccessToken, Client, Scopes, TokenType};

/// The answer of the introspection endpoint (RFC 7662 section 2.2). Of a token that is active it tells what the token says: it holds
/// that and copies none of it, since this is asked with every request of some resources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Introspection(Option<Arc<AccessToken>>);

/// How it is told.
#[derive(Serialize)]
struct Told<'a> {
    active: bool,
    #[serde(skip_serializing_if = "Scopes::is_empty")]
    scope: &'a Scopes,
    client_id: &'a str,
    token_type: TokenType,
    exp: i64,
    iat: i64,
    sub: &'a str,
    aud: &'a str,
    iss: &'a str,
    jti: &'a str,
    /// The level of authentication (RFC 9470 section 6.2).
    #[serde(skip_serializing_if = "Option::is_none")]
    acr: Option<&'a str>,
    /// When the person proved who they are (RFC 9470 section 6.2).
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_time: Option<i64>,
}

#[derive(Serialize)]
struct ToldOfNone {
    active: bool,
}

impl Introspection {
    /// Expired, revoked, unknown, malformed, or none of the client's business: all the same answer.
    pub const fn inactive() -> Self {
        Self(None)
    }

    /// What `client` may know of an access token that was verified: it is the token's own client, or it has the token's
    /// resource among its own. To anybody else the token is not active (RFC 7662 section 4, class 17).
    pub fn of(token: &Arc<AccessToken>, client: &Client) -> Self {
        if token.client_id != client.client_id && !client.resources.contains(&token.aud) {
            return Self::inactive();
        }
        Self(Some(token.clone()))
    }

    /// Whether it says that the token is active.
    pub fn is_active(&self) -> bool {
        self.0.is_some()
    }
}

impl Serialize for Introspection {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Some(token) = &self.0 else { return ToldOfNone { active: false }.serialize(serializer) };
        let told = Told {
            active: true,
            scope: &token.scope,
            client_id: &token.client_id,
            token_type: TokenType::Bearer,
            exp: token.exp,
            iat: token.iat,
            sub: &token.sub,
            aud: &token.aud,
            iss: &token.iss,
            jti: &token.jti,
            acr: token.acr.as_deref(),
            auth_time: token.auth_time,
        };
        told.serialize(serializer)
    }
}
