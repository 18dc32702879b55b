//! Changing a password, and asking for it before something that cannot be undone.

use domain::{Password, Timestamp, Weakness};
use store::{Turn, Tx};
use uuid::Uuid;

use crate::audit::{Act, Outcome};
use crate::fault::Faulty;
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
    /// It is too long since the second step was taken: a password alone must not get past it.
    #[error("it is too long since you proved who you are: do so again")]
    NotFresh,
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

impl From<TooMany> for Refusal {
    fn from(too_many: TooMany) -> Self {
        Self::TooMany(too_many)
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl Faulty for PasswordChangeError {
    fn fault(&self) -> Option<&Fault> {
        if let Self::Fault(fault) = self { Some(fault) } else { None }
    }
}

impl From<Refusal> for PasswordChangeError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Wrong => Self::WrongPassword,
            Refusal::TooMany(too_many) => too_many.into(),
            Refusal::Fault(fault) => fault.into(),
        }
    }
}

impl Auth {
    /// Checks the present password of whoever is signed in, on the way to `act`, under the same limits as signing in.
    /// Gives its hash.
    pub(crate) async fn check_password(
        &self,
        current: &Current,
        password: &Password,
        act: Act,
        context: &Context,
    ) -> Result<String, Refusal> {
        let (hash, known) = self.find_password(current, context).await?;
        let browser = context.browser.as_ref().filter(|_| known);
        let account = current.email.normalized();
        let asked = self.limiter.credential(account, browser, context, self.clock.now()).await;
        let attempt = self.within::<_, Refusal>(asked, act, Some(current.user), context).await?;
        let (attempt, verified) =
            attempt.unless_fault(self.hasher.verify(password, hash.as_deref()).await).await?;
        match hash {
            Some(hash) if verified.right => {
                attempt.refund().await;
                Ok(hash)
            }
            _ => {
                self.record_refusal(act, Some(current.pseudonym), "password", context).await?;
                Err(Refusal::Wrong)
            }
        }
    }

    /// The hash of the present password, and whether this browser has signed in to the account before.
    pub(crate) async fn find_password(
        &self,
        current: &Current,
        context: &Context,
    ) -> Result<(Option<String>, bool), Fault> {
        let mut tx = self.store.read().await?;
        let hash = store::passwords::find(&mut tx, current.user).await?;
        let known = match &context.browser {
            Some(browser) => store::known_browsers::is_known(&mut tx, browser, current.user).await?,
            None => false,
        };
        Ok((hash, known))
    }

    /// A transaction in which whoever asked is still signed in, and their password still is the one that was checked:
    /// hashing takes a while. Nothing if it is another by now.
    pub(crate) async fn begin_with_password(
        &self,
        asked: &Current,
        checked_hash: &str,
    ) -> Result<Option<(Tx, Current)>, Fault> {
        self.begin_with_password_in_turn(asked, checked_hash, &[Turn::Account(asked.user)]).await
    }

    /// The same, of an act that is about more than the account.
    pub(crate) async fn begin_with_password_in_turn(
        &self,
        asked: &Current,
        checked_hash: &str,
        turns: &[Turn<'_>],
    ) -> Result<Option<(Tx, Current)>, Fault> {
        let (mut tx, current) = self.begin_as_in_turn(asked, turns).await?;
        let hash = store::passwords::find(&mut tx, current.user).await?;
        Ok((hash.as_deref() == Some(checked_hash)).then_some((tx, current)))
    }

    /// Changes the password of whoever is signed in: every other session ends, and this one gets a new id. What it says of
    /// proofs stays: the password was shown, and a second step, if there is one, was not.
    pub async fn change_password(
        &self,
        current: &Current,
        present: &Password,
        new: &Password,
        context: &Context,
    ) -> Result<NewSession, PasswordChangeError> {
        again!(self.change_password_once(current, present, new, context))
    }

    async fn change_password_once(
        &self,
        current: &Current,
        present: &Password,
        new: &Password,
        context: &Context,
    ) -> Result<NewSession, PasswordChangeError> {
        if current.second_step && !self.is_fresh(current) {
            return Err(PasswordChangeError::NotFresh);
        }
        self.settings.check_password(new, Some(&current.email), current.second_step)?;
        let old_hash = self.check_password(current, present, Act::ChangePassword, context).await?;
        if is_same(new, present) {
            return Err(Weakness::Unchanged.into());
        }
        self.check_breaches(new).await?;
        let new_hash = self.hasher.hash(new).await?;
        let Some((mut tx, current)) = self.begin_with_password(current, &old_hash).await? else {
            return Err(PasswordChangeError::WrongPassword);
        };
        // The second step may have gone meanwhile, and the password with it would be too short without.
        self.settings.check_password(new, Some(&current.email), current.second_step)?;
        let now = self.clock.now();
        let (session, ended) = self.set_password(&mut tx, &current, &new_hash, context, now).await?;
        let person = Some(current.pseudonym);
        self.record(&mut tx, Outcome::Done(Act::ChangePassword), person, "", context, now).await?;
        self.commit_changed(tx, ended).await?;
        Ok(session)
    }

    /// Puts a new password in force, the present one having been checked. Whatever was opened or begun under the old one
    /// is worthless: sessions, codes and links on their way, a change of address, what other browsers are known for. Gives a session in the place of the
    /// present one, and those that ended.
    pub(crate) async fn set_password(
        &self,
        tx: &mut Tx,
        current: &Current,
        new_hash: &str,
        context: &Context,
        now: Timestamp,
    ) -> Result<(NewSession, Vec<Uuid>), Fault> {
        store::passwords::set(tx, current.user, new_hash, now).await?;
        // A browser in which the old password was typed has no budget of tries at the new one.
        let kept = context.browser.unwrap_or_default();
        store::known_browsers::forget_others(tx, current.user, &kept).await?;
        store::email_changes::delete(tx, current.user).await?;
        self.withdraw(tx, current.user).await?;
        // What apps were given somewhere else too: whoever knows the old password may be behind it.
        let mut ended = self.end_everything(tx, current.user, Some(current.id), now).await?;
        let session = self.exchange_session(tx, current, now).await?;
        ended.push(current.id.0);
        let mail = notice(current, Message::PasswordChanged { at: now }, context);
        self.send(tx, &mail, None, now).await?;
        Ok((session, ended))
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

/// Whether a new password is the present one.
pub(crate) fn is_same(new: &Password, present: &Password) -> bool {
    secrets::constant_time_equal(new.expose_bytes(), present.expose_bytes())
}
