//! Signing in to Vault, and staying signed in: a token is renewed when two thirds of its life are over, and exchanged for another where
//! that gives too little.

use std::sync::PoisonError;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::Vault;
use crate::http::Answer;
use crate::{SecretCause, SecretRef, VaultAuth, constant_time_equal};

/// Where a token is told of itself.
const LOOK_UP: &str = "auth/token/lookup-self";

/// A token, as whoever asks by it knows it.
#[derive(Clone)]
pub(super) struct Token {
    pub(super) secret: SecretString,
    /// The number of the sign-in that it is of.
    pub(super) sign_in: u64,
    /// Nobody has asked by it yet.
    pub(super) is_new: bool,
    /// When it ends, if it does.
    pub(super) ends: Option<Instant>,
    /// The name of the role that was signed in as.
    pub(super) role: Option<String>,
}

/// The last sign-in.
#[derive(Default)]
pub(super) struct SignIn {
    number: u64,
    held: Option<Held>,
}

/// One sign-in, as long as it lives.
pub(super) struct Held {
    secret: SecretString,
    /// How long it is good, from when it was given, renewed or looked up; none where it does not end, or does not say so.
    life: Option<Life>,
    renewable: bool,
    role: Option<String>,
}

struct Life {
    /// What it had at first: less than half of that is not worth to be renewed.
    first: Duration,
    duration: Duration,
    since: Instant,
}

impl Life {
    fn of(answer: &Answer, first: Option<Duration>) -> Option<Self> {
        let duration = seconds(answer, "/auth/lease_duration")?;
        Some(Self { first: first.unwrap_or(duration), duration, since: now() })
    }

    /// What is left to a token that was made a while ago. What is told of one in its last second is 0, as of one that does not end.
    fn left(answer: &Answer) -> Option<Self> {
        answer.body.pointer("/data/expire_time").filter(|ends| !ends.is_null())?;
        let duration = seconds(answer, "/data/ttl").unwrap_or_default();
        let first = seconds(answer, "/data/creation_ttl").unwrap_or(duration);
        Some(Self { first, duration, since: now() })
    }

    fn is_ending(&self) -> bool {
        self.since.elapsed() > self.duration * 2 / 3
    }
}

/// None where it is 0.
fn seconds(answer: &Answer, pointer: &str) -> Option<Duration> {
    let seconds = answer.body.pointer(pointer).and_then(Value::as_u64).filter(|seconds| *seconds > 0);
    seconds.map(Duration::from_secs)
}

impl Held {
    pub(super) fn token(&self, sign_in: u64, is_new: bool) -> Token {
        let ends = self.life.as_ref().map(|life| life.since + life.duration);
        Token { secret: self.secret.clone(), sign_in, is_new, ends, role: self.role.clone() }
    }
}

impl Vault {
    /// The token in use, or a new one if there is none, if it is the `spent` one, or if it ends.
    pub(super) async fn token(&self, spent: Option<&Token>) -> Result<Token, SecretCause> {
        let mut signed_in = self.signed_in.lock().await;
        let number = signed_in.number;
        if spent.is_none_or(|spent| spent.sign_in != number)
            && let Some(held) = &mut signed_in.held
            && (held.life.as_ref().is_none_or(|life| !life.is_ending()) || self.renew_token(held).await)
        {
            return Ok(held.token(number, false));
        }
        let held = match &self.settings.auth {
            VaultAuth::Token(reference) => {
                let held = self.look_up(self.own(reference, "secrets.vault.token").await?).await?;
                // It is the one before: no other sign-in, and what was made by it goes on.
                if signed_in.held.as_ref().is_some_and(|before| is_same(&before.secret, &held.secret)) {
                    let token = held.token(number, false);
                    signed_in.held = Some(held);
                    return Ok(token);
                }
                held
            }
            VaultAuth::AppRole { mount, role_id, secret_id } => {
                self.sign_in(mount, role_id, &self.own(secret_id, "secrets.vault.secret_id").await?).await?
            }
        };
        signed_in.number += 1;
        let token = held.token(signed_in.number, true);
        signed_in.held = Some(held);
        // Where the policy lets nobody look it is not told, which is no fault.
        if token.role.is_some() {
            let life = self.secret_id_by(&token).await.ok().flatten();
            *self.secret_id_life.lock().unwrap_or_else(PoisonError::into_inner) = life;
        }
        Ok(token)
    }

    /// Another token than one that was denied something; none where there is no better one, since that one is good and the policies of
    /// whoever we are do not allow it.
    pub(super) async fn another(&self, denied: &Token) -> Result<Option<Token>, SecretCause> {
        // What signing in costs, a use of the secret id and a token that lives on for its whole life, is not spent in vain. A file costs nothing.
        if matches!(self.settings.auth, VaultAuth::AppRole { .. })
            && self.get(LOOK_UP, denied).await?.status == 200
        {
            return Ok(None);
        }
        let token = self.token(Some(denied)).await?;
        Ok(Some(token).filter(|token| token.sign_in != denied.sign_in))
    }

