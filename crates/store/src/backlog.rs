//! What waits, over the tables whose rows somebody works off: `outbox`, `logout_notices`, `audit`; and how much there is.

use crate::{Error, Tx};

/// What waits. Moments are Unix microseconds.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Backlog {
    /// Mails to be sent.
    pub mails: i64,
    /// When the oldest of them was asked for.
    pub oldest_mail: Option<i64>,
    /// Apps to be told of sign-outs.
    pub notices: i64,
    /// Entries of the trail to be sealed.
    pub unsealed: i64,
    /// When the first of them was written.
    pub oldest_unsealed: Option<i64>,
}

/// One statement, so that it is one picture; each part of it reads an index of what waits and nothing else.
pub async fn look(tx: &mut Tx) -> Result<Backlog, Error> {
    on!(tx, |connection| sqlx::query_as(
        "SELECT
             (SELECT COUNT(*) FROM outbox WHERE state = 'queued') AS mails,
             (SELECT MIN(created_at) FROM outbox WHERE state = 'queued') AS oldest_mail,
             (SELECT COUNT(*) FROM logout_notices) AS notices,
             (SELECT COUNT(*) FROM audit WHERE number IS NULL) AS unsealed,
             (SELECT MIN(at) FROM audit WHERE number IS NULL) AS oldest_unsealed",
    )
    .fetch_one(connection))
}

/// How much there is.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Totals {
    /// Accounts that belong to somebody (`emails::NOBODY`).
    pub users: i64,
    /// Sessions that have not ended.
    pub sessions: i64,
    /// Mails that were given up, of those that are still kept.
    pub failed_mails: i64,
}

/// Counts whole tables: for a person who asks, and not for what asks all the time.
pub async fn count(tx: &mut Tx) -> Result<Totals, Error> {
    on!(tx, |connection| {
        sqlx::query_as(
        "SELECT
             (SELECT COUNT(*) FROM emails WHERE is_primary AND created_at > 0) AS users,
             (SELECT COUNT(*) FROM sessions) AS sessions,
             (SELECT COUNT(*) FROM outbox WHERE finished_at IS NOT NULL AND state = 'failed') AS failed_mails",
    )
    .fetch_one(connection)
    })
}
