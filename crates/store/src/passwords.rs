//! Table `passwords`: one hash an account.

use domain::{Timestamp, UserId};
use uuid::Uuid;

use crate::{Error, Tx};

/// Sets an account's password hash, whatever it was. It is long enough for what stands behind it, so that no code is asked for its sake.
pub async fn set(tx: &mut Tx, user: UserId, hash: &str, now: Timestamp) -> Result<(), Error> {
    changed!(
        tx,
        sqlx::query(
            "INSERT INTO passwords (user_id, hash, scheme, changed_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (user_id) DO UPDATE SET hash = $2, scheme = $3, changed_at = $4, code_if_short = FALSE",
        )
        .bind(user.0)
        .bind(hash)
        .bind(scheme(hash))
        .bind(now.micros())
    )?;
    Ok(())
}

/// Puts another hash of the same password in the place of `old`, if that still is there: of two that do so at once one
/// wins, and a password that was changed meanwhile stays changed. It is no change of password, so the time of that stays.
pub async fn rehash(tx: &mut Tx, user: UserId, old: &str, new: &str) -> Result<bool, Error> {
    let done = changed!(
        tx,
        sqlx::query("UPDATE passwords SET hash = $3, scheme = $4 WHERE user_id = $1 AND hash = $2")
            .bind(user.0)
            .bind(old)
            .bind(new)
            .bind(scheme(new))
    )?;
    Ok(done == 1)
}

/// Has a code asked for after this account's password as long as that is too short to be alone.
pub async fn ask_for_code_if_short(tx: &mut Tx, user: UserId) -> Result<(), Error> {
    changed!(tx, sqlx::query("UPDATE passwords SET code_if_short = TRUE WHERE user_id = $1").bind(user.0))?;
    Ok(())
}

/// An account's password hash.
pub async fn find(tx: &mut Tx, user: UserId) -> Result<Option<String>, Error> {
    on!(tx, |connection| sqlx::query_scalar("SELECT hash FROM passwords WHERE user_id = $1")
        .bind(user.0)
        .fetch_optional(connection))
}

/// How many accounts have a password that is hashed in the same way.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct SchemeCount {
    /// What a hash says up to its salt. Null in rows that [`fill_in`] has not come to.
    pub scheme: Option<String>,
    /// Accounts.
    pub accounts: i64,
}

/// How many accounts have which way of hashing. That of [`NOBODY`](crate::users::NOBODY), which is empty, is none.
pub async fn count_by_scheme(tx: &mut Tx) -> Result<Vec<SchemeCount>, Error> {
    on!(tx, |connection| sqlx::query_as(
        "SELECT scheme, count(*) AS accounts FROM passwords WHERE scheme IS NULL OR scheme <> ''
         GROUP BY scheme ORDER BY accounts DESC, scheme",
    )
    .fetch_all(connection))
}

/// The ways of hashing that there are. One step in the index for each, however many accounts there are.
pub async fn schemes(tx: &mut Tx) -> Result<Vec<String>, Error> {
    on!(tx, |connection| sqlx::query_scalar(
        "WITH RECURSIVE found (scheme) AS (
             SELECT min(scheme) FROM passwords WHERE scheme > ''
             UNION ALL
             SELECT (SELECT min(p.scheme) FROM passwords p WHERE p.scheme > found.scheme)
             FROM found WHERE found.scheme IS NOT NULL)
         SELECT scheme FROM found WHERE scheme IS NOT NULL",
    )
    .fetch_all(connection))
}

/// Fills in the scheme of up to `limit` rows that an older release wrote. Says how many there were.
pub async fn fill_in(tx: &mut Tx, limit: i64) -> Result<usize, Error> {
    let rows: Vec<(Uuid, String)> = on!(tx, |connection| sqlx::query_as(
        "SELECT user_id, hash FROM passwords WHERE scheme IS NULL LIMIT $1"
    )
    .bind(limit)
    .fetch_all(connection))?;
    for (user, hash) in &rows {
        changed!(
            tx,
            sqlx::query("UPDATE passwords SET scheme = $3 WHERE user_id = $1 AND hash = $2")
                .bind(user)
                .bind(hash)
                .bind(scheme(hash))
        )?;
    }
    Ok(rows.len())
}

/// What a hash says of how it was made: everything before its salt and output. bcrypt writes those as one.
fn scheme(hash: &str) -> &str {
    let parts = if hash.starts_with("$2") || hash.starts_with("$bcrypt") { 1 } else { 2 };
    let mut end = hash.len();
    for _ in 0..parts {
        end = hash[..end].rfind('$').unwrap_or(0);
    }
    &hash[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_is_what_is_not_of_one_password() {
        for (hash, expected) in [
            ("$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$b3V0", "$argon2id$v=19$m=19456,t=2,p=1"),
            ("$2b$12$L6Bc/AlTQHyd9liGgGEZyOFLPHNgyxeEPfgYfBCVxJ7JIlwxyVU3u", "$2b$12"),
            ("$bcrypt-sha256$2b$12$L6Bc", "$bcrypt-sha256$2b$12"),
            (
                "$wrapped$salted-sha1$argon2id$v=19$m=1,t=1,p=1$a.b$c",
                "$wrapped$salted-sha1$argon2id$v=19$m=1,t=1,p=1",
            ),
            ("another", ""),
            ("", ""),
        ] {
            assert_eq!(scheme(hash), expected, "{hash}");
        }
    }
}
