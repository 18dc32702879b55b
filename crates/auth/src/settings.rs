//! What an operator may decide, one struct a concern, each with its defaults.

use std::time::Duration;

use domain::{Email, Password, PasswordPolicy, Weakness};
use oidc::Algorithm;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::ephemeral::Budget;
use url::Url;

use crate::duration;

/// Everything the use cases are told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where people reach this server: the issuer of tokens and the start of every mailed link.
    pub public_url: Url,
    /// The name of the product, as people see it: no password may be made of it.
    pub product: String,
    /// Where a person may be sent after signing in or out: exact addresses.
    pub return_to: Vec<Url>,
    /// What tokens are signed by: there is a key for each. Ed25519 has to be among them.
    pub algorithms: Vec<Algorithm>,
    /// `[accounts]`.
    pub accounts: AccountSettings,
    /// `[limits]`.
    pub limits: Limits,
}

/// `[accounts]`: what an account must have.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct AccountSettings {
    /// Whether an address must be proved before it can sign in.
    pub require_proof: bool,
}

impl Default for AccountSettings {
    fn default() -> Self {
        Self { require_proof: true }
    }
}

impl Settings {
    /// Whether `password` may be set on an account with this address; without one, whether it may be on any.
    pub fn check_password(
        &self,
        password: &Password,
        email: Option<&Email>,
        second_step: bool,
    ) -> Result<(), Weakness> {
        self.policy().check(password, email, second_step)?;
        let maximum = self.limits.password_bytes as usize;
        if password.expose_bytes().len() > maximum {
            return Err(Weakness::TooLong { maximum });
        }
        if crate::common::is_common(password) {
            return Err(Weakness::Common);
        }
        Ok(())
    }

    /// The rule for passwords that these settings make, lists of common ones apart.
    pub fn policy(&self) -> PasswordPolicy<'_> {
        PasswordPolicy {
            product: &self.product,
            minimum: self.limits.password_minimum as usize,
            minimum_with_second_step: self.limits.password_minimum_with_second_step as usize,
        }
    }
}

