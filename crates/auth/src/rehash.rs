//! Hashes that were made otherwise than new ones are: replaced as their owners sign in, and until then nobody learns by time
//! whose they are.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::{Password, Timestamp, UserId};
use store::Turn;

use crate::{Auth, Fault};

/// Rows of an older release whose scheme is filled in at a time.
const BATCH: i64 = 1_000;
/// What schemes there are is looked up anew after so long: an import may run beside the server.
const LOOK: Duration = Duration::from_secs(10);

/// What is known of the hashes in the database, and which of them are just being replaced.
#[derive(Debug, Default)]
pub(crate) struct Rehashing {
    /// Accounts whose hash is being replaced: many sign-ins at once make one new hash.
    under_way: Mutex<HashSet<UserId>>,
    /// When it was looked, and the dearest scheme's cost if any is not ours.
    dearest: Mutex<Option<(Timestamp, Option<Duration>)>>,
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

    /// Before a failed sign-in is answered: as long as some hashes are not made as ours are, all take as long as the dearest
    /// there is, that of an address without an account too.
    pub(crate) async fn even_out(&self, took: Duration) -> Result<(), Fault> {
        if let Some(dearest) = self.dearest().await? {
            // A little more, so that a hash that takes a little longer than it did is not told either.
            let floor = dearest + dearest / 4;
            tokio::time::sleep(floor.saturating_sub(took)).await;
        }
        Ok(())
    }

    async fn dearest(&self) -> Result<Option<Duration>, Fault> {
        let now = self.clock.now();
        let known = *self.rehashing.dearest.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, dearest)) = known
            && now >= at
            && now < at.plus(LOOK)
        {
            return Ok(dearest);
        }
        let schemes = store::passwords::schemes(&mut self.store.look().await?).await?;
        let dearest = self.hasher.dearest(&schemes).await?;
        *self.rehashing.dearest.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, dearest));
        Ok(dearest)
    }

    /// At start: what an older release wrote is filled in, a pepper that is missing is told, and what the dearest hash costs
    /// is known.
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
        self.dearest().await?;
        Ok(())
    }
}
