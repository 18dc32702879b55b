//! Table `consents`: what people agreed that apps may have.

use domain::{Timestamp, UserId};

use crate::{Error, Tx};

/// An app that a person has let in, by consent or because it is the operator's own. Moments are Unix microseconds.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Consent {
    /// The app.
    pub client_id: String,
    /// Its settings, as JSON.
    pub settings: String,
    /// What it may have: scopes with a space between.
    pub scope: String,
    /// For which resources (RFC 8707) it may have tokens, with a space between.
    pub resources: String,
    /// Since when.
    pub granted_at: i64,
}

/// What a person agreed that an app may have: scopes and resources, each with a space between.
pub async fn find(tx: &mut Tx, user: UserId, client: &str) -> Result<Option<(String, String)>, Error> {
    on!(tx, |connection| sqlx::query_as(
        "SELECT scope, resources FROM consents WHERE user_id = $1 AND client_id = $2"
    )
    .bind(user.0)
    .bind(client)
    .fetch_optional(connection))
}

/// Records what a person agreed to, in the place of what they agreed to before.
pub async fn set(
    tx: &mut Tx,
    user: UserId,
    client: &str,
    scope: &str,
    resources: &str,
    now: Timestamp,
) -> Result<(), Error> {
    changed!(
        tx,
        sqlx::query(
            "INSERT INTO consents (user_id, client_id, scope, resources, granted_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (user_id, client_id) DO UPDATE SET scope = $3, resources = $4, granted_at = $5",
        )
        .bind(user.0)
        .bind(client)
        .bind(scope)
        .bind(resources)
        .bind(now.micros())
    )?;
    Ok(())
}

/// Everything a person agreed to, up to `limit`, newest first.
pub async fn list(tx: &mut Tx, user: UserId, limit: i64) -> Result<Vec<Consent>, Error> {
    on!(tx, |connection| sqlx::query_as(
        "SELECT s.client_id, c.settings, s.scope, s.resources, s.granted_at
         FROM consents s JOIN clients c ON c.id = s.client_id
         WHERE s.user_id = $1 ORDER BY s.granted_at DESC, s.client_id LIMIT $2",
    )
    .bind(user.0)
    .bind(limit)
    .fetch_all(connection))
}

/// Forgets what people agreed that an app may have.
pub async fn delete_of(tx: &mut Tx, client: &str) -> Result<u64, Error> {
    changed!(tx, sqlx::query("DELETE FROM consents WHERE client_id = $1").bind(client))
}

/// Withdraws a consent. False if there was none.
pub async fn delete(tx: &mut Tx, user: UserId, client: &str) -> Result<bool, Error> {
    let done = changed!(
        tx,
        sqlx::query("DELETE FROM consents WHERE user_id = $1 AND client_id = $2").bind(user.0).bind(client)
    )?;
    Ok(done == 1)
}
