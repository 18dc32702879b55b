//! What a person may change about their account: name, language, second step, and that it exists.

use domain::{DisplayName, Email, Password, Timestamp, UserId, Weakness};
use store::{Turn, Tx};

use crate::audit::{Act, Outcome};
use crate::fault::Faulty;
use crate::outbox::Message;
use crate::password::{Refusal, is_same, notice};
use crate::{Auth, Context, Current, Fault, NewSession, TooMany};

/// An account, as its owner sees it.
#[derive(Clone, Debug)]
pub struct Account {
    /// Its id.
    pub id: UserId,
    /// Its name; may be empty.
    pub name: String,
    /// Its language, if one was chosen, as a BCP 47 tag.
    pub locale: Option<String>,
    /// Its primary address.
    pub email: Email,
    /// Whether that address was proved.
    pub proved: bool,
    /// Whether a code by mail is asked for after the password.
    pub second_step: bool,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Why the second step was not switched.
#[derive(Debug, thiserror::Error)]
pub enum SecondStepError {
    /// The present password was not given right.
    #[error("this is not your password")]
    WrongPassword,
    /// Without a second step the password must be longer: a new one is needed with it.
    #[error(transparent)]
    Weak(#[from] Weakness),
    /// Too many tries at the password.
    #[error(transparent)]
    TooMany(#[from] TooMany),
    /// Ours.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Why the account was not deleted.
#[derive(Debug, thiserror::Error)]
pub enum DeleteError {
    /// The password was not given right.
    #[error("this is not your password")]
    WrongPassword,
    /// Too many tries at the password.
    #[error(transparent)]
    TooMany(#[from] TooMany),
    /// Ours.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl Faulty for DeleteError {
    fn fault(&self) -> Option<&Fault> {
        if let Self::Fault(fault) = self { Some(fault) } else { None }
    }
}

impl From<Refusal> for SecondStepError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Wrong => Self::WrongPassword,
            Refusal::TooMany(too_many) => too_many.into(),
            Refusal::Fault(fault) => fault.into(),
        }
    }
}

impl From<Refusal> for DeleteError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Wrong => Self::WrongPassword,
            Refusal::TooMany(too_many) => too_many.into(),
            Refusal::Fault(fault) => fault.into(),
        }
    }
}

impl Auth {
    /// The account of whoever is signed in.
    pub async fn account(&self, current: &Current) -> Result<Option<Account>, Fault> {
        let found = store::users::find(&mut self.store.look().await?, current.user).await?;
        found
            .map(|user| {
                Ok(Account {
                    id: UserId(user.id),
                    email: crate::session::stored_email(&user.address)?,
                    name: user.name,
                    locale: user.locale,
                    proved: user.proved_at.is_some(),
                    second_step: user.second_step,
                    created_at: Timestamp(user.created_at),
                })
            })
            .transpose()
    }

    /// Sets name and language.
    pub async fn change_profile(
        &self,
        current: &Current,
        name: &DisplayName,
        locale: Option<&str>,
        context: &Context,
    ) -> Result<(), Fault> {
        let now = self.clock.now();
        let (mut tx, current) = self.begin_once(current, context).await?;
        store::users::set_profile(&mut tx, current.user, name.as_str(), locale, now).await?;
        self.record(&mut tx, Outcome::Done(Act::ChangeProfile), Some(current.pseudonym), "", context, now)
            .await?;
        Ok(tx.commit().await?)
    }

    /// Switches the second step on. The session gets a new id, as at every change of privilege.
    pub async fn enable_second_step(
        &self,
        current: &Current,
        context: &Context,
    ) -> Result<NewSession, SecondStepError> {
        let now = self.clock.now();
        let (mut tx, current) = self.begin_as(current).await?;
        let session = self.exchange_session(&mut tx, &current, now).await?;
        self.set_second_step(&mut tx, &current, true, context, now).await?;
        self.commit_changed(tx, [current.id.0]).await?;
        Ok(session)
    }

