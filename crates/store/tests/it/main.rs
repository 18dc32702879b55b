//! The public face of `store`, on a real SQLite file.
#![expect(clippy::unwrap_used, reason = "a helper that cannot go on should end its test")]

mod ephemeral;
mod file;
mod redis_away;
mod redis_tls;
mod rows;
mod text;

#[path = "../support/redis_server.rs"]
mod redis_server;
#[path = "../support/wire.rs"]
mod wire;
