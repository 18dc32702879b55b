//! The audit trail. An entry is written in the transaction of the act it records; one sealer then gives each its number
//! and an HMAC over itself and the one before, under a key that is not in the database. Whoever can write to the
//! database but lacks the key can neither change, remove nor add an entry unseen,
//! nor put another person in the place of whoever an entry names.

mod link;
mod list;
mod people;
mod prune;
mod trail;

use domain::{SessionId, Timestamp};
use store::Tx;
use store::audit::Entry;
use uuid::Uuid;

pub use link::{Link, LinkError};
pub use list::Listed;
pub use trail::{AuditTrail, VerifyError};

use crate::{Auth, Context, Fault, Random};

/// What was done.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Act {
    SignUp,
    ProveAddress,
    ResendProof,
    SignIn,
    SecondStep,
    ResendCode,
    SignOut,
    EndSession,
    RequestReset,
    ResetPassword,
    ChangePassword,
    ChangeProfile,
    RequestAddressChange,
    AgreeAddressChange,
    CancelAddressChange,
    ChangeAddress,
    SetSecondStep,
    DeleteAccount,
    Authorize,
    Exchange,
    RevokeGrant,
    WithdrawConsent,
}

impl Act {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::SignUp => "sign_up",
            Self::ProveAddress => "prove_address",
            Self::ResendProof => "resend_proof",
            Self::SignIn => "sign_in",
            Self::SecondStep => "second_step",
            Self::ResendCode => "resend_code",
            Self::SignOut => "sign_out",
            Self::EndSession => "end_session",
            Self::RequestReset => "request_reset",
            Self::ResetPassword => "reset_password",
            Self::ChangePassword => "change_password",
            Self::ChangeProfile => "change_profile",
            Self::RequestAddressChange => "request_address_change",
            Self::AgreeAddressChange => "agree_address_change",
            Self::CancelAddressChange => "cancel_address_change",
            Self::ChangeAddress => "change_address",
            Self::SetSecondStep => "set_second_step",
            Self::DeleteAccount => "delete_account",
            Self::Authorize => "authorize",
            Self::Exchange => "exchange",
            Self::RevokeGrant => "revoke_grant",
            Self::WithdrawConsent => "withdraw_consent",
        }
    }
}

/// How it went.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Outcome {
    /// By the person themselves.
    Done(Act),
    /// At the word of somebody who had shown nothing of who they are: a mail to its owner is all that came of it.
    Asked(Act),
    /// By another person (the second), who had the right to.
    DoneBy(Act, Uuid),
    Refused(Act),
}

impl Auth {
    /// Records an act, and on whose account it was.
    pub(crate) async fn record(
        &self,
        tx: &mut Tx,
        outcome: Outcome,
        person: Option<Uuid>,
        detail: &str,
        context: &Context,
        now: Timestamp,
    ) -> Result<(), Fault> {
        // Who was refused has shown that they are nobody: there is no actor.
        let (act, outcome, actor) = match outcome {
            Outcome::Done(act) => (act, "done", person),
            Outcome::Asked(act) => (act, "done", None),
            Outcome::DoneBy(act, actor) => (act, "done", Some(actor)),
            Outcome::Refused(act) => (act, "refused", None),
        };
        let mut entry = Entry {
            id: self.audit.next_id(self.random.ordered_id(now)),
            at: now.micros(),
            act: act.name().to_owned(),
            outcome: outcome.to_owned(),
            actor,
            subject: person,
            network: context.network.to_string(),
            support_id: context.support_id.clone(),
            detail: detail.to_owned(),
            number: None,
            mac: None,
        };
        entry.mac = Some(self.audit.vouch(&entry));
        store::audit::insert(tx, &entry).await?;
        tx.wake(&self.audit_waiting);
        Ok(())
    }

    /// Records a refusal, in a transaction of its own: there is no act to be in the transaction of.
    pub(crate) async fn record_refusal(
        &self,
        act: Act,
        person: Option<Uuid>,
        detail: &str,
        context: &Context,
    ) -> Result<(), Fault> {
        let mut tx = self.store.begin().await?;
        self.record(&mut tx, Outcome::Refused(act), person, detail, context, self.clock.now()).await?;
        Ok(tx.commit().await?)
    }

    /// Resolves when an entry waits to be sealed.
    pub async fn audit_waiting(&self) {
        self.audit_waiting.notified().await;
    }

    /// The trail, for sealing and reading.
    pub fn audit_trail(&self) -> AuditTrail {
        self.audit.clone()
    }
}

/// What stands in the place of a network for an act that no request asked for: what an operator did, or their configuration.
const OPERATOR: &str = "operator";

/// And what the server does by itself, in time.
pub(crate) const SERVER: &str = "server";

impl AuditTrail {
    /// Records an act of the operator, who is no account: by a command, or by the configuration.
    pub(crate) async fn record_operator(
        &self,
        tx: &mut Tx,
        random: &Random,
        act: &str,
        detail: &str,
        now: Timestamp,
    ) -> Result<(), Fault> {
        self.record_operator_on(tx, random, act, None, detail, now).await
    }

    /// Records an act of the operator that changes nothing in the database.
    pub async fn note(&self, random: &Random, act: &str, detail: &str, now: Timestamp) -> Result<(), Fault> {
        let mut tx = self.store.begin().await?;
        self.record_operator(&mut tx, random, act, detail, now).await?;
        Ok(tx.commit().await?)
    }

    /// The same, of an act on somebody's account.
    pub(crate) async fn record_operator_on(
        &self,
        tx: &mut Tx,
        random: &Random,
        act: &str,
        person: Option<Uuid>,
        detail: &str,
        now: Timestamp,
    ) -> Result<(), Fault> {
        self.record_without_request(tx, random, (self.operator(), act), person, detail, now).await
    }

    /// An act that no request asked for, and by whom.
    pub(crate) async fn record_without_request(
        &self,
        tx: &mut Tx,
        random: &Random,
        (by, act): (&str, &str),
        person: Option<Uuid>,
        detail: &str,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let mut entry = Entry {
            id: self.next_id(random.ordered_id(now)),
            at: now.micros(),
            act: act.to_owned(),
            outcome: "done".to_owned(),
            actor: None,
            subject: person,
            network: by.to_owned(),
            support_id: String::new(),
            detail: detail.to_owned(),
            number: None,
            mac: None,
        };
        entry.mac = Some(self.vouch(&entry));
        Ok(store::audit::insert(tx, &entry).await?)
    }
}

/// What an entry says of a session.
pub(crate) fn session_detail(session: SessionId) -> String {
    format!("session {session}")
}
