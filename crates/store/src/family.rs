//! The accounts of another server of the auth-service family, straight from its running PostgreSQL database:
//! `users (email, password_hash, requires_2fa)`. It is only read.

use std::collections::VecDeque;
use std::fmt;
use std::str::FromStr as _;

use secrecy::{ExposeSecret as _, SecretString};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions as _, Connection as _};

/// A database that is being read: one picture of it, whatever happens there meanwhile.
pub struct Family {
    connection: PgConnection,
    at: String,
    fetched: VecDeque<FamilyAccount>,
}

/// A row as it stands there.
#[derive(Clone, sqlx::FromRow)]
pub struct FamilyAccount {
    /// The address.
    pub email: Option<String>,
    /// The hash of the password.
    pub password_hash: Option<String>,
    /// Whether a code is asked for after it.
    pub requires_2fa: Option<bool>,
}

/// Why it cannot be read. Holds no secret.
#[derive(Debug, thiserror::Error)]
pub enum FamilyError {
    /// It is no address.
    #[error("what was given is no address of PostgreSQL: write postgres://user@host:5432/database")]
    Address,
    /// Nobody answers, or not to us.
    #[error("PostgreSQL at {at} cannot be asked: {error}")]
    Connect {
        /// Where.
        at: String,
        /// Why.
        error: sqlx::Error,
    },
    /// The table is not there, or is another.
    #[error(
        "the database at {at} has no table users (email, password_hash, requires_2fa) that may be read: {error}"
    )]
    Table {
        /// Where.
        at: String,
        /// Why.
        error: sqlx::Error,
    },
    /// It went away.
    #[error(
        "the accounts at {at} cannot be read on: {error}; what is in stays in, and the same command goes on from there"
    )]
    Read {
        /// Where.
        at: String,
        /// Why.
        error: sqlx::Error,
    },
}

impl Family {
    /// Opens the database. A password that the address leaves out comes from `PGPASSWORD` or `~/.pgpass`, as for `psql`.
    pub async fn open(url: &SecretString) -> Result<Self, FamilyError> {
        let options = PgConnectOptions::from_str(url.expose_secret().trim())
            .map_err(|_| FamilyError::Address)?
            .application_name("keyward user import")
            .disable_statement_logging();
        let database = options.get_database().unwrap_or(options.get_username());
        let at = format!("{}:{}/{database}", options.get_host(), options.get_port());
        let connect = |error| FamilyError::Connect { at: at.clone(), error };
        let mut connection = options.connect().await.map_err(connect)?;
        sqlx::query("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            .execute(&mut connection)
            .await
            .map_err(connect)?;
        Ok(Self { connection, at, fetched: VecDeque::new() })
    }

    /// Which it is, as an operator is told: host, port and database.
    pub fn at(&self) -> &str {
        &self.at
    }

    /// How many accounts there are.
    pub async fn count(&mut self) -> Result<u64, FamilyError> {
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM users")
            .fetch_one(&mut self.connection)
            .await
            .map_err(|error| FamilyError::Table { at: self.at.clone(), error })?;
        Ok(count.unsigned_abs())
    }

    /// Begins with the first account, or with the first after this address, in the order of addresses. Those without one come before all
    /// others: as long as none but such were read, so many of them (`read`) are passed over.
    pub async fn begin(&mut self, after: Option<&str>, read: u64) -> Result<(), FamilyError> {
        let table = |error| FamilyError::Table { at: self.at.clone(), error };
        let passed = if after.is_none() { i64::try_from(read).unwrap_or(i64::MAX) } else { 0 };
        // A cursor of the server's: neither side holds more than a page, and the address need be no key. Rows without an address are told
        // apart by nothing but what is in them.
        sqlx::query(
            "DECLARE accounts NO SCROLL CURSOR FOR
             SELECT CAST(email AS TEXT) AS email, CAST(password_hash AS TEXT) AS password_hash, requires_2fa
             FROM users WHERE $1 IS NULL OR CAST(email AS TEXT) > $1
             ORDER BY CAST(email AS TEXT) NULLS FIRST, CAST(password_hash AS TEXT), requires_2fa
             OFFSET $2",
        )
        .bind(after)
        .bind(passed)
        .persistent(false)
        .execute(&mut self.connection)
        .await
        .map_err(table)?;
        Ok(())
    }

    /// The next account, if there is one more.
    pub async fn next(&mut self) -> Result<Option<FamilyAccount>, FamilyError> {
        if self.fetched.is_empty() {
            let read = |error| FamilyError::Read { at: self.at.clone(), error };
            let page = sqlx::query_as("FETCH 1000 FROM accounts").persistent(false);
            self.fetched = page.fetch_all(&mut self.connection).await.map_err(read)?.into();
        }
        Ok(self.fetched.pop_front())
    }

    /// Ends it.
    pub async fn close(self) {
        // Nothing was written, so nothing is lost if it cannot be told.
        let _ = self.connection.close().await;
    }
}

impl fmt::Debug for Family {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Family({})", self.at)
    }
}

impl fmt::Debug for FamilyAccount {
    /// Without the hash.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("FamilyAccount").field("email", &self.email).finish_non_exhaustive()
    }
}
