//! What was measured: medians over the rounds, ratios within them, and whether they reach the bars.

use std::collections::BTreeMap;
use std::fmt;
use std::process::Command;

use serde_json::{Value, json};

use super::Peers;
use super::bars::{BARS, Bar};
use super::load::Sample;
use crate::Failure;

/// Whether a bar is reached.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Verdict {
    Passes,
    Fails,
    /// Not even what does the one indispensable thing alone reaches it here, but only this.
    OutOfReach(f64),
}

impl Verdict {
    fn of(ratio: f64, at_least: f64, ceiling: Option<f64>) -> Self {
        match ceiling {
            _ if ratio >= at_least => Self::Passes,
            Some(ceiling) if ceiling < at_least => Self::OutOfReach(ceiling),
            _ => Self::Fails,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passes => formatter.write_str("passes"),
            Self::Fails => formatter.write_str("FAILS"),
            Self::OutOfReach(ceiling) => write!(formatter, "out of reach: {ceiling:.2} is all there is"),
        }
    }
}

/// All samples, and what they mean nothing without.
pub(super) struct Report {
    about: BTreeMap<&'static str, String>,
    /// By subject, a sample a round, in the order in which subjects are asked.
    samples: Vec<(&'static str, Vec<Sample>)>,
}

impl Report {
    pub(super) fn new(peers: &Peers) -> Result<Self, Failure> {
        let installed = peers.oidc_provider.join("node_modules");
        let package: Value =
            serde_json::from_slice(&std::fs::read(installed.join("oidc-provider/package.json"))?)?;
        let lock = std::fs::read_to_string("Cargo.lock")?;
        let about = [
            ("commit", said("git", &["describe", "--always", "--dirty", "--abbrev=12"])),
            ("keyward", said(&peers.auth_service, &["--version"])),
            ("rustc", said("rustc", &["--version"])),
            ("axum", locked(&lock, "axum")),
            ("aws-lc-rs", locked(&lock, "aws-lc-rs")),
            ("oidc-provider", package["version"].as_str().unwrap_or_default().to_owned()),
            ("node", said(super::others::node(&peers.oidc_provider), &["--version"])),
            ("processor", processor()),
            ("kernel", said("uname", &["-sr"])),
            (
                "load",
                format!(
                    "{} rounds of {} s each, {} keep-alive connections, {} for flows, servers on core {}",
                    peers.rounds, peers.seconds, peers.connections, peers.browsers, peers.core
                ),
            ),
        ];
        Ok(Self { about: about.into(), samples: Vec::new() })
    }

    pub(super) fn add(&mut self, subject: &'static str, sample: Sample) {
        match self.samples.iter_mut().find(|(name, _)| *name == subject) {
            Some((_, samples)) => samples.push(sample),
            None => self.samples.push((subject, vec![sample])),
        }
    }

    /// The median, over the rounds, of how many times the one is what the other is. Nothing if one of them was not measured.
    fn ratio(&self, ours: &str, theirs: &str) -> Option<f64> {
        let of = |name| self.samples.iter().find(|(subject, _)| *subject == name).map(|(_, samples)| samples);
        let (ours, theirs) = (of(ours)?, of(theirs)?);
        let pairs = ours.iter().zip(theirs);
        Some(median(pairs.map(|(ours, theirs)| ours.a_processor_second / theirs.a_processor_second)))
    }

    fn reached(&self) -> impl Iterator<Item = (&'static Bar, f64, Verdict)> {
        BARS.iter().filter_map(|bar| {
            let ratio = self.ratio(bar.ours, bar.theirs)?;
            let ceiling = bar.ceiling.and_then(|ceiling| self.ratio(ceiling, bar.theirs));
            Some((bar, ratio, Verdict::of(ratio, bar.at_least, ceiling)))
        })
    }

    /// Whether everything that was measured is as quick as it has to be, or as it can be.
    pub(super) fn passes(&self) -> bool {
        self.reached().all(|(_, _, verdict)| verdict != Verdict::Fails)
    }

