//! The chain of entries: sealing and following it.

use std::sync::{Arc, Mutex, PoisonError};

use domain::Timestamp;
use store::audit::{Checkpoint, Entry, Place};
use store::{Turn, Tx};
use uuid::Uuid;

use super::Link;
use crate::{Fault, Random};

/// The chain of entries, and the key that makes it one.
#[derive(Clone)]
pub struct AuditTrail {
    pub(super) store: store::Store,
    key: [u8; 32],
    /// The id of the entry that was written last.
    last: Arc<Mutex<Uuid>>,
    /// Who acts as the operator, as entries call them.
    pub(super) operator: Arc<str>,
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
    /// Neither its beginning nor its end holds.
    #[error(
        "neither the first entry nor the newest is what was sealed with keys.audit: either this is not the key that the trail \
         was sealed with, and that one is to be given, or the trail was changed from its beginning to its end"
    )]
    NeitherEnd,
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
    /// There is no entry at all, though there was an act that had one.
    #[error(
        "the trail is empty, but there are accounts, whose sign-up it would tell of: somebody has removed all of it"
    )]
    Emptied,
    /// The chain ends before an entry that is known to have been there.
    #[error("the trail ends at entry {head}, but entry {expected} is known to have been there")]
    Truncated {
        /// The last entry there is.
        head: i64,
        /// The one that should be.
        expected: i64,
    },
    /// The entry that an earlier verification ended at is another now.
    #[error(
        "entry {number} is not the one that an earlier verification ended at: \
         the trail was written anew from there or before, by somebody who has its key"
    )]
    Rewritten {
        /// Its number.
        number: i64,
    },
    /// The entry that an earlier verification ended at was pruned.
    #[error(
        "entry {expected}, which an earlier verification ended at, was pruned, or sealed under a key that was lost: the trail \
         begins after entry {first}, so the two cannot be compared; give the end of a later verification"
    )]
    Pruned {
        /// The last entry that was pruned.
        first: i64,
        /// The one to compare with.
        expected: i64,
    },
    /// An entry has a number of no place in the chain.
    #[error("an entry is numbered {number}, which is before the trail begins: somebody put it there")]
    Outside {
        /// Its number.
        number: i64,
    },
    /// A pseudonym leads to another account than the one it was given to.
    #[error(
        "the pseudonym {pseudonym} was not given to the account it leads to: somebody has exchanged who it is; \
         the entries that name it are as they were sealed"
    )]
    Person {
        /// The pseudonym.
        pseudonym: Uuid,
    },
    /// The database holds something there that Keyward never writes.
    #[error("{what} cannot be read: it holds a value of a type that was never written there")]
    Unreadable {
        /// Which it is.
        what: String,
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

pub(super) const BATCH: i64 = 500;

/// Why a chain begins after a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beginning {
    /// What was before it was pruned, and is gone.
    Pruned,
    /// What is before it was sealed under a key that was lost: it can be read, and not be proved.
    Anew,
}

impl Beginning {
    fn label(self) -> &'static [u8] {
        match self {
            Self::Pruned => b"checkpoint",
            Self::Anew => b"begun anew",
        }
    }
}

impl AuditTrail {
    /// The trail in `store`, sealed under `key`.
    pub fn new(store: store::Store, key: [u8; 32]) -> Self {
        Self { store, key, last: Arc::default(), operator: super::OPERATOR.into() }
    }

    /// The same trail, in which this person is the operator: entries name them.
    #[must_use]
    pub fn of_operator(&self, name: &str) -> Self {
        Self { operator: format!("{}: {name}", super::OPERATOR).into(), ..self.clone() }
    }

    /// Who acts as the operator, as entries call them.
    pub(crate) fn operator(&self) -> &str {
        &self.operator
    }

