//! The database, whichever it is, and transactions on it.

use std::path::Path;
use std::sync::Arc;

use tokio::sync::Notify;
use tracing::Instrument as _;

use crate::connections::Connections;
use crate::health::Health;
use crate::migrations::Schema;
use crate::postgres::{Asking, Postgres, PostgresError, PostgresSettings, Session};
use crate::prompt::Prompt;
use crate::readers::Look;
use crate::sqlite::Sqlite;
use crate::turns::Turn;
use crate::writer::Act;

/// Why the database did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be reached, and nobody waits for it: it is looked for, and used again once it is found.
    #[error("the database is away: {0}")]
    Away(String),
    /// It was too busy, or refused the statement.
    #[error("{}", crate::postgres::undone(.0))]
    Database(#[from] sqlx::Error),
    /// What several had done together could not be made durable.
    #[error("the database did not commit: {0}")]
    Commit(Arc<sqlx::Error>),
    /// It was lost after it was told to commit, and before it answered: all of it is durable, or nothing.
    #[error(
        "it is not known whether this was done, since the database was lost before it answered the commit ({0}): look before \
         you do it again"
    )]
    Unanswered(Arc<sqlx::Error>),
    /// Its file could not be made.
    #[error("its file could not be made: {0}; its folder must be there, and one that this user may write to")]
    File(#[from] std::io::Error),
    /// This release must not run on it.
    #[error("{0}; nothing was changed")]
    Refused(String),
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

    /// Whether its user has not been given the right, which no waiting mends.
    pub fn is_forbidden(&self) -> bool {
        matches!(self, Self::Database(error) if crate::postgres::is_forbidden(error))
    }

    /// Whether the database gave the transaction up because it and another waited for each other, or could not both be: nothing
    /// of it was done, and done again it is likely to go through.
    pub fn is_given_up(&self) -> bool {
        match self {
            Self::Database(error) => crate::postgres::is_given_up(error),
            Self::Commit(error) => crate::postgres::is_given_up(error),
            Self::Away(_) | Self::Unanswered(_) | Self::File(_) | Self::Refused(_) | Self::Migration(_) => {
                false
            }
        }
    }

    /// Whether it is not what was asked that is at fault, but the database, which is away, too busy, or had to choose between
    /// two who waited for each other: whoever asks again later is likely to be served. Whether nothing was done is another
    /// question: see [`is_unanswered`](Self::is_unanswered).
    pub fn is_unavailable(&self) -> bool {
        match self {
            Self::Away(_) | Self::Unanswered(_) => true,
            Self::Database(error) => crate::postgres::is_unavailable(error),
            Self::Commit(error) => crate::postgres::is_unavailable(error),
            Self::File(_) | Self::Refused(_) | Self::Migration(_) => false,
        }
    }

    /// Whether it may have been done all the same. Of any other error nothing was.
    pub fn is_unanswered(&self) -> bool {
        matches!(self, Self::Unanswered(_))
    }

    /// Whether the way to the database is cut. Whoever meets that need not say so: the database is looked for at once, and that it
    /// is lost is said in one line, whoever else meets it meanwhile.
    pub fn is_loss(&self) -> bool {
        match self {
            Self::Away(_) => true,
            Self::Database(error) => crate::postgres::is_cut(error),
            Self::Commit(error) | Self::Unanswered(error) => crate::postgres::is_cut(error),
            Self::File(_) | Self::Refused(_) | Self::Migration(_) => false,
        }
    }
}

/// The database: an SQLite file, or PostgreSQL. Clones share it.
#[derive(Clone, Debug)]
pub struct Store(Backend);

