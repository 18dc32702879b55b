//! Signing in with a password.

use domain::{ArtefactId, Email, Password, Proof, Proofs, SessionId, UserId, Weakness};
use serde::{Deserialize, Serialize};
use store::users::{self, Unchanged};
use store::{Turn, Tx};

use crate::artefact::{Holder, Purpose};
use crate::audit::{Act, Outcome, session_detail};
use crate::counts::Opened;
use crate::outbox::{Mail, Message};
use crate::rehash::Renewal;
use crate::session::Opening;
use crate::{Auth, Context, Fault, NewSession, TooMany};

/// What a person shows.
#[derive(Clone, Debug)]
pub struct SignIn {
    /// The address.
    pub email: Email,
    /// The password.
    pub password: Password,
    /// The session that this proof is to take the place of, when somebody already signed in proves again who they are.
    pub replaces: Option<SessionId>,
    /// Where they were on the way to, kept over a second step.
    pub return_to: Option<String>,
}

/// What came of it.
#[derive(Debug)]
pub enum SignedIn {
    /// They are in.
    Session(NewSession),
    /// The password was right; now the code from the mail.
    SecondStep {
        /// Which attempt the code is for.
        attempt: ArtefactId,
    },
}

/// Why they are not in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// No such account, another password, or an account that may not sign in, such as one whose address was never proved.
    /// Which of them is nobody's business: whoever signs an address up knows the password that they gave.
    #[error(
        "the e-mail address or the password is not right, or the address is not confirmed yet: \
         after a sign-up, enter the code from the mail first, or sign up again"
    )]
    Incorrect,
    /// Too many tries.
    #[error(transparent)]
    TooMany(#[from] TooMany),
    /// Ours.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// What a second step carries.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Attempt {
    pub(crate) email: Email,
    pub(crate) replaces: Option<SessionId>,
    pub(crate) return_to: Option<String>,
}

impl Auth {
    /// Signs in. The answer and the work are the same for an address that has no account.
    pub async fn sign_in(&self, request: SignIn, context: &Context) -> Result<SignedIn, SignInError> {
        let browser = context.browser.as_ref();
        let found = {
            let mut tx = self.store.look().await.map_err(Fault::from)?;
            let browser = browser.map(<[u8; 32]>::as_slice);
            users::find_for_sign_in(&mut tx, request.email.normalized(), browser)
                .await
                .map_err(Fault::from)?
        };
        let known = found.as_ref().is_some_and(|found| found.known_browser);
        let browser = browser.filter(|_| known);
        let now = self.clock.now();
        let asked = self.limiter.credential(request.email.normalized(), browser, context, now).await;
        let user = found.as_ref().map(|found| UserId(found.user.id));
        let attempt = self.within::<_, SignInError>(asked, Act::SignIn, user, context).await?;
        let hash = found.as_ref().and_then(|found| found.password_hash.as_deref());
        let may_enter = found.as_ref().is_some_and(|found| self.keeps_out(found).is_none());
        let verified = self.verify_evenly(&request.password, hash, may_enter, now).await;
        let (attempt, verified) = attempt.unless_fault(verified).await?;
        let Some(found) = self.admit(found, verified.right, context).await? else {
            return Err(SignInError::Incorrect);
        };
        attempt.refund().await;
        let mut renewal = None;
        if verified.outdated {
            renewal = self.renew(UserId(found.user.id), &request.password).await;
        }
        if found.user.second_step || self.is_too_short_alone(&found, &request.password) {
            return self.ask_for_code(&found, request, renewal, context).await;
        }
        self.finish_sign_in(&found, &request, renewal, context).await.map(SignedIn::Session)
    }

    /// Whether a code is asked for although the account has no second step: an operator took it away, and the password is one that was
    /// long enough behind it only.
    fn is_too_short_alone(&self, found: &users::SignIn, password: &Password) -> bool {
        found.code_if_short
            && matches!(self.settings.check_password(password, None, false), Err(Weakness::TooShort { .. }))
    }

