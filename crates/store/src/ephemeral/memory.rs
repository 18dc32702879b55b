//! Short-lived state in the memory of one process.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use domain::Timestamp;

use super::{Charge, Spent};

/// At this many keys those that have run out are swept.
const SWEEP_AT: usize = 100_000;
/// There are never more keys. What was hit least goes first: keys that somebody makes up to fill the memory are hit once
/// each, and one that is guessed at is hit again and again.
const MAXIMUM_KEYS: usize = 400_000;

/// How often something may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// So many times…
    pub limit: u32,
    /// …in any stretch of this length.
    pub window: Duration,
    /// Once the budget is spent, one more is still let through this long after the last. None: nothing is.
    pub spacing: Option<Duration>,
}

/// Counters in memory, exact: each key holds the moments that count against its budget.
#[derive(Debug, Default)]
pub(super) struct Memory {
    keys: Mutex<Keys>,
}

#[derive(Debug, Default)]
struct Keys {
    moments: HashMap<String, Moments>,
    sweep_at: usize,
}

#[derive(Debug, Default)]
struct Moments {
    hits: VecDeque<Timestamp>,
    window: Duration,
    /// When a refusal was last told of.
    told_at: Option<Timestamp>,
}

impl Memory {
    /// Nothing counted yet.
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// See [`Ephemeral::hit`](super::Ephemeral::hit).
    pub(super) fn hit(&self, charges: &[Charge], now: Timestamp) -> Result<(), Spent> {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let mut made_room = Vec::with_capacity(charges.len());
        for (charge, Charge { key, budget }) in charges.iter().enumerate() {
            match keys.hit(key, *budget, now) {
                Ok(moment) => made_room.push(moment),
                Err(retry_after) => {
                    for (before, moment) in charges.iter().zip(made_room).rev() {
                        keys.refund(std::slice::from_ref(before), now);
                        if let (Some(moment), Some(moments)) = (moment, keys.moments.get_mut(&before.key)) {
                            moments.hits.push_front(moment);
                        }
                    }
                    return Err(Spent { charge, retry_after });
                }
            }
        }
        Ok(())
    }

    /// See [`Ephemeral::ask`](super::Ephemeral::ask).
    pub(super) fn ask(&self, charges: &[Charge], now: Timestamp) -> Result<(), Spent> {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        for (charge, Charge { key, budget }) in charges.iter().enumerate() {
            let Some(moments) = keys.moments.get_mut(key) else { continue };
            moments.forget(now);
            if let Some(retry_after) = moments.wait(*budget, now) {
                return Err(Spent { charge, retry_after });
            }
        }
        Ok(())
    }

    /// See [`Ephemeral::is_news`](super::Ephemeral::is_news).
    pub(super) fn is_news(&self, charge: &Charge, now: Timestamp) -> bool {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let moments = keys.moments.entry(charge.key.clone()).or_default();
        let news = moments.told_at.is_none_or(|told_at| told_at.plus(charge.budget.window) <= now);
        if news {
            moments.told_at = Some(now);
        }
        news
    }

    /// See [`Ephemeral::refund`](super::Ephemeral::refund).
    pub(super) fn refund(&self, charges: &[Charge], at: Timestamp) {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).refund(charges, at);
    }
}

impl Keys {
    /// Counts one, and gives the moment that made room for it, if one had to; or says how long to wait. `hit.lua` does the same.
    fn hit(&mut self, key: &str, budget: Budget, now: Timestamp) -> Result<Option<Timestamp>, Duration> {
        self.sweep(now);
        let moments = self.moments.entry(key.to_owned()).or_default();
        moments.window = budget.window;
        moments.forget(now);
        if let Some(wait) = moments.wait(budget, now) {
            return Err(wait);
        }
        let limit = budget.limit as usize;
        let made_room = if moments.hits.len() >= limit { moments.hits.pop_front() } else { None };
        if limit > 0 {
            moments.hits.push_back(now);
        }
        Ok(made_room)
    }

    fn refund(&mut self, charges: &[Charge], at: Timestamp) {
        for Charge { key, .. } in charges {
            if let Some(moments) = self.moments.get_mut(key)
                && let Some(position) = moments.hits.iter().rposition(|hit| *hit == at)
            {
                moments.hits.remove(position);
            }
        }
    }

    fn sweep(&mut self, now: Timestamp) {
        if self.moments.len() < self.sweep_at.max(SWEEP_AT) {
            return;
        }
        self.moments.retain(|_, moments| {
            moments.forget(now);
            !moments.hits.is_empty()
        });
        let mut hits = 1;
        while self.moments.len() > MAXIMUM_KEYS / 2 {
            self.moments.retain(|_, moments| moments.hits.len() > hits);
            hits *= 2;
        }
        // Twice what is left: a sweep costs as much as it frees.
        self.sweep_at = (self.moments.len() * 2).min(MAXIMUM_KEYS);
    }
}

