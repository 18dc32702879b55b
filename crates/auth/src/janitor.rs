//! What expires is cleaned away, in small batches, so that no table grows without bound and nobody waits long.

use std::time::Duration;

use domain::{Timestamp, UserId};
use store::Turn;

use crate::audit::{Act, SERVER};
use crate::exchange::GRACE;
use crate::sign_up::is_of_nobody;
use crate::{Auth, Fault};

/// Rows a table and round; each table has a transaction of its own.
const BATCH: i64 = 200;
/// An account whose address nobody proves goes after so long. No proof may live longer (`Limits::proof_life`).
const UNPROVED_KEPT: Duration = Duration::from_hours(7 * 24);
/// So far the clocks of two processes may be from each other.
pub(crate) const CLOCKS: Duration = Duration::from_mins(1);
/// A lost answer is kept for as long as its client may ask for it, and longer for clocks: the process that gave it, the one that is
/// asked again and the one that cleans may be three.
const SUCCESSOR_KEPT: Duration = GRACE.saturating_add(CLOCKS.saturating_mul(2));

impl Auth {
    /// One round. Says how many rows went; another round is due at once if it was many.
    pub async fn clean(&self) -> Result<u64, Fault> {
        self.clean_until(|| false).await
    }

    /// The same, ended early, between two batches, once `is_over` says so.
    pub async fn clean_until(&self, is_over: impl Fn() -> bool) -> Result<u64, Fault> {
        macro_rules! unless_over {
            ($gone:expr) => {
                if is_over() {
                    return Ok($gone);
                }
            };
        }
        let now = self.clock.now();
        let limits = &self.settings.limits;
        let mut gone = 0;
        let mut tx = self.store.begin_in_turn(&[Turn::Janitor]).await?;
        gone += store::artefacts::delete_expired(&mut tx, now, BATCH).await?;
        gone += store::email_changes::delete_expired(&mut tx, now, BATCH).await?;
        gone += store::idempotency_keys::delete_expired(&mut tx, now, BATCH).await?;
        tx.commit().await?;
        unless_over!(gone);
        let mut tx = self.store.begin_in_turn(&[Turn::Janitor]).await?;
        gone += store::sessions::delete_expired(&mut tx, now, self.idle_since(now), BATCH).await?;
        gone +=
            store::known_browsers::delete_unused(&mut tx, now.minus(limits.browser_retention), BATCH).await?;
        tx.commit().await?;
        unless_over!(gone);
        let mut tx = self.store.begin_in_turn(&[Turn::Janitor]).await?;
        gone += store::outbox::expire(&mut tx, now, BATCH).await?;
        gone += store::outbox::delete_finished(&mut tx, now.minus(limits.mail_retention), BATCH).await?;
        tx.commit().await?;
        unless_over!(gone);
        // What belongs to nobody goes in any case.
        let proof = self.settings.accounts.require_proof;
        let unproved =
            if proof { now.minus(UNPROVED_KEPT) } else { store::emails::NOBODY.plus(Duration::from_secs(1)) };
        gone += self.clean_unproved(unproved, now).await?;
        unless_over!(gone);
        // What an older release that runs beside this one writes says not how it was hashed.
        let mut tx = self.store.begin_in_turn(&[Turn::Janitor]).await?;
        store::passwords::fill_in(&mut tx, BATCH).await?;
        tx.commit().await?;
        unless_over!(gone);
        gone += self.clean_protocol(now).await?;
        unless_over!(gone);
        gone += self.clean_grants(now).await?;
        unless_over!(gone);
        gone += self.clean_changes(now, BATCH).await?;
        gone += self.clean_key_holders(now, BATCH).await?;
        unless_over!(gone);
        gone += self.audit.prune(limits.audit_retention, now).await?;
        Ok(gone)
    }

    /// In the turns of their addresses: whoever signs up again at this moment gets an account that stays.
    async fn clean_unproved(&self, before: Timestamp, now: Timestamp) -> Result<u64, Fault> {
        let found = store::users::unproved(&mut self.store.look().await?, before, BATCH).await?;
        if found.is_empty() {
            return Ok(0);
        }
        let mut turns: Vec<_> = found.iter().map(|(_, address)| Turn::Address(address)).collect();
        turns.push(Turn::Janitor);
        let mut tx = self.store.begin_in_turn(&turns).await?;
        let mut gone = 0;
        for (user, address) in &found {
            let user = UserId(*user);
            let whose = store::audit::pseudonym_of(&mut tx, user).await?;
            let deleted = store::users::delete_unproved(&mut tx, user, before).await?;
            gone += u64::from(deleted);
            // What stood beside a sign-up by a taken address is nobody's account.
            if deleted && !is_of_nobody(address) {
                let (did, why) = ((SERVER, Act::DeleteAccount.name()), "its address was never proved");
                self.audit.record_without_request(&mut tx, &self.random, did, whose, why, now).await?;
                tx.wake(&self.audit_waiting);
            }
        }
        tx.commit().await?;
        Ok(gone)
    }

    /// What apps leave behind.
    async fn clean_protocol(&self, now: Timestamp) -> Result<u64, Fault> {
        let mut gone = 0;
        let mut tx = self.store.begin_in_turn(&[Turn::Janitor]).await?;
        gone += store::authorization_requests::delete_expired(&mut tx, now, BATCH).await?;
        gone += store::client_assertions::delete_expired(&mut tx, now, BATCH).await?;
        gone += store::revoked_tokens::delete_expired(&mut tx, now, BATCH).await?;
        tx.commit().await?;
        Ok(gone)
    }

    /// What they held. A code goes with its grant: unused, once nothing can come of it, and used, once all that came of it is over. Until
    /// then its second use, by whoever stole it, ends the rest.
    async fn clean_grants(&self, now: Timestamp) -> Result<u64, Fault> {
        let mut gone = 0;
        let mut tx = self.store.begin_in_turn(&[Turn::Janitor]).await?;
        gone += store::refresh_tokens::wipe_successors(&mut tx, now.minus(SUCCESSOR_KEPT), BATCH).await?;
        gone += store::refresh_tokens::delete_expired(&mut tx, now, BATCH).await?;
        gone += store::refresh_tokens::delete_ended(&mut tx, now, BATCH).await?;
        gone += store::grants::delete_ended(&mut tx, now, BATCH).await?;
        gone += store::grants::delete_unused(&mut tx, now.minus(CLOCKS), BATCH).await?;
        gone += store::grants::delete_replaced(&mut tx, now, BATCH).await?;
        gone += store::logout_notices::delete_expired(&mut tx, now, BATCH).await?;
        tx.commit().await?;
        Ok(gone)
    }
}
