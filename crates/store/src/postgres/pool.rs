//! The connections: who writes takes one, and does not wait for a server that is lost. A task beside makes sure that it is
//! there.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use sqlx::postgres::PgConnection;
use sqlx::{ConnectOptions as _, Connection as _, Executor as _};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use super::session::{Condition, Session};
use super::settings::{PostgresError, PostgresSettings};
use super::way::{CONNECT_TIMEOUT, Told, Way, too_late};
use super::{fault, keeper};
use crate::Error;
use crate::connections::{Connections, Waiting};
use crate::health::Health;
use crate::migrations::Schema;
use crate::turns::{self, Turn};

/// Whoever has no connection by then is told that the database is too busy.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// Whoever was refused tries again after so long, unless something happened before that.
const AFTER_REFUSAL: Duration = Duration::from_millis(500);
/// No statement of ours takes so long, locks included: whoever would answer is gone without a word.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(15);
/// To give up a transaction.
pub(super) const END_TIMEOUT: Duration = Duration::from_secs(2);
/// A transaction waits for another's locks for so long (milliseconds), and may sleep for so long in between: set by
/// transaction, since a pooler in transaction mode gives each a connection of its own choosing.
const BEGIN: &str =
    "BEGIN; SET LOCAL lock_timeout = 5000; SET LOCAL idle_in_transaction_session_timeout = 30000";
/// Where the server would acknowledge what a cut of the power loses.
const SYNCHRONOUS: &str = "; SET LOCAL synchronous_commit = on";
const READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// PostgreSQL, and the task that watches it, which ends with this.
#[derive(Clone, Debug)]
pub(crate) struct Postgres(Arc<Keeping>);

#[derive(Debug)]
struct Keeping {
    shared: Arc<Shared>,
    keeper: JoinHandle<()>,
}

pub(crate) struct Shared {
    way: RwLock<Arc<Way>>,
    /// Connections at the most.
    maximum: u32,
    prepares: bool,
    /// A connection that asks whether the server is there, made by a way that was exchanged since.
    probe: Mutex<Option<PgConnection>>,
    /// The server refused the user or the password.
    pub(super) refused: Arc<Notify>,
    /// A connection was given back, or can be made again.
    returned: Notify,
    pub(super) health: Health,
    /// Something may be wrong with the server.
    pub(super) look: Notify,
    /// Connections that were cut since the server was last seen.
    pub(super) cut: AtomicU64,
    /// A connection was told that it may not write.
    pub(super) met_read_only: AtomicBool,
    free: Arc<Semaphore>,
    /// The one connection beside those.
    apart: Arc<Semaphore>,
    waiting: Waiting,
    idle: Mutex<Idle>,
    statements: AtomicU64,
}

/// Which of the connections one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// One of those that whoever asks takes in turn.
    Pool,
    /// The one beside them, for what must not wait until others have done.
    Apart,
}

/// Connections that nobody uses.
#[derive(Default)]
struct Idle {
    /// Counts how often the server was reached anew: what is older leads nowhere.
    generation: u64,
    /// Whether the server says that it acknowledges what is not durable.
    asynchronous: bool,
    /// The one that was used last is used next; with whether it was idle at the last sweep.
    connections: Vec<(PgConnection, bool)>,
    apart: Option<PgConnection>,
}

impl Idle {
    fn take(&mut self, place: Place) -> Option<PgConnection> {
        match place {
            Place::Pool => self.connections.pop().map(|(connection, _)| connection),
            Place::Apart => self.apart.take(),
        }
    }
}

impl Postgres {
    pub(crate) async fn connect(settings: &PostgresSettings) -> Result<Self, PostgresError> {
        let shared = Arc::new(Shared {
            way: RwLock::new(Arc::new(Way::of(settings)?)),
            maximum: settings.maximum_connections.max(1),
            prepares: settings.statement_cache > 0,
            probe: Mutex::default(),
            refused: Arc::default(),
            returned: Notify::new(),
            health: Health::new("database"),
            look: Notify::new(),
            cut: AtomicU64::new(0),
            met_read_only: AtomicBool::new(false),
            free: Arc::new(Semaphore::new(settings.maximum_connections.max(1) as usize)),
            apart: Arc::new(Semaphore::new(1)),
            waiting: Waiting::default(),
            idle: Mutex::default(),
            statements: AtomicU64::new(0),
        });
        // Seldom: whoever waits for it need not be large.
        let probe = Box::pin(shared.begin_by(shared.way())).await?;
        let keeper = tokio::spawn(keeper::keep(shared.clone(), probe));
        Ok(Self(Arc::new(Keeping { shared, keeper })))
    }

