//! Client assertions: a client proves who it is with a JWT that it signed (RFC 7523 section 3, `private_key_jwt` of
//! OpenID Connect Core section 9).

use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    JwsError, KeySet, Secret, SignError, SigningKey,
    jws_claims::{check_times, sole_audience, text},
    key_set::{HeaderRules, read_unverified_claims},
};

/// The one `client_assertion_type`.
pub const CLIENT_ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// What widespread clients ask for; a longer life would have to be remembered for longer.
const MAXIMUM_LIFETIME_SECONDS: i64 = 3600;
const MAXIMUM_JTI_BYTES: usize = 256;

/// Older clients send `JWT` or nothing.
const HEADER: HeaderRules<'static> =
    HeaderRules { types: &["client-authentication+jwt", "JWT"], may_omit_type: true, may_omit_kid: true };

/// The claims of an assertion that a client makes, for [`CLIENT_ASSERTION_TYPE`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClientAssertion {
    /// The client.
    pub iss: String,
    /// The client.
    pub sub: String,
    /// The issuer of the server, alone.
    pub aud: String,
    /// Its own id, never used before.
    pub jti: String,
    /// When it was made, in Unix seconds.
    pub iat: i64,
    /// Until when it is valid; a minute is enough.
    pub exp: i64,
}

impl ClientAssertion {
    /// Signs it with the client's own key.
    pub fn sign(&self, key: &SigningKey) -> Result<Secret, SignError> {
        key.sign(HEADER.types[0], self).map(Secret::new)
    }
}

/// By what an assertion is judged.
#[derive(Clone, Copy, Debug)]
pub struct AssertionRules<'a> {
    /// Our issuer, which the assertion has to be meant for.
    pub issuer: &'a str,
    /// The address of the token endpoint, which older clients name instead.
    pub token_endpoint: &'a str,
    /// The client's own keys, from its `jwks` or its `jwks_uri`.
    pub keys: &'a KeySet,
    /// How far the clocks may be apart, in seconds.
    pub leeway_seconds: u32,
    /// The time, in Unix seconds.
    pub now: i64,
}

/// An assertion that was verified. It serves once: whoever stores it refuses a `jti` that it knows from this client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssertionId {
    /// Its id, unique for the client.
    pub jti: String,
    /// Until when it has to be remembered, in Unix seconds.
    pub remember_until: i64,
}

/// Verifies an assertion of the client `client_id`.
pub(crate) fn verify(
    assertion: &str,
    client_id: &str,
    rules: &AssertionRules<'_>,
) -> Result<AssertionId, JwsError> {
    let claims = rules.keys.open(assertion, &HEADER)?.claims;
    // RFC 7523 section 3: issuer and subject are both the client.
    if text(&claims, "iss") != Some(client_id) {
        return Err(JwsError::WrongIssuer);
    }
    if text(&claims, "sub") != Some(client_id) {
        return Err(JwsError::Claim("sub"));
    }
    if !is_meant_for_us(&claims, rules) {
        return Err(JwsError::WrongAudience);
    }
    let expires = check_times(&claims, rules.leeway_seconds, rules.now)?;
    let leeway = i64::from(rules.leeway_seconds);
    if expires > rules.now.saturating_add(MAXIMUM_LIFETIME_SECONDS + leeway) {
        return Err(JwsError::Claim("exp"));
    }
    match text(&claims, "jti") {
        Some(jti) if !jti.is_empty() && jti.len() <= MAXIMUM_JTI_BYTES => {
            Ok(AssertionId { jti: jti.to_owned(), remember_until: expires.saturating_add(leeway) })
        }
        _ => Err(JwsError::Claim("jti")),
    }
}

/// The issuer alone. Another server could make a client sign for our token endpoint (audience injection, found 2025), so
/// that address is taken only as a single text, never in a list that holds something else as well.
fn is_meant_for_us(claims: &Map<String, Value>, rules: &AssertionRules<'_>) -> bool {
    sole_audience(claims) == Some(rules.issuer) || text(claims, "aud") == Some(rules.token_endpoint)
}

/// Whose assertion it says it is, for finding the keys.
pub(crate) fn claimed_client_id(assertion: &str) -> Option<String> {
    read_unverified_claims(assertion).ok().and_then(|claims| text(&claims, "sub").map(str::to_owned))
}
