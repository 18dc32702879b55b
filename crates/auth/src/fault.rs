//! What can go wrong in any use case without anybody having asked for something wrong.

use std::time::Duration;

/// A fault of ours. The person who asked did nothing wrong and may ask again.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The database did not do what was asked.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// More people are signing in than this machine can hash for.
    #[error("too many passwords are waiting to be hashed: try again in {} s", .retry_after.as_secs())]
    Busy {
        /// When a try is likely to be taken.
        retry_after: Duration,
    },
    /// A stored hash takes more memory than all hashes together may.
    #[error(
        "a password hash takes {needed} KiB of memory, and all hashes together may take {available}: set \
         password.hashing.max_memory_kib to {needed} at the least, or have its owner set a new password by \"forgot password\""
    )]
    TooMuchMemory {
        /// KiB that it takes.
        needed: usize,
        /// KiB that there are.
        available: usize,
    },
    /// The session that asked ended while its request was under way: signed out elsewhere, or the account changed.
    #[error("this session has ended meanwhile: sign in again")]
    SessionEnded,
    /// The same request was done under its `Idempotency-Key` while this one was under way.
    #[error(
        "this was done just now, under the same idempotency key: send it again, and you are told how that went"
    )]
    DoneBefore,
    /// Something sealed does not open: another key, or a row that was tampered with.
    #[error("a sealed value does not open: {0}")]
    Sealed(#[from] secrets::sealing::OpenError),
    /// The audit trail was sealed under another key.
    #[error(
        "keys.audit is not the key that the audit trail is sealed with, or the trail's end was changed: put the key back; \
         if it is lost, `keyward audit begin-anew` starts a new chain under this one (on PostgreSQL `auth-service audit begin-anew`)"
    )]
    AnotherAuditKey,
    /// Passwords were hashed with a pepper that is not here.
    #[error(
        "some passwords are hashed with the pepper {key_id}, which is not here (known: {known}): put it back as \
         password.hashing.pepper, or among password.hashing.older_peppers; without it nobody it belongs to can sign in"
    )]
    MissingPepper {
        /// The id of the pepper.
        key_id: String,
        /// The ids of those that are here.
        known: String,
    },
    /// A row or key holds what this release cannot read.
    #[error("{0}")]
    Corrupt(String),
}

impl Fault {
    /// Whether the database is away or too busy: whoever asks again soon is likely to be served.
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_unavailable())
    }

    /// Whether it may have been done all the same: the database was lost before it answered.
    pub fn is_unanswered(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_unanswered())
    }

    /// Whether the way to the database is cut, which the store says itself, once.
    pub fn is_loss(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_loss())
    }
}

/// So often an act is tried.
pub(crate) const TRIES: u32 = 4;

/// Why an act was not done, as far as it is a fault of ours.
pub(crate) trait Faulty {
    fn fault(&self) -> Option<&Fault>;

    /// Whether nothing of it was done, and it is to be done once more: the database had two acts that waited for each other, and
    /// chose this one.
    fn is_given_up(&self) -> bool {
        matches!(self.fault(), Some(Fault::Store(error)) if error.is_given_up())
    }
}

impl Faulty for Fault {
    fn fault(&self) -> Option<&Fault> {
        Some(self)
    }
}

/// Does an act, from its beginning, again and again while the database gives it up for the sake of another, but no more than
/// [`TRIES`] times.
macro_rules! again {
    ($act:expr) => {{
        let mut tried = 1;
        loop {
            match $act.await {
                Err(error) if tried < $crate::fault::TRIES && $crate::fault::Faulty::is_given_up(&error) => {
                    tracing::info!(tried, "an act gave way to another in the database, and is done again");
                    tried += 1;
                }
                done => break done,
            }
        }
    }};
}

impl From<serde_json::Error> for Fault {
    fn from(error: serde_json::Error) -> Self {
        Self::Corrupt(format!("a sealed value is not what this release writes: {error}"))
    }
}
