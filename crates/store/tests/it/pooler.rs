//! Behind PgBouncer in transaction mode: everything works that works without, as far as it is told to keep nothing prepared; and
//! where it is not told, it says so before it asks anything.

use store::{PostgresSettings, Store, installation, migrations};

use crate::file::NOW;
use crate::pgbouncer::PgBouncer;
use crate::postgres_server::PostgresServer;

/// One server would run, by its name, what another has prepared.
#[tokio::test]
async fn a_pooler_that_does_not_know_prepared_statements_is_found_out() {
    let Some(server) = PostgresServer::start().await else { return };
    let Some(pooler) = PgBouncer::start(server.port()) else { return };
    let settings = PostgresServer::settings_at(pooler.port());
    migrations::apply(&settings).await.unwrap();
    // Whichever connections it hands out, and whatever is left on them.
    for _ in 0..3 {
        let refused = Store::connect(&settings).await.unwrap_err().to_string();
        assert!(
            refused.contains("a pooler stands between that does not know prepared statements")
                && refused.contains("set statement_cache = 0 under [database]"),
            "{refused}"
        );
    }
    let store = Store::connect(&PostgresSettings { statement_cache: 0, ..settings.clone() }).await.unwrap();
    let mut tx = store.begin().await.unwrap();
    assert_eq!(installation::rp_id(&mut tx, "example.com", NOW).await.unwrap(), "example.com");
    tx.commit().await.unwrap();
    // Without one, they are kept.
    Store::connect(&PostgresServer::settings_at(server.port())).await.unwrap();
}

/// What a PgBouncer before 1.21 can do with prepared statements: none is anybody else's where a client has its connection for as long as it
/// stays.
#[tokio::test]
async fn a_pooler_that_leaves_each_its_connection_keeps_prepared_statements() {
    let Some(server) = PostgresServer::start().await else { return };
    let Some(pooler) = PgBouncer::start_in("session", server.port()) else { return };
    let settings = PostgresSettings { maximum_connections: 2, ..PostgresServer::settings_at(pooler.port()) };
    assert!(settings.statement_cache > 0);
    migrations::apply(&settings).await.unwrap();
    let store = Store::connect(&settings).await.unwrap();
    for _ in 0..10 {
        let both = [store.begin().await.unwrap(), store.begin().await.unwrap()];
        for mut tx in both {
            assert_eq!(installation::rp_id(&mut tx, "example.com", NOW).await.unwrap(), "example.com");
            tx.commit().await.unwrap();
        }
    }
}

/// Many more act than it has connections for, and each is answered what it asked.
#[tokio::test]
async fn many_share_few_connections_and_none_is_answered_anothers_question() {
    let Some(server) = PostgresServer::start().await else { return };
    let Some(pooler) = PgBouncer::start(server.port()) else { return };
    let settings = PostgresSettings { statement_cache: 0, ..PostgresServer::settings_at(pooler.port()) };
    migrations::apply(&settings).await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for process in 0..4_u128 {
        let store = Store::connect(&settings).await.unwrap();
        for number in 0..10_u128 {
            let store = store.clone();
            tasks.spawn(async move {
                for round in 0..10_u128 {
                    let id = uuid::Uuid::from_u128(process << 32 | number << 16 | round);
                    let change = store::changes::Change { id, at: NOW.micros(), what: id.to_string() };
                    let mut tx = store.begin_in_turn(&[store::Turn::Secret(id.as_bytes())]).await.unwrap();
                    store::changes::insert(&mut tx, &change).await.unwrap();
                    tx.commit().await.unwrap();
                    let email = domain::Email::parse(&format!("{id}@example.com")).unwrap();
                    let found = store::emails::owner(&mut store.look().await.unwrap(), &email).await;
                    assert!(found.unwrap().is_none());
                }
            });
        }
    }
    tasks.join_all().await;
    let store = Store::connect(&settings).await.unwrap();
    let all = store::changes::since(&mut store.look().await.unwrap(), NOW).await.unwrap();
    assert_eq!(all.len(), 400);
    assert!(all.iter().all(|change| change.what == change.id.to_string()));
}
