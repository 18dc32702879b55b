//! Accounts from elsewhere, with the hashes that they bring along.

use std::fmt;
use std::sync::Arc;

use domain::{DisplayName, Email, EmailId, Pseudonym, Timestamp, UserId};
use store::audit::Entry;
use store::{Store, Turn, Tx};
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::hasher::{Kinds, MOST_KINDS, NoRoom};
use crate::{AuditTrail, Auth, Fault, Foreign, Hasher, Random};

/// An account as it was elsewhere.
#[derive(Debug)]
pub struct ImportedAccount {
    /// The address.
    pub email: Email,
    /// Whether its owner has shown that it is theirs: whoever imports vouches for it.
    pub proved: bool,
    /// The name; may be empty.
    pub name: DisplayName,
    /// The language, as a BCP 47 tag.
    pub locale: Option<String>,
    /// Whether a mailed code is to be asked for after the password.
    pub second_step: bool,
    /// The hash of the password. Without one a new password has to be set, by way of "forgot password".
    pub password: Option<Foreign>,
}

/// What became of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Imported {
    /// It is there.
    Added,
    /// It was there already: the batch that was under way when the import was cut short had brought it in.
    There,
    /// Its address has an account, which is left as it is.
    AddressTaken,
    /// Its hash would be of one kind more than a failed sign-in can do the work of.
    KindsFull,
    /// Its hash takes more memory than all hashes together may.
    TooMuchMemory {
        /// KiB that it takes.
        needed: usize,
        /// KiB that there are.
        available: usize,
    },
}

/// Rows that are brought in together, as the audit trail has it of each account: by this an import that was cut short knows which
/// accounts are its own, whose answer it did not hear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Which import.
    pub import: Uuid,
    /// The row that they come after.
    pub after: u64,
}

impl fmt::Display for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "import {}, after row {}", self.import, self.after)
    }
}

/// Of which import accounts are.
#[derive(Clone, Copy, Debug, Default)]
pub struct Batches {
    /// What they are brought in by.
    pub own: Option<Batch>,
    /// What may have been brought in before the import was cut short.
    pub cut_short: Option<Batch>,
}

/// The act of the audit trail.
const ACT: &str = "import_user";

/// Brings accounts in, many at a time.
#[derive(Clone, Debug)]
pub struct Import {
    store: Store,
    trail: AuditTrail,
    hasher: Hasher,
    random: Random,
    /// How many hashes may be wrapped at once.
    wrapping: Arc<Semaphore>,
}

impl Auth {
    /// Brings accounts in beside those who sign in: one hash is wrapped at a time, and whoever signs in goes first.
    pub fn import(&self, trail: AuditTrail) -> Import {
        let import = Import::new(self.store.clone(), trail, self.hasher.clone(), self.random.clone());
        Import { wrapping: Arc::new(Semaphore::new(1)), ..import }
    }
}

