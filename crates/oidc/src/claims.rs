//! The claims of tokens: what they say, and of whom.

use aws_lc_rs::digest::{SHA256, SHA512, digest};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use crate::Algorithm;

/// The `typ` of an access token (RFC 9068 section 2.1).
pub const ACCESS_TOKEN_TYPE: &str = "at+jwt";
/// The `typ` of an ID token. The core specification names none; RFC 8725 section 3.11 asks for one.
pub const ID_TOKEN_TYPE: &str = "JWT";
/// The `typ` of a logout token (OpenID Connect Back-Channel Logout section 2.4).
pub const LOGOUT_TOKEN_TYPE: &str = "logout+jwt";
/// The event of a logout token.
pub(crate) const LOGOUT_EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// One audience or several: a text or an array (RFC 7519 section 4.1.3).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(untagged)]
pub enum Audience {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

impl Audience {
    /// An audience of these: one as a text, several as an array.
    pub fn of(mut names: Vec<String>) -> Self {
        match names.len() {
            1 => Self::One(names.remove(0)),
            _ => Self::Many(names),
        }
    }

    /// Whether it names `name`.
    pub fn contains(&self, name: &str) -> bool {
        match self {
            Self::One(one) => one == name,
            Self::Many(many) => many.iter().any(|one| one == name),
        }
    }
}

/// What is said of a person (OpenID Connect Core section 5.1), as far as the scope allows (section 5.4). Kept to what
/// Keyward knows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct PersonClaims {
    /// `profile`: the name, if one was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `profile`: the language chosen (BCP 47).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    /// `profile`: when any of these last changed, Unix seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<i64>,
    /// `email`: the primary address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// `email`: whether it was proved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email_verified: Option<bool>,
}

/// An ID token (OpenID Connect Core section 2). Times are Unix seconds.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct IdTokenClaims {
    /// Who issued it.
    pub iss: String,
    /// Whose it is.
    pub sub: String,
    /// The client.
    pub aud: Audience,
    /// When it expires.
    pub exp: i64,
    /// When it was issued.
    pub iat: i64,
    /// When the person proved who they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<i64>,
    /// What the client sent to bind it to its session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// How strongly they proved it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    /// What they proved (RFC 8176).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
    /// The client it was issued to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub azp: Option<String>,
    /// What it binds to the access token beside it (section 3.1.3.6).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_hash: Option<String>,
    /// The session (OpenID Connect Front-Channel Logout section 3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// What is said of the person, for clients that read only the ID token.
    #[serde(flatten)]
    pub person: PersonClaims,
}

/// An access token (RFC 9068 section 2.2). Times are Unix seconds.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct AccessTokenClaims {
    /// Who issued it.
    pub iss: String,
    /// Whose it is: a person, or the client itself.
    pub sub: String,
    /// For whom it is: a resource, or the issuer's own userinfo.
    pub aud: Audience,
    /// When it expires.
    pub exp: i64,
    /// When it was issued.
    pub iat: i64,
    /// Its id.
    pub jti: String,
    /// The client.
    pub client_id: String,
    /// What it allows, with a space between.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub scope: String,
    /// When the person proved who they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<i64>,
    /// How strongly they proved it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    /// What they proved.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
    /// The session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// The authorization it comes from: it is worthless once that has ended. Ours alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant_id: Option<String>,
}

/// A logout token (OpenID Connect Back-Channel Logout section 2.4). Times are Unix seconds.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct LogoutTokenClaims {
    /// Who issued it.
    pub iss: String,
    /// Who signed out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub: Option<String>,
    /// The client.
    pub aud: Audience,
    /// When it was issued.
    pub iat: i64,
    /// When it expires.
    pub exp: i64,
    /// Its id.
    pub jti: String,
    /// The session that ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// Says that it is one.
    pub events: serde_json::Map<String, serde_json::Value>,
    /// An ID token has one; a logout token must not, so that neither is taken for the other.
    #[serde(default, skip_serializing)]
    pub nonce: Option<serde_json::Value>,
}

impl LogoutTokenClaims {
    /// The event that makes it one.
    pub fn logout_event() -> serde_json::Map<String, serde_json::Value> {
        serde_json::Map::from_iter([(LOGOUT_EVENT.to_owned(), serde_json::json!({}))])
    }

    /// Whether it is one, besides its signature, type, issuer, audience and time (section 2.6).
    pub fn is_logout(&self) -> bool {
        let event = self.events.get(LOGOUT_EVENT).is_some_and(serde_json::Value::is_object);
        event && self.nonce.is_none() && (self.sub.is_some() || self.sid.is_some())
    }
}

/// `at_hash` (OpenID Connect Core section 3.1.3.6): the left half of the hash that the ID token's algorithm uses. For
/// Ed25519 that is SHA-512 (RFC 8032 section 5.1).
pub fn access_token_hash(algorithm: Algorithm, access_token: &str) -> String {
    let hash = match algorithm {
        Algorithm::EdDsa => digest(&SHA512, access_token.as_bytes()),
        Algorithm::Es256 | Algorithm::Rs256 => digest(&SHA256, access_token.as_bytes()),
    };
    let hash = hash.as_ref();
    URL_SAFE_NO_PAD.encode(&hash[..hash.len() / 2])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// OpenID Connect Core appendix A.3 and A.4: an access token and its hash under RS256.
    #[test]
    fn at_hash_is_as_the_specification_has_it() {
        let hash = access_token_hash(Algorithm::Rs256, "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y");
        assert_eq!(hash, "77QmUPtjPfzWtF2AnpK9RQ");
    }

    #[test]
    fn one_audience_is_a_text_and_several_are_an_array() {
        let json = |names: &[&str]| {
            serde_json::to_string(&Audience::of(names.iter().map(ToString::to_string).collect())).unwrap()
        };
        assert_eq!(json(&["a"]), r#""a""#);
        assert_eq!(json(&["a", "b"]), r#"["a","b"]"#);
        assert!(Audience::Many(vec!["a".into(), "b".into()]).contains("b"));
        assert!(!Audience::One("a".into()).contains("b"));
    }

    #[test]
    fn a_logout_token_has_its_event_names_somebody_and_has_no_nonce() {
        let token = |json: &str| serde_json::from_str::<LogoutTokenClaims>(json).unwrap().is_logout();
        let rest = r#""iss":"i","aud":"c","iat":1,"exp":2,"jti":"j""#;
        let event = format!(r#""events":{{"{LOGOUT_EVENT}":{{}}}}"#);
        assert!(token(&format!(r#"{{{rest},"sid":"s",{event}}}"#)));
        assert!(token(&format!(r#"{{{rest},"sub":"s",{event}}}"#)));
        assert!(!token(&format!(r#"{{{rest},{event}}}"#)), "of nobody");
        assert!(!token(&format!(r#"{{{rest},"sid":"s","events":{{}}}}"#)), "no event");
        assert!(!token(&format!(r#"{{{rest},"sid":"s","events":{{"{LOGOUT_EVENT}":true}}}}"#)));
        assert!(!token(&format!(r#"{{{rest},"sid":"s","nonce":"n",{event}}}"#)), "an ID token");
        assert!(!token(&format!(r#"{{{rest},"sid":"s","nonce":1,{event}}}"#)));
    }
}
