//! The secret id that an AppRole signs in with: when it ends, and another in its place before that. It cannot be given more time.

use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use super::Vault;
use super::sign_in::Token;
use crate::{SecretCause, VaultAuth};

/// For how long a secret id is good. Moments are seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecretIdLife {
    /// When it was made.
    pub made: i64,
    /// When it ends.
    pub ends: i64,
}

impl Vault {
    /// For how long ours is good; none where it does not end.
    pub(crate) async fn secret_id(&self) -> Result<Option<SecretIdLife>, SecretCause> {
        let token = self.token(None).await?;
        self.secret_id_by(&token).await
    }

    pub(super) async fn secret_id_by(&self, token: &Token) -> Result<Option<SecretIdLife>, SecretCause> {
        let (at, secret_id) = self.of_role(token)?;
        let secret_id = self.own(secret_id, "secrets.vault.secret_id").await?;
        let body = json!({ "secret_id": secret_id.expose_secret() });
        let answer = self.post(&format!("{at}/lookup"), &body, token).await?;
        let moment = |name: &str| -> Option<i64> {
            let text = answer.body.pointer(&format!("/data/{name}"))?.as_str()?;
            text.parse::<Timestamp>().ok().map(Timestamp::as_second)
        };
        match (answer.status, moment("creation_time"), moment("expiration_time")) {
            // One that never ends does so in the year 1.
            (200, _, Some(ends)) if ends <= 0 => Ok(None),
            (200, Some(made), Some(ends)) => Ok(Some(SecretIdLife { made, ends })),
            (200, ..) => Err(self.unusable("its answer does not tell when the secret id ends".to_owned())),
            (204 | 404, ..) => {
                Err(self.missing(format!("at {at}: the secret id that is kept here is known no more")))
            }
            // What it says is not repeated: it may hold what it was asked with.
            (status, ..) => Err(self.not_allowed(status, &format!("{at}/lookup"))),
        }
    }

    /// Another for the same role, which has let us in.
    pub(crate) async fn another_secret_id(&self) -> Result<SecretString, SecretCause> {
        let token = self.token(None).await?;
        let (at, _) = self.of_role(&token)?;
        let answer = self.post(&at, &json!({}), &token).await?;
        let secret_id = answer.body.pointer("/data/secret_id").and_then(Value::as_str);
        let Some(secret_id) = secret_id.filter(|_| answer.status == 200) else {
            return Err(self.not_allowed(answer.status, &at));
        };
        let secret_id = SecretString::from(secret_id);
        if let VaultAuth::AppRole { mount, role_id, .. } = &self.settings.auth {
            self.sign_in(mount, role_id, &secret_id).await?;
        }
        Ok(secret_id)
    }

    /// Where the secret ids of our role are, and where ours is kept.
    fn of_role(&self, token: &Token) -> Result<(String, &crate::SecretRef), SecretCause> {
        match (&self.settings.auth, &token.role) {
            (VaultAuth::AppRole { mount, secret_id, .. }, Some(role)) => {
                Ok((format!("auth/{mount}/role/{role}/secret-id"), secret_id))
            }
            (VaultAuth::AppRole { .. }, None) => {
                Err(self.unusable("it does not say as which role it lets us in".to_owned()))
            }
            (VaultAuth::Token(_), _) => Err(self.unusable(
                "we sign in by secrets.vault.token, which has no secret id: whoever made the token keeps it fresh".to_owned(),
            )),
        }
    }

    fn not_allowed(&self, status: u16, at: &str) -> SecretCause {
        match status {
            401 | 403 => self.denied(format!("the policy has no `update` on {at}")),
            _ => self.unusable(format!("at {at} it answers with status {status}")),
        }
    }
}
