//! The bounds of `[limits]`: the one table of the numbers that bound time, tries and sizes.

use std::time::Duration;

use auth::Limits;

use super::{DAY, DurationBound, EVER, HOUR, MINUTE, SECOND, Use, Violation, durations, range};

/// Every limit that is out of bounds.
pub(super) fn violations(limits: &Limits, purpose: Use, violations: &mut Vec<Violation>) {
    durations(lasting(limits), violations);
    counts(limits, purpose, violations);
    sizes(limits, violations);
}

/// The range of each setting that has one, in words. Where one bounds another, it is that of the defaults.
pub(in crate::config) fn described() -> Vec<(&'static str, String)> {
    let limits = Limits::default();
    let mut described: Vec<_> =
        lasting(&limits).map(|(setting, _, least, most, _)| (setting, range(least, most))).collect();
    described
        .extend(counted(&limits).into_iter().map(|(setting, _, most, _)| (setting, format!("1 to {most}"))));
    described.extend(
        sized(&limits)
            .map(|(setting, _, least, most, unit, _)| (setting, format!("{least} to {most} {unit}"))),
    );
    described
}

fn lasting(limits: &Limits) -> impl Iterator<Item = DurationBound> {
    lives(limits).into_iter().chain(windows(limits)).chain(retentions(limits))
}

/// How long something opens a door.
fn lives(limits: &Limits) -> [DurationBound; 11] {
    [
        (
            "limits.session_idle",
            limits.session_idle,
            MINUTE,
            limits.session_absolute,
            "it cannot outlast limits.session_absolute, and less than a minute ends while a page is read",
        ),
        (
            "limits.session_absolute",
            limits.session_absolute,
            MINUTE,
            DAY * 90,
            "NIST section 2.1.3 would have people sign in again every 30 days, and a device that was lost is signed in as long",
        ),
        (
            "limits.fresh_proof",
            limits.fresh_proof,
            MINUTE,
            HOUR,
            "a session that was left open must not be enough to take the account over",
        ),
        (
            "limits.token_life",
            limits.token_life,
            MINUTE,
            HOUR,
            "an app that checks a token by itself does not hear that its session has ended until the token has",
        ),
        (
            "limits.max_staleness",
            limits.max_staleness,
            Duration::ZERO,
            MINUTE,
            "a sign-out that could not be heard of must not be ignored for long",
        ),
        (
            "limits.code_life",
            limits.code_life,
            MINUTE,
            MINUTE * 30,
            "NIST section 3.1.3.2 gives a code 10 minutes; mail may be slow, but a guesser must not have long",
        ),
        (
            "limits.reset_life",
            limits.reset_life,
            MINUTE * 5,
            DAY,
            "NIST section 4.2.1.2 gives a recovery code that was mailed 24 hours at the most",
        ),
        (
            "limits.proof_life",
            limits.proof_life,
            MINUTE * 5,
            DAY * 7,
            "an account whose address nobody proves is deleted after 7 days",
        ),
        (
            "limits.refresh_idle",
            limits.refresh_idle,
            HOUR,
            limits.refresh_absolute,
            "it cannot outlast limits.refresh_absolute, and less than an hour ends while an app sleeps",
        ),
        (
            "limits.refresh_absolute",
            limits.refresh_absolute,
            HOUR,
            DAY * 400,
            "a person who let an app in a year ago should be asked whether they still mean it",
        ),
        (
            "limits.key_rotation",
            limits.key_rotation,
            DAY,
            DAY * 400,
            "a key that is exchanged more often helps nobody, and one that never is has never been exchanged when it must be",
        ),
    ]
}

/// How failures are counted.
fn windows(limits: &Limits) -> [DurationBound; 3] {
    [
        (
            "limits.account_window",
            limits.account_window,
            MINUTE,
            DAY,
            "a shorter one forgets a guesser at once, a longer one remembers yesterday's typing errors",
        ),
        (
            "limits.account_spacing",
            limits.account_spacing,
            SECOND,
            MINUTE,
            "an account is never locked: its owner, slowed down by a stranger's failures, waits a minute at the most",
        ),
        (
            "limits.network_window",
            limits.network_window,
            MINUTE,
            DAY,
            "a shorter one forgets a guesser at once, a longer one shuts a whole network out for what one did",
        ),
    ]
}

