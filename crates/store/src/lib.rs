//! What Keyward remembers: durable rows, one module a table, and short-lived state.
//!
//! A use case opens a transaction, hands it down, and commits once. Functions here are one SQL statement each; they
//! hold no rules. The text of every statement is valid on SQLite and PostgreSQL alike (see `ARCHITECTURE.md`).

#[macro_use]
mod on;

pub mod artefacts;
pub mod audit;
pub mod authorization_codes;
pub mod authorization_requests;
pub mod backlog;
pub mod changes;
pub mod client_assertions;
pub mod clients;
pub mod consents;
pub mod email_changes;
pub mod emails;
pub mod ephemeral;
pub mod family;
pub mod grants;
pub mod health;
pub mod idempotency_keys;
pub mod installation;
pub mod key_holders;
pub mod known_browsers;
pub mod logout_notices;
pub mod migrations;
pub mod outbox;
pub mod passwords;
pub mod refresh_tokens;
pub mod retired_keys;
pub mod revoked_tokens;
pub mod sealed;
pub mod sessions;
pub mod signing_keys;
pub mod users;

mod connections;
mod database;
mod lock;
mod postgres;
mod prompt;
mod readers;
mod sqlite;
mod turns;
mod writer;

pub use connections::Connections;
pub use database::{Error, Store, Tx};
pub use lock::{LockError, ServerLock, can_be_served};
pub use postgres::{PostgresError, PostgresSettings};
pub use turns::Turn;
