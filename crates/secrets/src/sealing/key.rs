//! One 32-byte key: its text, its id, and the keys derived from it.

use std::fmt;

use aws_lc_rs::{
    aead::{AES_256_GCM_SIV, RandomizedNonceKey},
    hkdf,
};
use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use super::KeyId;
use crate::{KeyForm, WeakSecret, check_strength, constant_time_equal, generate_key};

/// Why a text is no key. Names the key, never shows it.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum KeyTextError {
    /// Not 32 bytes in one of the accepted forms.
    #[error(
        "{name} is not a key: it must be 32 bytes, written as 64 hex digits or as base64; \
         make one with `openssl rand -hex 32`"
    )]
    Form {
        /// Which key of the ring.
        name: String,
    },
    /// In the right form, but not random.
    #[error(transparent)]
    Weak(#[from] WeakSecret),
    /// Another key of the ring has its id: what is sealed would not tell which of the two it is of.
    #[error("{name} has the id {key_id} of another, as one key in four thousand million does: make another")]
    SameId {
        /// Which key of the ring.
        name: String,
        /// The id.
        key_id: KeyId,
    },
}

/// A fresh key as 64 hex digits, the form in which a key file holds it.
pub fn generate_key_text() -> SecretString {
    generate_key(32, KeyForm::Hex)
}

/// A key of the ring, ready to use. The raw bytes are not kept: everything is derived when it is parsed.
pub(super) struct Key {
    pub(super) id: KeyId,
    pub(super) cipher: RandomizedNonceKey,
    derivation: hkdf::Prk,
}

impl Key {
    pub(super) fn from_text(name: &str, text: &SecretString) -> Result<Self, KeyTextError> {
        let form = || KeyTextError::Form { name: name.to_owned() };
        let bytes = decode(text.expose_secret().trim()).ok_or_else(form)?;
        check_strength(name, text)?;
        // 32 equal bytes look varied in base64, so the bytes themselves are asked too.
        let first = bytes.first().copied();
        if bytes.iter().all(|byte| Some(*byte) == first) {
            return Err(WeakSecret::Repetitive { name: name.to_owned() }.into());
        }
        let derivation =
            hkdf::Salt::new(hkdf::HKDF_SHA256, b"keyward key-encryption key v1").extract(bytes.as_slice());
        let cipher_key = Zeroizing::new(expand::<32>(&derivation, "internal", "seal"));
        // A 32-byte key for a 32-byte cipher: it fails for no input.
        let cipher = RandomizedNonceKey::new(&AES_256_GCM_SIV, cipher_key.as_ref()).map_err(|_| form())?;
        Ok(Self { id: KeyId(expand(&derivation, "internal", "key id")), cipher, derivation })
    }

    /// Whether it is the same key: its id alone does not say.
    pub(super) fn is(&self, other: &Self) -> bool {
        constant_time_equal(
            &expand::<32>(&self.derivation, "internal", "same"),
            &expand::<32>(&other.derivation, "internal", "same"),
        )
    }

    pub(super) fn derive(&self, label: &str) -> [u8; 32] {
        expand(&self.derivation, "derived", label)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Key({})", self.id)
    }
}

fn decode(text: &str) -> Option<Zeroizing<[u8; 32]>> {
    let bytes = if text.len() == 64 { decode_hex(text)? } else { decode_base64(text)? };
    bytes.as_slice().try_into().ok().map(Zeroizing::new)
}

fn decode_hex(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut bytes = Zeroizing::new(Vec::with_capacity(32));
    for pair in text.as_bytes().chunks_exact(2) {
        let [high, low] = pair else { return None };
        bytes.push(digit(*high)? << 4 | digit(*low)?);
    }
    Some(bytes)
}

/// Either alphabet, padded or not: `openssl rand -base64 32` and its URL-safe kin are equally good keys.
fn decode_base64(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let configuration = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    [alphabet::STANDARD, alphabet::URL_SAFE]
        .iter()
        .find_map(|alphabet| GeneralPurpose::new(alphabet, configuration).decode(text).ok())
        .map(Zeroizing::new)
}

struct Length(usize);

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

/// HKDF-Expand (RFC 5869). `purpose` keeps what the ring uses itself apart from what callers derive by label.
#[expect(
    clippy::expect_used,
    reason = "HKDF refuses only outputs above 8,160 bytes; both sizes here are fixed"
)]
fn expand<const N: usize>(key: &hkdf::Prk, purpose: &str, label: &str) -> [u8; N] {
    let info = [b"keyward/", purpose.as_bytes(), b"/", label.as_bytes()];
    let mut output = [0; N];
    key.expand(&info, Length(N))
        .and_then(|material| material.fill(&mut output))
        .expect("HKDF output is short");
    output
}
