//! What the pages and mails must hold to, each rule over all of them; and the routes, driven in process.
#![expect(clippy::unwrap_used, reason = "a helper that cannot go on should end its test")]

mod apart;
mod away;
mod background;
mod breaches;
mod catalogues;
mod classes;
mod config_check;
mod conformance;
mod delivery;
mod encryption;
mod full;
mod gallery;
mod handed_over;
mod hashing;
mod health;
mod idempotency;
mod loss;
mod mail_gallery;
mod mail_secrets;
mod mails;
mod managers;
mod markup;
mod migrating;
mod one_connection;
mod panics;
mod pooler;
mod process;
mod protocol;
mod reference;
mod relying_party;
mod rotation;
mod routes;
mod scripts;
mod serve;
mod shape;
mod sight;
mod starting;
mod stopping;
mod stylesheet;
mod support;
mod traces;
mod units;

#[path = "../../../store/tests/support/pgbouncer.rs"]
mod pgbouncer;
#[path = "../../../store/tests/support/postgres_programs.rs"]
mod postgres_programs;
#[path = "../../../store/tests/support/postgres_server.rs"]
#[expect(dead_code, reason = "the store's own tests hold it up as well")]
mod postgres_server;
#[path = "../../../store/tests/support/redis_server.rs"]
#[expect(dead_code, reason = "the store's own tests hold it up as well")]
mod redis_server;
#[path = "../../../store/tests/support/wire.rs"]
#[expect(dead_code, reason = "the store's own tests cut it and wait for that")]
mod wire;
