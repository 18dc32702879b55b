//! Argon2 (RFC 9106): of our own making, and of others'.

use std::fmt;

use argon2::{Algorithm, Argon2, Params, Version};

use super::memory::Memory;
use super::pepper::Peppers;
use super::stored::Unreadable;
use crate::Fault;

/// How an Argon2 hash is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Argon {
    pub(super) algorithm: Algorithm,
    pub(super) version: Version,
    pub(super) memory_kib: u32,
    pub(super) iterations: u32,
    pub(super) parallelism: u32,
    /// The id of the pepper that went in, if one did.
    pub(super) pepper: Option<String>,
}

/// More than this nobody waits for, nor has the memory.
const MOST_MEMORY_KIB: u32 = 1_048_576;
const MOST_ITERATIONS: u32 = 64;
const MOST_LANES: u32 = 64;

impl Argon {
    /// Reads what stands between the first `$` and the salt: `argon2id`, `v=19`, `m=19456,t=2,p=1`.
    pub(super) fn parse(parts: &[&str]) -> Result<Self, Unreadable> {
        let (name, version, parameters) = match *parts {
            [name, version, parameters] => (name, version, parameters),
            // Before 1.3 none was written.
            [name, parameters] => (name, "v=16", parameters),
            _ => return Err(Unreadable::Form),
        };
        let algorithm = match name {
            "argon2d" => Algorithm::Argon2d,
            "argon2i" => Algorithm::Argon2i,
            "argon2id" => Algorithm::Argon2id,
            _ => return Err(Unreadable::Kind),
        };
        let version = match version {
            "v=16" => Version::V0x10,
            "v=19" => Version::V0x13,
            _ => return Err(Unreadable::Form),
        };
        let mut argon =
            Self { algorithm, version, memory_kib: 0, iterations: 0, parallelism: 0, pepper: None };
        for pair in parameters.split(',') {
            let (key, value) = pair.split_once('=').ok_or(Unreadable::Form)?;
            let number = || value.parse().map_err(|_| Unreadable::Form);
            match key {
                "m" => argon.memory_kib = number()?,
                "t" => argon.iterations = number()?,
                "p" => argon.parallelism = number()?,
                "keyid" => argon.pepper = Some(value.to_owned()),
                _ => return Err(Unreadable::Form),
            }
        }
        let too_much = argon.memory_kib > MOST_MEMORY_KIB
            || argon.iterations > MOST_ITERATIONS
            || argon.parallelism > MOST_LANES;
        if too_much {
            return Err(Unreadable::TooMuch);
        }
        argon.params().map_err(|_| Unreadable::Form)?;
        Ok(argon)
    }

    pub(super) fn params(&self) -> Result<Params, Fault> {
        Params::new(self.memory_kib, self.iterations, self.parallelism, None)
            .map_err(|error| Fault::Corrupt(format!("Argon2 cannot be used with {self}: {error}")))
    }

    pub(super) fn compute(
        &self,
        secret: &[u8],
        salt: &[u8],
        output: &mut [u8],
        peppers: &Peppers,
        memory: &mut Memory,
    ) -> Result<(), Fault> {
        let params = self.params()?;
        let blocks = params.block_count();
        let argon2 = match &self.pepper {
            None => Ok(Argon2::new(self.algorithm, self.version, params)),
            Some(id) => {
                let pepper = peppers.find(id).ok_or_else(|| peppers.missing(id))?;
                Argon2::new_with_secret(pepper, self.algorithm, self.version, params)
            }
        };
        let failed = |error| Fault::Corrupt(format!("a password could not be hashed: {error}"));
        argon2
            .map_err(failed)?
            .hash_password_into_with_memory(secret, salt, output, memory.blocks(blocks))
            .map_err(failed)
    }
}

/// As PHC strings have it, up to the salt.
impl fmt::Display for Argon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { algorithm, version, memory_kib, iterations, parallelism, pepper } = self;
        let version = u32::from(*version);
        write!(f, "${algorithm}$v={version}$m={memory_kib},t={iterations},p={parallelism}")?;
        match pepper {
            Some(id) => write!(f, ",keyid={id}"),
            None => Ok(()),
        }
    }
}
