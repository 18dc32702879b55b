//! Class 13: does time tell whether an address has an account, or one that is locked?
//!
//! Locked is, here, an account that an operator disabled, and one whose budget of failures is spent: the latter is answered 429, an
//! address without an account too, and a right password as a wrong one.
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
use crate::database;
use crate::draw::{self, Draw};
use crate::server::Program;
use crate::statistics::{Comparison, Pair, SIGNIFICANCE, compare};

/// Pairs before the clock counts: caches fill, the allocator settles.
const WARM_UP: usize = 20;

/// Hashes from elsewhere of passwords that nobody tries: bcrypt of two costs, the dearer several times ours; PBKDF2 of two counts of
/// iterations; such as cost less than ours, or are wrapped in it.
const BROUGHT: [(&str, &str); 7] = [
    ("sign-in: bcrypt, unknown", "$2b$10$VJLAfl2m5MUDHtPx4znuEeGcCT1gLNmVwv1cEbQgLykE5TS6g14Ma"),
    (
        "sign-in: scrypt, unknown",
        "$scrypt$ln=10,r=8,p=1$ACAkBMBY6/2fUyrFmJPSeg$3eqRcKv35KbjpYQdMoZEhuOre18pmZn5St4OQHnRyys",
    ),
    (
        "sign-in: argon2i, unknown",
        "$argon2i$v=19$m=256,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$gQuBv4zhBchBqJQZL4Pajso/bI69AzkolaGF5VjvPCw",
    ),
    ("sign-in: wrapped, unknown", "{SSHA}3exwr8ymwwROCv5SdJv+O1pYL/V4Tykl"),
    ("sign-in: bcrypt 8, unknown", "$2y$08$VJLAfl2m5MUDHtPx4znuEeGcCT1gLNmVwv1cEbQgLykE5TS6g14Ma"),
    (
        "sign-in: PBKDF2, unknown",
        "pbkdf2_sha256$60000$g5CqRKiSNlYUXyptytdav7$snw2u9FuqhSz4rnupuUbCProLWnVdsDVMjsSwWz41Hk=",
    ),
    (
        "sign-in: PBKDF2 / 3, unknown",
        "pbkdf2_sha256$20000$g5CqRKiSNlYUXyptytdav7$snw2u9FuqhSz4rnupuUbCProLWnVdsDVMjsSwWz41Hk=",
    ),
];

/// Accounts whose budget is spent, and as many addresses without an account: each stays limited for [`LIMITED_FOR`], and all are
/// asked often within it.
const LIMITED: usize = 20;
/// A little less than the longest spacing that a limit may have: after that one try is let through again.
const LIMITED_FOR: Duration = Duration::from_secs(55);

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
    name: &'a str,
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
        let mut server = program.start(folder.path(), NO_LIMITS).await?;
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

        let locked: Vec<_> = known.iter().step_by(2).cloned().collect();
        let unlocked: Vec<_> = known.iter().skip(1).step_by(2).cloned().collect();
        let mut told = Told::default();
        for trial in [
            Trial::new("sign-in: known, unknown", Kind::sign_in(&known), Kind::sign_in(&unknown)),
            // Before the sign-ups: whose address comes next is found for one of nobody, and must not be one of thousands just made.
            Trial::new("reset: known, unknown", Kind::reset(&known), Kind::reset(&unknown)),
            Trial::new(
                "sign-up: known, new",
                Kind::sign_up(Addresses::Of(&known)),
                Kind::sign_up(Addresses::New),
            ),
            // A stranger signed both up, and tries the password of that sign-up.
            Trial::new("sign-in after sign-up", Kind::sign_in(&known), Kind::sign_in(&fresh)),
        ] {
            told.note(&trial, pairs, &mut connection, &mut draw).await?;
        }
        told.extend(limited(program, pairs / 2, &mut draw).await?);
        database::disable(folder.path(), &locked)?;
        let right = Kind { password: Some(PASSWORD), ..Kind::sign_in(&locked) };
        for trial in [
            Trial::new("sign-in: disabled, not", Kind::sign_in(&locked), Kind::sign_in(&unlocked)),
            Trial::new("disabled: right password", right, Kind::sign_in(&locked)),
            Trial::new("reset: disabled, not", Kind::reset(&locked), Kind::reset(&unlocked)),
        ] {
            told.note(&trial, pairs, &mut connection, &mut draw).await?;
        }
        // From here on some hashes are of other kinds than ours: every failure does the work of all. Whoever brings them in has the
        // database to themselves.
        server.kill()?;
        let mut brought = Vec::new();
        for (name, hash) in BROUGHT {
            let addresses: Vec<_> = (0..count).map(|_| draw.address()).collect();
            program.bring_in(folder.path(), &addresses, hash)?;
            brought.push((name, addresses));
        }
        let server = program.start(folder.path(), NO_LIMITS).await?;
        let mut connection = server.connect().await?;
        for (name, addresses) in &brought {
            let trial = Trial::new(name, Kind::sign_in(addresses), Kind::sign_in(&unknown));
            told.note(&trial, pairs / 4, &mut connection, &mut draw).await?;
        }
        let trial =
            Trial::new("sign-in: ours beside these", Kind::sign_in(&unlocked), Kind::sign_in(&unknown));
        told.note(&trial, pairs / 4, &mut connection, &mut draw).await?;
        let Told(told) = told;
        println!();
        if chance.tells() || !delayed.tells() || !unhashed.tells() {
            return Err("a control failed, so this run shows nothing: repeat it on a quieter machine".into());
        }
        if told.is_empty() {
            println!(
                "Time tells nothing: no comparison tells known from unknown or locked from unlocked, and the controls do what they must."
            );
        } else {
            println!("TIME TELLS: {}.", told.join(", "));
        }
        Ok(told.is_empty())
    }
}

