//! The keys that seal what is secret at rest, and how they are exchanged while servers run.
//!
//! A new key opens first, in each process as soon as that has read it. It seals once every process that is there opens by it:
//! each writes down which keys it holds (`key_holders`), and looks at what the others wrote. Then whatever an older key has
//! sealed is [sealed anew](anew), and [what is left](told) of it is told.

mod anew;
mod told;

pub use told::{KeyRole, SealedUnder, Sealing};

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::Timestamp;
use secrets::sealing::{KeyId, Keyring, Place};
use store::key_holders::KeyHolder;
use store::sealed::Column;
use store::{Store, Turn, Tx};
use uuid::Uuid;

use crate::audit::SERVER;
use crate::hearing::Processes;
use crate::{Auth, Fault};
use told::Look;

/// Each process says so often what it holds…
const BEAT: Duration = Duration::from_secs(30);
/// …and while keys are exchanged so often.
const QUICK: Duration = Duration::from_secs(2);
/// Whoever was not heard of for so long is not there: four beats, and what clocks may be from each other.
const GONE: Duration = Duration::from_mins(3);
/// Whoever was not heard of for so long is forgotten.
const FORGOTTEN: Duration = Duration::from_hours(1);
/// What was sealed by a key before the change is committed by then.
const SETTLED: Duration = Duration::from_mins(1);
/// What is sealed is counted so often while anything waits…
const RECOUNT: Duration = Duration::from_secs(15);
/// …and else so often.
const IDLE_COUNT: Duration = Duration::from_hours(1);

/// What a process knows of its keys.
#[derive(Debug)]
pub(crate) struct Encryption {
    /// What it calls itself.
    process: Uuid,
    beat: Mutex<Beat>,
    /// What it counted last.
    look: Mutex<Option<Look>>,
    /// How many values did not open in the last round.
    shut: AtomicU64,
}

/// When a process was heard of.
#[derive(Clone, Copy, Debug)]
struct Beat {
    /// Since when it seals by its key.
    seals_since: Timestamp,
    last: Timestamp,
    /// From when on it may seal by another key: if it was silent for long, others were too, and have a while to be heard of again.
    ready: Timestamp,
}

/// Where something sealed is. The columns that there are stand in one list.
pub(crate) fn place(column: Column, row: &[u8]) -> Place<'_> {
    Place { table: column.table(), column: column.column(), row }
}

impl Encryption {
    /// A process begins that was found to open what is there. Where others run that do not hold its key yet, it seals by theirs.
    pub(crate) async fn begin(
        store: &Store,
        keyring: &Keyring,
        processes: Processes,
        process: Uuid,
        now: Timestamp,
    ) -> Result<Self, Fault> {
        let beat = Mutex::new(Beat { seals_since: now, last: now, ready: now });
        let begun = Self { process, beat, look: Mutex::default(), shut: AtomicU64::default() };
        if processes == Processes::One {
            return Ok(begun);
        }
        let mut tx = store.begin_in_turn(&[Turn::KeyHolders]).await?;
        let others = begun.others(&mut tx, now).await?;
        if !all_open(&others, keyring.wanted_key_id())
            && !others.iter().any(|other| KeyId::parse(&other.seals).is_some_and(|id| keyring.seal_by(id)))
        {
            tracing::warn!(
                key_id = %keyring.wanted_key_id(),
                "servers that run neither hold this one's keys.encryption nor seal by a key that it holds: let keys.older_encryption \
                 name theirs"
            );
        }
        begun.write(&mut tx, keyring, keyring.current_key_id(), now, now).await?;
        tx.commit().await?;
        Ok(begun)
    }

    async fn others(&self, tx: &mut Tx, now: Timestamp) -> Result<Vec<KeyHolder>, Fault> {
        let mut others = store::key_holders::list(tx, now.minus(GONE)).await?;
        others.retain(|other| other.process != self.process);
        Ok(others)
    }

    async fn write(
        &self,
        tx: &mut Tx,
        keyring: &Keyring,
        seals: KeyId,
        since: Timestamp,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let opens: Vec<_> = keyring.key_ids().iter().map(ToString::to_string).collect();
        let holder = KeyHolder {
            process: self.process,
            opens: opens.join(" "),
            seals: seals.to_string(),
            seals_since: since.micros(),
            seen_at: now.micros(),
        };
        Ok(store::key_holders::put(tx, &holder).await?)
    }