impl Import {
    /// One that writes to this database.
    pub fn new(store: Store, trail: AuditTrail, hasher: Hasher, random: Random) -> Self {
        Self { store, trail, hasher, random, wrapping: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)) }
    }

    /// Refuses to go on where hashes that are there have a pepper that is not here, as a start of the server does: what came in would be
    /// made with another, and the next start would be refused.
    pub async fn check_peppers(&self) -> Result<(), Fault> {
        let schemes = store::passwords::schemes(&mut self.store.read().await?).await?;
        self.hasher.check(&schemes)
    }

    /// Kinds of hash that there may be at the most, ours among them.
    pub const KINDS: usize = MOST_KINDS;

    /// What would become of accounts. Changes nothing.
    pub async fn look(&self, accounts: &[ImportedAccount]) -> Result<Vec<Imported>, Fault> {
        let mut kinds = self.kinds().await?;
        let mut tx = self.store.read().await?;
        let mut found = Vec::with_capacity(accounts.len());
        for ImportedAccount { email, password, .. } in accounts {
            found.push(if store::emails::owner(&mut tx, email).await?.is_some() {
                Imported::AddressTaken
            } else {
                self.has_room(&mut kinds, password.as_ref()).err().unwrap_or(Imported::Added)
            });
        }
        Ok(found)
    }

    async fn kinds(&self) -> Result<Kinds, Fault> {
        let schemes = store::passwords::schemes(&mut self.store.read().await?).await?;
        Ok(self.hasher.kinds(&schemes))
    }

    /// Whether there is room for a hash, or what becomes of its account else.
    fn has_room(&self, kinds: &mut Kinds, password: Option<&Foreign>) -> Result<(), Imported> {
        let Some(foreign) = password else { return Ok(()) };
        self.hasher.make_room(kinds, foreign).map_err(|no_room| match no_room {
            NoRoom::Kinds => Imported::KindsFull,
            NoRoom::Memory { needed, available } => Imported::TooMuchMemory { needed, available },
        })
    }

    /// Adds accounts in one transaction, each with its entry in the audit trail: all of them are there, or none is.
    pub async fn add(
        &self,
        accounts: Vec<ImportedAccount>,
        batches: Batches,
        now: Timestamp,
    ) -> Result<Vec<Imported>, Fault> {
        let detail = batches.own.map(|own| own.to_string()).unwrap_or_default();
        // Wrapping takes long, and is done before the database's one place to write is taken.
        let mut wrapping = tokio::task::JoinSet::new();
        let mut hashes: Vec<Option<String>> = vec![None; accounts.len()];
        let mut rest = Vec::with_capacity(accounts.len());
        let mut kinds = self.kinds().await?;
        for (at, account) in accounts.into_iter().enumerate() {
            let ImportedAccount { email, proved, name, locale, second_step, password } = account;
            let has_room = self.has_room(&mut kinds, password.as_ref());
            rest.push((email, proved, name, locale, second_step, has_room));
            match password {
                _ if has_room.is_err() => {}
                Some(foreign) if foreign.is_quick() => {
                    let import = self.clone();
                    wrapping.spawn(async move { (at, import.wrap(foreign).await) });
                }
                Some(foreign) => hashes[at] = Some(self.hasher.adopt(foreign).await?),
                None => {}
            }
        }
        while let Some(wrapped) = wrapping.join_next().await {
            let (at, hash) = wrapped.map_err(|_| Fault::Corrupt("wrapping a hash panicked".to_owned()))?;
            hashes[at] = Some(hash?);
        }
        let turns: Vec<_> = rest.iter().map(|(email, ..)| Turn::Address(email.normalized())).collect();
        let mut tx = self.store.begin_in_turn(&turns).await?;
        let mut done = Vec::with_capacity(rest.len());
        for ((email, proved, name, locale, second_step, has_room), hash) in rest.into_iter().zip(hashes) {
            if let Some(owner) = store::emails::owner(&mut tx, &email).await? {
                let is_own = self.is_of(&mut tx, UserId(owner.user_id), batches.cut_short).await?;
                done.push(if is_own { Imported::There } else { Imported::AddressTaken });
                continue;
            }
            if let Err(refused) = has_room {
                done.push(refused);
                continue;
            }
            let user = UserId(self.random.ordered_id(now));
            let pseudonym = Pseudonym(self.random.opaque_id());
            let mac = self.trail.vouch_for(pseudonym.0, user.0);
            let known = (pseudonym, mac.as_slice());
            store::users::insert(&mut tx, user, known, name.as_str(), locale.as_deref(), second_step, now)
                .await?;
            let id = EmailId(self.random.ordered_id(now));
            store::emails::insert(&mut tx, id, user, &email, proved.then_some(now), now).await?;
            if let Some(hash) = hash {
                store::passwords::set(&mut tx, user, &hash, now).await?;
            }
            self.record(&mut tx, pseudonym, &detail, now).await?;
            done.push(Imported::Added);
        }
        tx.commit().await?;
        Ok(done)
    }

    /// Whether an account was brought in by this batch.
    async fn is_of(&self, tx: &mut Tx, user: UserId, batch: Option<Batch>) -> Result<bool, Fault> {
        let Some(batch) = batch else { return Ok(false) };
        let Some(person) = store::audit::pseudonym_of(tx, user).await? else { return Ok(false) };
        Ok(store::audit::is_told(tx, person, ACT, &batch.to_string()).await?)
    }

    async fn wrap(&self, foreign: Foreign) -> Result<String, Fault> {
        let _permit = self.wrapping.acquire().await;
        loop {
            match self.hasher.adopt(foreign.clone()).await {
                // Whoever signs in is not kept waiting for what can wait.
                Err(Fault::Busy { retry_after }) => tokio::time::sleep(retry_after).await,
                wrapped => return wrapped,
            }
        }
    }

    async fn record(
        &self,
        tx: &mut Tx,
        person: Pseudonym,
        detail: &str,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let mut entry = Entry {
            id: self.trail.next_id(self.random.ordered_id(now)),
            at: now.micros(),
            act: ACT.to_owned(),
            outcome: "done".to_owned(),
            actor: None,
            subject: Some(person.0),
            network: self.trail.operator().to_owned(),
            support_id: String::new(),
            detail: detail.to_owned(),
            number: None,
            mac: None,
        };
        entry.mac = Some(self.trail.vouch(&entry));
        Ok(store::audit::insert(tx, &entry).await?)
    }
}
