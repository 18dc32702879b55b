//! What the pool counts, for whoever watches the server.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper ends of the buckets of both histograms, in seconds; a last one takes what is longer.
pub const HASHING_BUCKETS: [f64; 10] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];

/// The pool at one moment. Counts only ever grow; `waiting` and `running` go up and down.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HashingMetrics {
    /// Threads: how many hashes can run at once.
    pub permits: usize,
    /// Hashes that wait for a thread.
    pub waiting: usize,
    /// Hashes that run.
    pub running: usize,
    /// Hashes that were done.
    pub done: u64,
    /// Hashes computed beside the one that was asked for, so that time does not tell kinds of hash apart.
    pub decoys: u64,
    /// Hashes that a password was shown for and that cannot be verified here: without their pepper, too dear, or unreadable.
    pub unusable: u64,
    /// Requests answered "busy", for the wait would have been too long.
    pub turned_away: u64,
    /// Hashes given up before they began, for nobody waited for them any more.
    pub given_up: u64,
    /// How long hashes waited for a thread.
    pub wait: Histogram,
    /// How long hashes took once they ran.
    pub time: Histogram,
}

/// How often a duration fell into each bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Histogram {
    /// One count for each of [`HASHING_BUCKETS`], and one for what is longer. Each bucket counts its own only.
    pub counts: [u64; HASHING_BUCKETS.len() + 1],
    /// All durations together, in seconds.
    pub sum: f64,
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) turned_away: AtomicU64,
    pub(super) given_up: AtomicU64,
    pub(super) wait: Durations,
    pub(super) time: Durations,
}

#[derive(Debug, Default)]
pub(super) struct Durations {
    counts: [AtomicU64; HASHING_BUCKETS.len() + 1],
    microseconds: AtomicU64,
}

impl Durations {
    pub(super) fn record(&self, duration: Duration) {
        let seconds = duration.as_secs_f64();
        let bucket = HASHING_BUCKETS.iter().position(|end| seconds <= *end).unwrap_or(HASHING_BUCKETS.len());
        self.counts[bucket].fetch_add(1, Ordering::Relaxed);
        let microseconds = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        self.microseconds.fetch_add(microseconds, Ordering::Relaxed);
    }

    pub(super) fn read(&self) -> Histogram {
        let sum = Duration::from_micros(self.microseconds.load(Ordering::Relaxed)).as_secs_f64();
        Histogram { counts: self.counts.each_ref().map(|count| count.load(Ordering::Relaxed)), sum }
    }
}

impl Histogram {
    /// How many durations there were.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }
}
