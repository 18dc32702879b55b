//! `IdToken`: what a client is told of a sign-in.

use aws_lc_rs::digest::{SHA256, SHA512, digest};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Serialize;

use crate::{Algorithm, PersonClaims, Secret, SignError, SigningKey};

/// The `typ` of an ID token: it has no media type of its own.
pub(crate) const ID_TOKEN_TYPE: &str = "JWT";

/// The claims of an ID token (OpenID Connect Core section 2). There is no `azp`, since the audience is always the
/// client that asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IdToken {
    /// Our issuer.
    pub iss: String,
    /// The person, by an id that never changes.
    pub sub: String,
    /// The client's id.
    pub aud: String,
    /// Until when it is valid, in Unix seconds.
    pub exp: i64,
    /// When it was made.
    pub iat: i64,
    /// When the person proved who they are.
    pub auth_time: i64,
    /// That of the authorization request, unchanged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// The level of authentication that was reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    /// By which methods (RFC 8176).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
    /// The session, which a logout token names (Back-Channel Logout section 2.1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// Of the access token beside it; see [`at_hash`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_hash: Option<String>,
    /// The claims of the scopes, where the client wants them here
    /// ([`Client::claims_in_id_token`](crate::Client::claims_in_id_token)).
    #[serde(flatten)]
    pub person: PersonClaims,
}

impl IdToken {
    /// Signs it with the algorithm that the client is registered with.
    pub fn sign(&self, key: &SigningKey) -> Result<Secret, SignError> {
        key.sign(ID_TOKEN_TYPE, self).map(Secret::new)
    }
}

/// The left half of the access token's hash, by the hash of the ID token's algorithm (OpenID Connect Core section
/// 3.1.3.6): SHA-256, and for Ed25519, whose own hash it is, SHA-512.
pub fn at_hash(access_token: &Secret, algorithm: Algorithm) -> String {
    let hash = match algorithm {
        Algorithm::Es256 | Algorithm::Rs256 => &SHA256,
        Algorithm::EdDsa => &SHA512,
    };
    let whole = digest(hash, access_token.expose().as_bytes());
    let (left, _) = whole.as_ref().split_at(whole.as_ref().len() / 2);
    URL_SAFE_NO_PAD.encode(left)
}
