//! PostgreSQL is stopped, held up, cut off, and comes back.

use std::time::{Duration, Instant};

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};
use store::{PostgresSettings, Store, installation};

use crate::file::NOW;
use crate::postgres_server::PostgresServer;
use crate::redis_server::free_port;
use crate::wire::{Mode, Wire};

/// A test that takes so long has failed.
const LONG: Duration = Duration::from_secs(30);
/// Whoever writes is told by then.
const AT_ONCE: Duration = Duration::from_millis(100);
/// The first whom a server does not answer that is there and silent is told by then: 1.25 s (ADR 6), and what a busy machine adds.
const SILENT: Duration = Duration::from_millis(1500);

#[expect(clippy::disallowed_methods, reason = "a measurement of what a person waits for")]
fn now() -> Instant {
    Instant::now()
}

async fn connect(settings: &PostgresSettings) -> Store {
    store::migrations::apply(settings).await.unwrap();
    Store::connect(settings).await.unwrap()
}

async fn write(store: &Store) -> Result<(), store::Error> {
    let mut tx = store.begin().await?;
    installation::rp_id(&mut tx, "example.com", NOW).await?;
    tx.commit().await
}

async fn is_lost(store: &Store) -> String {
    let mut changes = store.health().unwrap().subscribe();
    let lost = tokio::time::timeout(LONG, changes.wait_for(Option::is_some)).await.unwrap().unwrap();
    lost.as_ref().unwrap().error.clone()
}

async fn is_found(store: &Store) {
    let mut changes = store.health().unwrap().subscribe();
    tokio::time::timeout(LONG, changes.wait_for(Option::is_none)).await.unwrap().unwrap();
}

/// Whoever writes is told that the database is away, and so is whoever reads.
async fn is_refused_at_once(store: &Store) {
    for _ in 0..20 {
        let started = now();
        let refused = write(store).await.unwrap_err();
        assert!(refused.is_unavailable(), "{refused}");
        let refused = store.look().await.map(drop).unwrap_err();
        assert!(refused.is_unavailable(), "{refused}");
        assert!(started.elapsed() < AT_ONCE, "{:?}", started.elapsed());
    }
}

#[tokio::test]
async fn a_database_that_is_killed_refuses_at_once_and_is_found_again() {
    let Some(mut server) = PostgresServer::start().await else { return };
    let store = connect(&PostgresServer::settings_at(server.port())).await;
    write(&store).await.unwrap();
    server.kill();
    let started = now();
    let refused = write(&store).await.unwrap_err();
    assert!(refused.is_unavailable() && started.elapsed() < AT_ONCE, "{refused} {:?}", started.elapsed());
    let error = is_lost(&store).await;
    assert!(error.contains("nothing listens there"), "{error}");
    is_refused_at_once(&store).await;
    server.restart().await;
    is_found(&store).await;
    write(&store).await.unwrap();
}

#[tokio::test]
async fn a_restart_that_nobody_noticed_costs_nobody_an_answer() {
    let Some(mut server) = PostgresServer::start().await else { return };
    let store = connect(&PostgresServer::settings_at(server.port())).await;
    // Connections that will be dead.
    let held: Vec<_> = futures_util::future::join_all((0..8).map(|_| store.begin())).await;
    drop(held);
    for _ in 0..3 {
        server.kill();
        server.restart().await;
        is_found(&store).await;
        // Before it has been asked anew, a connection may be refused; none is waited for.
        while let Err(error) = write(&store).await {
            assert!(error.is_unavailable(), "{error}");
            tokio::task::yield_now().await;
        }
    }
}

/// A pooler closes what lies idle, and so does whoever ends single connections: people were told that the database was away.
#[tokio::test]
async fn a_read_on_a_connection_that_died_idle_is_asked_once_more() {
    let Some(server) = PostgresServer::start().await else { return };
    let settings = PostgresSettings { maximum_connections: 1, ..PostgresServer::settings_at(server.port()) };
    let store = connect(&settings).await;
    let mut past = PgConnection::connect(&format!("postgres://keyward@127.0.0.1:{}/postgres", server.port()))
        .await
        .unwrap();
    let email = domain::Email::parse("ana@example.com").unwrap();
    for _ in 0..3 {
        for _ in 0..2 {
            let owner = store::emails::owner(&mut store.look().await.unwrap(), &email).await;
            assert!(owner.unwrap().is_none());
        }
        assert_eq!(store.connections().idle, 1);
        // Of the two connections, the one that does not ask whether the server is there.
        let idle = "pid <> pg_backend_pid() AND application_name = 'keyward' AND query LIKE '%emails%'";
        let ended = format!("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE {idle}");
        assert_eq!(sqlx::query_scalar::<_, i64>(AssertSqlSafe(ended)).fetch_one(&mut past).await.unwrap(), 1);
        let left = format!("SELECT count(*) FROM pg_stat_activity WHERE {idle}");
        while sqlx::query_scalar::<_, i64>(AssertSqlSafe(left.clone())).fetch_one(&mut past).await.unwrap()
            > 0
        {
            tokio::task::yield_now().await;
        }
    }
    assert!(!store.health().unwrap().is_lost());
}

