//! Who the pseudonyms of the trail are. Each is vouched for under the key of the trail: whoever can write to the database
//! but lacks the key cannot put somebody else in the place of whoever did something.

use store::Tx;
use store::audit::Person;
use uuid::Uuid;

use super::trail::{AuditTrail, BATCH, VerifyError, id_after, readable};

impl AuditTrail {
    /// Shows that a pseudonym was given to this account.
    pub(crate) fn vouch_for(&self, pseudonym: Uuid, user: Uuid) -> Vec<u8> {
        self.mac(b"person", &[pseudonym.as_bytes(), user.as_bytes()])
    }

    pub(super) fn is_vouched_for(&self, person: &Person) -> bool {
        let mac = self.vouch_for(person.pseudonym, person.user_id);
        secrets::constant_time_equal(&mac, person.mac.as_deref().unwrap_or_default())
    }

    /// Looks at who each pseudonym is, and says whether there is anybody.
    pub(super) async fn verify_people(&self, tx: &mut Tx) -> Result<bool, VerifyError> {
        let (mut next, mut anybody) = (Some(Uuid::nil()), false);
        while let Some(from) = next {
            let page = store::audit::people(tx, from, BATCH).await;
            let page = readable(page, || "who a pseudonym is".to_owned())?;
            next = page.last().and_then(|last| id_after(last.pseudonym));
            if let Some(exchanged) = page.iter().find(|person| !self.is_vouched_for(person)) {
                return Err(VerifyError::Person { pseudonym: exchanged.pseudonym });
            }
            anybody |= page.iter().any(|person| person.user_id != store::users::NOBODY.0);
        }
        Ok(anybody)
    }

    /// Vouches under this key for who each pseudonym is.
    pub(super) async fn vouch_for_all(&self, tx: &mut Tx) -> Result<(), store::Error> {
        let mut next = Some(Uuid::nil());
        while let Some(from) = next {
            let page = store::audit::people(tx, from, BATCH).await?;
            next = page.last().and_then(|last| id_after(last.pseudonym));
            for person in page {
                let mac = self.vouch_for(person.pseudonym, person.user_id);
                store::audit::set_person_mac(tx, person.pseudonym, &mac).await?;
            }
        }
        Ok(())
    }
}
