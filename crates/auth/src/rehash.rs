//! Hashes that were made otherwise than new ones are: replaced as their owners sign in, and until then nobody learns by time
//! whose they are.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::{Password, Timestamp, UserId};
use store::Turn;

use crate::hasher::Kinds;
use crate::{Auth, Fault, Verified};

/// Rows of an older release whose scheme is filled in at a time.
const BATCH: i64 = 1_000;
/// What schemes there are is looked up anew after so long: an import may run beside the server.
const LOOK: Duration = Duration::from_secs(10);

/// What is known of the hashes in the database, and which of them are just being replaced.
#[derive(Debug, Default)]
pub(crate) struct Rehashing {
    /// Accounts whose hash is being replaced: many sign-ins at once make one new hash.
    under_way: Mutex<HashSet<UserId>>,
    /// When it was looked, and the kinds of hash that there were.
    kinds: Mutex<Option<(Timestamp, Arc<Kinds>)>>,
}

/// A new hash for an account, which nobody else is making one for while this lives.
#[derive(Debug)]
pub(crate) struct Renewal<'a> {
    hash: String,
    _claim: Claim<'a>,
}

#[derive(Debug)]
struct Claim<'a> {
    user: UserId,
    of: &'a Rehashing,
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.of.users().remove(&self.user);
    }
}

impl Renewal<'_> {
    /// The hash, to be stored.
    pub(crate) fn hash(&self) -> &str {
        &self.hash
    }
}

impl Rehashing {
    fn users(&self) -> MutexGuard<'_, HashSet<UserId>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Auth {
    /// A new hash of a password that was just found right. None if somebody else is at it, or the machine is too busy: there
    /// is a next time, and whoever signs in need not wait for it.
    pub(crate) async fn renew(&self, user: UserId, password: &Password) -> Option<Renewal<'_>> {
        if !self.rehashing.users().insert(user) {
            return None;
        }
        let claim = Claim { user, of: &self.rehashing };
        match self.hasher.hash(password).await {
            Ok(hash) => Some(Renewal { hash, _claim: claim }),
            Err(error) => {
                tracing::info!(%error, "a password could not be hashed anew; it is tried again at the next sign-in");
                None
            }
        }
    }

    /// Whether a password is right, of somebody who may be anybody. As long as some hashes are not made as ours are, every failure does
    /// the work of all kinds that there are, an address without an account too; and so does whoever does not get in by a right one.
    pub(crate) async fn verify_evenly(
        &self,
        password: &Password,
        hash: Option<&str>,
        may_enter: bool,
        now: Timestamp,
    ) -> Result<Verified, Fault> {
        // One that cannot be verified here lets nobody in; nor does it make a failure another.
        let hash = hash.filter(|hash| self.hasher.can_verify(hash));
        let mut kinds = self.kinds(now).await?;
        if hash.is_some_and(|hash| !kinds.have(hash)) {
            // It came in after it was looked, and from here on counts for everybody.
            kinds = self.look_for_kinds(now).await?;
        }
        self.hasher.verify_among(&kinds, password, hash, may_enter).await
    }

    async fn kinds(&self, now: Timestamp) -> Result<Arc<Kinds>, Fault> {
        let known = self.rehashing.kinds.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match known {
            Some((at, kinds)) if now >= at && now < at.plus(LOOK) => Ok(kinds),
            _ => self.look_for_kinds(now).await,
        }
    }

    async fn look_for_kinds(&self, now: Timestamp) -> Result<Arc<Kinds>, Fault> {
        let schemes = store::passwords::schemes(&mut self.store.look().await?).await?;
        let kinds = Arc::new(self.hasher.kinds(&schemes));
        *self.rehashing.kinds.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, kinds.clone()));
        Ok(kinds)
    }

    /// At start: what an older release wrote is filled in, a pepper that is missing is told, and which kinds of hash there are is
    /// known.
    pub(crate) async fn look_at_hashes(&self) -> Result<(), Fault> {
        loop {
            let mut tx = self.store.begin_in_turn(&[Turn::Janitor]).await?;
            let filled = store::passwords::fill_in(&mut tx, BATCH).await?;
            tx.commit().await?;
            if filled == 0 {
                break;
            }
        }
        let schemes = store::passwords::schemes(&mut self.store.look().await?).await?;
        self.hasher.check(&schemes)?;
        let kinds = self.look_for_kinds(self.clock.now()).await?;
        if kinds.count() > 1 {
            let (count, took) = (kinds.count(), self.hasher.measure(&kinds).await?);
            tracing::info!(
                kinds = count,
                ?took,
                "some accounts have hashes that are not made as new ones are: every failed sign-in does the work of each kind"
            );
            if took > self.hasher.longest_wait() {
                tracing::warn!(
                    ?took,
                    "a failed sign-in takes longer than password.hashing.longest_wait, so that a few at a time turn others away: \
                     keyward passwords report tells which hashes do"
                );
            }
        }
        Ok(())
    }
}
