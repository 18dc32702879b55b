//! `Keyring`: seals under the current key, opens under any key it holds.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use aws_lc_rs::aead::{Aad, Nonce};
use secrecy::SecretString;
use tokio::sync::Notify;
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

impl KeyId {
    /// What every envelope of this key begins with, and none of another.
    pub fn header(self) -> [u8; HEADER_BYTES] {
        let [first, second, third, fourth] = self.0;
        [VERSION, first, second, third, fourth]
    }

    /// The id that these bytes are.
    pub fn from_bytes(bytes: [u8; KEY_ID_BYTES]) -> Self {
        Self(bytes)
    }

    /// Reads what [`Display`](fmt::Display) shows.
    pub fn parse(text: &str) -> Option<Self> {
        let is_hex = text.len() == 2 * KEY_ID_BYTES && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = u32::from_str_radix(text, 16).ok().filter(|_| is_hex)?;
        Some(Self(number.to_be_bytes()))
    }
}

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

/// The key-encryption keys: one that seals, and others that still open what was sealed before a change of key, or open already
/// what is sealed after one.
///
/// They can be exchanged while the ring is used: each act of sealing or opening is by the keys of one moment. A key that was in the
/// ring stays for as long as the ring lives, so that nothing that it sealed is shut by a change.
pub struct Keyring {
    keys: RwLock<Arc<Keys>>,
    changed: Notify,
    missed: Notify,
}

/// The keys of a moment.
#[derive(Clone)]
struct Keys {
    sealing: Arc<Key>,
    /// The one that is to seal, by what was configured last.
    wanted: Arc<Key>,
    /// Those that were configured last, by their ids.
    configured: Vec<KeyId>,
    /// All of them, the one that seals first.
    opening: Vec<Arc<Key>>,
}

impl Keys {
    fn of_one(name: &str, text: &SecretString) -> Result<Self, KeyTextError> {
        let wanted = Arc::new(Key::from_text(name, text)?);
        Ok(Self {
            sealing: wanted.clone(),
            wanted: wanted.clone(),
            configured: vec![wanted.id],
            opening: vec![wanted],
        })
    }

    fn parse(current: &SecretString, older: &[SecretString]) -> Result<Self, KeyTextError> {
        let mut keys = Self::of_one("the current key-encryption key", current)?;
        for (number, text) in (1..).zip(older) {
            let name = format!("older key-encryption key {number}");
            let key = keys.add(&name, Arc::new(Key::from_text(&name, text)?))?;
            keys.configured.push(key.id);
        }
        Ok(keys)
    }

    /// Adds a key, unless it is there; gives the one that is. What is sealed tells its key by the id, so that no two may share one.
    fn add(&mut self, name: &str, key: Arc<Key>) -> Result<Arc<Key>, KeyTextError> {
        match self.opening.iter().find(|one| one.id == key.id) {
            Some(one) if one.is(&key) => Ok(one.clone()),
            Some(_) => Err(KeyTextError::SameId { name: name.to_owned(), key_id: key.id }),
            None => {
                self.opening.push(key.clone());
                Ok(key)
            }
        }
    }

    fn find(&self, id: KeyId) -> Option<&Arc<Key>> {
        self.opening.iter().find(|key| key.id == id)
    }
}

impl Keyring {
    /// Takes keys as text: each 32 bytes, as 64 hex digits or base64. White space around them is ignored.
    pub fn from_text(current: &SecretString, older: &[SecretString]) -> Result<Self, KeyTextError> {
        Ok(Self::with(Keys::parse(current, older)?))
    }

    fn with(keys: Keys) -> Self {
        Self { keys: RwLock::new(Arc::new(keys)), changed: Notify::new(), missed: Notify::new() }
    }

