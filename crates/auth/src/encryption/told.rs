//! What is sealed by which key, as far as it may be told: counts, and ids of keys.

use domain::Timestamp;
use secrets::sealing::{KeyId, Keyring};
use store::sealed::Column;

use super::{IDLE_COUNT, RECOUNT};
use crate::{Auth, Fault};

/// What a key is to this server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyRole {
    /// It seals.
    Current,
    /// It is `keys.encryption`, and seals once every server opens by it.
    Next,
    /// It opens, and is among `keys.older_encryption`.
    Older,
    /// It opens for as long as this process lives: the configuration names it no longer, and the next start does not hold it.
    Held,
    /// It is not here: what it sealed does not open.
    Unknown,
}

/// How much is sealed by one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedUnder {
    /// The key's id, which tells nothing about it.
    pub key_id: String,
    /// What it is to this server.
    pub role: KeyRole,
    /// How many values it has sealed that are there.
    pub number: u64,
    /// How many of them are sealed anew, or would be if the key were here.
    pub movable: u64,
    /// When the last of those ends that are not sealed anew, since mailed codes hang on them.
    pub ends: Option<Timestamp>,
    /// Whether nothing needs it any more: neither a value, nor a server.
    pub may_be_dropped: bool,
}

/// What is sealed, at the last look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealing {
    /// By key: the one that seals first.
    pub keys: Vec<SealedUnder>,
    /// How many other servers do not hold `keys.encryption` yet.
    pub lacking: u64,
    /// When it was looked.
    pub at: Timestamp,
}

/// What a look found.
#[derive(Clone, Debug)]
pub(super) struct Look {
    at: Timestamp,
    current: KeyId,
    /// Every server has sealed by the current key for long enough.
    settled: bool,
    lacking: usize,
    counted: Vec<Counted>,
}

#[derive(Clone, Debug)]
struct Counted {
    column: Column,
    /// Nothing where it is no envelope.
    key: Option<KeyId>,
    number: u64,
    ends: Option<Timestamp>,
}

impl Look {
    /// Whether it is time for another: what it was asked of has changed, or may have.
    pub(super) fn is_stale(
        &self,
        current: KeyId,
        changing: bool,
        settled: bool,
        lacking: usize,
        now: Timestamp,
    ) -> bool {
        let is_other = current != self.current || settled != self.settled || lacking != self.lacking;
        let waits = changing || self.counted.iter().any(|one| one.key != Some(current));
        is_other || now.since(self.at) >= if waits { RECOUNT } else { IDLE_COUNT }
    }

    /// Whether there is something to be sealed anew that opens.
    pub(super) fn can_be_moved(&self, keyring: &Keyring) -> bool {
        let (current, held) = (keyring.current_key_id(), keyring.key_ids());
        let is_older = |key: KeyId| key != current && held.contains(&key);
        self.counted.iter().any(|one| !one.column.ends_by_itself() && one.key.is_some_and(is_older))
    }

    fn told(&self, keyring: &Keyring) -> Sealing {
        let (held, configured) = (keyring.key_ids(), keyring.configured_key_ids());
        let mut ids: Vec<_> = held.iter().copied().map(Some).collect();
        for one in &self.counted {
            if !ids.contains(&one.key) {
                ids.push(one.key);
            }
        }
        let under = |id: Option<KeyId>| {
            let of_it = || self.counted.iter().filter(|one| one.key == id);
            let number: u64 = of_it().map(|one| one.number).sum();
            let movable: u64 = of_it().filter(|one| !one.column.ends_by_itself()).map(|one| one.number).sum();
            let role = role(id, keyring, &held, &configured);
            SealedUnder {
                key_id: id.map_or_else(|| "none".to_owned(), |id| id.to_string()),
                role,
                number,
                movable,
                ends: of_it().filter_map(|one| one.ends).max(),
                may_be_dropped: role == KeyRole::Older && number == 0 && self.settled,
            }
        };
        let keys = ids.into_iter().map(under).collect();
        Sealing { keys, lacking: self.lacking as u64, at: self.at }
    }
}

fn role(id: Option<KeyId>, keyring: &Keyring, held: &[KeyId], configured: &[KeyId]) -> KeyRole {
    match id {
        Some(id) if id == keyring.current_key_id() => KeyRole::Current,
        Some(id) if id == keyring.wanted_key_id() => KeyRole::Next,
        Some(id) if configured.contains(&id) => KeyRole::Older,
        Some(id) if held.contains(&id) => KeyRole::Held,
        Some(_) | None => KeyRole::Unknown,
    }
}

impl Auth {
    /// How much is sealed by which key; nothing before the first look. Asks nobody.
    pub fn sealing(&self) -> Option<Sealing> {
        self.encryption.look().map(|look| look.told(&self.keyring))
    }

    /// The same by table: how many values the current key has sealed, older ones, and such as are not here. None before the first
    /// look.
    pub fn sealed_values(&self) -> Vec<(&'static str, [u64; 3])> {
        let counted = self.encryption.look().map(|look| look.counted).unwrap_or_default();
        let (current, held) = (self.keyring.current_key_id(), self.keyring.key_ids());
        let of = |column: Column| {
            let mut numbers = [0; 3];
            for one in counted.iter().filter(|one| one.column == column) {
                let at = match one.key {
                    Some(key) if key == current => 0,
                    Some(key) if held.contains(&key) => 1,
                    Some(_) | None => 2,
                };
                numbers[at] += one.number;
            }
            (column.table(), numbers)
        };
        Column::ALL.into_iter().map(of).collect()
    }

    pub(super) async fn count_sealed(
        &self,
        settled: bool,
        lacking: usize,
        now: Timestamp,
    ) -> Result<Look, Fault> {
        let current = self.keyring.current_key_id();
        let mut counted = Vec::new();
        for column in Column::ALL {
            let rows = store::sealed::count(&mut self.store.look().await?, column).await?;
            counted.extend(rows.into_iter().map(|row| Counted {
                column,
                key: row.key_id.try_into().ok().map(KeyId::from_bytes),
                number: u64::try_from(row.number).unwrap_or_default(),
                ends: row.ends.map(Timestamp),
            }));
        }
        Ok(Look { at: now, current, settled, lacking, counted })
    }

    /// Says it once, as it becomes so.
    pub(super) fn tell_what_may_be_dropped(&self, look: &Look) {
        let before = self.sealing().map(|sealing| sealing.keys).unwrap_or_default();
        let said = |id: &str| before.iter().any(|key| key.key_id == id && key.may_be_dropped);
        for key in look.told(&self.keyring).keys {
            if key.may_be_dropped && !said(&key.key_id) {
                let key_id = key.key_id;
                tracing::info!(
                    key_id,
                    "nothing is sealed by this key any more: it may be dropped from keys.older_encryption"
                );
            }
        }
    }
}