    pub(super) fn print(&self) {
        for (what, value) in &self.about {
            println!("{what}: {value}");
        }
        println!(
            "\n| | a second of its processor time | a second | spread over the rounds |\n|---|---|---|---|"
        );
        for (subject, samples) in &self.samples {
            let rates = || samples.iter().map(|sample| sample.a_processor_second);
            let (least, most) = (rates().fold(f64::INFINITY, f64::min), rates().fold(0.0, f64::max));
            println!(
                "| {subject} | {:.0} | {:.0} | {least:.0} to {most:.0} |",
                median(rates()),
                median(samples.iter().map(|sample| sample.a_second)),
            );
        }
        println!("\n| | to | is | at least | |\n|---|---|---|---|---|");
        for (bar, ratio, verdict) in self.reached() {
            println!("| {} | {} | {ratio:.2} | {} | {verdict} |", bar.ours, bar.theirs, bar.at_least);
        }
    }

    pub(super) fn json(&self) -> Value {
        let subject = |(name, samples): &(&str, Vec<Sample>)| {
            let rounds = |rate: fn(&Sample) -> f64| samples.iter().map(rate).collect::<Vec<_>>();
            let (a_processor_second, a_second) =
                (rounds(|sample| sample.a_processor_second), rounds(|sample| sample.a_second));
            json!({
                "subject": name,
                "a_processor_second": { "median": median(a_processor_second.iter().copied()), "rounds": a_processor_second },
                "a_second": { "median": median(a_second.iter().copied()), "rounds": a_second },
            })
        };
        let bar = |(bar, ratio, verdict): (&Bar, f64, Verdict)| {
            let (ours, theirs, at_least) = (bar.ours, bar.theirs, bar.at_least);
            json!({
                "ours": ours, "theirs": theirs, "ratio": ratio, "at_least": at_least,
                "passes": verdict == Verdict::Passes, "verdict": verdict.to_string(),
            })
        };
        json!({
            "about": self.about,
            "measured": self.samples.iter().map(subject).collect::<Vec<_>>(),
            "bars": self.reached().map(bar).collect::<Vec<_>>(),
        })
    }
}

fn median(rates: impl Iterator<Item = f64>) -> f64 {
    let mut rates: Vec<f64> = rates.collect();
    rates.sort_unstable_by(f64::total_cmp);
    rates.get(rates.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The first line that a program says; nothing if there is no such program.
fn said(program: impl AsRef<std::ffi::OsStr>, arguments: &[&str]) -> String {
    let output =
        Command::new(program).args(arguments).output().map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&output).lines().next().unwrap_or("unknown").to_owned()
}

/// Which version of a crate the lock file names.
fn locked(lock: &str, package: &str) -> String {
    let start = format!("name = \"{package}\"\nversion = \"");
    let version = lock.split_once(&start).and_then(|(_, rest)| rest.split('"').next());
    version.unwrap_or("unknown").to_owned()
}

fn processor() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{}, {cores} cores for the load", model.map_or("unknown", |(_, name)| name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(ours: &[f64], theirs: &[f64]) -> Report {
        let mut report = Report { about: BTreeMap::new(), samples: Vec::new() };
        for (name, rates) in [("keyward flow", ours), ("oidc-provider flow", theirs)] {
            for rate in rates {
                report.add(name, Sample { a_second: *rate, a_processor_second: *rate });
            }
        }
        report
    }

    #[test]
    fn a_bar_is_held_against_the_median_of_the_rounds_own_ratios() {
        // The machine was slow in the second round, for both.
        assert!(report(&[310.0, 31.0, 300.0], &[100.0, 10.0, 100.0]).passes());
        assert!(!report(&[290.0, 29.0, 900.0], &[100.0, 10.0, 100.0]).passes());
        assert!(report(&[1.0], &[]).json()["bars"].as_array().unwrap().is_empty(), "nothing to compare with");
    }

    #[test]
    fn a_bar_that_nothing_reaches_here_is_not_held_against_the_server() {
        let verdict = |ratio, ceiling| Verdict::of(ratio, 1.7, ceiling).to_string();
        assert_eq!(verdict(1.7, Some(1.6)), "passes");
        assert_eq!(verdict(1.58, Some(1.69)), "out of reach: 1.69 is all there is");
        assert_eq!(verdict(1.58, Some(1.7)), "FAILS");
        assert_eq!(verdict(1.58, None), "FAILS");
    }

    #[test]
    fn the_lock_file_tells_versions() {
        let lock = "[[package]]\nname = \"axum-core\"\nversion = \"1\"\n\n[[package]]\nname = \"axum\"\nversion = \"2.3.4\"\n";
        assert_eq!(locked(lock, "axum"), "2.3.4");
        assert_eq!(locked(lock, "tokio"), "unknown");
    }
}
