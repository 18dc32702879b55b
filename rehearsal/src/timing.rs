//! Class 13: does time tell whether an address has an account?
//!
//! One connection, pairs of a known and an unknown address, each pair in an order that a coin decides. What is compared
//! is the time of the request itself, and that of a probe sent right after it: what the server still does once it has
//! answered (a mail, say) can be seen through the writer's lock by whoever asks next.

use std::time::{Duration, Instant};

use clap::Args;
use serde_json::json;
use tempfile::TempDir;

use crate::Failure;
use crate::accounts::{self, NO_LIMITS, PASSWORD, WRONG_PASSWORD};
use crate::connection::{Connection, Request};
use crate::draw::{self, Draw};
use crate::server::Program;
use crate::statistics::{Comparison, Pair, SIGNIFICANCE, compare};

/// Pairs before the clock counts: caches fill, the allocator settles.
const WARM_UP: usize = 20;

/// A server looks for hashes of others this often.
const UNTIL_SEEN: Duration = Duration::from_secs(11);

/// bcrypt of some password that nobody tries, at cost 10: several times what ours costs.
const BROUGHT_HASH: &str = "$2b$10$VJLAfl2m5MUDHtPx4znuEeGcCT1gLNmVwv1cEbQgLykE5TS6g14Ma";

/// Try to tell by time whether an address has an account.
#[derive(Args)]
pub(crate) struct Timing {
    /// Pairs of requests for each comparison.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(50..=100_000))]
    pairs: u32,
    /// Accounts that the known addresses are of.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=5_000))]
    accounts: u32,
    /// What the control adds to one of its kinds; it must be told.
    #[arg(long, default_value_t = 500, value_name = "MICROSECONDS")]
    control_delay: u64,
    /// Repeats the order and addresses of an earlier run.
    #[arg(long)]
    seed: Option<u64>,
}

/// Two kinds of request.
struct Trial<'a> {
    name: &'static str,
    kinds: [Kind<'a>; 2],
}

struct Kind<'a> {
    path: &'static str,
    addresses: Addresses<'a>,
    password: Option<&'a str>,
    status: u16,
    /// Added by us, inside the time that is taken.
    delay: Duration,
}

enum Addresses<'a> {
    /// These, over and over.
    Of(&'a [String]),
    /// One nobody has, new each time.
    New,
}

impl Timing {
    pub(crate) async fn run(self, program: &Program) -> Result<bool, Failure> {
        let seed = self.seed.unwrap_or_else(draw::any_seed);
        let parameters = format!("{} pairs, {} accounts, seed {seed}", self.pairs, self.accounts);
        program.describe(&parameters)?;
        println!(
            "Stated before: two kinds are told apart if Mann-Whitney's area or Kolmogorov-Smirnov's distance has a\n\
             permutation p below {SIGNIFICANCE} (9,999 swappings within pairs).\n"
        );
        let folder = TempDir::with_prefix("keyward-rehearsal-")?;
        let server = program.start(folder.path(), NO_LIMITS).await?;
        let mut connection = server.connect().await?;
        let mut draw = Draw::new(seed);
        let count = self.accounts as usize;
        let known = accounts::proved(&mut connection, &mut draw, count).await?;
        let unknown: Vec<_> = (0..count).map(|_| draw.address()).collect();
        let others: Vec<_> = (0..count).map(|_| draw.address()).collect();
        let fresh: Vec<_> = (0..count).map(|_| draw.address()).collect();
        for address in known.iter().chain(&fresh) {
            let body = json!({ "email": address, "password": WRONG_PASSWORD });
            connection.post("/api/v1/sign-up", &body).await?.expect(201, "a stranger's sign-up")?;
        }
        let too_long = "x".repeat(600);

        println!(
            "{:<28} {:<8} {:>10} {:>10} {:>7} {:>7} {:>7} {:>7} {:>10}  told apart?",
            "comparison", "time of", "median 1", "median 2", "area", "p", "dist.", "p", "would see"
        );
        let pairs = self.pairs as usize;
        let delay = Duration::from_micros(self.control_delay);
        let chance = Trial::new("control: the same twice", Kind::reset(&unknown), Kind::reset(&others));
        let delayed = Trial::new(
            "control: a delay of ours",
            Kind { delay, ..Kind::reset(&unknown) },
            Kind::reset(&others),
        );
        let refused = Kind { password: Some(&too_long), status: 400, ..Kind::sign_in(&unknown) };
        let unhashed = Trial::new("control: refused unhashed", refused, Kind::sign_in(&others));
        let [chance, _] = chance.run(pairs, &mut connection, &mut draw).await?;
        let [delayed, _] = delayed.run(pairs, &mut connection, &mut draw).await?;
        let [unhashed, _] = unhashed.run(pairs / 10, &mut connection, &mut draw).await?;

        let mut told = Vec::new();
        for trial in [
            Trial::new("sign-in: known, unknown", Kind::sign_in(&known), Kind::sign_in(&unknown)),
            Trial::new(
                "sign-up: known, new",
                Kind::sign_up(Addresses::Of(&known)),
                Kind::sign_up(Addresses::New),
            ),
            // A stranger signed both up, and tries the password of that sign-up.
            Trial::new("sign-in after sign-up", Kind::sign_in(&known), Kind::sign_in(&fresh)),
            Trial::new("reset: known, unknown", Kind::reset(&known), Kind::reset(&unknown)),
        ] {
            let [own, echo] = trial.run(pairs, &mut connection, &mut draw).await?;
            let results = [(own.tells(), "request"), (echo.tells(), "probe")];
            told.extend(
                results
                    .into_iter()
                    .filter(|(tells, _)| *tells)
                    .map(|(_, of)| format!("{} ({of})", trial.name)),
            );
        }
        // From here on some hashes cost more than ours: every failure takes as long as they do.
        let brought: Vec<_> = (0..count).map(|_| draw.address()).collect();
        program.bring_in(folder.path(), &brought, BROUGHT_HASH)?;
        tokio::time::sleep(UNTIL_SEEN).await;
        for trial in [
            Trial::new("sign-in: bcrypt, unknown", Kind::sign_in(&brought), Kind::sign_in(&unknown)),
            Trial::new("sign-in: ours beside bcrypt", Kind::sign_in(&known), Kind::sign_in(&unknown)),
        ] {
            let [own, echo] = trial.run(pairs / 4, &mut connection, &mut draw).await?;
            let results = [(own.tells(), "request"), (echo.tells(), "probe")];
            let found = results.into_iter().filter(|(tells, _)| *tells);
            told.extend(found.map(|(_, of)| format!("{} ({of})", trial.name)));
        }
        println!();
        if chance.tells() || !delayed.tells() || !unhashed.tells() {
            return Err("a control failed, so this run shows nothing: repeat it on a quieter machine".into());
        }
        if told.is_empty() {
            println!(
                "Time tells nothing: no comparison tells known from unknown, and the controls do what they must."
            );
        } else {
            println!("TIME TELLS: {}.", told.join(", "));
        }
        Ok(told.is_empty())
    }
}

