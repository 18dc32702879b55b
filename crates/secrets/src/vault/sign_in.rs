//! Signing in to Vault, and staying signed in: a token is renewed when two thirds of its life are over, and exchanged for another where
//! that gives too little.

use std::sync::PoisonError;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::Vault;
use crate::http::Answer;
use crate::{SecretCause, SecretRef, VaultAuth};

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
    /// How long it is good, from when it was given or renewed; none where it does not end, or somebody else sees to it.
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
        let seconds =
            answer.body.pointer("/auth/lease_duration").and_then(Value::as_u64).filter(|life| *life > 0)?;
        let duration = Duration::from_secs(seconds);
        Some(Self { first: first.unwrap_or(duration), duration, since: now() })
    }

    fn is_ending(&self) -> bool {
        self.since.elapsed() > self.duration * 2 / 3
    }
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
                let secret = self.own(reference, "secrets.vault.token").await?;
                Held { secret, life: None, renewable: false, role: None }
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

#[expect(clippy::disallowed_methods, reason = "it is the runtime's clock, which its own time limits go by")]
pub(super) fn now() -> Instant {
    Instant::now()
}
