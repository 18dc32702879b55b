//! Table `passwords`: one hash an account.

use domain::{Timestamp, UserId};

use crate::{Error, Tx};

/// Sets an account's password hash, whatever it was.
pub async fn set(tx: &mut Tx, user: UserId, hash: &str, now: Timestamp) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO passwords (user_id, hash, changed_at) VALUES ($1, $2, $3)
         ON CONFLICT (user_id) DO UPDATE SET hash = $2, changed_at = $3",
    )
    .bind(user.0)
    .bind(hash)
    .bind(now.micros())
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Sets an account's password hash if it still is `old`: of two changes that proved the same password, one wins.
pub async fn replace(tx: &mut Tx, user: UserId, old: &str, new: &str, now: Timestamp) -> Result<bool, Error> {
    let done =
        sqlx::query("UPDATE passwords SET hash = $3, changed_at = $4 WHERE user_id = $1 AND hash = $2")
            .bind(user.0)
            .bind(old)
            .bind(new)
            .bind(now.micros())
            .execute(tx.connection())
            .await?;
    Ok(done.rows_affected() == 1)
}

/// An account's password hash.
pub async fn find(tx: &mut Tx, user: UserId) -> Result<Option<String>, Error> {
    Ok(sqlx::query_scalar("SELECT hash FROM passwords WHERE user_id = $1")
        .bind(user.0)
        .fetch_optional(tx.connection())
        .await?)
}
