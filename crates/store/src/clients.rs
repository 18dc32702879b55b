//! Table `clients`: the apps that sign people in here.

use domain::Timestamp;

use crate::{Error, Tx};

/// An app. Moments are Unix microseconds.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Client {
    /// Its `client_id`.
    pub id: String,
    /// What the protocol needs to know of it, as JSON.
    pub settings: String,
    /// SHA-256 of its secret.
    pub secret_hash: Option<Vec<u8>>,
    /// SHA-256 of the secret before it.
    pub older_secret_hash: Option<Vec<u8>>,
    /// Until when the one before is good.
    pub older_secret_until: Option<i64>,
    /// Whether it stands in the configuration.
    pub declared: bool,
    /// When it was added.
    pub created_at: i64,
    /// When it was changed.
    pub updated_at: i64,
}

/// Adds an app. False if there is one of this id.
pub async fn insert(tx: &mut Tx, client: &Client) -> Result<bool, Error> {
    let done = changed!(
        tx,
        sqlx::query(
            "INSERT INTO clients (id, settings, secret_hash, declared, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO NOTHING",
        )
        .bind(&client.id)
        .bind(&client.settings)
        .bind(&client.secret_hash)
        .bind(client.declared)
        .bind(client.created_at)
        .bind(client.updated_at)
    )?;
    Ok(done == 1)
}

/// The app of this id.
pub async fn find(tx: &mut Tx, id: &str) -> Result<Option<Client>, Error> {
    on!(tx, |connection| {
        sqlx::query_as("SELECT id, settings, secret_hash, older_secret_hash, older_secret_until, declared, created_at, updated_at
         FROM clients WHERE id = $1").bind(id).fetch_optional(connection)
    })
}

/// Up to `limit` apps whose id comes after `after`, in the order of their ids.
pub async fn list(tx: &mut Tx, after: &str, limit: i64) -> Result<Vec<Client>, Error> {
    on!(tx, |connection| {
        sqlx::query_as("SELECT id, settings, secret_hash, older_secret_hash, older_secret_until, declared, created_at, updated_at
         FROM clients WHERE id > $1 ORDER BY id LIMIT $2")
        .bind(after)
        .bind(limit)
        .fetch_all(connection)
    })
}

/// Sets what the protocol needs to know of an app, and whether it stands in the configuration.
pub async fn set_settings(
    tx: &mut Tx,
    id: &str,
    settings: &str,
    declared: bool,
    now: Timestamp,
) -> Result<bool, Error> {
    let done = changed!(
        tx,
        sqlx::query("UPDATE clients SET settings = $2, declared = $3, updated_at = $4 WHERE id = $1")
            .bind(id)
            .bind(settings)
            .bind(declared)
            .bind(now.micros())
    )?;
    Ok(done == 1)
}

/// Gives an app another secret; the present one is good until `older_until`.
pub async fn set_secret(
    tx: &mut Tx,
    id: &str,
    secret_hash: Option<&[u8]>,
    older_until: Timestamp,
    now: Timestamp,
) -> Result<bool, Error> {
    let done = changed!(tx, sqlx::query(
        "UPDATE clients SET older_secret_hash = secret_hash, older_secret_until = $3, secret_hash = $2, updated_at = $4
         WHERE id = $1",
    )
    .bind(id)
    .bind(secret_hash)
    .bind(older_until.micros())
    .bind(now.micros()))?;
    Ok(done == 1)
}

/// Lets the secret before be good until `until` at the latest. False if it is not good for longer, or there is none.
pub async fn end_older_secret(
    tx: &mut Tx,
    id: &str,
    until: Timestamp,
    now: Timestamp,
) -> Result<bool, Error> {
    let done = changed!(
        tx,
        sqlx::query(
            "UPDATE clients SET older_secret_until = $2, updated_at = $3 WHERE id = $1 AND older_secret_until > $2",
        )
        .bind(id)
        .bind(until.micros())
        .bind(now.micros())
    )?;
    Ok(done == 1)
}

/// Removes an app, and with it what people agreed to and every token it holds.
pub async fn delete(tx: &mut Tx, id: &str) -> Result<bool, Error> {
    let done = changed!(tx, sqlx::query("DELETE FROM clients WHERE id = $1").bind(id))?;
    Ok(done == 1)
}
