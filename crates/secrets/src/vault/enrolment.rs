//! A secret id that comes response-wrapped: a token for one look at it, so that whoever carries it need not see it, and so that it is
//! noticed if somebody else looked first.

use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use super::sign_in::Token;
use super::{Vault, said};
use crate::{SecretCause, VaultAuth, VaultSettings};

/// A machine that is about to be given the secret id of its AppRole.
pub struct Enrolment {
    vault: Vault,
    /// `approle`.
    mount: String,
}

/// A secret id that was unwrapped.
#[derive(Debug)]
pub struct SecretId {
    /// The secret id itself.
    pub value: SecretString,
    /// By which an administrator looks at it, and takes it back, without knowing it. It is no secret.
    pub accessor: String,
    /// For how long it is good; none where it does not end.
    pub lifetime: Option<Duration>,
    /// How many sign-ins it is good for; 0 for any number.
    pub uses: u64,
}

/// Why there is no secret id.
#[derive(Debug, thiserror::Error)]
pub enum EnrolError {
    /// It was used, or its time is over.
    #[error(
        "{provider} knows no such wrapping token: it was used already, its time is over, or it is none ({said})"
    )]
    Spent {
        /// `Vault at https://vault:8200`.
        provider: String,
        /// What the manager said.
        said: String,
    },
    /// It wraps something else.
    #[error(
        "this token wraps what {found} answered, and no secret id of {expected}: somebody may have put it in the place of the right one. \
         It was not unwrapped"
    )]
    Swapped {
        /// What made it.
        found: String,
        /// What should have.
        expected: String,
    },
    /// It wraps an answer that looks right and holds nothing.
    #[error("what was unwrapped holds no secret id")]
    Empty,
    /// No answer came to the one question that can be asked once.
    #[error(
        "it {0}, and it is not known whether the token was used up: run it again, and if it is, have a new one wrapped"
    )]
    Unknown(SecretCause),
    /// The manager could not be asked.
    #[error("the wrapping token {0}")]
    Refused(SecretCause),
}

impl Enrolment {
    /// At this manager, for a role of the AppRole method that its settings name. Nobody is signed in.
    pub async fn at(settings: &VaultSettings) -> Result<Self, SecretCause> {
        let mount = match &settings.auth {
            VaultAuth::AppRole { mount, .. } => mount.clone(),
            VaultAuth::Token(_) => "approle".to_owned(),
        };
        Ok(Self { vault: Vault::new(settings).await?, mount })
    }

    /// The role whose secret id a token wraps: any, or the one that it must be. Asking that does not use the token up.
    pub async fn look(&self, token: &SecretString, role: Option<&str>) -> Result<String, EnrolError> {
        let body = json!({ "token": token.expose_secret() });
        let request = self.vault.client.post(self.vault.at("sys/wrapping/lookup")).json(&body);
        let answer = self.vault.send(request).await.map_err(EnrolError::Refused)?;
        match answer.status {
            200 => {}
            400 | 403 | 404 => return Err(self.spent(&answer.body)),
            _ => return Err(EnrolError::Refused(self.vault.refused(&answer, "sys/wrapping/lookup"))),
        }
        let found = answer.body.pointer("/data/creation_path").and_then(Value::as_str).unwrap_or_default();
        let mount = &self.mount;
        let made_by = found
            .strip_prefix(&format!("auth/{mount}/role/"))
            .and_then(|rest| rest.strip_suffix("/secret-id"))
            .filter(|name| !name.is_empty() && !name.contains('/'))
            .filter(|name| role.is_none_or(|role| role == *name));
        made_by.map(str::to_owned).ok_or_else(|| EnrolError::Swapped {
            found: if found.is_empty() { "nobody knows what".to_owned() } else { crate::http::words(found) },
            expected: format!("auth/{mount}/role/{}", role.unwrap_or("ROLE")),
        })
    }

    /// Unwraps it, which can be done once.
    pub async fn unwrap(&self, token: &SecretString) -> Result<SecretId, EnrolError> {
        let by = Token { secret: token.clone(), sign_in: 0, is_new: true, ends: None, role: None };
        let asked = self.vault.post("sys/wrapping/unwrap", &json!({}), &by).await;
        let answer = asked.map_err(|cause| match cause {
            SecretCause::Unreachable { .. } | SecretCause::Unusable { .. } => EnrolError::Unknown(cause),
            cause => EnrolError::Refused(cause),
        })?;
        match answer.status {
            200 => {}
            400 | 403 | 404 => return Err(self.spent(&answer.body)),
            _ => return Err(EnrolError::Unknown(self.vault.refused(&answer, "sys/wrapping/unwrap"))),
        }
        let text = |name: &str| answer.body.pointer(&format!("/data/{name}")).and_then(Value::as_str);
        let count = |name: &str| answer.body.pointer(&format!("/data/{name}")).and_then(Value::as_u64);
        let value = text("secret_id").filter(|id| !id.is_empty()).ok_or(EnrolError::Empty)?;
        let lifetime = count("secret_id_ttl").filter(|seconds| *seconds > 0);
        Ok(SecretId {
            value: SecretString::from(value),
            accessor: text("secret_id_accessor").unwrap_or_default().to_owned(),
            lifetime: lifetime.map(Duration::from_secs),
            uses: count("secret_id_num_uses").unwrap_or_default(),
        })
    }

    /// Signs in by it, and out again: what nobody holds need not go on living.
    pub async fn prove(&self, role_id: &str, secret_id: &SecretString) -> Result<(), SecretCause> {
        let held = self.vault.sign_in(&self.mount, role_id, secret_id).await?;
        // A token that cannot be given back ends by itself.
        let _ = self.vault.post("auth/token/revoke-self", &json!({}), &held.token(0, true)).await;
        Ok(())
    }

    fn spent(&self, body: &Value) -> EnrolError {
        EnrolError::Spent { provider: self.vault.provider.clone(), said: said(body) }
    }
}
