//! Table `email_changes`: changes of address under way.

use domain::{Email, Timestamp, UserId};
use uuid::Uuid;

use crate::{Error, Tx};

/// A change under way. Moments are Unix microseconds.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct EmailChange {
    /// The account.
    pub user_id: Uuid,
    /// The address it wants.
    pub address: String,
    /// The artefact sent to the old address.
    pub old_artefact: Uuid,
    /// The artefact sent to the new address.
    pub new_artefact: Uuid,
    /// When the old address agreed.
    pub old_proved_at: Option<i64>,
    /// When the new address agreed.
    pub new_proved_at: Option<i64>,
    /// When the change lapses.
    pub expires_at: i64,
}

/// Begins a change, in the place of the one under way if there is one.
pub async fn begin(
    tx: &mut Tx,
    user: UserId,
    email: &Email,
    artefacts: (Uuid, Uuid),
    expires_at: Timestamp,
) -> Result<(), Error> {
    changed!(
        tx,
        sqlx::query(
            "INSERT INTO email_changes (user_id, address, old_artefact, new_artefact, expires_at)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (user_id) DO UPDATE SET address = $2, old_artefact = $3, new_artefact = $4,
             old_proved_at = NULL, new_proved_at = NULL, expires_at = $5",
        )
        .bind(user.0)
        .bind(email.address())
        .bind(artefacts.0)
        .bind(artefacts.1)
        .bind(expires_at.micros())
    )?;
    Ok(())
}

/// The change under way for this account.
pub async fn find(tx: &mut Tx, user: UserId, now: Timestamp) -> Result<Option<EmailChange>, Error> {
    on!(tx, |connection| sqlx::query_as(
        "SELECT user_id, address, old_artefact, new_artefact, old_proved_at, new_proved_at, expires_at
         FROM email_changes WHERE user_id = $1 AND expires_at > $2"
    )
    .bind(user.0)
    .bind(now.micros())
    .fetch_optional(connection))
}

/// Records that the end this artefact was sent to agreed, and gives the change as it now is.
pub async fn set_proved(
    tx: &mut Tx,
    user: UserId,
    artefact: Uuid,
    now: Timestamp,
) -> Result<Option<EmailChange>, Error> {
    on!(tx, |connection| sqlx::query_as(
        "UPDATE email_changes SET
             old_proved_at = CASE WHEN old_artefact = $2 THEN $3 ELSE old_proved_at END,
             new_proved_at = CASE WHEN new_artefact = $2 THEN $3 ELSE new_proved_at END
         WHERE user_id = $1 AND (old_artefact = $2 OR new_artefact = $2) AND expires_at > $3
         RETURNING user_id, address, old_artefact, new_artefact, old_proved_at, new_proved_at, expires_at",
    )
    .bind(user.0)
    .bind(artefact)
    .bind(now.micros())
    .fetch_optional(connection))
}

/// Ends the change under way, done or given up.
pub async fn delete(tx: &mut Tx, user: UserId) -> Result<bool, Error> {
    let done = changed!(tx, sqlx::query("DELETE FROM email_changes WHERE user_id = $1").bind(user.0))?;
    Ok(done == 1)
}

/// Ends up to `limit` changes under way, whosever they are.
pub async fn delete_any(tx: &mut Tx, limit: i64) -> Result<u64, Error> {
    changed!(
        tx,
        sqlx::query(
            "DELETE FROM email_changes WHERE user_id IN (SELECT user_id FROM email_changes LIMIT $1)"
        )
        .bind(limit)
    )
}

/// Deletes up to `limit` changes that have lapsed.
pub async fn delete_expired(tx: &mut Tx, now: Timestamp, limit: i64) -> Result<u64, Error> {
    changed!(
        tx,
        sqlx::query(
            "DELETE FROM email_changes WHERE expires_at <= $1 AND user_id IN (
             SELECT user_id FROM email_changes WHERE expires_at <= $1 LIMIT $2)",
        )
        .bind(now.micros())
        .bind(limit)
    )
}
