//! Table `retired_keys`: public halves of keys that sign no more and are published no more, for ID tokens that come back.

use domain::Timestamp;

use crate::{Error, Tx};

/// What is left of a signing key.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct RetiredKey {
    /// RFC 7638 thumbprint.
    pub kid: String,
    /// Its JWS algorithm name.
    pub algorithm: String,
    /// The public half, a JWK as JSON.
    pub public_key: String,
    /// Until when an ID token of it may come back, Unix microseconds.
    pub expires_at: i64,
}

/// Every key.
pub async fn list(tx: &mut Tx) -> Result<Vec<RetiredKey>, Error> {
    on!(tx, |connection| sqlx::query_as(
        "SELECT kid, algorithm, public_key, expires_at FROM retired_keys ORDER BY kid"
    )
    .fetch_all(connection))
}

/// Adds a key.
pub async fn insert(tx: &mut Tx, key: &RetiredKey) -> Result<(), Error> {
    changed!(
        tx,
        sqlx::query(
            "INSERT INTO retired_keys (kid, algorithm, public_key, expires_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (kid) DO NOTHING",
        )
        .bind(&key.kid)
        .bind(&key.algorithm)
        .bind(&key.public_key)
        .bind(key.expires_at)
    )?;
    Ok(())
}

/// Deletes the keys of which no ID token may come back any more.
pub async fn delete_expired(tx: &mut Tx, now: Timestamp) -> Result<(), Error> {
    changed!(tx, sqlx::query("DELETE FROM retired_keys WHERE expires_at <= $1").bind(now.micros()))?;
    Ok(())
}

/// Deletes every key of an algorithm.
pub async fn delete_of(tx: &mut Tx, algorithm: &str) -> Result<(), Error> {
    changed!(tx, sqlx::query("DELETE FROM retired_keys WHERE algorithm = $1").bind(algorithm))?;
    Ok(())
}
