//! The use cases at one moment, for whoever watches the server.

use std::time::Duration;

use domain::Timestamp;
use store::Connections;

use crate::{Auth, Fault, HashingMetrics};

/// A count for each kind, by what the kind is called in metrics.
pub type ByKind = Vec<(&'static str, u64)>;

/// What this process did since it started, from memory alone.
#[derive(Clone, Debug)]
pub struct Activity {
    /// The pool that hashes passwords.
    pub hashing: HashingMetrics,
    /// Sessions that were opened, by what opened them.
    pub sessions_opened: ByKind,
    /// Answers with tokens, by the grant that was exchanged for them.
    pub tokens_issued: ByKind,
    /// Tries that the limiter turned away, by the budget that was spent.
    pub refusals: ByKind,
    /// Tries to send a mail, by what came of them.
    pub mails: ByKind,
    /// What the database is, by name.
    pub database: &'static str,
    /// Statements that it was asked.
    pub statements: u64,
    /// The connections to it.
    pub connections: Connections,
}

/// What waits in the database to be worked off, whoever put it there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backlog {
    /// Mails that are to be sent.
    pub mails: u64,
    /// For how long the oldest of them has waited.
    pub oldest_mail: Duration,
    /// Words for apps about sign-outs that are to be sent.
    pub notices: u64,
    /// Entries of the audit trail that are to be sealed.
    pub unsealed: u64,
    /// For how long the oldest of them has waited.
    pub oldest_unsealed: Duration,
}

/// How much there is in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Totals {
    /// Accounts.
    pub users: u64,
    /// Sessions that have not ended.
    pub sessions: u64,
    /// Mails that were given up, of those that are still kept.
    pub failed_mails: u64,
}

impl Auth {
    /// What this process did since it started. Asks nobody.
    pub fn activity(&self) -> Activity {
        Activity {
            hashing: self.hasher.metrics(),
            sessions_opened: self.sessions_opened.read(),
            tokens_issued: self.tokens_issued.read(),
            refusals: self.limiter.refusals(),
            mails: self.mails.read(),
            database: self.store.system(),
            statements: self.store.statements(),
            connections: self.store.connections(),
        }
    }

    /// What waits in the database: one look at it.
    pub async fn backlog(&self) -> Result<Backlog, Fault> {
        let backlog = store::backlog::look(&mut self.store.look().await?).await?;
        let now = self.clock.now();
        let age = |since: Option<i64>| since.map(|since| now.since(Timestamp(since))).unwrap_or_default();
        let count = |count: i64| u64::try_from(count).unwrap_or_default();
        Ok(Backlog {
            mails: count(backlog.mails),
            oldest_mail: age(backlog.oldest_mail),
            notices: count(backlog.notices),
            unsealed: count(backlog.unsealed),
            oldest_unsealed: age(backlog.oldest_unsealed),
        })
    }

    /// How much there is in the database. Counts whole tables: for a person who asks, and not for what asks all the time.
    pub async fn totals(&self) -> Result<Totals, Fault> {
        let totals = store::backlog::count(&mut self.store.look().await?).await?;
        let count = |count: i64| u64::try_from(count).unwrap_or_default();
        Ok(Totals {
            users: count(totals.users),
            sessions: count(totals.sessions),
            failed_mails: count(totals.failed_mails),
        })
    }
}
