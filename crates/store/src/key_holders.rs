//! Table `key_holders`: which key-encryption keys each process holds, by their ids.

use domain::Timestamp;
use uuid::Uuid;

use crate::{Error, Tx};

/// A process that seals. Moments are Unix microseconds.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct KeyHolder {
    /// What it calls itself, from its start to its end.
    pub process: Uuid,
    /// The keys by which it opens, with a space between.
    pub opens: String,
    /// The key by which it seals.
    pub seals: String,
    /// Since when it does.
    pub seals_since: i64,
    /// When it was last heard of.
    pub seen_at: i64,
}

/// Writes down what a process holds.
pub async fn put(tx: &mut Tx, holder: &KeyHolder) -> Result<(), Error> {
    changed!(
        tx,
        sqlx::query(
            "INSERT INTO key_holders (process, opens, seals, seals_since, seen_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (process) DO UPDATE SET opens = excluded.opens, seals = excluded.seals,
             seals_since = excluded.seals_since, seen_at = excluded.seen_at",
        )
        .bind(holder.process)
        .bind(&holder.opens)
        .bind(&holder.seals)
        .bind(holder.seals_since)
        .bind(holder.seen_at)
    )?;
    Ok(())
}

/// Processes that were heard of since `since`.
pub async fn list(tx: &mut Tx, since: Timestamp) -> Result<Vec<KeyHolder>, Error> {
    on!(tx, |connection| {
        sqlx::query_as(
        "SELECT process, opens, seals, seals_since, seen_at FROM key_holders WHERE seen_at >= $1 ORDER BY process",
    )
    .bind(since.micros())
    .fetch_all(connection)
    })
}

/// A process ends.
pub async fn delete(tx: &mut Tx, process: Uuid) -> Result<(), Error> {
    changed!(tx, sqlx::query("DELETE FROM key_holders WHERE process = $1").bind(process))?;
    Ok(())
}

/// Deletes up to `limit` processes that were not heard of since `before`.
pub async fn delete_before(tx: &mut Tx, before: Timestamp, limit: i64) -> Result<u64, Error> {
    changed!(
        tx,
        sqlx::query(
            "DELETE FROM key_holders WHERE process IN (
             SELECT process FROM key_holders WHERE seen_at < $1 LIMIT $2)"
        )
        .bind(before.micros())
        .bind(limit)
    )
}
