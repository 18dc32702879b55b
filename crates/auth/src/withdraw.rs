//! What was mailed and not used yet ends, whosever it is: for when somebody else may have read it, or be able to.

use store::Turn;

use crate::audit::AuditTrail;
use crate::{Auth, Fault};

/// Rows of a table at a time: nobody waits for more.
const BATCH: i64 = 200;

impl Auth {
    /// How many codes, each with its link, were mailed to somebody and are good.
    pub async fn mailed(&self) -> Result<u64, Fault> {
        let mut tx = self.store.look().await?;
        let good = store::artefacts::count(&mut tx, self.clock.now()).await?;
        Ok(u64::try_from(good).unwrap_or_default())
    }

    /// Ends all of them, at the word of whoever is the operator in this trail: with mails that carry one and have not left yet, with
    /// changes of address that wait for one, and with decoys, which nobody is to tell from the others. Says how many were good.
    pub async fn withdraw_mailed(&self, trail: &AuditTrail) -> Result<u64, Fault> {
        let good = self.mailed().await?;
        // First: cut short in the middle, it was begun.
        let detail = format!("{good} codes that were good, and their links");
        trail.note(&self.random, "withdraw_mailed", &detail, self.clock.now()).await?;
        loop {
            if again!(self.withdraw_some())? {
                return Ok(good);
            }
        }
    }

    /// Whether that was all.
    async fn withdraw_some(&self) -> Result<bool, Fault> {
        let now = self.clock.now();
        let mut tx = self.store.begin_in_turn(&[Turn::Outbox, Turn::Janitor]).await?;
        let mails = store::outbox::withdraw(&mut tx, now, BATCH).await?;
        let artefacts = store::artefacts::delete_any(&mut tx, BATCH).await?;
        let changes = store::email_changes::delete_any(&mut tx, BATCH).await?;
        tx.commit().await?;
        Ok(mails.max(artefacts).max(changes) < BATCH.unsigned_abs())
    }
}
