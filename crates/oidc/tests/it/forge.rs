//! A signer that signs whatever it is told, as an attacker who holds a key of the set would.

use std::sync::LazyLock;

use aws_lc_rs::signature::Ed25519KeyPair;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use oidc::{Algorithm, Expected, JwsError, KeySet, SigningKey, Verified, VerifyingKey};
use serde_json::{Value, json};

pub(crate) const NOW: i64 = 1_800_000_000;

pub(crate) const EXPECTED: Expected<'static> =
    Expected { typ: "at+jwt", issuer: "https://auth.example", audience: "app", leeway_seconds: 30 };

/// One key of each algorithm; making them takes a moment.
pub(crate) static KEYS: LazyLock<[SigningKey; 3]> = LazyLock::new(|| {
    [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256]
        .map(|algorithm| SigningKey::generate(algorithm).unwrap())
});

pub(crate) fn ed25519() -> &'static SigningKey {
    &KEYS[0]
}

pub(crate) fn key_set() -> KeySet {
    KeySet::new(KEYS.iter().map(|key| VerifyingKey::from_jwk(key.public_jwk()).unwrap()).collect())
}

pub(crate) fn claims() -> Value {
    json!({"iss": "https://auth.example", "aud": "app", "sub": "ada", "iat": NOW - 10, "exp": NOW + 590})
}

pub(crate) fn header() -> Value {
    json!({"alg": "EdDSA", "kid": ed25519().kid(), "typ": "at+jwt"})
}

pub(crate) fn verify(token: &str) -> Result<Verified<Value>, JwsError> {
    key_set().verify(token, &EXPECTED, NOW)
}

pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The two texts, properly signed with the Ed25519 key of the set: whatever is refused is refused for its content.
pub(crate) fn signed(header: &str, claims: &str) -> String {
    let pair = Ed25519KeyPair::from_pkcs8(&ed25519().to_pkcs8().unwrap()).unwrap();
    let message = format!("{}.{}", encode(header), encode(claims));
    let signature = encode(pair.sign(message.as_bytes()));
    format!("{message}.{signature}")
}

/// The header above with one member set otherwise, properly signed.
pub(crate) fn with_header(name: &str, value: &Value) -> String {
    let mut header = header();
    header[name] = value.clone();
    signed(&header.to_string(), &claims().to_string())
}

/// The claims above with one set otherwise, or left out, properly signed.
pub(crate) fn with_claim(name: &str, value: Option<Value>) -> String {
    let mut claims = claims();
    let members = claims.as_object_mut().unwrap();
    match value {
        Some(value) => members.insert(name.to_owned(), value),
        None => members.remove(name),
    };
    signed(&header().to_string(), &claims.to_string())
}
