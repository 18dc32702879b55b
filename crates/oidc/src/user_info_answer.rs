//! What an app reads of the userinfo endpoint's answer.

use serde_json::Value;

use crate::{PersonClaims, StrictJsonError, parse_strict_json};

/// More than anybody's claims.
const MAXIMUM_ANSWER_BYTES: usize = 64 * 1024;

/// Why the answer of the userinfo endpoint is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum UserInfoError {
    /// Too large to be an answer.
    #[error("the userinfo endpoint's answer is larger than {MAXIMUM_ANSWER_BYTES} bytes")]
    TooLarge,
    /// No JSON.
    #[error("the userinfo endpoint's answer is {0}")]
    Json(#[from] StrictJsonError),
    /// A claim has the wrong form.
    #[error("the userinfo endpoint's answer does not have the form of claims: {0}")]
    Claims(serde_json::Error),
    /// It is about somebody else, or does not say about whom.
    #[error("the userinfo endpoint's answer is about another person than the ID token")]
    Subject,
}

/// Reads what the userinfo endpoint says of the person whose ID token names `subject`. An answer about anybody else could
/// have been brought about by a swapped access token (OpenID Connect Core section 5.3.2).
pub fn read_user_info(json: &[u8], subject: &str) -> Result<PersonClaims, UserInfoError> {
    if json.len() > MAXIMUM_ANSWER_BYTES {
        return Err(UserInfoError::TooLarge);
    }
    let claims = parse_strict_json(json)?;
    if claims.get("sub").and_then(Value::as_str) != Some(subject) {
        return Err(UserInfoError::Subject);
    }
    serde_json::from_value(claims).map_err(UserInfoError::Claims)
}