    fn beat(&self) -> MutexGuard<'_, Beat> {
        self.beat.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn look(&self) -> Option<Look> {
        self.look.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Auth {
    /// The keys that seal: a changed one is handed to this.
    pub fn keyring(&self) -> Arc<Keyring> {
        self.keyring.clone()
    }

    /// Sees to the keys that seal: lets a new one seal once everybody opens by it, then seals anew what an older one has sealed,
    /// until `is_over` says so. Says when to do so next; sooner, if the ring [changed](Keyring::changed).
    pub async fn keep_encryption(&self, is_over: impl Fn() -> bool) -> Result<Duration, Fault> {
        let now = self.clock.now();
        let others = self.agree_on_keys(now).await?;
        let (current, wanted) = (self.keyring.current_key_id(), self.keyring.wanted_key_id());
        let own = current.to_string();
        let alike = others.iter().all(|other| other.seals == own);
        let changing = current != wanted || !alike;
        let since =
            others.iter().filter(|other| other.seals == own).map(|other| Timestamp(other.seals_since));
        let since = since.fold(self.encryption.beat().seals_since, Timestamp::max);
        let settled = !changing && now.since(since) >= SETTLED;
        let lacking = others.iter().filter(|other| !opens(other, wanted)).count();
        if self.encryption.look().is_none_or(|look| look.is_stale(current, changing, settled, lacking, now)) {
            let mut look = self.count_sealed(settled, lacking, now).await?;
            // Before everybody opens by it nothing is sealed by it.
            if current == wanted && look.can_be_moved(&self.keyring) && !is_over() {
                self.seal_anew(&is_over).await?;
                look = self.count_sealed(settled, lacking, now).await?;
            }
            self.tell_what_may_be_dropped(&look);
            *self.encryption.look.lock().unwrap_or_else(PoisonError::into_inner) = Some(look);
        }
        let moves = self.encryption.look().is_some_and(|look| look.can_be_moved(&self.keyring));
        Ok(if changing || moves { QUICK } else { BEAT })
    }

    /// Says what this process holds, and seals by the key that it is to seal by if all others open by that. Gives the others.
    async fn agree_on_keys(&self, now: Timestamp) -> Result<Vec<KeyHolder>, Fault> {
        let (before, wanted) = (self.keyring.current_key_id(), self.keyring.wanted_key_id());
        let is_alone = self.hearing.processes() == Processes::One;
        if is_alone && before == wanted {
            return Ok(Vec::new());
        }
        let mut beat = *self.encryption.beat();
        if !is_alone && now.since(beat.last) >= GONE.saturating_sub(BEAT * 2) {
            beat.ready = now.plus(BEAT * 2);
        }
        beat.last = now;
        let mut tx = self.store.begin_in_turn(&[Turn::KeyHolders]).await?;
        let others = if is_alone { Vec::new() } else { self.encryption.others(&mut tx, now).await? };
        let seals = if now >= beat.ready && all_open(&others, wanted) { wanted } else { before };
        if seals != before {
            beat.seals_since = now;
        }
        if !is_alone {
            self.encryption.write(&mut tx, &self.keyring, seals, beat.seals_since, now).await?;
        }
        if seals != before {
            let (did, detail) = ((SERVER, "exchange_encryption_key"), format!("{before} {seals}"));
            self.audit.record_without_request(&mut tx, &self.random, did, None, &detail, now).await?;
            tx.wake(&self.audit_waiting);
        }
        tx.commit().await?;
        *self.encryption.beat() = beat;
        if seals != before {
            // Others know of it before anything is sealed by it.
            self.keyring.seal_by(seals);
            tracing::info!(key_id = %seals, before = %before, "what is secret at rest is sealed by another key from now on");
        }
        Ok(others)
    }

    /// This process seals nothing any more, and nobody waits for it.
    pub async fn let_go_of_keys(&self) {
        let_go_of_keys(&self.store, self.hearing.processes(), self.encryption.process).await;
    }

    /// Forgets processes that ended without a word.
    pub(crate) async fn clean_key_holders(&self, now: Timestamp, limit: i64) -> Result<u64, Fault> {
        let mut tx = self.store.begin().await?;
        let gone = store::key_holders::delete_before(&mut tx, now.minus(FORGOTTEN), limit).await?;
        tx.commit().await?;
        Ok(gone)
    }
}

/// A process seals nothing any more, or never came so far.
pub(crate) async fn let_go_of_keys(store: &Store, processes: Processes, process: Uuid) {
    if processes == Processes::One {
        return;
    }
    let gone = async {
        let mut tx = store.begin().await?;
        store::key_holders::delete(&mut tx, process).await?;
        tx.commit().await
    };
    if let Err(error) = gone.await {
        tracing::debug!(%error, "other servers wait for this one's keys for some minutes");
    }
}

fn opens(holder: &KeyHolder, key: KeyId) -> bool {
    holder.opens.split(' ').any(|id| KeyId::parse(id) == Some(key))
}

fn all_open(holders: &[KeyHolder], key: KeyId) -> bool {
    holders.iter().all(|holder| opens(holder, key))
}
