//! `TokenAnswer`: what an app reads of the token endpoint's answer.

use serde_json::{Map, Value};

use crate::{Description, Scopes, Secret, StrictJsonError, parse_strict_json};

/// Several tokens of the largest size, and some words.
const MAXIMUM_ANSWER_BYTES: usize = 64 * 1024;

/// The tokens that an app was given (RFC 6749 section 5.1, OpenID Connect Core section 3.1.3.3).
#[derive(Debug)]
pub struct TokenAnswer {
    /// For the resource.
    pub access_token: Secret,
    /// How many seconds the access token lives, if that is said.
    pub expires_in: Option<u64>,
    /// What was granted, if that is said; else it is what was asked for.
    pub scope: Option<Scopes>,
    /// To be verified by [`IdTokenRules`](crate::IdTokenRules).
    pub id_token: Option<Secret>,
    /// For the next access token.
    pub refresh_token: Option<Secret>,
}

/// Why there are no tokens.
#[derive(Debug, thiserror::Error)]
pub enum TokenAnswerError {
    /// The provider says no (RFC 6749 section 5.2).
    #[error("the token endpoint answered {code}: {description}")]
    Refused {
        /// The `error`.
        code: Description,
        /// The `error_description`, or nothing.
        description: Description,
    },
    /// Too large to be an answer.
    #[error("the token endpoint's answer is larger than {MAXIMUM_ANSWER_BYTES} bytes")]
    TooLarge,
    /// No JSON.
    #[error("the token endpoint's answer is {0}")]
    Json(#[from] StrictJsonError),
    /// A member is missing or has the wrong form.
    #[error("the token endpoint's answer has no proper `{0}`")]
    Member(&'static str),
}

impl TokenAnswer {
    /// Reads the body of an answer, whatever its status.
    pub fn parse(json: &[u8]) -> Result<Self, TokenAnswerError> {
        if json.len() > MAXIMUM_ANSWER_BYTES {
            return Err(TokenAnswerError::TooLarge);
        }
        let Value::Object(members) = parse_strict_json(json)? else {
            return Err(TokenAnswerError::Member("access_token"));
        };
        if let Some(code) = text(&members, "error")? {
            let description = text(&members, "error_description")?.unwrap_or_default();
            return Err(TokenAnswerError::Refused { code: code.into(), description: description.into() });
        }
        let bearer = text(&members, "token_type")?.is_some_and(|kind| kind.eq_ignore_ascii_case("Bearer"));
        if !bearer {
            return Err(TokenAnswerError::Member("token_type"));
        }
        let secret =
            |name| text(&members, name).map(|token| token.filter(|token| !token.is_empty()).map(Secret::new));
        let number = |value: &Value| value.as_u64().ok_or(TokenAnswerError::Member("expires_in"));
        let scope = |text| Scopes::parse(text).map_err(|_| TokenAnswerError::Member("scope"));
        Ok(Self {
            access_token: secret("access_token")?.ok_or(TokenAnswerError::Member("access_token"))?,
            expires_in: members.get("expires_in").map(number).transpose()?,
            scope: text(&members, "scope")?.map(scope).transpose()?,
            id_token: secret("id_token")?,
            refresh_token: secret("refresh_token")?,
        })
    }
}

fn text<'a>(
    members: &'a Map<String, Value>,
    name: &'static str,
) -> Result<Option<&'a str>, TokenAnswerError> {
    match members.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(TokenAnswerError::Member(name)),
    }
}
