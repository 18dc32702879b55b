//! The one limiter. Every path that takes a credential asks it first; there is no bypass. What it counts holds over all
//! processes while Redis is there, and in each of them when it is not.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::{Network, Timestamp, UserId};
use store::ephemeral::{Charge, Ephemeral, Spent};

use crate::audit::{Act, Outcome};
use crate::counts::{Counts, Kind};
use crate::metrics::ByKind;
use crate::settings::hourly;
use crate::{Auth, Context, Fault, Limits};

/// Too many tries. Nothing was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many tries: come back in {} s", .retry_after.as_secs().max(1))]
pub struct TooMany {
    /// When the next try is let through.
    pub retry_after: Duration,
    /// Which budget is spent, if the trail is to be told: once a window of it, or a limit would be a way to fill the trail.
    pub(crate) news: Option<Budget>,
}

/// What a try counts against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Budget {
    Account,
    Network,
    App,
    Requests,
    Guesses,
    SignUps,
    MailsFromNetwork,
    Mails,
    SecondStepMails,
}

impl Budget {
    /// What the trail calls it.
    fn name(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Network => "network",
            Self::App => "an app on the network",
            Self::Requests => "requests of apps from the network",
            Self::Guesses => "guesses",
            Self::SignUps => "sign-ups from the network",
            Self::MailsFromNetwork => "mails from the network",
            Self::Mails => "mails",
            Self::SecondStepMails => "second-step mails",
        }
    }
}

impl Kind for Budget {
    const ALL: &'static [Self] = &[
        Self::Account,
        Self::Network,
        Self::App,
        Self::Requests,
        Self::Guesses,
        Self::SignUps,
        Self::MailsFromNetwork,
        Self::Mails,
        Self::SecondStepMails,
    ];

    fn index(self) -> usize {
        self as usize
    }

    fn label(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Network => "network",
            Self::App => "app",
            Self::Requests => "requests",
            Self::Guesses => "guesses",
            Self::SignUps => "sign_ups",
            Self::MailsFromNetwork => "mails_from_network",
            Self::Mails => "mails",
            Self::SecondStepMails => "second_step_mails",
        }
    }
}

/// A budget, and the charge on it.
type Named = (Budget, Charge);

/// The limits and what counts against them.
#[derive(Debug)]
pub(crate) struct Limiter {
    ephemeral: Ephemeral,
    limits: Limits,
    refusals: Counts<Budget>,
}

/// A try that was let through. It counts as a failure unless it is [`refunded`](Try::refund).
#[must_use = "a try counts as a failure until it is refunded"]
#[derive(Debug)]
pub(crate) struct Try<'a> {
    limiter: &'a Limiter,
    at: Timestamp,
    charges: Vec<Charge>,
}

impl Limiter {
    pub(crate) fn new(ephemeral: Ephemeral, limits: Limits) -> Self {
        Self { ephemeral, limits, refusals: Counts::default() }
    }

    /// Tries that were turned away, by the budget that was spent.
    pub(crate) fn refusals(&self) -> ByKind {
        self.refusals.read()
    }

