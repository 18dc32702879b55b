//! Reading the trail.

use domain::{Email, Pseudonym, UserId};
use store::Tx;
use store::audit::Entry;
use uuid::Uuid;

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

    /// What entries call whoever is meant: an account by its address or id, or a person by the pseudonym itself, which is all that
    /// is left of one whose account was deleted.
    pub async fn pseudonym_of(&self, who: &str) -> Result<Option<Pseudonym>, store::Error> {
        let mut tx = self.store.read().await?;
        if let Ok(id) = who.parse::<Uuid>() {
            let own = store::audit::pseudonym_of(&mut tx, UserId(id)).await?;
            return Ok(Some(Pseudonym(own.unwrap_or(id))));
        }
        let Ok(email) = Email::parse(who) else { return Ok(None) };
        let Some(owner) = store::emails::owner(&mut tx, &email).await? else { return Ok(None) };
        Ok(store::audit::pseudonym_of(&mut tx, UserId(owner.user_id)).await?.map(Pseudonym))
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
