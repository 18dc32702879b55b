//! The registered claims (RFC 7519 section 4.1) and what is expected of them.

use serde_json::{Map, Value};

use crate::JwsError;

/// What a token must say to be accepted here. Every field is checked; there is no "any".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected<'a> {
    /// The `typ` of the header, such as `at+jwt`, so that a token of one purpose does not serve another
    /// (RFC 8725 section 3.11).
    pub typ: &'a str,
    /// `iss`, compared byte by byte.
    pub issuer: &'a str,
    /// `aud`: this text, or an array of just this text. A token for several audiences is refused, since each of
    /// them could pass it on here.
    pub audience: &'a str,
    /// How far the clocks may be apart, in seconds, for `exp`, `nbf` and `iat`.
    pub leeway_seconds: u32,
}

impl Expected<'_> {
    /// Checks the claims at `now`, in Unix seconds.
    pub(crate) fn check(&self, claims: &Map<String, Value>, now: i64) -> Result<(), JwsError> {
        check_issuer(claims, self.issuer)?;
        if sole_audience(claims) != Some(self.audience) {
            return Err(JwsError::WrongAudience);
        }
        check_times(claims, self.leeway_seconds, now).map(drop)
    }
}

/// `iss`, byte by byte.
pub(crate) fn check_issuer(claims: &Map<String, Value>, issuer: &str) -> Result<(), JwsError> {
    if text(claims, "iss") == Some(issuer) { Ok(()) } else { Err(JwsError::WrongIssuer) }
}

/// `aud`, where it is one: a text, or an array of just one.
pub(crate) fn sole_audience(claims: &Map<String, Value>) -> Option<&str> {
    match claims.get("aud") {
        Some(Value::Array(audiences)) if audiences.len() == 1 => audiences.first(),
        other => other,
    }
    .and_then(Value::as_str)
}

/// `exp`, which has to be there, `nbf` and `iat`. Gives `exp`.
pub(crate) fn check_times(
    claims: &Map<String, Value>,
    leeway_seconds: u32,
    now: i64,
) -> Result<i64, JwsError> {
    let leeway = i64::from(leeway_seconds);
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
    Ok(expires)
}

/// A claim that is a text.
pub(crate) fn text<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    claims.get(name).and_then(Value::as_str)
}

/// A `NumericDate`, whole seconds. Fractions are allowed by RFC 7519 section 2 and cut off; texts are not.
pub(crate) fn seconds(claims: &Map<String, Value>, name: &'static str) -> Result<Option<i64>, JwsError> {
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
