//! Table `users`: accounts.

use domain::{Pseudonym, Timestamp, UserId};
use uuid::Uuid;

use crate::{Error, Tx};

/// An account, with its primary address.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct User {
    /// Its id.
    pub id: Uuid,
    /// The name its owner gave; may be empty.
    pub name: String,
    /// The language its owner chose, as a BCP 47 tag.
    pub locale: Option<String>,
    /// Whether a mailed code is asked for after the password.
    pub second_step: bool,
    /// When an operator disabled it, Unix microseconds.
    pub disabled_at: Option<i64>,
    /// When it was made, Unix microseconds.
    pub created_at: i64,
    /// Its primary address, to send to.
    pub address: String,
    /// When that address was proved, Unix microseconds.
    pub proved_at: Option<i64>,
    /// Who the audit trail calls it.
    pub pseudonym: Uuid,
}

/// What sign-in needs to know of the account an address belongs to.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct SignIn {
    /// The account.
    #[sqlx(flatten)]
    pub user: User,
    /// Its address as it is compared: of an address that is nobody's, another's is found.
    normalized: String,
    /// Its password's hash, PHC string.
    pub password_hash: Option<String>,
    /// Whether a code is asked for, second step or not, where the password is too short to be alone.
    pub code_if_short: bool,
    /// Whether this browser has signed in to it before.
    pub known_browser: bool,
}

/// The account of nobody, which holds decoys. A look-up by an address that is nobody's finds a row all the same, so that it reads,
/// moves and decodes what one by somebody's address does: a row fewer is another answer's time, which tells. It finds the account
/// whose address comes next, which is as likely as any to be in no cache: one that all such look-ups found would always be in every
/// one, and told too. After the last address comes this account. What was found for another address is let go of here, and leaves
/// this crate for nobody. Nobody can have the address of this account, which is none
/// ([`Email`](domain::Email) takes no text without an `@`), no password is the one of its hash, and it is listed nowhere.
pub const NOBODY: UserId = UserId(Uuid::nil());

/// The hash of [`NOBODY`]: none, and as long as one of Argon2id is. Its scheme is empty.
const NO_HASH: &str = concat!(
    "-----------------------------------------------",
    "--------------------------------------------------"
);

/// Somebody's account, and nothing for that of [`NOBODY`].
pub(crate) fn somebody(user: Uuid) -> Option<Uuid> {
    (user != NOBODY.0).then_some(user)
}

/// Adds the account of [`NOBODY`], unless it is there: at each start. `mac` vouches for its pseudonym, which is its id.
pub async fn insert_nobody(tx: &mut Tx, mac: &[u8]) -> Result<(), Error> {
    let id = NOBODY.0;
    changed!(
        tx,
        sqlx::query(
            "INSERT INTO users (id, name, second_step, created_at, updated_at) VALUES ($1, '', FALSE, 0, 0)
             ON CONFLICT (id) DO NOTHING"
        )
        .bind(id)
    )?;
    // Proved, so that it is not among those whom the janitor deletes, and older than anybody.
    changed!(
        tx,
        sqlx::query(
            "INSERT INTO emails (id, user_id, address, normalized, is_primary, proved_at, created_at)
             VALUES ($1, $1, 'nobody', 'nobody', TRUE, 0, 0) ON CONFLICT (id) DO NOTHING"
        )
        .bind(id)
    )?;
    changed!(
        tx,
        sqlx::query(
            "INSERT INTO passwords (user_id, hash, scheme, changed_at) VALUES ($1, $2, '', 0) ON CONFLICT (user_id) DO NOTHING"
        )
        .bind(id)
        .bind(NO_HASH)
    )?;
    changed!(
        tx,
        sqlx::query(
            "INSERT INTO audit_people (pseudonym, user_id, mac) VALUES ($1, $1, $2)
             ON CONFLICT (pseudonym) DO NOTHING"
        )
        .bind(id)
        .bind(mac)
    )?;
    Ok(())
}