    /// Takes keys that were configured anew. From now on they open; what seals stays until [`seal_by`](Self::seal_by) says otherwise,
    /// and no key that was there before goes. Nothing changes if one of them is none.
    pub fn hold(&self, current: &SecretString, older: &[SecretString]) -> Result<(), KeyTextError> {
        let read = Keys::parse(current, older)?;
        let mut present = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        let mut keys = Keys::clone(&present);
        for key in &read.opening {
            keys.add("a key-encryption key", key.clone())?;
        }
        keys.wanted = keys.find(read.wanted.id).unwrap_or(&read.wanted).clone();
        keys.configured = read.configured;
        *present = Arc::new(keys);
        drop(present);
        self.changed.notify_one();
        Ok(())
    }

    /// Seals by this key from now on. False if it is not in the ring.
    pub fn seal_by(&self, id: KeyId) -> bool {
        let mut present = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        let Some(sealing) = present.find(id).cloned() else { return false };
        let mut opening = present.opening.clone();
        // The one that seals first: what is derived is tried in this order.
        opening.sort_by_key(|key| key.id != id);
        *present = Arc::new(Keys { sealing, opening, ..Keys::clone(&present) });
        true
    }

    /// Tells that other keys were taken.
    pub fn changed(&self) -> &Notify {
        &self.changed
    }

    /// Tells that something was to be opened whose key is not in the ring: it may have been configured since.
    pub fn missed(&self) -> &Notify {
        &self.missed
    }

    /// A ring of one key, of whoever keeps one by another name, which is what errors call it: a pepper is no key-encryption key.
    pub fn of_one(name: &str, text: &SecretString) -> Result<Self, KeyTextError> {
        Ok(Self::with(Keys::of_one(name, text)?))
    }

    /// The id of the key that seals. What carries another id waits to be sealed anew.
    pub fn current_key_id(&self) -> KeyId {
        self.present().sealing.id
    }

    /// The id of the key that is to seal.
    pub fn wanted_key_id(&self) -> KeyId {
        self.present().wanted.id
    }

    /// The ids of all keys that open, that of the one that seals first.
    pub fn key_ids(&self) -> Vec<KeyId> {
        self.present().opening.iter().map(|key| key.id).collect()
    }

    /// The ids of those that were configured last: what another start would hold.
    pub fn configured_key_ids(&self) -> Vec<KeyId> {
        self.present().configured.clone()
    }

    /// Seals under the current key. The result is 33 bytes longer than `plaintext`, and differs at each call.
    ///
    /// # Panics
    /// When the random generator fails, or for a plaintext above 64 GiB.
    #[expect(clippy::expect_used, reason = "without a generator nothing safe is left to do")]
    pub fn seal(&self, place: &Place<'_>, plaintext: &[u8]) -> Vec<u8> {
        let keys = self.present();
        let header = keys.sealing.id.header();
        // The cipher works in place and appends its tag, so the room for it is there from the start: growing would
        // leave a copy of the plaintext behind.
        let mut body = Vec::with_capacity(plaintext.len() + TAG_BYTES);
        body.extend_from_slice(plaintext);
        let nonce = keys
            .sealing
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
        let keys = self.present();
        let Some(key) = keys.find(envelope.key_id) else {
            self.missed.notify_one();
            return Err(OpenError::UnknownKey { key_id: envelope.key_id });
        };
        let associated_data = place.associated_data(&envelope.key_id.header());
        let mut body = Zeroizing::new(envelope.body.to_vec());
        let nonce = Nonce::assume_unique_for_key(envelope.nonce);
        let opened = key.cipher.open_in_place(nonce, Aad::from(&associated_data), &mut body);
        let length = opened.map_err(|_| OpenError::Refused)?.len();
        body.truncate(length);
        Ok(body)
    }

    /// A key for one purpose: HKDF-SHA256 (RFC 5869) from the current key, with `label` as its context.
    ///
    /// It changes when the current key does: what is made by it and must outlive that is compared with
    /// [`derive_each`](Self::derive_each).
    pub fn derive(&self, label: &str) -> [u8; 32] {
        self.present().sealing.derive(label)
    }

    /// The same from each key of the ring, the current one first.
    pub fn derive_each(&self, label: &str) -> Vec<[u8; 32]> {
        self.present().opening.iter().map(|key| key.derive(label)).collect()
    }

    fn present(&self) -> Arc<Keys> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Keyring({})", self.current_key_id())
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
