//! Table `sessions`.

use domain::{SessionId, Timestamp, UserId};
use uuid::Uuid;

use crate::users::Unchanged;
use crate::{Error, Tx};

/// A session. Moments are Unix microseconds.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Session {
    /// Its id: the `sid` of the token that projects it.
    pub id: Uuid,
    /// What apps call it: it stays when the id changes.
    pub sid: Uuid,
    /// Whose it is.
    pub user_id: Uuid,
    /// What was proved, as `domain::Proofs` writes it.
    pub proofs: String,
    /// When it was proved last.
    pub proved_at: i64,
    /// When the session began.
    pub created_at: i64,
    /// When it was used last, to the minute.
    pub used_at: i64,
    /// When it ends even if used.
    pub expires_at: i64,
    /// The browser, as a person would call it.
    pub device: String,
    /// The network it began from.
    pub network: String,
}

/// A session together with what every page shows of its account.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Open {
    /// The session.
    #[sqlx(flatten)]
    pub session: Session,
    /// The account's name.
    pub name: String,
    /// The account's language.
    pub locale: Option<String>,
    /// The account's primary address.
    pub address: String,
    /// Whether the account has a second step.
    pub second_step: bool,
    /// Who the audit trail calls it.
    pub pseudonym: Uuid,
}

/// Binds $1 to $14 of a statement that opens a session.
macro_rules! bound {
    ($statement:expr, $session:expr, $token_hash:expr, $unchanged:expr) => {
        $statement
            .bind($session.id)
            .bind($token_hash)
            .bind($session.user_id)
            .bind(&$session.proofs)
            .bind($session.proved_at)
            .bind($session.created_at)
            .bind($session.used_at)
            .bind($session.expires_at)
            .bind(&$session.device)
            .bind(&$session.network)
            .bind($session.sid)
            .bind($unchanged.map(|unchanged| unchanged.second_step))
            .bind($unchanged.map(|unchanged| unchanged.address))
            .bind($unchanged.map(|unchanged| unchanged.password_hash))
    };
}

/// Adds a session if its account is enabled and, if told, still is `unchanged`. The check and the act are one statement, since it is
/// the one that every sign-in waits for. False if it is not.
pub async fn insert(
    tx: &mut Tx,
    session: &Session,
    token_hash: &[u8],
    unchanged: Option<Unchanged<'_>>,
) -> Result<bool, Error> {
    let done = changed!(
        tx,
        bound!(
            sqlx::query(
                "INSERT INTO sessions
                     (id, token_hash, user_id, proofs, proved_at, created_at, used_at, expires_at, device, network, sid)
                 SELECT $1, $2, u.id, $4, $5, $6, $7, $8, $9, $10, $11
                 FROM users u
                 JOIN emails e ON e.user_id = u.id AND e.is_primary
                 LEFT JOIN passwords w ON w.user_id = u.id
                 WHERE u.id = $3 AND u.disabled_at IS NULL
                   AND ((u.second_step = $12 AND e.normalized = $13 AND w.hash = $14) OR $14 IS NULL)",
            ),
            session,
            token_hash,
            unchanged
        )
    )?;
    Ok(done == 1)
}

/// The same in the place of `old`, a session of the account that lives: what apps call it, and what they hold of it, stays. False if
/// there is no such session too.
pub async fn replace(
    tx: &mut Tx,
    old: SessionId,
    session: &Session,
    token_hash: &[u8],
    unchanged: Option<Unchanged<'_>>,
    used_after: Timestamp,
) -> Result<bool, Error> {
    let done = changed!(
        tx,
        bound!(
            sqlx::query(
                "UPDATE sessions
                 SET id = $1, token_hash = $2, proofs = $4, proved_at = $5, created_at = $6, used_at = $7, expires_at = $8,
                     device = $9, network = $10, sid = COALESCE(sid, id, $11)
                 WHERE id = $15 AND user_id = $3 AND expires_at > $6 AND used_at > $16
                   AND EXISTS (SELECT 1 FROM users u
                               JOIN emails e ON e.user_id = u.id AND e.is_primary
                               LEFT JOIN passwords w ON w.user_id = u.id
                               WHERE u.id = $3 AND u.disabled_at IS NULL
                                 AND ((u.second_step = $12 AND e.normalized = $13 AND w.hash = $14) OR $14 IS NULL))",
            ),
            session,
            token_hash,
            unchanged
        )
        .bind(old.0)
        .bind(used_after.micros())
    )?;
    Ok(done == 1)
}

