//! Table `logout_notices`: apps that are still to be told of a sign-out.

use domain::{NoticeId, Timestamp, UserId};
use uuid::Uuid;

use crate::{Error, Tx};

/// What an app is to be told.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct LogoutNotice {
    /// Its id.
    pub id: Uuid,
    /// The app.
    pub client_id: String,
    /// Who signed out: the `sub` of the app's tokens.
    pub subject: Uuid,
    /// What the app calls the session that ended.
    pub sid: Uuid,
    /// How often it was tried, this time included.
    pub attempts: i64,
    /// When it is of no use any more, Unix microseconds.
    pub expires_at: i64,
}

/// Adds a notice.
pub async fn insert(
    tx: &mut Tx,
    id: NoticeId,
    client: &str,
    subject: UserId,
    sid: Uuid,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<(), Error> {
    changed!(tx, sqlx::query(
        "INSERT INTO logout_notices (id, client_id, subject, sid, attempts, next_attempt_at, created_at, expires_at)
         VALUES ($1, $2, $3, $4, 0, $5, $5, $6)",
    )
    .bind(id.0)
    .bind(client)
    .bind(subject.0)
    .bind(sid)
    .bind(now.micros())
    .bind(expires_at.micros()))?;
    Ok(())
}

/// Adds a notice for each session by which anybody is signed in to an app: to go before what the app holds is deleted, whose
/// ids are unique and serve the notices.
pub async fn insert_of_client(
    tx: &mut Tx,
    client: &str,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<(), Error> {
    changed!(tx, sqlx::query(
        "INSERT INTO logout_notices (id, client_id, subject, sid, attempts, next_attempt_at, created_at, expires_at)
         SELECT g.id, g.client_id, g.user_id, g.sid, 0, $2, $2, $3 FROM grants g
         WHERE g.client_id = $1
         AND NOT EXISTS (SELECT 1 FROM grants o WHERE o.client_id = $1 AND o.sid = g.sid AND o.id < g.id)",
    )
    .bind(client)
    .bind(now.micros())
    .bind(expires_at.micros()))?;
    Ok(())
}

/// Takes up to `limit` notices that are due, and puts their next try off to `until`, so that no other worker takes them
/// meanwhile and a worker that dies loses nothing. While one is held it has no error.
pub async fn claim(
    tx: &mut Tx,
    now: Timestamp,
    until: Timestamp,
    limit: i64,
) -> Result<Vec<LogoutNotice>, Error> {
    on!(tx, |connection| sqlx::query_as(
        "UPDATE logout_notices SET next_attempt_at = $2, attempts = attempts + 1, last_error = NULL
         WHERE next_attempt_at <= $1 AND id IN (
             SELECT id FROM logout_notices WHERE next_attempt_at <= $1 AND expires_at > $1
             ORDER BY next_attempt_at, id LIMIT $3)
         RETURNING id, client_id, subject, sid, attempts, expires_at",
    )
    .bind(now.micros())
    .bind(until.micros())
    .bind(limit)
    .fetch_all(connection))
}

/// Makes due what a worker held: it was tried, and nothing came of it.
pub async fn release(tx: &mut Tx, now: Timestamp) -> Result<(), Error> {
    changed!(
        tx,
        sqlx::query(
            "UPDATE logout_notices SET next_attempt_at = $1
         WHERE attempts > 0 AND last_error IS NULL AND next_attempt_at > $1",
        )
        .bind(now.micros())
    )?;
    Ok(())
}

/// When the next notice that is of use is due, Unix microseconds. One that has expired is taken by nobody, so that whoever
/// waited for it would wait for nothing.
pub async fn next_due(tx: &mut Tx, now: Timestamp) -> Result<Option<i64>, Error> {
    on!(tx, |connection| sqlx::query_scalar(
        "SELECT MIN(next_attempt_at) FROM logout_notices WHERE expires_at > $1"
    )
    .bind(now.micros())
    .fetch_one(connection))
}

/// Puts a notice off.
pub async fn retry(tx: &mut Tx, id: NoticeId, attempt: i64, error: &str, at: Timestamp) -> Result<(), Error> {
    changed!(
        tx,
        sqlx::query(
            "UPDATE logout_notices SET last_error = $3, next_attempt_at = $4 WHERE id = $1 AND attempts = $2"
        )
        .bind(id.0)
        .bind(attempt)
        .bind(error)
        .bind(at.micros())
    )?;
    Ok(())
}

/// Is done with a notice.
pub async fn delete(tx: &mut Tx, id: NoticeId) -> Result<(), Error> {
    changed!(tx, sqlx::query("DELETE FROM logout_notices WHERE id = $1").bind(id.0))?;
    Ok(())
}

/// Deletes up to `limit` notices that are of no use any more.
pub async fn delete_expired(tx: &mut Tx, now: Timestamp, limit: i64) -> Result<u64, Error> {
    changed!(tx, sqlx::query(
        "DELETE FROM logout_notices WHERE id IN (SELECT id FROM logout_notices WHERE expires_at <= $1 LIMIT $2)",
    )
    .bind(now.micros())
    .bind(limit))
}