/// Adds an account and its pseudonym in the audit trail, with the MAC that vouches for it.
pub async fn insert(
    tx: &mut Tx,
    id: UserId,
    (pseudonym, mac): (Pseudonym, &[u8]),
    name: &str,
    locale: Option<&str>,
    second_step: bool,
    now: Timestamp,
) -> Result<(), Error> {
    changed!(tx, sqlx::query(
        "INSERT INTO users (id, name, locale, second_step, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $5)",
    )
    .bind(id.0)
    .bind(name)
    .bind(locale)
    .bind(second_step)
    .bind(now.micros()))?;
    changed!(
        tx,
        sqlx::query("INSERT INTO audit_people (pseudonym, user_id, mac) VALUES ($1, $2, $3)")
            .bind(pseudonym.0)
            .bind(id.0)
            .bind(mac)
    )?;
    Ok(())
}

/// The account with this id.
pub async fn find(tx: &mut Tx, id: UserId) -> Result<Option<User>, Error> {
    on!(tx, |connection| sqlx::query_as(
        "SELECT u.id, u.name, u.locale, u.second_step, u.disabled_at, u.created_at,
                e.address, e.proved_at, p.pseudonym
         FROM users u
         JOIN emails e ON e.user_id = u.id AND e.is_primary
         JOIN audit_people p ON p.user_id = u.id
         WHERE u.id = $1",
    )
    .bind(id.0)
    .fetch_optional(connection))
}

/// What an account still has to be, beside enabled, for an act to go on that was begun when it was so. Hashing takes a while.
#[derive(Clone, Copy, Debug)]
pub struct Unchanged<'a> {
    /// Its normalized address.
    pub address: &'a str,
    /// Whether it has a second step.
    pub second_step: bool,
    /// The hash that the password was found right by.
    pub password_hash: &'a str,
}

/// The account that `normalized` belongs to, and what sign-in needs of it, in one statement, which finds somebody's row whether or
/// not there is one ([`NOBODY`]).
pub async fn find_for_sign_in(
    tx: &mut Tx,
    normalized: &str,
    browser_hash: Option<&[u8]>,
) -> Result<Option<SignIn>, Error> {
    let found: Option<SignIn> = on!(tx, |connection| {
        sqlx::query_as(
        "SELECT u.id, u.name, u.locale, u.second_step, u.disabled_at, u.created_at,
                e.address, e.normalized, e.proved_at, p.pseudonym, w.hash AS password_hash,
                COALESCE(w.code_if_short, FALSE) AS code_if_short,
                EXISTS (SELECT 1 FROM known_browsers k WHERE k.browser_hash = $2 AND k.user_id = u.id) AS known_browser
         FROM emails e
         JOIN users u ON u.id = e.user_id
         JOIN audit_people p ON p.user_id = u.id
         LEFT JOIN passwords w ON w.user_id = u.id
         WHERE e.normalized = COALESCE(
             (SELECT n.normalized FROM emails n WHERE n.normalized >= $1 ORDER BY n.normalized LIMIT 1), 'nobody')",
    )
    .bind(normalized)
    .bind(browser_hash)
    .fetch_optional(connection)
    })?;
    Ok(found.filter(|found| found.normalized == normalized && somebody(found.user.id).is_some()))
}

/// An account, as an operator sees it.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Listed {
    /// The account.
    #[sqlx(flatten)]
    pub user: User,
    /// Its address as it is compared: lists are in this order.
    pub normalized: String,
    /// How many sessions it has.
    pub sessions: i64,
}

/// Accounts that belong to somebody, in the order of their addresses, after `after`, whose address is like `pattern` (`LIKE`, escaped by a backslash).
pub async fn list(tx: &mut Tx, pattern: &str, after: &str, limit: i64) -> Result<Vec<Listed>, Error> {
    on!(tx, |connection| sqlx::query_as(
        "SELECT u.id, u.name, u.locale, u.second_step, u.disabled_at, u.created_at,
                e.address, e.proved_at, p.pseudonym, e.normalized,
                (SELECT count(*) FROM sessions s WHERE s.user_id = u.id) AS sessions
         FROM emails e
         JOIN users u ON u.id = e.user_id
         JOIN audit_people p ON p.user_id = u.id
         WHERE e.is_primary AND e.created_at > 0 AND e.normalized > $2 AND e.normalized LIKE $1 ESCAPE '\\'
         ORDER BY e.normalized
         LIMIT $3",
    )
    .bind(pattern)
    .bind(after)
    .bind(limit)
    .fetch_all(connection))
}

