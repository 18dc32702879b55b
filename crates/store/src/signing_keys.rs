//! Table `signing_keys`: the keys that sign tokens, sealed.

use domain::Timestamp;

use crate::{Error, Tx};

/// A signing key.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct SigningKey {
    /// RFC 7638 thumbprint of its public half.
    pub kid: String,
    /// Its JWS algorithm name.
    pub algorithm: String,
    /// PKCS#8, sealed.
    pub private_key: Vec<u8>,
    /// When it was made, Unix microseconds.
    pub created_at: i64,
}

/// Every key, newest first.
pub async fn list(tx: &mut Tx) -> Result<Vec<SigningKey>, Error> {
    Ok(sqlx::query_as(
        "SELECT kid, algorithm, private_key, created_at FROM signing_keys ORDER BY created_at DESC, kid",
    )
    .fetch_all(tx.connection())
    .await?)
}

/// Adds a key.
pub async fn insert(
    tx: &mut Tx,
    kid: &str,
    algorithm: &str,
    private_key: &[u8],
    now: Timestamp,
) -> Result<(), Error> {
    sqlx::query("INSERT INTO signing_keys (kid, algorithm, private_key, created_at) VALUES ($1, $2, $3, $4)")
        .bind(kid)
        .bind(algorithm)
        .bind(private_key)
        .bind(now.micros())
        .execute(tx.connection())
        .await?;
    Ok(())
}
