//! Proving an address.
//!
//! Having the mail proves the address; it does not prove that the password set at sign-up is its owner's. In the browser
//! that signed up one press of a button is enough. Anywhere else the sign-up password is asked for, or a new one set:
//! nobody's password is activated by somebody else's click.

use domain::{ArtefactId, Email, Password, UserId, Weakness};
use store::Turn;
use store::artefacts::Artefact;
use uuid::Uuid;

use crate::artefact::{Evidence, EvidenceError, Purpose, is_bound_to};
use crate::audit::{Act, Outcome};
use crate::outbox::{Mail, Message};
use crate::return_to::waiting_request;
use crate::sign_up::Claim;
use crate::{Auth, Context, Fault, TooMany};

/// What shows that the account is to be this person's.
#[derive(Clone, Debug)]
pub enum Credential {
    /// This is the browser that signed up.
    Browser,
    /// The password chosen at sign-up.
    Password(Password),
    /// A password of their own, in the place of whatever was set before.
    NewPassword(Password),
}

/// A proof that is waited for.
#[derive(Clone, Debug)]
pub struct PendingProof {
    /// The address to be proved.
    pub email: Email,
    /// Whether this is the browser that signed up.
    pub same_browser: bool,
    /// Where whoever signed up was on the way to.
    pub return_to: Option<String>,
}

