//! The registered claims (RFC 7519 section 4.1) and what is expected of them.

use serde_json::{Map, Value};

use crate::JwsError;

/// For whom a token has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AudienceRule<'a> {
    /// `aud` is this text, or an array of just this text. A token for several audiences is refused, since each of them
    /// could pass it on here.
    Only(&'a str),
    /// `aud` is this text, or an array with this text in it.
    Includes(&'a str),
    /// Whomever: for the server that issued it, which is asked of tokens that are for others.
    Any,
}

impl AudienceRule<'_> {
    fn allows(self, aud: Option<&Value>) -> bool {
        match (self, aud) {
            (Self::Any, Some(Value::String(_) | Value::Array(_))) => true,
            (Self::Only(name) | Self::Includes(name), Some(Value::String(aud))) => aud == name,
            (Self::Only(name), Some(Value::Array(aud))) => {
                matches!(&aud[..], [Value::String(aud)] if aud == name)
            }
            (Self::Includes(name), Some(Value::Array(aud))) => aud.iter().any(|aud| aud == name),
            _ => false,
        }
    }
}

/// What a token must say to be accepted here. Every field is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected<'a> {
    /// The `typ` of the header, such as `at+jwt`, so that a token of one purpose does not serve another
    /// (RFC 8725 section 3.11).
    pub typ: &'a str,
    /// `iss`, compared byte by byte.
    pub issuer: &'a str,
    /// For whom it has to be.
    pub audience: AudienceRule<'a>,
    /// How far the clocks may be apart, in seconds, for `exp`, `nbf` and `iat`.
    pub leeway_seconds: u32,
}

impl Expected<'_> {
    /// Checks the claims at `now`, in Unix seconds.
    pub(crate) fn check(&self, claims: &Map<String, Value>, now: i64) -> Result<(), JwsError> {
        if claims.get("iss").and_then(Value::as_str) != Some(self.issuer) {
            return Err(JwsError::WrongIssuer);
        }
        if !self.audience.allows(claims.get("aud")) {
            return Err(JwsError::WrongAudience);
        }
        let leeway = i64::from(self.leeway_seconds);
        let expires = seconds(claims, "exp")?.ok_or(JwsError::Claim("exp"))?;
        if now >= expires.saturating_add(leeway) {
            return Err(JwsError::Expired);
        }
        let latest = now.saturating_add(leeway);
        if seconds(claims, "nbf")?.is_some_and(|begins| begins > latest) {
            return Err(JwsError::NotYetValid);
        }
        if seconds(claims, "iat")?.is_some_and(|issued| issued > latest) {
            return Err(JwsError::IssuedInFuture);
        }
        Ok(())
    }
}

/// A `NumericDate`, whole seconds. Fractions are allowed by RFC 7519 section 2 and cut off; texts are not.
fn seconds(claims: &Map<String, Value>, name: &'static str) -> Result<Option<i64>, JwsError> {
    /// The year 9999: later dates are mistakes, such as milliseconds.
    const LATEST: f64 = 253_402_300_799.0;
    let Some(value) = claims.get(name) else { return Ok(None) };
    let number = value.as_f64().ok_or(JwsError::Claim(name))?;
    if !(0.0..=LATEST).contains(&number) {
        return Err(JwsError::Claim(name));
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "between 0 and the year 9999, and fractions are to be cut"
    )]
    Ok(Some(number as i64))
}
