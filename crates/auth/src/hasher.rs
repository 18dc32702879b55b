//! Password hashing, on threads of its own and never more at once than the machine has cores.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use argon2::password_hash::phc::{Output, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, ParamsBuilder, Version};
use domain::Password;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use crate::{Fault, Random};

/// `[password.hashing]`: Argon2id at OWASP's minimum.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct HasherSettings {
    /// Memory of one hash, KiB.
    pub memory_kib: u32,
    /// Passes over that memory.
    pub iterations: u32,
    /// Lanes.
    pub parallelism: u32,
}

impl Default for HasherSettings {
    fn default() -> Self {
        Self { memory_kib: 19_456, iterations: 2, parallelism: 1 }
    }
}

/// How long a hash may wait for its turn before the answer is "busy".
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// Hashes and verifies passwords. A clone shares the threads and buffers.
#[derive(Clone, Debug)]
pub struct Hasher {
    shared: Arc<Shared>,
    random: Random,
}

#[derive(Debug)]
struct Shared {
    params: Params,
    permits: Arc<Semaphore>,
    /// Memory between two hashes: allocating per hash holds hundreds of megabytes in glibc's arenas.
    buffers: Mutex<Vec<Vec<Block>>>,
    /// What an unknown account's password is verified against, so that it costs the same.
    dummy: String,
}

impl Hasher {
    /// A hasher that runs at most `parallel` hashes at once.
    pub fn new(settings: &HasherSettings, parallel: usize, random: Random) -> Result<Self, Fault> {
        let params = ParamsBuilder::new()
            .m_cost(settings.memory_kib)
            .t_cost(settings.iterations)
            .p_cost(settings.parallelism)
            .build()
            .map_err(|error| Fault::Corrupt(format!("[password.hashing] cannot be used: {error}")))?;
        let dummy = phc(&params, &random.bytes(), &random.token())?;
        let permits = Arc::new(Semaphore::new(parallel));
        let shared = Arc::new(Shared { params, permits, buffers: Mutex::default(), dummy });
        Ok(Self { shared, random })
    }

    /// The PHC string of a new password.
    pub async fn hash(&self, password: &Password) -> Result<String, Fault> {
        let salt: [u8; 16] = self.random.bytes();
        let password = password.clone();
        self.run(move |shared| {
            let mut output = [0; Params::DEFAULT_OUTPUT_LEN];
            shared.compute(&shared.params, &password, &salt, &mut output)?;
            phc(&shared.params, &salt, &output)
        })
        .await
    }

    /// Whether `password` is the one that `hash` is of. Without a hash (no such account) it is not, at the same cost.
    pub async fn verify(&self, password: &Password, hash: Option<&str>) -> Result<bool, Fault> {
        let known = hash.is_some();
        let hash = hash.map_or_else(|| self.shared.dummy.clone(), ToOwned::to_owned);
        let password = password.clone();
        self.run(move |shared| {
            let unreadable = |_| Fault::Corrupt("a stored password hash cannot be read".to_owned());
            let hash = PasswordHash::new(&hash).map_err(unreadable)?;
            let params = Params::try_from(&hash)
                .map_err(|_| Fault::Corrupt("a stored password hash is of no known kind".to_owned()))?;
            let (Some(salt), Some(expected)) = (hash.salt, hash.hash) else {
                return Err(Fault::Corrupt("a stored password hash has no salt or no output".to_owned()));
            };
            let mut output = vec![0; expected.as_bytes().len()];
            shared.compute(&params, &password, salt.as_ref(), &mut output)?;
            Ok(secrets::constant_time_equal(&output, expected.as_bytes()) && known)
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shared) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        let waiting = self.shared.permits.clone().acquire_owned();
        let Ok(Ok(permit)) = tokio::time::timeout(LONGEST_WAIT, waiting).await else {
            return Err(Fault::Busy { retry_after: LONGEST_WAIT });
        };
        let shared = self.shared.clone();
        let span = tracing::Span::current();
        // The permit travels with the work: a caller that hangs up does not make room for one hash more.
        tokio::task::spawn_blocking(move || {
            let _permit = permit;
            span.in_scope(|| work(&shared))
        })
        .await
        .unwrap_or_else(|_| Err(Fault::Corrupt("hashing a password panicked".to_owned())))
    }
}

impl Shared {
    fn compute(
        &self,
        params: &Params,
        password: &Password,
        salt: &[u8],
        output: &mut [u8],
    ) -> Result<(), Fault> {
        let mut buffer =
            self.buffers.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        if buffer.len() < params.block_count() {
            buffer.resize(params.block_count(), Block::new());
        }
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
        let done = argon2.hash_password_into_with_memory(
            password.expose_bytes(),
            salt,
            output,
            &mut buffer[..params.block_count()],
        );
        self.buffers.lock().unwrap_or_else(PoisonError::into_inner).push(buffer);
        done.map_err(|error| Fault::Corrupt(format!("a password could not be hashed: {error}")))
    }
}

fn phc(params: &Params, salt: &[u8; 16], output: &[u8; 32]) -> Result<String, Fault> {
    let failed = |_| Fault::Corrupt("a password hash could not be written".to_owned());
    Ok(PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: params
            .try_into()
            .map_err(|_| Fault::Corrupt("a password hash could not be written".to_owned()))?,
        salt: Some(Salt::new(salt).map_err(failed)?),
        hash: Some(Output::new(output).map_err(failed)?),
    }
    .to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hasher(settings: &HasherSettings, parallel: usize) -> Hasher {
        Hasher::new(settings, parallel, Random::system()).unwrap()
    }

    const WEAK: HasherSettings = HasherSettings { memory_kib: 64, iterations: 1, parallelism: 1 };

    #[tokio::test]
    async fn a_hash_verifies_its_own_password_only() {
        let hasher = hasher(&WEAK, 2);
        let password = Password::parse("correct horse battery").unwrap();
        let hash = hasher.hash(&password).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{hash}");
        assert!(hasher.verify(&password, Some(&hash)).await.unwrap());
        assert!(!hasher.verify(&Password::parse("another").unwrap(), Some(&hash)).await.unwrap());
        assert!(!hasher.verify(&password, None).await.unwrap());
    }

    #[tokio::test]
    async fn a_hash_with_other_parameters_still_verifies() {
        let password = Password::parse("correct horse battery").unwrap();
        let old = HasherSettings { memory_kib: 256, iterations: 3, parallelism: 2 };
        let hash = hasher(&old, 1).hash(&password).await.unwrap();
        assert!(hasher(&WEAK, 1).verify(&password, Some(&hash)).await.unwrap());
    }

    /// RFC 9106 names no vector without secret and data; this one is of the reference implementation's own tests.
    #[tokio::test]
    async fn a_hash_of_the_reference_implementation_verifies() {
        let hash = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        let password = Password::parse("password").unwrap();
        assert!(hasher(&WEAK, 1).verify(&password, Some(hash)).await.unwrap());
    }

    #[tokio::test]
    async fn a_hash_that_cannot_be_read_is_a_fault_and_no_panic() {
        let hasher = hasher(&WEAK, 1);
        let password = Password::parse("password").unwrap();
        for hash in ["", "plain", "$argon2id$", "$2b$12$abc", "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ"] {
            assert!(matches!(hasher.verify(&password, Some(hash)).await, Err(Fault::Corrupt(_))), "{hash}");
        }
    }
}
