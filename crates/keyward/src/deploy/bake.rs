//! How a new colour does beside the old one: what each has counted of its own requests, and whether the new one is worse.

use std::collections::BTreeMap;
use std::time::Duration;

/// Fewer requests say nothing of how often they fail.
const ENOUGH: u64 = 50;
/// And fewer nothing of how long the slowest take: of these it is the two slowest.
const ENOUGH_TO_TIME: u64 = 200;
/// So many of a hundred may fail in the new colour beyond what fails in the old one.
const MORE_FAILURES: f64 = 0.01;
/// A new process is slower at first: so many times the old one's, or so much more, is borne.
const TIMES: u32 = 3;
const MORE: Duration = Duration::from_millis(150);

/// What was counted, since the start of a process or between two looks.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Counted {
    /// Requests that were answered.
    pub(super) requests: u64,
    /// Those of them that failed by the server's own fault (5xx).
    pub(super) failed: u64,
    /// Up to which time, in microseconds, how many were answered: the last one is without end.
    buckets: BTreeMap<u64, u64>,
}

/// No request takes longer than this.
const WITHOUT_END: u64 = u64::MAX;

impl Counted {
    /// From metrics as Prometheus reads them.
    pub(super) fn of(text: &str) -> Self {
        let mut counted = Self::default();
        for line in text.lines() {
            let Some((name, labels, value)) = sample(line) else { continue };
            let Some(kind) = name.strip_suffix("_http_request_duration_seconds_bucket") else {
                continue;
            };
            if !["keyward", "app"].contains(&kind) {
                continue;
            }
            let Some(limit) = label(labels, "le").and_then(micros) else { continue };
            *counted.buckets.entry(limit).or_default() += value;
            if limit == WITHOUT_END {
                counted.requests += value;
                if label(labels, "status") == Some("5xx") {
                    counted.failed += value;
                }
            }
        }
        counted
    }

    /// Both together: the slots of a colour.
    pub(super) fn and(mut self, other: &Self) -> Self {
        self.requests += other.requests;
        self.failed += other.failed;
        for (limit, count) in &other.buckets {
            *self.buckets.entry(*limit).or_default() += count;
        }
        self
    }

    /// What has come since an earlier look. A slot that has been started anew in between has counted anew.
    pub(super) fn since(&self, earlier: &Self) -> Self {
        let before = |limit: &u64| earlier.buckets.get(limit).copied().unwrap_or_default();
        Self {
            requests: self.requests.saturating_sub(earlier.requests),
            failed: self.failed.saturating_sub(earlier.failed),
            buckets: self
                .buckets
                .iter()
                .map(|(limit, count)| (*limit, count.saturating_sub(before(limit))))
                .collect(),
        }
    }

    /// How many of one fail.
    fn failing(&self) -> f64 {
        if self.requests == 0 { 0.0 } else { to_float(self.failed) / to_float(self.requests) }
    }

    /// Ninety-nine of a hundred are answered within so long: the end of the bucket in which that is.
    pub(super) fn p99(&self) -> Option<Duration> {
        let all = *self.buckets.get(&WITHOUT_END)?;
        let wanted = all - all / 100;
        let (limit, _) = self.buckets.iter().find(|(_, count)| all > 0 && **count >= wanted)?;
        Some(if *limit == WITHOUT_END { Duration::MAX } else { Duration::from_micros(*limit) })
    }
}

/// How often the new colour fails, if that is more often than the old one, both seen over the same time; nothing too if too little was
/// asked to tell.
pub(super) fn fails_more(new: &Counted, old: &Counted) -> Option<String> {
    let worse = new.requests >= ENOUGH && new.failing() > old.failing() + MORE_FAILURES;
    worse.then(|| {
        format!(
            "{} of {} requests failed in the new colour, and {} of {} in the old one",
            new.failed, new.requests, old.failed, old.requests
        )
    })
}

/// How long its requests take, if that is much longer.
pub(super) fn is_slower(new: &Counted, old: &Counted) -> Option<String> {
    if new.requests.min(old.requests) < ENOUGH_TO_TIME {
        return None;
    }
    let (slow, before) = (new.p99()?, old.p99()?);
    let worse = slow > before.saturating_mul(TIMES).max(before.saturating_add(MORE));
    worse.then(|| {
        format!(
            "99 of 100 requests are answered within {} in the new colour, and within {} in the old one",
            told(slow),
            told(before)
        )
    })
}

fn told(time: Duration) -> String {
    if time == Duration::MAX {
        "no time that is counted".to_owned()
    } else {
        format!("{} ms", time.as_millis())
    }
}