impl<'a> Kind<'a> {
    fn sign_in(addresses: &'a [String]) -> Self {
        let addresses = Addresses::Of(addresses);
        Self { path: "/login", addresses, password: Some(WRONG_PASSWORD), status: 401, delay: Duration::ZERO }
    }

    fn sign_up(addresses: Addresses<'a>) -> Self {
        Self { path: "/signup", addresses, password: Some(PASSWORD), status: 201, delay: Duration::ZERO }
    }

    fn reset(addresses: &'a [String]) -> Self {
        let addresses = Addresses::Of(addresses);
        Self { path: "/api/v1/reset", addresses, password: None, status: 202, delay: Duration::ZERO }
    }

    fn prepare(&self, number: usize, connection: &Connection, draw: &mut Draw) -> Request {
        let address = match self.addresses {
            Addresses::Of(addresses) => addresses[number % addresses.len()].clone(),
            Addresses::New => draw.address(),
        };
        let mut body = json!({ "email": address });
        if let Some(password) = self.password {
            body["password"] = password.into();
        }
        if self.path == "/signup" {
            body["requires2FA"] = false.into();
        }
        connection.prepare_post(self.path, &body)
    }

    #[expect(clippy::disallowed_methods, reason = "it measures a real server")]
    async fn time(&self, request: &Request, connection: &mut Connection) -> Result<Duration, Failure> {
        let begun = Instant::now();
        let answer = connection.send(request).await?;
        // A timer's millisecond is too coarse.
        let answered = Instant::now();
        while answered.elapsed() < self.delay {
            std::hint::spin_loop();
        }
        let time = begun.elapsed();
        answer.expect(self.status, self.path)?;
        Ok(time)
    }
}

impl<'a> Trial<'a> {
    fn new(name: &'static str, first: Kind<'a>, second: Kind<'a>) -> Self {
        Self { name, kinds: [first, second] }
    }

    /// The comparison of the requests themselves, and that of the probes after them.
    async fn run(
        &self,
        pairs: usize,
        connection: &mut Connection,
        draw: &mut Draw,
    ) -> Result<[Comparison; 2], Failure> {
        let probed = [draw.address()];
        let probe = Kind::reset(&probed);
        let probe_request = probe.prepare(0, connection, draw);
        let mut own: Vec<Pair> = Vec::with_capacity(pairs);
        let mut echoes: Vec<Pair> = Vec::with_capacity(pairs);
        for number in 0..WARM_UP + pairs {
            let requests = self.kinds.each_ref().map(|kind| kind.prepare(number, connection, draw));
            let (mut times, mut after) = (Pair::default(), Pair::default());
            for which in if draw.coin() { [0, 1] } else { [1, 0] } {
                times[which] = self.kinds[which].time(&requests[which], connection).await?;
                after[which] = probe.time(&probe_request, connection).await?;
            }
            if number >= WARM_UP {
                own.push(times);
                echoes.push(after);
            }
        }
        let found = [compare(&own, draw), compare(&echoes, draw)];
        for (comparison, of) in found.iter().zip(["request", "probe"]) {
            print(self.name, of, comparison);
        }
        Ok(found)
    }
}

fn print(name: &str, of: &str, found: &Comparison) {
    let milliseconds = |time: Duration| format!("{:.3} ms", time.as_secs_f64() * 1e3);
    let [first, second] = found.medians.map(milliseconds);
    println!(
        "{name:<28} {of:<8} {first:>10} {second:>10} {:>7.4} {:>7.4} {:>7.4} {:>7.4} {:>10}  {}",
        found.area,
        found.area_p,
        found.distance,
        found.distance_p,
        milliseconds(found.resolution),
        if found.tells() { "YES" } else { "no" },
    );
}
