//! Table `authorization_codes`: codes that apps exchange for tokens. A code is deleted with its grant.

use domain::{GrantId, Timestamp};
use uuid::Uuid;

use crate::{Error, Tx};

/// A code. Moments are Unix microseconds.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct AuthorizationCode {
    /// SHA-256 of the code.
    pub hash: Vec<u8>,
    /// What it stands for.
    pub grant_id: Uuid,
    /// What its exchange is checked against, sealed.
    pub payload: Vec<u8>,
    /// When it was exchanged.
    pub used_at: Option<i64>,
    /// When it is worthless.
    pub expires_at: i64,
}

/// Adds a code.
pub async fn insert(
    tx: &mut Tx,
    hash: &[u8],
    grant: GrantId,
    payload: &[u8],
    expires_at: Timestamp,
) -> Result<(), Error> {
    changed!(
        tx,
        sqlx::query(
            "INSERT INTO authorization_codes (hash, grant_id, payload, expires_at) VALUES ($1, $2, $3, $4)",
        )
        .bind(hash)
        .bind(grant.0)
        .bind(payload)
        .bind(expires_at.micros())
    )?;
    Ok(())
}

/// The code, used or not, expired or not.
pub async fn find(tx: &mut Tx, hash: &[u8]) -> Result<Option<AuthorizationCode>, Error> {
    on!(tx, |connection| sqlx::query_as(
        "SELECT hash, grant_id, payload, used_at, expires_at FROM authorization_codes WHERE hash = $1"
    )
    .bind(hash)
    .fetch_optional(connection))
}

/// Uses up a code that has not expired. False if it was used before, or is gone: of all who try at once one succeeds.
pub async fn set_used(tx: &mut Tx, hash: &[u8], now: Timestamp) -> Result<bool, Error> {
    let done = changed!(
        tx,
        sqlx::query(
            "UPDATE authorization_codes SET used_at = $2 WHERE hash = $1 AND used_at IS NULL AND expires_at > $2",
        )
        .bind(hash)
        .bind(now.micros())
    )?;
    Ok(done == 1)
}
