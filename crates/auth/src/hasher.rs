//! Password hashing: how hashes are made and verified, and the threads it happens on.
//!
//! [`Hasher`] is all that the use cases see. Beneath it: the threads and their queue ([`pool`]), what a stored hash says
//! ([`stored`]), and how it is computed ([`compute`]).

mod argon;
mod compute;
mod foreign;
mod huge_pages;
mod memory;
mod metrics;
mod pepper;
mod pool;
mod quick;
mod room;
mod settings;
mod stored;
mod structured;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::Password;
use zeroize::Zeroizing;

pub use foreign::Foreign;
pub use metrics::{HASHING_BUCKETS, HashingMetrics, Histogram};
pub use pepper::Peppers;
pub use room::max_parallel;
pub use settings::{HasherSettings, HashingAlgorithm, HashingViolation};
pub use stored::Unreadable;
pub use structured::FirebaseParameters;

use crate::{Fault, Random};
use compute::Met;
use foreign::Kind;
use pool::{Done, Pool};
use stored::{Scheme, Stored};

/// Hashes and verifies passwords. A clone shares threads and memory.
#[derive(Clone, Debug)]
pub struct Hasher {
    shared: Arc<Shared>,
    random: Random,
}

#[derive(Debug)]
struct Shared {
    pool: Pool,
    /// How new hashes are made.
    scheme: Scheme,
    output_length: usize,
    peppers: Arc<Peppers>,
    /// What an unknown account's password is verified against, so that it costs the same.
    dummy: Arc<Stored>,
    /// What a hash of each scheme took at the most, of late, by the text of the scheme.
    costs: Mutex<HashMap<String, Duration>>,
}

/// What came of verifying a password.
#[derive(Clone, Copy, Debug)]
pub struct Verified {
    /// Whether it is the one.
    pub right: bool,
    /// Whether the hash should be replaced: it was made by other parameters, with another pepper, by another algorithm, or of
    /// the password as it was typed.
    pub outdated: bool,
    /// How long it took, once it began.
    pub took: Duration,
}

impl Hasher {
    /// A hasher that runs at most `parallel` hashes at once, without a pepper.
    pub fn new(settings: &HasherSettings, parallel: usize, random: Random) -> Result<Self, Fault> {
        Self::with_peppers(settings, parallel, Peppers::default(), random)
    }

    /// A hasher that runs at most `parallel` hashes at once.
    pub fn with_peppers(
        settings: &HasherSettings,
        parallel: usize,
        peppers: Peppers,
        random: Random,
    ) -> Result<Self, Fault> {
        let argon = settings.argon(peppers.current());
        argon.params()?;
        let scheme = Scheme::Argon(argon);
        let output_length = settings.output_length as usize;
        let output: [u8; 64] = random.bytes();
        let dummy = Stored {
            scheme: scheme.clone(),
            salts: vec![random.bytes::<16>().to_vec()],
            output: output.get(..output_length).unwrap_or(&output).to_vec(),
        };
        let shared = Shared {
            pool: Pool::start(parallel, settings.longest_wait)?,
            scheme,
            output_length: dummy.output.len(),
            peppers: Arc::new(peppers),
            dummy: Arc::new(dummy),
            costs: Mutex::default(),
        };
        Ok(Self { shared: Arc::new(shared), random })
    }

    /// The hash of a new password, to be stored.
    pub async fn hash(&self, password: &Password) -> Result<String, Fault> {
        let secret = Zeroizing::new(password.expose_bytes().to_vec());
        let salt: [u8; 16] = self.random.bytes();
        let (scheme, peppers) = (self.shared.scheme.clone(), self.shared.peppers.clone());
        let length = self.shared.output_length;
        let hashed = self.shared.pool.run(move |memory| {
            let Scheme::Argon(argon) = &scheme else {
                return Err(Fault::Corrupt("new hashes are made by Argon2id".to_owned()));
            };
            let mut output = vec![0; length];
            argon.compute(&secret, &salt, &mut output, &peppers, memory)?;
            Ok(Stored { scheme, salts: vec![salt.to_vec()], output }.to_string())
        });
        Ok(hashed.await?.value)
    }

