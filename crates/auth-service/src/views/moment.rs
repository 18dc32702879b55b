//! Moments and durations in words.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::locale::Texts;

/// A moment, to the minute and in UTC: no page knows where its reader lives.
pub(super) fn words(texts: Texts, at: i64) -> String {
    let Ok(timestamp) = Timestamp::from_microsecond(at) else { return texts.text("moment-unknown") };
    let moment = timestamp.to_zoned_datetime(TimeZone::UTC);
    texts.format(
        "moment",
        &[
            ("day", moment.day().to_string().into()),
            ("month", i64::from(moment.month()).into()),
            ("year", moment.year().to_string().into()),
            ("time", format!("{:02}:{:02}", moment.hour(), moment.minute()).into()),
        ],
    )
}

/// A moment as RFC 3339 writes it.
pub(super) fn machine(at: i64) -> String {
    Timestamp::from_microsecond(at).map(|moment| moment.to_string()).unwrap_or_default()
}

/// How long ago a moment was; a clock that runs ahead of ours makes it "just now".
pub(super) fn ago(texts: Texts, at: i64, now: i64) -> String {
    let minutes = now.saturating_sub(at).max(0) / 60_000_000;
    let (key, count) = match minutes {
        0..5 => return texts.text("ago-moment"),
        5..60 => ("ago-minutes", minutes),
        60..1440 => ("ago-hours", minutes / 60),
        _ => ("ago-days", minutes / 1440),
    };
    texts.format(key, &[("count", count.into())])
}

/// A time to wait: in seconds up to a minute and a half, else in whole minutes, never too few.
pub(super) fn duration(texts: Texts, seconds: u32) -> String {
    if seconds <= 90 {
        texts.format("duration-seconds", &[("count", seconds.max(1).into())])
    } else {
        texts.format("duration-minutes", &[("count", seconds.div_ceil(60).into())])
    }
}