    /// Reaches the server another way from now on, once that has proved itself; else all stays as it was. How many connections
    /// there are at the most, and whether statements are prepared, stays.
    pub(crate) async fn exchange(&self, settings: &PostgresSettings) -> Result<(), PostgresError> {
        let shared = &self.0.shared;
        let probe = Box::pin(shared.begin_by(Arc::new(Way::of(settings)?))).await?;
        *shared.probe.lock().unwrap_or_else(PoisonError::into_inner) = Some(probe);
        shared.look.notify_one();
        shared.returned.notify_waiters();
        Ok(())
    }

    /// Notified when the server refuses the user or the password.
    pub(crate) fn refused(&self) -> Arc<Notify> {
        self.0.shared.refused.clone()
    }

    pub(crate) fn health(&self) -> &Health {
        &self.0.shared.health
    }

    pub(crate) fn is_here(&self) -> Result<(), Error> {
        self.0.shared.is_here()
    }

    pub(crate) fn statements(&self) -> u64 {
        self.0.shared.statements.load(Ordering::Relaxed)
    }

    pub(crate) fn connections(&self) -> Connections {
        let shared = &self.0.shared;
        let maximum = shared.maximum as usize;
        let used = maximum.saturating_sub(shared.free.available_permits());
        let idle = shared.idle().connections.len();
        Connections { maximum, used, idle, waiting: shared.waiting.count() }
    }

    pub(crate) async fn begin(&self, turns: &[Turn<'_>]) -> Result<Session, Error> {
        let mut text = BEGIN.to_owned();
        if self.0.shared.idle().asynchronous {
            text.push_str(SYNCHRONOUS);
        }
        turns::take(&mut text, turns);
        self.0.shared.begin(&text, Place::Pool).await
    }

    pub(crate) async fn read(&self) -> Result<Session, Error> {
        self.0.shared.begin(READ, Place::Pool).await
    }

    pub(crate) async fn look(&self) -> Result<Session, Error> {
        self.0.shared.look_in(Place::Pool).await
    }

    pub(crate) async fn look_apart(&self) -> Result<Session, Error> {
        self.0.shared.look_in(Place::Apart).await
    }

    pub(crate) async fn schema(&self) -> Result<Schema, Error> {
        let mut connection = self.0.shared.open().await?;
        let status = self.0.shared.watch(crate::migrations::look(&mut connection)).await?;
        drop(timeout(END_TIMEOUT, connection.close()).await);
        Ok(status.schema)
    }

    pub(crate) async fn close(&self) {
        let shared = &self.0.shared;
        self.0.keeper.abort();
        let all = shared.free.acquire_many(shared.maximum).await;
        shared.free.close();
        let apart = shared.apart.acquire().await;
        shared.apart.close();
        drop((all, apart));
        let idle = std::mem::take(&mut *shared.idle());
        for connection in idle.connections.into_iter().map(|(connection, _)| connection).chain(idle.apart) {
            drop(timeout(END_TIMEOUT, connection.close()).await);
        }
    }
}

impl Drop for Keeping {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

impl Shared {
    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn prepares(&self) -> bool {
        self.prepares
    }

