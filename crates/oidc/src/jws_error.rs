//! `JwsError`: why a token was refused.

use crate::StrictJsonError;

/// Why a token was refused. For the log: to whoever sent the token all of these are one answer, `invalid_token`
/// (RFC 6750 section 3.1). No variant repeats what the token said.
#[derive(Debug, thiserror::Error)]
pub enum JwsError {
    /// Over the limit of 8 KiB; nothing of it was parsed.
    #[error("the token is larger than {} bytes", crate::MAXIMUM_TOKEN_BYTES)]
    TooLarge,
    /// Not three parts of unpadded base64url.
    #[error("the token is malformed: {0}")]
    Malformed(&'static str),
    /// The header or the claims are no JSON, or ambiguous JSON.
    #[error("the token is {0}")]
    Json(#[from] StrictJsonError),
    /// The header has a member that would let the token choose its own key or meaning.
    #[error("the token's header has `{0}`, which is not accepted")]
    RefusedHeader(&'static str),
    /// No `kid`, or one that is not in the set.
    #[error("the token names no key of the set")]
    UnknownKey,
    /// Another `alg` than the key's own.
    #[error("the token's algorithm is not that of its key")]
    WrongAlgorithm,
    /// Another `typ` than the one expected, or none.
    #[error("the token is of another type")]
    WrongType,
    /// The signature does not verify.
    #[error("the token's signature is wrong")]
    BadSignature,
    /// A claim is missing or has the wrong form.
    #[error("the token's claim `{0}` is missing or malformed")]
    Claim(&'static str),
    /// The claims do not fit the type that was asked for.
    #[error("the token's claims are not those expected: {0}")]
    Claims(#[source] serde_json::Error),
    /// `exp` has passed.
    #[error("the token has expired")]
    Expired,
    /// `nbf` is still to come.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// `iat` is still to come.
    #[error("the token was issued in the future; check the clocks")]
    IssuedInFuture,
    /// Another `iss`.
    #[error("the token is from another issuer")]
    WrongIssuer,
    /// Another `aud`, or several.
    #[error("the token is for another audience")]
    WrongAudience,
}