/// The comparisons that told two kinds apart.
#[derive(Default)]
struct Told(Vec<String>);

impl Told {
    async fn note(
        &mut self,
        trial: &Trial<'_>,
        pairs: usize,
        connection: &mut Connection,
        draw: &mut Draw,
    ) -> Result<(), Failure> {
        let found = trial.run(pairs, connection, draw).await?;
        for (comparison, of) in found.iter().zip(["request", "probe"]) {
            if comparison.tells() {
                self.0.push(format!("{} ({of})", trial.name));
            }
        }
        Ok(())
    }

    fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }
}

/// Accounts whose budget of failures is spent, on a server of their own, whose limits are met at once.
#[expect(clippy::disallowed_methods, reason = "how long a real server took")]
async fn limited(program: &Program, pairs: usize, draw: &mut Draw) -> Result<Told, Failure> {
    let folder = TempDir::with_prefix("keyward-rehearsal-")?;
    let settings =
        NO_LIMITS.replace("account_failures = 4000000", "account_failures = 1\naccount_spacing = \"60s\"");
    let server = program.start(folder.path(), &settings).await?;
    let mut connection = server.connect().await?;
    let known = accounts::proved(&mut connection, draw, 2 * LIMITED).await?;
    let (known, others) = known.split_at(LIMITED);
    let unknown: Vec<_> = (0..LIMITED).map(|_| draw.address()).collect();
    let mut told = Told::default();
    let kind =
        |addresses, password| Kind { password: Some(password), status: 429, ..Kind::sign_in(addresses) };
    for trial in [
        Trial::new("limited: known, unknown", kind(known, WRONG_PASSWORD), kind(&unknown, WRONG_PASSWORD)),
        Trial::new("limited: right password", kind(others, PASSWORD), kind(others, WRONG_PASSWORD)),
    ] {
        let begun = Instant::now();
        for addresses in trial.kinds.iter().map(|kind| &kind.addresses) {
            let Addresses::Of(addresses) = addresses else { continue };
            for address in *addresses {
                // The one failure that there is room for; where both kinds are of the same addresses it is spent by then.
                let body = json!({ "email": address, "password": WRONG_PASSWORD });
                connection.post("/login", &body).await?;
            }
        }
        told.note(&trial, pairs, &mut connection, draw).await?;
        if begun.elapsed() > LIMITED_FOR {
            return Err("this machine is too slow for so many pairs within a minute: ask for fewer".into());
        }
    }
    Ok(told)
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
    fn new(name: &'a str, first: Kind<'a>, second: Kind<'a>) -> Self {
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