    pub(super) fn way(&self) -> Arc<Way> {
        self.way.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A connection that asks whether the server is there, if another way was taken since.
    pub(super) fn newer_probe(&self) -> Option<PgConnection> {
        self.probe.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub(super) fn count_statement(&self) {
        self.statements.fetch_add(1, Ordering::Relaxed);
    }

    /// Makes the keeper look at once.
    pub(super) fn suspect(&self) {
        self.look.notify_one();
    }

    pub(super) fn give_back(&self, connection: PgConnection, generation: u64, place: Place) {
        let mut idle = self.idle();
        if idle.generation == generation && !self.free.is_closed() {
            match place {
                Place::Pool => idle.connections.push((connection, false)),
                Place::Apart => idle.apart = Some(connection),
            }
        }
        drop(idle);
        self.returned.notify_waiters();
    }

    /// Closes what was idle at the last call, and still is. The one apart is used all the time.
    pub(super) fn sweep(&self) {
        let mut idle = self.idle();
        idle.connections.retain(|(_, was_idle)| !was_idle);
        for (_, was_idle) in &mut idle.connections {
            *was_idle = true;
        }
    }

    /// Waits for what asks the server, but not for a server that is lost.
    pub(super) async fn watch<T>(
        &self,
        asked: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, sqlx::Error> {
        let mut health = self.health.subscribe();
        let lost = health.wait_for(Option::is_some);
        let answered = tokio::select! {
            biased;
            answered = timeout(STATEMENT_TIMEOUT, asked) => answered.unwrap_or_else(|_| {
                // A server that is lost is known to be long before.
                tracing::error!(seconds = STATEMENT_TIMEOUT.as_secs(), "a statement was not answered in time");
                Err(silent())
            }),
            _ = lost => Err(silent()),
        };
        if answered.as_ref().is_err_and(fault::is_read_only) {
            self.met_read_only.store(true, Ordering::Relaxed);
        }
        if answered.as_ref().is_err_and(fault::is_broken) {
            self.cut.fetch_add(1, Ordering::Relaxed);
            self.suspect();
        }
        answered
    }

    fn is_here(&self) -> Result<(), Error> {
        self.health.state().map_or(Ok(()), |lost| Err(Error::Away(lost.error)))
    }

    async fn permit(&self, place: Place) -> Result<OwnedSemaphorePermit, Error> {
        self.is_here()?;
        let mut health = self.health.subscribe();
        let (free, _waits) = match place {
            Place::Pool => (self.free.clone(), Some(self.waiting.one())),
            Place::Apart => (self.apart.clone(), None),
        };
        tokio::select! {
            biased;
            permit = timeout(LONGEST_WAIT, free.acquire_owned()) => {
                Ok(permit.map_err(|_| sqlx::Error::PoolTimedOut)?.map_err(|_| sqlx::Error::PoolClosed)?)
            }
            _ = health.wait_for(Option::is_some) => Err(Error::Away("it was lost just now".to_owned())),
        }
    }

    /// A new one, for whoever asks once more: a password that is refused may be about to be another, as in `take_one`.
    pub(super) async fn connect_patiently(&self) -> Result<PgConnection, sqlx::Error> {
        let begun = now();
        loop {
            match self.connect().await {
                Err(error) if fault::is_refusal(&error) && begun.elapsed() < LONGEST_WAIT => {
                    sleep(AFTER_REFUSAL).await;
                }
                connected => return connected,
            }
        }
    }

    /// An idle connection, or a new one; says which. A server that refuses the password may be about to be told another, or we are:
    /// then whoever asks waits for that, or for a connection that somebody gives back.
    async fn take_one(
        self: &Arc<Self>,
        permit: OwnedSemaphorePermit,
        place: Place,
    ) -> Result<(Session, bool), Error> {
        let begun = now();
        let (connection, generation, was_idle) = loop {
            let (generation, idle) = {
                let mut idle = self.idle();
                (idle.generation, idle.take(place))
            };
            if let Some(connection) = idle {
                break (connection, generation, true);
            }
            let mut returned = std::pin::pin!(self.returned.notified());
            returned.as_mut().enable();
            match self.open().await {
                Ok(connection) => break (connection, generation, false),
                Err(Error::Database(error))
                    if fault::is_refusal(&error) && begun.elapsed() < LONGEST_WAIT =>
                {
                    drop(timeout(AFTER_REFUSAL, returned).await);
                }
                Err(error) => return Err(error),
            }
        };
        let session = Session {
            shared: self.clone(),
            connection: Some(connection),
            permit: Some(permit),
            place,
            generation,
            in_transaction: false,
            condition: Condition::Whole,
            may_ask_again: false,
            waiting: Vec::new(),
        };
        Ok((session, was_idle))
    }

    /// What is not prepared is sent in two parts, between which a pooler may exchange the server: then it is a transaction.
    async fn look_in(self: &Arc<Self>, place: Place) -> Result<Session, Error> {
        if self.prepares() { self.take(place).await } else { self.begin(READ, place).await }
    }

    async fn take(self: &Arc<Self>, place: Place) -> Result<Session, Error> {
        let permit = self.permit(place).await?;
        let (mut session, was_idle) = self.take_one(permit, place).await?;
        session.may_ask_again = was_idle;
        Ok(session)
    }

    async fn begin(self: &Arc<Self>, text: &str, place: Place) -> Result<Session, Error> {
        loop {
            let permit = self.permit(place).await?;
            let (mut session, was_idle) = self.take_one(permit, place).await?;
            match session.begin(text).await {
                Ok(()) => return Ok(session),
                // It was closed while nobody used it, as a pooler or a restart does: nothing was asked yet, so another may be.
                Err(error) if was_idle && fault::is_broken(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// One connection more.
    async fn open(&self) -> Result<PgConnection, Error> {
        self.connect().await.map_err(|error| {
            if fault::is_broken(&error) { Error::Away(fault::reason(&error)) } else { error.into() }
        })
    }

    /// Another that nobody was given before. A refusal is told to whoever looks whether there is a new password.
    pub(super) async fn connect(&self) -> Result<PgConnection, sqlx::Error> {
        let connected = self.watch(async {
            let way = self.way();
            let connecting = timeout(CONNECT_TIMEOUT, way.sign_in()).await;
            connecting.unwrap_or_else(|_| Err(silent()))
        });
        connected.await.inspect_err(|error| {
            if fault::is_refusal(error) {
                self.refused.notify_one();
            }
        })
    }

    /// Reaches the server the way that it was reached before, by a connection that asks whether it is there.
    pub(super) async fn reach(&self) -> Result<PgConnection, PostgresError> {
        let (probe, told) = self.way().prove().await.inspect_err(|error| {
            if error.is_refusal {
                self.refused.notify_one();
            }
        })?;
        self.renew(&told, None);
        Ok(probe)
    }

    /// Reaches it this way from now on, if it can be used.
    async fn begin_by(&self, way: Arc<Way>) -> Result<PgConnection, PostgresError> {
        let (probe, told) = way.prove().await?;
        let (probe, other) = if self.prepares() {
            let (probe, other) = way.check_statements(probe).await?;
            (probe, Some(other))
        } else {
            (probe, None)
        };
        *self.way.write().unwrap_or_else(PoisonError::into_inner) = way;
        self.renew(&told, other);
        Ok(probe)
    }

    /// Connections of before are closed, those that somebody uses once they are given back.
    fn renew(&self, told: &Told, first: Option<PgConnection>) {
        let mut idle = self.idle();
        idle.generation += 1;
        idle.asynchronous = told.asynchronous;
        idle.connections = first.into_iter().map(|connection| (connection, false)).collect();
        idle.apart = None;
    }
}

impl Session {
    async fn begin(&mut self, text: &str) -> Result<(), sqlx::Error> {
        let Some(connection) = self.connection.as_mut() else { return Err(sqlx::Error::PoolClosed) };
        (self.in_transaction, self.condition) = (true, Condition::Interrupted);
        let begun = self.shared.watch(connection.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(text)))).await;
        self.condition = match &begun {
            Ok(_) => Condition::Whole,
            Err(error) if fault::is_broken(error) => Condition::Broken,
            Err(_) => Condition::Failed,
        };
        begun.map(drop)
    }
}

/// One connection, for what is done seldom.
pub(crate) async fn connect_once(settings: &PostgresSettings) -> Result<PgConnection, PostgresError> {
    let wrong = |reason: String| PostgresError::passing(settings.at(), reason);
    match timeout(CONNECT_TIMEOUT, settings.options()?.connect()).await {
        Ok(connected) => connected.map_err(|error| wrong(fault::reason(&error))),
        Err(_) => Err(wrong(too_late())),
    }
}

/// Whether it can be written by.
pub(crate) async fn takes_writes(
    settings: &PostgresSettings,
    connection: &mut PgConnection,
) -> Result<(), PostgresError> {
    let wrong = |error| PostgresError::passing(settings.at(), fault::reason(&error));
    keeper::takes_writes(connection).await.map_err(wrong)
}

#[expect(clippy::disallowed_methods, reason = "it is the runtime's clock, which its own time limits go by")]
fn now() -> Instant {
    Instant::now()
}

fn silent() -> sqlx::Error {
    std::io::Error::new(std::io::ErrorKind::TimedOut, "it does not answer").into()
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("way", &self.way()).finish_non_exhaustive()
    }
}
