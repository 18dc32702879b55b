//! What a probe has found, for people and for programs.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::tally::{FailedRequest, Figures};

/// So many failures are told to people.
const SHOWN: usize = 20;

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Report {
    pub(crate) stages: Vec<Figures>,
    pub(crate) requests: u64,
    pub(crate) failed: u64,
    /// The first thousand.
    pub(crate) failures: Vec<FailedRequest>,
    /// Were due as it ended, and nobody had a hand free to send them: everything was slower than it was asked.
    pub(crate) unsent: u64,
    pub(crate) over_http2: u64,
    pub(crate) connections: u64,
    pub(crate) sessions_begun: u64,
    /// Were gone at the end.
    pub(crate) sessions_lost: u64,
    /// Sign-ins and changes that the server said it had done.
    pub(crate) acknowledged: u64,
    /// Were not done, all the same.
    pub(crate) acknowledged_lost: u64,
    /// Were done more often than they were asked.
    pub(crate) executed_twice: u64,
    /// What could not be looked at in the end, and why.
    pub(crate) unchecked: Vec<String>,
}

impl Report {
    /// Whether nothing failed, nothing was lost, nothing done twice, and all of it was looked at.
    pub(crate) fn is_clean(&self) -> bool {
        let Self { failed, sessions_lost, acknowledged_lost, executed_twice, unchecked, .. } = self;
        [failed, sessions_lost, acknowledged_lost, executed_twice].iter().all(|count| **count == 0)
            && unchecked.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<12}{:>10}{:>8}{:>12}{:>12}{:>12}",
            "Stage", "requests", "failed", "p50", "p99", "longest"
        )?;
        for Figures { stage, requests, failed, p50, p99, longest, .. } in &self.stages {
            let [p50, p99, longest] = [p50, p99, longest].map(|time| shown(*time));
            writeln!(f, "{stage:<12}{requests:>10}{failed:>8}{p50:>12}{p99:>12}{longest:>12}")?;
        }
        let Self { requests, failed, over_http2, connections, sessions_begun, sessions_lost, .. } = self;
        writeln!(
            f,
            "\n{requests} requests over {connections} connections, {over_http2} of them by HTTP/2; {failed} failed."
        )?;
        writeln!(f, "{sessions_begun} sessions begun, {sessions_lost} of them lost.")?;
        let Self { acknowledged, acknowledged_lost, executed_twice, unsent, .. } = self;
        write!(
            f,
            "{acknowledged} sign-ins and changes acknowledged, {acknowledged_lost} of them lost; {executed_twice} done twice."
        )?;
        if *unsent > 0 {
            write!(
                f,
                "\n{unsent} requests were due and not sent any more: nothing was answered as fast as it was asked."
            )?;
        }
        for why in &self.unchecked {
            write!(f, "\nNot looked at: {why}")?;
        }
        for FailedRequest { at, stage, request, over, detail, .. } in self.failures.iter().take(SHOWN) {
            write!(f, "\n  {:>9.3} s  {stage}  {request} over {over}: {detail}", at.as_secs_f64())?;
        }
        let more = self.failed.saturating_sub(u64::try_from(SHOWN).unwrap_or(u64::MAX));
        if more > 0 {
            write!(f, "\n  and {more} more, of which --json tells.")?;
        }
        Ok(())
    }
}

/// With as many digits as it takes.
fn shown(time: Duration) -> String {
    let milliseconds = time.as_secs_f64() * 1e3;
    if milliseconds < 100.0 { format!("{milliseconds:.1} ms") } else { format!("{milliseconds:.0} ms") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::connection::Why;

    fn failure(number: u64) -> FailedRequest {
        FailedRequest {
            at: Duration::from_millis(1_000 + number),
            stage: "during",
            request: "POST /token".to_owned(),
            over: "a new connection",
            why: Why::Broken,
            detail: "connection reset".to_owned(),
        }
    }

    #[test]
    fn whatever_was_lost_done_twice_or_not_looked_at_is_not_clean() {
        let clean = Report { requests: 10, unsent: 3, ..Report::default() };
        assert!(clean.is_clean());
        for wrong in [
            Report { failed: 1, ..clean.clone() },
            Report { sessions_lost: 1, ..clean.clone() },
            Report { acknowledged_lost: 1, ..clean.clone() },
            Report { executed_twice: 1, ..clean.clone() },
            Report { unchecked: vec!["the audit trail".to_owned()], ..clean.clone() },
        ] {
            assert!(!wrong.is_clean(), "{wrong:?}");
        }
    }

    #[test]
    fn people_are_told_in_figures_and_then_of_the_first_that_failed() {
        let milliseconds = Duration::from_millis;
        let stage = |stage, failed, p99| Figures {
            stage,
            requests: 1_000,
            failed,
            slow: 4,
            p50: Duration::from_micros(3_140),
            p99: milliseconds(p99),
            longest: milliseconds(p99 + 1),
        };
        let report = Report {
            stages: vec![stage("before", 0, 12), stage("during", 22, 340)],
            requests: 2_000,
            failed: 22,
            failures: (0..22).map(failure).collect(),
            connections: 7,
            over_http2: 600,
            sessions_begun: 12,
            acknowledged: 90,
            ..Report::default()
        };
        let told = report.to_string();
        let lines: Vec<_> = told.lines().collect();
        assert_eq!(lines[1], "before            1000       0      3.1 ms     12.0 ms     13.0 ms");
        assert_eq!(lines[2], "during            1000      22      3.1 ms      340 ms      341 ms");
        assert_eq!(lines[4], "2000 requests over 7 connections, 600 of them by HTTP/2; 22 failed.");
        assert_eq!(lines[6], "90 sign-ins and changes acknowledged, 0 of them lost; 0 done twice.");
        assert_eq!(lines[7], "      1.000 s  during  POST /token over a new connection: connection reset");
        assert_eq!(lines.len(), 7 + 20 + 1, "{told}");
        assert_eq!(lines[27], "  and 2 more, of which --json tells.");
    }
}
