//! A database of a test's own: an SQLite file, or one in PostgreSQL where the tests run there.

use domain::{Email, EmailId, Pseudonym, Timestamp, UserId};
use sqlx::SqlitePool;
use sqlx::sqlite::SqliteConnectOptions;
use store::{Store, Tx};
use tempfile::TempDir;
use uuid::Uuid;

use crate::on_postgres::{TestDatabase, is_on_postgres};

pub(crate) const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

pub(crate) struct File {
    pub(crate) store: Store,
    pub(crate) past: Past,
}

/// The types of values that the driver says, where the text alone leaves them open: by what a statement says.
const TYPED: [(&str, &str); 3] = [
    ("INSERT INTO grants", "(uuid, text, uuid, uuid, boolean, text, text, bigint, bigint, bigint)"),
    ("o.sid = g.sid AND o.id < g.id", "(text, bigint, bigint)"),
    (
        "AND w.hash = $14",
        "(uuid, bytea, uuid, text, bigint, bigint, bigint, bigint, text, text, uuid, boolean, text, text)",
    ),
];

/// What the driver says of the types of values, where the text alone leaves it open.
pub(crate) fn declared(statement: &str) -> String {
    if statement.contains("(VALUES") {
        return format!("({})", ["uuid, bigint, bytea"; 8].join(", "));
    }
    let types = TYPED.iter().find(|(part, _)| statement.contains(part));
    types.map_or_else(String::new, |(_, types)| (*types).to_owned())
}

/// The same database past the store.
pub(crate) enum Past {
    Sqlite(SqlitePool, TempDir),
    Postgres(TestDatabase),
}

impl File {
    /// As a first start leaves it: with the account of nobody.
    pub(crate) async fn new() -> Self {
        let file = Self::without_anybody().await;
        let mut tx = file.store.begin().await.unwrap();
        store::users::insert_nobody(&mut tx, &[]).await.unwrap();
        tx.commit().await.unwrap();
        file
    }

    /// With tables that are empty.
    pub(crate) async fn without_anybody() -> Self {
        if is_on_postgres() {
            let database = TestDatabase::new().await;
            let store = Store::connect(&database.settings()).await.unwrap();
            return Self { store, past: Past::Postgres(database) };
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keyward.db");
        let store = Store::open(&path).await.unwrap();
        let raw = SqlitePool::connect_with(SqliteConnectOptions::new().filename(&path)).await.unwrap();
        Self { store, past: Past::Sqlite(raw, folder) }
    }

    pub(crate) async fn number(&self, sql: &str) -> i64 {
        let asked = sqlx::AssertSqlSafe(sql);
        match &self.past {
            Past::Sqlite(raw, _) => sqlx::query_scalar(asked).fetch_one(raw).await.unwrap(),
            Past::Postgres(database) => {
                sqlx::query_scalar(asked).fetch_one(&mut database.past().await).await.unwrap()
            }
        }
    }

    /// Whether the database can run this statement.
    pub(crate) async fn prepare(&self, statement: &str) -> Result<(), sqlx::Error> {
        match &self.past {
            Past::Sqlite(raw, _) => {
                let plan = sqlx::AssertSqlSafe(format!("EXPLAIN {statement}"));
                sqlx::query(plan).fetch_all(raw).await.map(drop)
            }
            Past::Postgres(database) => {
                let types = declared(statement);
                let prepare = sqlx::AssertSqlSafe(format!("PREPARE p {types} AS {statement}"));
                sqlx::raw_sql(prepare).execute(&mut database.past().await).await.map(drop)
            }
        }
    }

    /// How the database would go about this statement, which carries its values; PostgreSQL as in a table that is not small.
    pub(crate) async fn plan(&self, statement: &str) -> Vec<String> {
        match &self.past {
            Past::Sqlite(raw, _) => {
                let asked = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}"));
                let steps: Vec<(i64, i64, i64, String)> = sqlx::query_as(asked).fetch_all(raw).await.unwrap();
                steps.into_iter().map(|(_, _, _, step)| step).collect()
            }
            Past::Postgres(database) => {
                let mut past = database.past().await;
                sqlx::raw_sql("SET enable_seqscan = off").execute(&mut past).await.unwrap();
                let asked = sqlx::AssertSqlSafe(format!("EXPLAIN {statement}"));
                sqlx::query_scalar(asked).fetch_all(&mut past).await.unwrap()
            }
        }
    }

    /// Every column: its table, its name, its type.
    pub(crate) async fn columns(&self) -> Vec<(String, String, String)> {
        match &self.past {
            Past::Sqlite(raw, _) => sqlx::query_as(
                "SELECT m.name, c.name, c.type FROM sqlite_master m JOIN pragma_table_info(m.name) c
                 WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND m.name NOT LIKE '\\_sqlx%' ESCAPE '\\'",
            )
            .fetch_all(raw)
            .await
            .unwrap(),
            Past::Postgres(database) => sqlx::query_as(
                "SELECT CAST(table_name AS text), CAST(column_name AS text), upper(CAST(data_type AS text))
                 FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE '\\_sqlx%'",
            )
            .fetch_all(&mut database.past().await)
            .await
            .unwrap(),
        }
    }
}

pub(crate) fn email(name: &str) -> Email {
    Email::parse(&format!("{name}@example.com")).unwrap()
}

pub(crate) fn user(number: u128) -> UserId {
    UserId(Uuid::from_u128(number))
}

/// Adds an account with its address.
pub(crate) async fn add_user(tx: &mut Tx, number: u128, name: &str, proved_at: Option<Timestamp>) -> UserId {
    let id = user(number);
    store::users::insert(tx, id, (Pseudonym(Uuid::from_u128(number + 1000)), &[]), name, None, false, NOW)
        .await
        .unwrap();
    let email_id = EmailId(Uuid::from_u128(number + 2000));
    assert!(store::emails::insert(tx, email_id, id, &email(name), proved_at, NOW).await.unwrap());
    id
}
