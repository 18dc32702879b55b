//! Signing up.
//!
//! An account exists from the moment its sign-up is acknowledged, but until its address is proved it belongs to nobody:
//! whoever proves the address decides which password it has. The answer is the same whether or not the address already
//! has an account; only the mail differs.

use domain::{ArtefactId, DisplayName, Email, EmailId, Password, Pseudonym, Timestamp, UserId, Weakness};
use serde::{Deserialize, Serialize};
use store::{Turn, Tx};

use crate::artefact::{Holder, Purpose};
use crate::audit::{Act, Outcome};
use crate::outbox::{Mail, Message};
use crate::{Auth, Context, Fault, TooMany};

/// What a person asks for.
#[derive(Clone, Debug)]
pub struct SignUp {
    /// The address.
    pub email: Email,
    /// The password.
    pub password: Password,
    /// The name; may be empty.
    pub name: DisplayName,
    /// Whether a mailed code is to be asked for after the password.
    pub second_step: bool,
    /// Where they were on the way to.
    pub return_to: Option<String>,
    /// Whether whoever asks is told which proof a code would be for. Where not, the mail has a link alone.
    pub takes_code: bool,
}

/// What came of it.
#[derive(Clone, Copy, Debug)]
pub struct SignedUp {
    /// Which proof the code from the mail is for.
    pub proof: ArtefactId,
    /// Whether there was no such account before. Told to nobody unless the operator wants it so.
    pub created: bool,
}

/// Why nothing came of it.
#[derive(Debug, thiserror::Error)]
pub enum SignUpError {
    /// The password will not do.
    #[error(transparent)]
    Weak(#[from] Weakness),
    /// Too many sign-ups from this network, or mails to this address.
    #[error(transparent)]
    TooMany(#[from] TooMany),
    /// Ours.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// What a proof of address carries: what its maker wants the account to be.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Claim {
    pub(crate) email: Email,
    pub(crate) name: DisplayName,
    pub(crate) locale: String,
    pub(crate) second_step: bool,
    pub(crate) password_hash: String,
    /// Whether the account was made by this very sign-up, so that it already is what its maker wants.
    pub(crate) made_account: bool,
    pub(crate) return_to: Option<String>,
}

impl Auth {
    /// Signs up.
    pub async fn sign_up(&self, request: SignUp, context: &Context) -> Result<SignedUp, SignUpError> {
        // Who cannot be written down is told so before a password is hashed and a limit is used up for nothing.
        self.store.is_here().map_err(Fault::from)?;
        self.settings.check_password(&request.password, Some(&request.email), request.second_step)?;
        let now = self.clock.now();
        let asked = self.limiter.sign_up(context, now).await;
        let sign_up = self.within::<_, SignUpError>(asked, Act::SignUp, None, context).await?;
        self.check_breaches(&request.password).await?;
        let asked = self.limiter.mails(&[(request.email.normalized(), None)], context, now).await;
        let mail = self.within::<_, SignUpError>(asked, Act::SignUp, None, context).await?;
        // Where a fault of ours comes between, no mail goes out, and nothing is used up.
        let made = self.begin_sign_up(request, context).await;
        let (_counted, signed_up) = sign_up.and(mail).unless_fault(made).await?;
        Ok(signed_up)
    }

    async fn begin_sign_up(&self, request: SignUp, context: &Context) -> Result<SignedUp, Fault> {
        let password_hash = self.hasher.hash(&request.password).await?;
        let claim = Claim {
            email: request.email,
            name: request.name,
            locale: context.locale.clone(),
            second_step: request.second_step,
            password_hash,
            made_account: false,
            return_to: request.return_to,
        };
        self.claim_address(claim, request.takes_code, context, self.clock.now()).await
    }

    async fn claim_address(
        &self,
        mut claim: Claim,
        takes_code: bool,
        context: &Context,
        now: Timestamp,
    ) -> Result<SignedUp, Fault> {
        // Of two who sign up by one address at once, the second finds the account of the first.
        let mut tx = self.store.begin_in_turn(&[Turn::Address(claim.email.normalized())]).await?;
        let owner = store::emails::owner(&mut tx, &claim.email).await?;
        let created = owner.is_none();
        // For an address that has an account the same rows are written, under an address that nobody has; the janitor deletes
        // them (`emails::NOBODY`). Fewer statements and pages, or to delete them here, would be another answer's time, which tells.
        let (made, nobody) = (UserId(self.random.ordered_id(now)), self.address_of_nobody()?);
        let (account, address, since) = match &owner {
            None => (made, claim.email.clone(), now),
            Some(owner) => (UserId(owner.user_id), nobody, store::emails::NOBODY),
        };
        self.make_account(&mut tx, made, (&address, since), &claim, now).await?;
        let person = store::audit::pseudonym_of(&mut tx, account).await?;
        claim.made_account = created;
        let proved = owner.is_some_and(|owner| owner.proved_at.is_some());
        let holder = Holder { user: (!proved).then_some(account), email: &claim.email };
        let life = self.life(Purpose::ProveAddress);
        let issued = self.issue(&mut tx, Purpose::ProveAddress, holder, &claim, context, now).await?;
        let message = if holder.user.is_some() {
            Message::ProveAddress {
                code: takes_code.then_some(issued.code),
                link: self.link("/verify", &issued.token),
                hours: life.as_secs() / 3600,
            }
        } else {
            Message::AlreadyRegistered
        };
        let mail = Mail { to: claim.email.address().to_owned(), locale: claim.locale, message };
        self.send(&mut tx, &mail, Some(life), now).await?;
        // Who signs up by an address that has an account may be anybody.
        let (outcome, detail) = if created {
            (Outcome::Done(Act::SignUp), "new account")
        } else {
            (Outcome::Asked(Act::SignUp), "address has an account")
        };
        self.record(&mut tx, outcome, person, detail, context, now).await?;
        tx.commit().await?;
        Ok(SignedUp { proof: issued.id, created })
    }

    async fn make_account(
        &self,
        tx: &mut Tx,
        user: UserId,
        (email, since): (&Email, Timestamp),
        claim: &Claim,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let pseudonym = Pseudonym(self.random.opaque_id());
        let mac = self.audit.vouch_for(pseudonym.0, user.0);
        let (name, locale) = (claim.name.as_str(), None);
        store::users::insert(tx, user, (pseudonym, &mac), name, locale, claim.second_step, now).await?;
        let email_id = EmailId(self.random.ordered_id(now));
        if !store::emails::insert(tx, email_id, user, email, None, since).await? {
            return Err(Fault::Corrupt("another sign-up took the address at the same instant".to_owned()));
        }
        store::passwords::set(tx, user, &claim.password_hash, now).await?;
        Ok(())
    }

    /// An address that nobody can have (RFC 2606 section 2).
    fn address_of_nobody(&self) -> Result<Email, Fault> {
        let address = format!("{}{OF_NOBODY}", self.random.opaque_id());
        Email::parse(&address).map_err(|error| Fault::Corrupt(error.to_string()))
    }
}

const OF_NOBODY: &str = "@nobody.invalid";

/// Whether an account is there for the time alone that it took to make.
pub(crate) fn is_of_nobody(address: &str) -> bool {
    address.ends_with(OF_NOBODY)
}