/// It answers, and takes nothing: that is no database to serve by.
#[tokio::test]
async fn a_database_that_takes_no_writes_is_away_until_it_does() {
    let Some(server) = PostgresServer::start().await else { return };
    let settings = PostgresServer::settings_at(server.port());
    let store = connect(&settings).await;
    write(&store).await.unwrap();
    let mut past = PgConnection::connect(&format!("postgres://keyward@127.0.0.1:{}/postgres", server.port()))
        .await
        .unwrap();
    past.execute("CREATE DATABASE empty").await.unwrap();
    let empty = PostgresSettings::new(format!("postgres://keyward@127.0.0.1:{}/empty", server.port()).into());
    let set = "SET default_transaction_read_only";
    // For all, at once; and for those who come from then on, which a connection of before is not told.
    for (on, off) in [
        (format!("ALTER SYSTEM {set} = on"), format!("ALTER SYSTEM {set} = off")),
        (format!("ALTER DATABASE postgres {set} = on"), format!("ALTER DATABASE postgres {set} = off")),
    ] {
        for sql in [&*on, "SELECT pg_reload_conf()"] {
            past.execute(AssertSqlSafe(sql.to_owned())).await.unwrap();
        }
        // As many as there can be, so that some are new.
        let writing = async {
            while !store.health().unwrap().is_lost() {
                futures_util::future::join_all((0..16).map(|_| write(&store))).await;
            }
        };
        tokio::time::timeout(LONG, writing).await.unwrap();
        let error = is_lost(&store).await;
        assert!(error.contains("it takes no writes, since default_transaction_read_only is on"), "{error}");
        is_refused_at_once(&store).await;
        let refused = Store::connect(&settings).await.unwrap_err();
        assert!(!refused.is_lasting() && refused.to_string().contains("it takes no writes"), "{refused}");
        // Nothing is to be done to its tables, and much to the others'.
        assert_eq!(store::migrations::apply(&settings).await.unwrap(), [0; 0]);
        if on.contains("SYSTEM") {
            let refused = store::migrations::apply(&empty).await.unwrap_err();
            assert!(
                refused.is_unavailable() && refused.to_string().contains("it takes no writes"),
                "{refused}"
            );
        }
        for sql in ["SET default_transaction_read_only = off", &*off, "SELECT pg_reload_conf()"] {
            past.execute(AssertSqlSafe(sql.to_owned())).await.unwrap();
        }
        is_found(&store).await;
        write(&store).await.unwrap();
    }
}

#[tokio::test]
async fn a_database_that_hangs_is_waited_for_once() {
    let Some(server) = PostgresServer::start().await else { return };
    let store = connect(&PostgresServer::settings_at(server.port())).await;
    write(&store).await.unwrap();
    server.pause();
    let started = now();
    let refused = write(&store).await.unwrap_err();
    assert!(refused.is_unavailable(), "{refused}");
    assert!(started.elapsed() < SILENT, "{:?}", started.elapsed());
    is_lost(&store).await;
    is_refused_at_once(&store).await;
    server.resume();
    is_found(&store).await;
    write(&store).await.unwrap();
}

#[tokio::test]
async fn whatever_happens_to_the_wire_it_is_noticed_within_a_few_seconds_and_mended() {
    let Some(server) = PostgresServer::start().await else { return };
    let slow = Mode::Delayed(Duration::from_secs(2));
    for mode in [Mode::Cut, Mode::Held, Mode::HalfClosed, slow] {
        let wire = Wire::to(server.port()).await;
        let store = connect(&PostgresServer::settings_at(wire.port())).await;
        write(&store).await.unwrap();
        wire.set(mode);
        let started = now();
        is_lost(&store).await;
        assert!(started.elapsed() < Duration::from_secs(3), "{mode:?}: {:?}", started.elapsed());
        is_refused_at_once(&store).await;
        wire.set(Mode::Passing);
        is_found(&store).await;
        write(&store).await.unwrap();
    }
}

#[tokio::test]
async fn who_is_in_the_middle_of_an_act_is_told_and_nothing_of_it_is_there() {
    let Some(mut server) = PostgresServer::start().await else { return };
    let store = connect(&PostgresServer::settings_at(server.port())).await;
    let mut tx = store.begin().await.unwrap();
    installation::rp_id(&mut tx, "never.example", NOW).await.unwrap();
    server.kill();
    let told = tx.commit().await.unwrap_err();
    assert!(told.is_unavailable(), "{told}");
    server.restart().await;
    is_found(&store).await;
    let mut tx = store.begin().await.unwrap();
    assert_eq!(installation::rp_id(&mut tx, "example.com", NOW).await.unwrap(), "example.com");
}

