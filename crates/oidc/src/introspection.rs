//! `Introspection`: what a resource is told of a token it asks about (RFC 7662).

use serde::Serialize;

use crate::{AccessToken, Client, Scopes};

/// The answer of the introspection endpoint (RFC 7662 section 2.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Introspection {
    active: bool,
    #[serde(flatten)]
    token: Option<ActiveToken>,
}

/// What is said of a token that is active.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ActiveToken {
    /// What it reaches.
    #[serde(skip_serializing_if = "Scopes::is_empty")]
    pub scope: Scopes,
    /// The client that it was issued to.
    pub client_id: String,
    /// `Bearer` for an access token; a refresh token has none (RFC 6749 section 5.1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_type: Option<crate::TokenType>,
    /// Until when it is valid, in Unix seconds.
    pub exp: i64,
    /// When it was made.
    pub iat: i64,
    /// Whom it is about.
    pub sub: String,
    /// Whom it is for.
    pub aud: String,
    /// Our issuer.
    pub iss: String,
    /// Its own id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jti: Option<String>,
    /// The level of authentication (RFC 9470 section 6.2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    /// When the person proved who they are (RFC 9470 section 6.2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<i64>,
}

impl Introspection {
    /// Expired, revoked, unknown, malformed, or none of the client's business: all the same answer.
    pub const fn inactive() -> Self {
        Self { active: false, token: None }
    }

    /// A token that is active.
    pub const fn active(token: ActiveToken) -> Self {
        Self { active: true, token: Some(token) }
    }

    /// What `client` may know of an access token that was verified: it is the token's own client, or it has the token's
    /// resource among its own. To anybody else the token is not active (RFC 7662 section 4, class 17).
    pub fn of(token: &AccessToken, client: &Client) -> Self {
        if token.client_id != client.client_id && !client.resources.contains(&token.aud) {
            return Self::inactive();
        }
        let token = token.clone();
        Self::active(ActiveToken {
            scope: token.scope,
            client_id: token.client_id,
            token_type: Some(crate::TokenType::Bearer),
            exp: token.exp,
            iat: token.iat,
            sub: token.sub,
            aud: token.aud,
            iss: token.iss,
            jti: Some(token.jti),
            acr: token.acr,
            auth_time: token.auth_time,
        })
    }

    /// Whether it says that the token is active.
    pub fn is_active(&self) -> bool {
        self.active
    }
}
