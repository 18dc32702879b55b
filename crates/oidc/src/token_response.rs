//! `TokenResponse`: the answer of the token endpoint.

use serde::{Serialize, Serializer};

use crate::{Scopes, Secret};

/// Tokens, as RFC 6749 section 5.1 and OpenID Connect Core section 3.1.3.3 answer them. Sent with `Cache-Control:
/// no-store`.
#[derive(Debug, Serialize)]
pub struct TokenResponse {
    /// For the resource.
    #[serde(serialize_with = "expose")]
    pub access_token: Secret,
    /// Always `Bearer`.
    pub token_type: TokenType,
    /// How many seconds the access token lives.
    pub expires_in: u32,
    /// What was granted; may be less than what was asked for (RFC 6749 section 3.3).
    #[serde(skip_serializing_if = "Scopes::is_empty")]
    pub scope: Scopes,
    /// For the client, with the scope `openid`.
    #[serde(serialize_with = "expose_some", skip_serializing_if = "Option::is_none")]
    pub id_token: Option<Secret>,
    /// For the next access token, with the scope `offline_access`.
    #[serde(serialize_with = "expose_some", skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<Secret>,
}

/// RFC 6749 section 7.1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum TokenType {
    /// RFC 6750.
    #[default]
    Bearer,
}

fn expose<S: Serializer>(secret: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose())
}

#[expect(clippy::ref_option, reason = "the form that serde calls")]
fn expose_some<S: Serializer>(secret: &Option<Secret>, serializer: S) -> Result<S::Ok, S::Error> {
    match secret {
        Some(secret) => serializer.serialize_some(secret.expose()),
        None => serializer.serialize_none(),
    }
}
