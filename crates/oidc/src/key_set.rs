//! `KeySet`: verifies tokens against keys that were chosen beforehand.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{Expected, JwkError, JwkSet, JwsError, VerifyingKey, jws_header::Header, parse_strict_json};

/// The largest token that is looked at: what proxies allow for a whole header line.
pub const MAXIMUM_TOKEN_BYTES: usize = 8 * 1024;

/// The keys that may have signed a token, each found by its `kid`.
#[derive(Debug, Default)]
pub struct KeySet {
    keys: Vec<VerifyingKey>,
}

/// A token that passed every check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified<C> {
    /// The key that signed it.
    pub kid: String,
    /// What it claims.
    pub claims: C,
}

impl KeySet {
    /// Takes keys of distinct ids; of two with one id the first counts.
    pub fn new(keys: Vec<VerifyingKey>) -> Self {
        Self { keys }
    }

    /// Prepares every key of a published set.
    pub fn from_jwk_set(set: &JwkSet) -> Result<Self, JwkError> {
        set.keys.iter().map(VerifyingKey::from_jwk).collect::<Result<_, _>>().map(Self::new)
    }

    /// Verifies a compact JWS (RFC 7515 section 5.2) and its claims (RFC 7519 section 7.2, RFC 8725) at `now`, in
    /// Unix seconds. `C` is the type to read the claims as: a struct, or [`serde_json::Value`].
    ///
    /// In order: size; three parts; the header; its key, algorithm and type; the signature; only then the claims.
    pub fn verify<C: DeserializeOwned>(
        &self,
        token: &str,
        expected: &Expected<'_>,
        now: i64,
    ) -> Result<Verified<C>, JwsError> {
        if token.len() > MAXIMUM_TOKEN_BYTES {
            return Err(JwsError::TooLarge);
        }
        let parts = Parts::split(token)?;
        let header = Header::parse(&decode(parts.header)?)?;
        let key = self.find(header.kid()).ok_or(JwsError::UnknownKey)?;
        if !header.has_algorithm(key.algorithm()) {
            return Err(JwsError::WrongAlgorithm);
        }
        if !header.has_type(expected.typ) {
            return Err(JwsError::WrongType);
        }
        if !key.verifies(parts.signed.as_bytes(), &decode(parts.signature)?) {
            return Err(JwsError::BadSignature);
        }
        let Value::Object(claims) = parse_strict_json(&decode(parts.claims)?)? else {
            return Err(JwsError::Malformed("the claims are not an object"));
        };
        expected.check(&claims, now)?;
        let claims = serde_json::from_value(Value::Object(claims)).map_err(JwsError::Claims)?;
        Ok(Verified { kid: key.kid().to_owned(), claims })
    }

    fn find(&self, kid: Option<&str>) -> Option<&VerifyingKey> {
        self.keys.iter().find(|key| Some(key.kid()) == kid)
    }
}

struct Parts<'a> {
    /// Header and claims with the dot between: what the signature covers.
    signed: &'a str,
    header: &'a str,
    claims: &'a str,
    signature: &'a str,
}

impl<'a> Parts<'a> {
    fn split(token: &'a str) -> Result<Self, JwsError> {
        let malformed = || JwsError::Malformed("it does not have three parts");
        let (signed, signature) = token.rsplit_once('.').ok_or_else(malformed)?;
        let (header, claims) = signed.split_once('.').ok_or_else(malformed)?;
        if claims.contains('.') {
            return Err(malformed());
        }
        Ok(Self { signed, header, claims, signature })
    }
}

/// Strict: no padding, no white space, no stray bits, so that one token has one spelling.
fn decode(part: &str) -> Result<Vec<u8>, JwsError> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| JwsError::Malformed("a part is not unpadded base64url"))
}
