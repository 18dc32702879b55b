//! The second step: a code by mail, after the right password.

use domain::{ArtefactId, Email, Proof, Proofs, UserId};
use store::Turn;
use store::artefacts::Artefact;

use crate::artefact::{Evidence, EvidenceError, Purpose, is_bound_to};
use crate::audit::{Act, Outcome, session_detail};
use crate::counts::Opened;
use crate::outbox::Mail;
use crate::sign_in::Attempt;
use crate::{Auth, Context, Fault, NewSession, TooMany};

/// A second step that is waited for.
#[derive(Clone, Debug)]
pub struct PendingStep {
    /// Where the code was sent.
    pub email: Email,
    /// Where whoever signs in was on the way to.
    pub return_to: Option<String>,
}

/// A second step that was taken.
#[derive(Debug)]
pub struct Stepped {
    /// They are in.
    pub session: NewSession,
    /// Where they were on the way to.
    pub return_to: Option<String>,
}

/// Why the second step was not taken.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// The code is not good.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// Too many guesses, or mails.
    #[error(transparent)]
    TooMany(#[from] TooMany),
    /// Ours.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl Auth {
    /// What a page that asks for the code shows.
    pub async fn pending_step(
        &self,
        id: ArtefactId,
        context: &Context,
    ) -> Result<Option<PendingStep>, Fault> {
        let Some(artefact) = self.find_step(id, context).await? else { return Ok(None) };
        let attempt: Attempt = self.payload(&artefact)?;
        Ok(Some(PendingStep { email: attempt.email, return_to: attempt.return_to }))
    }

    /// Takes the second step: a session opens. `email`, if told, must be the attempt's.
    pub async fn second_step(
        &self,
        id: ArtefactId,
        code: &str,
        email: Option<&Email>,
        context: &Context,
    ) -> Result<Stepped, StepError> {
        let Some(artefact) = self.find_step(id, context).await? else {
            return Err(self.unknown(Purpose::SecondStep, context).await.into());
        };
        let attempt: Attempt = self.payload(&artefact)?;
        if email.is_some_and(|email| email.normalized() != attempt.email.normalized()) {
            return Err(self.unknown(Purpose::SecondStep, context).await.into());
        }
        let evidence = Evidence::Code { id, code: code.to_owned() };
        let artefact = self.examine(&evidence, Purpose::SecondStep, context).await?;
        let Some(user) = artefact.user_id.map(UserId) else { return Err(EvidenceError::Gone.into()) };
        let session = self.pass(user, id, &attempt, context).await?.ok_or(EvidenceError::Gone)?;
        Ok(Stepped { session, return_to: attempt.return_to })
    }

    async fn pass(
        &self,
        user: UserId,
        id: ArtefactId,
        attempt: &Attempt,
        context: &Context,
    ) -> Result<Option<NewSession>, Fault> {
        let now = self.clock.now();
        let mut tx = self.store.begin_in_turn(&[Turn::Account(user)]).await?;
        let taken = store::artefacts::take(&mut tx, id, Purpose::SecondStep.name(), now).await?;
        // The account may have been disabled, or have changed, since its password was right.
        let account =
            store::users::find(&mut tx, user).await?.filter(|account| account.disabled_at.is_none());
        let (Some(_), Some(account)) = (taken, account) else { return Ok(None) };
        let proofs = Proofs::new([Proof::Password, Proof::Code]);
        let session = self.open_session(&mut tx, user, &proofs, attempt.replaces, context, now).await?;
        let person = Some(account.pseudonym);
        self.record(
            &mut tx,
            Outcome::Done(Act::SecondStep),
            person,
            &session_detail(session.id),
            context,
            now,
        )
        .await?;
        self.commit_changed(tx, attempt.replaces.map(|old| old.0)).await?;
        self.sessions_opened.add(Opened::SecondStep);
        Ok(Some(session))
    }

    /// Sends a new code for the same attempt; the old one is worthless.
    pub async fn resend_code(&self, id: ArtefactId, context: &Context) -> Result<(), StepError> {
        let now = self.clock.now();
        let artefact = self.find_step(id, context).await?.ok_or(EvidenceError::Gone)?;
        let attempt: Attempt = self.payload(&artefact)?;
        let Some(user) = artefact.user_id.map(UserId) else { return Err(EvidenceError::Gone.into()) };
        let browser = {
            let mut tx = self.store.look().await.map_err(Fault::from)?;
            self.known_browser(&mut tx, Some(user), context).await?
        };
        let asked = self.limiter.second_step_mail(attempt.email.normalized(), browser, now).await;
        self.within::<_, StepError>(asked, Act::ResendCode, Some(user), context).await?;
        let life = self.life(Purpose::SecondStep);
        let turn = [Turn::Account(user)];
        let mut tx = self.store.begin_in_turn(&turn).await.map_err(Fault::from)?;
        let account = store::users::find(&mut tx, user).await.map_err(Fault::from)?;
        let account = account.filter(|account| account.disabled_at.is_none()).ok_or(EvidenceError::Gone)?;
        let issued = self.reissue(&mut tx, artefact, life, now).await?.ok_or(EvidenceError::Gone)?;
        let mail = Mail {
            to: account.address,
            locale: account.locale.clone().unwrap_or_else(|| context.locale.clone()),
            message: self.sign_in_code(issued.code, context),
        };
        self.send(&mut tx, &mail, Some(life), now).await?;
        let person = Some(account.pseudonym);
        self.record(&mut tx, Outcome::Done(Act::ResendCode), person, "", context, now).await?;
        tx.commit().await.map_err(Fault::from)?;
        Ok(())
    }

    /// An attempt that a browser began goes on in that browser only.
    async fn find_step(&self, id: ArtefactId, context: &Context) -> Result<Option<Artefact>, Fault> {
        let mut tx = self.store.look().await?;
        let found = store::artefacts::find(&mut tx, id, Purpose::SecondStep.name(), self.clock.now()).await?;
        Ok(found.filter(|artefact| artefact.browser_hash.is_none() || is_bound_to(artefact, context)))
    }
}
