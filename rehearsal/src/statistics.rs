//! Whether two kinds of request can be told apart by time.
//!
//! Requests come in pairs, one of each kind, in an order that a coin decided. If time tells nothing, swapping the two
//! times of any pair changes nothing; so the same statistic over thousands of random swappings shows what chance alone
//! does, whatever the distribution, its tails, or the machine's moods (a permutation test within pairs: exact, no
//! assumption of normality or independence over time).
//!
//! Two statistics: the area under the ROC curve (Mann-Whitney: the chance that a random request of the first kind took
//! longer than one of the second; 0.5 tells nothing), for a shift; and the largest distance of the two distributions
//! (Kolmogorov-Smirnov), for another shape, such as one quantile or the spread alone.

use std::time::Duration;

use crate::draw::Draw;

/// Two kinds are told apart if chance alone does as much less often than this. Stated here, before any run.
pub(crate) const SIGNIFICANCE: f64 = 0.001;
/// So many swappings; with fewer than 1/SIGNIFICANCE nothing could ever be significant.
const SWAPPINGS: usize = 9_999;

/// The times of one pair.
pub(crate) type Pair = [Duration; 2];

/// What was found.
#[derive(Clone, Debug)]
pub(crate) struct Comparison {
    pub(crate) medians: [Duration; 2],
    pub(crate) area: f64,
    pub(crate) area_p: f64,
    pub(crate) distance: f64,
    pub(crate) distance_p: f64,
    /// The smallest constant difference that would have been told in these very times: what the run could see.
    pub(crate) resolution: Duration,
}

impl Comparison {
    pub(crate) fn tells(&self) -> bool {
        self.area_p < SIGNIFICANCE || self.distance_p < SIGNIFICANCE
    }
}

/// Compares the two kinds.
pub(crate) fn compare(pairs: &[Pair], draw: &mut Draw) -> Comparison {
    let ranked = Ranked::new(pairs);
    let mut swapped = vec![false; pairs.len()];
    let found = ranked.statistics(&swapped);
    let mut areas = Vec::with_capacity(SWAPPINGS);
    let mut distances = Vec::with_capacity(SWAPPINGS);
    for _ in 0..SWAPPINGS {
        swapped.fill_with(|| draw.coin());
        let by_chance = ranked.statistics(&swapped);
        areas.push(by_chance.deviation());
        distances.push(by_chance.distance);
    }
    let critical = [critical(&mut areas), critical(&mut distances)];
    Comparison {
        medians: [median(pairs.iter().map(|pair| pair[0])), median(pairs.iter().map(|pair| pair[1]))],
        area: found.area,
        area_p: p_value(&areas, found.deviation()),
        distance: found.distance,
        distance_p: p_value(&distances, found.distance),
        resolution: resolution(pairs, critical),
    }
}

/// The value at the middle.
pub(crate) fn median(times: impl Iterator<Item = Duration>) -> Duration {
    quantile(times, 0.5)
}

/// The value below which this share of all lies.
pub(crate) fn quantile(times: impl Iterator<Item = Duration>, share: f64) -> Duration {
    let mut times: Vec<_> = times.collect();
    times.sort_unstable();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a length")]
    let at = (real(times.len()) * share) as usize;
    times.get(at.min(times.len().saturating_sub(1))).copied().unwrap_or_default()
}

#[derive(Clone, Copy, Debug)]
struct Statistics {
    area: f64,
    distance: f64,
}

impl Statistics {
    fn deviation(self) -> f64 {
        (self.area - 0.5).abs()
    }
}

/// All times in order, so that a swapping costs one walk and no sorting.
struct Ranked {
    entries: Vec<Entry>,
    pairs: usize,
}

struct Entry {
    time: Duration,
    pair: usize,
    is_first: bool,
    /// Equal times share the mean of their ranks.
    rank: f64,
    ends_group: bool,
}

impl Ranked {
    fn new(pairs: &[Pair]) -> Self {
        let entry = |pair, time, is_first| Entry { time, pair, is_first, rank: 0.0, ends_group: false };
        let both = |(at, pair): (usize, &Pair)| [entry(at, pair[0], true), entry(at, pair[1], false)];
        let mut entries: Vec<_> = pairs.iter().enumerate().flat_map(both).collect();
        entries.sort_unstable_by_key(|entry| entry.time);
        let mut before = 0;
        for group in entries.chunk_by_mut(|one, next| one.time == next.time) {
            let rank = real(before) + f64::midpoint(real(group.len()), 1.0);
            before += group.len();
            for entry in group.iter_mut() {
                entry.rank = rank;
            }
            if let Some(last) = group.last_mut() {
                last.ends_group = true;
            }
        }
        Self { entries, pairs: pairs.len() }
    }

