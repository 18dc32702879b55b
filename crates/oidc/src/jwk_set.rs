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
    /// Parses a set that was fetched, of at most 256 KiB and 64 keys.
    ///
    /// Keys of a kind or use that is not spoken here, with a member missing or malformed, or with numbers that are no
    /// key, are passed over, as RFC 7517 section 5 asks: one of them takes no other's use away. A private key, and a
    /// `kid` that occurs twice, refuse the whole set.
    pub fn parse(json: &[u8]) -> Result<Self, JwkError> {
        if json.len() > MAXIMUM_SET_BYTES {
            return Err(JwkError::TooLarge { limit: MAXIMUM_SET_BYTES });
        }
        Self::from_document(&parse_strict_json(json)?, |error| {
            matches!(error, JwkError::Unsupported(_) | JwkError::Member(_) | JwkError::Invalid(_))
        })
    }

    fn from_document(document: &Value, is_passed_over: impl Fn(&JwkError) -> bool) -> Result<Self, JwkError> {
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
                Err(error) if is_passed_over(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Self { keys })
    }
}

/// Out of the configuration or a stored row. As [`JwkSet::parse`], but a key that is malformed or no key refuses the whole
/// set: whoever registers it is there to put it right.
impl<'de> Deserialize<'de> for JwkSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let document = Value::deserialize(deserializer)?;
        Self::from_document(&document, |error| matches!(error, JwkError::Unsupported(_)))
            .map_err(D::Error::custom)
    }
}
