//! Why a server did not start, or did not go on.

use std::net::SocketAddr;

use crate::admin::SocketError;

/// Why a server did not start, or did not go on. The text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The port is taken, or not ours to take.
    #[error("{what} cannot listen on {address}: {error}. {advice}")]
    Listen {
        /// What wanted to listen.
        what: &'static str,
        /// Where.
        address: SocketAddr,
        /// Why not.
        error: std::io::Error,
        /// What to do.
        advice: String,
    },
    /// The database.
    #[error("the database {path}: {error}")]
    Store {
        /// Its file.
        path: String,
        /// What is wrong with it.
        error: store::Error,
    },
    /// A secret.
    #[error("the secret for {setting}: {error}")]
    Secret {
        /// Which setting.
        setting: &'static str,
        /// What is wrong with it.
        error: String,
    },
    /// A secret that was there a moment ago.
    #[error(transparent)]
    Unread(#[from] secrets::SecretError),
    /// The operator's socket.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// The mail transport.
    #[error("[mail.transport]: {0}")]
    Mail(String),
    /// The way out.
    #[error("[egress]: {0}")]
    Egress(String),
    /// The apps of the configuration.
    #[error("[[clients]]: {0}")]
    Clients(auth::RegisterError),
    /// The use cases.
    #[error(transparent)]
    Fault(#[from] auth::Fault),
    /// Something that it cannot do without.
    #[error(
        "{what} was not there within {seconds} s ({error}): start it, or let the server wait longer by startup.wait"
    )]
    NotThere {
        /// What, and where.
        what: String,
        /// How long it was waited for.
        seconds: u64,
        /// Why it was not.
        error: String,
    },
    /// A setting of PostgreSQL that nobody can use.
    #[error("[database]: {0}")]
    Postgres(#[from] store::PostgresError),
    /// A PostgreSQL that waiting does not mend.
    #[error("{0}")]
    Unusable(store::PostgresError),
    /// A user of PostgreSQL that was not given its rights.
    #[error(
        "the user {user} of the database has not the rights that it needs ({error}): give it those that deploy/db/users.sh gives, or \
         name the user that has them in {setting}"
    )]
    Forbidden {
        /// Who.
        user: String,
        /// What it was told.
        error: String,
        /// Where another is named.
        setting: &'static str,
    },
    /// A setting of Redis that nobody can use.
    #[error("[redis]: {0}")]
    Redis(#[from] store::ephemeral::RedisError),
    /// Neither mode was chosen.
    #[error("[database] names neither path nor url")]
    NoMode,
    /// The tables could not be migrated.
    #[error(transparent)]
    Migration(store::migrations::MigrationError),
    /// A database that this release must not serve.
    #[error("{0}")]
    Schema(String),
    /// The signals that stop it.
    #[error("the signals that stop a server cannot be caught: {0}")]
    Signals(std::io::Error),
}
