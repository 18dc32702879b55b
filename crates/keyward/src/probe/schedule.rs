//! When requests are due: at an even rate, whatever has become of those before. What is late is late from here on, so that a server
//! that stands still cannot hide it by asking for less.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const SECOND: u64 = 1_000_000_000;

/// Moments are told since the beginning.
#[derive(Debug)]
pub(super) struct Schedule {
    rate: u64,
    next: AtomicU64,
}

impl Schedule {
    /// So many requests a second.
    pub(super) fn new(rate: u32) -> Self {
        Self { rate: u64::from(rate.max(1)), next: AtomicU64::new(0) }
    }

    /// When the next request is due that nobody has taken. It is the caller's.
    pub(super) fn take(&self) -> Duration {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        Duration::from_nanos(number.saturating_mul(SECOND) / self.rate)
    }

    /// How many were due before this, and nobody has taken them.
    pub(super) fn behind(&self, elapsed: Duration) -> u64 {
        let due = elapsed.as_nanos() * u128::from(self.rate) / u128::from(SECOND) + 1;
        u64::try_from(due).unwrap_or(u64::MAX).saturating_sub(self.next.load(Ordering::Relaxed))
    }
}

/// What may be done once in so many milliseconds, by whoever comes first.
#[derive(Debug)]
pub(super) struct Gate {
    every: u64,
    next: AtomicU64,
}

impl Gate {
    pub(super) fn new(every: Duration) -> Self {
        Self { every: u64::try_from(every.as_millis()).unwrap_or(u64::MAX), next: AtomicU64::new(0) }
    }

    /// Whether it is the caller's turn.
    pub(super) fn pass(&self, elapsed: Duration) -> bool {
        let now = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        let next = self.next.load(Ordering::Relaxed);
        let later = now.saturating_add(self.every);
        next <= now && self.next.compare_exchange(next, later, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_due_evenly_and_each_is_taken_once() {
        let schedule = Schedule::new(300);
        let due: Vec<_> = (0..=600).map(|_| schedule.take()).collect();
        assert_eq!(
            (due[0], due[300], due[600]),
            (Duration::ZERO, Duration::from_secs(1), Duration::from_secs(2))
        );
        assert!(due.is_sorted_by(|one, next| one < next));
    }

    #[test]
    fn what_nobody_has_taken_by_then_is_behind() {
        let schedule = Schedule::new(10);
        assert_eq!(schedule.behind(Duration::ZERO), 1, "the first is due at once");
        for _ in 0..5 {
            schedule.take();
        }
        assert_eq!(schedule.behind(Duration::from_millis(400)), 0);
        assert_eq!(schedule.behind(Duration::from_millis(500)), 1);
        assert_eq!(schedule.behind(Duration::from_mins(1)), 596);
    }

    #[test]
    fn a_gate_lets_one_through_at_a_time() {
        let gate = Gate::new(Duration::from_secs(2));
        let passed = [0, 1, 1_999, 2_000, 2_001, 9_000, 9_001];
        let passed = passed.map(|at| gate.pass(Duration::from_millis(at)));
        assert_eq!(passed, [true, false, false, true, false, true, false]);
    }
}
