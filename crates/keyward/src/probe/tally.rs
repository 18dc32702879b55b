//! What became of requests: figures a stage, and each failure.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Serialize, Serializer};
use tokio::time::Instant;

use super::connection::{Answer, Why, Wrong};
use super::histogram::Histogram;

/// So many failures are told one by one; all are counted.
const LISTED: usize = 1_000;

/// The figures of a stage.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Figures {
    pub(crate) stage: &'static str,
    /// All that have ended, whichever way.
    pub(crate) requests: u64,
    pub(crate) failed: u64,
    /// Those that were slow by themselves. The times are of the others.
    pub(crate) slow: u64,
    /// From when a request was due to the last byte of its answer.
    #[serde(rename = "p50_ms", serialize_with = "milliseconds")]
    pub(crate) p50: Duration,
    #[serde(rename = "p99_ms", serialize_with = "milliseconds")]
    pub(crate) p99: Duration,
    #[serde(rename = "longest_ms", serialize_with = "milliseconds")]
    pub(crate) longest: Duration,
}

/// A request that failed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct FailedRequest {
    /// Since the probe began.
    #[serde(rename = "at_ms", serialize_with = "milliseconds")]
    pub(crate) at: Duration,
    pub(crate) stage: &'static str,
    /// What was asked: `POST /token`.
    pub(crate) request: String,
    /// By what kind of connection.
    pub(crate) over: &'static str,
    pub(crate) why: Why,
    pub(crate) detail: String,
}

/// To a hundredth.
fn milliseconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((time.as_secs_f64() * 1e5).round() / 100.0)
}

/// What is known of a request, whatever came of it.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) name: String,
    pub(super) over: &'static str,
    /// Since when somebody would have waited.
    pub(super) due: Instant,
    pub(super) is_slow: bool,
}

/// Counts.
#[derive(Debug)]
pub(super) struct Tally {
    begun: Instant,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    stages: Vec<Stage>,
    failures: Vec<FailedRequest>,
    by_http2: u64,
    connections: u64,
}

#[derive(Debug)]
struct Stage {
    name: &'static str,
    requests: u64,
    failed: u64,
    slow: u64,
    times: Histogram,
}

impl Stage {
    fn new(name: &'static str) -> Self {
        Self { name, requests: 0, failed: 0, slow: 0, times: Histogram::default() }
    }

    fn figures(&self) -> Figures {
        Figures {
            stage: self.name,
            requests: self.requests,
            failed: self.failed,
            slow: self.slow,
            p50: self.times.quantile(50),
            p99: self.times.quantile(99),
            longest: self.times.longest(),
        }
    }
}

/// What is left of it at the end.
#[derive(Debug)]
pub(super) struct Counted {
    pub(super) stages: Vec<Figures>,
    pub(super) failures: Vec<FailedRequest>,
    pub(super) by_http2: u64,
    pub(super) connections: u64,
}

impl Tally {
    pub(super) fn new(begun: Instant, first: &'static str) -> Self {
        let state = State { stages: vec![Stage::new(first)], ..State::default() };
        Self { begun, state: Mutex::new(state) }
    }

    /// From here on requests that end are of this stage.
    pub(super) fn enter(&self, next: &'static str) {
        let mut state = self.state();
        if state.stages.last().is_none_or(|last| last.name != next) {
            state.stages.push(Stage::new(next));
        }
    }

    /// Counts a request that ended now.
    pub(super) fn record(&self, asked: Asked, now: Instant, failed: Option<&Wrong>) {
        let mut state = self.state();
        let State { stages, failures, .. } = &mut *state;
        let Some(last) = stages.last_mut() else { return };
        last.requests += 1;
        last.slow += u64::from(asked.is_slow);
        match failed {
            None if asked.is_slow => {}
            None => last.times.record(now.saturating_duration_since(asked.due)),
            Some(wrong) => {
                last.failed += 1;
                if failures.len() < LISTED {
                    failures.push(FailedRequest {
                        at: now.saturating_duration_since(self.begun),
                        stage: last.name,
                        request: asked.name,
                        over: asked.over,
                        why: wrong.why,
                        detail: wrong.detail.clone(),
                    });
                }
            }
        }
    }

    /// Counts how an answer came.
    pub(super) fn came(&self, answer: &Answer) {
        let mut state = self.state();
        state.by_http2 += u64::from(answer.by_http2);
        state.connections += u64::from(answer.connected);
    }

    pub(super) fn figures(&self) -> Vec<Figures> {
        self.state().stages.iter().map(Stage::figures).collect()
    }

    pub(super) fn count(&self) -> Counted {
        let state = self.state();
        Counted {
            stages: state.stages.iter().map(Stage::figures).collect(),
            failures: state.failures.clone(),
            by_http2: state.by_http2,
            connections: state.connections,
        }
    }

    /// A panic elsewhere leaves whole counts: each is done in one go.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "an Instant has no other beginning")]
    fn figures_are_kept_a_stage_and_times_are_counted_from_when_a_request_was_due() {
        let begun = Instant::now();
        let at = |milliseconds| begun + Duration::from_millis(milliseconds);
        let asked = |due, is_slow| Asked { name: "GET /".to_owned(), over: "a new connection", due, is_slow };
        let tally = Tally::new(begun, "before");
        tally.record(asked(at(0), false), at(10), None);
        tally.enter("during");
        tally.enter("during");
        // It was due long before anybody had a hand free to send it.
        tally.record(asked(at(10), false), at(2_010), None);
        tally.record(asked(at(10), true), at(9_010), None);
        let wrong = Wrong::new(Why::Broken, &"connection reset");
        tally.record(asked(at(30), false), at(31), Some(&wrong));
        let figures = tally.figures();
        assert_eq!(figures.iter().map(|one| one.stage).collect::<Vec<_>>(), ["before", "during"]);
        let during = &figures[1];
        assert_eq!((during.requests, during.failed, during.slow), (3, 1, 1));
        assert_eq!((during.p50, during.longest), (Duration::from_secs(2), Duration::from_secs(2)));
        let counted = tally.count();
        assert_eq!(counted.failures.len(), 1);
        let failure = serde_json::to_value(&counted.failures[0]).unwrap();
        let expected = serde_json::json!({
            "at_ms": 31.0, "stage": "during", "request": "GET /", "over": "a new connection", "why": "broken",
            "detail": "connection reset",
        });
        assert_eq!(failure, expected);
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "an Instant has no other beginning")]
    fn however_many_fail_all_are_counted_and_some_are_listed() {
        let now = Instant::now();
        let tally = Tally::new(now, "before");
        let wrong = Wrong::new(Why::Timeout, &"late");
        for _ in 0..1_500 {
            let asked = Asked { name: String::new(), over: "", due: now, is_slow: false };
            tally.record(asked, now, Some(&wrong));
        }
        let counted = tally.count();
        assert_eq!((counted.stages[0].failed, counted.failures.len()), (1_500, 1_000));
    }
}
