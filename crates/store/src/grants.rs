//! Table `grants`: authorizations, each with its code and its tokens.

use domain::{GrantId, SessionId, Timestamp, UserId};
use uuid::Uuid;

use crate::{Error, Tx};

/// An authorization. Moments are Unix microseconds.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Grant {
    /// Its id.
    pub id: Uuid,
    /// The app it was given to.
    pub client_id: String,
    /// Whose it is.
    pub user_id: Uuid,
    /// The session it was given in; null once that has ended.
    pub session_id: Option<Uuid>,
    /// What apps call that session.
    pub sid: Uuid,
    /// Whether it outlives the session.
    pub offline: bool,
    /// What it allows: scopes with a space between.
    pub scope: String,
    /// For which resources (RFC 8707), with a space between.
    pub resources: String,
    /// What was proved in the session, as `domain::Proofs` writes it.
    pub proofs: String,
    /// When that was proved.
    pub proved_at: i64,
    /// When it was given.
    pub created_at: i64,
    /// When it ends by itself.
    pub expires_at: i64,
}

/// An authorization that lives, and what tokens say of its account.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct LiveGrant {
    /// The authorization.
    #[sqlx(flatten)]
    pub grant: Grant,
    /// The account's name.
    pub name: String,
    /// The account's language.
    pub locale: Option<String>,
    /// When the account was changed, Unix microseconds.
    pub updated_at: i64,
    /// The account's primary address.
    pub address: String,
    /// When that was proved, Unix microseconds.
    pub email_proved_at: Option<i64>,
    /// Who the audit trail calls it.
    pub pseudonym: Uuid,
}

/// An authorization to add.
#[derive(Clone, Debug)]
pub struct NewGrant<'a> {
    /// Its id.
    pub id: GrantId,
    /// The app it is given to.
    pub client_id: &'a str,
    /// Whose it is.
    pub user: UserId,
    /// The session it is given in.
    pub session: SessionId,
    /// Whether it outlives the session.
    pub offline: bool,
    /// What it allows: scopes with a space between.
    pub scope: String,
    /// For which resources, with a space between.
    pub resources: String,
    /// When it ends by itself.
    pub expires_at: Timestamp,
}

/// What became known as an authorization was added.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Added {
    /// What its owner had agreed before that the app may have: scopes with a space between.
    pub agreed: Option<String>,
    /// And for which resources: with a space between.
    pub agreed_resources: Option<String>,
    /// The app's settings by now, as JSON; none if it was removed.
    pub settings: Option<String>,
    /// Who the audit trail calls its owner.
    pub pseudonym: Uuid,
}

/// Adds an authorization, if its session lives and its account is enabled at this moment; what was proved is taken from the
/// session. The check and the act are one statement, since it is the one that every sign-in to an app waits for.
pub async fn insert(
    tx: &mut Tx,
    grant: &NewGrant<'_>,
    now: Timestamp,
    used_after: Timestamp,
) -> Result<Option<Added>, Error> {
    on!(tx, |connection| {
        sqlx::query_as(
        "INSERT INTO grants (id, client_id, user_id, session_id, sid, offline, scope, resources, proofs, proved_at,
                             created_at, expires_at)
         SELECT $1, $2, s.user_id, s.id, COALESCE(s.sid, s.id), $5, $6, $7, s.proofs, s.proved_at, $8, $9
         FROM sessions s
         JOIN users u ON u.id = s.user_id AND u.disabled_at IS NULL
         JOIN audit_people p ON p.user_id = u.id
         WHERE s.id = $3 AND s.user_id = $4 AND s.expires_at > $8 AND s.used_at > $10
         RETURNING (SELECT c.scope FROM consents c
                    WHERE c.user_id = grants.user_id AND c.client_id = grants.client_id) AS agreed,
                   (SELECT c.resources FROM consents c
                    WHERE c.user_id = grants.user_id AND c.client_id = grants.client_id) AS agreed_resources,
                   (SELECT a.settings FROM clients a WHERE a.id = grants.client_id) AS settings,
                   (SELECT p.pseudonym FROM audit_people p WHERE p.user_id = grants.user_id) AS pseudonym",
    )
    .bind(grant.id.0)
    .bind(grant.client_id)
    .bind(grant.session.0)
    .bind(grant.user.0)
    .bind(grant.offline)
    .bind(&grant.scope)
    .bind(&grant.resources)
    .bind(now.micros())
    .bind(grant.expires_at.micros())
    .bind(used_after.micros())
    .fetch_optional(connection)
    })
}

/// The authorization of this id if it lives: its account is enabled, and its session goes on or it does without.
pub async fn find_live(
    tx: &mut Tx,
    id: GrantId,
    now: Timestamp,
    used_after: Timestamp,
) -> Result<Option<LiveGrant>, Error> {
    on!(tx, |connection| sqlx::query_as(
        "SELECT g.id, g.client_id, g.user_id, g.session_id, g.sid, g.offline, g.scope, g.resources, g.proofs,
                g.proved_at, g.created_at, g.expires_at,
                u.name, u.locale, u.updated_at, e.address, e.proved_at AS email_proved_at, p.pseudonym
         FROM grants g
         JOIN users u ON u.id = g.user_id AND u.disabled_at IS NULL
         JOIN emails e ON e.user_id = u.id AND e.is_primary
         JOIN audit_people p ON p.user_id = u.id
         LEFT JOIN sessions s ON s.id = g.session_id AND s.expires_at > $2 AND s.used_at > $3
         WHERE g.id = $1 AND g.expires_at > $2 AND (g.offline OR s.id IS NOT NULL)",
    )
    .bind(id.0)
    .bind(now.micros())
    .bind(used_after.micros())
    .fetch_optional(connection))
}

