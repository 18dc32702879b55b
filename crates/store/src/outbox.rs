//! Table `outbox`: mail to be sent.

use domain::{MessageId, Timestamp};
use uuid::Uuid;

use crate::{Error, Tx};

/// A mail as the worker takes it.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Claimed {
    /// Its id.
    pub id: Uuid,
    /// What it is about.
    pub kind: String,
    /// Address, language, codes and links, sealed.
    pub payload: Vec<u8>,
    /// How often it was tried, this time included.
    pub attempts: i64,
    /// When it was asked for, Unix microseconds.
    pub created_at: i64,
    /// When what it carries is of no use any more, Unix microseconds.
    pub expires_at: i64,
}

/// A mail as an operator sees it. Moments are Unix microseconds.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct State {
    /// Its id.
    pub id: Uuid,
    /// What it is about.
    pub kind: String,
    /// `queued`, `sent`, `failed`, `expired`, `decoy`.
    pub state: String,
    /// How often it was tried.
    pub attempts: i64,
    /// When it is tried next.
    pub next_attempt_at: i64,
    /// Why the last try failed.
    pub last_error: Option<String>,
    /// When it was asked for.
    pub created_at: i64,
    /// When it was done with.
    pub finished_at: Option<i64>,
    /// Address, language, codes and links, sealed, until it is done with.
    pub payload: Option<Vec<u8>>,
}

/// Adds a mail.
pub async fn insert(
    tx: &mut Tx,
    id: MessageId,
    kind: &str,
    payload: &[u8],
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<(), Error> {
    changed!(
        tx,
        sqlx::query(
            "INSERT INTO outbox (id, kind, state, payload, attempts, next_attempt_at, created_at, expires_at)
         VALUES ($1, $2, 'queued', $3, 0, $4, $4, $5)",
        )
        .bind(id.0)
        .bind(kind)
        .bind(payload)
        .bind(now.micros())
        .bind(expires_at.micros())
    )?;
    Ok(())
}

/// Takes up to `limit` mails that are due and still of use, and puts their next try off to `until`, so that no other worker takes them
/// meanwhile and a worker that dies loses nothing. While one is held it has no `last_error`.
pub async fn claim(tx: &mut Tx, now: Timestamp, until: Timestamp, limit: i64) -> Result<Vec<Claimed>, Error> {
    on!(tx, |connection| sqlx::query_as(
        "UPDATE outbox SET next_attempt_at = $2, attempts = attempts + 1, last_error = NULL
         WHERE state = 'queued' AND next_attempt_at <= $1 AND id IN (
             SELECT id FROM outbox WHERE state = 'queued' AND next_attempt_at <= $1 AND expires_at > $1
             ORDER BY next_attempt_at, id LIMIT $3)
         RETURNING id, kind, payload, attempts, created_at, expires_at",
    )
    .bind(now.micros())
    .bind(until.micros())
    .bind(limit)
    .fetch_all(connection))
}

/// Makes due what is held: it was tried, and nothing was written of what came of it.
pub async fn release(tx: &mut Tx, now: Timestamp) -> Result<(), Error> {
    changed!(
        tx,
        sqlx::query(
            "UPDATE outbox SET next_attempt_at = $1
         WHERE state = 'queued' AND attempts > 0 AND last_error IS NULL AND next_attempt_at > $1",
        )
        .bind(now.micros())
    )?;
    Ok(())
}

/// When the next mail is due, Unix microseconds.
pub async fn next_due(tx: &mut Tx) -> Result<Option<i64>, Error> {
    on!(tx, |connection| sqlx::query_scalar("SELECT MIN(next_attempt_at) FROM outbox WHERE state = 'queued'")
        .fetch_one(connection))
}

/// Is done with a mail, as `sent`, `failed` or `decoy`; what it carried is wiped. What somebody else was done with before stays as
/// it is.
pub async fn finish(
    tx: &mut Tx,
    id: MessageId,
    state: &str,
    error: Option<&str>,
    now: Timestamp,
) -> Result<(), Error> {
    changed!(
        tx,
        sqlx::query(
            "UPDATE outbox SET state = $2, last_error = $3, finished_at = $4, payload = NULL
         WHERE id = $1 AND state = 'queued'",
        )
        .bind(id.0)
        .bind(state)
        .bind(error)
        .bind(now.micros())
    )?;
    Ok(())
}

/// Puts off a mail that was claimed as the attempt of this number. One that another worker has claimed since is that one's.
pub async fn retry(
    tx: &mut Tx,
    id: MessageId,
    attempt: i64,
    error: &str,
    at: Timestamp,
) -> Result<(), Error> {
    changed!(
        tx,
        sqlx::query(
            "UPDATE outbox SET last_error = $3, next_attempt_at = $4
         WHERE id = $1 AND attempts = $2 AND state = 'queued'"
        )
        .bind(id.0)
        .bind(attempt)
        .bind(error)
        .bind(at.micros())
    )?;
    Ok(())
}

/// The newest mails, up to `limit`. What was found to be to nobody (`decoy`) is no mail.
pub async fn list(tx: &mut Tx, limit: i64) -> Result<Vec<State>, Error> {
    on!(tx, |connection| sqlx::query_as(
        "SELECT id, kind, state, attempts, next_attempt_at, last_error, created_at, finished_at, payload
         FROM outbox WHERE state <> 'decoy' ORDER BY id DESC LIMIT $1",
    )
    .bind(limit)
    .fetch_all(connection))
}

/// Wipes up to `limit` mails that were never sent and are of no use any more.
pub async fn expire(tx: &mut Tx, now: Timestamp, limit: i64) -> Result<u64, Error> {
    changed!(
        tx,
        sqlx::query(
            "UPDATE outbox SET state = 'expired', payload = NULL, finished_at = $1
         WHERE state = 'queued' AND id IN (SELECT id FROM outbox WHERE state = 'queued' AND expires_at <= $1 LIMIT $2)",
        )
        .bind(now.micros())
        .bind(limit)
    )
}

/// Wipes up to `limit` mails that wait and carry a code or a link, for those were withdrawn.
pub async fn withdraw(tx: &mut Tx, now: Timestamp, limit: i64) -> Result<u64, Error> {
    changed!(
        tx,
        sqlx::query(
            "UPDATE outbox SET state = 'expired', payload = NULL, finished_at = $1
         WHERE state = 'queued' AND id IN (
             SELECT id FROM outbox WHERE state = 'queued' AND kind IN
                 ('prove_address', 'sign_in_code', 'reset_password', 'change_address_old', 'change_address_new')
             LIMIT $2)",
        )
        .bind(now.micros())
        .bind(limit)
    )
}

/// Deletes up to `limit` mails done with before `before`.
pub async fn delete_finished(tx: &mut Tx, before: Timestamp, limit: i64) -> Result<u64, Error> {
    changed!(
        tx,
        sqlx::query("DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE finished_at < $1 LIMIT $2)")
            .bind(before.micros())
            .bind(limit)
    )
}