    /// Lets an account through whose password was right and that may sign in; records that another may not.
    async fn admit(
        &self,
        found: Option<users::SignIn>,
        right_password: bool,
        context: &Context,
    ) -> Result<Option<users::SignIn>, Fault> {
        let person = found.as_ref().map(|found| found.user.pseudonym);
        let detail = match found {
            Some(found) if right_password => match self.keeps_out(&found) {
                Some(detail) => detail,
                None => return Ok(Some(found)),
            },
            _ => "password",
        };
        self.record_refusal(Act::SignIn, person, detail, context).await?;
        Ok(None)
    }

    /// Why an account may not sign in, whatever its password, as the audit trail has it.
    fn keeps_out(&self, found: &users::SignIn) -> Option<&'static str> {
        if found.user.disabled_at.is_some() {
            return Some("password");
        }
        let is_proved = found.user.proved_at.is_some() || !self.settings.accounts.require_proof;
        (!is_proved).then_some("address not proved")
    }

    /// A transaction in which the account still is what its password was checked against. Hashing takes a while, and
    /// whoever changes the password, deletes the account, or disables it meanwhile must not find a session opened after.
    async fn begin_if_unchanged(
        &self,
        found: &users::SignIn,
        request: &SignIn,
        context: &Context,
    ) -> Result<Tx, SignInError> {
        let user = UserId(found.user.id);
        let (mut tx, now) = self.begin_and_find(user, &request.email).await?;
        if now
            .as_ref()
            .is_some_and(|now| is_same_account(now, found) && now.password_hash == found.password_hash)
        {
            return Ok(tx);
        }
        // Another sign-in may have replaced the hash by a newer one of the same password: then it is looked at once more.
        let newer = now.filter(|now| is_same_account(now, found));
        if let Some(newer) = newer.as_ref().and_then(|newer| newer.password_hash.as_deref()) {
            drop(tx);
            // No room to look is no wrong password: whoever showed the right one is told to come back.
            let right = self.hasher.can_verify(newer)
                && self.hasher.verify(&request.password, Some(newer)).await?.right;
            let (again, now) = self.begin_and_find(user, &request.email).await?;
            let now = now.filter(|now| right && is_same_account(now, found));
            if now.is_some_and(|now| now.password_hash.as_deref() == Some(newer)) {
                return Ok(again);
            }
            tx = again;
        }
        let person = Some(found.user.pseudonym);
        let now = self.clock.now();
        self.record(&mut tx, Outcome::Refused(Act::SignIn), person, "account changed", context, now).await?;
        tx.commit().await.map_err(Fault::from)?;
        Err(SignInError::Incorrect)
    }

    async fn begin_and_find(
        &self,
        user: UserId,
        email: &Email,
    ) -> Result<(Tx, Option<users::SignIn>), Fault> {
        let mut tx = self.store.begin_in_turn(&[Turn::Account(user)]).await?;
        let found = users::find_for_sign_in(&mut tx, email.normalized(), None).await?;
        Ok((tx, found))
    }

    async fn finish_sign_in(
        &self,
        found: &users::SignIn,
        request: &SignIn,
        renewal: Option<Renewal<'_>>,
        context: &Context,
    ) -> Result<NewSession, SignInError> {
        let now = self.clock.now();
        let opening = Opening {
            user: UserId(found.user.id),
            proofs: &Proofs::new([Proof::Password]),
            replaces: request.replaces,
            known_browser: found.known_browser,
        };
        let (mut tx, unchanged) = self.begin_as_found(found, request, renewal.as_ref()).await?;
        let mut opened = None;
        if unchanged.is_some() {
            opened = self.open_session(&mut tx, &opening, unchanged, context, now).await?;
        }
        if opened.is_none() {
            drop(tx);
            tx = self.begin_if_unchanged(found, request, context).await?;
            opened = self.open_session(&mut tx, &opening, None, context, now).await?;
        }
        let opened = opened.ok_or_else(|| Fault::Corrupt("a session was not opened".to_owned()))?;
        let detail = session_detail(opened.session.id);
        self.record(&mut tx, Outcome::Done(Act::SignIn), Some(found.user.pseudonym), &detail, context, now)
            .await?;
        self.commit_changed(tx, opened.ended).await?;
        self.sessions_opened.add(Opened::Password);
        Ok(opened.session)
    }

    /// The quick way, for an account of which nothing has changed: a transaction, and what the statement that lets somebody in has to
    /// find unchanged. The renewed hash is put in the place of the old one.
    async fn begin_as_found<'a>(
        &self,
        found: &'a users::SignIn,
        request: &'a SignIn,
        renewal: Option<&'a Renewal<'_>>,
    ) -> Result<(Tx, Option<Unchanged<'a>>), Fault> {
        let user = UserId(found.user.id);
        let mut tx = self.store.begin_in_turn(&[Turn::Account(user)]).await?;
        let Some(mut password_hash) = found.password_hash.as_deref() else { return Ok((tx, None)) };
        if let Some(renewal) = renewal
            && store::passwords::rehash(&mut tx, user, password_hash, renewal.hash()).await?
        {
            password_hash = renewal.hash();
        }
        let address = request.email.normalized();
        Ok((tx, Some(Unchanged { address, second_step: found.user.second_step, password_hash })))
    }

    async fn ask_for_code(
        &self,
        found: &users::SignIn,
        request: SignIn,
        renewal: Option<Renewal<'_>>,
        context: &Context,
    ) -> Result<SignedIn, SignInError> {
        let now = self.clock.now();
        let browser = context.browser.as_ref().filter(|_| found.known_browser);
        let asked = self.limiter.second_step_mail(request.email.normalized(), browser, now).await;
        self.within::<_, SignInError>(asked, Act::SignIn, Some(UserId(found.user.id)), context).await?;
        let life = self.life(Purpose::SecondStep);
        let payload = Attempt {
            email: request.email.clone(),
            replaces: request.replaces,
            return_to: request.return_to.clone(),
        };
        let holder = Holder { user: Some(UserId(found.user.id)), email: &payload.email };
        let (issued, artefact) = self.make(Purpose::SecondStep, holder, &payload, context, now)?;
        let (mut tx, unchanged) = self.begin_as_found(found, &request, renewal.as_ref()).await?;
        let is_issued = match unchanged {
            Some(unchanged) => {
                store::artefacts::insert_if(&mut tx, &artefact, unchanged).await.map_err(Fault::from)?
            }
            None => false,
        };
        if !is_issued {
            drop(tx);
            tx = self.begin_if_unchanged(found, &request, context).await?;
            store::artefacts::insert(&mut tx, &artefact).await.map_err(Fault::from)?;
        }
        let mail = Mail {
            to: found.user.address.clone(),
            locale: found.user.locale.clone().unwrap_or_else(|| context.locale.clone()),
            message: self.sign_in_code(issued.code, context),
        };
        self.send(&mut tx, &mail, Some(life), now).await?;
        let person = Some(found.user.pseudonym);
        self.record(&mut tx, Outcome::Done(Act::SignIn), person, "second step due", context, now).await?;
        tx.commit().await.map_err(Fault::from)?;
        Ok(SignedIn::SecondStep { attempt: issued.id })
    }

    pub(crate) fn sign_in_code(&self, code: String, context: &Context) -> Message {
        Message::SignInCode {
            code,
            minutes: self.settings.limits.code_life.as_secs() / 60,
            device: context.device.clone(),
            network: context.network.to_string(),
        }
    }
}

/// Whether an account still is what it was, its password apart.
fn is_same_account(now: &users::SignIn, found: &users::SignIn) -> bool {
    now.user.id == found.user.id
        && now.user.disabled_at.is_none()
        && now.user.second_step == found.user.second_step
}
