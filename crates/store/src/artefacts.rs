//! Table `artefacts`: what can be used once, for one purpose. Every statement names the purpose it is for.

use domain::{ArtefactId, Timestamp, UserId};
use uuid::Uuid;

use crate::users::{NOBODY, Unchanged, somebody};
use crate::{Error, Tx};

/// An artefact. Moments are Unix microseconds.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Artefact {
    /// Its public handle.
    pub id: Uuid,
    /// What it may be used for.
    pub purpose: String,
    /// Whose it is; nobody's if it is a decoy.
    pub user_id: Option<Uuid>,
    /// SHA-256 of the secret in its link.
    pub link_hash: Vec<u8>,
    /// HMAC of its code.
    pub code_mac: Vec<u8>,
    /// How many more codes may be tried.
    pub tries_left: i64,
    /// SHA-256 of the browser it is bound to.
    pub browser_hash: Option<Vec<u8>>,
    /// What it carries, sealed.
    pub payload: Vec<u8>,
    /// When it was made.
    pub created_at: i64,
    /// When it can no longer be used.
    pub expires_at: i64,
}

impl Artefact {
    /// A decoy is held by [`NOBODY`], so that it is written, checked against the table of accounts, and read as any other.
    fn somebodys(self) -> Self {
        Self { user_id: self.user_id.and_then(somebody), ..self }
    }
}

/// Adds an artefact.
pub async fn insert(tx: &mut Tx, artefact: &Artefact) -> Result<(), Error> {
    changed!(
        tx,
        sqlx::query(
            "INSERT INTO artefacts
             (id, purpose, user_id, link_hash, code_mac, tries_left, browser_hash, payload,
              created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        )
        .bind(artefact.id)
        .bind(&artefact.purpose)
        .bind(artefact.user_id.unwrap_or(NOBODY.0))
        .bind(&artefact.link_hash)
        .bind(&artefact.code_mac)
        .bind(artefact.tries_left)
        .bind(&artefact.browser_hash)
        .bind(&artefact.payload)
        .bind(artefact.created_at)
        .bind(artefact.expires_at)
    )?;
    Ok(())
}

/// Adds an artefact of an account if that is enabled and still is `unchanged`. False if it is not.
pub async fn insert_if(tx: &mut Tx, artefact: &Artefact, unchanged: Unchanged<'_>) -> Result<bool, Error> {
    let done = changed!(
        tx,
        sqlx::query(
            "INSERT INTO artefacts
             (id, purpose, user_id, link_hash, code_mac, tries_left, browser_hash, payload,
              created_at, expires_at)
             SELECT $1, $2, u.id, $4, $5, $6, $7, $8, $9, $10
             FROM users u
             JOIN emails e ON e.user_id = u.id AND e.is_primary
             JOIN passwords w ON w.user_id = u.id
             WHERE u.id = $3 AND u.disabled_at IS NULL AND u.second_step = $11 AND e.normalized = $12 AND w.hash = $13",
        )
        .bind(artefact.id)
        .bind(&artefact.purpose)
        .bind(artefact.user_id)
        .bind(&artefact.link_hash)
        .bind(&artefact.code_mac)
        .bind(artefact.tries_left)
        .bind(&artefact.browser_hash)
        .bind(&artefact.payload)
        .bind(artefact.created_at)
        .bind(artefact.expires_at)
        .bind(unchanged.second_step)
        .bind(unchanged.address)
        .bind(unchanged.password_hash)
    )?;
    Ok(done == 1)
}

/// The live artefact with this id and purpose; nothing is used up.
pub async fn find(
    tx: &mut Tx,
    id: ArtefactId,
    purpose: &str,
    now: Timestamp,
) -> Result<Option<Artefact>, Error> {
    let found: Option<Artefact> = on!(tx, |connection| sqlx::query_as(
        "SELECT id, purpose, user_id, link_hash, code_mac, tries_left, browser_hash, payload,
                created_at, expires_at
         FROM artefacts WHERE id = $1 AND purpose = $2 AND expires_at > $3"
    )
    .bind(id.0)
    .bind(purpose)
    .bind(now.micros())
    .fetch_optional(connection))?;
    Ok(found.map(Artefact::somebodys))
}

/// An artefact of an account, and what whoever takes it needs of the account.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Owned {
    /// The artefact.
    #[sqlx(flatten)]
    pub artefact: Artefact,
    /// Who the audit trail calls its owner.
    pub pseudonym: Uuid,
    /// Whether the browser has signed in to the account before.
    pub known_browser: bool,
}

/// The same of an artefact that is no decoy, with what is known of its owner, by one statement.
pub async fn find_owned(
    tx: &mut Tx,
    id: ArtefactId,
    purpose: &str,
    browser_hash: Option<&[u8]>,
    now: Timestamp,
) -> Result<Option<Owned>, Error> {
    on!(tx, |connection| {
        sqlx::query_as(
        "SELECT a.id, a.purpose, a.user_id, a.link_hash, a.code_mac, a.tries_left, a.browser_hash, a.payload,
                a.created_at, a.expires_at, p.pseudonym,
                EXISTS (SELECT 1 FROM known_browsers k WHERE k.browser_hash = $4 AND k.user_id = a.user_id) AS known_browser
         FROM artefacts a
         JOIN audit_people p ON p.user_id = a.user_id
         WHERE a.id = $1 AND a.purpose = $2 AND a.expires_at > $3 AND a.user_id <> $5",
    )
    .bind(id.0)
    .bind(purpose)
    .bind(now.micros())
    .bind(browser_hash)
    .bind(NOBODY.0)
    .fetch_optional(connection)
    })
}

