//! The audit trail. An entry is written in the transaction of the act it records; one sealer then gives each its number
//! and an HMAC over itself and the one before, under a key that is not in the database. Whoever can write to the
//! database but lacks the key can neither change, remove nor add an entry unseen.

use domain::{Pseudonym, SessionId, Timestamp};
use store::Tx;
use store::audit::{Checkpoint, Entry};
use uuid::Uuid;

use crate::{Auth, Context, Fault};

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
}

impl Act {
    fn name(self) -> &'static str {
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
        }
    }
}

/// How it went.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Outcome {
    Done(Act),
    Refused(Act),
}

impl Auth {
    /// Records an act of a person on their own account.
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
            Outcome::Refused(act) => (act, "refused", None),
        };
        let mut entry = Entry {
            id: self.random.ordered_id(now),
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
        self.audit_waiting.notify_one();
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

/// The chain of entries, and the key that makes it one.
#[derive(Clone)]
pub struct AuditTrail {
    store: store::Store,
    key: [u8; 32],
}

/// Where the chain is broken.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// An entry is not what was sealed.
    #[error("entry {number} is not what was sealed: it, or the one before it, was changed")]
    Changed {
        /// Its number.
        number: i64,
    },
    /// A number is missing.
    #[error("entry {number} is missing")]
    Missing {
        /// The number.
        number: i64,
    },
    /// The checkpoint is not ours.
    #[error(
        "the checkpoint at entry {number} was not signed with this key: it was changed, or this is another key"
    )]
    Checkpoint {
        /// Its number.
        number: i64,
    },
    /// The chain ends before an entry that is known to have been there.
    #[error("the trail ends at entry {head}, but entry {expected} is known to have been there")]
    Truncated {
        /// The last entry there is.
        head: i64,
        /// The one that should be.
        expected: i64,
    },
    /// An entry waits to be sealed that no act wrote.
    #[error("entry {id}, which waits to be sealed, was not written by this installation")]
    Forged {
        /// Its id.
        id: Uuid,
    },
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] store::Error),
}

const BATCH: i64 = 500;

impl AuditTrail {
    /// The trail in `store`, sealed under `key`.
    pub fn new(store: store::Store, key: [u8; 32]) -> Self {
        Self { store, key }
    }

    /// Seals what waits, up to 500 entries, and says how many it sealed. What no act wrote stays as it is: whoever can
    /// write to the database would otherwise have us put our seal to it. Only one process may do this at a time; the
    /// transaction sees to it.
    pub async fn seal(&self) -> Result<usize, store::Error> {
        if store::audit::unsealed(&mut self.store.read().await?, 1).await?.is_empty() {
            return Ok(0);
        }
        let mut tx = self.store.begin().await?;
        let (mut number, mut mac) = match store::audit::head(&mut tx).await? {
            Some(head) => head,
            None => start_of(store::audit::checkpoint(&mut tx).await?.as_ref()),
        };
        let entries = store::audit::unsealed(&mut tx, BATCH).await?;
        let mut sealed = 0;
        for entry in &entries {
            if !self.is_vouched(entry) {
                tracing::error!(entry_id = %entry.id, "an entry of the audit trail was not written by this installation");
                continue;
            }
            number += 1;
            mac = self.link(&mac, number, entry);
            store::audit::seal(&mut tx, entry.id, number, &mac).await?;
            sealed += 1;
        }
        tx.commit().await?;
        Ok(sealed)
    }

    /// Follows the whole chain, and gives its last number and link (0 and none, if it is empty). `expected` is a number
    /// that an earlier verification saw: the chain must not end before it.
    pub async fn verify(&self, expected: Option<i64>) -> Result<(i64, Vec<u8>), VerifyError> {
        let mut tx = self.store.read().await?;
        let checkpoint = store::audit::checkpoint(&mut tx).await?;
        if let Some(checkpoint) = &checkpoint
            && !secrets::constant_time_equal(&self.sign(checkpoint), &checkpoint.signature)
        {
            return Err(VerifyError::Checkpoint { number: checkpoint.number });
        }
        let (mut number, mut mac) = start_of(checkpoint.as_ref());
        loop {
            let entries = store::audit::after(&mut tx, number, BATCH).await?;
            if entries.is_empty() {
                break;
            }
            for entry in entries {
                number += 1;
                if entry.number != Some(number) {
                    return Err(VerifyError::Missing { number });
                }
                mac = self.link(&mac, number, &entry);
                if !secrets::constant_time_equal(&mac, entry.mac.as_deref().unwrap_or_default()) {
                    return Err(VerifyError::Changed { number });
                }
            }
        }
        let waiting = store::audit::unsealed(&mut tx, BATCH).await?;
        if let Some(forged) = waiting.iter().find(|entry| !self.is_vouched(entry)) {
            return Err(VerifyError::Forged { id: forged.id });
        }
        match expected {
            Some(expected) if number < expected => Err(VerifyError::Truncated { head: number, expected }),
            _ => Ok((number, mac)),
        }
    }

