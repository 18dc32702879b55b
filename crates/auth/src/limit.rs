//! The one limiter. Every path that takes a credential asks it first; there is no bypass.

use std::time::Duration;

use domain::{Network, Timestamp};
use store::ephemeral::Memory;

use crate::settings::hourly;
use crate::{Context, Fault, Limits};

/// Too many tries. Nothing was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many tries: come back in {} s", .retry_after.as_secs().max(1))]
pub struct TooMany {
    /// When the next try is let through.
    pub retry_after: Duration,
}

/// The limits and what counts against them.
#[derive(Debug)]
pub(crate) struct Limiter {
    memory: Memory,
    limits: Limits,
}

/// A try that was let through. It counts as a failure unless it is [`refunded`](Try::refund).
#[must_use = "a try counts as a failure until it is refunded"]
#[derive(Debug)]
pub(crate) struct Try<'a> {
    limiter: &'a Limiter,
    at: Timestamp,
    keys: Vec<String>,
}

impl Limiter {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { memory: Memory::new(), limits }
    }

    /// A try at a credential of `account` (its normalised address, whether or not there is such an account). A browser
    /// that has signed in to it before has a budget of its own.
    pub(crate) fn credential(
        &self,
        account: &str,
        known_browser: Option<&[u8; 32]>,
        context: &Context,
        now: Timestamp,
    ) -> Result<Try<'_>, TooMany> {
        let account = match known_browser {
            Some(browser) => format!("account:{account}:{}", hex(browser)),
            None => format!("account:{account}"),
        };
        let network = network_key(context.network);
        self.hits(vec![(network, self.limits.network_budget()), (account, self.limits.account_budget())], now)
    }

    /// Evidence that names no account: a link, or the code of something that is not there.
    pub(crate) fn evidence(&self, context: &Context, now: Timestamp) -> Result<Try<'_>, TooMany> {
        self.hits(vec![(network_key(context.network), self.limits.network_budget())], now)
    }

    /// A guess at a code that was mailed to `account` for `purpose`: wrong ones are counted over everything that was
    /// ever mailed, so that asking for another code gives no more guesses.
    pub(crate) fn guess(
        &self,
        account: &str,
        purpose: &str,
        context: &Context,
        now: Timestamp,
    ) -> Result<Try<'_>, TooMany> {
        let account = (format!("guess:{purpose}:{account}"), hourly(self.limits.second_step_guesses));
        self.hits(vec![(network_key(context.network), self.limits.network_budget()), account], now)
    }

    /// A sign-up.
    pub(crate) fn sign_up(&self, context: &Context, now: Timestamp) -> Result<(), TooMany> {
        self.hit(&format!("sign-up:{}", context.network), self.limits.network_sign_ups, now)
    }

    /// Mails for the asking, one to each of `addresses`: so many to one address, and so many from one network. All of
    /// them, or none: what is turned away costs nobody anything, least of all whoever the mail would have gone to.
    pub(crate) fn mails(&self, addresses: &[&str], context: &Context, now: Timestamp) -> Result<(), TooMany> {
        let network = (format!("mails-from:{}", context.network), hourly(self.limits.network_mails));
        let mut budgets = vec![network; addresses.len()];
        budgets
            .extend(addresses.iter().map(|address| (format!("mail:{address}"), hourly(self.limits.mails))));
        self.hits(budgets, now).map(|_counted| ())
    }

    /// A mail with a second-step code.
    pub(crate) fn second_step_mail(&self, address: &str, now: Timestamp) -> Result<(), TooMany> {
        self.hit(&format!("second-step-mail:{address}"), self.limits.second_step_mails, now)
    }

    fn hit(&self, key: &str, limit: u32, now: Timestamp) -> Result<(), TooMany> {
        self.memory.hit(key, hourly(limit), now).map_err(|retry_after| TooMany { retry_after })
    }

    fn hits(
        &self,
        budgets: Vec<(String, store::ephemeral::Budget)>,
        now: Timestamp,
    ) -> Result<Try<'_>, TooMany> {
        let mut granted = Try { limiter: self, at: now, keys: Vec::with_capacity(budgets.len()) };
        for (key, budget) in budgets {
            if let Err(retry_after) = self.memory.hit(&key, budget, now) {
                granted.refund();
                return Err(TooMany { retry_after });
            }
            granted.keys.push(key);
        }
        Ok(granted)
    }
}

impl Try<'_> {
    /// It was no failure after all: the budgets get it back.
    pub(crate) fn refund(self) {
        for key in &self.keys {
            self.limiter.memory.refund(key, self.at);
        }
    }

    /// A fault of ours is nobody's failure: the budgets get it back.
    pub(crate) fn unless_fault<T>(self, result: Result<T, Fault>) -> Result<(Self, T), Fault> {
        match result {
            Ok(value) => Ok((self, value)),
            Err(fault) => {
                self.refund();
                Err(fault)
            }
        }
    }
}

fn network_key(network: Network) -> String {
    format!("network:{network}")
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
