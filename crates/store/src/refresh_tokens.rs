//! Table `refresh_tokens`: what apps renew their tokens with. Each is used once; those of one grant are a family.

use domain::{GrantId, Timestamp};
use uuid::Uuid;

use crate::{Error, Tx};

/// A refresh token. Moments are Unix microseconds.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct RefreshToken {
    /// SHA-256 of the token.
    pub hash: Vec<u8>,
    /// Its family.
    pub grant_id: Uuid,
    /// When it was used.
    pub used_at: Option<i64>,
    /// The token that took its place, sealed, while it may be asked for again.
    pub successor: Option<Vec<u8>>,
    /// When it was made.
    pub created_at: i64,
    /// When it is worthless.
    pub expires_at: i64,
}

/// Adds a token.
pub async fn insert(
    tx: &mut Tx,
    hash: &[u8],
    grant: GrantId,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<(), Error> {
    changed!(
        tx,
        sqlx::query(
            "INSERT INTO refresh_tokens (hash, grant_id, created_at, expires_at) VALUES ($1, $2, $3, $4)",
        )
        .bind(hash)
        .bind(grant.0)
        .bind(now.micros())
        .bind(expires_at.micros())
    )?;
    Ok(())
}

/// The token, used or not, expired or not.
pub async fn find(tx: &mut Tx, hash: &[u8]) -> Result<Option<RefreshToken>, Error> {
    on!(tx, |connection| sqlx::query_as(
        "SELECT hash, grant_id, used_at, successor, created_at, expires_at
         FROM refresh_tokens WHERE hash = $1"
    )
    .bind(hash)
    .fetch_optional(connection))
}

/// Uses a token, and keeps what took its place. False if it was used before: of all who try at once one succeeds.
pub async fn set_used(tx: &mut Tx, hash: &[u8], successor: &[u8], now: Timestamp) -> Result<bool, Error> {
    let done = changed!(
        tx,
        sqlx::query(
            "UPDATE refresh_tokens SET used_at = $3, successor = $2 WHERE hash = $1 AND used_at IS NULL",
        )
        .bind(hash)
        .bind(successor)
        .bind(now.micros())
    )?;
    Ok(done == 1)
}

/// Wipes up to `limit` successors of tokens used before `before`: nobody may ask for them any more.
pub async fn wipe_successors(tx: &mut Tx, before: Timestamp, limit: i64) -> Result<u64, Error> {
    changed!(
        tx,
        sqlx::query(
            "UPDATE refresh_tokens SET successor = NULL WHERE hash IN (
             SELECT hash FROM refresh_tokens WHERE successor IS NOT NULL AND used_at < $1 LIMIT $2)",
        )
        .bind(before.micros())
        .bind(limit)
    )
}

/// Deletes up to `limit` tokens whose grant has ended: there is nothing left that their use could end.
pub async fn delete_ended(tx: &mut Tx, now: Timestamp, limit: i64) -> Result<u64, Error> {
    changed!(
        tx,
        sqlx::query(
            "DELETE FROM refresh_tokens WHERE hash IN (
             SELECT t.hash FROM grants g JOIN refresh_tokens t ON t.grant_id = g.id
             WHERE g.expires_at <= $1 LIMIT $2)",
        )
        .bind(now.micros())
        .bind(limit)
    )
}

/// Deletes up to `limit` tokens that have expired unused. One that was used stays until its grant ends: its reuse ends the
/// family.
pub async fn delete_expired(tx: &mut Tx, now: Timestamp, limit: i64) -> Result<u64, Error> {
    changed!(
        tx,
        sqlx::query(
            "DELETE FROM refresh_tokens WHERE used_at IS NULL AND hash IN (
             SELECT hash FROM refresh_tokens WHERE used_at IS NULL AND expires_at <= $1 LIMIT $2)",
        )
        .bind(now.micros())
        .bind(limit)
    )
}
