//! What brings the tables to this release's form, and who may run on them. A migration only expands, so that the release
//! before runs on beside this one.
//!
//! SQLite is migrated by whoever opens the file. In PostgreSQL that is an act of the operator ([`apply`]), by a user that may,
//! which the server's own need not.

mod plan;
mod postgres;

use sqlx::SqliteConnection;

use crate::{Error, PostgresError};

pub use plan::{Kind, Plan};
pub(crate) use postgres::look;
pub use postgres::{apply, plan, status};

/// This release. Every release has the next number; the one before it is named in `deploy/previous-release`.
pub const RELEASE: i64 = 2;
/// The oldest release that runs on this one's tables: the one before it.
pub const OLDEST_SUPPORTED: i64 = 1;

/// One folder for both databases.
static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");

/// What the tables say of themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Recorded {
    /// The release that migrated them last.
    pub number: i64,
    /// The oldest release that may run on them.
    pub oldest_supported: i64,
}

/// Whether this release can run on a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Schema {
    /// It can.
    Ready,
    /// Once it has been migrated: these are to be applied.
    Behind(Vec<Step>),
    /// It can: the next release migrated it already, and says that this one runs on beside it.
    Ahead(Recorded),
    /// It cannot, and nothing was touched.
    Refused(String),
}

/// One migration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its number.
    pub version: i64,
    /// What it is about.
    pub description: String,
    /// What it does to the releases before its own.
    pub kind: Kind,
    /// Its statements.
    pub sql: String,
}

/// What was found, or done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// What the tables say of themselves; nothing if there are none.
    pub recorded: Option<Recorded>,
    /// The numbers of the migrations that are applied.
    pub applied: Vec<i64>,
    /// Whether this release can run on it.
    pub schema: Schema,
}

/// Why a database was not migrated.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// It cannot be reached.
    #[error(transparent)]
    Away(#[from] PostgresError),
    /// This release must not touch it.
    #[error("{0}; nothing was changed")]
    Refused(String),
    /// Somebody else is at it.
    #[error("another process is migrating this database, and did not end within {seconds} s: run this again")]
    Busy {
        /// How long it was waited for.
        seconds: u64,
    },
    /// Its connection was cut, and that again and again, or there was no other.
    #[error(
        "the connection was cut during the migration, and it could not go on ({reason}): what was applied is recorded, and what \
         was under way was done whole or not at all: run this again"
    )]
    Cut {
        /// Why there was no other.
        reason: String,
    },
    /// A migration did not go through.
    #[error("migration {version} was not applied, and nothing of it was: {error}")]
    Failed {
        /// Which.
        version: i64,
        /// Why.
        error: sqlx::Error,
    },
    /// The database did not do what was asked.
    #[error("{}", crate::postgres::undone(.0))]
    Database(#[from] sqlx::Error),
}

impl MigrationError {
    /// Whether the database is away or too busy, so that another try may go better.
    pub fn is_unavailable(&self) -> bool {
        match self {
            Self::Away(error) => !error.is_lasting(),
            Self::Cut { .. } => true,
            Self::Database(error) => crate::postgres::is_unavailable(error),
            Self::Refused(_) | Self::Busy { .. } | Self::Failed { .. } => false,
        }
    }

    /// Whether the user has not been given the right.
    pub fn is_forbidden(&self) -> bool {
        matches!(self, Self::Database(error) | Self::Failed { error, .. } if crate::postgres::is_forbidden(error))
    }

    /// Whether the connection was cut: what was under way may be applied.
    fn is_cut(&self) -> bool {
        match self {
            Self::Database(error) | Self::Failed { error, .. } => crate::postgres::is_cut(error),
            Self::Away(_) | Self::Refused(_) | Self::Busy { .. } | Self::Cut { .. } => false,
        }
    }
}

