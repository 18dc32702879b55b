//! Pruning: the oldest entries go, and where the chain now begins is signed.
//!
//! A clock that has jumped forward must not empty the trail, since nothing brings it back. No clock tells by itself that
//! it is wrong, so three rules bound the harm:
//!
//! 1. An entry's age is counted to the newest entry of the trail where that is older than the clock. An installation
//!    that nobody uses loses nothing to any clock, and the newest entry is never pruned.
//! 2. A run takes a week of the trail at most, counted from its oldest entry.
//! 3. There is one run a day at most, by the moment that the last one signed; a clock that was set back counts as a day.
//!
//! So a clock that is a year ahead, on a server in use, costs a week of the oldest entries a day, and the log warns at
//! each run. The price: a retention that is made shorter by a year takes effect over 53 days.
//!
//! Entries go from the front of the chain up to the first that is not old enough: one that was written while the clock
//! was behind takes none with it that was written before.

use std::time::Duration;

use domain::Timestamp;
use store::Turn;
use store::audit::Checkpoint;

use super::trail::{AuditTrail, BATCH, Beginning};

/// A little less than a day, so that a janitor who comes by each day at one time is not too early.
const BETWEEN_RUNS: Duration = Duration::from_hours(23);
/// What a run takes at most, in time of the trail.
const SHARE: Duration = Duration::from_hours(24 * 7);

impl AuditTrail {
    /// Deletes entries older than `retention`, if a run is due, and says how many.
    pub async fn prune(&self, retention: Duration, now: Timestamp) -> Result<u64, store::Error> {
        let mut tx = self.store.read().await?;
        let last_run =
            store::audit::checkpoints(&mut tx).await?.iter().map(|checkpoint| Timestamp(checkpoint.at)).max();
        let Some((oldest, newest)) = store::audit::ends(&mut tx).await? else {
            return Ok(0);
        };
        drop(tx);
        if last_run.is_some_and(|last| now.since(last).max(last.since(now)) < BETWEEN_RUNS) {
            return Ok(0);
        }
        let due = now.min(newest).minus(retention);
        let before = due.min(oldest.plus(SHARE));
        let mut pruned = 0;
        loop {
            let batch = self.prune_batch(before, now).await?;
            pruned += batch;
            if batch == 0 {
                break;
            }
        }
        if pruned > 0 && before < due {
            tracing::warn!(
                pruned,
                "more than a week of the audit trail is due to be pruned, and a week of it was: the retention was made \
                 shorter, or the server stood still, or its clock has jumped forward; if it is the clock, set it right"
            );
        }
        Ok(pruned)
    }

    /// One short transaction.
    async fn prune_batch(&self, before: Timestamp, now: Timestamp) -> Result<u64, store::Error> {
        let mut tx = self.store.begin_in_turn(&[Turn::Trail]).await?;
        let Some((number, mac)) = store::audit::last_before(&mut tx, before, BATCH).await? else {
            return Ok(0);
        };
        let mut checkpoint = Checkpoint { number, mac, at: now.micros(), signature: Vec::new() };
        checkpoint.signature = self.sign(Beginning::Pruned, &checkpoint);
        let pruned = store::audit::prune(&mut tx, &checkpoint).await?;
        tx.commit().await?;
        Ok(pruned)
    }
}
