//! `AccessToken`: what a resource is told of whoever calls it (RFC 9068).

use serde::{Deserialize, Deserializer, Serialize};

use serde_json::Value;

use crate::jws_claims::{check_issuer, check_times};
use crate::key_set::HeaderRules;
use crate::{ErrorCode, Expected, JwsError, KeySet, OAuthError, Scopes, Secret, SignError, SigningKey};

/// The `typ` of an access token (RFC 9068 section 2.1).
pub(crate) const ACCESS_TOKEN_TYPE: &str = "at+jwt";

/// The claims of an access token (RFC 9068 section 2.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessToken {
    /// Our issuer.
    pub iss: String,
    /// The person; with client credentials, the client.
    pub sub: String,
    /// The one resource it is for; our issuer, where that is userinfo.
    #[serde(deserialize_with = "one_text")]
    pub aud: String,
    /// Until when it is valid, in Unix seconds.
    pub exp: i64,
    /// When it was made.
    pub iat: i64,
    /// Its own id.
    pub jti: String,
    /// The client that it was issued to.
    pub client_id: String,
    /// What it reaches.
    #[serde(default, skip_serializing_if = "Scopes::is_empty")]
    pub scope: Scopes,
    /// When the person proved who they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<i64>,
    /// The level of authentication that was reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    /// By which methods (RFC 8176).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
    /// The session that it ends with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
}

impl AccessToken {
    /// Signs it.
    pub fn sign(&self, key: &SigningKey) -> Result<Secret, SignError> {
        key.sign(ACCESS_TOKEN_TYPE, self).map(Secret::new)
    }

    /// Verifies a token (RFC 9068 section 4) for the resource `audience` at `now`, in Unix seconds. Whether it was
    /// revoked is for whoever keeps that.
    pub fn verify(
        token: &str,
        keys: &KeySet,
        issuer: &str,
        audience: &str,
        leeway_seconds: u32,
        now: i64,
    ) -> Result<Self, JwsError> {
        let expected = Expected { typ: ACCESS_TOKEN_TYPE, issuer, audience, leeway_seconds };
        keys.verify(token, &expected, now).map(|verified| verified.claims)
    }

    /// Verifies a token of our own, whomever it is for: for the server that issued it, which clients ask about tokens for
    /// others (RFC 7662). Whether it was revoked is for whoever keeps that.
    pub fn verify_own(token: &str, keys: &KeySet, issuer: &str, now: i64) -> Result<Self, JwsError> {
        let claims = keys.open(token, &HeaderRules::exact(&[ACCESS_TOKEN_TYPE]))?.claims;
        check_issuer(&claims, issuer)?;
        check_times(&claims, 0, now)?;
        serde_json::from_value(Value::Object(claims)).map_err(JwsError::Claims)
    }

    /// Whether it reaches this far; if not, what to answer (RFC 6750 section 3.1).
    pub fn require_scope(&self, scope: &str) -> Result<(), OAuthError> {
        if self.scope.contains(scope) {
            return Ok(());
        }
        Err(OAuthError::new(
            ErrorCode::InsufficientScope,
            format!("The access token has no scope '{scope}'; ask for it in the authorization request."),
        ))
    }
}

/// The one answer to a token that is not accepted, whatever is wrong with it (RFC 6750 section 3.1).
pub fn invalid_token() -> OAuthError {
    OAuthError::new(
        ErrorCode::InvalidToken,
        "The access token is expired, revoked, malformed, or for another audience; get a new one.",
    )
}

/// A text, or a list of just one.
fn one_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneText {
        Text(String),
        List([String; 1]),
    }
    Ok(match OneText::deserialize(deserializer)? {
        OneText::Text(text) | OneText::List([text]) => text,
    })
}
