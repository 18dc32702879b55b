//! A histogram that many threads add to at once, without waiting for one another.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper ends of the buckets, in microseconds: from a token check that is known to a page that waits for a hash.
const ENDS: [u64; 14] = [
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    5_000_000,
];

/// How often a duration fell into each bucket.
#[derive(Debug, Default)]
pub(super) struct Durations {
    counts: [AtomicU64; ENDS.len() + 1],
    microseconds: AtomicU64,
}

/// A histogram as it is told.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Histogram {
    /// Each bucket by its upper end in seconds, with its own count; the last has no end.
    pub(super) buckets: Vec<(f64, u64)>,
    /// All durations together, in seconds.
    pub(super) sum: f64,
}

impl Durations {
    pub(super) fn record(&self, duration: Duration) {
        let microseconds = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let bucket = ENDS.iter().position(|end| microseconds <= *end).unwrap_or(ENDS.len());
        self.counts[bucket].fetch_add(1, Ordering::Relaxed);
        self.microseconds.fetch_add(microseconds, Ordering::Relaxed);
    }

    pub(super) fn read(&self) -> Histogram {
        let ends = ENDS.iter().map(|end| Duration::from_micros(*end).as_secs_f64()).chain([f64::INFINITY]);
        let counts = self.counts.iter().map(|count| count.load(Ordering::Relaxed));
        let sum = Duration::from_micros(self.microseconds.load(Ordering::Relaxed)).as_secs_f64();
        Histogram { buckets: ends.zip(counts).collect(), sum }
    }
}

impl Histogram {
    /// One of the hasher's.
    pub(super) fn of_hashing(histogram: &auth::Histogram) -> Self {
        let ends = auth::HASHING_BUCKETS.into_iter().chain([f64::INFINITY]);
        Self { buckets: ends.zip(histogram.counts).collect(), sum: histogram.sum }
    }

    pub(super) fn count(&self) -> u64 {
        self.buckets.iter().map(|(_, count)| count).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_falls_into_the_first_bucket_that_holds_it() {
        let durations = Durations::default();
        for micros in [0, 100, 101, 5_000_000, 5_000_001] {
            durations.record(Duration::from_micros(micros));
        }
        let told = durations.read();
        let counts: Vec<_> = told.buckets.iter().map(|(_, count)| *count).collect();
        assert_eq!((counts[0], counts[1], counts[13], counts[14]), (2, 1, 1, 1));
        assert_eq!((told.count(), told.sum), (5, 10.000_202));
        assert_eq!(told.buckets[0], (0.0001, 2));
        assert_eq!(told.buckets[14], (f64::INFINITY, 1));
    }
}
