//! Password hashing under load: how fast, how bounded, and whether a storm of sign-ins is felt by anybody else. Each bar is a ratio
//! of figures that are taken in turn in one run.

mod alone;
mod storm;

use std::time::Duration;

use clap::Args;
use serde_json::json;
use tempfile::TempDir;

use crate::Failure;
use crate::accounts::{NO_LIMITS, PASSWORD};
use crate::connection::Request;
use crate::server::{Program, Server};
use crate::statistics::quantile;
pub(crate) use alone::Alone;
use storm::Storm;

/// Memory of one hash at the defaults.
const HASH_KIB: u64 = 19_456;
/// What else a storm may take.
const SLACK_KIB: u64 = 32 * 1024;
/// Memory is read after the server was left alone for so long.
const IDLE: Duration = Duration::from_secs(2);
/// Between two token checks: few enough that they take no core from hashing.
const PACE: Duration = Duration::from_millis(5);

/// Measure password hashing, and hold it to its bars.
#[derive(Args)]
pub(crate) struct Hashing {
    /// Clients that sign in without pause.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=512))]
    clients: u32,
    /// Seconds of each part.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=60))]
    seconds: u64,
    /// Rounds, of which the median is taken.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=20))]
    rounds: u32,
    /// How often all clients hang up at once.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=200))]
    hang_ups: u32,
}

/// A server on some cores, with what is asked of it.
struct Subject {
    server: Server,
    _folder: TempDir,
    sign_ins: Vec<Request>,
    check: Request,
    idle_kib: u64,
}

/// A bar, and what was measured.
struct Bar {
    what: String,
    bound: String,
    found: String,
    is_held: bool,
}

impl Hashing {
    pub(crate) async fn run(self, program: &Program) -> Result<bool, Failure> {
        let parameters = format!(
            "{} clients, {} rounds of {} s, Argon2id 19456 KiB, t=2, p=1; the server on one core of its own but where two are said",
            self.clients, self.rounds, self.seconds
        );
        program.describe(&parameters)?;
        let lasting = Duration::from_secs(self.seconds);
        let (mut bare, mut one, mut two) = (Vec::new(), Vec::new(), Vec::new());
        let (mut quiet, mut loud, mut beside) = (Vec::new(), Vec::new(), Vec::new());
        let single = self.subject(program, "0").await?;
        let double = self.subject(program, "0,1").await?;
        let mut peak_kib = 0;
        for _ in 0..self.rounds {
            bare.push(alone::on_core("0", self.seconds)?);
            let storm = Storm::begin(&single.server, &single.sign_ins).await?;
            one.push(storm.end_after(lasting).await?.a_second);
            let storm = Storm::begin(&double.server, &double.sign_ins).await?;
            two.push(storm.end_after(lasting).await?.a_second);
            quiet.push(check(&single, lasting).await?);
            let storm = Storm::begin(&single.server, &single.sign_ins).await?;
            loud.push(check(&single, lasting).await?);
            beside.push(storm.end_after(Duration::ZERO).await?.a_second);
            peak_kib = peak_kib.max(single.server.resident_kib()?);
        }
        let (bare, one, two) = (middle(bare), middle(one), middle(two));
        let (quiet, loud, beside) = (middle(quiet), middle(loud), middle(beside));
        let (kib, left) = self.hang_up(&single).await?;
        let peak_kib = peak_kib.max(kib);
        let bound_kib = single.idle_kib + HASH_KIB + SLACK_KIB;
        let held = [
            Bar::least(
                "sign-ins a second on one core, to argon2 0.6 alone in its plain form",
                one / bare,
                1.0,
            ),
            Bar::least("sign-ins a second on two cores, to those on one", two / one, 1.7),
            Bar::most("p99 of /verify-token in the storm, to that without", loud / quiet, 3.0),
            Bar::least("sign-ins a second while tokens are checked, to those without", beside / one, 0.95),
            Bar {
                what: "most memory, also when all hang up again and again".to_owned(),
                bound: format!("{:.0} MiB at most", mebibytes(bound_kib)),
                found: format!("{:.0} MiB, idle {:.0} MiB", mebibytes(peak_kib), mebibytes(single.idle_kib)),
                is_held: peak_kib <= bound_kib,
            },
            Bar::most("hashes worked off for clients that hung up, for each permit", left * one, 1.5),
        ];
        println!(
            "argon2 alone {bare:.1}/s; one core {one:.1}/s; two cores {two:.1}/s; beside checks {beside:.1}/s"
        );
        println!("p99 of /verify-token {:.2} ms, in the storm {:.2} ms\n", quiet * 1e3, loud * 1e3);
        println!("| bar | bound | measured | |\n|---|---|---|---|");
        for Bar { what, bound, found, is_held } in &held {
            println!("| {what} | {bound} | {found} | {} |", if *is_held { "held" } else { "**MISSED**" });
        }
        Ok(held.iter().all(|bar| bar.is_held))
    }