#[derive(Clone, Debug)]
enum Backend {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

/// An open transaction. Dropped without [`commit`](Tx::commit) it is rolled back.
#[derive(Debug)]
pub struct Tx(Kind);

#[derive(Debug)]
enum Kind {
    Write(Act),
    Read(Look),
    Postgres(Session),
}

/// What a statement is run on.
pub(crate) enum Connection<'c> {
    Sqlite(Prompt<'c>),
    Postgres(Asking<'c>),
}

impl Store {
    /// Opens the SQLite file at `path`, made for this user alone if it is not there, and brings its tables to this
    /// release's form.
    pub async fn open(path: &Path) -> Result<Self, Error> {
        Ok(Self(Backend::Sqlite(Sqlite::open(path).await?)))
    }

    /// Connects to PostgreSQL: one attempt. Once it was reached, what is lost is found again by itself. Its tables are left as
    /// they are: [`migrations`](crate::migrations) are the operator's act.
    pub async fn connect(settings: &PostgresSettings) -> Result<Self, PostgresError> {
        Ok(Self(Backend::Postgres(Postgres::connect(settings).await?)))
    }

    /// Reaches PostgreSQL another way from now on (another password, user or place), once that has proved itself; else all stays as
    /// it was. What is in flight ends on the connections of before. A file has no way.
    pub async fn exchange(&self, settings: &PostgresSettings) -> Result<(), PostgresError> {
        match &self.0 {
            Backend::Sqlite(_) => Ok(()),
            Backend::Postgres(postgres) => postgres.exchange(settings).await,
        }
    }

    /// Notified when PostgreSQL refuses the user or the password, of which others are looked for then. A file refuses nobody.
    pub fn refused(&self) -> Option<Arc<Notify>> {
        match &self.0 {
            Backend::Sqlite(_) => None,
            Backend::Postgres(postgres) => Some(postgres.refused()),
        }
    }

    /// A transaction that may write.
    ///
    /// In SQLite it holds the write lock from the start, so it never fails half-way because another wrote in between. It may
    /// see what another did that is not durable yet: then they become so together. In PostgreSQL others write at the same
    /// time: an act that must not overlap with another takes [`begin_in_turn`](Self::begin_in_turn).
    pub async fn begin(&self) -> Result<Tx, Error> {
        self.begin_in_turn(&[]).await
    }

    /// The same, and until it ends nobody else is in any of these turns.
    pub async fn begin_in_turn(&self, turns: &[Turn<'_>]) -> Result<Tx, Error> {
        // The wait for the turn, and for a connection, is in it.
        let span = tracing::info_span!(target: "traces", "begin", db.system.name = self.system());
        Ok(Tx(match &self.0 {
            // There is but one turn.
            Backend::Sqlite(sqlite) => Kind::Write(sqlite.writer.begin().instrument(span).await?),
            Backend::Postgres(postgres) => Kind::Postgres(postgres.begin(turns).instrument(span).await?),
        }))
    }

    /// A transaction that only reads: one consistent picture.
    pub async fn read(&self) -> Result<Tx, Error> {
        Ok(Tx(match &self.0 {
            Backend::Sqlite(sqlite) => Kind::Read(sqlite.readers.begin().await?),
            Backend::Postgres(postgres) => Kind::Postgres(postgres.read().await?),
        }))
    }

    /// For a single statement that only reads: it is a picture by itself, and needs no transaction around it.
    pub async fn look(&self) -> Result<Tx, Error> {
        Ok(Tx(match &self.0 {
            Backend::Sqlite(sqlite) => Kind::Read(sqlite.readers.look().await?),
            Backend::Postgres(postgres) => Kind::Postgres(postgres.look().await?),
        }))
    }

    /// The same by a connection of its own, which no act takes: for whoever must not wait until others have done. One at a time.
    pub async fn look_apart(&self) -> Result<Tx, Error> {
        Ok(Tx(match &self.0 {
            // Nobody holds a reader for long: nothing in SQLite keeps one waiting.
            Backend::Sqlite(sqlite) => Kind::Read(sqlite.readers.look().await?),
            Backend::Postgres(postgres) => Kind::Postgres(postgres.look_apart().await?),
        }))
    }

    /// Whether this release can run on it. A file is migrated as it is opened.
    pub async fn schema(&self) -> Result<Schema, Error> {
        match &self.0 {
            Backend::Sqlite(_) => Ok(Schema::Ready),
            Backend::Postgres(postgres) => postgres.schema().await,
        }
    }

    /// Whether the database is there. None where it is a file, which is always.
    pub fn health(&self) -> Option<&Health> {
        match &self.0 {
            Backend::Sqlite(_) => None,
            Backend::Postgres(postgres) => Some(postgres.health()),
        }
    }

    /// Says at once, asking nobody, whether the database is known to be away: for whoever would work long before it needs it.
    pub fn is_here(&self) -> Result<(), Error> {
        match &self.0 {
            Backend::Sqlite(_) => Ok(()),
            Backend::Postgres(postgres) => postgres.is_here(),
        }
    }

    /// How many statements the database was asked so far, those that begin and end transactions apart.
    pub fn statements(&self) -> u64 {
        match &self.0 {
            Backend::Sqlite(sqlite) => sqlite.writer.statements() + sqlite.readers.statements(),
            Backend::Postgres(postgres) => postgres.statements(),
        }
    }

    /// What the database is, by name.
    pub fn system(&self) -> &'static str {
        match &self.0 {
            Backend::Sqlite(_) => "sqlite",
            Backend::Postgres(_) => "postgresql",
        }
    }

    /// The connections to it, at this moment.
    pub fn connections(&self) -> Connections {
        match &self.0 {
            Backend::Sqlite(sqlite) => sqlite.readers.connections(),
            Backend::Postgres(postgres) => postgres.connections(),
        }
    }

    /// Waits for what is in flight and closes what is open.
    pub async fn close(&self) {
        match &self.0 {
            Backend::Sqlite(sqlite) => sqlite.close().await,
            Backend::Postgres(postgres) => postgres.close().await,
        }
    }
}

impl Tx {
    /// Wakes whoever waits for what is done here, once it is committed and can be seen.
    pub fn wake(&mut self, waiting: &Arc<Notify>) {
        match &mut self.0 {
            Kind::Write(act) => act.wake(waiting),
            // Nothing is done here.
            Kind::Read(_) => {}
            Kind::Postgres(session) => session.wake(waiting),
        }
    }

    /// Makes everything done in this transaction durable, or nothing.
    pub async fn commit(self) -> Result<(), Error> {
        let span =
            |system: &'static str| tracing::info_span!(target: "traces", "commit", db.system.name = system);
        match self.0 {
            Kind::Write(act) => act.commit().instrument(span("sqlite")).await,
            Kind::Read(_) => Ok(()),
            Kind::Postgres(session) => session.commit().instrument(span("postgresql")).await,
        }
    }

    pub(crate) fn connection(&mut self) -> Connection<'_> {
        match &mut self.0 {
            Kind::Write(act) => Connection::Sqlite(Prompt(act.connection())),
            Kind::Read(look) => Connection::Sqlite(Prompt(look.connection())),
            Kind::Postgres(session) => Connection::Postgres(session.asking()),
        }
    }
}

#[cfg(test)]
mod tests {
    use sqlx::Connection as _;

    use super::Error;

    /// One whose disk was full was said not to have answered.
    #[tokio::test]
    async fn a_database_that_refuses_a_statement_has_answered() {
        let mut connection = sqlx::SqliteConnection::connect("sqlite::memory:").await.unwrap();
        let refused = sqlx::query("SELECT 1 FROM nowhere").execute(&mut connection).await.unwrap_err();
        let told = Error::from(refused).to_string();
        assert!(told.starts_with("the database refused the statement: "), "{told}");
        let told = Error::from(sqlx::Error::PoolTimedOut).to_string();
        assert!(told.starts_with("the database did not answer: "), "{told}");
    }
}
