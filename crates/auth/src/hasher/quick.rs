//! Hashes that are too quick to keep as they are: salted SHA, and PBKDF2. They are wrapped in Argon2id as they come in.

use std::fmt;

use secrets::legacy::{self, Digest};
use zeroize::Zeroizing;

use super::stored::Unreadable;

/// How a quick hash is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Quick {
    /// `digest(password ‖ salt)`: `{SSHA}` and its kin in LDAP directories (RFC 2307).
    Salted(Digest),
    /// PBKDF2 (RFC 8018).
    Pbkdf2 { digest: Digest, iterations: u32, length: usize },
}

/// More than anybody asks for; a sign-in would take seconds.
const MOST_ITERATIONS: u32 = 10_000_000;

const DIGESTS: [(&str, Digest); 4] = [
    ("sha1", Digest::Sha1),
    ("sha256", Digest::Sha256),
    ("sha384", Digest::Sha384),
    ("sha512", Digest::Sha512),
];

/// A digest by its name: `sha256`.
pub(super) fn digest(name: &str) -> Result<Digest, Unreadable> {
    DIGESTS.iter().find(|(known, _)| *known == name).map(|(_, digest)| *digest).ok_or(Unreadable::Kind)
}

fn name(digest: Digest) -> &'static str {
    DIGESTS.iter().find(|(_, known)| *known == digest).map_or("", |(name, _)| name)
}

impl Quick {
    pub(super) fn pbkdf2(digest: Digest, iterations: u32, length: usize) -> Result<Self, Unreadable> {
        match iterations {
            0 => Err(Unreadable::Form),
            1..=MOST_ITERATIONS if (10..=128).contains(&length) => {
                Ok(Self::Pbkdf2 { digest, iterations, length })
            }
            1..=MOST_ITERATIONS => Err(Unreadable::Form),
            _ => Err(Unreadable::TooMuch),
        }
    }

    /// Reads `pbkdf2-sha256,i=29000,l=32` or `salted-sha1`.
    pub(super) fn parse(text: &str) -> Result<Self, Unreadable> {
        if let Some(name) = text.strip_prefix("salted-") {
            return digest(name).map(Self::Salted);
        }
        let mut parts = text.strip_prefix("pbkdf2-").ok_or(Unreadable::Kind)?.split(',');
        let digest = digest(parts.next().unwrap_or_default())?;
        let mut number = |key: &str| {
            let value = parts.next().and_then(|part| part.strip_prefix(key));
            value.and_then(|value| value.parse::<u32>().ok()).ok_or(Unreadable::Form)
        };
        let (iterations, length) = (number("i=")?, number("l=")?);
        Self::pbkdf2(digest, iterations, length as usize)
    }

    pub(super) fn compute(&self, password: &[u8], salt: &[u8]) -> Zeroizing<Vec<u8>> {
        match self {
            Self::Salted(digest) => Zeroizing::new(legacy::digest(*digest, &[password, salt])),
            Self::Pbkdf2 { digest, iterations, length } => {
                let mut output = Zeroizing::new(vec![0; *length]);
                legacy::pbkdf2(*digest, *iterations, salt, password, &mut output);
                output
            }
        }
    }

    pub(super) fn describe(&self) -> String {
        match self {
            Self::Salted(digest) => format!("salted {}", name(*digest)),
            Self::Pbkdf2 { digest, iterations, .. } => {
                format!("PBKDF2-{}, {iterations} iterations", name(*digest))
            }
        }
    }
}

impl fmt::Display for Quick {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Salted(digest) => write!(f, "salted-{}", name(*digest)),
            Self::Pbkdf2 { digest, iterations, length } => {
                write!(f, "pbkdf2-{},i={iterations},l={length}", name(*digest))
            }
        }
    }
}
