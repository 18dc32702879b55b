//! The passwords of PostgreSQL and Redis are exchanged while they are used.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use domain::Timestamp;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};
use store::ephemeral::{Budget, Charge, RedisSettings};
use store::{PostgresSettings, Store, installation};
use tokio::task::JoinSet;

use crate::file::NOW;
use crate::postgres_server::PostgresServer;
use crate::redis_server::RedisServer;

/// A test that takes so long has failed.
const LONG: Duration = Duration::from_secs(30);
/// Who makes users may come in without a password, nobody else may.
const GUARDED: &str = "host all keyward 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n";

async fn guarded() -> Option<PostgresServer> {
    let server = PostgresServer::start_with(&[], &[("pg_hba.conf", GUARDED)]).await?;
    store::migrations::apply(&PostgresServer::settings_at(server.port())).await.unwrap();
    tell(&server, "CREATE ROLE app LOGIN PASSWORD 'first' IN ROLE pg_read_all_data, pg_write_all_data").await;
    Some(server)
}

async fn tell(server: &PostgresServer, sql: &str) -> Option<i64> {
    let url = format!("postgres://keyward@127.0.0.1:{}/postgres", server.port());
    let mut connection = PgConnection::connect(&url).await.unwrap();
    let told = if sql.starts_with("SELECT") {
        Some(sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut connection).await.unwrap())
    } else {
        connection.execute(AssertSqlSafe(sql)).await.unwrap();
        None
    };
    connection.close().await.unwrap();
    told
}

fn by(server: &PostgresServer, password: &str) -> PostgresSettings {
    let url = format!("postgres://app@127.0.0.1:{}/postgres", server.port());
    PostgresSettings {
        password: Some(password.into()),
        maximum_connections: 4,
        ..PostgresSettings::new(url.into())
    }
}

async fn write(store: &Store) -> Result<(), store::Error> {
    let mut tx = store.begin().await?;
    installation::rp_id(&mut tx, "example.com", NOW).await?;
    tx.commit().await
}

/// By the connection that is apart from those.
async fn look_apart(store: &Store) {
    store::changes::since(&mut store.look_apart().await.unwrap(), NOW).await.unwrap();
}

/// Writes by several at once, without an end until it is told; says how often that went well, and what did not.
struct Load {
    over: Arc<AtomicBool>,
    done: Arc<AtomicUsize>,
    writers: JoinSet<Vec<String>>,
}