/// Who the audit trail calls the owner of an authorization, which may have ended.
pub async fn pseudonym_of(tx: &mut Tx, id: GrantId) -> Result<Option<Uuid>, Error> {
    on!(tx, |connection| sqlx::query_scalar(
        "SELECT p.pseudonym FROM grants g JOIN audit_people p ON p.user_id = g.user_id WHERE g.id = $1",
    )
    .bind(id.0)
    .fetch_optional(connection))
}

/// Ends an authorization: its code and every token of it are worthless. While its session goes on the row stays, since the
/// app has signed the person in by it and is to be told when that session ends.
pub async fn end(tx: &mut Tx, id: GrantId, now: Timestamp) -> Result<bool, Error> {
    let done = changed!(
        tx,
        sqlx::query("UPDATE grants SET expires_at = $2 WHERE id = $1 AND expires_at > $2")
            .bind(id.0)
            .bind(now.micros())
    )?;
    Ok(done == 1)
}

/// Ends every authorization that a person gave to an app, and says which they were.
pub async fn delete_of(tx: &mut Tx, user: UserId, client: &str) -> Result<Vec<Held>, Error> {
    on!(tx, |connection| sqlx::query_as(
        "DELETE FROM grants WHERE user_id = $1 AND client_id = $2 RETURNING id, client_id, sid",
    )
    .bind(user.0)
    .bind(client)
    .fetch_all(connection))
}

/// Ends every authorization that anybody gave to an app.
pub async fn delete_of_client(tx: &mut Tx, client: &str) -> Result<u64, Error> {
    changed!(tx, sqlx::query("DELETE FROM grants WHERE client_id = $1").bind(client))
}

/// Ends every authorization of an account but those given in the session `keep`, and says which they were.
pub async fn delete_others(tx: &mut Tx, user: UserId, keep: Option<SessionId>) -> Result<Vec<Held>, Error> {
    on!(tx, |connection| sqlx::query_as(
        "DELETE FROM grants WHERE user_id = $1 AND (session_id IS NULL OR session_id <> $2)
         RETURNING id, client_id, sid",
    )
    .bind(user.0)
    .bind(keep.map_or(Uuid::nil(), |keep| keep.0))
    .fetch_all(connection))
}

/// What an app holds of a session.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Held {
    /// The authorization.
    pub id: Uuid,
    /// The app.
    pub client_id: String,
    /// What the app calls the session.
    pub sid: Uuid,
}

/// What apps hold of one session of an account.
pub async fn held_in(tx: &mut Tx, user: UserId, session: SessionId) -> Result<Vec<Held>, Error> {
    on!(tx, |connection| sqlx::query_as(
        "SELECT id, client_id, sid FROM grants WHERE user_id = $1 AND session_id = $2"
    )
    .bind(user.0)
    .bind(session.0)
    .fetch_all(connection))
}

/// What apps hold of every session of an account but `keep`.
pub async fn held_in_others(tx: &mut Tx, user: UserId, keep: Option<SessionId>) -> Result<Vec<Held>, Error> {
    on!(tx, |connection| sqlx::query_as(
        "SELECT id, client_id, sid FROM grants
         WHERE user_id = $1 AND session_id IS NOT NULL AND session_id <> $2",
    )
    .bind(user.0)
    .bind(keep.map_or(Uuid::nil(), |keep| keep.0))
    .fetch_all(connection))
}

/// Deletes up to `limit` authorizations whose session has ended, and that do not outlive it or have ended too.
pub async fn delete_ended(tx: &mut Tx, now: Timestamp, limit: i64) -> Result<u64, Error> {
    changed!(
        tx,
        sqlx::query(
            "DELETE FROM grants WHERE id IN (
             SELECT id FROM grants WHERE session_id IS NULL AND (expires_at <= $1 OR NOT offline) LIMIT $2)",
        )
        .bind(now.micros())
        .bind(limit)
    )
}

/// Deletes up to `limit` authorizations whose code expired before `before` and was never used: nothing came of them, and no
/// app is signed in by them.
pub async fn delete_unused(tx: &mut Tx, before: Timestamp, limit: i64) -> Result<u64, Error> {
    changed!(
        tx,
        sqlx::query(
            "DELETE FROM grants WHERE id IN (
             SELECT grant_id FROM authorization_codes WHERE used_at IS NULL AND expires_at <= $1 LIMIT $2)",
        )
        .bind(before.micros())
        .bind(limit)
    )
}

/// Deletes up to `limit` authorizations that have ended while their session goes on, if the app has come for a later one of
/// it: that one says that the app is to be told when the session ends.
pub async fn delete_replaced(tx: &mut Tx, now: Timestamp, limit: i64) -> Result<u64, Error> {
    changed!(
        tx,
        sqlx::query(
            "DELETE FROM grants WHERE id IN (
             SELECT g.id FROM grants g
             WHERE g.expires_at <= $1 AND g.session_id IS NOT NULL AND EXISTS (
                 SELECT 1 FROM grants o
                 WHERE o.session_id = g.session_id AND o.client_id = g.client_id AND o.id > g.id
                 AND NOT EXISTS (
                     SELECT 1 FROM authorization_codes c WHERE c.grant_id = o.id AND c.used_at IS NULL))
             LIMIT $2)",
        )
        .bind(now.micros())
        .bind(limit)
    )
}
