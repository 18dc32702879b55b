//! The public face of `store`, on a real SQLite file, and on a real PostgreSQL.
#![expect(clippy::unwrap_used, reason = "a helper that cannot go on should end its test")]

mod apart;
mod certificates;
mod ephemeral;
mod every_statement;
mod exchange;
mod file;
mod migrating;
mod overlap;
mod pooler;
mod postgres_away;
mod postgres_tls;
mod previous_release;
mod recorded;
mod recording;
mod redis_away;
mod redis_tls;
mod rows;
mod sealed;
mod text;
mod turns;
mod valkey;

#[path = "../support/on_postgres.rs"]
mod on_postgres;
#[path = "../support/pgbouncer.rs"]
mod pgbouncer;
#[path = "../support/postgres_programs.rs"]
mod postgres_programs;
#[path = "../support/postgres_server.rs"]
mod postgres_server;
#[path = "../support/redis_server.rs"]
mod redis_server;
#[path = "../support/wire.rs"]
mod wire;

#[test]
fn the_same_on_postgresql() {
    on_postgres::run_again(
        &["migrating::", "overlap::", "previous_release::", "rows::", "text::", "turns::"],
        &[],
    );
}

#[tokio::test]
async fn the_same_behind_a_pooler() {
    on_postgres::run_again_behind_a_pooler(&[
        "migrating::",
        "overlap::",
        "previous_release::",
        "rows::",
        "text::",
        "turns::",
    ])
    .await;
}
