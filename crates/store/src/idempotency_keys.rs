//! Table `idempotency_keys`: what was done under an `Idempotency-Key`, and how that is answered.

use domain::{Timestamp, UserId};

use crate::{Error, Tx};

/// Writes down what is done under a key, in the transaction that does it. A key that has expired is free again. False if something
/// else was done under it, which is left as it is.
pub async fn insert(
    tx: &mut Tx,
    hash: &[u8],
    user: UserId,
    answer: &[u8],
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<bool, Error> {
    let done = changed!(
        tx,
        sqlx::query(
            "INSERT INTO idempotency_keys (hash, user_id, answer, expires_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (hash) DO UPDATE SET answer = $3, expires_at = $4 WHERE idempotency_keys.expires_at <= $5",
        )
        .bind(hash)
        .bind(user.0)
        .bind(answer)
        .bind(expires_at.micros())
        .bind(now.micros())
    )?;
    Ok(done == 1)
}

/// What is answered under a key of this account, sealed, if it is remembered.
pub async fn find(tx: &mut Tx, hash: &[u8], user: UserId, now: Timestamp) -> Result<Option<Vec<u8>>, Error> {
    on!(tx, |connection| sqlx::query_scalar(
        "SELECT answer FROM idempotency_keys WHERE hash = $1 AND user_id = $2 AND expires_at > $3"
    )
    .bind(hash)
    .bind(user.0)
    .bind(now.micros())
    .fetch_optional(connection))
}

/// How many keys of an account are remembered, and when the first of them is forgotten, Unix microseconds.
pub async fn count(tx: &mut Tx, user: UserId, now: Timestamp) -> Result<(i64, Option<i64>), Error> {
    on!(tx, |connection| sqlx::query_as(
        "SELECT COUNT(*), MIN(expires_at) FROM idempotency_keys WHERE user_id = $1 AND expires_at > $2"
    )
    .bind(user.0)
    .bind(now.micros())
    .fetch_one(connection))
}

/// Deletes up to `limit` keys that have expired.
pub async fn delete_expired(tx: &mut Tx, now: Timestamp, limit: i64) -> Result<u64, Error> {
    changed!(
        tx,
        sqlx::query(
            "DELETE FROM idempotency_keys WHERE expires_at <= $1 AND hash IN (
             SELECT hash FROM idempotency_keys WHERE expires_at <= $1 LIMIT $2)",
        )
        .bind(now.micros())
        .bind(limit)
    )
}
