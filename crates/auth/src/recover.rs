//! A forgotten password. Recovery proves the address, sets a new password, ends every session, and opens none: it never
//! raises the level that was reached, and a second step stays on.

use domain::{ArtefactId, Email, Password, UserId, Weakness};
use serde::{Deserialize, Serialize};
use store::Turn;

use crate::artefact::{Evidence, EvidenceError, Holder, Purpose, is_bound_to};
use crate::audit::{Act, Outcome};
use crate::outbox::{Mail, Message};
use crate::{Auth, Context, Fault, TooMany};

/// Why the password was not reset.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    /// The code or link is not good.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// The new password will not do.
    #[error(transparent)]
    Weak(#[from] Weakness),
    /// Too many mails to this address.
    #[error(transparent)]
    TooMany(#[from] TooMany),
    /// Ours.
    #[error(transparent)]
    Fault(#[from] Fault),
}

#[derive(Debug, Deserialize, Serialize)]
struct Reset {
    email: Email,
    return_to: Option<String>,
}

/// A reset that is waited for.
#[derive(Clone, Debug)]
pub struct PendingReset {
    /// The address whose password was forgotten, as it was typed.
    pub email: Email,
    /// Where whoever asked was on the way to.
    pub return_to: Option<String>,
}

impl Auth {
    /// Asks for a reset, on the way to `return_to`. The answer and the work are the same for an address that has no account;
    /// only no mail goes out.
    pub async fn request_reset(
        &self,
        email: &Email,
        return_to: Option<String>,
        context: &Context,
    ) -> Result<ArtefactId, RecoverError> {
        let now = self.clock.now();
        let browser = context.browser.as_ref();
        let found = {
            let mut tx = self.store.look().await.map_err(Fault::from)?;
            let browser = browser.map(<[u8; 32]>::as_slice);
            store::users::find_for_sign_in(&mut tx, email.normalized(), browser).await.map_err(Fault::from)?
        };
        let known = found.as_ref().is_some_and(|found| found.known_browser);
        let asked =
            self.limiter.mails(&[(email.normalized(), browser.filter(|_| known))], context, now).await;
        let user = found.map(|found| UserId(found.user.id));
        let asked = self.within::<_, RecoverError>(asked, Act::RequestReset, user, context).await?;
        let reset = Reset { email: email.clone(), return_to };
        let issued = self.issue_reset(&reset, context).await;
        let (_counted, id) = asked.unless_fault(issued).await?;
        Ok(id)
    }

    async fn issue_reset(&self, reset: &Reset, context: &Context) -> Result<ArtefactId, Fault> {
        let now = self.clock.now();
        let email = &reset.email;
        let life = self.life(Purpose::ResetPassword);
        // Whoever moves the account away from this address withdraws what was sent to it, this too.
        let mut tx = self.store.begin_in_turn(&[Turn::Address(email.normalized())]).await?;
        let account = store::users::find_for_sign_in(&mut tx, email.normalized(), None).await?;
        let account = account.map(|found| found.user).filter(|user| user.disabled_at.is_none());
        let holder = Holder { user: account.as_ref().map(|account| UserId(account.id)), email };
        let issued = self.issue(&mut tx, Purpose::ResetPassword, holder, reset, context, now).await?;
        let own_locale = account.as_ref().and_then(|account| account.locale.clone());
        let mail = Mail {
            to: account
                .as_ref()
                .map_or_else(|| email.address().to_owned(), |account| account.address.clone()),
            locale: own_locale.unwrap_or_else(|| context.locale.clone()),
            message: Message::ResetPassword {
                code: issued.code,
                link: self.link("/reset/new", &issued.token),
                minutes: life.as_secs() / 60,
            },
        };
        if account.is_some() {
            self.send(&mut tx, &mail, Some(life), now).await?;
        } else {
            self.pretend_to_send(&mut tx, &mail, Some(life), now).await?;
        }
        let person = account.map(|account| account.pseudonym);
        self.record(&mut tx, Outcome::Asked(Act::RequestReset), person, "", context, now).await?;
        tx.commit().await?;
        Ok(issued.id)
    }

    /// What a page that asks for the code shows, if this is the browser that asked for the reset.
    pub async fn pending_reset(
        &self,
        id: ArtefactId,
        context: &Context,
    ) -> Result<Option<PendingReset>, Fault> {
        let mut tx = self.store.look().await?;
        let purpose = Purpose::ResetPassword.name();
        let found = store::artefacts::find(&mut tx, id, purpose, self.clock.now()).await?;
        let Some(artefact) = found.filter(|artefact| is_bound_to(artefact, context)) else { return Ok(None) };
        let Reset { email, return_to } = self.payload(&artefact)?;
        Ok(Some(PendingReset { email, return_to }))
    }

    /// Whose password a link resets. Nothing is used up.
    pub async fn pending_reset_by_link(
        &self,
        token: &str,
        context: &Context,
    ) -> Result<Email, EvidenceError> {
        let evidence = Evidence::Link { token: token.to_owned() };
        let artefact = self.examine(&evidence, Purpose::ResetPassword, context).await?;
        Ok(self.payload::<Reset>(&artefact)?.email)
    }

    /// Resets a password. Gives where whoever asked for it was on the way to, if this is the browser that they asked in: a
    /// stranger's request leads nobody anywhere.
    pub async fn reset_password(
        &self,
        evidence: &Evidence,
        password: &Password,
        context: &Context,
    ) -> Result<Option<String>, RecoverError> {
        let artefact = self.examine(evidence, Purpose::ResetPassword, context).await?;
        let reset: Reset = self.payload(&artefact)?;
        let Some(user) = artefact.user_id.map(UserId) else { return Err(EvidenceError::Gone.into()) };
        let (account, before) = {
            let mut tx = self.store.read().await.map_err(Fault::from)?;
            // In one picture with the password: to whoever used the link at the same time, it is gone, and not unchanged.
            let (id, purpose) = (ArtefactId(artefact.id), Purpose::ResetPassword.name());
            let live = store::artefacts::find(&mut tx, id, purpose, self.clock.now()).await;
            live.map_err(Fault::from)?.ok_or(EvidenceError::Gone)?;
            let account =
                store::users::find(&mut tx, user).await.map_err(Fault::from)?.ok_or(EvidenceError::Gone)?;
            (account, store::passwords::find(&mut tx, user).await.map_err(Fault::from)?)
        };
        // Whoever set up an account before its address was proved may not be who proves it now.
        let unproved = account.proved_at.is_none();
        let second_step = account.second_step && !unproved;
        self.settings.check_password(password, Some(&reset.email), second_step)?;
        self.check_breaches(password).await?;
        // A password that was forgotten is not set again: whoever knows it may be why it is reset. What a stranger set before
        // the address was proved is nobody's. It tells no more than one guess, as any other password uses the link up.
        // Nor does a hash count that cannot be verified here: to set another is the way out of it.
        let before = before.filter(|hash| !unproved && self.hasher.can_verify(hash));
        if before.is_some() && self.hasher.verify(password, before.as_deref()).await?.right {
            return Err(Weakness::Unchanged.into());
        }
        let hash = self.hasher.hash(password).await?;
        let id = ArtefactId(artefact.id);
        if !self.apply_reset(&account, id, &hash, context).await? {
            return Err(EvidenceError::Gone.into());
        }
        Ok(reset.return_to.filter(|_| is_bound_to(&artefact, context)))
    }

    async fn apply_reset(
        &self,
        account: &store::users::User,
        artefact: ArtefactId,
        hash: &str,
        context: &Context,
    ) -> Result<bool, Fault> {
        let now = self.clock.now();
        let user = UserId(account.id);
        let mut tx = self.store.begin_in_turn(&[Turn::Account(user)]).await?;
        let taken = store::artefacts::take(&mut tx, artefact, Purpose::ResetPassword.name(), now).await?;
        // The account may have been disabled or changed since the reset was asked for.
        let now_as_then = store::users::find(&mut tx, user).await?.is_some_and(|found| {
            // A second step that was switched off meanwhile would leave a password that is too short alone.
            found.disabled_at.is_none() && found.second_step == account.second_step
        });
        if taken.is_none() || !now_as_then {
            return Ok(false);
        }
        if store::emails::set_proved(&mut tx, user, now).await? {
            store::users::set_profile(&mut tx, user, "", None, now).await?;
            store::users::set_second_step(&mut tx, user, false, now).await?;
        }
        store::passwords::set(&mut tx, user, hash, now).await?;
        store::known_browsers::forget_all(&mut tx, user).await?;
        store::email_changes::delete(&mut tx, user).await?;
        store::artefacts::delete_all_of(&mut tx, user).await?;
        let ended = self.end_everything(&mut tx, user, None, now).await?;
        let mail = Mail {
            to: account.address.clone(),
            locale: account.locale.clone().unwrap_or_else(|| context.locale.clone()),
            message: Message::PasswordChanged { at: now },
        };
        self.send(&mut tx, &mail, None, now).await?;
        let person = Some(account.pseudonym);
        self.record(&mut tx, Outcome::Done(Act::ResetPassword), person, "", context, now).await?;
        self.commit_changed(tx, ended).await?;
        Ok(true)
    }
}