/// `[limits]`: what bounds time and tries, in one table.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// A session ends when unused for so long.
    #[serde(with = "duration")]
    #[schemars(with = "duration::Written")]
    pub session_idle: Duration,
    /// A session ends so long after it began, used or not.
    #[serde(with = "duration")]
    #[schemars(with = "duration::Written")]
    pub session_absolute: Duration,
    /// A sensitive act needs a proof no older than this.
    #[serde(with = "duration")]
    #[schemars(with = "duration::Written")]
    pub fresh_proof: Duration,
    /// A token that projects a session is good for so long.
    #[serde(with = "duration")]
    #[schemars(with = "duration::Written")]
    pub token_life: Duration,
    /// What a process remembers of sessions, apps and tokens is believed for so long while it can hear of no change, neither by
    /// Redis nor from the database; then checks are refused until it can. 0: not at all.
    #[serde(with = "duration")]
    #[schemars(with = "duration::Written")]
    pub max_staleness: Duration,
    /// A mailed sign-in code is good for so long.
    #[serde(with = "duration")]
    #[schemars(with = "duration::Written")]
    pub code_life: Duration,
    /// A code may be guessed at so often, then a new one is needed.
    pub code_tries: u32,
    /// A password reset is good for so long.
    #[serde(with = "duration")]
    #[schemars(with = "duration::Written")]
    pub reset_life: Duration,
    /// A proof of address is good for so long.
    #[serde(with = "duration")]
    #[schemars(with = "duration::Written")]
    pub proof_life: Duration,
    /// Failures to sign in to one account…
    pub account_failures: u32,
    /// …in any stretch of this length…
    #[serde(with = "duration")]
    #[schemars(with = "duration::Written")]
    pub account_window: Duration,
    /// …then one try each time this has passed: an account is never locked.
    #[serde(with = "duration")]
    #[schemars(with = "duration::Written")]
    pub account_spacing: Duration,
    /// Second-step guesses an hour on one account, over all attempts; a browser that has signed in before has as many of its own.
    pub second_step_guesses: u32,
    /// Failures from one network…
    pub network_failures: u32,
    /// …in any stretch of this length.
    #[serde(with = "duration")]
    #[schemars(with = "duration::Written")]
    pub network_window: Duration,
    /// Requests of apps that wait until their person has signed in or consented, an hour from one network.
    pub network_requests: u32,
    /// Sign-ups an hour from one network.
    pub network_sign_ups: u32,
    /// Mails nobody signed in asked for, an hour to one address.
    pub mails: u32,
    /// Mails nobody signed in asked for, an hour from one network.
    pub network_mails: u32,
    /// Second-step mails an hour to one account: a right password came before each. A browser that has signed in before has as many
    /// of its own.
    pub second_step_mails: u32,
    /// A refresh token is good for so long, and each use gives a new one…
    #[serde(with = "duration")]
    #[schemars(with = "duration::Written")]
    pub refresh_idle: Duration,
    /// …until so long after the person let the app in.
    #[serde(with = "duration")]
    #[schemars(with = "duration::Written")]
    pub refresh_absolute: Duration,
    /// A key signs for so long, then the next one does.
    #[serde(with = "duration")]
    #[schemars(with = "duration::Written")]
    pub key_rotation: Duration,
    /// The most a request's body may be long, in bytes.
    pub body: u32,
    /// The fewest characters of a password that alone opens an account.
    pub password_minimum: u32,
    /// The fewest characters of a password with a second step behind it.
    pub password_minimum_with_second_step: u32,
    /// The most a new password may be long, in bytes of UTF-8. All of it is hashed.
    pub password_bytes: u32,
    /// Entries of the audit trail are kept for so long.
    #[serde(with = "duration")]
    #[schemars(with = "duration::Written")]
    pub audit_retention: Duration,
    /// A mail that is done with is shown to operators for so long.
    #[serde(with = "duration")]
    #[schemars(with = "duration::Written")]
    pub mail_retention: Duration,
    /// A browser that signed in to an account is known to it for so long after.
    #[serde(with = "duration")]
    #[schemars(with = "duration::Written")]
    pub browser_retention: Duration,
}

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

impl Default for Limits {
    fn default() -> Self {
        Self {
            session_idle: DAY * 7,
            session_absolute: DAY * 30,
            fresh_proof: MINUTE * 10,
            token_life: MINUTE * 10,
            max_staleness: Duration::from_secs(5),
            code_life: MINUTE * 10,
            code_tries: 5,
            reset_life: MINUTE * 30,
            proof_life: DAY,
            account_failures: 10,
            account_window: MINUTE * 15,
            account_spacing: MINUTE,
            second_step_guesses: 20,
            network_failures: 100,
            network_window: MINUTE * 15,
            network_requests: 1_000,
            network_sign_ups: 20,
            mails: 5,
            network_mails: 50,
            second_step_mails: 10,
            refresh_idle: DAY * 30,
            refresh_absolute: DAY * 90,
            key_rotation: DAY * 90,
            body: 64 * 1024,
            password_minimum: 15,
            password_minimum_with_second_step: 8,
            password_bytes: 512,
            audit_retention: DAY * 400,
            mail_retention: DAY * 7,
            browser_retention: DAY * 400,
        }
    }
}

impl Limits {
    pub(crate) fn account_budget(&self) -> Budget {
        Budget {
            limit: self.account_failures,
            window: self.account_window,
            spacing: Some(self.account_spacing),
        }
    }

    /// For so long after it was signed an ID token may come back as a hint: somebody may be signed in by it until then.
    pub(crate) fn longest_hint(&self) -> Duration {
        self.session_absolute.max(self.refresh_absolute)
    }

    pub(crate) fn network_budget(&self) -> Budget {
        Budget { limit: self.network_failures, window: self.network_window, spacing: None }
    }
}

/// A budget of `limit` an hour.
pub(crate) fn hourly(limit: u32) -> Budget {
    Budget { limit, window: HOUR, spacing: None }
}
