//! Table `changes`: what was ended or changed lately, for other processes to hear of.

use domain::Timestamp;
use uuid::Uuid;

use crate::{Error, Tx};

/// Something that was ended or changed.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Change {
    /// Its id (UUIDv7).
    pub id: Uuid,
    /// When it was written, Unix microseconds: a moment before it was committed, by the clock of whoever wrote it.
    pub at: i64,
    /// What it was. The store does not read it.
    pub what: String,
}

/// Adds a change, in the transaction that makes it.
pub async fn insert(tx: &mut Tx, change: &Change) -> Result<(), Error> {
    changed!(
        tx,
        sqlx::query("INSERT INTO changes (id, at, what) VALUES ($1, $2, $3)")
            .bind(change.id)
            .bind(change.at)
            .bind(&change.what)
    )?;
    Ok(())
}

/// What was written from `from` on.
pub async fn since(tx: &mut Tx, from: Timestamp) -> Result<Vec<Change>, Error> {
    on!(tx, |connection| sqlx::query_as("SELECT id, at, what FROM changes WHERE at >= $1")
        .bind(from.micros())
        .fetch_all(connection))
}

/// Deletes up to `limit` changes written before `before`.
pub async fn delete_before(tx: &mut Tx, before: Timestamp, limit: i64) -> Result<u64, Error> {
    changed!(
        tx,
        sqlx::query("DELETE FROM changes WHERE id IN (SELECT id FROM changes WHERE at < $1 LIMIT $2)")
            .bind(before.micros())
            .bind(limit)
    )
}
