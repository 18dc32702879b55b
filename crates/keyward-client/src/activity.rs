//! What is counted, for whoever watches the app.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::Keyward;

/// What this process asked its sign-in server since it started. Each is a count for each of a few kinds, none left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Activity {
    /// Requests to the sign-in server, by the class of the answer; `none` where there was no answer.
    pub asked: [(&'static str, u64); 4],
    /// Sessions that were to be proved again: `holds`, `ended`, or `later` where nobody could say.
    pub renewals: [(&'static str, u64); 3],
}

/// How a request to the sign-in server ended.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Answered {
    Well,
    Refused,
    Failed,
    Not,
}

/// What came of proving a session again.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Renewed {
    Holds,
    Ended,
    Later,
}

#[derive(Debug, Default)]
pub(crate) struct Counts {
    asked: [AtomicU64; 4],
    renewals: [AtomicU64; 3],
}

impl Counts {
    pub(crate) fn asked(&self, answered: Answered) {
        self.asked[answered as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn renewed(&self, renewed: Renewed) {
        self.renewals[renewed as usize].fetch_add(1, Ordering::Relaxed);
    }

    fn read(&self) -> Activity {
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let [well, refused, failed, not] = self.asked.each_ref().map(count);
        let [holds, ended, later] = self.renewals.each_ref().map(count);
        Activity {
            asked: [("2xx", well), ("4xx", refused), ("5xx", failed), ("none", not)],
            renewals: [("holds", holds), ("ended", ended), ("later", later)],
        }
    }
}

impl Answered {
    pub(crate) fn of(status: u16) -> Self {
        match status {
            ..400 => Self::Well,
            400..500 => Self::Refused,
            500.. => Self::Failed,
        }
    }
}

impl Keyward {
    /// What this process asked its sign-in server since it started.
    pub fn activity(&self) -> Activity {
        self.provider.counts.read()
    }
}
