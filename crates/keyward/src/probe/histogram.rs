//! How long requests took, in bounded memory: buckets that grow with what they count, each a thirty-second of its time wide.

use std::time::Duration;

/// Buckets for each doubling of the time, of 2 to the power of [`BITS`].
const IN_A_DOUBLING: u64 = 1 << BITS;
const BITS: u32 = 5;
/// Doublings of a microsecond that are told apart: about nineteen hours.
const DOUBLINGS: u32 = 36;

/// How often which time was met. A quantile is told by the upper bound of its bucket, so that it is never too good.
#[derive(Clone, Debug, Default)]
pub(super) struct Histogram {
    /// Grows up to the largest that was met.
    counts: Vec<u64>,
    total: u64,
    longest: Duration,
}

impl Histogram {
    pub(super) fn record(&mut self, took: Duration) {
        let at = bucket(took);
        if self.counts.len() <= at {
            self.counts.resize(at + 1, 0);
        }
        if let Some(count) = self.counts.get_mut(at) {
            *count += 1;
        }
        self.total += 1;
        self.longest = self.longest.max(took);
    }

    /// The time that so many of a hundred took at the most; zero if there was none.
    pub(super) fn quantile(&self, percent: u64) -> Duration {
        let rank = self.total.saturating_mul(percent).div_ceil(100).max(1);
        let mut below = 0;
        for (at, count) in self.counts.iter().enumerate() {
            below += count;
            if below >= rank {
                return upper_bound(at).min(self.longest);
            }
        }
        Duration::ZERO
    }

    pub(super) fn longest(&self) -> Duration {
        self.longest
    }
}

/// Below 32 µs each is its own bucket.
fn bucket(took: Duration) -> usize {
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).min((1 << DOUBLINGS) - 1);
    let at = match micros.checked_ilog2() {
        Some(doubling) if doubling >= BITS => {
            let shift = doubling - BITS;
            // The leading bit is that of the doubling itself.
            u64::from(shift + 1) * IN_A_DOUBLING + ((micros >> shift) - IN_A_DOUBLING)
        }
        _ => micros,
    };
    usize::try_from(at).unwrap_or(usize::MAX)
}

/// The longest time in a bucket.
fn upper_bound(at: usize) -> Duration {
    let at = u64::try_from(at).unwrap_or(u64::MAX);
    let micros = match (at / IN_A_DOUBLING).checked_sub(1) {
        None => at,
        Some(shift) => ((at % IN_A_DOUBLING + IN_A_DOUBLING + 1) << shift) - 1,
    };
    Duration::from_micros(micros)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn quantiles_are_those_of_the_times_and_never_better() {
        let mut histogram = Histogram::default();
        assert_eq!((histogram.quantile(50), histogram.longest()), (Duration::ZERO, Duration::ZERO));
        for milliseconds in 1..=1000 {
            histogram.record(Duration::from_millis(milliseconds));
        }
        for (percent, exact) in [(50, 500), (99, 990), (100, 1000)] {
            let (told, exact) = (histogram.quantile(percent), Duration::from_millis(exact));
            assert!(told >= exact && told <= exact + exact / 32, "{percent} %: {told:?}");
        }
        assert_eq!(histogram.longest(), Duration::from_secs(1));
    }

    #[test]
    fn one_that_was_slow_among_hundred_is_seen_at_the_hundredth_alone() {
        let mut histogram = Histogram::default();
        for _ in 0..99 {
            histogram.record(Duration::from_millis(2));
        }
        histogram.record(Duration::from_secs(7));
        assert!(histogram.quantile(99) < Duration::from_millis(3));
        assert_eq!(histogram.quantile(100), Duration::from_secs(7));
    }

    proptest! {
        #[test]
        fn a_time_lies_in_its_bucket_and_memory_is_bounded(micros in 0_u64..1 << 36) {
            let at = bucket(Duration::from_micros(micros));
            prop_assert!(at < 33 * 32);
            prop_assert!(upper_bound(at) >= Duration::from_micros(micros));
            prop_assert!(at == 0 || upper_bound(at - 1) < Duration::from_micros(micros));
        }
    }

    #[test]
    fn a_time_beyond_all_measure_is_counted_all_the_same() {
        let mut histogram = Histogram::default();
        histogram.record(Duration::MAX);
        assert!(histogram.quantile(50) > Duration::from_hours(18));
    }
}
