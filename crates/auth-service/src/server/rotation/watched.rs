//! One secret in force, and what is known of the place where it is kept.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::Timestamp;
use secrets::{ExposeSecret as _, Lease, Secret, SecretError, SecretRef, SecretString, constant_time_equal};
use tokio::time::Instant;

use super::users::User;
use super::{FIRST_PAUSE, LONGEST_PAUSE};
use crate::config::Named;

/// A secret in force.
pub(super) struct Watched {
    setting: &'static str,
    pub(super) reference: SecretRef,
    pub(super) user: User,
    held: SecretString,
    version: Option<String>,
    /// For how long it is good, where its manager takes it back.
    pub(super) lease: Option<Lease>,
    /// Since when it is in force, here.
    since: Timestamp,
    /// When it was last seen to be what is kept in its place.
    confirmed: Timestamp,
    trouble: Option<Trouble>,
    /// When it is looked at again.
    pub(super) due: Instant,
    pause: Duration,
    taken: u64,
    refused: u64,
}

/// Why what is in force may not be what is kept.
enum Trouble {
    /// The place could not be read.
    Unread(String),
    /// What is kept there was refused.
    Refused(SecretString, String),
}

/// What may be told of a secret.
#[derive(Clone, Debug)]
pub(crate) struct ToldSecret {
    pub(crate) setting: &'static str,
    pub(crate) reference: String,
    pub(crate) length: usize,
    pub(crate) version: Option<String>,
    /// For how long it has been in force.
    pub(crate) age: Duration,
    /// For how long nobody has seen whether it still is what is kept.
    pub(crate) stale: Duration,
    /// Why it may not be.
    pub(crate) problem: Option<String>,
}

/// What metrics tell of a setting; where it names several secrets, of all of them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) setting: &'static str,
    /// The longest.
    pub(crate) stale: Duration,
    /// Something else is kept in its place, and was refused.
    pub(crate) waits: bool,
    pub(crate) taken: u64,
    pub(crate) refused: u64,
}

impl Watched {
    pub(super) fn new(named: &Named<'_>, secret: Secret, now: Timestamp, due: Instant) -> Self {
        Self {
            setting: named.setting,
            reference: named.reference.clone(),
            user: User::of(named.setting),
            held: secret.value,
            version: secret.version,
            lease: secret.lease,
            since: now,
            confirmed: now,
            trouble: None,
            due,
            pause: FIRST_PAUSE,
            taken: 0,
            refused: 0,
        }
    }

    /// Whether this is what is in force.
    pub(super) fn holds(&self, secret: &Secret) -> bool {
        is_same(&self.held, &secret.value)
    }

    /// What is kept is what is in force.
    pub(super) fn confirm(&mut self, secret: Secret, now: Timestamp, due: Instant) {
        match self.trouble.take() {
            Some(Trouble::Unread(_)) => {
                tracing::info!(setting = self.setting, reference = %self.reference, "a secret can be read again");
            }
            Some(Trouble::Refused(..)) => {
                tracing::info!(
                    setting = self.setting,
                    reference = %self.reference,
                    "a secret that was refused is gone from its place again: what is in force is kept there"
                );
            }
            None => {}
        }
        (self.version, self.lease) = (secret.version, secret.lease);
        self.settle(now, due);
    }

    /// It is good for longer.
    pub(super) fn renew(&mut self, longer: Lease, now: Timestamp) {
        let due = longer.due();
        self.lease = Some(longer);
        self.settle(now, due);
    }

    /// Whether whoever reads it anew is made another.
    pub(super) fn is_made(&self) -> bool {
        self.lease.as_ref().is_some_and(Lease::is_made)
    }

    /// What is kept is in force from now on.
    pub(super) fn take(&mut self, secret: Secret, now: Timestamp, due: Instant) {
        (self.held, self.version, self.lease) = (secret.value, secret.version, secret.lease);
        (self.since, self.trouble) = (now, None);
        self.taken += 1;
        self.settle(now, due);
        let version = self.version.as_deref();
        tracing::info!(setting = self.setting, reference = %self.reference, version, "a changed secret is in force");
    }

    fn settle(&mut self, now: Timestamp, due: Instant) {
        (self.confirmed, self.due, self.pause) = (now, due, FIRST_PAUSE);
    }

    /// What is kept was refused, and is offered again later: a server may be about to be told it.
    pub(super) fn refuse(&mut self, secret: Secret, why: &str, now: Instant) {
        self.put_off(now);
        let is_known = matches!(&self.trouble, Some(Trouble::Refused(candidate, _)) if is_same(candidate, &secret.value));
        if !is_known {
            self.refused += 1;
            tracing::error!(
                setting = self.setting,
                reference = %self.reference,
                version = secret.version,
                error = why,
                "a changed secret is refused, and the one before stays in force"
            );
        }
        self.trouble = Some(Trouble::Refused(secret.value, why.to_owned()));
    }

    /// Its place could not be read.
    pub(super) fn fail(&mut self, error: &SecretError, now: Instant) {
        self.put_off(now);
        if self.trouble.is_none() {
            let (setting, reference) = (self.setting, &self.reference);
            tracing::warn!(
                setting,
                %reference,
                %error,
                "a secret could not be read anew, and what is held stays in force"
            );
        }
        if !matches!(self.trouble, Some(Trouble::Refused(..))) {
            self.trouble = Some(Trouble::Unread(error.to_string()));
        }
    }

    fn put_off(&mut self, now: Instant) {
        self.due = now + self.pause;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }

    /// What may be told of it, beside what is kept in its place now.
    pub(super) fn compared(&self, kept: Option<Result<Secret, SecretError>>, now: Timestamp) -> ToldSecret {
        let told = self.told(now);
        let Some(kept) = kept else { return told };
        match kept {
            Ok(secret) if self.holds(&secret) => {
                ToldSecret { stale: Duration::ZERO, version: secret.version, problem: None, ..told }
            }
            Ok(_) => {
                let problem = told.problem.unwrap_or_else(|| {
                    "another is kept there than is in force: `keyward secrets refresh` hands it over"
                        .to_owned()
                });
                ToldSecret { problem: Some(problem), ..told }
            }
            Err(error) => ToldSecret { problem: Some(error.to_string()), ..told },
        }
    }

    pub(super) fn told(&self, now: Timestamp) -> ToldSecret {
        ToldSecret {
            setting: self.setting,
            reference: self.reference.to_string(),
            length: self.held.expose_secret().len(),
            version: self.version.clone(),
            age: now.since(self.since),
            stale: now.since(self.confirmed),
            problem: self.trouble.as_ref().map(|trouble| match trouble {
                Trouble::Unread(error) => error.clone(),
                Trouble::Refused(_, why) => format!("another is kept there, and is refused: {why}"),
            }),
        }
    }
}

/// By setting, in the order of the configuration.
pub(super) fn tally(watched: &[Watched], now: Timestamp) -> Vec<Tally> {
    let mut order: Vec<Tally> = Vec::new();
    let mut at = BTreeMap::new();
    for one in watched {
        let place = *at.entry(one.setting).or_insert_with(|| {
            order.push(Tally { setting: one.setting, ..Tally::default() });
            order.len() - 1
        });
        let tally = &mut order[place];
        tally.stale = tally.stale.max(now.since(one.confirmed));
        tally.waits |= matches!(one.trouble, Some(Trouble::Refused(..)));
        tally.taken += one.taken;
        tally.refused += one.refused;
    }
    order
}

fn is_same(one: &SecretString, other: &SecretString) -> bool {
    constant_time_equal(one.expose_secret().as_bytes(), other.expose_secret().as_bytes())
}
