//! The connection to the database, and transactions on it.

use std::fs::{File, OpenOptions, Permissions};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{
    SqliteAutoVacuum, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Sqlite, SqliteConnection, SqlitePool, Transaction};

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");

/// How long a statement waits for another process's write to end before it fails.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
const READERS: u32 = 4;

/// Why the database did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It could not be reached, was too busy, or refused the statement.
    #[error("the database did not answer: {0}")]
    Database(#[from] sqlx::Error),
    /// Its file could not be made.
    #[error("its file could not be made: {0}; its folder must be there, and one that this user may write to")]
    File(#[from] std::io::Error),
    /// Its tables could not be brought to this release's form.
    #[error("the database could not be migrated: {0}; nothing was changed by the migration that failed")]
    Migration(#[from] sqlx::migrate::MigrateError),
}

impl Error {
    /// Whether the database answered with something that it was never given: a value of another type.
    pub fn is_unreadable(&self) -> bool {
        matches!(self, Self::Database(sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_)))
    }

    /// Whether a row could not be written because one that it refers to is not there (any more).
    pub fn is_missing_reference(&self) -> bool {
        let Self::Database(error) = self else { return false };
        error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_foreign_key_violation)
    }
}

/// The database.
///
/// SQLite takes one writer at a time. Ours wait for it in one queue here (a pool of one connection), which is fair and
/// wakes at once; SQLite's own waiting polls and starves. Readers have connections of their own: in WAL mode nobody
/// waits for them and they wait for nobody.
#[derive(Clone, Debug)]
pub struct Store {
    writer: SqlitePool,
    reader: SqlitePool,
}

/// An open transaction. Dropped without [`commit`](Tx::commit) it is rolled back.
#[derive(Debug)]
pub struct Tx(Transaction<'static, Sqlite>);

impl Store {
    /// Opens the SQLite file at `path`, made for this user alone if it is not there, and brings its tables to this
    /// release's form.
    pub async fn open(path: &Path) -> Result<Self, Error> {
        make_private(path)?;
        let options =
            SqliteConnectOptions::new().filename(path).foreign_keys(true).busy_timeout(BUSY_TIMEOUT);
        let writing = options
            .clone()
            .auto_vacuum(SqliteAutoVacuum::Incremental)
            .journal_mode(SqliteJournalMode::Wal)
            // An acknowledged sign-up survives a cut of the power: NORMAL in WAL mode would lose the last ones.
            .synchronous(SqliteSynchronous::Full);
        let writer = SqlitePoolOptions::new().max_connections(1).connect_with(writing).await?;
        MIGRATIONS.run(&writer).await?;
        let reading = options.pragma("query_only", "ON");
        let reader = SqlitePoolOptions::new().max_connections(READERS).connect_with(reading).await?;
        Ok(Self { writer, reader })
    }

    /// A transaction that may write. It holds the write lock from the start, so it never fails half-way because another
    /// wrote in between.
    pub async fn begin(&self) -> Result<Tx, Error> {
        Ok(Tx(self.writer.begin_with("BEGIN IMMEDIATE").await?))
    }

    /// A transaction that only reads: one consistent picture.
    pub async fn read(&self) -> Result<Tx, Error> {
        Ok(Tx(self.reader.begin().await?))
    }

    /// Waits for what is in flight and closes the file.
    pub async fn close(&self) {
        self.reader.close().await;
        self.writer.close().await;
    }
}

/// Makes an empty file that its owner alone reads and writes, whatever the umask, if there is none. SQLite takes it for a
/// new database, and gives the files it puts beside it (`-wal`, `-shm`) the same permissions. One that is there is the
/// operator's to decide on.
fn make_private(path: &Path) -> Result<(), std::io::Error> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(file) => File::set_permissions(&file, Permissions::from_mode(0o600)),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

impl Tx {
    /// Makes everything done in this transaction durable, or nothing.
    pub async fn commit(self) -> Result<(), Error> {
        Ok(self.0.commit().await?)
    }

    pub(crate) fn connection(&mut self) -> &mut SqliteConnection {
        &mut self.0
    }
}