impl Schema {
    /// Decides by what is recorded, and by the migrations that are applied, with their checksums.
    fn of(recorded: Option<Recorded>, applied: &[(i64, Vec<u8>)]) -> Self {
        if let Some(Recorded { number, oldest_supported }) = recorded {
            if oldest_supported > RELEASE {
                return Self::Refused(format!(
                    "this is release {RELEASE}, and the database is one of release {number}, on which {oldest_supported} is the \
                     oldest that runs: install a newer release"
                ));
            }
            if number < RELEASE - 1 {
                return Self::Refused(format!(
                    "this is release {RELEASE}, and the database is one of release {number}: go by way of release {}",
                    number + 1
                ));
            }
        }
        let known = |version: i64| MIGRATIONS.iter().find(|migration| migration.version == version);
        let changed = applied.iter().find(|(version, checksum)| {
            known(*version).is_some_and(|migration| *migration.checksum != checksum[..])
        });
        if let Some((version, _)) = changed {
            return Self::Refused(format!(
                "migration {version} was applied to the database in another form than this release has it: is it of this program?"
            ));
        }
        let missing =
            MIGRATIONS.iter().filter(|migration| !applied.iter().any(|(at, _)| *at == migration.version));
        let steps: Vec<Step> = missing
            .map(|migration| Step {
                version: migration.version,
                description: migration.description.to_string(),
                kind: Kind::of(migration.sql.as_str()),
                sql: migration.sql.as_str().to_owned(),
            })
            .collect();
        match recorded {
            _ if !steps.is_empty() => Self::Behind(steps),
            Some(recorded) if recorded.number > RELEASE => Self::Ahead(recorded),
            Some(recorded) if recorded.number == RELEASE => Self::Ready,
            // What was migrated while this release was made, and not recorded yet.
            _ => Self::Behind(steps),
        }
    }
}

const RECORD: &str = "INSERT INTO release (id, number, oldest_supported) VALUES (1, $1, $2)
     ON CONFLICT (id) DO UPDATE SET number = $1, oldest_supported = $2 WHERE release.number <= $1";

/// Migrates an SQLite file. One that a newer release has migrated is left as it is, or refused.
pub(crate) async fn run(connection: &mut SqliteConnection) -> Result<(), Error> {
    let is_there = "SELECT count(*) FROM sqlite_master WHERE name = 'release'";
    let is_there: i64 = sqlx::query_scalar(is_there).fetch_one(&mut *connection).await?;
    let mut recorded: Option<Recorded> = None;
    if is_there > 0 {
        let asked = "SELECT number, oldest_supported FROM release";
        recorded = sqlx::query_as(asked).fetch_optional(&mut *connection).await?;
    }
    if let Schema::Refused(why) = Schema::of(recorded, &[]) {
        return Err(Error::Refused(why));
    }
    let mut migrator = sqlx::migrate::Migrator::with_migrations(MIGRATIONS.migrations.to_vec());
    // A newer release's, where this one was rolled back to.
    migrator.set_ignore_missing(true);
    migrator.run(&mut *connection).await?;
    sqlx::query(RECORD).bind(RELEASE).bind(OLDEST_SUPPORTED).execute(connection).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<(i64, Vec<u8>)> {
        MIGRATIONS.iter().map(|migration| (migration.version, migration.checksum.to_vec())).collect()
    }

    fn recorded(number: i64, oldest_supported: i64) -> Recorded {
        Recorded { number, oldest_supported }
    }

    #[test]
    fn who_may_run_is_what_the_tables_say() {
        assert_eq!(Schema::of(Some(recorded(RELEASE, OLDEST_SUPPORTED)), &all()), Schema::Ready);
        let ahead = recorded(RELEASE + 1, RELEASE);
        let mut newer = all();
        newer.push((9999, vec![1]));
        assert_eq!(
            Schema::of(Some(ahead), &newer),
            Schema::Ahead(ahead),
            "a colour that was rolled back starts"
        );
        let Schema::Refused(why) = Schema::of(Some(recorded(RELEASE + 2, RELEASE + 1)), &newer) else {
            panic!("served")
        };
        assert!(why.contains("install a newer release"), "{why}");
        let Schema::Refused(why) = Schema::of(Some(recorded(RELEASE - 2, RELEASE - 2)), &[]) else {
            panic!("served")
        };
        assert!(why.contains("go by way of release"), "{why}");
        assert!(matches!(Schema::of(Some(recorded(RELEASE - 1, RELEASE - 1)), &all()), Schema::Behind(_)));
    }

    #[test]
    fn what_is_missing_is_to_be_applied_and_what_was_changed_is_refused() {
        let Schema::Behind(steps) = Schema::of(None, &[]) else { panic!("not behind") };
        assert_eq!(steps.len(), MIGRATIONS.iter().count());
        assert_eq!((steps[0].version, steps[0].description.as_str()), (1, "accounts"));
        let mut other = all();
        other[0].1[0] ^= 1;
        let Schema::Refused(why) = Schema::of(Some(recorded(RELEASE, RELEASE)), &other) else {
            panic!("served")
        };
        assert!(why.starts_with("migration 1 was applied"), "{why}");
    }
}
