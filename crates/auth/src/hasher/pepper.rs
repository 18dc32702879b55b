//! Peppers: a secret that goes into every hash and is not in the database, so that a stolen table alone is worth nothing.

use std::fmt;

use secrets::SecretString;
use secrets::sealing::{KeyTextError, Keyring};
use zeroize::Zeroizing;

use crate::Fault;

/// The pepper that goes into new hashes, and those that went into older ones.
///
/// Its id comes from the pepper itself, so that a wrong one is found out before anybody signs in: nobody hands out numbers,
/// and the same number never means two peppers.
#[derive(Debug, Default)]
pub struct Peppers {
    current: Option<Pepper>,
    older: Vec<Pepper>,
}

struct Pepper {
    id: String,
    key: Zeroizing<[u8; 32]>,
}

impl Peppers {
    /// Takes peppers as text: each 32 bytes, as 64 hex digits or base64.
    pub fn new(current: Option<&SecretString>, older: &[SecretString]) -> Result<Self, KeyTextError> {
        Ok(Self {
            current: current.map(Pepper::new).transpose()?,
            older: older.iter().map(Pepper::new).collect::<Result<_, _>>()?,
        })
    }

    /// The id of the pepper that goes into new hashes.
    pub(super) fn current(&self) -> Option<&str> {
        self.current.as_ref().map(|pepper| pepper.id.as_str())
    }

    pub(super) fn find(&self, id: &str) -> Option<&[u8]> {
        self.all().find(|pepper| pepper.id == id).map(|pepper| pepper.key.as_slice())
    }

    /// What is said of a hash whose pepper is not here.
    pub(super) fn missing(&self, id: &str) -> Fault {
        let known: Vec<_> = self.all().map(|pepper| pepper.id.as_str()).collect();
        Fault::MissingPepper {
            key_id: id.to_owned(),
            known: if known.is_empty() { "none".to_owned() } else { known.join(", ") },
        }
    }

    fn all(&self) -> impl Iterator<Item = &Pepper> {
        self.current.iter().chain(&self.older)
    }
}

impl Pepper {
    fn new(text: &SecretString) -> Result<Self, KeyTextError> {
        let keyring = Keyring::of_one("the pepper", text)?;
        let key = Zeroizing::new(keyring.derive("password pepper"));
        // Eight hex digits: also base64, as the key id of a PHC string has to be.
        Ok(Self { id: keyring.current_key_id().to_string(), key })
    }
}

impl fmt::Debug for Pepper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pepper({})", self.id)
    }
}