    /// A token that somebody else made: how long it is good, and whether it can be given more time, it says itself.
    async fn look_up(&self, secret: SecretString) -> Result<Held, SecretCause> {
        let held = Held { secret, life: None, renewable: false, role: None };
        let answer = self.get(LOOK_UP, &held.token(0, true)).await?;
        match answer.status {
            200 => {
                let renewable = answer.body.pointer("/data/renewable").and_then(Value::as_bool);
                Ok(Held { life: Life::left(&answer), renewable: renewable.unwrap_or_default(), ..held })
            }
            // It is known no more, or may not look itself up: whoever reads by it is told.
            400 | 401 | 403 | 404 => Ok(held),
            _ => Err(self.trouble(&answer, "")),
        }
    }

    /// Asks for more time. Says whether it was given, and is worth it.
    async fn renew_token(&self, held: &mut Held) -> bool {
        let Some(first) = held.life.as_ref().map(|life| life.first).filter(|_| held.renewable) else {
            return false;
        };
        let asked = self.post("auth/token/renew-self", &json!({}), &held.token(0, false)).await;
        let Ok(answer) = asked else { return false };
        match Life::of(&answer, Some(first)) {
            Some(life) if answer.status == 200 && life.duration >= first / 2 => {
                held.life = Some(life);
                true
            }
            _ => false,
        }
    }

    /// What we sign in with, trimmed: `bao write -field` and editors leave a newline.
    pub(super) async fn own(
        &self,
        reference: &SecretRef,
        setting: &str,
    ) -> Result<SecretString, SecretCause> {
        let read = reference.resolve().await;
        let secret =
            read.map_err(|error| self.denied(format!("nobody could sign in, since {setting}: {error}")))?;
        Ok(SecretString::from(secret.expose_secret().trim()))
    }

    pub(super) async fn sign_in(
        &self,
        mount: &str,
        role_id: &str,
        secret_id: &SecretString,
    ) -> Result<Held, SecretCause> {
        let body = json!({ "role_id": role_id, "secret_id": secret_id.expose_secret() });
        let answer = self.send(self.client.post(self.at(&format!("auth/{mount}/login"))).json(&body)).await?;
        let token = answer.body.pointer("/auth/client_token").and_then(Value::as_str);
        match (answer.status, token) {
            (200, Some(token)) => Ok(Held {
                secret: SecretString::from(token),
                life: Life::of(&answer, None),
                renewable: answer.body.pointer("/auth/renewable").and_then(Value::as_bool).unwrap_or_default(),
                role: answer.body.pointer("/auth/metadata/role_name").and_then(Value::as_str).map(str::to_owned),
            }),
            // What it says is not repeated: an answer to a sign-in may hold what it was asked with.
            (400 | 401 | 403 | 404, _) => Err(self.denied(format!(
                "it does not let us in as the AppRole at auth/{mount}, status {}: role_id or the secret id is wrong or has \
                 ended, or is not for the network we come from",
                answer.status
            ))),
            _ => Err(self.trouble(&answer, "")),
        }
    }
}

fn is_same(one: &SecretString, other: &SecretString) -> bool {
    constant_time_equal(one.expose_secret().as_bytes(), other.expose_secret().as_bytes())
}

#[expect(clippy::disallowed_methods, reason = "it is the runtime's clock, which its own time limits go by")]
pub(super) fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::lease;

    fn told(ttl: u64, expire_time: &Value) -> Option<Life> {
        let body = json!({ "data": { "ttl": ttl, "creation_ttl": 3600, "expire_time": expire_time } });
        Life::left(&Answer { status: 200, body })
    }

    /// What is made by it is taken back with it, however long its own lease is.
    #[test]
    fn a_token_from_a_file_ends_when_it_says() {
        let ends = json!("2026-05-06T10:00:00Z");
        let life = told(600, &ends).unwrap();
        assert_eq!((life.first.as_secs(), life.duration.as_secs()), (3600, 600));
        assert!(!life.is_ending());
        let held = Held { secret: "s.token".into(), life: Some(life), renewable: true, role: None };
        let made = json!({ "lease_id": "database/creds/keyward/one", "lease_duration": 86_400 });
        let lease = lease::of(&made, &held.token(1, true), now()).unwrap();
        assert!(lease.duration.as_secs() <= 600, "{lease:?}");
        // In its last second, and without an end.
        assert_eq!(told(0, &ends).unwrap().duration, Duration::ZERO);
        assert!(told(0, &Value::Null).is_none());
    }
}