/// How long something is kept.
fn retentions(limits: &Limits) -> [DurationBound; 3] {
    [
        (
            "limits.audit_retention",
            limits.audit_retention,
            DAY * 30,
            EVER,
            "what was done must still be there when somebody asks, and an intrusion is often found weeks later",
        ),
        (
            "limits.mail_retention",
            limits.mail_retention,
            DAY,
            DAY * 90,
            "less is gone before anybody asks where a mail is, and more tells for no use who was mailed when",
        ),
        (
            "limits.browser_retention",
            limits.browser_retention,
            DAY,
            DAY * 400,
            "no browser keeps a cookie for more than 400 days",
        ),
    ]
}

/// Setting, value, the most, and why.
type CountBound = (&'static str, u32, u32, &'static str);

fn counted(limits: &Limits) -> Vec<CountBound> {
    const NIST: &str = "NIST section 3.2.2 allows 100 failures in a row at the most";
    vec![
        (
            "limits.code_tries",
            limits.code_tries,
            10,
            "ten tries at six digits are one chance in a hundred thousand",
        ),
        ("limits.account_failures", limits.account_failures, 100, NIST),
        ("limits.second_step_guesses", limits.second_step_guesses, 100, NIST),
        (
            "limits.network_failures",
            limits.network_failures,
            10_000,
            "more would let one network try a password on everybody",
        ),
        (
            "limits.network_mails",
            limits.network_mails,
            10_000,
            "more would let one network fill the database, and mailboxes",
        ),
        (
            "limits.network_requests",
            limits.network_requests,
            100_000,
            "each is kept for an hour: more would let one network fill the database",
        ),
        (
            "limits.network_sign_ups",
            limits.network_sign_ups,
            10_000,
            "more would let one network fill the database",
        ),
        ("limits.mails", limits.mails, 100, "more would let a stranger flood somebody's mailbox"),
        (
            "limits.second_step_mails",
            limits.second_step_mails,
            100,
            "more would let whoever knows the password flood its owner's mailbox",
        ),
    ]
}

fn counts(limits: &Limits, purpose: Use, violations: &mut Vec<Violation>) {
    for (setting, value, most, why) in counted(limits) {
        if value == 0 || (purpose == Use::Serving && value > most) {
            violations.push(Violation {
                setting,
                found: Some(value.to_string()),
                expected: format!("it must be 1 to {most}: 0 would let nobody in, and {why}"),
            });
        }
    }
}

/// Setting, value, the least, the most, in what, and why.
type SizeBound = (&'static str, u32, u32, u32, &'static str, &'static str);

fn sized(limits: &Limits) -> [SizeBound; 4] {
    [
        (
            "limits.body",
            limits.body,
            16_384,
            1_048_576,
            "bytes",
            "less cuts off what apps send, and whatever anybody sends is held in memory",
        ),
        (
            "limits.password_minimum",
            limits.password_minimum,
            8,
            64,
            "characters",
            "NIST section 3.1.1.2 asks for 15 where a password alone opens an account, and more than 64 helps nobody",
        ),
        (
            "limits.password_minimum_with_second_step",
            limits.password_minimum_with_second_step,
            8,
            limits.password_minimum.clamp(8, 64),
            "characters",
            "NIST section 3.1.1.2 asks for 8 at the least, and a second step is no reason to ask for more than without",
        ),
        (
            "limits.password_bytes",
            limits.password_bytes,
            64,
            512,
            "bytes",
            "NIST section 3.1.1.2 asks to take 64 characters at the least, and more than 512 bytes help nobody",
        ),
    ]
}

fn sizes(limits: &Limits, violations: &mut Vec<Violation>) {
    for (setting, value, least, most, unit, why) in sized(limits) {
        if !(least..=most).contains(&value) {
            violations.push(Violation {
                setting,
                found: Some(value.to_string()),
                expected: format!("it must be {least} to {most} {unit}: {why}"),
            });
        }
    }
}
