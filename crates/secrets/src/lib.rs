//! Secrets: where they come from, whether they are strong enough, and how they are kept at rest.
//!
//! - [`SecretRef`]: what a configuration holds in place of a secret.
//! - [`Keeper`]: reads what a reference names, on this machine or from a manager (Vault and OpenBao; AWS and GCP by their features).
//! - [`Enrolment`]: takes the secret id of an AppRole out of its wrapping, once.
//! - [`generate_key`]: a fresh key as text.
//! - [`check_strength`]: refuses empty, short, sample and well-known secrets at boot.
//! - [`sealing`]: the envelope around what is secret in the database.
//! - [`legacy`]: what hashes of passwords that come from elsewhere are made of.
//! - [`constant_time_equal`], [`sha256`], [`hmac_sha256`], [`random_bytes`]: the few primitives that go with them.

#[cfg(feature = "aws")]
mod aws;
mod digest;
mod document;
mod error;
#[cfg(feature = "gcp")]
mod gcp;
mod generate;
mod http;
mod keeper;
pub mod legacy;
mod local;
mod put;
mod random;
mod reference;
pub mod sealing;
mod strength;
mod vault;

pub use digest::{constant_time_equal, hmac_sha256, sha256};
pub use document::Lease;
pub use error::{SecretCause, SecretError};
pub use generate::{KeyForm, LARGEST_KEY, generate_key};
pub use keeper::{AwsSettings, GcpSettings, Keeper, ManagerSettings, Secret, VaultAuth, VaultSettings};
pub use put::{Put, PutError};
pub use random::random_bytes;
pub use reference::{ParseSecretRefError, SecretRef, Stage};
pub use secrecy::{ExposeSecret, SecretString};
pub use strength::{MINIMUM_SECRET_BYTES, WeakSecret, check_strength};
pub use vault::SecretIdLife;
pub use vault::{EnrolError, Enrolment, SecretId};
