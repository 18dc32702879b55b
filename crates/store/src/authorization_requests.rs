//! Table `authorization_requests`: authorization requests whose person is signing in or deciding.

use domain::{RequestId, Timestamp};
use uuid::Uuid;

use crate::{Error, Tx};

/// A request on its way. Moments are Unix microseconds.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct AuthorizationRequest {
    /// Its id.
    pub id: Uuid,
    /// The app that asks.
    pub client_id: String,
    /// SHA-256 of what its browser keeps for it: it goes on in that browser only.
    pub browser_hash: Vec<u8>,
    /// The request, sealed.
    pub request: Vec<u8>,
    /// When it came.
    pub created_at: i64,
    /// When it is given up.
    pub expires_at: i64,
}

/// Adds a request.
pub async fn insert(tx: &mut Tx, request: &AuthorizationRequest) -> Result<(), Error> {
    changed!(tx, sqlx::query(
        "INSERT INTO authorization_requests (id, client_id, browser_hash, request, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(request.id)
    .bind(&request.client_id)
    .bind(&request.browser_hash)
    .bind(&request.request)
    .bind(request.created_at)
    .bind(request.expires_at))?;
    Ok(())
}

/// The live request of this id and browser.
pub async fn find(
    tx: &mut Tx,
    id: RequestId,
    browser_hash: &[u8],
    now: Timestamp,
) -> Result<Option<AuthorizationRequest>, Error> {
    on!(tx, |connection| sqlx::query_as(
        "SELECT id, client_id, browser_hash, request, created_at, expires_at
         FROM authorization_requests WHERE id = $1 AND browser_hash = $2 AND expires_at > $3",
    )
    .bind(id.0)
    .bind(browser_hash)
    .bind(now.micros())
    .fetch_optional(connection))
}

/// Takes a request: it is answered once. False if it was.
pub async fn take(tx: &mut Tx, id: RequestId, browser_hash: &[u8]) -> Result<bool, Error> {
    let done = changed!(
        tx,
        sqlx::query("DELETE FROM authorization_requests WHERE id = $1 AND browser_hash = $2")
            .bind(id.0)
            .bind(browser_hash)
    )?;
    Ok(done == 1)
}

/// Deletes up to `limit` requests that nobody answered in time.
pub async fn delete_expired(tx: &mut Tx, now: Timestamp, limit: i64) -> Result<u64, Error> {
    changed!(
        tx,
        sqlx::query(
            "DELETE FROM authorization_requests WHERE id IN (
             SELECT id FROM authorization_requests WHERE expires_at <= $1 LIMIT $2)",
        )
        .bind(now.micros())
        .bind(limit)
    )
}

/// Writes down what a request has come to.
pub async fn set_request(tx: &mut Tx, id: RequestId, request: &[u8]) -> Result<(), Error> {
    changed!(
        tx,
        sqlx::query("UPDATE authorization_requests SET request = $2 WHERE id = $1").bind(id.0).bind(request)
    )?;
    Ok(())
}
