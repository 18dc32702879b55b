//! The header of a token: three members that count, and those that are refused.

use serde_json::{Map, Value};

use crate::{Algorithm, JwsError, parse_strict_json};

/// Each lets a token bring its own key (`jwk`, `jku`, `x5u`, `x5c`), or change how it is to be read (`crit`, `zip`,
/// `b64`, RFC 7515 section 4.1, RFC 7516 section 4.1.3, RFC 7797). None is needed, so none is parsed.
const REFUSED: [&str; 7] = ["crit", "jwk", "jku", "x5u", "x5c", "zip", "b64"];

pub(crate) struct Header {
    members: Map<String, Value>,
}

impl Header {
    pub(crate) fn parse(json: &[u8]) -> Result<Self, JwsError> {
        let Value::Object(members) = parse_strict_json(json)? else {
            return Err(JwsError::Malformed("the header is not an object"));
        };
        match REFUSED.into_iter().find(|name| members.contains_key(*name)) {
            Some(name) => Err(JwsError::RefusedHeader(name)),
            None => Ok(Self { members }),
        }
    }

    pub(crate) fn kid(&self) -> Option<&str> {
        self.text("kid")
    }

    pub(crate) fn has_algorithm(&self, algorithm: Algorithm) -> bool {
        self.text("alg") == Some(algorithm.name())
    }

    /// RFC 7515 section 4.1.9: a media type, so without case, and `application/` may be left out.
    pub(crate) fn has_type(&self, expected: &str) -> bool {
        self.text("typ").is_some_and(|typ| short(typ).eq_ignore_ascii_case(short(expected)))
    }

    pub(crate) fn has_any_type(&self) -> bool {
        self.members.contains_key("typ")
    }

    pub(crate) fn has_kid(&self) -> bool {
        self.members.contains_key("kid")
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.members.get(name).and_then(Value::as_str)
    }
}

fn short(media_type: &str) -> &str {
    const PREFIX: &str = "application/";
    match media_type.split_at_checked(PREFIX.len()) {
        // RFC 7515 restores the prefix only where no other slash is.
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case(PREFIX) && !rest.contains('/') => rest,
        _ => media_type,
    }
}
