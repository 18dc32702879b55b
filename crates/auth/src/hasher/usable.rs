//! Hashes that cannot be verified here, whatever the password is: what a start says of them, and what becomes of them later.
//!
//! A start refuses a pepper that is missing. One may come to be missing while the server runs: another process on the same database
//! hashes with a pepper that this one was not given. Whoever shows a password for such an account is answered as anybody whose
//! password is wrong, for any other answer would tell that there is an account; the operator is told by the log and a metric.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::Hasher;
use super::stored::{Scheme, Stored};
use crate::Fault;

/// Peppers of which the log tells at the most: it stays short, whatever the database holds.
const MOST_TOLD: usize = 64;

/// What was met of them since the start.
#[derive(Debug, Default)]
pub(super) struct Unusable {
    met: AtomicU64,
    /// What the log told already: ids of peppers, and what is wrong with hashes that cannot be read.
    told: Mutex<HashSet<String>>,
}

impl Unusable {
    /// How often one was met.
    pub(super) fn met(&self) -> u64 {
        self.met.load(Ordering::Relaxed)
    }

    /// Whether the log has yet to tell of this. Once is enough: whoever guesses at such an account would fill it.
    fn is_news(&self, wrong: &str) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.len() < MOST_TOLD && told.insert(wrong.to_owned())
    }
}

impl Hasher {
    /// Refuses schemes whose pepper is not here, so that it is known before anybody signs in.
    pub(crate) fn check(&self, schemes: &[String]) -> Result<(), Fault> {
        for text in schemes {
            match Scheme::parse(text) {
                Ok(scheme) => {
                    if let Some(missing) = self.missing_pepper(&scheme) {
                        return Err(missing);
                    }
                    if !self.has_memory(&scheme) {
                        let (needed, available) = (scheme.memory_kib(), self.shared.pool.memory());
                        tracing::error!(
                            hash = scheme.describe(),
                            needed_kib = needed,
                            available_kib = available,
                            "some accounts have a password hash that takes more memory than all hashes together may, so that they \
                             cannot sign in with their password: set password.hashing.max_memory_kib to what it takes, or have them \
                             set a new one by \"forgot password\""
                        );
                    }
                }
                Err(error) => {
                    tracing::error!(%error, "some accounts have a password hash that this release cannot verify");
                }
            }
        }
        Ok(())
    }

    /// Whether a stored hash can be verified here. If not, no password is known to be right or wrong: it counts as one that is wrong,
    /// and the log says, once of each pepper and of each reason, what is to be done.
    pub(crate) fn can_verify(&self, hash: &str) -> bool {
        let unusable = &self.shared.unusable;
        match Stored::parse(hash) {
            Ok(Stored { scheme, .. }) => match self.missing_pepper(&scheme) {
                // That it takes more memory than there is was told at the start.
                None if self.has_memory(&scheme) => return true,
                None => {}
                Some(missing) => {
                    let key_id = scheme.pepper().unwrap_or_default();
                    if unusable.is_news(key_id) {
                        tracing::error!(
                            key_id,
                            error = %missing,
                            "an account's password cannot be verified here, and is answered as a wrong one: another server on this \
                             database hashes with a pepper that this one was not given"
                        );
                    }
                }
            },
            Err(error) => {
                if unusable.is_news(&error.to_string()) {
                    tracing::error!(
                        %error,
                        "an account has a password hash that this release cannot verify, and whoever shows its password is answered as \
                         if that were wrong: have its owner set a new one by \"forgot password\""
                    );
                }
            }
        }
        unusable.met.fetch_add(1, Ordering::Relaxed);
        false
    }

    fn missing_pepper(&self, scheme: &Scheme) -> Option<Fault> {
        let id = scheme.pepper().filter(|id| self.shared.peppers.find(id).is_none())?;
        Some(self.shared.peppers.missing(id))
    }

    pub(super) fn has_memory(&self, scheme: &Scheme) -> bool {
        scheme.memory_kib() <= self.shared.pool.memory()
    }
}
