//! Turns: acts on one thing take turns, whichever processes they are in.
//!
//! SQLite has one writer, so that whatever an act has read is so until it ends. In PostgreSQL acts overlap, and between what one
//! reads and what it writes another may write. So an act says at its beginning what it is about, and waits until nobody else is
//! about the same. All turns of an act are taken at once and in one order, so that no two acts wait for each other.
//!
//! Turns are PostgreSQL's advisory locks that end with the transaction: they leave no row behind, cost no round trip, and work
//! behind a pooler in transaction mode.

use std::fmt::Write as _;

use domain::UserId;

/// What an act is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn<'a> {
    /// What an account is, and what lets anybody in to it.
    Account(UserId),
    /// Whose a normalized address is.
    Address(&'a str),
    /// What can be used once, by its hash.
    Secret(&'a [u8]),
    /// The register of apps.
    Apps,
    /// The signing keys.
    Keys,
    /// The chain of the audit trail.
    Trail,
    /// Taking mail from the outbox.
    Outbox,
    /// Taking word for apps that is to be sent.
    Notices,
    /// Cleaning.
    Janitor,
    /// What an app is, by its id.
    App(&'a str),
    /// That an app stays what it is, meanwhile: any number are in this turn at once, and none beside one in that of the
    /// [`App`](Self::App).
    AppStays(&'a str),
    /// Which process holds which key-encryption keys.
    KeyHolders,
}

impl Turn<'_> {
    /// The lock's number. It must stay as it is from release to release, since two run side by side. Two things of one number
    /// wait for each other without need, and that is all.
    fn key(self) -> i64 {
        let (kind, id): (u8, &[u8]) = match &self {
            Self::Account(user) => (1, user.0.as_bytes()),
            Self::Address(address) => (2, address.as_bytes()),
            Self::Secret(hash) => (3, hash),
            Self::Apps => (4, &[]),
            Self::Keys => (5, &[]),
            Self::Trail => (6, &[]),
            Self::Outbox => (7, &[]),
            Self::Notices => (8, &[]),
            Self::Janitor => (9, &[]),
            Self::App(id) | Self::AppStays(id) => (10, id.as_bytes()),
            Self::KeyHolders => (11, &[]),
        };
        fnv1a(kind, id).cast_signed()
    }

    /// Whether others may be in it at the same time.
    fn is_shared(self) -> bool {
        matches!(self, Self::AppStays(_))
    }
}

/// Adds to the text that begins a transaction what takes these turns.
pub(crate) fn take(text: &mut String, turns: &[Turn<'_>]) {
    let mut locks: Vec<(i64, bool)> = turns.iter().map(|turn| (turn.key(), turn.is_shared())).collect();
    locks.sort_unstable();
    // Of one thing that is wanted both ways, that which is not shared comes first, and is enough.
    locks.dedup_by_key(|(key, _)| *key);
    for (key, shared) in locks {
        let way = if shared { "_shared" } else { "" };
        // They are numbers of ours: nothing of what anybody typed is in the text.
        let _ = write!(text, "; SELECT pg_advisory_xact_lock{way}({key})");
    }
}

/// FNV-1a, 64 bits: it need not be hard to turn round, only spread well and never change.
fn fnv1a(kind: u8, id: &[u8]) -> u64 {
    let bytes = std::iter::once(&kind).chain(id);
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn all_turns_are_taken_in_one_order_whatever_order_they_are_named_in() {
        let user = UserId(Uuid::from_u128(1));
        let text = |turns: &[Turn<'_>]| {
            let mut text = String::new();
            take(&mut text, turns);
            text
        };
        let (account, address) = (Turn::Account(user), Turn::Address("ana@example.com"));
        let both = text(&[account, address]);
        assert_eq!(both, text(&[address, account, address]));
        assert_eq!(both.matches("pg_advisory_xact_lock(").count(), 2);
        assert_eq!(text(&[]), "");
    }

    #[test]
    fn a_turn_that_is_shared_is_the_same_turn() {
        let text = |turns: &[Turn<'_>]| {
            let mut text = String::new();
            take(&mut text, turns);
            text
        };
        let (changes, stays) = (Turn::App("wiki"), Turn::AppStays("wiki"));
        assert_eq!(changes.key(), stays.key());
        assert_eq!(text(&[stays]), format!("; SELECT pg_advisory_xact_lock_shared({})", stays.key()));
        assert_eq!(text(&[stays, changes]), text(&[changes]), "who changes it is alone");
    }

    /// A process of the release before, and one of the release after, have to mean the same.
    #[test]
    fn the_number_of_a_turn_never_changes() {
        let user = UserId(Uuid::from_u128(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef));
        assert_eq!(Turn::Account(user).key(), 1_016_534_062_555_934_188);
        assert_eq!(Turn::Address("ana@example.com").key(), -8_980_000_495_895_855_960);
        assert_eq!(Turn::Janitor.key(), -5_808_583_261_432_986_684);
    }
}