    /// A hash that came from elsewhere, as it is stored: one that is too quick to be kept is wrapped in Argon2id, so that a
    /// stolen table is no easier to guess at.
    pub async fn adopt(&self, foreign: Foreign) -> Result<String, Fault> {
        let (how, inner_salt, inner) = match foreign.0 {
            Kind::Slow(stored) => return Ok(stored.to_string()),
            Kind::Quick { how, salt, output } => (how, salt, Zeroizing::new(output)),
        };
        let salt: [u8; 16] = self.random.bytes();
        let (scheme, peppers) = (self.shared.scheme.clone(), self.shared.peppers.clone());
        let wrapped = self.shared.pool.run(move |memory| {
            let Scheme::Argon(outer) = scheme else {
                return Err(Fault::Corrupt("quick hashes are wrapped in Argon2id".to_owned()));
            };
            let mut output = vec![0; 32];
            outer.compute(&inner, &salt, &mut output, &peppers, memory)?;
            let scheme = Scheme::Wrapped { inner: how, outer };
            Ok(Stored { scheme, salts: vec![inner_salt, salt.to_vec()], output }.to_string())
        });
        Ok(wrapped.await?.value)
    }

    /// Whether `password` is the one that `hash` is of. Without a hash (no such account) it is not, at the same cost.
    pub async fn verify(&self, password: &Password, hash: Option<&str>) -> Result<Verified, Fault> {
        let known = hash.is_some();
        let stored = match hash {
            Some(hash) => Arc::new(Stored::parse(hash).map_err(|error| {
                Fault::Corrupt(format!("a stored password hash cannot be verified: {error}"))
            })?),
            None => self.shared.dummy.clone(),
        };
        let Done { value, took } = self.compare(stored.clone(), password).await?;
        self.note(&stored.scheme, took);
        let outdated = stored.scheme != self.shared.scheme
            || stored.output.len() != self.shared.output_length
            || value == Met::AsTyped;
        Ok(Verified { right: known && value != Met::Not, outdated, took })
    }

    async fn compare(&self, stored: Arc<Stored>, password: &Password) -> Result<Done<Met>, Fault> {
        let (password, peppers) = (password.clone(), self.shared.peppers.clone());
        self.shared.pool.run(move |memory| stored.try_password(&password, &peppers, memory)).await
    }

    /// Keeps what a hash of a scheme took at the most, of late.
    fn note(&self, scheme: &Scheme, took: Duration) {
        let mut costs = self.shared.costs.lock().unwrap_or_else(PoisonError::into_inner);
        let dearest = costs.entry(scheme.to_string()).or_default();
        // One hiccup is forgotten again.
        *dearest = took.max(dearest.saturating_sub(dearest.saturating_sub(took) / 32));
    }

    /// What the dearest of these schemes costs, which are as [`store::passwords::schemes`] gives them, and ours with them: an
    /// address without an account costs that. Nothing if all are ours. One that was not met yet is tried.
    pub(crate) async fn dearest(&self, schemes: &[String]) -> Result<Option<Duration>, Fault> {
        let own = &self.shared.scheme;
        let others = schemes.iter().filter_map(|text| Scheme::parse(text).ok());
        let others: Vec<_> = others.filter(|scheme| scheme != own).collect();
        if others.is_empty() {
            return Ok(None);
        }
        let mut dearest = Duration::ZERO;
        for scheme in others.iter().chain([own]) {
            let known = {
                let costs = self.shared.costs.lock().unwrap_or_else(PoisonError::into_inner);
                costs.get(&scheme.to_string()).copied()
            };
            let cost = match known {
                Some(cost) => cost,
                None => self.measure(scheme).await?,
            };
            dearest = dearest.max(cost);
        }
        Ok(Some(dearest))
    }

    /// What a hash of a scheme takes: the longest of three.
    async fn measure(&self, scheme: &Scheme) -> Result<Duration, Fault> {
        let dummy = Arc::new(Stored::dummy(scheme, self.random.bytes(), self.random.token()));
        let password = Password::parse("what a hash of this kind takes")
            .map_err(|error| Fault::Corrupt(error.to_string()))?;
        let mut longest = Duration::ZERO;
        for _ in 0..3 {
            longest = longest.max(self.compare(dummy.clone(), &password).await?.took);
        }
        self.note(scheme, longest);
        Ok(longest)
    }

    /// Refuses schemes whose pepper is not here, so that it is known before anybody signs in.
    pub(crate) fn check(&self, schemes: &[String]) -> Result<(), Fault> {
        for text in schemes {
            match Scheme::parse(text) {
                Ok(scheme) => {
                    if let Some(id) = scheme.pepper()
                        && self.shared.peppers.find(id).is_none()
                    {
                        return Err(self.shared.peppers.missing(id));
                    }
                }
                Err(error) => {
                    tracing::error!(%error, "some accounts have a password hash that this release cannot verify");
                }
            }
        }
        Ok(())
    }

    /// The pool at this moment.
    pub fn metrics(&self) -> HashingMetrics {
        self.shared.pool.metrics()
    }
}

/// What a scheme is, as a person reads it.
pub fn describe_scheme(scheme: &str) -> String {
    Scheme::parse(scheme).map_or_else(|error| format!("unknown: {error}"), |scheme| scheme.describe())
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod vectors;