impl Moments {
    /// How long until the budget allows one more; none, if it does. What has run out is forgotten already.
    fn wait(&self, budget: Budget, now: Timestamp) -> Option<Duration> {
        let (oldest, latest) = (self.hits.front()?, self.hits.back()?);
        let spaced = budget.spacing.map(|spacing| latest.plus(spacing));
        let free_at = oldest.plus(budget.window);
        let free_at = spaced.map_or(free_at, |spaced| free_at.min(spaced));
        let full = self.hits.len() >= budget.limit as usize;
        (full && free_at > now).then(|| free_at.since(now))
    }

    fn forget(&mut self, now: Timestamp) {
        while self.hits.front().is_some_and(|hit| hit.plus(self.window) <= now) {
            self.hits.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUDGET: Budget = Budget { limit: 3, window: Duration::from_mins(15), spacing: None };
    const SPACED: Budget = Budget { spacing: Some(Duration::from_mins(1)), ..BUDGET };

    impl Memory {
        fn one(&self, key: &str, budget: Budget, now: Timestamp) -> Result<(), Duration> {
            self.hit(&[Charge { key: key.to_owned(), budget }], now).map_err(|spent| spent.retry_after)
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    #[test]
    fn a_budget_is_exact_in_any_window() {
        let memory = Memory::new();
        for second in [0, 100, 200] {
            assert_eq!(memory.one("a", BUDGET, at(second)), Ok(()));
        }
        assert_eq!(memory.one("a", BUDGET, at(300)), Err(Duration::from_mins(10)));
        assert_eq!(memory.one("b", BUDGET, at(300)), Ok(()), "another key has a budget of its own");
        assert_eq!(memory.one("a", BUDGET, at(900)), Ok(()));
        assert_eq!(memory.one("a", BUDGET, at(900)), Err(Duration::from_secs(100)));
    }

    #[test]
    fn a_spaced_budget_never_locks() {
        let memory = Memory::new();
        for _ in 0..3 {
            assert_eq!(memory.one("a", SPACED, at(0)), Ok(()));
        }
        for second in 0..60 {
            assert_eq!(
                memory.one("a", SPACED, at(second)),
                Err(Duration::from_secs(60 - second.unsigned_abs()))
            );
        }
        assert_eq!(memory.one("a", SPACED, at(60)), Ok(()));
        assert_eq!(memory.one("a", SPACED, at(61)), Err(Duration::from_secs(59)));
    }

    #[test]
    fn a_refusal_is_news_once_a_window() {
        let memory = Memory::new();
        let charge = Charge { key: "a".to_owned(), budget: SPACED };
        memory.one("a", SPACED, at(0)).unwrap();
        assert!(memory.is_news(&charge, at(1)));
        for second in [2, 60, 900] {
            assert!(!memory.is_news(&charge, at(second)), "{second}");
        }
        assert!(memory.is_news(&charge, at(901)));
        assert!(!memory.is_news(&charge, at(902)));
    }

    #[test]
    fn what_was_no_failure_is_given_back() {
        let memory = Memory::new();
        for _ in 0..10 {
            assert_eq!(memory.one("a", BUDGET, at(5)), Ok(()));
            memory.refund(&[Charge { key: "a".to_owned(), budget: BUDGET }], at(5));
        }
    }

    #[test]
    fn keys_that_ran_out_are_swept() {
        let memory = Memory::new();
        for key in 0..SWEEP_AT {
            memory.one(&key.to_string(), BUDGET, at(0)).unwrap();
        }
        memory.one("late", BUDGET, at(1000)).unwrap();
        assert_eq!(memory.keys.lock().unwrap().moments.len(), 1);
    }

    #[test]
    fn made_up_keys_do_not_fill_the_memory_nor_save_whoever_guesses() {
        let memory = Memory::new();
        for _ in 0..3 {
            memory.one("guessed at", BUDGET, at(0)).unwrap();
        }
        for key in 0..MAXIMUM_KEYS * 2 {
            memory.one(&key.to_string(), BUDGET, at(1)).unwrap();
            if key % 10_000 == 0 {
                assert!(memory.keys.lock().unwrap().moments.len() <= MAXIMUM_KEYS);
            }
        }
        assert!(memory.one("guessed at", BUDGET, at(2)).is_err(), "its failures are still known");
    }
}
