//! What became of spans.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts of this process. Clones count the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts(Arc<[AtomicU64; 3]>);

/// What became of a span.
#[derive(Clone, Copy, Debug)]
pub(super) enum Outcome {
    /// The collector took it.
    Sent,
    /// The queue was full.
    Dropped,
    /// The collector was away, or did not want it.
    Failed,
}

impl Counts {
    pub(super) fn add(&self, outcome: Outcome, count: usize) {
        self.0[outcome as usize].fetch_add(count as u64, Ordering::Relaxed);
    }

    /// Each, by its name in metrics.
    pub(crate) fn read(&self) -> [(&'static str, u64); 3] {
        let [sent, dropped, failed] = self.0.each_ref().map(|count| count.load(Ordering::Relaxed));
        [("sent", sent), ("dropped", dropped), ("failed", failed)]
    }
}
