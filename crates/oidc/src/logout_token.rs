//! `LogoutToken`: a client is told that a session has ended (OpenID Connect Back-Channel Logout 1.0).

use serde::{Serialize, Serializer, ser::SerializeMap as _};
use serde_json::{Map, Value};

use crate::{
    JwsError, KeySet, Secret, SignError, SigningKey,
    jws_claims::{check_issuer, check_times, seconds, sole_audience, text},
    key_set::HeaderRules,
};

/// The `typ` of a logout token (Back-Channel Logout section 2.4).
const LOGOUT_TOKEN_TYPE: &str = "logout+jwt";
/// The one event that a logout token tells of.
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// The claims of a logout token (Back-Channel Logout section 2.4). Sent as the form parameter `logout_token`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LogoutToken {
    /// Our issuer.
    pub iss: String,
    /// The client's id.
    pub aud: String,
    /// When it was made, in Unix seconds.
    pub iat: i64,
    /// Until when it is valid; two minutes are recommended.
    pub exp: i64,
    /// Its own id.
    pub jti: String,
    /// The person.
    pub sub: String,
    /// The session. Without one, every session of the person has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// That it is a logout token.
    pub events: LogoutEvent,
}

/// The claim `events`: always the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogoutEvent;

impl Serialize for LogoutEvent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry(EVENT, &Map::new())?;
        map.end()
    }
}

impl LogoutToken {
    /// Signs it with the algorithm that the client is registered with.
    pub fn sign(&self, key: &SigningKey) -> Result<Secret, SignError> {
        key.sign(LOGOUT_TOKEN_TYPE, self).map(Secret::new)
    }
}

/// What a client learns from a logout token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedOut {
    /// Whose sessions.
    pub subject: Option<String>,
    /// Which session; without one, all of the subject's.
    pub session_id: Option<String>,
    /// The token's id: refuse one that is known already.
    pub jti: String,
    /// Until when to know it, in Unix seconds.
    pub remember_until: i64,
}

/// By what a client judges a logout token.
#[derive(Clone, Copy, Debug)]
pub struct LogoutTokenRules<'a> {
    /// The provider's issuer.
    pub issuer: &'a str,
    /// The client's own id.
    pub client_id: &'a str,
    /// The provider's keys.
    pub keys: &'a KeySet,
    /// How far the clocks may be apart, in seconds.
    pub leeway_seconds: u32,
    /// The time, in Unix seconds.
    pub now: i64,
}

impl LogoutTokenRules<'_> {
    /// Verifies a logout token (Back-Channel Logout section 2.6): signature and `typ`; `iss`, `aud`, `iat`, `exp`; `sub`
    /// or `sid`; `events`; no `nonce`, so that no ID token passes; `jti`.
    pub fn verify(&self, token: &str) -> Result<LoggedOut, JwsError> {
        let claims = self.keys.open(token, &HeaderRules::exact(&[LOGOUT_TOKEN_TYPE]))?.claims;
        check_issuer(&claims, self.issuer)?;
        if sole_audience(&claims) != Some(self.client_id) {
            return Err(JwsError::WrongAudience);
        }
        let expires = check_times(&claims, self.leeway_seconds, self.now)?;
        seconds(&claims, "iat")?.ok_or(JwsError::Claim("iat"))?;
        let (subject, session_id) = (optional_text(&claims, "sub")?, optional_text(&claims, "sid")?);
        if subject.is_none() && session_id.is_none() {
            return Err(JwsError::Claim("sub"));
        }
        if !claims.get("events").and_then(|events| events.get(EVENT)).is_some_and(Value::is_object) {
            return Err(JwsError::Claim("events"));
        }
        if claims.contains_key("nonce") {
            return Err(JwsError::Claim("nonce"));
        }
        let jti =
            text(&claims, "jti").filter(|jti| !jti.is_empty()).ok_or(JwsError::Claim("jti"))?.to_owned();
        let remember_until = expires.saturating_add(i64::from(self.leeway_seconds));
        Ok(LoggedOut { subject, session_id, jti, remember_until })
    }
}

/// Not there, or a text that says something.
fn optional_text(claims: &Map<String, Value>, name: &'static str) -> Result<Option<String>, JwsError> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::String(text)) if !text.is_empty() => Ok(Some(text.clone())),
        Some(_) => Err(JwsError::Claim(name)),
    }
}