/// The live session of an enabled account that this token opens.
pub async fn find_by_token(
    tx: &mut Tx,
    token_hash: &[u8],
    now: Timestamp,
    used_after: Timestamp,
) -> Result<Option<Open>, Error> {
    on!(tx, |connection| {
        sqlx::query_as(
        "SELECT s.id, COALESCE(s.sid, s.id) AS sid, s.user_id, s.proofs, s.proved_at, s.created_at, s.used_at, s.expires_at, s.device, s.network,
                u.name, u.locale, u.second_step, e.address, p.pseudonym
         FROM sessions s
         JOIN users u ON u.id = s.user_id AND u.disabled_at IS NULL
         JOIN emails e ON e.user_id = u.id AND e.is_primary
         JOIN audit_people p ON p.user_id = u.id
         WHERE s.token_hash = $1 AND s.expires_at > $2 AND s.used_at > $3",
    )
    .bind(token_hash)
    .bind(now.micros())
    .bind(used_after.micros())
    .fetch_optional(connection)
    })
}

/// The live session of an enabled account with this id, and what every page shows of the account.
pub async fn find_open(
    tx: &mut Tx,
    id: SessionId,
    now: Timestamp,
    used_after: Timestamp,
) -> Result<Option<Open>, Error> {
    on!(tx, |connection| {
        sqlx::query_as(
        "SELECT s.id, COALESCE(s.sid, s.id) AS sid, s.user_id, s.proofs, s.proved_at, s.created_at, s.used_at, s.expires_at, s.device, s.network,
                u.name, u.locale, u.second_step, e.address, p.pseudonym
         FROM sessions s
         JOIN users u ON u.id = s.user_id AND u.disabled_at IS NULL
         JOIN emails e ON e.user_id = u.id AND e.is_primary
         JOIN audit_people p ON p.user_id = u.id
         WHERE s.id = $1 AND s.expires_at > $2 AND s.used_at > $3",
    )
    .bind(id.0)
    .bind(now.micros())
    .bind(used_after.micros())
    .fetch_optional(connection)
    })
}

/// The live session of an enabled account with this id.
pub async fn find(
    tx: &mut Tx,
    id: SessionId,
    now: Timestamp,
    used_after: Timestamp,
) -> Result<Option<Session>, Error> {
    on!(tx, |connection| {
        sqlx::query_as(
        "SELECT s.id, COALESCE(s.sid, s.id) AS sid, s.user_id, s.proofs, s.proved_at, s.created_at, s.used_at, s.expires_at, s.device, s.network
         FROM sessions s
         JOIN users u ON u.id = s.user_id AND u.disabled_at IS NULL
         WHERE s.id = $1 AND s.expires_at > $2 AND s.used_at > $3",
    )
    .bind(id.0)
    .bind(now.micros())
    .bind(used_after.micros())
    .fetch_optional(connection)
    })
}

