//! Table `revoked_tokens`: access tokens that were revoked one by one, until they would have expired.

use domain::Timestamp;
use uuid::Uuid;

use crate::{Error, Tx};

/// Revokes a token.
pub async fn insert(tx: &mut Tx, jti: Uuid, expires_at: Timestamp) -> Result<(), Error> {
    changed!(
        tx,
        sqlx::query(
            "INSERT INTO revoked_tokens (jti, expires_at) VALUES ($1, $2) ON CONFLICT (jti) DO NOTHING"
        )
        .bind(jti)
        .bind(expires_at.micros())
    )?;
    Ok(())
}

/// Whether a token was revoked.
pub async fn contains(tx: &mut Tx, jti: Uuid) -> Result<bool, Error> {
    on!(tx, |connection| sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM revoked_tokens WHERE jti = $1)")
        .bind(jti)
        .fetch_one(connection))
}

/// Deletes up to `limit` tokens that have expired by now.
pub async fn delete_expired(tx: &mut Tx, now: Timestamp, limit: i64) -> Result<u64, Error> {
    changed!(
        tx,
        sqlx::query(
            "DELETE FROM revoked_tokens WHERE jti IN (
             SELECT jti FROM revoked_tokens WHERE expires_at <= $1 LIMIT $2)",
        )
        .bind(now.micros())
        .bind(limit)
    )
}