impl Load {
    fn on(store: &Store) -> Self {
        let (over, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let mut writers = JoinSet::new();
        for _ in 0..4 {
            let (store, over, done) = (store.clone(), over.clone(), done.clone());
            writers.spawn(async move {
                let mut failed = Vec::new();
                while !over.load(Ordering::Relaxed) {
                    match write(&store).await {
                        Ok(()) => drop(done.fetch_add(1, Ordering::Relaxed)),
                        Err(error) => {
                            failed.push(error.to_string());
                            tokio::task::yield_now().await;
                        }
                    }
                }
                failed
            });
        }
        Self { over, done, writers }
    }

    /// Waits until so many more went well.
    async fn goes_on(&self) {
        let aim = self.done.load(Ordering::Relaxed) + 50;
        let going = async {
            while self.done.load(Ordering::Relaxed) < aim {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(LONG, going).await.unwrap();
    }

    async fn end(self) -> Vec<String> {
        self.over.store(true, Ordering::Relaxed);
        self.writers.join_all().await.concat()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_password_of_postgresql_is_taken_without_a_failed_write_and_a_wrong_one_is_refused() {
    let Some(server) = guarded().await else { return };
    let store = Store::connect(&by(&server, "first")).await.unwrap();
    let load = Load::on(&store);
    load.goes_on().await;
    let mut before = "first".to_owned();
    for number in 0..10 {
        let next = format!("another-{number}");
        // It is not known there yet.
        let refused = store.exchange(&by(&server, &next)).await.unwrap_err().to_string();
        assert!(refused.contains("it refuses the user or the password"), "{refused}");
        assert!(!refused.contains(&before) && !refused.contains(&next), "{refused}");
        load.goes_on().await;
        tell(&server, &format!("ALTER ROLE app PASSWORD '{next}'")).await;
        // The connections that are there go on.
        load.goes_on().await;
        store.exchange(&by(&server, &next)).await.unwrap();
        load.goes_on().await;
        before = next;
    }
    let failed = load.end().await;
    assert!(store.health().unwrap().state().is_none());
    assert!(failed.is_empty(), "{failed:?}");
    store.close().await;
}

/// What was signed in by the password of before is closed, once nobody uses it.
#[tokio::test]
async fn connections_of_the_user_before_are_gone_once_another_is_taken() {
    let Some(server) = guarded().await else { return };
    tell(&server, "CREATE ROLE next LOGIN PASSWORD 'second' IN ROLE pg_read_all_data, pg_write_all_data")
        .await;
    let store = Store::connect(&by(&server, "first")).await.unwrap();
    look_apart(&store).await;
    let in_flight = store.begin().await.unwrap();
    let url = format!("postgres://next@127.0.0.1:{}/postgres", server.port());
    let next = PostgresSettings { url: url.into(), ..by(&server, "second") };
    store.exchange(&next).await.unwrap();
    write(&store).await.unwrap();
    in_flight.commit().await.unwrap();
    let gone = async {
        let count = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'app'";
        while tell(&server, count).await != Some(0) {}
    };
    tokio::time::timeout(LONG, gone).await.unwrap();
    look_apart(&store).await;
    write(&store).await.unwrap();
}

/// Every connection is cut, that of whoever looks after the server too, while it knows the next password already and we do not.
#[tokio::test]
async fn a_server_whose_password_changed_as_it_cut_everybody_off_is_reached_by_the_next_one() {
    let Some(server) = guarded().await else { return };
    let store = Store::connect(&by(&server, "first")).await.unwrap();
    write(&store).await.unwrap();
    tell(&server, "ALTER ROLE app PASSWORD 'second'").await;
    let cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'app'";
    assert!(tell(&server, cut).await >= Some(2));
    let waiting = tokio::spawn({
        let store = store.clone();
        async move { write(&store).await }
    });
    tokio::time::timeout(LONG, store.refused().unwrap().notified()).await.unwrap();
    store.exchange(&by(&server, "second")).await.unwrap();
    tokio::time::timeout(LONG, waiting).await.unwrap().unwrap().unwrap();
    let found = async { while store.health().unwrap().is_lost() || write(&store).await.is_err() {} };
    tokio::time::timeout(LONG, found).await.unwrap();
}

/// A pool that has to grow while the server knows the next password already, and we do not.
#[tokio::test]
async fn whoever_needs_a_connection_while_the_password_is_refused_waits_for_the_next_one() {
    let Some(server) = guarded().await else { return };
    let store = Store::connect(&by(&server, "first")).await.unwrap();
    let refused = store.refused().unwrap();
    tell(&server, "ALTER ROLE app PASSWORD 'second'").await;
    let holding = [store.begin().await.unwrap()];
    let waiting = tokio::spawn({
        let store = store.clone();
        async move { write(&store).await }
    });
    // Whoever exchanges passwords is told at once that this one is of no use.
    tokio::time::timeout(LONG, refused.notified()).await.unwrap();
    store.exchange(&by(&server, "second")).await.unwrap();
    tokio::time::timeout(LONG, waiting).await.unwrap().unwrap().unwrap();
    drop(holding);
    // And where there is no other, it is not waited for without end, and it is called unavailable.
    tell(&server, "ALTER ROLE app PASSWORD 'third'").await;
    let mut held = Vec::new();
    let told = loop {
        match store.begin().await {
            Ok(tx) => held.push(tx),
            Err(error) => break error,
        }
    };
    assert!(held.len() < 4 && told.is_unavailable(), "{told}");
}

#[tokio::test]
async fn another_password_of_redis_is_taken_and_a_wrong_one_refused_while_it_counts_on() {
    let Some(server) = RedisServer::start() else { return };
    let by = |password: &str| RedisSettings {
        password: Some(password.into()),
        ..RedisServer::settings_at(server.port())
    };
    let ephemeral = server.connect().await;
    let budget = Budget { limit: 1_000_000, window: Duration::from_mins(15), spacing: None };
    let charge = [Charge { key: "load".to_owned(), budget }];
    let over = Arc::new(AtomicBool::new(false));
    let counting = tokio::spawn({
        let (ephemeral, over) = (ephemeral.clone(), over.clone());
        async move {
            let mut count = 0;
            while !over.load(Ordering::Relaxed) {
                ephemeral.hit(&charge, Timestamp::from_seconds(1_800_000_000)).await.unwrap();
                assert!(ephemeral.publish("word").await, "it was away for a moment");
                count += 1;
            }
            count
        }
    });
    let client = redis::Client::open(("127.0.0.1", server.port())).unwrap();
    let mut past = client.get_multiplexed_async_connection().await.unwrap();
    for number in 0..10 {
        let next = format!("another-{number}");
        let refused = ephemeral.exchange(&by(&next)).await.unwrap_err().to_string();
        assert!(refused.contains("it refuses the user `keyward` or the password"), "{refused}");
        assert!(!refused.contains(&next), "{refused}");
        let mut told = redis::cmd("ACL");
        told.arg("SETUSER").arg("keyward").arg("resetpass").arg(format!(">{next}"));
        told.exec_async(&mut past).await.unwrap();
        ephemeral.exchange(&by(&next)).await.unwrap();
    }
    over.store(true, Ordering::Relaxed);
    assert!(counting.await.unwrap() > 0);
    assert!(ephemeral.health().unwrap().state().is_none());
    // It is the password of now by which it is found again.
    let connection = ephemeral.connection().unwrap();
    redis::cmd("CLIENT").arg("KILL").arg("USER").arg("keyward").exec_async(&mut past).await.unwrap();
    let again = async {
        while ephemeral.connection().is_none_or(|now| now <= connection) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LONG, again).await.unwrap();
}