/// The live sessions of an account, last used first, up to `limit`: those behind `after`, which is when one was last used, in Unix
/// microseconds, and its id.
pub async fn list(
    tx: &mut Tx,
    user: UserId,
    now: Timestamp,
    used_after: Timestamp,
    after: (i64, SessionId),
    limit: i64,
) -> Result<Vec<Session>, Error> {
    on!(tx, |connection| {
        sqlx::query_as(
        "SELECT id, COALESCE(sid, id) AS sid, user_id, proofs, proved_at, created_at, used_at, expires_at, device, network
         FROM sessions WHERE user_id = $1 AND expires_at > $2 AND used_at > $3
           AND (used_at < $4 OR used_at = $4 AND id < $5)
         ORDER BY used_at DESC, id DESC LIMIT $6",
    )
    .bind(user.0)
    .bind(now.micros())
    .bind(used_after.micros())
    .bind(after.0)
    .bind(after.1.0)
    .bind(limit)
    .fetch_all(connection)
    })
}

/// How many live sessions an account has.
pub async fn count(tx: &mut Tx, user: UserId, now: Timestamp, used_after: Timestamp) -> Result<i64, Error> {
    on!(tx, |connection| sqlx::query_scalar(
        "SELECT count(*) FROM sessions WHERE user_id = $1 AND expires_at > $2 AND used_at > $3"
    )
    .bind(user.0)
    .bind(now.micros())
    .bind(used_after.micros())
    .fetch_one(connection))
}

/// Gives a session another id and token; all else stays. Gives its end, Unix microseconds, or nothing if there is no
/// such session.
pub async fn replace_id(
    tx: &mut Tx,
    old: SessionId,
    new: SessionId,
    token_hash: &[u8],
) -> Result<Option<i64>, Error> {
    on!(tx, |connection| sqlx::query_scalar(
        "UPDATE sessions SET id = $2, token_hash = $3 WHERE id = $1 RETURNING expires_at"
    )
    .bind(old.0)
    .bind(new.0)
    .bind(token_hash)
    .fetch_optional(connection))
}

/// Records that a session was used.
pub async fn set_used(tx: &mut Tx, id: SessionId, now: Timestamp) -> Result<(), Error> {
    changed!(
        tx,
        sqlx::query("UPDATE sessions SET used_at = $2 WHERE id = $1 AND used_at < $2")
            .bind(id.0)
            .bind(now.micros())
    )?;
    Ok(())
}

/// Ends one session of this account. False if it has no such session (any more).
pub async fn delete(tx: &mut Tx, user: UserId, id: SessionId) -> Result<bool, Error> {
    let done = changed!(
        tx,
        sqlx::query("DELETE FROM sessions WHERE id = $1 AND user_id = $2").bind(id.0).bind(user.0)
    )?;
    Ok(done == 1)
}

/// How many sessions this account has besides `keep`.
pub async fn count_others(tx: &mut Tx, user: UserId, keep: SessionId) -> Result<i64, Error> {
    on!(tx, |connection| sqlx::query_scalar("SELECT count(*) FROM sessions WHERE user_id = $1 AND id <> $2")
        .bind(user.0)
        .bind(keep.0)
        .fetch_one(connection))
}

/// Ends every session of this account but `keep`, and says which they were.
pub async fn delete_others(tx: &mut Tx, user: UserId, keep: Option<SessionId>) -> Result<Vec<Uuid>, Error> {
    on!(tx, |connection| sqlx::query_scalar(
        "DELETE FROM sessions WHERE user_id = $1 AND id <> $2 RETURNING id"
    )
    .bind(user.0)
    .bind(keep.map_or(Uuid::nil(), |keep| keep.0))
    .fetch_all(connection))
}

/// Deletes up to `limit` sessions that have ended by themselves.
pub async fn delete_expired(
    tx: &mut Tx,
    now: Timestamp,
    used_before: Timestamp,
    limit: i64,
) -> Result<u64, Error> {
    changed!(
        tx,
        sqlx::query(
            "DELETE FROM sessions WHERE (expires_at <= $1 OR used_at <= $2) AND id IN (
             SELECT id FROM sessions WHERE expires_at <= $1 OR used_at <= $2 LIMIT $3)",
        )
        .bind(now.micros())
        .bind(used_before.micros())
        .bind(limit)
    )
}