    /// A try at a credential of `account` (its normalised address, whether or not there is such an account). A browser
    /// that has signed in to it before has a budget of its own, and no part in that of its network: whoever shares that cannot keep
    /// the owner out.
    pub(crate) async fn credential(
        &self,
        account: &str,
        known_browser: Option<&[u8; 32]>,
        context: &Context,
        now: Timestamp,
    ) -> Result<Try<'_>, TooMany> {
        let key = key("account", &of_browser(account, known_browser));
        let account = (Budget::Account, Charge { key, budget: self.limits.account_budget() });
        self.take(self.of_whom(account, known_browser, context), now).await
    }

    /// Evidence that names no account: a link, or the code of something that is not there.
    pub(crate) async fn evidence(&self, context: &Context, now: Timestamp) -> Result<Try<'_>, TooMany> {
        self.take(vec![self.network(context.network)], now).await
    }

    /// Whether an app may try to prove itself. Nothing is held while it does: an app that asks for many tokens at once must
    /// not be taken for one that fails. What fails is told by [`app_failed`](Self::app_failed).
    pub(crate) async fn app(&self, client_id: &str, network: Network, now: Timestamp) -> Result<(), TooMany> {
        let (budget, charge) = self.failures_of_app(client_id, network);
        match self.ephemeral.ask(std::slice::from_ref(&charge), now).await {
            Ok(()) => Ok(()),
            Err(spent) => Err(self.too_many(budget, &charge, spent, now).await),
        }
    }

    /// The same of an app that is asked in the usual way if this says no: nothing is counted, nor told.
    pub(crate) async fn lets_app_try(&self, client_id: &str, network: Network, now: Timestamp) -> bool {
        let (_, charge) = self.failures_of_app(client_id, network);
        self.ephemeral.ask(std::slice::from_ref(&charge), now).await.is_ok()
    }

    /// An app failed to prove itself. Its failures are its own: one with an old secret must not keep the people of its
    /// network from signing in, nor the apps beside it from their tokens.
    pub(crate) async fn app_failed(
        &self,
        client_id: &str,
        network: Network,
        now: Timestamp,
    ) -> Result<(), TooMany> {
        self.take(vec![self.failures_of_app(client_id, network)], now).await.map(|_counted| ())
    }

    fn failures_of_app(&self, client_id: &str, network: Network) -> Named {
        let key = key("app", &format!("{network}:{client_id}"));
        (Budget::App, Charge { key, budget: self.limits.network_budget() })
    }

    /// A request of an app that is to wait for its person: anybody can send one.
    pub(crate) async fn waiting_request(&self, context: &Context, now: Timestamp) -> Result<(), TooMany> {
        let key = key("requests", &context.network.to_string());
        let budget = hourly(self.limits.network_requests);
        let requests = (Budget::Requests, Charge { key, budget });
        self.take(vec![requests], now).await.map(|_counted| ())
    }

    /// A guess at a code that was mailed to `account` for `purpose`: wrong ones are counted over everything that was
    /// ever mailed, so that asking for another code gives no more guesses. A browser that has signed in to it before has a
    /// budget of its own: whoever knows the password, and no more, has none such and cannot keep the owner out. So has the
    /// browser that signed up, where the mails that it may ask for bound the guesses as well: whoever signs up by
    /// an address is not kept out by a stranger who does the same.
    pub(crate) async fn guess(
        &self,
        account: &str,
        (known_browser, own_browser): (Option<&[u8; 32]>, Option<&[u8; 32]>),
        purpose: &str,
        context: &Context,
        now: Timestamp,
    ) -> Result<Try<'_>, TooMany> {
        let whom = of_browser(account, known_browser.or(own_browser));
        let key = key("guess", &format!("{purpose}:{whom}"));
        let guesses = (Budget::Guesses, Charge { key, budget: hourly(self.limits.second_step_guesses) });
        self.take(self.of_whom(guesses, known_browser, context), now).await
    }

    /// What a try costs: of its own budget, and of the network's if it comes from a browser that is not known.
    fn of_whom(&self, own: Named, known_browser: Option<&[u8; 32]>, context: &Context) -> Vec<Named> {
        match known_browser {
            Some(_) => vec![own],
            None => vec![self.network(context.network), own],
        }
    }

    /// A sign-up.
    pub(crate) async fn sign_up(&self, context: &Context, now: Timestamp) -> Result<Try<'_>, TooMany> {
        let key = key("sign-up", &context.network.to_string());
        let budget = hourly(self.limits.network_sign_ups);
        let sign_ups = (Budget::SignUps, Charge { key, budget });
        self.take(vec![sign_ups], now).await
    }

    /// Mails for the asking, one to each of `addresses`: so many to one address, and so many from one network. All of
    /// them, or none: what is turned away costs nobody anything, least of all whoever the mail would have gone to. A
    /// browser that is known to the address's account has a budget of its own, which no stranger can use up.
    pub(crate) async fn mails(
        &self,
        addresses: &[(&str, Option<&[u8; 32]>)],
        context: &Context,
        now: Timestamp,
    ) -> Result<Try<'_>, TooMany> {
        let network = Charge {
            key: key("mails-from", &context.network.to_string()),
            budget: hourly(self.limits.network_mails),
        };
        let mut charges = vec![(Budget::MailsFromNetwork, network); addresses.len()];
        charges.extend(addresses.iter().map(|(address, known_browser)| {
            let key = key("mail", &of_browser(address, *known_browser));
            (Budget::Mails, Charge { key, budget: hourly(self.limits.mails) })
        }));
        self.take(charges, now).await
    }

    /// A mail with a second-step code. A browser that has signed in before has a budget of its own here too.
    pub(crate) async fn second_step_mail(
        &self,
        address: &str,
        known_browser: Option<&[u8; 32]>,
        now: Timestamp,
    ) -> Result<(), TooMany> {
        let key = key("second-step-mail", &of_browser(address, known_browser));
        let budget = hourly(self.limits.second_step_mails);
        self.take(vec![(Budget::SecondStepMails, Charge { key, budget })], now).await.map(|_counted| ())
    }

    fn network(&self, network: Network) -> Named {
        let key = key("network", &network.to_string());
        (Budget::Network, Charge { key, budget: self.limits.network_budget() })
    }

    /// Charges all, or none.
    async fn take(&self, named: Vec<Named>, now: Timestamp) -> Result<Try<'_>, TooMany> {
        let (budgets, charges): (Vec<_>, Vec<_>) = named.into_iter().unzip();
        let Err(spent) = self.ephemeral.hit(&charges, now).await else {
            return Ok(Try { limiter: self, at: now, charges });
        };
        Err(self.too_many(budgets[spent.charge], &charges[spent.charge], spent, now).await)
    }

    async fn too_many(&self, budget: Budget, charge: &Charge, spent: Spent, now: Timestamp) -> TooMany {
        self.refusals.add(budget);
        let news = self.ephemeral.is_news(charge, now).await;
        TooMany { retry_after: spent.retry_after, news: news.then_some(budget) }
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
                    self.record_too_many(what.name(), act, user, context).await?;
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
        let person = store::audit::pseudonym_of(&mut tx, user.unwrap_or(store::users::NOBODY)).await?;
        let detail = format!("too many tries: {what}");
        self.record(&mut tx, Outcome::Refused(act), person, &detail, context, self.clock.now()).await?;
        Ok(tx.commit().await?)
    }
}

impl Try<'_> {
    /// Both as one.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.charges.extend(other.charges);
        self
    }

    /// It was no failure after all: the budgets get it back.
    pub(crate) async fn refund(self) {
        self.limiter.ephemeral.refund(&self.charges, self.at).await;
    }

    /// A fault of ours is nobody's failure: the budgets get it back.
    pub(crate) async fn unless_fault<T>(self, result: Result<T, Fault>) -> Result<(Self, T), Fault> {
        match result {
            Ok(value) => Ok((self, value)),
            Err(fault) => {
                self.refund().await;
                Err(fault)
            }
        }
    }
}

/// What is counted, and for whom: as a hash, so that whoever sees the keys in Redis does not read addresses in them.
fn key(what: &str, whom: &str) -> String {
    let hash = secrets::sha256(whom.as_bytes());
    format!("{what}:{}", URL_SAFE_NO_PAD.encode(&hash[..16]))
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
