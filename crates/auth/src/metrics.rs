//! The use cases at one moment, for whoever watches the server.

use std::time::Duration;

use domain::Timestamp;

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

impl Auth {
    /// What this process did since it started. Asks nobody.
    pub fn activity(&self) -> Activity {
        Activity {
            hashing: self.hasher.metrics(),
            sessions_opened: self.sessions_opened.read(),
            tokens_issued: self.tokens_issued.read(),
            refusals: self.limiter.refusals(),
            mails: self.mails.read(),
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
}
