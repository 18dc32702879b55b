//! `keyward passwords calibrate`: the strongest setting that a sign-in on this machine has time and memory for.

use std::time::{Duration, Instant};

use auth::{Hasher, HasherSettings, Random, has_room, max_parallel};
use clap::Args;
use domain::Password;
use serde_json::json;
use tokio::task::JoinSet;

use crate::{Failure, say};

/// Most that one hash may take, whatever there is.
const MOST_KIB: u32 = 1_048_576;
/// OWASP's minimum of memory, and what goes with it where it is all there is.
const OWASP: [(u32, u32); 5] = [(47_104, 1), (19_456, 2), (12_288, 3), (9_216, 4), (7_168, 5)];
/// Hashes that one is measured by.
const TRIES: usize = 5;
/// How long it is measured under load, at the least.
const LOAD: Duration = Duration::from_secs(3);
/// What a list that every guesser has is long.
const LIST: f64 = 100_000.0;

/// What a sign-in may take, in time and memory.
#[derive(Args)]
pub(crate) struct Calibrate {
    /// How long one hash may take.
    #[arg(long, default_value = "250ms", value_name = "TIME", value_parser = time)]
    target: Duration,
    /// Memory that all hashes at once may take together.
    #[arg(long, default_value = "512MiB", value_name = "SIZE", value_parser = kibibytes)]
    memory: u32,
    /// Hashes at once; without it one a core.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=256))]
    max_parallel: Option<u32>,
}

/// What a setting was measured to be.
struct Measured {
    single: Duration,
    loaded: Duration,
    a_second: f64,
}

impl Calibrate {
    pub(super) async fn run(self, json: bool) -> Result<(), Failure> {
        let parallel = self.max_parallel.map_or_else(|| max_parallel(1), |count| count as usize);
        let each = self.memory / u32::try_from(parallel)?;
        let least = OWASP[OWASP.len() - 1].0;
        if each < least {
            return Err(format!(
                "{} MiB for {parallel} hashes at once leaves {} MiB for each, and OWASP's minimum is 7 MiB: give more with \
                 --memory, or fewer at once with --max-parallel",
                self.memory / 1024,
                each / 1024
            )
            .into());
        }
        let each = each.min(MOST_KIB);
        if !has_room(each, parallel) {
            return Err(format!(
                "{} MiB for hashing are more than half of the memory that there is for this process: give less with --memory",
                each as usize * parallel / 1024
            )
            .into());
        }
        eprintln!("Measuring this machine, which takes some time. Nothing is changed; Ctrl-C ends it.");
        let settings = self.choose(each).await?;
        let measured = measure(&settings, parallel).await?;
        if json {
            print_json(&settings, parallel, &measured, self.target);
        } else {
            print(&settings, parallel, &measured, self.target);
        }
        Ok(())
    }

    /// As much memory as there is, then as many passes as there is time for; less memory where one pass takes too long.
    async fn choose(&self, most_kib: u32) -> Result<HasherSettings, Failure> {
        let with = |memory_kib, iterations| HasherSettings { memory_kib, iterations, ..patient() };
        let mut memory_kib = most_kib;
        // Each step lands close by; what is left is rounding and noise.
        for _ in 0..4 {
            let one = single(&with(memory_kib, 1)).await?;
            if one <= self.target {
                break;
            }
            let share = self.target.as_secs_f64() / one.as_secs_f64();
            memory_kib = scaled(memory_kib, share).clamp(OWASP[OWASP.len() - 1].0, most_kib);
        }
        let two = single(&with(memory_kib, 2)).await?;
        let one = single(&with(memory_kib, 1)).await?;
        let pass = two.saturating_sub(one).max(Duration::from_micros(100));
        let more = self.target.saturating_sub(one).as_secs_f64() / pass.as_secs_f64();
        let fitting = 1 + (0..31).take_while(|passes| f64::from(*passes + 1) <= more).count();
        // Whatever the time: no less than OWASP's minimum.
        Ok(with(memory_kib, u32::try_from(fitting)?.max(least_passes(memory_kib))))
    }
}

