//! A database of a test's own.

use domain::{Email, EmailId, Pseudonym, Timestamp, UserId};
use sqlx::SqlitePool;
use sqlx::sqlite::SqliteConnectOptions;
use store::{Store, Tx};
use tempfile::TempDir;
use uuid::Uuid;

pub(crate) const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

pub(crate) struct File {
    pub(crate) store: Store,
    pub(crate) raw: SqlitePool,
    pub(crate) folder: TempDir,
}

impl File {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keyward.db");
        let store = Store::open(&path).await.unwrap();
        let raw = SqlitePool::connect_with(SqliteConnectOptions::new().filename(&path)).await.unwrap();
        Self { store, raw, folder }
    }

    pub(crate) async fn number(&self, sql: &str) -> i64 {
        sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(&self.raw).await.unwrap()
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
