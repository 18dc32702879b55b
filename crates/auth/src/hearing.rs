//! What other processes ended or changed: heard by Redis at once, and read from the table `changes` twice a second, five times while
//! Redis is away, so that this process forgets what it knew of it within a second, whichever of the two is away. What it reads and
//! nobody has said it says by Redis, or keeps until it can: another may hear nothing else.
//!
//! A process that hears neither knows less from moment to moment. After `limits.max_staleness` it believes its memory no
//! longer, and whoever asks it is told to come back.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use domain::Timestamp;
use serde::{Deserialize, Serialize};
use store::Tx;
use store::ephemeral::{Ephemeral, Heard};
use tokio::time::Instant;
use uuid::Uuid;

use crate::{Auth, Fault};

mod telling;

use telling::{EVERYTHING, Untold};

/// From one look at the table to the next, as the net under Redis…
const LOOKING: Duration = Duration::from_millis(500);
/// …and while Redis is not known to be heard, when it is the only way: what is promised is a second, of which a machine with much else
/// to do takes its part.
const LOOKING_ALONE: Duration = Duration::from_millis(200);
/// Between two notes that Redis is still heard.
const NOTING: Duration = Duration::from_millis(250);
/// What memory says is asked of the database anew after so long, if it is there: names and addresses change unheard.
const ASKED_AGAIN: Duration = Duration::from_secs(5);
/// A change may be seen so long after the moment that stands in it: clocks of processes differ by a minute at the most, and
/// between that moment and its commit the database may be slow. What is read again was read before, and costs little.
const OVERLAP: Duration = Duration::from_secs(90);
/// Changes are kept for so long. Whoever could not read them for longer forgets everything.
const KEPT: Duration = Duration::from_hours(1);

/// Who works on the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Processes {
    /// This process alone: nobody has to be told of anything.
    One,
    /// This one and others.
    Several,
}

/// What one transaction ended or changed: in its row, and as it is told.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Change {
    /// Its own id.
    id: Uuid,
    /// Sessions, grants, and tokens that were revoked one by one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    ids: Vec<Uuid>,
    /// Apps.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    clients: Vec<String>,
    /// Signing keys that were given up.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    keys: Vec<String>,
}

impl Change {
    /// Of sessions, grants and tokens.
    pub(crate) fn of(id: Uuid, ids: Vec<Uuid>) -> Self {
        Self { id, ids, clients: Vec::new(), keys: Vec::new() }
    }

    /// Of apps.
    pub(crate) fn of_clients(id: Uuid, clients: Vec<String>) -> Self {
        Self { id, ids: Vec::new(), clients, keys: Vec::new() }
    }

    /// Of signing keys that were given up.
    pub(crate) fn of_keys(id: Uuid, keys: Vec<String>) -> Self {
        Self { id, ids: Vec::new(), clients: Vec::new(), keys }
    }

    /// Writes it down for others to read, in the transaction that makes it. Gives what to tell them once that is committed.
    pub(crate) async fn write(&self, tx: &mut Tx, now: Timestamp) -> Result<Option<String>, Fault> {
        if self.ids.is_empty() && self.clients.is_empty() && self.keys.is_empty() {
            return Ok(None);
        }
        let row =
            store::changes::Change { id: self.id, at: now.micros(), what: serde_json::to_string(self)? };
        store::changes::insert(tx, &row).await?;
        Ok(Some(row.what))
    }
}

/// How far this process has heard.
#[derive(Debug)]
pub(crate) struct Hearing {
    processes: Processes,
    ephemeral: Ephemeral,
    max_staleness: Duration,
    begun: Instant,
    /// Everything that was committed before this is known: milliseconds after `begun`, and one more. 0: nothing is known.
    heard_until: AtomicU64,
    /// The connection to Redis by which everything was heard since the table was read. 0: none.
    connection: AtomicU64,
    /// Changes that were heard since the table was last read.
    told: Mutex<HashSet<Uuid>>,
    untold: Untold,
}

impl Hearing {
    pub(crate) fn new(processes: Processes, ephemeral: Ephemeral, max_staleness: Duration) -> Self {
        let (heard_until, connection, told, untold) = Default::default();
        Self { processes, ephemeral, max_staleness, begun: instant(), heard_until, connection, told, untold }
    }

    /// By which others are told.
    pub(crate) fn ephemeral(&self) -> Ephemeral {
        self.ephemeral.clone()
    }

    pub(crate) fn processes(&self) -> Processes {
        self.processes
    }

    /// Whether memory may be believed: whatever was ended longer than `max_staleness` ago is forgotten.
    pub(crate) fn is_current(&self) -> bool {
        if self.processes == Processes::One {
            return true;
        }
        let heard_until = self.heard_until.load(Ordering::Acquire);
        heard_until > 0
            && (self.since_begun().saturating_sub(heard_until) < millis(self.max_staleness)
                || self.hears_redis())
    }

    /// What memory says is believed for so long without a question to the database, if the database is there.
    pub(crate) fn asked_again(&self) -> Duration {
        match self.processes {
            // What a command did on the same file is not heard.
            Processes::One => ASKED_AGAIN.min(self.max_staleness),
            Processes::Several => ASKED_AGAIN,
        }
    }

    /// Whether memory is believed although the database was asked and did not answer.
    pub(crate) fn goes_on(&self, fault: &Fault) -> bool {
        self.processes == Processes::Several && matches!(fault, Fault::Store(_)) && self.is_current()
    }

    fn hears_redis(&self) -> bool {
        self.ephemeral.connection().is_some_and(|number| number == self.connection.load(Ordering::Acquire))
    }

