//! Table `known_browsers`: which browsers have signed in to an account before.

use domain::{Timestamp, UserId};

use crate::{Error, Tx};

/// Remembers that this browser signed in to this account.
pub async fn remember(tx: &mut Tx, browser_hash: &[u8], user: UserId, now: Timestamp) -> Result<(), Error> {
    changed!(
        tx,
        sqlx::query(
            "INSERT INTO known_browsers (browser_hash, user_id, used_at) VALUES ($1, $2, $3)
         ON CONFLICT (browser_hash, user_id) DO UPDATE SET used_at = $3",
        )
        .bind(browser_hash)
        .bind(user.0)
        .bind(now.micros())
    )?;
    Ok(())
}

/// Whether this browser has signed in to this account before.
pub async fn is_known(tx: &mut Tx, browser_hash: &[u8], user: UserId) -> Result<bool, Error> {
    on!(tx, |connection| sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM known_browsers WHERE browser_hash = $1 AND user_id = $2)",
    )
    .bind(browser_hash)
    .bind(user.0)
    .fetch_one(connection))
}

/// Forgets every browser of this account: what was proved to set them up no longer counts.
pub async fn forget_all(tx: &mut Tx, user: UserId) -> Result<(), Error> {
    changed!(tx, sqlx::query("DELETE FROM known_browsers WHERE user_id = $1").bind(user.0))?;
    Ok(())
}

/// Forgets every browser of this account but this one.
pub async fn forget_others(tx: &mut Tx, user: UserId, kept: &[u8]) -> Result<(), Error> {
    changed!(
        tx,
        sqlx::query("DELETE FROM known_browsers WHERE user_id = $1 AND browser_hash <> $2")
            .bind(user.0)
            .bind(kept)
    )?;
    Ok(())
}

/// Forgets up to `limit` browsers not seen since `before`.
pub async fn delete_unused(tx: &mut Tx, before: Timestamp, limit: i64) -> Result<u64, Error> {
    changed!(
        tx,
        sqlx::query(
            "DELETE FROM known_browsers WHERE used_at < $1 AND (browser_hash, user_id) IN (
             SELECT browser_hash, user_id FROM known_browsers WHERE used_at < $1 LIMIT $2)",
        )
        .bind(before.micros())
        .bind(limit)
    )
}
