//! What is secret at rest is sealed: an envelope that says its version and key, bound to the place it is kept in.
//!
//! ```text
//! version (1) | key id (4) | nonce (12) | ciphertext | tag (16)
//! ```
//!
//! AES-256-GCM-SIV (RFC 8452), with version, key id and [`Place`] as associated data. Why so: `docs/adr/0003`.

mod key;
mod key_file;
mod keyring;
mod place;

pub use key::{KeyTextError, generate_key_text};
pub use key_file::{KeyFileError, load_or_create_key_file};
pub use keyring::{KeyId, Keyring, OpenError, key_id_of};
pub use place::Place;
