//! `Backoff`: who fails is asked again later, each time after twice as long.

use std::time::Duration;

use crate::Moment;

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(30);

/// When to ask next.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backoff {
    failures: u32,
    not_before: Moment,
}

impl Backoff {
    pub(crate) const fn new() -> Self {
        Self { failures: 0, not_before: Moment(i64::MIN) }
    }

    /// How long to wait yet; nothing if it may be asked.
    pub(crate) fn wait(&self, now: Moment) -> Option<Duration> {
        // No wait is longer, unless the clock was set back, which must not close the way for as long.
        Some(self.not_before.since(now)).filter(|wait| !wait.is_zero() && *wait <= LONGEST)
    }

    /// It answered; asking again at once would tell nothing new.
    pub(crate) fn succeeded(&mut self, now: Moment, rest: Duration) {
        (self.failures, self.not_before) = (0, now.plus(rest));
    }

    pub(crate) fn failed(&mut self, now: Moment) {
        let wait = FIRST.saturating_mul(1 << self.failures.min(5)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        self.not_before = now.plus(wait);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_doubles_the_wait_and_an_answer_ends_it() {
        let (mut backoff, now) = (Backoff::new(), Moment(0));
        assert_eq!(backoff.wait(now), None);
        let waits: Vec<_> = (0..7)
            .map(|_| {
                backoff.failed(now);
                backoff.wait(now).unwrap().as_secs()
            })
            .collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30]);
        assert_eq!(backoff.wait(now.plus(LONGEST)), None);
        assert_eq!(backoff.wait(Moment(-1_000_000_000_000)), None, "set back for days");
        backoff.succeeded(now, Duration::ZERO);
        assert_eq!(backoff.wait(now), None);
    }
}
