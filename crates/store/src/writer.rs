//! The one writer, and who writes by it: acts that wait for it at the same time are committed together.
//!
//! A commit waits for the disk, and waits no longer for twenty acts than for one. So each act is a savepoint of one SQLite
//! transaction; the last one in the queue commits for all, and nobody is told that their act is done before it is durable.
//! An act that is given up is rolled back to its savepoint, and touches no other. Each sees what those before it did, and is
//! committed with them or not at all.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use sqlx::Connection as _;
use sqlx::sqlite::SqliteConnection;
use tokio::sync::{Mutex, Notify, OwnedMutexGuard, watch};

use crate::{Error, prompt};

/// Whoever has not got their turn by then is told that the database is away.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// So many acts are committed together at the most: the first of them waits for the last.
const LARGEST_BATCH: usize = 64;

/// The writer.
#[derive(Clone, Debug)]
pub(crate) struct Writer(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// Fair: whoever came first is next.
    turn: Arc<Mutex<Turn>>,
    /// How many acts wait for it. Each will take it: it is a task of its own that waits, which nobody can stop.
    waiting: AtomicUsize,
    /// Statements that acts ran.
    statements: AtomicU64,
}

/// What is handed from act to act.
#[derive(Debug)]
struct Turn {
    /// None once it is closed.
    connection: Option<SqliteConnection>,
    batch: Option<Batch>,
}

/// Acts that will be committed together. The savepoint of the last one is still open.
#[derive(Debug)]
struct Batch {
    /// How many there are to commit.
    kept: usize,
    /// Whether the last one was given up.
    spoilt: bool,
    /// Who is woken when they are committed.
    waiting: Vec<Arc<Notify>>,
    outcome: watch::Sender<Option<Outcome>>,
}

type Outcome = Result<(), Arc<sqlx::Error>>;

/// An act. It has the turn until it is committed, or dropped, which gives it up.
#[derive(Debug)]
pub(crate) struct Act {
    shared: Arc<Shared>,
    turn: OwnedMutexGuard<Turn>,
    waiting: Vec<Arc<Notify>>,
    kept: bool,
}

impl Writer {
    /// A writer on a connection that is in no transaction.
    pub(crate) fn new(connection: SqliteConnection) -> Self {
        let turn = Turn { connection: Some(connection), batch: None };
        Self(Arc::new(Shared {
            turn: Arc::new(Mutex::new(turn)),
            waiting: AtomicUsize::new(0),
            statements: AtomicU64::new(0),
        }))
    }

    pub(crate) fn statements(&self) -> u64 {
        self.0.statements.load(Ordering::Relaxed)
    }

    /// Waits for the turn. Whoever asked may hang up meanwhile: it is a task of its own that takes the turn then, and gives
    /// it up at once.
    pub(crate) async fn begin(&self) -> Result<Act, Error> {
        let beginning = tokio::spawn(self.0.clone().begin());
        let begun = tokio::time::timeout(LONGEST_WAIT, beginning).await;
        begun.map_err(|_| sqlx::Error::PoolTimedOut)?.map_err(|_| sqlx::Error::WorkerCrashed)?
    }

    /// Waits for what is in flight, commits it, and closes the connection.
    pub(crate) async fn close(&self) {
        let mut turn = self.0.turn.clone().lock_owned().await;
        turn.finish().await;
        if let Some(connection) = turn.connection.take() {
            // It is the end: whoever could be told of a fault is gone.
            drop(connection.close().await);
        }
    }
}

impl Shared {
    async fn begin(self: Arc<Self>) -> Result<Act, Error> {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let mut turn = self.turn.clone().lock_owned().await;
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        if let Err(error) = turn.open_act().await {
            self.settle_soon();
            return Err(error.into());
        }
        Ok(Act { shared: self, turn, waiting: Vec::new(), kept: false })
    }

    /// Ends the batch, unless somebody waits who will go on with it. Called with the turn in hand, so that nobody can come
    /// in between unseen.
    fn settle_soon(self: &Arc<Self>) {
        if self.waiting.load(Ordering::SeqCst) > 0 {
            return;
        }
        let shared = self.clone();
        // Without a runtime there is nobody left to tell: the connection rolls back as it closes.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                // Whoever is about to begin may do so: the batch is the larger.
                tokio::task::yield_now().await;
                let mut turn = shared.turn.clone().lock_owned().await;
                if shared.waiting.load(Ordering::SeqCst) == 0 {
                    turn.finish().await;
                }
            });
        }
    }
}

impl Turn {
    async fn execute(&mut self, statements: &'static str) -> Result<(), sqlx::Error> {
        let connection = self.connection.as_mut().ok_or(sqlx::Error::PoolClosed)?;
        let count = statements.split(';').count();
        prompt::run(connection, sqlx::query(statements), count).await.map(drop)
    }

