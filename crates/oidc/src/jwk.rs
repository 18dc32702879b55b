//! `Jwk`: one public key (RFC 7517).

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Serialize, Serializer, ser::SerializeMap as _};
use serde_json::{Map, Value};

use crate::{Algorithm, StrictJsonError, VerifyingKey, parse_strict_json};

/// No real key is larger: an RSA modulus of 8,192 bits takes 1.4 KB, and a certificate chain beside it some more.
const MAXIMUM_JWK_BYTES: usize = 32 * 1024;

/// A longer `kid` is an attack or a mistake.
const MAXIMUM_KID_BYTES: usize = 256;

/// Members that only a private or symmetric key has (RFC 7518 section 6).
const PRIVATE_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// Why a JWK was refused.
#[derive(Debug, thiserror::Error)]
pub enum JwkError {
    /// Larger than the limit of the parser.
    #[error("the key document is larger than {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// Not JSON, or ambiguous JSON.
    #[error("the key is {0}")]
    Json(#[from] StrictJsonError),
    /// A member is missing or has the wrong form.
    #[error("the key's member `{0}` is missing or malformed")]
    Member(&'static str),
    /// A private or symmetric key where a public one belongs.
    #[error("the key has the private member `{0}`; whoever published it must replace the key")]
    Private(&'static str),
    /// A kind of key, curve or algorithm that is not spoken here.
    #[error("the key's `{0}` is not supported; keys are Ed25519, P-256 with ES256, or RSA with RS256")]
    Unsupported(&'static str),
    /// The numbers are no key: a point off the curve, a modulus of under 2,048 bits.
    #[error("the key's numbers are not a valid {0} key")]
    Invalid(Algorithm),
    /// Two keys of a set have one id.
    #[error("two keys have the same `kid`, so a signature could mean either")]
    RepeatedKid,
    /// More keys in a set than anybody needs.
    #[error("the key set has more than {limit} keys")]
    TooMany {
        /// The limit.
        limit: usize,
    },
}

/// A public key for verifying signatures, in the form that is published.
///
/// Serialises to its JSON object: `kty` and its parameters, `use`, `alg`, `kid`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Jwk {
    pub(crate) kid: String,
    pub(crate) parameters: Parameters,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Parameters {
    Ed25519 { x: [u8; 32] },
    P256 { x: [u8; 32], y: [u8; 32] },
    Rsa { modulus: Vec<u8>, exponent: Vec<u8> },
}

impl Parameters {
    pub(crate) fn algorithm(&self) -> Algorithm {
        match self {
            Self::Ed25519 { .. } => Algorithm::EdDsa,
            Self::P256 { .. } => Algorithm::Es256,
            Self::Rsa { .. } => Algorithm::Rs256,
        }
    }

    /// The required members in the order of their names, as RFC 7638 section 3.2 hashes them.
    fn members(&self) -> Vec<(&'static str, String)> {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let text = str::to_owned;
        match self {
            Self::Ed25519 { x } => vec![("crv", text("Ed25519")), ("kty", text("OKP")), ("x", encode(x))],
            Self::P256 { x, y } => {
                vec![("crv", text("P-256")), ("kty", text("EC")), ("x", encode(x)), ("y", encode(y))]
            }
            Self::Rsa { modulus, exponent } => {
                vec![("e", encode(exponent)), ("kty", text("RSA")), ("n", encode(modulus))]
            }
        }
    }

    /// RFC 7638: SHA-256 over the required members, base64url.
    fn thumbprint(&self) -> String {
        // Names and values are plain ASCII without quotes, so the text is the canonical JSON.
        let members: Vec<_> =
            self.members().into_iter().map(|(name, value)| format!(r#""{name}":"{value}""#)).collect();
        URL_SAFE_NO_PAD.encode(digest(&SHA256, format!("{{{}}}", members.join(",")).as_bytes()))
    }
}

impl Jwk {
    /// With the thumbprint as its `kid`, so that a key has the same id wherever it is published.
    pub(crate) fn from_parameters(parameters: Parameters) -> Self {
        Self { kid: parameters.thumbprint(), parameters }
    }

    /// Parses one JWK strictly.
    ///
    /// Refused: a name that occurs twice, private members, a `use` other than `sig`, `key_ops` without `verify`, an
    /// `alg` that does not fit the key, base64url with padding or stray bits, numbers that are no key. A missing
    /// `alg` follows from the kind of key; a missing `kid` becomes the thumbprint. Members that RFC 7517 does not
    /// know are ignored, and so are `x5c` and `x5u`: trust comes from where the set was fetched.
    pub fn parse(json: &[u8]) -> Result<Self, JwkError> {
        if json.len() > MAXIMUM_JWK_BYTES {
            return Err(JwkError::TooLarge { limit: MAXIMUM_JWK_BYTES });
        }
        match parse_strict_json(json)? {
            Value::Object(members) => Self::from_members(&members),
            _ => Err(JwkError::Member("kty")),
        }
    }

    pub(crate) fn from_members(members: &Map<String, Value>) -> Result<Self, JwkError> {
        if let Some(private) = PRIVATE_MEMBERS.into_iter().find(|name| members.contains_key(*name)) {
            return Err(JwkError::Private(private));
        }
        let parameters = parse_parameters(members)?;
        match optional_text(members, "alg")? {
            None => {}
            Some(name) if name == parameters.algorithm().name() => {}
            Some(_) => return Err(JwkError::Unsupported("alg")),
        }
        match optional_text(members, "use")? {
            None | Some("sig") => {}
            Some(_) => return Err(JwkError::Unsupported("use")),
        }
        match members.get("key_ops") {
            None => {}
            Some(Value::Array(operations)) if operations.iter().any(|operation| operation == "verify") => {}
            Some(_) => return Err(JwkError::Unsupported("key_ops")),
        }
        let kid = match optional_text(members, "kid")? {
            None => parameters.thumbprint(),
            Some(kid) if !kid.is_empty() && kid.len() <= MAXIMUM_KID_BYTES => kid.to_owned(),
            Some(_) => return Err(JwkError::Member("kid")),
        };
        let jwk = Self { kid, parameters };
        VerifyingKey::from_jwk(&jwk)?;
        Ok(jwk)
    }

    /// The key's id, by which a token names it.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The one algorithm that the key is used with.
    pub fn algorithm(&self) -> Algorithm {
        self.parameters.algorithm()
    }

    /// The thumbprint of RFC 7638 with SHA-256, base64url.
    pub fn thumbprint(&self) -> String {
        self.parameters.thumbprint()
    }
}

impl Serialize for Jwk {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in self.parameters.members() {
            map.serialize_entry(name, &value)?;
        }
        map.serialize_entry("use", "sig")?;
        map.serialize_entry("alg", self.algorithm().name())?;
        map.serialize_entry("kid", &self.kid)?;
        map.end()
    }
}

fn parse_parameters(members: &Map<String, Value>) -> Result<Parameters, JwkError> {
    match optional_text(members, "kty")?.ok_or(JwkError::Member("kty"))? {
        "OKP" => match optional_text(members, "crv")? {
            Some("Ed25519") => Ok(Parameters::Ed25519 { x: coordinate(members, "x")? }),
            _ => Err(JwkError::Unsupported("crv")),
        },
        "EC" => match optional_text(members, "crv")? {
            Some("P-256") => {
                Ok(Parameters::P256 { x: coordinate(members, "x")?, y: coordinate(members, "y")? })
            }
            _ => Err(JwkError::Unsupported("crv")),
        },
        "RSA" => Ok(Parameters::Rsa { modulus: integer(members, "n")?, exponent: integer(members, "e")? }),
        _ => Err(JwkError::Unsupported("kty")),
    }
}

fn optional_text<'a>(
    members: &'a Map<String, Value>,
    name: &'static str,
) -> Result<Option<&'a str>, JwkError> {
    match members.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(JwkError::Member(name)),
    }
}

fn bytes(members: &Map<String, Value>, name: &'static str) -> Result<Vec<u8>, JwkError> {
    let text = optional_text(members, name)?.ok_or(JwkError::Member(name))?;
    URL_SAFE_NO_PAD.decode(text).map_err(|_| JwkError::Member(name))
}

/// A coordinate has its full length, leading zeros and all (RFC 7518 section 6.2.1.2).
fn coordinate(members: &Map<String, Value>, name: &'static str) -> Result<[u8; 32], JwkError> {
    bytes(members, name)?.try_into().map_err(|_| JwkError::Member(name))
}

/// An integer has no leading zeros (RFC 7518 section 2, "Base64urlUInt"): with them one key had two thumbprints.
fn integer(members: &Map<String, Value>, name: &'static str) -> Result<Vec<u8>, JwkError> {
    let bytes = bytes(members, name)?;
    match bytes.first() {
        None | Some(0) => Err(JwkError::Member(name)),
        Some(_) => Ok(bytes),
    }
}
