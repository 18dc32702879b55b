//! Values and rules: what Keyward believes, without a database, a network, a clock or a random number.

mod email;
mod id;
mod idempotency_key;
mod name;
mod network;
mod password;
mod proof;
mod time;

pub use email::{Email, EmailError};
pub use id::{ArtefactId, EmailId, GrantId, MessageId, NoticeId, Pseudonym, RequestId, SessionId, UserId};
pub use idempotency_key::{IdempotencyKey, IdempotencyKeyError};
pub use name::{DisplayName, DisplayNameError};
pub use network::Network;
pub use password::{Password, PasswordError, PasswordPolicy, Weakness};
pub use proof::{Proof, Proofs};
pub use time::{Clock, Timestamp};
