//! `KeySet`: verifies tokens against keys that were chosen beforehand.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

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

    /// Whether a key of this id is there.
    pub fn contains(&self, kid: &str) -> bool {
        self.keys.iter().any(|key| key.kid() == kid)
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
        let opened = self.open(token, &HeaderRules::exact(&[expected.typ]))?;
        expected.check(&opened.claims, now)?;
        Ok(Verified { kid: opened.key.kid().to_owned(), claims: read_claims(opened.claims)? })
    }

    /// Everything but the claims: for the tokens whose claims have rules of their own.
    pub(crate) fn open(&self, token: &str, rules: &HeaderRules<'_>) -> Result<Opened<'_>, JwsError> {
        if token.len() > MAXIMUM_TOKEN_BYTES {
            return Err(JwsError::TooLarge);
        }
        let parts = Parts::split(token)?;
        let header = Header::parse(&decode(parts.header)?)?;
        let key = self.find(&header, rules).ok_or(JwsError::UnknownKey)?;
        if !header.has_algorithm(key.algorithm()) {
            return Err(JwsError::WrongAlgorithm);
        }
        if !rules.allow_type_of(&header) {
            return Err(JwsError::WrongType);
        }
        if !key.verifies(parts.signed.as_bytes(), &decode(parts.signature)?) {
            return Err(JwsError::BadSignature);
        }
        Ok(Opened { key, claims: parts.read_claims()? })
    }

    /// By `kid`; without one, where the rules allow that, the only key of the token's algorithm.
    fn find(&self, header: &Header, rules: &HeaderRules<'_>) -> Option<&VerifyingKey> {
        if header.has_kid() || !rules.may_omit_kid {
            return self.keys.iter().find(|key| Some(key.kid()) == header.kid());
        }
        let mut fitting = self.keys.iter().filter(|key| header.has_algorithm(key.algorithm()));
        fitting.next().filter(|_| fitting.next().is_none())
    }
}

/// What the header of a token may leave open.
#[derive(Clone, Copy)]
pub(crate) struct HeaderRules<'a> {
    /// The accepted `typ`.
    pub(crate) types: &'a [&'a str],
    /// Older specifications ask for no `typ`.
    pub(crate) may_omit_type: bool,
    /// A set with one key needs no `kid` (OpenID Connect Core section 10.1).
    pub(crate) may_omit_kid: bool,
}

impl<'a> HeaderRules<'a> {
    pub(crate) const fn exact(types: &'a [&'a str]) -> Self {
        Self { types, may_omit_type: false, may_omit_kid: false }
    }

    fn allow_type_of(&self, header: &Header) -> bool {
        if !header.has_any_type() {
            return self.may_omit_type;
        }
        self.types.iter().any(|accepted| header.has_type(accepted))
    }
}

/// A token whose signature is good; its claims are still to be checked.
pub(crate) struct Opened<'a> {
    pub(crate) key: &'a VerifyingKey,
    pub(crate) claims: Map<String, Value>,
}

pub(crate) fn read_claims<C: DeserializeOwned>(claims: Map<String, Value>) -> Result<C, JwsError> {
    serde_json::from_value(Value::Object(claims)).map_err(JwsError::Claims)
}

/// The claims of a token that nobody has verified: for finding the key to verify it with, and for nothing else.
pub(crate) fn read_unverified_claims(token: &str) -> Result<Map<String, Value>, JwsError> {
    if token.len() > MAXIMUM_TOKEN_BYTES {
        return Err(JwsError::TooLarge);
    }
    Parts::split(token)?.read_claims()
}

/// The key id that a token names, of whoever has signed it: for finding the key, and for nothing else.
pub(crate) fn read_unverified_kid(token: &str) -> Option<String> {
    if token.len() > MAXIMUM_TOKEN_BYTES {
        return None;
    }
    let header = Header::parse(&decode(Parts::split(token).ok()?.header).ok()?).ok()?;
    header.kid().map(str::to_owned)
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

    fn read_claims(&self) -> Result<Map<String, Value>, JwsError> {
        match parse_strict_json(&decode(self.claims)?)? {
            Value::Object(claims) => Ok(claims),
            _ => Err(JwsError::Malformed("the claims are not an object")),
        }
    }
}

/// Strict: no padding, no white space, no stray bits, so that one token has one spelling.
fn decode(part: &str) -> Result<Vec<u8>, JwsError> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| JwsError::Malformed("a part is not unpadded base64url"))
}
