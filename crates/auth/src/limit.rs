//! The one limiter. Every path that takes a credential asks it first; there is no bypass.

use std::time::Duration;

use domain::{Network, Timestamp, UserId};
use store::ephemeral::{Budget, Memory};

use crate::audit::{Act, Outcome};
use crate::settings::hourly;
use crate::{Auth, Context, Fault, Limits};

/// Too many tries. Nothing was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many tries: come back in {} s", .retry_after.as_secs().max(1))]
pub struct TooMany {
    /// When the next try is let through.
    pub retry_after: Duration,
    /// Which budget is spent, if the trail is to be told: once a window of it, or a limit would be a way to fill the trail.
    pub(crate) news: Option<&'static str>,
}

/// What a try counts against.
#[derive(Clone, Debug)]
struct Charge {
    /// Which budget, for the trail.
    what: &'static str,
    key: String,
    budget: Budget,
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
        let key = format!("account:{}", of_browser(account, known_browser));
        let account = Charge { what: "account", key, budget: self.limits.account_budget() };
        self.take(vec![self.network(context.network), account], now)
    }

    /// Evidence that names no account: a link, or the code of something that is not there.
    pub(crate) fn evidence(&self, context: &Context, now: Timestamp) -> Result<Try<'_>, TooMany> {
        self.take(vec![self.network(context.network)], now)
    }

    /// Whether an app may try to prove itself. Nothing is held while it does: an app that asks for many tokens at once must
    /// not be taken for one that fails. What fails is told by [`app_failed`](Self::app_failed).
    pub(crate) fn app(&self, client_id: &str, context: &Context, now: Timestamp) -> Result<(), TooMany> {
        self.take(vec![self.failures_of_app(client_id, context)], now).map(Try::refund)
    }

    /// An app failed to prove itself. Its failures are its own: one with an old secret must not keep the people of its
    /// network from signing in, nor the apps beside it from their tokens.
    pub(crate) fn app_failed(
        &self,
        client_id: &str,
        context: &Context,
        now: Timestamp,
    ) -> Result<(), TooMany> {
        self.take(vec![self.failures_of_app(client_id, context)], now).map(|_counted| ())
    }

    fn failures_of_app(&self, client_id: &str, context: &Context) -> Charge {
        // Whoever makes ids up may make them long.
        let id = hex(&secrets::sha256(client_id.as_bytes()));
        let key = format!("app:{}:{id}", context.network);
        Charge { what: "an app on the network", key, budget: self.limits.network_budget() }
    }

    /// A request of an app that is to wait for its person: anybody can send one.
    pub(crate) fn waiting_request(&self, context: &Context, now: Timestamp) -> Result<(), TooMany> {
        let key = format!("requests:{}", context.network);
        let budget = hourly(self.limits.network_requests);
        self.take(vec![Charge { what: "requests of apps from the network", key, budget }], now)
            .map(|_counted| ())
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
        let key = format!("guess:{purpose}:{account}");
        let guesses = Charge { what: "guesses", key, budget: hourly(self.limits.second_step_guesses) };
        self.take(vec![self.network(context.network), guesses], now)
    }

    /// A sign-up.
    pub(crate) fn sign_up(&self, context: &Context, now: Timestamp) -> Result<(), TooMany> {
        let key = format!("sign-up:{}", context.network);
        let budget = hourly(self.limits.network_sign_ups);
        self.take(vec![Charge { what: "sign-ups from the network", key, budget }], now).map(|_counted| ())
    }

    /// Mails for the asking, one to each of `addresses`: so many to one address, and so many from one network. All of
    /// them, or none: what is turned away costs nobody anything, least of all whoever the mail would have gone to. A
    /// browser that is known to the address's account has a budget of its own, which no stranger can use up.
    pub(crate) fn mails(
        &self,
        addresses: &[(&str, Option<&[u8; 32]>)],
        context: &Context,
        now: Timestamp,
    ) -> Result<(), TooMany> {
        let network = Charge {
            what: "mails from the network",
            key: format!("mails-from:{}", context.network),
            budget: hourly(self.limits.network_mails),
        };
        let mut charges = vec![network; addresses.len()];
        charges.extend(addresses.iter().map(|(address, known_browser)| Charge {
            what: "mails",
            key: format!("mail:{}", of_browser(address, *known_browser)),
            budget: hourly(self.limits.mails),
        }));
        self.take(charges, now).map(|_counted| ())
    }

    /// A mail with a second-step code.
    pub(crate) fn second_step_mail(&self, address: &str, now: Timestamp) -> Result<(), TooMany> {
        let key = format!("second-step-mail:{address}");
        let budget = hourly(self.limits.second_step_mails);
        self.take(vec![Charge { what: "second-step mails", key, budget }], now).map(|_counted| ())
    }

    fn network(&self, network: Network) -> Charge {
        Charge { what: "network", key: format!("network:{network}"), budget: self.limits.network_budget() }
    }

    /// Charges all, or none.
    fn take(&self, charges: Vec<Charge>, now: Timestamp) -> Result<Try<'_>, TooMany> {
        let mut granted = Try { limiter: self, at: now, keys: Vec::with_capacity(charges.len()) };
        for Charge { what, key, budget } in charges {
            if let Err(retry_after) = self.memory.hit(&key, budget, now) {
                granted.refund();
                let news = self.memory.is_news(&key, now).then_some(what);
                return Err(TooMany { retry_after, news });
            }
            granted.keys.push(key);
        }
        Ok(granted)
    }
}

impl Auth {
    /// What the limiter said; a refusal is recorded, once a window of the budget that is spent. `user` is whose
    /// credential it is, if anybody's: looked up alike where it is nobody's.
    pub(crate) async fn within<T, E: From<TooMany> + From<Fault>>(
        &self,
        asked: Result<T, TooMany>,
        act: Act,
        user: Option<UserId>,
        context: &Context,
    ) -> Result<T, E> {
        match asked {
            Ok(granted) => Ok(granted),
            Err(too_many) => {
                if let Some(what) = too_many.news {
                    self.record_too_many(what, act, user, context).await?;
                }
                Err(too_many.into())
            }
        }
    }

    async fn record_too_many(
        &self,
        what: &str,
        act: Act,
        user: Option<UserId>,
        context: &Context,
    ) -> Result<(), Fault> {
        let mut tx = self.store.begin().await?;
        let person = store::audit::pseudonym_of(&mut tx, user.unwrap_or(UserId(uuid::Uuid::nil()))).await?;
        let detail = format!("too many tries: {what}");
        self.record(&mut tx, Outcome::Refused(act), person, &detail, context, self.clock.now()).await?;
        Ok(tx.commit().await?)
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

/// What is counted for `account` by itself, or by a browser that it knows.
fn of_browser(account: &str, known_browser: Option<&[u8; 32]>) -> String {
    match known_browser {
        Some(browser) => format!("{account}:{}", hex(browser)),
        None => account.to_owned(),
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
