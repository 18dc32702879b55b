//! Reading the trail.

use domain::Pseudonym;
use store::Tx;
use store::audit::Entry;

use super::trail::{AuditTrail, start_of};

/// An entry, as it is listed.
#[derive(Clone, Debug)]
pub struct Listed {
    /// The entry.
    pub entry: Entry,
    /// Whether it is what was sealed in this place, by the entry before it. Only [`verify`](AuditTrail::verify) shows that
    /// all of them are.
    pub sealed: bool,
    /// The address of its subject, if that account still exists, and the pseudonym is vouched for.
    pub address: Option<String>,
    /// Whether the pseudonym leads to another account than the one it was given to.
    pub exchanged: bool,
}

impl AuditTrail {
    /// The newest entries, up to `limit`, before entry `before`, of one person alone if given.
    pub async fn newest(
        &self,
        person: Option<Pseudonym>,
        before: Option<i64>,
        limit: i64,
    ) -> Result<Vec<Entry>, store::Error> {
        store::audit::newest(&mut self.store.read().await?, person, before.unwrap_or(i64::MAX), limit).await
    }

    /// The same, with what is known of each.
    pub async fn list(
        &self,
        person: Option<Pseudonym>,
        before: Option<i64>,
        limit: i64,
    ) -> Result<Vec<Listed>, store::Error> {
        let mut tx = self.store.read().await?;
        let start = start_of(store::audit::checkpoints(&mut tx).await?.last());
        let mut listed = Vec::new();
        for entry in store::audit::newest(&mut tx, person, before.unwrap_or(i64::MAX), limit).await? {
            let sealed = self.is_sealed(&mut tx, &entry, &start).await?;
            let found = match entry.subject {
                Some(subject) => store::audit::person(&mut tx, Pseudonym(subject)).await?,
                None => None,
            };
            let exchanged = found.as_ref().is_some_and(|(person, _)| !self.is_vouched_for(person));
            let address = found.map(|(_, address)| address).filter(|_| !exchanged);
            listed.push(Listed { entry, sealed, address, exchanged });
        }
        Ok(listed)
    }

    /// Whether an entry is what was sealed after the one before it.
    async fn is_sealed(
        &self,
        tx: &mut Tx,
        entry: &Entry,
        start: &(i64, Vec<u8>),
    ) -> Result<bool, store::Error> {
        let Some(number) = entry.number.filter(|number| *number > start.0) else { return Ok(false) };
        let before = if number - 1 == start.0 {
            Some(start.1.clone())
        } else {
            store::audit::mac_of(tx, number - 1).await?
        };
        Ok(before.is_some_and(|before| {
            let link = self.link(&before, number, entry);
            secrets::constant_time_equal(&link, entry.mac.as_deref().unwrap_or_default())
        }))
    }
}
