//! The connection to the database, and transactions on it.

use std::fs::{File, OpenOptions, Permissions};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::ConnectOptions as _;
use sqlx::sqlite::{SqliteAutoVacuum, SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};

use crate::prompt::Prompt;
use crate::readers::{Look, Readers};
use crate::writer::{Act, Writer};

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");

/// How long a statement waits for another process's write to end before it fails.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
const READERS: usize = 4;

/// Why the database did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It could not be reached, was too busy, or refused the statement.
    #[error("the database did not answer: {0}")]
    Database(#[from] sqlx::Error),
    /// What several had done together could not be made durable.
    #[error("the database did not commit: {0}")]
    Commit(Arc<sqlx::Error>),
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
/// SQLite takes one writer at a time. Ours wait for it in one queue of our own (see [`writer`](crate::writer)), which is fair
/// and wakes at once; SQLite's own waiting polls and starves.
#[derive(Clone, Debug)]
pub struct Store {
    writer: Writer,
    readers: Readers,
}

/// An open transaction. Dropped without [`commit`](Tx::commit) it is rolled back.
#[derive(Debug)]
pub struct Tx(Kind);

#[derive(Debug)]
enum Kind {
    Write(Act),
    Read(Look),
}

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
            .synchronous(SqliteSynchronous::Full)
            // What a savepoint changes again is remembered until it is released: not in a file.
            .pragma("temp_store", "MEMORY")
            // Keys are random, so each act touches pages all over: they are kept, and not read from the log again.
            .pragma("cache_size", "-16384")
            // A page that many acts change is copied into the database once for all of them.
            .pragma("wal_autocheckpoint", "4000");
        let mut writer = writing.connect().await?;
        MIGRATIONS.run(&mut writer).await?;
        let reading = options.pragma("query_only", "ON");
        let mut readers = Vec::new();
        for _ in 0..READERS {
            readers.push(reading.connect().await?);
        }
        Ok(Self { writer: Writer::new(writer), readers: Readers::new(readers) })
    }

    /// A transaction that may write. It holds the write lock from the start, so it never fails half-way because another
    /// wrote in between. It may see what another did that is not durable yet: then they become so together.
    pub async fn begin(&self) -> Result<Tx, Error> {
        Ok(Tx(Kind::Write(self.writer.begin().await?)))
    }

    /// A transaction that only reads: one consistent picture.
    pub async fn read(&self) -> Result<Tx, Error> {
        Ok(Tx(Kind::Read(self.readers.begin().await?)))
    }

    /// For a single statement that only reads: it is a picture by itself, and needs no transaction around it.
    pub async fn look(&self) -> Result<Tx, Error> {
        Ok(Tx(Kind::Read(self.readers.look().await?)))
    }

    /// Waits for what is in flight and closes the file.
    pub async fn close(&self) {
        self.readers.close().await;
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
        match self.0 {
            Kind::Write(act) => act.commit().await,
            Kind::Read(_) => Ok(()),
        }
    }

    pub(crate) fn connection(&mut self) -> Prompt<'_> {
        Prompt(match &mut self.0 {
            Kind::Write(act) => act.connection(),
            Kind::Read(look) => look.connection(),
        })
    }
}
