//! The use cases, driven as their callers drive them, on a real database and a clock turned by hand. A module named
//! `class_NN` closes that class of the security notes.
#![expect(clippy::unwrap_used, reason = "a helper that cannot go on should end its test")]

mod arrivals;
mod artefacts;
mod at_once;
mod at_rest;
mod audit;
mod audit_tampering;
mod backend;
mod breaches;
mod class_05;
mod class_06;
mod class_08;
mod class_09;
mod class_10;
mod class_11;
mod class_12;
mod class_12_codes;
mod class_12_sign_up;
mod class_13;
mod class_23;
mod consents;
mod encryption;
mod idempotency;
mod in_app;
mod janitor;
mod journey;
mod keys;
mod limits;
mod outbox;
mod overheard;
mod people;
mod processes;
mod rehash;
mod statements;
mod withdrawn;
mod world;

#[path = "../../../store/tests/support/on_postgres.rs"]
mod on_postgres;
#[path = "../../../store/tests/support/pgbouncer.rs"]
mod pgbouncer;
#[path = "../../../store/tests/support/postgres_programs.rs"]
mod postgres_programs;
#[expect(dead_code, reason = "here none is killed")]
#[path = "../../../store/tests/support/postgres_server.rs"]
mod postgres_server;
#[expect(dead_code, reason = "not every test of Redis is here")]
#[path = "../../../store/tests/support/redis_server.rs"]
mod redis_server;

#[test]
fn the_same_on_postgresql_and_redis() {
    on_postgres::run_again(&["--skip", "the_same_"], &[]);
}

/// Whatever one process knows and does not share, the next one lacks. What a process counts, and what it does beside others, is
/// tested by itself.
#[test]
fn the_same_of_several_processes_each_asked_in_turn() {
    let by_itself = [
        "the_same_",
        "statements::",
        "processes::",
        "keys::",
        "encryption::",
        "rehash::",
        "outbox::a_start_releases",
    ];
    let skipped: Vec<_> = by_itself.iter().flat_map(|name| ["--skip", name]).collect();
    on_postgres::run_again(&skipped, &[(world::PROCESSES, "3")]);
}

/// What people do most; how acts wait for each other is to be seen without.
#[tokio::test]
async fn the_same_behind_a_pooler() {
    let most = [
        "journey::",
        "encryption::",
        "keys::",
        "processes::",
        "statements::",
        "class_06",
        "class_09",
        "class_11",
        "class_23",
    ];
    on_postgres::run_again_behind_a_pooler(&most).await;
}
