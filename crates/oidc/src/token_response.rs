//! `TokenResponse`: what the token endpoint answers (RFC 6749 section 5.1, OpenID Connect Core section 3.1.3.3).

use serde::Serialize;

/// Tokens for a client.
#[derive(Clone, Serialize)]
pub struct TokenResponse {
    /// The access token.
    pub access_token: String,
    /// `Bearer`.
    pub token_type: &'static str,
    /// For how long, in seconds.
    pub expires_in: u64,
    /// The refresh token, if the client may have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    /// The ID token, if a person signed in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token: Option<String>,
    /// What was granted.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub scope: String,
}

impl std::fmt::Debug for TokenResponse {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "TokenResponse(scope {:?})", self.scope)
    }
}