/// Name, labels and value of a line. Values of buckets are whole.
fn sample(line: &str) -> Option<(&str, &str, u64)> {
    let (name, rest) = line.split_once('{')?;
    let (labels, value) = rest.rsplit_once('}')?;
    Some((name, labels, value.split_whitespace().next()?.parse().ok()?))
}

/// The labels of these metrics are of closed sets, none of which has a comma or a quotation mark in it, but for templates of routes, which
/// have neither.
fn label<'a>(labels: &'a str, name: &str) -> Option<&'a str> {
    labels.split(',').find_map(|label| label.strip_prefix(name)?.strip_prefix("=\"")?.strip_suffix('"'))
}

fn micros(seconds: &str) -> Option<u64> {
    if seconds == "+Inf" {
        return Some(WITHOUT_END);
    }
    let seconds = Duration::try_from_secs_f64(seconds.parse().ok()?).ok()?;
    u64::try_from(seconds.as_micros()).ok()
}

#[expect(clippy::cast_precision_loss, reason = "no process answers 2^53 requests")]
fn to_float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    /// As a server tells: of two routes, one of which fails sometimes.
    fn metrics(quick: u64, slow: u64, failed: u64) -> String {
        let mut text = "# TYPE keyward_http_request_duration_seconds histogram\n".to_owned();
        for (route, status, quick, slow) in [("/sign-in", "2xx", quick, slow), ("/token", "5xx", failed, 0)] {
            let labels = format!("method=\"GET\",route=\"{route}\",status=\"{status}\"");
            let all = quick + slow;
            for (limit, count) in [("0.01", quick), ("0.5", all), ("+Inf", all)] {
                writeln!(
                    text,
                    "keyward_http_request_duration_seconds_bucket{{{labels},le=\"{limit}\"}} {count}"
                )
                .unwrap();
            }
            writeln!(text, "keyward_http_request_duration_seconds_count{{{labels}}} {all}").unwrap();
        }
        text + "keyward_pool_connections{state=\"idle\"} 7\n"
    }

    #[test]
    fn what_a_server_has_counted_is_read() {
        let counted = Counted::of(&metrics(98, 0, 2));
        assert_eq!((counted.requests, counted.failed), (100, 2));
        assert_eq!(counted.p99(), Some(Duration::from_millis(10)));
        assert_eq!(Counted::of(&metrics(90, 10, 0)).p99(), Some(Duration::from_millis(500)));
        assert_eq!(Counted::of("").p99(), None);
        let later = Counted::of(&metrics(198, 10, 2));
        let between = later.since(&counted);
        assert_eq!((between.requests, between.failed), (110, 0));
        let both = between.clone().and(&between);
        assert_eq!((both.requests, both.p99()), (220, between.p99()));
        assert_eq!(counted.since(&later).requests, 0, "it was started anew");
    }

    /// What a real server and a real app print is what is read here.
    #[test]
    fn the_metrics_are_those_that_are_told() {
        for (page, name) in [
            (include_str!("../../../../docs/reference/metrics.md"), "keyward_http_request_duration_seconds"),
            (include_str!("../../../../docs/reference/app-metrics.md"), "app_http_request_duration_seconds"),
        ] {
            assert!(
                page.contains(&format!("| `{name}` | histogram | `method`, `route`, `status` |")),
                "{name}"
            );
        }
    }

    #[test]
    fn what_fails_more_often_is_worse_and_what_takes_much_longer() {
        let counted = |quick, slow, failed| Counted::of(&metrics(quick, slow, failed));
        assert_eq!(fails_more(&counted(100, 0, 0), &counted(100, 0, 0)), None);
        assert_eq!(fails_more(&counted(100, 0, 1), &counted(100, 0, 0)), None, "one of a hundred is chance");
        let failing = fails_more(&counted(90, 0, 10), &counted(100, 0, 1)).unwrap();
        assert!(failing.starts_with("10 of 100 requests failed in the new colour"), "{failing}");
        let alone = fails_more(&counted(90, 0, 10), &Counted::default());
        assert!(alone.is_some(), "whatever the old one was asked");
        assert_eq!(fails_more(&counted(10, 0, 10), &counted(100, 0, 0)), None, "too few to tell");
        let slow = is_slower(&counted(150, 50, 0), &counted(200, 0, 0)).unwrap();
        assert!(slow.contains("within 500 ms in the new colour, and within 10 ms"), "{slow}");
        assert_eq!(is_slower(&counted(150, 50, 0), &counted(150, 50, 0)), None, "the old one is as slow");
        assert_eq!(is_slower(&counted(100, 50, 0), &counted(200, 0, 0)), None, "too few to tell");
    }
}
