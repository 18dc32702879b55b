//! `JwkSet`: the keys that a server publishes (RFC 7517 section 5).

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::Value;

use crate::{Jwk, JwkError, parse_strict_json};

const MAXIMUM_SET_BYTES: usize = 256 * 1024;
const MAXIMUM_KEYS: usize = 64;

/// A set of public keys. Serialises to `{"keys": [..]}`, ready for `/.well-known/jwks.json`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct JwkSet {
    /// The keys, each `kid` once.
    pub keys: Vec<Jwk>,
}

impl JwkSet {
    /// Parses a set of at most 256 KiB and 64 keys.
    ///
    /// Keys of a kind or use that is not spoken here are passed over, as RFC 7517 section 5 asks; a key that is
    /// malformed or private, and a `kid` that occurs twice, refuse the whole set.
    pub fn parse(json: &[u8]) -> Result<Self, JwkError> {
        if json.len() > MAXIMUM_SET_BYTES {
            return Err(JwkError::TooLarge { limit: MAXIMUM_SET_BYTES });
        }
        Self::from_document(&parse_strict_json(json)?)
    }

    fn from_document(document: &Value) -> Result<Self, JwkError> {
        let entries = document.get("keys").and_then(Value::as_array).ok_or(JwkError::Member("keys"))?;
        if entries.len() > MAXIMUM_KEYS {
            return Err(JwkError::TooMany { limit: MAXIMUM_KEYS });
        }
        let mut keys: Vec<Jwk> = Vec::with_capacity(entries.len());
        for entry in entries {
            let members = entry.as_object().ok_or(JwkError::Member("keys"))?;
            match Jwk::from_members(members) {
                Ok(key) if keys.iter().any(|other| other.kid == key.kid) => {
                    return Err(JwkError::RepeatedKid);
                }
                Ok(key) => keys.push(key),
                Err(JwkError::Unsupported(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Self { keys })
    }
}

/// As [`JwkSet::parse`], out of the configuration or a stored row.
impl<'de> Deserialize<'de> for JwkSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_document(&Value::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}