    /// Switches the second step off. The password that was enough with it may be too short without: then a new one has
    /// to come along. The session gets a new id; with a new password every other session ends.
    pub async fn disable_second_step(
        &self,
        current: &Current,
        present: &Password,
        new: Option<&Password>,
        context: &Context,
    ) -> Result<NewSession, SecondStepError> {
        if let Some(new) = new {
            self.settings.check_password(new, Some(&current.email), false)?;
        }
        let old_hash = self.check_password(current, present, Act::SetSecondStep, context).await?;
        self.settings.check_password(new.unwrap_or(present), Some(&current.email), false)?;
        if new.is_some_and(|new| is_same(new, present)) {
            return Err(Weakness::Unchanged.into());
        }
        let new_hash = match new {
            Some(new) => {
                self.check_breaches(new).await?;
                Some(self.hasher.hash(new).await?)
            }
            None => None,
        };
        let Some((mut tx, current)) = self.begin_with_password(current, &old_hash).await? else {
            return Err(SecondStepError::WrongPassword);
        };
        let now = self.clock.now();
        let (session, ended) = match new_hash {
            Some(hash) => {
                let person = Some(current.pseudonym);
                let changed = Outcome::Done(Act::ChangePassword);
                self.record(&mut tx, changed, person, "with the second step", context, now).await?;
                self.set_password(&mut tx, &current, &hash, context, now).await?
            }
            None => (self.exchange_session(&mut tx, &current, now).await?, vec![current.id.0]),
        };
        self.set_second_step(&mut tx, &current, false, context, now).await?;
        self.commit_changed(tx, ended).await?;
        Ok(session)
    }

    async fn set_second_step(
        &self,
        tx: &mut Tx,
        current: &Current,
        on: bool,
        context: &Context,
        now: Timestamp,
    ) -> Result<(), Fault> {
        store::users::set_second_step(tx, current.user, on, now).await?;
        let mail = notice(current, Message::SecondStepChanged { on }, context);
        self.send(tx, &mail, None, now).await?;
        let (person, detail) = (Some(current.pseudonym), if on { "on" } else { "off" });
        self.record(tx, Outcome::Done(Act::SetSecondStep), person, detail, context, now).await
    }

    /// Deletes the account of whoever is signed in. The trail keeps what was done and forgets who did it.
    pub async fn delete_account(
        &self,
        current: &Current,
        password: &Password,
        context: &Context,
    ) -> Result<(), DeleteError> {
        again!(self.delete_account_once(current, password, context))
    }

    async fn delete_account_once(
        &self,
        current: &Current,
        password: &Password,
        context: &Context,
    ) -> Result<(), DeleteError> {
        let hash = self.check_password(current, password, Act::DeleteAccount, context).await?;
        // About its address too: whoever is just being sent something by it would refer to an account that is gone. A session
        // goes on under another id where the address changes, so that it is the one that was asked by.
        let turns = [Turn::Account(current.user), Turn::Address(current.email.normalized())];
        let begun = self.begin_with_password_in_turn(current, &hash, &turns).await?;
        let Some((tx, current)) = begun else {
            return Err(DeleteError::WrongPassword);
        };
        Ok(self.erase(tx, &current, context).await?)
    }

    async fn erase(&self, mut tx: Tx, current: &Current, context: &Context) -> Result<(), Fault> {
        let now = self.clock.now();
        let ended = self.end_everything(&mut tx, current.user, None, now).await?;
        let mail = notice(current, Message::AccountDeleted, context);
        self.send(&mut tx, &mail, None, now).await?;
        let person = Some(current.pseudonym);
        self.record(&mut tx, Outcome::Done(Act::DeleteAccount), person, "", context, now).await?;
        store::users::delete(&mut tx, current.user).await?;
        self.commit_changed(tx, ended).await
    }
}
