//! Whether a password is the one that a stored hash is of.

use domain::Password;
use secrets::constant_time_equal;
use secrets::legacy::{self, Digest};
use zeroize::Zeroizing;

use super::memory::Memory;
use super::pepper::Peppers;
use super::stored::{Scheme, Stored};
use crate::Fault;

/// bcrypt reads no further, and neither did whoever made the hash.
const BCRYPT_BYTES: usize = 72;

/// How a password met a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Met {
    /// As it is hashed here, in NFKC.
    Normal,
    /// As it was typed, which whoever made the hash did not normalise.
    AsTyped,
    /// Not at all.
    Not,
}

impl Stored {
    /// Tries the password as it is hashed here, and then, where that is something else, as it was typed: others do not
    /// normalise. How long it takes depends on what was typed, and not on whether it is right.
    pub(super) fn try_password(
        &self,
        password: &Password,
        peppers: &Peppers,
        memory: &mut Memory,
    ) -> Result<Met, Fault> {
        let normal = self.is_met(password.expose_bytes(), peppers, memory)?;
        let typed = match password.expose_typed() {
            Some(typed) => self.is_met(typed, peppers, memory)?,
            None => false,
        };
        Ok(match (normal, typed) {
            (true, _) => Met::Normal,
            (false, true) => Met::AsTyped,
            (false, false) => Met::Not,
        })
    }

    fn is_met(&self, password: &[u8], peppers: &Peppers, memory: &mut Memory) -> Result<bool, Fault> {
        let output = self.compute(password, peppers, memory)?;
        Ok(constant_time_equal(&output, &self.output))
    }

    fn compute(
        &self,
        password: &[u8],
        peppers: &Peppers,
        memory: &mut Memory,
    ) -> Result<Zeroizing<Vec<u8>>, Fault> {
        let mut output = Zeroizing::new(vec![0; self.output.len()]);
        let first = self.salts.first().map_or(&[][..], Vec::as_slice);
        let last = self.salts.last().map_or(&[][..], Vec::as_slice);
        match &self.scheme {
            Scheme::Argon(argon) => argon.compute(password, first, &mut output, peppers, memory)?,
            Scheme::Wrapped { inner, outer } => {
                let inner = inner.compute(password, first);
                outer.compute(&inner, last, &mut output, peppers, memory)?;
            }
            Scheme::Bcrypt { cost, over_sha256, .. } => {
                let salt = first.try_into().map_err(|_| broken("a bcrypt salt"))?;
                let secret = bcrypt_secret(password, *over_sha256);
                let computed = Zeroizing::new(bcrypt::bcrypt(*cost, salt, &secret));
                // The last of its 24 bytes was never written down.
                output = Zeroizing::new(computed[..23].to_vec());
            }
            Scheme::Scrypt { log_n, r, p } => {
                // The crate allocates for itself.
                memory.make_room(self.scheme.memory_kib());
                scrypt(*log_n, *r, *p, password, first, &mut output)?;
            }
            Scheme::Firebase { log_n, r, separator, signer } => {
                let salt = [first, separator.as_slice()].concat();
                let mut derived = Zeroizing::new([0; 64]);
                memory.make_room(self.scheme.memory_kib());
                scrypt(*log_n, *r, 1, password, &salt, derived.as_mut_slice())?;
                let key = derived.first_chunk().ok_or_else(|| broken("a derived key"))?;
                output = Zeroizing::new(signer.clone());
                legacy::aes_256_counter(key, &mut output).ok_or_else(|| broken("a Firebase hash"))?;
            }
        }
        Ok(output)
    }
}

fn broken(what: &str) -> Fault {
    Fault::Corrupt(format!("{what} could not be used"))
}

/// What bcrypt is given: the bytes, a NUL as C has it at the end, and nothing past 72. A person whose password is longer
/// signs in with what they always typed; from then on all of it counts.
fn bcrypt_secret(password: &[u8], over_sha256: bool) -> Zeroizing<Vec<u8>> {
    let mut secret = Zeroizing::new(Vec::with_capacity(password.len().max(64) + 1));
    if over_sha256 {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digest = Zeroizing::new(legacy::digest(Digest::Sha256, &[password]));
        secret.extend(
            digest.iter().flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]),
        );
    } else {
        secret.extend_from_slice(password);
    }
    secret.push(0);
    secret.truncate(BCRYPT_BYTES);
    secret
}

fn scrypt(log_n: u8, r: u32, p: u32, password: &[u8], salt: &[u8], output: &mut [u8]) -> Result<(), Fault> {
    let params = scrypt::Params::new(log_n, r, p).map_err(|_| broken("the parameters of a scrypt hash"))?;
    scrypt::scrypt(password, salt, &params, output).map_err(|_| broken("a scrypt hash"))
}
