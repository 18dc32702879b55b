//! Password hashing: how hashes are made and verified, and the threads it happens on.
//!
//! [`Hasher`] is all that the use cases see. Beneath it: the threads and their queue ([`pool`]), what a stored hash says
//! ([`stored`]), and how it is computed ([`compute`]).

mod argon;
mod compute;
mod foreign;
mod huge_pages;
mod kinds;
mod memory;
mod metrics;
mod pepper;
mod pool;
mod quick;
mod room;
mod settings;
mod stored;
mod structured;
mod usable;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use domain::Password;
use zeroize::Zeroizing;

pub use foreign::Foreign;
pub(crate) use kinds::{Kinds, MOST as MOST_KINDS};
pub use metrics::{HASHING_BUCKETS, HashingMetrics, Histogram};
pub use pepper::Peppers;
pub use room::{has_room, max_parallel};
pub use settings::{HasherSettings, HashingAlgorithm, HashingViolation};
pub use stored::Unreadable;
pub use structured::FirebaseParameters;

use crate::{Fault, Random};
use compute::Met;
use foreign::Kind;
use memory::Memory;
use pool::{Done, Pool};
use stored::{Scheme, Stored};
use usable::Unusable;

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
    /// Hashes that were computed beside the one that was asked for.
    decoys: AtomicU64,
    /// Hashes that were met and cannot be verified here.
    unusable: Unusable,
}

/// Why an account cannot be brought in with its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoRoom {
    /// It would be of one kind more than there may be.
    Kinds,
    /// It takes more memory, in KiB, than all hashes together may.
    Memory { needed: usize, available: usize },
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

    /// A hasher that runs at most `parallel` hashes at once, and fewer while they take more memory than those of ours.
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
            pool: Pool::start(parallel, settings.shared_memory(parallel), settings.longest_wait)?,
            scheme,
            output_length: dummy.output.len(),
            peppers: Arc::new(peppers),
            dummy: Arc::new(dummy),
            decoys: AtomicU64::default(),
            unusable: Unusable::default(),
        };
        Ok(Self { shared: Arc::new(shared), random })
    }

    /// The hash of a new password, to be stored.
    pub async fn hash(&self, password: &Password) -> Result<String, Fault> {
        let secret = Zeroizing::new(password.expose_bytes().to_vec());
        let salt: [u8; 16] = self.random.bytes();
        let (scheme, peppers) = (self.shared.scheme.clone(), self.shared.peppers.clone());
        let length = self.shared.output_length;
        let hashed = self.shared.pool.run(scheme.memory_kib(), move |memory| {
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
        let wrapped = self.shared.pool.run(scheme.memory_kib(), move |memory| {
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
            Some(hash) => Arc::new(read(hash)?),
            None => self.shared.dummy.clone(),
        };
        let (scheme, length) = (stored.scheme.clone(), stored.output.len());
        let needed = scheme.memory_kib();
        let (password, peppers) = (password.clone(), self.shared.peppers.clone());
        let work = move |memory: &mut Memory| stored.try_password(&password, &peppers, memory);
        let Done { value, took } = self.shared.pool.run(needed, work).await?;
        Ok(self.verified(value, known.then_some((&scheme, length)), took))
    }

    /// The same, of somebody who may be anybody: a failure does the work of all these kinds, whichever the hash is of and whether
    /// there is one, and so does success if it is none (`may_enter`).
    pub(crate) async fn verify_among(
        &self,
        kinds: &Arc<Kinds>,
        password: &Password,
        hash: Option<&str>,
        may_enter: bool,
    ) -> Result<Verified, Fault> {
        let own = hash.map(read).transpose()?;
        let of = own.as_ref().map(|own| (own.scheme.clone(), own.output.len()));
        let mut kinds = kinds.clone();
        if let Some((scheme, _)) = &of
            && !kinds.cover(scheme)
        {
            Arc::make_mut(&mut kinds).add(scheme, &self.random);
        }
        let needed = kinds.memory_kib();
        let (password, peppers) = (password.clone(), self.shared.peppers.clone());
        let work = move |memory: &mut Memory| {
            kinds.try_password(own.as_ref(), may_enter, &password, &peppers, memory)
        };
        let Done { value: (met, computed), took } = self.shared.pool.run(needed, work).await?;
        self.shared.decoys.fetch_add(computed.saturating_sub(1), Ordering::Relaxed);
        Ok(self.verified(met, of.as_ref().map(|(scheme, length)| (scheme, *length)), took))
    }

    fn verified(&self, met: Met, of: Option<(&Scheme, usize)>, took: Duration) -> Verified {
        let ours = (&self.shared.scheme, self.shared.output_length);
        Verified {
            right: of.is_some() && met != Met::Not,
            outdated: of.is_some_and(|of| of != ours) || met == Met::AsTyped,
            took,
        }
    }

    /// Ours, and the kinds of these schemes, which are as [`store::passwords::schemes`] gives them. Of one that cannot be read, or takes
    /// more memory than there is, there is no work to do.
    pub(crate) fn kinds(&self, schemes: &[String]) -> Kinds {
        let schemes = schemes.iter().filter_map(|text| Scheme::parse(text).ok());
        let schemes = schemes.filter(|scheme| self.has_memory(scheme));
        Kinds::new(&self.shared.scheme, schemes, &self.random)
    }

    /// Adds the kind of a hash that is to be brought in, unless it takes more memory than there is, or would be a kind too many.
    pub(crate) fn make_room(&self, kinds: &mut Kinds, foreign: &Foreign) -> Result<(), NoRoom> {
        let scheme = match (&foreign.0, &self.shared.scheme) {
            (Kind::Quick { how, .. }, Scheme::Argon(outer)) => {
                Scheme::Wrapped { inner: how.clone(), outer: outer.clone() }
            }
            (Kind::Quick { .. }, scheme) => scheme.clone(),
            (Kind::Slow(stored), _) => stored.scheme.clone(),
        };
        if !self.has_memory(&scheme) {
            return Err(NoRoom::Memory { needed: scheme.memory_kib(), available: self.shared.pool.memory() });
        }
        let mut with = kinds.clone();
        with.add(&scheme, &self.random);
        if with.count() > kinds.count() && with.count() > MOST_KINDS {
            return Err(NoRoom::Kinds);
        }
        *kinds = with;
        Ok(())
    }

    /// What a failed sign-in takes.
    pub(crate) async fn measure(&self, kinds: &Arc<Kinds>) -> Result<Duration, Fault> {
        let password = Password::parse("what a failed sign-in takes")
            .map_err(|error| Fault::Corrupt(error.to_string()))?;
        Ok(self.verify_among(kinds, &password, None, false).await?.took)
    }

    /// How long whoever signs in may have to wait.
    pub(crate) fn longest_wait(&self) -> Duration {
        self.shared.pool.longest_wait()
    }

    /// The pool at this moment.
    pub fn metrics(&self) -> HashingMetrics {
        let decoys = self.shared.decoys.load(Ordering::Relaxed);
        HashingMetrics { decoys, unusable: self.shared.unusable.met(), ..self.shared.pool.metrics() }
    }
}

fn read(hash: &str) -> Result<Stored, Fault> {
    Stored::parse(hash)
        .map_err(|error| Fault::Corrupt(format!("a stored password hash cannot be verified: {error}")))
}

/// What a scheme is, as a person reads it.
pub fn describe_scheme(scheme: &str) -> String {
    Scheme::parse(scheme).map_or_else(|error| format!("unknown: {error}"), |scheme| scheme.describe())
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod vectors;