/// Why an address is not proved.
#[derive(Debug, thiserror::Error)]
pub enum ProveError {
    /// The code or link is not good.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// This is not the browser that signed up: a password is needed.
    #[error("this is not the browser that signed up: enter the password you chose there, or set a new one")]
    OtherBrowser,
    /// Not the password chosen at sign-up.
    #[error("this is not the password chosen at sign-up")]
    WrongPassword,
    /// The new password will not do.
    #[error(transparent)]
    Weak(#[from] Weakness),
    /// Too many tries.
    #[error(transparent)]
    TooMany(#[from] TooMany),
    /// Ours.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl Auth {
    /// What a page that asks for a code shows: the address, if this is the browser that signed up.
    pub async fn pending_proof(
        &self,
        id: ArtefactId,
        context: &Context,
    ) -> Result<Option<PendingProof>, Fault> {
        let mut tx = self.store.look().await?;
        let found =
            store::artefacts::find(&mut tx, id, Purpose::ProveAddress.name(), self.clock.now()).await?;
        match found {
            Some(artefact) if is_bound_to(&artefact, context) => self.pending(&artefact, context).map(Some),
            _ => Ok(None),
        }
    }

    /// Whether a code can still be entered for this proof, in whatever browser it was begun.
    pub async fn is_proof_open(&self, id: ArtefactId) -> Result<bool, Fault> {
        let mut tx = self.store.look().await?;
        let purpose = Purpose::ProveAddress.name();
        Ok(store::artefacts::find(&mut tx, id, purpose, self.clock.now()).await?.is_some())
    }

    /// What a page that a link leads to shows. Nothing is used up.
    pub async fn pending_proof_by_link(
        &self,
        token: &str,
        context: &Context,
    ) -> Result<PendingProof, EvidenceError> {
        let evidence = Evidence::Link { token: token.to_owned() };
        let artefact = self.examine(&evidence, Purpose::ProveAddress, context).await?;
        Ok(self.pending(&artefact, context)?)
    }

    fn pending(&self, artefact: &Artefact, context: &Context) -> Result<PendingProof, Fault> {
        let claim: Claim = self.payload(artefact)?;
        let same_browser = is_bound_to(artefact, context);
        Ok(PendingProof { email: claim.email, same_browser, return_to: claim.return_to })
    }

    /// Proves an address. Gives the address, and where its owner was on the way to.
    pub async fn prove_address(
        &self,
        evidence: &Evidence,
        credential: &Credential,
        context: &Context,
    ) -> Result<(Email, Option<String>), ProveError> {
        let artefact = self.examine(evidence, Purpose::ProveAddress, context).await?;
        let claim: Claim = self.payload(&artefact)?;
        let Some(user) = artefact.user_id.map(UserId) else { return Err(EvidenceError::Gone.into()) };
        let new_hash = match credential {
            Credential::Browser if is_bound_to(&artefact, context) => None,
            Credential::Browser => return Err(ProveError::OtherBrowser),
            Credential::Password(password) => {
                self.check_sign_up_password(user, &claim, password, context).await?;
                None
            }
            Credential::NewPassword(password) => {
                self.settings.check_password(password, Some(&claim.email), false)?;
                self.check_breaches(password).await?;
                Some(self.hasher.hash(password).await?)
            }
        };
        self.settle(user, ArtefactId(artefact.id), &claim, new_hash, context).await?;
        // An app's request goes on in the browser that it began in, and nowhere else.
        let here = is_bound_to(&artefact, context);
        let to = claim.return_to.filter(|to| here || waiting_request(to).is_none());
        Ok((claim.email, to))
    }

    async fn check_sign_up_password(
        &self,
        user: UserId,
        claim: &Claim,
        password: &Password,
        context: &Context,
    ) -> Result<(), ProveError> {
        let asked = self.limiter.credential(claim.email.normalized(), None, context, self.clock.now()).await;
        let attempt = self.within::<_, ProveError>(asked, Act::ProveAddress, Some(user), context).await?;
        let (person, hash) = self.find_sign_up_password(user, claim).await?;
        let (attempt, verified) =
            attempt.unless_fault(self.hasher.verify(password, hash.as_deref()).await).await?;
        if !verified.right {
            self.record_refusal(Act::ProveAddress, person, "password", context).await?;
            return Err(ProveError::WrongPassword);
        }
        attempt.refund().await;
        Ok(())
    }

    async fn find_sign_up_password(
        &self,
        user: UserId,
        claim: &Claim,
    ) -> Result<(Option<Uuid>, Option<String>), Fault> {
        let mut tx = self.store.read().await?;
        let person = store::audit::pseudonym_of(&mut tx, user).await?;
        let hash = if claim.made_account {
            store::passwords::find(&mut tx, user).await?
        } else {
            Some(claim.password_hash.clone())
        };
        Ok((person, hash))
    }

    /// The account becomes what its owner wants. What anybody else set up before the address was proved is undone.
    async fn settle(
        &self,
        user: UserId,
        artefact: ArtefactId,
        claim: &Claim,
        new_hash: Option<String>,
        context: &Context,
    ) -> Result<(), ProveError> {
        let fault = |error: store::Error| Fault::from(error);
        let now = self.clock.now();
        let mut tx = self.store.begin_in_turn(&[Turn::Account(user)]).await.map_err(fault)?;
        let taken = store::artefacts::take(&mut tx, artefact, Purpose::ProveAddress.name(), now)
            .await
            .map_err(fault)?;
        if taken.is_none() || !store::emails::set_proved(&mut tx, user, now).await.map_err(fault)? {
            return Err(EvidenceError::Gone.into());
        }
        let mut ended = Vec::new();
        if new_hash.is_some() || !claim.made_account {
            let fresh = new_hash.is_some();
            let hash = new_hash.as_deref().unwrap_or(&claim.password_hash);
            let name = if fresh { "" } else { claim.name.as_str() };
            store::passwords::set(&mut tx, user, hash, now).await.map_err(fault)?;
            store::users::set_profile(&mut tx, user, name, None, now).await.map_err(fault)?;
            store::users::set_second_step(&mut tx, user, claim.second_step && !fresh, now)
                .await
                .map_err(fault)?;
            store::known_browsers::forget_all(&mut tx, user).await.map_err(fault)?;
            store::email_changes::delete(&mut tx, user).await.map_err(fault)?;
            ended = self.end_everything(&mut tx, user, None, now).await?;
        }
        store::artefacts::delete_all_of(&mut tx, user).await.map_err(fault)?;
        let person = store::audit::pseudonym_of(&mut tx, user).await.map_err(fault)?;
        self.record(&mut tx, Outcome::Done(Act::ProveAddress), person, "", context, now).await?;
        self.commit_changed(tx, ended).await?;
        Ok(())
    }

    /// Sends the mail once more, with a new code; the old one is worthless. An id of nothing is answered alike.
    pub async fn resend_proof(&self, id: ArtefactId, context: &Context) -> Result<(), ProveError> {
        let fault = |error: store::Error| Fault::from(error);
        let now = self.clock.now();
        let purpose = Purpose::ProveAddress.name();
        let found = {
            let mut tx = self.store.look().await.map_err(fault)?;
            store::artefacts::find(&mut tx, id, purpose, now).await.map_err(fault)?
        };
        let own = |artefact: &Artefact| artefact.browser_hash.is_none() || is_bound_to(artefact, context);
        let Some(artefact) = found.filter(own) else {
            return Err(EvidenceError::Gone.into());
        };
        let claim: Claim = self.payload(&artefact)?;
        let asked = self.limiter.mails(&[(claim.email.normalized(), None)], context, now).await;
        let user = artefact.user_id.map(UserId);
        let _counted = self.within::<_, ProveError>(asked, Act::ResendProof, user, context).await?;
        let life = self.life(Purpose::ProveAddress);
        let decoy = artefact.user_id.is_none();
        let mut tx = self.store.begin().await.map_err(fault)?;
        let person = store::audit::pseudonym_at(&mut tx, claim.email.normalized()).await.map_err(fault)?;
        let Some(issued) = self.reissue(&mut tx, artefact, life, now).await? else {
            return Err(EvidenceError::Gone.into());
        };
        let message = if decoy {
            Message::AlreadyRegistered
        } else {
            Message::ProveAddress {
                code: Some(issued.code),
                link: self.link("/verify", &issued.token),
                hours: life.as_secs() / 3600,
            }
        };
        let mail = Mail { to: claim.email.address().to_owned(), locale: claim.locale, message };
        self.send(&mut tx, &mail, Some(life), now).await?;
        self.record(&mut tx, Outcome::Asked(Act::ResendProof), person, "", context, now).await?;
        tx.commit().await.map_err(fault)?;
        Ok(())
    }
}
