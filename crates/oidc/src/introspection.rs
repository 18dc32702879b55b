//! What the introspection endpoint answers (RFC 7662 section 2.2).

use serde::Serialize;

use crate::claims::{AccessTokenClaims, Audience};

/// An answer.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Introspection {
    /// The token holds.
    Active(Box<ActiveToken>),
    /// It does not, or is none of the asking client's business; which of them is not said.
    Inactive {
        /// `false`.
        active: bool,
    },
}

/// A token that holds.
#[derive(Clone, Debug, Serialize)]
pub struct ActiveToken {
    active: bool,
    token_type: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    scope: String,
    client_id: String,
    sub: String,
    aud: Audience,
    iss: String,
    exp: i64,
    iat: i64,
    jti: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acr: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    amr: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<String>,
}

impl Introspection {
    /// The token does not hold.
    pub const INACTIVE: Self = Self::Inactive { active: false };

    /// The token holds, and says so.
    pub fn active(claims: &AccessTokenClaims) -> Self {
        Self::Active(Box::new(ActiveToken {
            active: true,
            token_type: "Bearer",
            scope: claims.scope.clone(),
            client_id: claims.client_id.clone(),
            sub: claims.sub.clone(),
            aud: claims.aud.clone(),
            iss: claims.iss.clone(),
            exp: claims.exp,
            iat: claims.iat,
            jti: claims.jti.clone(),
            auth_time: claims.auth_time,
            acr: claims.acr.clone(),
            amr: claims.amr.clone(),
            sid: claims.sid.clone(),
        }))
    }
}
