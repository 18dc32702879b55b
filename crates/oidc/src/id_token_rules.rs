//! `IdTokenRules`: an app learns who has signed in.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use serde_json::{Map, Value};

use crate::{
    Algorithm, JwsError, KeySet, PersonClaims, Secret, at_hash,
    id_token::ID_TOKEN_TYPE,
    jws_claims::{check_issuer, check_times, seconds, sole_audience, text},
    key_set::{HeaderRules, read_claims},
};

/// Other providers send no `typ`, and a set with one key needs no `kid`.
const HEADER: HeaderRules<'static> =
    HeaderRules { types: &[ID_TOKEN_TYPE], may_omit_type: true, may_omit_kid: true };

/// OpenID Connect Core section 2.
const MAXIMUM_SUBJECT_BYTES: usize = 255;

/// By what an app judges an ID token (OpenID Connect Core section 3.1.3.7, RFC 9700 section 2.1).
#[derive(Clone, Copy, Debug)]
pub struct IdTokenRules<'a> {
    /// The provider that was asked.
    pub issuer: &'a str,
    /// Our own id.
    pub client_id: &'a str,
    /// The `nonce` that is kept for this browser.
    pub nonce: &'a str,
    /// The `max_age` that was asked for.
    pub max_age: Option<u32>,
    /// The algorithms that are accepted, whatever keys the provider has.
    pub algorithms: &'a [Algorithm],
    /// The access token that came with it.
    pub access_token: Option<&'a Secret>,
    /// The provider's keys.
    pub keys: &'a KeySet,
    /// How far the clocks may be apart, in seconds.
    pub leeway_seconds: u32,
    /// The time, in Unix seconds.
    pub now: i64,
}

/// Who has signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedIn {
    /// The person, by an id that is unique and unchanging with this issuer.
    pub subject: String,
    /// The session, which a logout token names.
    pub session_id: Option<String>,
    /// When the person proved who they are, in Unix seconds.
    pub auth_time: Option<i64>,
    /// The level of authentication that was reached.
    pub acr: Option<String>,
    /// By which methods.
    pub amr: Vec<String>,
    /// What is told of the person.
    pub person: PersonClaims,
}

/// Of which sign-in a refreshed ID token has to be.
#[derive(Clone, Copy, Debug)]
pub struct SignInKept<'a> {
    /// The person.
    pub subject: &'a str,
    /// The session.
    pub session_id: Option<&'a str>,
    /// When the person proved who they are, in Unix seconds.
    pub auth_time: Option<i64>,
}

impl IdTokenRules<'_> {
    /// Verifies an ID token: signature, algorithm and `typ`; `iss`, `aud`, `azp`; `exp`, `nbf`, `iat`; `nonce`;
    /// `auth_time`, where `max_age` was asked for; `at_hash`, where it is there; `sub`.
    pub fn verify(&self, token: &str) -> Result<SignedIn, JwsError> {
        let claims = self.open(token)?;
        let same = |one: &str, other: &str| verify_slices_are_equal(one.as_bytes(), other.as_bytes()).is_ok();
        if self.nonce.is_empty() || !text(&claims, "nonce").is_some_and(|nonce| same(nonce, self.nonce)) {
            return Err(JwsError::Claim("nonce"));
        }
        self.check_age(&claims)?;
        signed_in(claims)
    }

    /// Verifies an ID token that came of a refresh (OpenID Connect Core section 12.2): as any, and of the very sign-in that
    /// `before` tells of. It has no `nonce`; that of the rules, and their `max_age`, do not count.
    pub fn verify_refreshed(&self, token: &str, before: &SignInKept<'_>) -> Result<SignedIn, JwsError> {
        let claims = self.open(token)?;
        if claims.contains_key("nonce") {
            return Err(JwsError::Claim("nonce"));
        }
        let signed_in = signed_in(claims)?;
        if signed_in.subject != before.subject {
            return Err(JwsError::Claim("sub"));
        }
        if signed_in.session_id.as_deref() != before.session_id {
            return Err(JwsError::Claim("sid"));
        }
        if signed_in.auth_time != before.auth_time {
            return Err(JwsError::Claim("auth_time"));
        }
        Ok(signed_in)
    }

    /// What holds for every ID token.
    fn open(&self, token: &str) -> Result<Map<String, Value>, JwsError> {
        let opened = self.keys.open(token, &HEADER)?;
        let (claims, algorithm) = (opened.claims, opened.key.algorithm());
        if !self.algorithms.contains(&algorithm) {
            return Err(JwsError::WrongAlgorithm);
        }
        check_issuer(&claims, self.issuer)?;
        let authorized = claims.get("azp").is_none_or(|azp| azp.as_str() == Some(self.client_id));
        if sole_audience(&claims) != Some(self.client_id) || !authorized {
            return Err(JwsError::WrongAudience);
        }
        check_times(&claims, self.leeway_seconds, self.now)?;
        seconds(&claims, "iat")?.ok_or(JwsError::Claim("iat"))?;
        self.check_access_token(&claims, algorithm)?;
        Ok(claims)
    }

    /// Checks 12 and 13: the person proved who they are recently enough.
    fn check_age(&self, claims: &Map<String, Value>) -> Result<(), JwsError> {
        let Some(max_age) = self.max_age else { return Ok(()) };
        let auth_time = seconds(claims, "auth_time")?.ok_or(JwsError::Claim("auth_time"))?;
        let allowed = i64::from(max_age).saturating_add(i64::from(self.leeway_seconds));
        let age = self.now.saturating_sub(auth_time);
        if age > allowed { Err(JwsError::Claim("auth_time")) } else { Ok(()) }
    }

    /// Section 3.1.3.8: the access token is the one that was issued with it.
    fn check_access_token(&self, claims: &Map<String, Value>, algorithm: Algorithm) -> Result<(), JwsError> {
        match (claims.get("at_hash"), self.access_token) {
            (Some(hash), Some(token)) if hash.as_str() != Some(&at_hash(token, algorithm)) => {
                Err(JwsError::Claim("at_hash"))
            }
            _ => Ok(()),
        }
    }
}

fn signed_in(claims: Map<String, Value>) -> Result<SignedIn, JwsError> {
    #[derive(serde::Deserialize)]
    struct Claims {
        sub: String,
        sid: Option<String>,
        acr: Option<String>,
        #[serde(default)]
        amr: Vec<String>,
        #[serde(flatten)]
        person: PersonClaims,
    }
    let auth_time = seconds(&claims, "auth_time")?;
    let Claims { sub, sid, acr, amr, person } = read_claims(claims)?;
    if sub.is_empty() || sub.len() > MAXIMUM_SUBJECT_BYTES {
        return Err(JwsError::Claim("sub"));
    }
    Ok(SignedIn { subject: sub, session_id: sid, auth_time, acr, amr, person })
}