/// The live artefact that this link leads to; nothing is used up.
pub async fn find_by_link(
    tx: &mut Tx,
    link_hash: &[u8],
    purpose: &str,
    now: Timestamp,
) -> Result<Option<Artefact>, Error> {
    let found: Option<Artefact> = on!(tx, |connection| sqlx::query_as(
        "SELECT id, purpose, user_id, link_hash, code_mac, tries_left, browser_hash, payload,
                created_at, expires_at
         FROM artefacts WHERE link_hash = $1 AND purpose = $2 AND expires_at > $3"
    )
    .bind(link_hash)
    .bind(purpose)
    .bind(now.micros())
    .fetch_optional(connection))?;
    Ok(found.map(Artefact::somebodys))
}

/// Uses up one try at the code, and gives the artefact if there was one left.
pub async fn use_try(
    tx: &mut Tx,
    id: ArtefactId,
    purpose: &str,
    now: Timestamp,
) -> Result<Option<Artefact>, Error> {
    let found: Option<Artefact> = on!(tx, |connection| sqlx::query_as(
        "UPDATE artefacts SET tries_left = tries_left - 1
         WHERE id = $1 AND purpose = $2 AND expires_at > $3 AND tries_left > 0
         RETURNING id, purpose, user_id, link_hash, code_mac, tries_left, browser_hash, payload,
                created_at, expires_at",
    )
    .bind(id.0)
    .bind(purpose)
    .bind(now.micros())
    .fetch_optional(connection))?;
    Ok(found.map(Artefact::somebodys))
}

/// Takes an artefact: it is gone, and of all who try at once one gets it.
pub async fn take(
    tx: &mut Tx,
    id: ArtefactId,
    purpose: &str,
    now: Timestamp,
) -> Result<Option<Artefact>, Error> {
    let found: Option<Artefact> = on!(tx, |connection| {
        sqlx::query_as("DELETE FROM artefacts WHERE id = $1 AND purpose = $2 AND expires_at > $3 RETURNING id, purpose, user_id, link_hash, code_mac, tries_left, browser_hash, payload,
                created_at, expires_at")
        .bind(id.0)
        .bind(purpose)
        .bind(now.micros())
        .fetch_optional(connection)
    })?;
    Ok(found.map(Artefact::somebodys))
}

/// Takes an artefact whose code was found right, if tries are left and the code is still the same: of all who try at once one
/// gets it. False if it is gone.
pub async fn take_unchanged(tx: &mut Tx, artefact: &Artefact, now: Timestamp) -> Result<bool, Error> {
    let taken: Option<Uuid> = on!(tx, |connection| {
        sqlx::query_scalar(
        "DELETE FROM artefacts
         WHERE id = $1 AND purpose = $2 AND expires_at > $3 AND tries_left > 0 AND code_mac = $4 RETURNING id",
    )
    .bind(artefact.id)
    .bind(&artefact.purpose)
    .bind(now.micros())
    .bind(&artefact.code_mac)
    .fetch_optional(connection)
    })?;
    Ok(taken.is_some())
}

/// Gives a live artefact a new code, link and life, and what it carries sealed anew. False if there is none.
pub async fn renew(tx: &mut Tx, artefact: &Artefact, now: Timestamp) -> Result<bool, Error> {
    let done = changed!(
        tx,
        sqlx::query(
            "UPDATE artefacts SET link_hash = $3, code_mac = $4, tries_left = $5, expires_at = $6, payload = $8
         WHERE id = $1 AND purpose = $2 AND expires_at > $7",
        )
        .bind(artefact.id)
        .bind(&artefact.purpose)
        .bind(&artefact.link_hash)
        .bind(&artefact.code_mac)
        .bind(artefact.tries_left)
        .bind(artefact.expires_at)
        .bind(now.micros())
        .bind(&artefact.payload)
    )?;
    Ok(done == 1)
}

/// Withdraws every artefact of an account with this purpose.
pub async fn delete_of(tx: &mut Tx, user: UserId, purpose: &str) -> Result<(), Error> {
    changed!(
        tx,
        sqlx::query("DELETE FROM artefacts WHERE user_id = $1 AND purpose = $2").bind(user.0).bind(purpose)
    )?;
    Ok(())
}

/// Withdraws every artefact of an account, whatever its purpose.
pub async fn delete_all_of(tx: &mut Tx, user: UserId) -> Result<(), Error> {
    changed!(tx, sqlx::query("DELETE FROM artefacts WHERE user_id = $1").bind(user.0))?;
    Ok(())
}

/// How many somebody can use: decoys apart.
pub async fn count(tx: &mut Tx, now: Timestamp) -> Result<i64, Error> {
    on!(tx, |connection| sqlx::query_scalar(
        "SELECT COUNT(*) FROM artefacts WHERE expires_at > $1 AND user_id <> $2"
    )
    .bind(now.micros())
    .bind(NOBODY.0)
    .fetch_one(connection))
}

/// Withdraws up to `limit` artefacts, whosever they are, decoys among them.
pub async fn delete_any(tx: &mut Tx, limit: i64) -> Result<u64, Error> {
    changed!(
        tx,
        sqlx::query("DELETE FROM artefacts WHERE id IN (SELECT id FROM artefacts LIMIT $1)").bind(limit)
    )
}

/// Deletes up to `limit` artefacts that can no longer be used.
pub async fn delete_expired(tx: &mut Tx, now: Timestamp, limit: i64) -> Result<u64, Error> {
    changed!(
        tx,
        sqlx::query(
            "DELETE FROM artefacts WHERE expires_at <= $1 AND id IN (
             SELECT id FROM artefacts WHERE expires_at <= $1 LIMIT $2)",
        )
        .bind(now.micros())
        .bind(limit)
    )
}
