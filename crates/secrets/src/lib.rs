//! Secrets: where they come from, whether they are strong enough, and how they are kept at rest.
//!
//! - [`SecretRef`]: what a configuration holds in place of a secret.
//! - [`check_strength`]: refuses empty, short, sample and well-known secrets at boot.
//! - [`sealing`]: the envelope around what is secret in the database.
//! - [`legacy`]: what hashes of passwords that come from elsewhere are made of.
//! - [`constant_time_equal`], [`sha256`], [`hmac_sha256`], [`random_bytes`]: the few primitives that go with them.

mod digest;
pub mod legacy;
mod random;
mod reference;
mod resolve;
pub mod sealing;
mod strength;

pub use digest::{constant_time_equal, hmac_sha256, sha256};
pub use random::random_bytes;
pub use reference::{ParseSecretRefError, SecretRef};
pub use resolve::SecretError;
pub use secrecy::{ExposeSecret, SecretString};
pub use strength::{MINIMUM_SECRET_BYTES, WeakSecret, check_strength};
