//! A look by a connection of its own: whoever hears what was ended is not kept waiting by whoever acts.

use std::time::Duration;

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _};
use store::{PostgresSettings, Store, changes};

use crate::file::NOW;
use crate::pgbouncer::PgBouncer;
use crate::postgres_server::PostgresServer;

/// A test that takes so long has failed.
const LONG: Duration = Duration::from_secs(30);
/// Whoever is behind others waits for five seconds, and is then told that the database is busy.
const BEFORE_OTHERS: Duration = Duration::from_secs(2);

async fn look(store: &Store) {
    let looking = async {
        let mut tx = store.look_apart().await.unwrap();
        assert!(changes::since(&mut tx, NOW).await.unwrap().is_empty());
    };
    tokio::time::timeout(BEFORE_OTHERS, looking).await.unwrap();
}

/// Somebody who asks past the store.
struct Past(PgConnection);

impl Past {
    async fn of(server: &PostgresServer) -> Self {
        let url = format!("postgres://keyward@127.0.0.1:{}/postgres", server.port());
        Self(PgConnection::connect(&url).await.unwrap())
    }

    async fn number(&mut self, sql: &str) -> i64 {
        sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(&mut self.0).await.unwrap()
    }

    /// Waits until there are so many connections of ours: one that was closed is gone a little later.
    async fn sees(&mut self, connections: i64) {
        let count = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'keyward'";
        let counting = async { while self.number(count).await != connections {} };
        tokio::time::timeout(LONG, counting).await.unwrap_or_else(|_| panic!("never {connections}"));
    }
}

/// What was ended elsewhere was heard late, since the look for it waited with everybody else.
#[tokio::test]
async fn it_waits_for_nobody_though_every_connection_is_held() {
    let Some(server) = PostgresServer::start().await else { return };
    let mut past = Past::of(&server).await;
    for statement_cache in [200, 0] {
        let at = PostgresServer::settings_at(server.port());
        let settings = PostgresSettings { maximum_connections: 2, statement_cache, ..at };
        store::migrations::apply(&settings).await.unwrap();
        let store = Store::connect(&settings).await.unwrap();
        let held = [store.begin().await.unwrap(), store.begin().await.unwrap()];
        for _ in 0..10 {
            look(&store).await;
        }
        let told = store.connections();
        assert_eq!((told.maximum, told.used, told.idle), (2, 2, 0), "it is none of those");
        // Those, this one, and the one that asks whether the server is there.
        past.sees(4).await;
        // It is made anew where somebody closed it.
        let ended = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                     WHERE application_name = 'keyward' AND (query LIKE '%FROM changes%' OR query = 'ROLLBACK')";
        assert_eq!(past.number(ended).await, 1);
        past.sees(3).await;
        look(&store).await;
        past.sees(4).await;
        drop(held);
        store.close().await;
        past.sees(0).await;
    }
}

/// In front of a pooler it is one more of those that share its connections, and it keeps nothing of them.
#[tokio::test]
async fn behind_a_pooler_it_shares_what_the_pooler_has() {
    let Some(server) = PostgresServer::start().await else { return };
    let Some(pooler) = PgBouncer::start(server.port()) else { return };
    let at = PostgresServer::settings_at(pooler.port());
    let settings = PostgresSettings { maximum_connections: 1, statement_cache: 0, ..at };
    store::migrations::apply(&settings).await.unwrap();
    let store = Store::connect(&settings).await.unwrap();
    let held = store.begin().await.unwrap();
    for _ in 0..10 {
        look(&store).await;
    }
    drop(held);
    let mut past = Past::of(&server).await;
    let open = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'keyward' AND state <> 'idle'";
    let left = async { while past.number(open).await > 0 {} };
    tokio::time::timeout(LONG, left).await.unwrap();
}
