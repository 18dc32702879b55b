//! The SQLite file: one writer, some readers.
//!
//! SQLite takes one writer at a time. Ours wait for it in one queue of our own (see [`writer`](crate::writer)), which is fair
//! and wakes at once; SQLite's own waiting polls and starves.

use std::fs::{File, OpenOptions, Permissions};
use std::num::NonZero;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::Duration;

use sqlx::ConnectOptions as _;
use sqlx::sqlite::{SqliteAutoVacuum, SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};

use crate::readers::Readers;
use crate::writer::Writer;
use crate::{Error, migrations};

/// How long a statement waits for another process's write to end before it fails.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Reading keeps a core busy and waits for nobody: more readers than cores would only hold memory. Four are enough.
const MOST_READERS: usize = 4;

/// An open file.
#[derive(Clone, Debug)]
pub(crate) struct Sqlite {
    pub(crate) writer: Writer,
    pub(crate) readers: Readers,
}

impl Sqlite {
    pub(crate) async fn open(path: &Path) -> Result<Self, Error> {
        make_private(path)?;
        let options =
            SqliteConnectOptions::new().filename(path).foreign_keys(true).busy_timeout(BUSY_TIMEOUT);
        let writing = options
            .clone()
            .auto_vacuum(SqliteAutoVacuum::Incremental)
            .journal_mode(SqliteJournalMode::Wal)
            // An acknowledged sign-up survives a cut of the power: NORMAL in WAL mode would lose the last ones.
            .synchronous(SqliteSynchronous::Full)
            // What is deleted is overwritten: the address of a deleted account is in the file no longer.
            .pragma("secure_delete", "ON")
            // What a savepoint changes again is remembered until it is released: not in a file.
            .pragma("temp_store", "MEMORY")
            // Keys are random, so each act touches pages all over: they are kept, and not read from the log again.
            .pragma("cache_size", "-16384")
            // A page that many acts change is copied into the database once for all of them.
            .pragma("wal_autocheckpoint", "4000");
        let mut writer = writing.connect().await?;
        migrations::run(&mut writer).await?;
        let reading = options.pragma("query_only", "ON");
        let mut readers = Vec::new();
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        for _ in 0..cores.clamp(2, MOST_READERS) {
            readers.push(reading.connect().await?);
        }
        Ok(Self { writer: Writer::new(writer), readers: Readers::new(readers) })
    }

    pub(crate) async fn close(&self) {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// No kill of a process tells this from less: what a cut of the power leaves is decided here alone.
    #[tokio::test]
    async fn the_writer_waits_for_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let sqlite = Sqlite::open(&folder.path().join("test.sqlite")).await.unwrap();
        let mut act = sqlite.writer.begin().await.unwrap();
        let synchronous: i64 =
            sqlx::query_scalar("PRAGMA synchronous").fetch_one(act.connection()).await.unwrap();
        assert_eq!(synchronous, 2, "FULL");
        let journal: String =
            sqlx::query_scalar("PRAGMA journal_mode").fetch_one(act.connection()).await.unwrap();
        assert_eq!(journal, "wal");
        let references: i64 =
            sqlx::query_scalar("PRAGMA foreign_keys").fetch_one(act.connection()).await.unwrap();
        assert_eq!(references, 1);
    }
}