    /// The newest entries, up to `limit`, before entry `before`, of one person alone if given.
    pub async fn newest(
        &self,
        person: Option<Pseudonym>,
        before: Option<i64>,
        limit: i64,
    ) -> Result<Vec<Entry>, store::Error> {
        store::audit::newest(&mut self.store.read().await?, person, before.unwrap_or(i64::MAX), limit).await
    }

    /// Deletes entries older than `before`, from the front and no further than the first that is not, and signs where
    /// the chain now begins. Up to 500 at a time.
    pub async fn prune(&self, before: Timestamp, now: Timestamp) -> Result<u64, store::Error> {
        let mut tx = self.store.begin().await?;
        let Some((number, mac)) = store::audit::last_before(&mut tx, before, BATCH).await? else {
            return Ok(0);
        };
        let mut checkpoint = Checkpoint { number, mac, at: now.micros(), signature: Vec::new() };
        checkpoint.signature = self.sign(&checkpoint);
        let pruned = store::audit::prune(&mut tx, &checkpoint).await?;
        tx.commit().await?;
        Ok(pruned)
    }

    /// Shows that an entry was written by an act, until it is sealed.
    fn vouch(&self, entry: &Entry) -> Vec<u8> {
        self.describe(b"waiting", &[], 0, entry)
    }

    fn is_vouched(&self, entry: &Entry) -> bool {
        secrets::constant_time_equal(&self.vouch(entry), entry.mac.as_deref().unwrap_or_default())
    }

    fn link(&self, before: &[u8], number: i64, entry: &Entry) -> Vec<u8> {
        self.describe(b"entry", before, number, entry)
    }

    fn describe(&self, label: &[u8], before: &[u8], number: i64, entry: &Entry) -> Vec<u8> {
        let actor = entry.actor.unwrap_or_default();
        let subject = entry.subject.unwrap_or_default();
        let fields: [&[u8]; 11] = [
            before,
            &number.to_be_bytes(),
            entry.id.as_bytes(),
            &entry.at.to_be_bytes(),
            entry.act.as_bytes(),
            entry.outcome.as_bytes(),
            actor.as_bytes(),
            subject.as_bytes(),
            entry.network.as_bytes(),
            entry.support_id.as_bytes(),
            entry.detail.as_bytes(),
        ];
        self.mac(label, &fields)
    }

    fn sign(&self, checkpoint: &Checkpoint) -> Vec<u8> {
        let fields: [&[u8]; 3] =
            [&checkpoint.number.to_be_bytes(), &checkpoint.mac, &checkpoint.at.to_be_bytes()];
        self.mac(b"checkpoint", &fields)
    }

    /// Each field with its length before it, so that no two lists of fields are the same bytes.
    fn mac(&self, label: &[u8], fields: &[&[u8]]) -> Vec<u8> {
        let mut message = Vec::from(label);
        for field in fields {
            message.extend_from_slice(&(field.len() as u64).to_be_bytes());
            message.extend_from_slice(field);
        }
        secrets::hmac_sha256(&self.key, &[&message]).to_vec()
    }
}

fn start_of(checkpoint: Option<&Checkpoint>) -> (i64, Vec<u8>) {
    checkpoint.map_or((0, Vec::new()), |checkpoint| (checkpoint.number, checkpoint.mac.clone()))
}

impl std::fmt::Debug for AuditTrail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AuditTrail")
    }
}

/// What an entry says of a session.
pub(crate) fn session_detail(session: SessionId) -> String {
    format!("session {session}")
}