/// It was told that nothing was changed, and it was.
#[tokio::test]
async fn an_act_whose_commit_is_not_answered_is_called_neither_done_nor_undone() {
    let Some(server) = PostgresServer::start().await else { return };
    let wire = Wire::to(server.port()).await;
    let store = connect(&PostgresServer::settings_at(wire.port())).await;
    let mut tx = store.begin().await.unwrap();
    installation::rp_id(&mut tx, "done.example", NOW).await.unwrap();
    wire.set(Mode::HalfClosed);
    let told = tx.commit().await.unwrap_err();
    assert!(told.is_unanswered() && told.is_unavailable() && told.is_loss() && !told.is_given_up(), "{told}");
    assert!(told.to_string().starts_with("it is not known whether this was done"), "{told}");
    wire.set(Mode::Passing);
    is_found(&store).await;
    let done = async {
        let mut tx = store.begin().await.unwrap();
        let found = installation::rp_id(&mut tx, "another.example", NOW).await.unwrap();
        assert_eq!(found, "done.example", "it was done");
    };
    tokio::time::timeout(LONG, done).await.unwrap();
    // Of one that failed before it was told to commit it is known.
    let mut tx = store.begin().await.unwrap();
    wire.set(Mode::Cut);
    let told = installation::rp_id(&mut tx, "example.com", NOW).await.unwrap_err();
    assert!(!told.is_unanswered() && told.is_unavailable(), "{told}");
}

/// A COMMIT of a transaction in which a statement had failed is taken by PostgreSQL, rolled back, and called a success.
#[tokio::test]
async fn a_transaction_in_which_a_statement_failed_is_not_called_committed() {
    let Some(server) = PostgresServer::start().await else { return };
    let store = connect(&PostgresServer::settings_at(server.port())).await;
    let mut tx = store.begin().await.unwrap();
    installation::rp_id(&mut tx, "example.com", NOW).await.unwrap();
    let nobody = domain::UserId(uuid::Uuid::from_u128(1));
    let refused = store::known_browsers::remember(&mut tx, &[1], nobody, NOW).await.unwrap_err();
    assert!(refused.is_missing_reference() && !refused.is_unavailable(), "{refused}");
    let told = tx.commit().await.unwrap_err();
    assert!(told.to_string().contains("had failed"), "{told}");
    write(&store).await.unwrap();
}

#[tokio::test]
async fn who_hangs_up_in_the_middle_leaves_a_connection_that_works() {
    let Some(server) = PostgresServer::start().await else { return };
    let settings = PostgresSettings { maximum_connections: 1, ..PostgresServer::settings_at(server.port()) };
    let store = connect(&settings).await;
    for steps in 0..30 {
        let mut writing = std::pin::pin!(write(&store));
        for _ in 0..steps {
            let step = std::future::poll_fn(|task| std::task::Poll::Ready(writing.as_mut().poll(task)));
            if step.await.is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
    }
    tokio::time::timeout(LONG, write(&store)).await.unwrap().unwrap();
}

#[tokio::test]
async fn one_sentence_says_where_it_is_and_why_it_cannot_be_used() {
    let Some(server) = PostgresServer::start().await else { return };
    let why = async |settings: PostgresSettings| {
        let port = settings.at().split([':', '/']).nth(1).unwrap().to_owned();
        Store::connect(&settings).await.unwrap_err().to_string().replace(&port, "PORT")
    };
    let at = PostgresServer::settings_at;
    assert_eq!(
        why(at(free_port())).await,
        "PostgreSQL at 127.0.0.1:PORT/postgres cannot be used: nothing listens there (connection refused); start it, or \
         correct where it is"
    );
    let port = server.port();
    let elsewhere = PostgresSettings::new(format!("postgres://keyward@127.0.0.1:{port}/nowhere").into());
    assert_eq!(
        why(elsewhere).await,
        "PostgreSQL at 127.0.0.1:PORT/nowhere cannot be used: database \"nowhere\" does not exist; make it, or correct its \
         name"
    );
    let stranger = PostgresSettings::new(format!("postgres://eve:hunter2@127.0.0.1:{port}/postgres").into());
    let error = why(stranger).await;
    assert!(error.contains("it refuses the user or the password") && !error.contains("hunter2"), "{error}");
    let sealed =
        PostgresSettings::new(format!("postgres://keyward@127.0.0.1:{port}/postgres?sslmode=require").into());
    let error = why(sealed).await;
    assert!(error.contains("it does not speak TLS, and is to"), "{error}");
}