    /// Opens the savepoint of the next act.
    async fn open_act(&mut self) -> Result<(), sqlx::Error> {
        if self.batch.as_ref().is_some_and(|batch| batch.kept >= LARGEST_BATCH) {
            self.finish().await;
        }
        let opened = match self.batch.as_mut().map(|batch| std::mem::take(&mut batch.spoilt)) {
            None => self.execute("BEGIN IMMEDIATE; SAVEPOINT act").await,
            Some(true) => self.execute("ROLLBACK TO act").await,
            Some(false) => self.execute("RELEASE act; SAVEPOINT act").await,
        };
        match opened {
            Ok(()) => {
                self.batch.get_or_insert_with(|| Batch {
                    kept: 0,
                    spoilt: false,
                    waiting: Vec::new(),
                    outcome: watch::Sender::new(None),
                });
                Ok(())
            }
            Err(error) => {
                // Nothing is known of what was to be committed but that it is not.
                drop(self.execute("ROLLBACK").await);
                let told = Arc::new(sqlx::Error::Protocol(format!("the transaction was lost: {error}")));
                if let Some(batch) = self.batch.take() {
                    batch.outcome.send_replace(Some(Err(told)));
                }
                Err(error)
            }
        }
    }

    /// Commits the batch, if there is one, and tells everybody.
    async fn finish(&mut self) {
        let Some(batch) = self.batch.take() else { return };
        if batch.kept == 0 {
            drop(self.execute("ROLLBACK").await);
            return;
        }
        let end = if batch.spoilt { "ROLLBACK TO act; COMMIT" } else { "COMMIT" };
        let ended = self.execute(end).await;
        if ended.is_err() {
            // Where there is nothing to roll back any more, this fails, and does no harm.
            drop(self.execute("ROLLBACK").await);
        }
        batch.outcome.send_replace(Some(ended.map_err(Arc::new)));
        for waiting in batch.waiting {
            waiting.notify_one();
        }
    }
}

impl Act {
    /// Wakes whoever waits for what is done here, once it is durable: even if whoever did it hangs up before.
    pub(crate) fn wake(&mut self, waiting: &Arc<Notify>) {
        self.waiting.push(waiting.clone());
    }

    /// Resolves when what was done is durable.
    pub(crate) async fn commit(mut self) -> Result<(), Error> {
        let batch = self.turn.batch.as_mut().ok_or(sqlx::Error::PoolClosed)?;
        batch.kept += 1;
        batch.waiting.append(&mut self.waiting);
        let mut outcome = batch.outcome.subscribe();
        self.kept = true;
        self.shared.settle_soon();
        drop(self);
        match outcome.wait_for(Option::is_some).await.as_deref() {
            Ok(Some(Ok(()))) => Ok(()),
            Ok(Some(Err(error))) => Err(Error::Commit(error.clone())),
            Ok(None) | Err(_) => Err(Error::Unanswered(Arc::new(sqlx::Error::WorkerCrashed))),
        }
    }

    #[expect(
        clippy::expect_used,
        reason = "only whoever has the turn closes the connection, and no act begins after"
    )]
    pub(crate) fn connection(&mut self) -> &mut SqliteConnection {
        // Whoever takes it runs one statement on it.
        self.shared.statements.fetch_add(1, Ordering::Relaxed);
        self.turn.connection.as_mut().expect("an act has an open connection")
    }
}

impl Drop for Act {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        if let Some(batch) = &mut self.turn.batch {
            batch.spoilt = true;
        }
        self.shared.settle_soon();
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use sqlx::ConnectOptions as _;
    use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
    use tempfile::TempDir;
    use tokio::task::JoinSet;

    use super::*;