/// A hasher that nobody is turned away from.
fn patient() -> HasherSettings {
    HasherSettings { longest_wait: Duration::MAX, ..HasherSettings::default() }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of what fits fits")]
fn scaled(memory_kib: u32, share: f64) -> u32 {
    // Whole MiB are easier to read.
    (f64::from(memory_kib) * share) as u32 / 1024 * 1024
}

fn password() -> Result<Password, Failure> {
    Ok(Password::parse("the password that is measured")?)
}

/// The time of one hash, alone: the median of a few.
async fn single(settings: &HasherSettings) -> Result<Duration, Failure> {
    let hasher = Hasher::new(settings, 1, Random::system())?;
    let password = password()?;
    let mut times = Vec::with_capacity(TRIES);
    // The first touches memory for the first time.
    for _ in 0..=TRIES {
        times.push(hasher.verify(&password, None).await?.took);
    }
    Ok(median(times.split_off(1)))
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

#[expect(clippy::disallowed_methods, reason = "it measures this machine")]
async fn measure(settings: &HasherSettings, parallel: usize) -> Result<Measured, Failure> {
    let single = single(settings).await?;
    let hasher = Hasher::new(settings, parallel, Random::system())?;
    let lasting = LOAD.max(single * 8);
    let begun = Instant::now();
    let mut askers = JoinSet::new();
    for _ in 0..parallel * 2 {
        let (hasher, password) = (hasher.clone(), password()?);
        askers.spawn(async move {
            let mut times = Vec::new();
            while begun.elapsed() < lasting {
                times.push(hasher.verify(&password, None).await?.took);
            }
            Ok::<_, auth::Fault>(times)
        });
    }
    let mut times = Vec::new();
    for asker in askers.join_all().await {
        times.extend(asker?);
    }
    let count = f64::from(u32::try_from(times.len())?);
    let a_second = count / begun.elapsed().as_secs_f64();
    Ok(Measured { single, loaded: median(times), a_second })
}

/// What one guess takes of an attacker's machine that is like this one.
fn list_hours(measured: &Measured) -> f64 {
    measured.single.as_secs_f64() * LIST / 3600.0
}

fn print(settings: &HasherSettings, parallel: usize, measured: &Measured, target: Duration) {
    let HasherSettings { memory_kib, iterations, .. } = *settings;
    let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
    let (mebibytes, all) = (memory_kib / 1024, memory_kib as usize * parallel / 1024);
    say(format_args!(
        "[password.hashing]
memory_kib = {memory_kib}
iterations = {iterations}
parallelism = 1
max_parallel = {parallel}

One hash takes {:.0} ms alone, and {:.0} ms while {parallel} are computed at once.
Sign-ins: {:.1} a second. Whoever would wait longer than longest_wait is told to come back.
Memory for hashing: {all} MiB.

An attacker with a stolen table and machines like this one tries {:.1} passwords a second for
each core and {mebibytes} MiB: the 100,000 most common ones cost {:.1} core-hours for every account.
A graphics card with 24 GiB has room for {} guesses at once. With a pepper, the table alone is
worth nothing to guess at.",
        milliseconds(measured.single),
        milliseconds(measured.loaded),
        measured.a_second,
        1.0 / measured.single.as_secs_f64(),
        list_hours(measured),
        24 * 1024 * 1024 / memory_kib,
    ));
    if let Some(told) = missed(settings, measured, target) {
        say(format_args!("\n{told}"));
    }
}

/// What is told of a target that was not met, by more than two measurements of one setting differ.
fn missed(settings: &HasherSettings, measured: &Measured, target: Duration) -> Option<String> {
    if !is_missed(measured, target) {
        return None;
    }
    let HasherSettings { memory_kib, iterations, .. } = *settings;
    let (took, wanted) = (measured.single.as_secs_f64() * 1e3, target.as_secs_f64() * 1e3);
    let told = format!("The target of {wanted:.0} ms is NOT MET: one hash takes {took:.0} ms");
    Some(if iterations <= least_passes(memory_kib) {
        format!("{told}, and with fewer passes over this memory it would be less than OWASP's minimum.")
    } else {
        format!(
            "{told}, which is more than while the setting was chosen. Call it again while the machine does nothing else, or write \
             iterations = {}.",
            iterations - 1
        )
    })
}

fn is_missed(measured: &Measured, target: Duration) -> bool {
    measured.single > target + target / 20
}

/// As many passes over so much memory are OWASP's minimum.
fn least_passes(memory_kib: u32) -> u32 {
    OWASP.iter().find(|(memory, _)| memory_kib >= *memory).map_or(5, |(_, passes)| *passes)
}

fn print_json(settings: &HasherSettings, parallel: usize, measured: &Measured, target: Duration) {
    let milliseconds = |time: Duration| (time.as_secs_f64() * 1e4).round() / 10.0;
    say(json!({
        "memory_kib": settings.memory_kib, "iterations": settings.iterations, "parallelism": 1,
        "max_parallel": parallel, "target_ms": milliseconds(target),
        "target_met": !is_missed(measured, target), "single_ms": milliseconds(measured.single),
        "loaded_ms": milliseconds(measured.loaded), "sign_ins_a_second": (measured.a_second * 10.0).round() / 10.0,
        "memory_mib": settings.memory_kib as usize * parallel / 1024,
        "attacker": {
            "guesses_a_second_and_core": (10.0 / measured.single.as_secs_f64()).round() / 10.0,
            "core_hours_for_100000_guesses": (list_hours(measured) * 10.0).round() / 10.0,
            "guesses_at_once_in_24_gib": 24 * 1024 * 1024 / settings.memory_kib,
        },
    }));
}

/// `250ms`, `1s`.
fn time(text: &str) -> Result<Duration, String> {
    let number = |text: &str| text.trim().parse::<u64>().ok();
    let milliseconds = match (text.strip_suffix("ms"), text.strip_suffix('s')) {
        (Some(rest), _) => number(rest),
        (None, Some(rest)) => number(rest).and_then(|seconds| seconds.checked_mul(1000)),
        (None, None) => None,
    };
    milliseconds
        .filter(|time| (10..=10_000).contains(time))
        .map(Duration::from_millis)
        .ok_or_else(|| "write 10ms to 10s, such as 250ms".to_owned())
}

/// `512MiB`, `2GiB`, in KiB.
fn kibibytes(text: &str) -> Result<u32, String> {
    let units = [("KiB", 1), ("MiB", 1024), ("GiB", 1024 * 1024)];
    let found = units
        .iter()
        .find_map(|(unit, factor)| text.strip_suffix(unit)?.trim().parse::<u32>().ok()?.checked_mul(*factor));
    found.filter(|size| *size > 0).ok_or_else(|| "write a size such as 512MiB or 2GiB".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes_are_read_as_people_write_them() {
        assert_eq!(time("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(time("1s"), Ok(Duration::from_secs(1)));
        assert_eq!(kibibytes("512MiB"), Ok(524_288));
        assert_eq!(kibibytes("2GiB"), Ok(2_097_152));
        for wrong in ["", "250", "1ms", "1h", "-1s"] {
            assert!(time(wrong).is_err(), "{wrong}");
        }
        for wrong in ["", "512", "512MB", "0MiB", "9999GiB"] {
            assert!(kibibytes(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_target_that_is_not_met_is_told() {
        let measured = |milliseconds| Measured {
            single: Duration::from_millis(milliseconds),
            loaded: Duration::ZERO,
            a_second: 1.0,
        };
        let target = Duration::from_millis(100);
        let settings = |iterations| HasherSettings { memory_kib: 19_456, iterations, ..patient() };
        assert_eq!(missed(&settings(4), &measured(104), target), None);
        let told = missed(&settings(4), &measured(130), target).unwrap();
        assert!(told.contains("of 100 ms is NOT MET: one hash takes 130 ms"), "{told}");
        assert!(told.contains("iterations = 3."), "{told}");
        let told = missed(&settings(2), &measured(110), target).unwrap();
        assert!(told.contains("less than OWASP's minimum"), "{told}");
    }

    #[tokio::test]
    async fn what_is_chosen_fits_and_is_never_below_the_minimum() {
        let calibrate =
            Calibrate { target: Duration::from_millis(10), memory: 131_072, max_parallel: Some(2) };
        let settings = calibrate.choose(65_536).await.unwrap();
        assert!(settings.memory_kib <= 65_536);
        assert!(settings.weakness().is_none(), "{settings:?}");
    }
}