    /// An id after that of every entry this process wrote before, so that entries are sealed in the order they were
    /// written: `fresh`, or, if that is not later because both are of one millisecond or the clock went back, one more
    /// than the last (RFC 9562 section 6.2). Entries are written one at a time, since a transaction holds the write lock.
    pub(crate) fn next_id(&self, fresh: Uuid) -> Uuid {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        *last = fresh.max(id_after(*last).unwrap_or(Uuid::max()));
        *last
    }

    /// Seals what waits, up to 500 entries, and says how many it sealed. What no act wrote stays as it is: whoever can
    /// write to the database would otherwise have us put our seal to it.
    ///
    /// It is passed over, however much there is of it, without holding the write lock.
    pub async fn seal(&self) -> Result<usize, store::Error> {
        loop {
            let (entries, forged) = self.waiting().await?;
            if let Some(first) = forged.first() {
                tracing::error!(
                    entries = forged.len(), first = %first,
                    "entries of the audit trail were not written by this installation, and are not sealed"
                );
            }
            if entries.is_empty() {
                return Ok(0);
            }
            let mut tx = self.store.begin_in_turn(&[Turn::Trail]).await?;
            let (number, mac) = match store::audit::head(&mut tx).await? {
                Some(head) => head,
                None => start_of(store::audit::checkpoints(&mut tx).await?.last()),
            };
            if self.seal_by_eights(&mut tx, &entries, (number, &mac)).await? {
                tx.commit().await?;
                return Ok(entries.len());
            }
            // Another process has sealed some of them since they were read: what it left is read anew.
        }
    }

