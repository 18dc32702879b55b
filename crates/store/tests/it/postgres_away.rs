//! PostgreSQL is stopped, held up, cut off, and comes back.

use std::time::{Duration, Instant};

use store::{PostgresSettings, Store, installation};

use crate::file::NOW;
use crate::postgres_server::PostgresServer;
use crate::redis_server::free_port;
use crate::wire::{Mode, Wire};

/// A test that takes so long has failed.
const LONG: Duration = Duration::from_secs(30);
/// Whoever writes is told by then.
const AT_ONCE: Duration = Duration::from_millis(100);

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

#[tokio::test]
async fn a_database_that_hangs_is_waited_for_once() {
    let Some(server) = PostgresServer::start().await else { return };
    let store = connect(&PostgresServer::settings_at(server.port())).await;
    write(&store).await.unwrap();
    server.pause();
    let started = now();
    let refused = write(&store).await.unwrap_err();
    assert!(refused.is_unavailable(), "{refused}");
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
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
