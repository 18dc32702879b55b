//! Table `signing_keys`: the keys that sign tokens, sealed.

use domain::Timestamp;

use crate::{Error, Tx};

/// A signing key. Moments are Unix microseconds.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct SigningKey {
    /// RFC 7638 thumbprint of its public half.
    pub kid: String,
    /// Its JWS algorithm name.
    pub algorithm: String,
    /// PKCS#8, sealed.
    pub private_key: Vec<u8>,
    /// When it was made, and published.
    pub created_at: i64,
    /// From when on it signs; null in a row of the first release: at once.
    pub signs_from: Option<i64>,
    /// Until when it signs; null while nobody has decided.
    pub signs_until: Option<i64>,
}

/// Every key, newest first.
pub async fn list(tx: &mut Tx) -> Result<Vec<SigningKey>, Error> {
    on!(tx, |connection| sqlx::query_as(
        "SELECT kid, algorithm, private_key, created_at, signs_from, signs_until
         FROM signing_keys ORDER BY created_at DESC, kid",
    )
    .fetch_all(connection))
}

/// Adds a key.
pub async fn insert(tx: &mut Tx, key: &SigningKey) -> Result<(), Error> {
    changed!(
        tx,
        sqlx::query(
            "INSERT INTO signing_keys (kid, algorithm, private_key, created_at, signs_from, signs_until)
         VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(&key.kid)
        .bind(&key.algorithm)
        .bind(&key.private_key)
        .bind(key.created_at)
        .bind(key.signs_from)
        .bind(key.signs_until)
    )?;
    Ok(())
}

/// Decides until when a key signs.
pub async fn set_signs_until(tx: &mut Tx, kid: &str, until: Timestamp) -> Result<(), Error> {
    changed!(
        tx,
        sqlx::query("UPDATE signing_keys SET signs_until = $2 WHERE kid = $1").bind(kid).bind(until.micros())
    )?;
    Ok(())
}

/// Deletes a key. False if there is none.
pub async fn delete(tx: &mut Tx, kid: &str) -> Result<bool, Error> {
    let done = changed!(tx, sqlx::query("DELETE FROM signing_keys WHERE kid = $1").bind(kid))?;
    Ok(done == 1)
}
