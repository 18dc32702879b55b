//! The second step: a code by mail, after the right password.

use domain::{ArtefactId, Email, Proof, Proofs, UserId};
use store::Turn;
use store::artefacts::Owned;

use crate::artefact::{Carried, EvidenceError, Purpose, is_bound_to};
use crate::audit::{Act, Outcome, session_detail};
use crate::counts::Opened;
use crate::outbox::Mail;
use crate::session::Opening;
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

/// What came of a code.
enum Step {
    /// It was right.
    Taken(NewSession),
    /// It was right, and the account lets nobody in any more.
    Right,
    /// It was not.
    Wrong { tries_left: u32 },
    /// There is nothing that it could be the code of.
    Gone,
}

impl Auth {
    /// What a page that asks for the code shows.
    pub async fn pending_step(
        &self,
        id: ArtefactId,
        context: &Context,
    ) -> Result<Option<PendingStep>, Fault> {
        let Some(found) = self.find_step(id, context).await? else { return Ok(None) };
        let attempt: Attempt = self.payload(&found.artefact)?;
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
        let now = self.clock.now();
        let Some(found) = self.find_step(id, context).await? else {
            return Err(self.unknown(Purpose::SecondStep, context).await.into());
        };
        let Carried { account, payload: attempt } = self.carried::<Attempt>(&found.artefact)?;
        if email.is_some_and(|email| email.normalized() != attempt.email.normalized()) {
            return Err(self.unknown(Purpose::SecondStep, context).await.into());
        }
        let Some(user) = found.artefact.user_id.map(UserId) else { return Err(EvidenceError::Gone.into()) };
        let browser = context.browser.as_ref().filter(|_| found.known_browser);
        let asked =
            self.limiter.guess(&account, (browser, None), Purpose::SecondStep.name(), context, now).await;
        let guess = self.within::<_, EvidenceError>(asked, Act::SecondStep, Some(user), context).await?;
        let stepped = self.try_step(user, &found, &attempt, code, context).await;
        let (guess, stepped) = guess.unless_fault(stepped).await?;
        let session = match stepped {
            Step::Taken(session) => Some(session),
            Step::Right => None,
            Step::Gone => return Err(EvidenceError::Gone.into()),
            Step::Wrong { tries_left } => return Err(EvidenceError::WrongCode { tries_left }.into()),
        };
        guess.refund().await;
        Ok(Stepped { session: session.ok_or(EvidenceError::Gone)?, return_to: attempt.return_to })
    }

    /// A right code takes the artefact if tries are left, and a wrong one costs a try, each by one statement: many guesses at once
    /// are worth no more than as many one after the other.
    async fn try_step(
        &self,
        user: UserId,
        found: &Owned,
        attempt: &Attempt,
        code: &str,
        context: &Context,
    ) -> Result<Step, Fault> {
        if self.is_code(&found.artefact, code) {
            return self.pass(user, found, attempt, context).await;
        }
        let (id, now) = (ArtefactId(found.artefact.id), self.clock.now());
        Ok(
            match self
                .guess((id, attempt.email.normalized()), code, Purpose::SecondStep, context, now)
                .await?
            {
                None => Step::Gone,
                Some((artefact, false)) => {
                    Step::Wrong { tries_left: u32::try_from(artefact.tries_left).unwrap_or(0) }
                }
                // It was sent anew in this very moment.
                Some((artefact, true)) => {
                    let found = Owned { artefact, ..*found };
                    self.pass(user, &found, attempt, context).await?
                }
            },
        )
    }

    async fn pass(
        &self,
        user: UserId,
        found: &Owned,
        attempt: &Attempt,
        context: &Context,
    ) -> Result<Step, Fault> {
        let now = self.clock.now();
        let mut tx = self.store.begin_in_turn(&[Turn::Account(user)]).await?;
        if !store::artefacts::take_unchanged(&mut tx, &found.artefact, now).await? {
            return Ok(Step::Gone);
        }
        let opening = Opening {
            user,
            proofs: &Proofs::new([Proof::Password, Proof::Code]),
            replaces: attempt.replaces,
            known_browser: found.known_browser,
        };
        // The account may have been disabled since its password was right.
        let Some(opened) = self.open_session(&mut tx, &opening, None, context, now).await? else {
            return Ok(Step::Right);
        };
        let (person, detail) = (Some(found.pseudonym), session_detail(opened.session.id));
        self.record(&mut tx, Outcome::Done(Act::SecondStep), person, &detail, context, now).await?;
        self.commit_changed(tx, opened.ended).await?;
        self.sessions_opened.add(Opened::SecondStep);
        Ok(Step::Taken(opened.session))
    }

    /// Sends a new code for the same attempt; the old one is worthless.
    pub async fn resend_code(&self, id: ArtefactId, context: &Context) -> Result<(), StepError> {
        let now = self.clock.now();
        let found = self.find_step(id, context).await?.ok_or(EvidenceError::Gone)?;
        let attempt: Attempt = self.payload(&found.artefact)?;
        let Some(user) = found.artefact.user_id.map(UserId) else { return Err(EvidenceError::Gone.into()) };
        let browser = context.browser.as_ref().filter(|_| found.known_browser);
        let asked = self.limiter.second_step_mail(attempt.email.normalized(), browser, now).await;
        self.within::<_, StepError>(asked, Act::ResendCode, Some(user), context).await?;
        let life = self.life(Purpose::SecondStep);
        let turn = [Turn::Account(user)];
        let mut tx = self.store.begin_in_turn(&turn).await.map_err(Fault::from)?;
        let account = store::users::find(&mut tx, user).await.map_err(Fault::from)?;
        let account = account.filter(|account| account.disabled_at.is_none()).ok_or(EvidenceError::Gone)?;
        let issued = self.reissue(&mut tx, found.artefact, life, now).await?.ok_or(EvidenceError::Gone)?;
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
    async fn find_step(&self, id: ArtefactId, context: &Context) -> Result<Option<Owned>, Fault> {
        let mut tx = self.store.look().await?;
        let browser = context.browser.as_ref().map(<[u8; 32]>::as_slice);
        let (purpose, now) = (Purpose::SecondStep.name(), self.clock.now());
        let found = store::artefacts::find_owned(&mut tx, id, purpose, browser, now).await?;
        Ok(found
            .filter(|found| found.artefact.browser_hash.is_none() || is_bound_to(&found.artefact, context)))
    }
}