    /// Everything that was committed before `until` is known, and what is said by `connection` has been heard since.
    fn heard(&self, until: u64, connection: Option<u64>) {
        self.connection.store(connection.unwrap_or_default(), Ordering::Release);
        self.heard_until.fetch_max(until, Ordering::AcqRel);
    }

    fn since_begun(&self) -> u64 {
        millis(self.begun.elapsed()).saturating_add(1)
    }
}

/// While this is there, somebody listens.
struct Listening<'a>(&'a Hearing);

impl Drop for Listening<'_> {
    fn drop(&mut self) {
        self.0.connection.store(0, Ordering::Release);
        self.0.heard_until.store(0, Ordering::Release);
    }
}

/// Changes that were read, and are read again for a while.
#[derive(Default)]
struct Seen {
    rows: HashSet<Uuid>,
    /// When the table was last read.
    at: Option<Timestamp>,
}

impl Auth {
    /// Whether this process hears of what others end, or is alone.
    pub fn hears(&self) -> bool {
        self.hearing.is_current()
    }

    /// Hears of what other processes end or change, for ever. A lone process has nothing to hear.
    pub async fn hear(&self) {
        if self.hearing.processes == Processes::One {
            return;
        }
        let _listening = Listening(&self.hearing);
        tokio::join!(
            self.listen(),
            self.look_at_changes(),
            self.tell_others(),
            self.note_that_redis_is_heard()
        );
    }

    async fn listen(&self) {
        let mut messages = self.hearing.ephemeral.listen();
        loop {
            match messages.next().await {
                Heard::Message(what) => self.forget(&what),
                Heard::Missed => {
                    tracing::warn!(
                        "more was changed at once than could be heard: what is remembered is asked anew"
                    );
                    self.forget_everything();
                }
            }
        }
    }

    async fn look_at_changes(&self) {
        let mut seen = Seen::default();
        loop {
            // From the beginning of the look: one that takes long does not put off the next.
            let begun = instant();
            let untold = self.read_changes(&mut seen).await.unwrap_or_else(|error| {
                // The store says in the log that the database is away.
                tracing::debug!(%error, "what other processes changed could not be read; it will be tried again");
                Vec::new()
            });
            self.hearing.untold.add(untold, self.hearing.ephemeral.connection().is_some());
            self.pause(begun).await;
        }
    }

    /// Until it is time to look again, after a look that began at `begun`.
    async fn pause(&self, begun: Instant) {
        tokio::time::sleep_until(begun + LOOKING_ALONE).await;
        if self.hearing.hears_redis() {
            tokio::time::sleep_until(begun + LOOKING).await;
        }
    }

    /// Forgets what was ended or changed since the last look. Gives what nobody has said yet.
    async fn read_changes(&self, seen: &mut Seen) -> Result<Vec<String>, Fault> {
        let now = self.clock.now();
        // At first all that is kept: whoever was to say it may have ended before it could.
        let last = seen.at.unwrap_or(now.minus(KEPT));
        // A clock that was set back must not hide what is written by it from now on.
        let from = last.min(now).minus(OVERLAP);
        // Before the question: what is said after it is heard by this connection, and what was said before is in the answer.
        let (asked, connection) = (self.hearing.since_begun(), self.hearing.ephemeral.connection());
        // Not behind those who wait for each other with every other connection in their hands.
        let rows = store::changes::since(&mut self.store.look_apart().await?, from).await?;
        if seen.at.is_some_and(|at| now.since(at) >= KEPT.saturating_sub(OVERLAP)) {
            self.forget_everything();
        }
        let told = std::mem::take(&mut *self.hearing.told.lock().unwrap_or_else(PoisonError::into_inner));
        let news: Vec<_> = rows.iter().filter(|row| !seen.rows.contains(&row.id)).collect();
        for row in &news {
            self.forget(&row.what);
        }
        self.hearing.heard(asked, connection);
        let untold = news.iter().filter(|row| !told.contains(&row.id));
        let untold = untold.map(|row| row.what.clone()).collect();
        seen.rows = rows.iter().map(|row| row.id).collect();
        seen.at = Some(now);
        Ok(untold)
    }

    async fn note_that_redis_is_heard(&self) {
        loop {
            let now = self.hearing.since_begun();
            if self.hearing.heard_until.load(Ordering::Acquire) > 0 && self.hearing.hears_redis() {
                self.hearing.heard_until.fetch_max(now, Ordering::AcqRel);
            }
            tokio::time::sleep(NOTING).await;
        }
    }

    fn forget(&self, what: &str) {
        if what == EVERYTHING {
            self.forget_everything();
            return;
        }
        match serde_json::from_str::<Change>(what) {
            Ok(change) => self.forget_change(change),
            // A later release may tell of something that this one does not know.
            Err(error) => {
                tracing::warn!(%error, "a change cannot be read: everything that is remembered is asked anew");
                self.forget_everything();
            }
        }
    }

    fn forget_change(&self, change: Change) {
        self.hearing.told.lock().unwrap_or_else(PoisonError::into_inner).insert(change.id);
        for client in &change.clients {
            self.live.access.forget_app(client);
            self.clients.forget(client);
        }
        if !change.keys.is_empty() {
            self.keys.give_up(&change.keys);
        }
        self.live.changed(change.ids);
    }

    fn forget_everything(&self) {
        self.clients.forget_all();
        self.live.forget_all();
    }

    /// Deletes what everybody has read long ago.
    pub(crate) async fn clean_changes(&self, now: Timestamp, limit: i64) -> Result<u64, Fault> {
        let mut tx = self.store.begin().await?;
        let gone = store::changes::delete_before(&mut tx, now.minus(KEPT), limit).await?;
        tx.commit().await?;
        Ok(gone)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "it is the runtime's clock: how long nothing was heard is no moment of the day"
)]
fn instant() -> Instant {
    Instant::now()
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