    /// Gives entries their places after `head`. False if one of them has a place already: then none may be kept.
    async fn seal_by_eights(
        &self,
        tx: &mut Tx,
        entries: &[Entry],
        head: (i64, &[u8]),
    ) -> Result<bool, store::Error> {
        let (mut number, mut mac) = (head.0, head.1.to_vec());
        let mut places: Vec<Place> = Vec::with_capacity(entries.len());
        for entry in entries {
            number += 1;
            mac = self.link(&mac, number, entry);
            places.push((entry.id, number, mac.clone()));
        }
        let (eights, rest) = places.as_chunks::<8>();
        for eight in eights {
            if store::audit::seal_eight(tx, eight).await? != 8 {
                return Ok(false);
            }
        }
        for (id, number, mac) in rest {
            if !store::audit::seal(tx, *id, *number, mac).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What waits to be sealed, up to 500 entries; and the ids of what no act wrote, so far as it was met on the way.
    async fn waiting(&self) -> Result<(Vec<Entry>, Vec<Uuid>), store::Error> {
        let mut tx = self.store.read().await?;
        let (mut entries, mut forged) = (Vec::new(), Vec::new());
        let mut next = Some(Uuid::nil());
        while let Some(from) = next {
            let page = store::audit::unsealed(&mut tx, from, BATCH).await?;
            next = page.last().and_then(|last| id_after(last.id));
            for entry in page {
                if self.is_vouched(&entry) {
                    entries.push(entry);
                } else {
                    forged.push(entry.id);
                }
            }
            if entries.len() >= usize::try_from(BATCH).unwrap_or(usize::MAX) {
                break;
            }
        }
        Ok((entries, forged))
    }

    /// Follows the whole chain, and gives its end. `expected` is the end that an earlier verification gave: the chain
    /// must lead through it. Without it, a chain cut short, or written anew by somebody who has the key, looks whole.
    pub async fn verify(&self, expected: Option<&Link>) -> Result<Link, VerifyError> {
        let mut first = 0;
        match self.follow(expected, &mut first).await {
            // Whoever gave the wrong key would otherwise look for an intruder alone.
            Err(VerifyError::Changed { number }) if number == first && !self.is_its_key().await? => {
                Err(VerifyError::NeitherEnd)
            }
            followed => followed,
        }
    }

    /// Follows the whole chain; `first` becomes the number of its first entry.
    async fn follow(&self, expected: Option<&Link>, first: &mut i64) -> Result<Link, VerifyError> {
        let mut tx = self.store.read().await?;
        let checkpoints = store::audit::checkpoints(&mut tx).await;
        let checkpoints = readable(checkpoints, || "the beginning of the trail".to_owned())?;
        let mut pruned = 0;
        for checkpoint in &checkpoints {
            match self.beginning(checkpoint) {
                Some(Beginning::Pruned) => pruned = checkpoint.number,
                Some(Beginning::Anew) => {}
                None => return Err(VerifyError::Checkpoint { number: checkpoint.number }),
            }
        }
        let outside = store::audit::first_until(&mut tx, pruned).await;
        if let Some(entry) = readable(outside, || format!("an entry numbered {pruned} or less"))? {
            return Err(VerifyError::Outside { number: entry.number.unwrap_or_default() });
        }
        let (mut number, mut mac) = start_of(checkpoints.last());
        *first = number + 1;
        if let Some(expected) = expected
            && expected.number < number
        {
            return Err(VerifyError::Pruned { first: number, expected: expected.number });
        }
        compare(number, &mac, expected)?;
        loop {
            let mut entries = store::audit::after(&mut tx, number, BATCH).await;
            // One by one, to say which it is.
            if entries.as_ref().is_err_and(store::Error::is_unreadable) {
                entries = store::audit::after(&mut tx, number, 1).await;
            }
            let entries = readable(entries, || format!("entry {}", number + 1))?;
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
                compare(number, &mac, expected)?;
            }
        }
        let (mut next, mut waits) = (Some(Uuid::nil()), false);
        while let Some(from) = next {
            let page = store::audit::unsealed(&mut tx, from, BATCH).await;
            let page = readable(page, || "an entry that waits to be sealed".to_owned())?;
            waits |= !page.is_empty();
            next = page.last().and_then(|last| id_after(last.id));
            if let Some(forged) = page.iter().find(|entry| !self.is_vouched(entry)) {
                return Err(VerifyError::Forged { id: forged.id });
            }
        }
        let anybody = self.verify_people(&mut tx).await?;
        match expected {
            Some(expected) if number < expected.number => {
                Err(VerifyError::Truncated { head: number, expected: expected.number })
            }
            _ if number == 0 && !waits && anybody => Err(VerifyError::Emptied),
            _ => Ok(Link { number, mac }),
        }
    }

    /// The number of the last entry that is not proved any more: what is up to it was pruned, or sealed under a key that was lost. 0 if
    /// the chain is whole from its first entry on.
    pub async fn begins_after(&self) -> Result<i64, store::Error> {
        let mut tx = self.store.read().await?;
        Ok(start_of(store::audit::checkpoints(&mut tx).await?.last()).0)
    }

    /// How many entries can be read and not be proved, because they were sealed under a key that was lost.
    pub async fn count_unproved(&self) -> Result<i64, store::Error> {
        let mut tx = self.store.read().await?;
        let checkpoints = store::audit::checkpoints(&mut tx).await?;
        match checkpoints.last() {
            Some(last) => store::audit::count_between(&mut tx, 0, last.number).await,
            None => Ok(0),
        }
    }

    /// How many entries wait to be sealed.
    pub async fn count_waiting(&self) -> Result<i64, store::Error> {
        store::audit::count_unsealed(&mut self.store.look().await?).await
    }

    /// Whether this is the key that the trail is sealed with, by its newest entry. Entries under another key would break
    /// the chain for good, and look as if somebody had tampered with it.
    pub async fn is_its_key(&self) -> Result<bool, store::Error> {
        let mut tx = self.store.read().await?;
        let checkpoints = store::audit::checkpoints(&mut tx).await?;
        let newest = store::audit::newest(&mut tx, None, i64::MAX, 2).await?;
        let Some(last) = newest.first() else {
            return Ok(checkpoints.last().is_none_or(|last| self.beginning(last).is_some()));
        };
        let number = last.number.unwrap_or_default();
        let before = match newest.get(1) {
            Some(before) => before.mac.clone().unwrap_or_default(),
            None => start_of(checkpoints.last()).1,
        };
        let link = self.link(&before, number, last);
        Ok(secrets::constant_time_equal(&link, last.mac.as_deref().unwrap_or_default()))
    }

    /// Begins a new chain under this key after the newest entry: for whoever has lost the key before it. What was sealed
    /// under that one stays to be read, and can no longer be proved.
    pub async fn begin_anew(&self, random: &Random, now: Timestamp) -> Result<i64, Fault> {
        let mut tx = self.store.begin_in_turn(&[Turn::Trail]).await?;
        let (number, mac) = store::audit::head(&mut tx).await?.unwrap_or_default();
        let mut checkpoint = Checkpoint { number, mac, at: now.micros(), signature: Vec::new() };
        checkpoint.signature = self.sign(Beginning::Anew, &checkpoint);
        store::audit::set_checkpoint(&mut tx, &checkpoint).await?;
        self.vouch_for_all(&mut tx).await?;
        self.record_operator(&mut tx, random, "begin_trail_anew", "", now).await?;
        tx.commit().await?;
        self.seal().await?;
        Ok(number)
    }

    /// Shows that an entry was written by an act, until it is sealed.
    pub(crate) fn vouch(&self, entry: &Entry) -> Vec<u8> {
        self.describe(b"waiting", &[], 0, entry)
    }

    fn is_vouched(&self, entry: &Entry) -> bool {
        secrets::constant_time_equal(&self.vouch(entry), entry.mac.as_deref().unwrap_or_default())
    }

    pub(super) fn link(&self, before: &[u8], number: i64, entry: &Entry) -> Vec<u8> {
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

    /// Why the chain begins after this checkpoint; none if it was not signed with this key.
    fn beginning(&self, checkpoint: &Checkpoint) -> Option<Beginning> {
        [Beginning::Pruned, Beginning::Anew].into_iter().find(|beginning| {
            secrets::constant_time_equal(&self.sign(*beginning, checkpoint), &checkpoint.signature)
        })
    }

    pub(super) fn sign(&self, beginning: Beginning, checkpoint: &Checkpoint) -> Vec<u8> {
        let fields: [&[u8]; 3] =
            [&checkpoint.number.to_be_bytes(), &checkpoint.mac, &checkpoint.at.to_be_bytes()];
        self.mac(beginning.label(), &fields)
    }

    /// Each field with its length before it, so that no two lists of fields are the same bytes.
    pub(super) fn mac(&self, label: &[u8], fields: &[&[u8]]) -> Vec<u8> {
        let mut message = Vec::from(label);
        for field in fields {
            message.extend_from_slice(&(field.len() as u64).to_be_bytes());
            message.extend_from_slice(field);
        }
        secrets::hmac_sha256(&self.key, &[&message]).to_vec()
    }
}

/// The next id there can be.
pub(super) fn id_after(id: Uuid) -> Option<Uuid> {
    id.as_u128().checked_add(1).map(Uuid::from_u128)
}

/// Whether this entry is the expected one, if it has its number.
fn compare(number: i64, mac: &[u8], expected: Option<&Link>) -> Result<(), VerifyError> {
    match expected {
        Some(expected) if expected.number == number && !secrets::constant_time_equal(mac, &expected.mac) => {
            Err(VerifyError::Rewritten { number })
        }
        _ => Ok(()),
    }
}

/// What is of another type than was ever written says that somebody else has written it.
pub(super) fn readable<T>(
    read: Result<T, store::Error>,
    what: impl FnOnce() -> String,
) -> Result<T, VerifyError> {
    read.map_err(
        |error| {
            if error.is_unreadable() { VerifyError::Unreadable { what: what() } } else { error.into() }
        },
    )
}

pub(super) fn start_of(checkpoint: Option<&Checkpoint>) -> (i64, Vec<u8>) {
    checkpoint.map_or((0, Vec::new()), |checkpoint| (checkpoint.number, checkpoint.mac.clone()))
}

impl std::fmt::Debug for AuditTrail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AuditTrail")
    }
}