/// The account with this id, as an operator sees it.
pub async fn find_listed(tx: &mut Tx, id: UserId) -> Result<Option<Listed>, Error> {
    on!(tx, |connection| sqlx::query_as(
        "SELECT u.id, u.name, u.locale, u.second_step, u.disabled_at, u.created_at,
                e.address, e.proved_at, p.pseudonym, e.normalized,
                (SELECT count(*) FROM sessions s WHERE s.user_id = u.id) AS sessions
         FROM users u
         JOIN emails e ON e.user_id = u.id AND e.is_primary
         JOIN audit_people p ON p.user_id = u.id
         WHERE u.id = $1",
    )
    .bind(id.0)
    .fetch_optional(connection))
}

/// Sets what its owner may change freely.
pub async fn set_profile(
    tx: &mut Tx,
    id: UserId,
    name: &str,
    locale: Option<&str>,
    now: Timestamp,
) -> Result<(), Error> {
    changed!(
        tx,
        sqlx::query("UPDATE users SET name = $2, locale = $3, updated_at = $4 WHERE id = $1")
            .bind(id.0)
            .bind(name)
            .bind(locale)
            .bind(now.micros())
    )?;
    Ok(())
}

/// Switches the second step on or off.
pub async fn set_second_step(tx: &mut Tx, id: UserId, on: bool, now: Timestamp) -> Result<(), Error> {
    changed!(
        tx,
        sqlx::query("UPDATE users SET second_step = $2, updated_at = $3 WHERE id = $1")
            .bind(id.0)
            .bind(on)
            .bind(now.micros())
    )?;
    Ok(())
}

/// Disables an account, or enables it again.
pub async fn set_disabled(tx: &mut Tx, id: UserId, disabled_at: Option<Timestamp>) -> Result<(), Error> {
    changed!(
        tx,
        sqlx::query("UPDATE users SET disabled_at = $2 WHERE id = $1")
            .bind(id.0)
            .bind(disabled_at.map(Timestamp::micros))
    )?;
    Ok(())
}

/// Deletes an account and all that hangs on it. Entries of the audit trail stay, and no longer lead to it.
pub async fn delete(tx: &mut Tx, id: UserId) -> Result<bool, Error> {
    let done = changed!(tx, sqlx::query("DELETE FROM users WHERE id = $1").bind(id.0))?;
    Ok(done == 1)
}

/// Up to `limit` accounts, with their normalized addresses, whose address nobody proved since before `before`, and for which no
/// code or link is on its way.
pub async fn unproved(tx: &mut Tx, before: Timestamp, limit: i64) -> Result<Vec<(Uuid, String)>, Error> {
    on!(tx, |connection| sqlx::query_as(
        "SELECT user_id, normalized FROM emails
         WHERE proved_at IS NULL AND is_primary AND created_at < $1
           AND NOT EXISTS (SELECT 1 FROM artefacts a WHERE a.user_id = emails.user_id)
         LIMIT $2",
    )
    .bind(before.micros())
    .bind(limit)
    .fetch_all(connection))
}

/// Deletes an account if it still is one that [`unproved`] finds: what was acknowledged to somebody who signed up again is kept.
pub async fn delete_unproved(tx: &mut Tx, id: UserId, before: Timestamp) -> Result<bool, Error> {
    let done = changed!(
        tx,
        sqlx::query(
            "DELETE FROM users
             WHERE id = $1
               AND EXISTS (SELECT 1 FROM emails e
                           WHERE e.user_id = users.id AND e.is_primary AND e.proved_at IS NULL AND e.created_at < $2)
               AND NOT EXISTS (SELECT 1 FROM artefacts a WHERE a.user_id = users.id)",
        )
        .bind(id.0)
        .bind(before.micros())
    )?;
    Ok(done == 1)
}
