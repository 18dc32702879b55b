//! `Keyring`: seals under the current key, opens under any key it holds.

use std::fmt;

use aws_lc_rs::aead::{Aad, Nonce};
use secrecy::SecretString;
use zeroize::Zeroizing;

use super::{KeyTextError, Place, key::Key};

const VERSION: u8 = 1;
const KEY_ID_BYTES: usize = 4;
const HEADER_BYTES: usize = 1 + KEY_ID_BYTES;
const NONCE_BYTES: usize = 12;
const TAG_BYTES: usize = 16;
const OVERHEAD_BYTES: usize = HEADER_BYTES + NONCE_BYTES + TAG_BYTES;

/// Names a key without telling anything about it. Shown as eight hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyId(pub(super) [u8; KEY_ID_BYTES]);

impl fmt::Display for KeyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

/// Why an envelope did not open.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum OpenError {
    /// Shorter than the shortest envelope.
    #[error("a sealed value is cut short ({length} bytes); restore the row from a backup")]
    Truncated {
        /// How many bytes there are.
        length: usize,
    },
    /// Written by a later release.
    #[error(
        "a sealed value has version {version}, which this release does not know; run the release that wrote it, or a later one"
    )]
    UnknownVersion {
        /// The first byte.
        version: u8,
    },
    /// Sealed under a key that the ring does not hold.
    #[error(
        "a sealed value needs key {key_id}, which is not in the key ring; add that key to the older keys"
    )]
    UnknownKey {
        /// The key it asks for.
        key_id: KeyId,
    },
    /// The tag does not fit: the bytes were changed, or belong to another row, column or table.
    #[error(
        "a sealed value was changed, or moved here from another row; restore the row from a backup and find out who wrote it"
    )]
    Refused,
}

/// The key-encryption keys: one that seals, and those that still open what was sealed before a change of key.
#[derive(Debug)]
pub struct Keyring {
    current: Key,
    older: Vec<Key>,
}

impl Keyring {
    /// Takes keys as text: each 32 bytes, as 64 hex digits or base64. White space around them is ignored.
    pub fn from_text(current: &SecretString, older: &[SecretString]) -> Result<Self, KeyTextError> {
        let current = Key::from_text("the current key-encryption key", current)?;
        let older = (1..)
            .zip(older)
            .map(|(number, text)| Key::from_text(&format!("older key-encryption key {number}"), text))
            .collect::<Result<_, _>>()?;
        Ok(Self { current, older })
    }

    /// A ring of one key, of whoever keeps one by another name, which is what errors call it: a pepper is no key-encryption key.
    pub fn of_one(name: &str, text: &SecretString) -> Result<Self, KeyTextError> {
        Ok(Self { current: Key::from_text(name, text)?, older: Vec::new() })
    }

    /// The id of the key that seals. What carries another id waits to be sealed anew.
    pub fn current_key_id(&self) -> KeyId {
        self.current.id
    }

    /// Seals under the current key. The result is 33 bytes longer than `plaintext`, and differs at each call.
    ///
    /// # Panics
    /// When the random generator fails, or for a plaintext above 64 GiB.
    #[expect(clippy::expect_used, reason = "without a generator nothing safe is left to do")]
    pub fn seal(&self, place: &Place<'_>, plaintext: &[u8]) -> Vec<u8> {
        let header = header(self.current.id);
        // The cipher works in place and appends its tag, so the room for it is there from the start: growing would
        // leave a copy of the plaintext behind.
        let mut body = Vec::with_capacity(plaintext.len() + TAG_BYTES);
        body.extend_from_slice(plaintext);
        let nonce = self
            .current
            .cipher
            .seal_in_place_append_tag(Aad::from(place.associated_data(&header)), &mut body)
            .expect("AES-256-GCM-SIV could not seal: the random generator failed");
        let mut sealed = Vec::with_capacity(HEADER_BYTES + NONCE_BYTES + body.len());
        sealed.extend_from_slice(&header);
        sealed.extend_from_slice(nonce.as_ref());
        sealed.extend_from_slice(&body);
        sealed
    }

    /// Opens what [`seal`](Self::seal) made for the same place, under any key of the ring.
    pub fn open(&self, place: &Place<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let envelope = Envelope::parse(sealed)?;
        let associated_data = place.associated_data(&header(envelope.key_id));
        let mut known = false;
        // Four bytes may coincide, so every key of that id has its try; the tag decides.
        for key in self.keys().filter(|key| key.id == envelope.key_id) {
            known = true;
            let mut body = Zeroizing::new(envelope.body.to_vec());
            let nonce = Nonce::assume_unique_for_key(envelope.nonce);
            if let Ok(plaintext) = key.cipher.open_in_place(nonce, Aad::from(&associated_data), &mut body) {
                let length = plaintext.len();
                body.truncate(length);
                return Ok(body);
            }
        }
        Err(if known { OpenError::Refused } else { OpenError::UnknownKey { key_id: envelope.key_id } })
    }

    /// A key for one purpose: HKDF-SHA256 (RFC 5869) from the current key, with `label` as its context.
    ///
    /// It changes when the current key does, so nothing that must outlive a change of key may hang on it alone.
    pub fn derive(&self, label: &str) -> [u8; 32] {
        self.current.derive(label)
    }

    fn keys(&self) -> impl Iterator<Item = &Key> {
        std::iter::once(&self.current).chain(&self.older)
    }
}

/// Under which key a value is sealed, read from its envelope alone.
pub fn key_id_of(sealed: &[u8]) -> Result<KeyId, OpenError> {
    Envelope::parse(sealed).map(|envelope| envelope.key_id)
}

struct Envelope<'a> {
    key_id: KeyId,
    nonce: [u8; NONCE_BYTES],
    body: &'a [u8],
}

impl<'a> Envelope<'a> {
    fn parse(sealed: &'a [u8]) -> Result<Self, OpenError> {
        let truncated = || OpenError::Truncated { length: sealed.len() };
        match sealed.first() {
            Some(&VERSION) | None => {}
            Some(&version) => return Err(OpenError::UnknownVersion { version }),
        }
        if sealed.len() < OVERHEAD_BYTES {
            return Err(truncated());
        }
        let (key_id, rest) = sealed[1..].split_first_chunk().ok_or_else(truncated)?;
        let (nonce, body) = rest.split_first_chunk().ok_or_else(truncated)?;
        Ok(Self { key_id: KeyId(*key_id), nonce: *nonce, body })
    }
}

fn header(key_id: KeyId) -> [u8; HEADER_BYTES] {
    let [first, second, third, fourth] = key_id.0;
    [VERSION, first, second, third, fourth]
}