    async fn subject(&self, program: &Program, cores: &str) -> Result<Subject, Failure> {
        let folder = TempDir::with_prefix("keyward-rehearsal-")?;
        // Nobody is turned away, however slow the machine is: what is measured is what is done.
        let patient = "[password.hashing]\nlongest_wait = \"30s\"\n";
        let settings = format!("[accounts]\nrequire_proof = false\n{patient}{NO_LIMITS}");
        let server = program.start_on(folder.path(), &settings, Some(cores)).await?;
        let mut connection = server.connect().await?;
        let mut sign_ins = Vec::new();
        for number in 0..self.clients {
            let email = format!("person{number}@example.com");
            let body = json!({ "email": email, "password": PASSWORD, "requires2FA": false });
            connection.post("/signup", &body).await?.expect(201, "a sign-up")?;
            let body = json!({ "email": email, "password": PASSWORD });
            sign_ins.push(connection.prepare_post("/login", &body));
        }
        let answer = connection.send(&sign_ins[0]).await?.expect(200, "a sign-in")?;
        let token = answer.cookie("jwt").ok_or("a sign-in set no cookie `jwt`")?;
        let check = connection.prepare_post("/verify-token", &json!({ "token": token }));
        tokio::time::sleep(IDLE).await;
        // What a first hash brought in is part of what is bound: idle is before it, and here it is at rest.
        let idle_kib = server.resident_kib()?.saturating_sub(HASH_KIB);
        Ok(Subject { server, _folder: folder, sign_ins, check, idle_kib })
    }

    /// All clients ask and hang up at once, again and again. The most memory, and the processor's seconds that were spent after
    /// the last of them had gone.
    async fn hang_up(&self, subject: &Subject) -> Result<(u64, f64), Failure> {
        let mut peak_kib = 0;
        for _ in 0..self.hang_ups {
            tokio::time::sleep(PACE).await;
            storm::ask_and_leave(&subject.server, &subject.sign_ins).await?;
            peak_kib = peak_kib.max(subject.server.resident_kib()?);
        }
        let before = subject.server.processor_seconds()?;
        tokio::time::sleep(IDLE).await;
        let spent = subject.server.processor_seconds()? - before;
        Ok((peak_kib.max(subject.server.resident_kib()?), spent))
    }
}

/// The p99 time of a token check, in seconds.
#[expect(clippy::disallowed_methods, reason = "it measures a real server")]
async fn check(subject: &Subject, lasting: Duration) -> Result<f64, Failure> {
    let mut connection = subject.server.connect().await?;
    let begun = std::time::Instant::now();
    let mut times = Vec::new();
    while begun.elapsed() < lasting {
        let asked = std::time::Instant::now();
        connection.send(&subject.check).await?.expect(200, "a token check")?;
        times.push(asked.elapsed());
        tokio::time::sleep(PACE).await;
    }
    Ok(quantile(times.into_iter(), 0.99).as_secs_f64())
}

impl Bar {
    fn least(what: &str, ratio: f64, least: f64) -> Self {
        let (bound, found) = (format!("{least} at least"), format!("{ratio:.2}"));
        Self { what: what.to_owned(), bound, found, is_held: ratio >= least }
    }

    fn most(what: &str, ratio: f64, most: f64) -> Self {
        let (bound, found) = (format!("{most} at most"), format!("{ratio:.2}"));
        Self { what: what.to_owned(), bound, found, is_held: ratio <= most }
    }
}

fn middle(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn mebibytes(kib: u64) -> f64 {
    u32::try_from(kib).map_or(f64::INFINITY, f64::from) / 1024.0
}
