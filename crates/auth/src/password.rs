//! Changing a password, and asking for it before something that cannot be undone.

use domain::{Password, Weakness};

use crate::audit::{Act, Outcome};
use crate::outbox::{Mail, Message};
use crate::{Auth, Context, Current, Fault, NewSession, TooMany};

/// Why the password was not changed.
#[derive(Debug, thiserror::Error)]
pub enum PasswordChangeError {
    /// The present password was not given right.
    #[error("this is not your present password")]
    WrongPassword,
    /// The new one will not do.
    #[error(transparent)]
    Weak(#[from] Weakness),
    /// Too many tries at the present password.
    #[error(transparent)]
    TooMany(#[from] TooMany),
    /// Ours.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Why a password asked for on the way was not accepted.
#[derive(Debug)]
pub(crate) enum Refusal {
    Wrong,
    TooMany(TooMany),
    Fault(Fault),
}

impl Auth {
    /// Checks the present password of whoever is signed in, under the same limits as signing in. Gives its hash.
    pub(crate) async fn check_password(
        &self,
        current: &Current,
        password: &Password,
        context: &Context,
    ) -> Result<String, Refusal> {
        let fault = |error: store::Error| Refusal::Fault(error.into());
        let (hash, known) = {
            let mut tx = self.store.read().await.map_err(fault)?;
            let hash = store::passwords::find(&mut tx, current.user).await.map_err(fault)?;
            let known = match &context.browser {
                Some(browser) => {
                    store::known_browsers::is_known(&mut tx, browser, current.user).await.map_err(fault)?
                }
                None => false,
            };
            (hash, known)
        };
        let browser = context.browser.as_ref().filter(|_| known);
        let now = self.clock.now();
        let attempt = self
            .limiter
            .credential(current.email.normalized(), browser, context, now)
            .map_err(Refusal::TooMany)?;
        if !self.hasher.verify(password, hash.as_deref()).await.map_err(Refusal::Fault)? {
            return Err(Refusal::Wrong);
        }
        attempt.succeeded();
        hash.ok_or(Refusal::Wrong)
    }

    /// Changes the password of whoever is signed in: every other session ends, and this one gets a new id.
    pub async fn change_password(
        &self,
        current: &Current,
        present: &Password,
        new: &Password,
        context: &Context,
    ) -> Result<NewSession, PasswordChangeError> {
        self.settings.accounts.policy().check(new, &current.email, current.second_step)?;
        let old_hash =
            self.check_password(current, present, context).await.map_err(|refusal| match refusal {
                Refusal::Wrong => PasswordChangeError::WrongPassword,
                Refusal::TooMany(too_many) => too_many.into(),
                Refusal::Fault(fault) => fault.into(),
            })?;
        let new_hash = self.hasher.hash(new).await?;
        let session = self.apply_password(current, &old_hash, &new_hash, context).await?;
        // Somebody else changed it while we hashed: the password that was right is no longer.
        session.ok_or(PasswordChangeError::WrongPassword)
    }

    async fn apply_password(
        &self,
        current: &Current,
        old_hash: &str,
        new_hash: &str,
        context: &Context,
    ) -> Result<Option<NewSession>, Fault> {
        let now = self.clock.now();
        let mut tx = self.store.begin().await?;
        if !store::passwords::replace(&mut tx, current.user, old_hash, new_hash, now).await? {
            return Ok(None);
        }
        let ended = store::sessions::delete_others(&mut tx, current.user, None).await?;
        store::artefacts::delete_all_of(&mut tx, current.user).await?;
        store::email_changes::delete(&mut tx, current.user).await?;
        let session = self.open_session(&mut tx, current.user, &current.proofs, None, context, now).await?;
        let mail = notice(current, Message::PasswordChanged { at: now }, context);
        self.send(&mut tx, &mail, None, now).await?;
        let person = Some(current.pseudonym);
        self.record(&mut tx, Outcome::Done(Act::ChangePassword), person, "", context, now).await?;
        tx.commit().await?;
        self.live.changed(ended);
        Ok(Some(session))
    }
}

/// A mail to whoever is signed in, in their language.
pub(crate) fn notice(current: &Current, message: Message, context: &Context) -> Mail {
    Mail {
        to: current.email.address().to_owned(),
        locale: current.locale.clone().unwrap_or_else(|| context.locale.clone()),
        message,
    }
}