    const TABLES: &str = "CREATE TABLE numbers (number BIGINT PRIMARY KEY,
                              parent BIGINT REFERENCES numbers (number) DEFERRABLE INITIALLY DEFERRED)";

    async fn connect(folder: &Path) -> SqliteConnection {
        let options =
            SqliteConnectOptions::new().filename(folder.join("test.sqlite")).create_if_missing(true);
        options.foreign_keys(true).journal_mode(SqliteJournalMode::Wal).connect().await.unwrap()
    }

    struct Started {
        folder: TempDir,
        writer: Writer,
        /// Another connection: it sees what is durable.
        beside: SqliteConnection,
        /// How often the writer has committed, as SQLite tells.
        commits: Arc<AtomicUsize>,
    }

    async fn start() -> Started {
        let folder = tempfile::tempdir().unwrap();
        let mut connection = connect(folder.path()).await;
        sqlx::query(TABLES).execute(&mut connection).await.unwrap();
        let commits = Arc::new(AtomicUsize::new(0));
        let counted = commits.clone();
        connection.lock_handle().await.unwrap().set_commit_hook(move || {
            counted.fetch_add(1, Ordering::SeqCst);
            true
        });
        let beside = connect(folder.path()).await;
        Started { folder, writer: Writer::new(connection), beside, commits }
    }

    async fn insert(act: &mut Act, number: i64, parent: Option<i64>) {
        let insert =
            sqlx::query("INSERT INTO numbers (number, parent) VALUES ($1, $2)").bind(number).bind(parent);
        insert.execute(act.connection()).await.unwrap();
    }

    async fn numbers(connection: &mut SqliteConnection) -> Vec<i64> {
        sqlx::query_scalar("SELECT number FROM numbers ORDER BY number").fetch_all(connection).await.unwrap()
    }

    #[tokio::test]
    async fn who_waits_together_is_committed_together_and_who_gives_up_alone() {
        let Started { folder: _folder, writer, mut beside, commits } = start().await;
        let mut first = writer.begin().await.unwrap();
        let mut others = JoinSet::new();
        for number in 1..=20 {
            let writer = writer.clone();
            others.spawn(async move {
                let mut act = writer.begin().await.unwrap();
                insert(&mut act, number, None).await;
                if number % 3 == 0 { drop(act) } else { act.commit().await.unwrap() }
            });
        }
        while writer.0.waiting.load(Ordering::SeqCst) < 20 {
            tokio::task::yield_now().await;
        }
        insert(&mut first, 0, None).await;
        first.commit().await.unwrap();
        others.join_all().await;
        let kept: Vec<i64> = (0..=20).filter(|number| *number == 0 || number % 3 > 0).collect();
        assert_eq!(numbers(&mut beside).await, kept);
        assert_eq!(commits.load(Ordering::SeqCst), 1, "all of them at once");
    }

    #[tokio::test]
    async fn who_is_told_that_it_is_done_is_durable() {
        let Started { folder, writer, .. } = start().await;
        let mut tasks = JoinSet::new();
        for number in 0..50 {
            let (writer, mut beside) = (writer.clone(), connect(folder.path()).await);
            tasks.spawn(async move {
                let mut act = writer.begin().await.unwrap();
                insert(&mut act, number, None).await;
                act.commit().await.unwrap();
                assert!(numbers(&mut beside).await.contains(&number));
            });
        }
        tasks.join_all().await;
    }

    #[tokio::test]
    async fn nobody_hears_that_it_is_done_when_the_commit_fails() {
        let Started { folder: _folder, writer, mut beside, .. } = start().await;
        let first = writer.begin().await.unwrap();
        let mut both = JoinSet::new();
        for (number, parent) in [(1, None), (2, Some(99))] {
            let writer = writer.clone();
            both.spawn(async move {
                let mut act = writer.begin().await.unwrap();
                insert(&mut act, number, parent).await;
                act.commit().await
            });
        }
        while writer.0.waiting.load(Ordering::SeqCst) < 2 {
            tokio::task::yield_now().await;
        }
        drop(first);
        for told in both.join_all().await {
            let told = told.unwrap_err().to_string();
            assert!(told.contains("the database did not commit") && told.contains("FOREIGN KEY"), "{told}");
        }
        assert!(numbers(&mut beside).await.is_empty());
        let mut next = writer.begin().await.unwrap();
        insert(&mut next, 3, None).await;
        next.commit().await.unwrap();
        assert_eq!(numbers(&mut beside).await, [3], "the next one is not touched");
    }

    #[tokio::test]
    async fn who_hangs_up_holds_nobody() {
        let Started { folder: _folder, writer, mut beside, .. } = start().await;
        let mut first = writer.begin().await.unwrap();
        insert(&mut first, 1, None).await;
        let waiting = tokio::spawn({
            let writer = writer.clone();
            async move { writer.begin().await.map(drop) }
        });
        while writer.0.waiting.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        waiting.abort();
        first.commit().await.unwrap();
        let mut act = writer.begin().await.unwrap();
        insert(&mut act, 2, None).await;
        drop(act);
        writer.close().await;
        assert_eq!(numbers(&mut beside).await, [1]);
        assert!(writer.begin().await.is_err(), "closed");
    }

    #[tokio::test]
    async fn a_batch_has_an_end() {
        let Started { folder: _folder, writer, mut beside, commits } = start().await;
        let mut tasks = JoinSet::new();
        for number in 0..200 {
            let writer = writer.clone();
            tasks.spawn(async move {
                let mut act = writer.begin().await.unwrap();
                insert(&mut act, number, None).await;
                act.commit().await.unwrap();
            });
        }
        tasks.join_all().await;
        assert_eq!(numbers(&mut beside).await.len(), 200);
        let commits = commits.load(Ordering::SeqCst);
        assert!(
            (4..=10).contains(&commits),
            "64 at the most together, and not many fewer: {commits} commits"
        );
    }
}
