//! Table `client_assertions`: assertions that clients have shown. Each is good once (RFC 7523 section 3).

use domain::Timestamp;

use crate::{Error, Tx};

/// Remembers an assertion. False if it was shown before.
pub async fn insert(
    tx: &mut Tx,
    client: &str,
    jti_hash: &[u8],
    expires_at: Timestamp,
) -> Result<bool, Error> {
    let done = changed!(
        tx,
        sqlx::query(
            "INSERT INTO client_assertions (client_id, jti_hash, expires_at) VALUES ($1, $2, $3)
         ON CONFLICT (client_id, jti_hash) DO NOTHING",
        )
        .bind(client)
        .bind(jti_hash)
        .bind(expires_at.micros())
    )?;
    Ok(done == 1)
}

/// Deletes up to `limit` assertions that have expired: they are refused for that.
pub async fn delete_expired(tx: &mut Tx, now: Timestamp, limit: i64) -> Result<u64, Error> {
    changed!(
        tx,
        sqlx::query(
            "DELETE FROM client_assertions WHERE (client_id, jti_hash) IN (
             SELECT client_id, jti_hash FROM client_assertions WHERE expires_at <= $1 LIMIT $2)",
        )
        .bind(now.micros())
        .bind(limit)
    )
}