    fn statistics(&self, swapped: &[bool]) -> Statistics {
        let (mut ranks, mut lead, mut largest) = (0.0, 0_i64, 0_i64);
        for entry in &self.entries {
            if entry.is_first ^ swapped[entry.pair] {
                ranks += entry.rank;
                lead += 1;
            } else {
                lead -= 1;
            }
            if entry.ends_group {
                largest = largest.max(lead.abs());
            }
        }
        let count = real(self.pairs);
        let wins = ranks - count * (count + 1.0) / 2.0;
        #[expect(clippy::cast_precision_loss, reason = "at most the number of pairs")]
        let largest = largest as f64;
        Statistics { area: wins / (count * count), distance: largest / count }
    }
}

/// The value that chance exceeds less often than `SIGNIFICANCE`.
fn critical(by_chance: &mut [f64]) -> f64 {
    by_chance.sort_unstable_by(f64::total_cmp);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a length")]
    let beyond = (real(by_chance.len() + 1) * SIGNIFICANCE) as usize;
    by_chance.len().checked_sub(beyond.max(1)).map_or(f64::INFINITY, |at| by_chance[at])
}

/// How often chance does at least as much, the run itself counted among the swappings (Phipson and Smyth 2010): never 0.
fn p_value(by_chance: &[f64], found: f64) -> f64 {
    // Sums of the same ranks in another order may differ in the last digits.
    let as_much = by_chance.iter().filter(|chance| **chance >= found - 1e-12).count();
    real(as_much + 1) / real(by_chance.len() + 1)
}

/// The smallest delay of the first kind that these times would have given away, to a hundredth of the median. Every other
/// pair is turned round, so that a real difference is in both kinds alike and does not help.
fn resolution(pairs: &[Pair], critical: [f64; 2]) -> Duration {
    let mut toggle = false;
    let mixed: Vec<Pair> = pairs
        .iter()
        .map(|pair| {
            toggle = !toggle;
            if toggle { *pair } else { [pair[1], pair[0]] }
        })
        .collect();
    let seen = |delay: Duration| {
        let delayed: Vec<Pair> = mixed.iter().map(|pair| [pair[0] + delay, pair[1]]).collect();
        let found = Ranked::new(&delayed).statistics(&vec![false; delayed.len()]);
        found.area - 0.5 > critical[0] || found.distance > critical[1]
    };
    let (mut hidden, mut told) = (Duration::ZERO, median(pairs.iter().map(|pair| pair[0])) * 2);
    let step = (told / 200).max(Duration::from_micros(1));
    while hidden + step < told {
        let middle = (hidden + told) / 2;
        if seen(middle) { told = middle } else { hidden = middle }
    }
    told
}

fn real(count: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "counts of requests are far below 2^52")]
    let real = count as f64;
    real
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Times that jump about as a busy machine's do: a floor, a spread, and one in fifty far out.
    fn noise(draw: &mut Draw) -> Duration {
        let outlier = if draw.below(50) == 0 { 5_000 } else { 0 };
        Duration::from_micros(2_000 + draw.below(400) + outlier)
    }

    fn pairs(draw: &mut Draw, delay: Duration) -> Vec<Pair> {
        (0..2_000).map(|_| [noise(draw) + delay, noise(draw)]).collect()
    }

    #[test]
    fn chance_is_not_told() {
        let mut draw = Draw::new(1);
        let found = compare(&pairs(&mut draw, Duration::ZERO), &mut draw);
        assert!(!found.tells(), "{found:?}");
        assert!(found.resolution < Duration::from_micros(100), "{found:?}");
    }

    #[test]
    fn a_small_delay_is_told() {
        let mut draw = Draw::new(2);
        let found = compare(&pairs(&mut draw, Duration::from_micros(60)), &mut draw);
        assert!(found.area_p < SIGNIFICANCE && found.area > 0.5, "{found:?}");
    }

    #[test]
    fn another_spread_around_the_same_middle_is_told() {
        let mut draw = Draw::new(3);
        let spread = |draw: &mut Draw, width| Duration::from_micros(2_000 - width / 2 + draw.below(width));
        let pairs: Vec<Pair> = (0..2_000).map(|_| [spread(&mut draw, 400), spread(&mut draw, 200)]).collect();
        let found = compare(&pairs, &mut draw);
        assert!(found.distance_p < SIGNIFICANCE, "{found:?}");
    }

    #[test]
    fn equal_times_tell_nothing() {
        let mut draw = Draw::new(4);
        let found = compare(&[[Duration::from_millis(1); 2]; 50], &mut draw);
        assert!((found.area - 0.5).abs() < 1e-9 && found.distance == 0.0 && !found.tells(), "{found:?}");
    }
}
