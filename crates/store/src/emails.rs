//! Table `emails`: the addresses of accounts.

use domain::{Email, EmailId, Timestamp, UserId};
use uuid::Uuid;

use crate::users::somebody;
use crate::{Error, Tx};

/// Whose an address is.
#[derive(Clone, Debug)]
pub struct Owner {
    /// The account.
    pub user_id: Uuid,
    /// When it was proved, Unix microseconds.
    pub proved_at: Option<i64>,
}

/// The `created_at` of an address of nobody: a sign-up for an address that has an account already writes an account of this
/// moment, so that it does the same work as any. It is listed nowhere, and the janitor finds it by the index that it is first in.
pub const NOBODY: Timestamp = Timestamp::from_seconds(0);

/// Adds an account's primary address. False if the address is another's already.
pub async fn insert(
    tx: &mut Tx,
    id: EmailId,
    user: UserId,
    email: &Email,
    proved_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<bool, Error> {
    let done = changed!(
        tx,
        sqlx::query(
            "INSERT INTO emails (id, user_id, address, normalized, is_primary, proved_at, created_at)
         VALUES ($1, $2, $3, $4, TRUE, $5, $6)
         ON CONFLICT (normalized) DO NOTHING",
        )
        .bind(id.0)
        .bind(user.0)
        .bind(email.address())
        .bind(email.normalized())
        .bind(proved_at.map(Timestamp::micros))
        .bind(now.micros())
    )?;
    Ok(done == 1)
}

/// Whose `email` is. A row is found whether or not it is somebody's ([`users::NOBODY`](crate::users::NOBODY)).
pub async fn owner(tx: &mut Tx, email: &Email) -> Result<Option<Owner>, Error> {
    let found: Option<(String, Uuid, Option<i64>)> = on!(tx, |connection| {
        sqlx::query_as(
        "SELECT normalized, user_id, proved_at FROM emails
         WHERE normalized = COALESCE(
             (SELECT n.normalized FROM emails n WHERE n.normalized >= $1 ORDER BY n.normalized LIMIT 1), 'nobody')"
    )
    .bind(email.normalized())
    .fetch_optional(connection)
    })?;
    let own =
        found.filter(|(normalized, user, _)| normalized == email.normalized() && somebody(*user).is_some());
    Ok(own.map(|(_, user_id, proved_at)| Owner { user_id, proved_at }))
}

/// Records that the primary address was proved. False if it had been already.
pub async fn set_proved(tx: &mut Tx, user: UserId, now: Timestamp) -> Result<bool, Error> {
    let done = changed!(
        tx,
        sqlx::query(
            "UPDATE emails SET proved_at = $2 WHERE user_id = $1 AND is_primary AND proved_at IS NULL",
        )
        .bind(user.0)
        .bind(now.micros())
    )?;
    Ok(done == 1)
}

/// Puts a proved address in the place of the primary one. False if the address is another's already.
pub async fn replace(tx: &mut Tx, user: UserId, email: &Email, now: Timestamp) -> Result<bool, Error> {
    let done = changed!(
        tx,
        sqlx::query(
            "UPDATE emails SET address = $2, normalized = $3, proved_at = $4
         WHERE user_id = $1 AND is_primary
           AND NOT EXISTS (SELECT 1 FROM emails o WHERE o.normalized = $3 AND o.user_id <> $1)",
        )
        .bind(user.0)
        .bind(email.address())
        .bind(email.normalized())
        .bind(now.micros())
    )?;
    Ok(done == 1)
}
