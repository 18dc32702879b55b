//! Whether looking up a person or a session takes longer where there are many: p50 and p99 by the store's own statements, in
//! PostgreSQL, of a small installation and of a large one, in turn.

use std::time::{Duration, Instant};

use clap::Args;
use domain::Timestamp;
use serde_json::json;
use store::{PostgresSettings, Store};

use crate::Failure;
use crate::draw::{Draw, any_seed};
use crate::machine::processor;
use crate::statistics::quantile;

mod awake;
mod fill;
mod people;

use crate::psql::{Server, on_postgres};
use awake::Awake;
pub(crate) use awake::stay;
use people::People;

/// What the p99 of the large one may be of that of the small one.
const BAR: f64 = 1.3;
/// Look-ups of one installation before it is the other's turn.
const IN_TURN: u32 = 50;
/// For all that the accounts and sessions that are made have done.
const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
const IDLE: Duration = Duration::from_hours(7 * 24);

/// Measure how long a look-up takes among ten thousand and among ten million. Needs PostgreSQL at `KEYWARD_TEST_POSTGRES_URL`: see
/// `scripts/rehearse scale`.
#[derive(Args)]
pub(crate) struct Scale {
    /// Accounts of the large installation.
    #[arg(long, default_value_t = 10_000_000, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    users: u64,
    /// Sessions of it.
    #[arg(long, default_value_t = 5_000_000, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    sessions: u64,
    /// Accounts of the small installation; it has half as many sessions.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(2..=1_000_000))]
    few: u64,
    /// Look-ups of each kind, in each installation.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1_000..=10_000_000))]
    lookups: u32,
    /// Look-ups before those that are measured. A connection comes to know the server's memory page by page, and its first
    /// few hundred thousand look-ups pay for that.
    #[arg(long, default_value_t = 400_000, value_parser = clap::value_parser!(u32).range(0..=10_000_000))]
    warm_up: u32,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// One installation.
struct Installation {
    people: People,
    store: Store,
    filled_in: Duration,
    /// In its tables and indexes.
    bytes: u64,
}

/// What is looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lookup {
    /// Whoever signs in: account, address, password and browser, by the address.
    User,
    /// Whoever comes back: session and account, by the token.
    Session,
}

/// How long it took in the small installation, and in the large one.
struct Found {
    lookup: Lookup,
    times: [Vec<Duration>; 2],
}

impl Scale {
    pub(crate) async fn run(self) -> Result<bool, Failure> {
        let server = Server::of_environment()?;
        let few = People { users: self.few, sessions: self.few / 2 };
        let many = People { users: self.users, sessions: self.sessions };
        let both = [
            Installation::make(&server, "few", few).await?,
            Installation::make(&server, "many", many).await?,
        ];
        let awake = Awake::keep()?;
        let mut found = Vec::new();
        for lookup in [Lookup::User, Lookup::Session] {
            let mut draw = Draw::new(any_seed());
            compare(&both, lookup, self.warm_up, &mut draw).await?;
            found.push(compare(&both, lookup, self.lookups, &mut draw).await?);
        }
        drop(awake);
        let version = on_postgres(&server.of("many"), "SHOW server_version")?;
        if self.json {
            println!("{:#}", self.as_json(&both, &found, &version));
        } else {
            self.print(&both, &found, &version);
        }
        for installation in &both {
            installation.store.close().await;
        }
        Ok(found.iter().all(|found| found.ratio() <= BAR))
    }

    fn print(&self, both: &[Installation; 2], found: &[Found], version: &str) {
        println!("PostgreSQL {version}; {}; {} look-ups of each kind", processor(), self.lookups);
        for Installation { people, filled_in, bytes, .. } in both {
            let People { users, sessions } = people;
            let (seconds, mebibytes) = (filled_in.as_secs_f64(), bytes / (1 << 20));
            println!("{users} users, {sessions} sessions: made in {seconds:.0} s, {mebibytes} MiB");
        }
        println!("\n| look-up | of | p50, µs | p99, µs | p99 beside | at most |\n|---|---|---|---|---|---|");
        for found in found {
            for (at, installation) in both.iter().enumerate() {
                let [p50, p99] = found.quantiles(at).map(micros);
                let (ratio, bar) =
                    if at == 1 { (format!("{:.2}", found.ratio()), "1.3") } else { ("1".into(), "") };
                let users = installation.people.users;
                println!("| {} | {users} | {p50:.0} | {p99:.0} | {ratio} | {bar} |", found.lookup.name());
            }
        }
    }

    fn as_json(&self, both: &[Installation; 2], found: &[Found], version: &str) -> serde_json::Value {
        let installations: Vec<_> = both
            .iter()
            .map(|one| {
                json!({ "users": one.people.users, "sessions": one.people.sessions,
                        "made_in_s": one.filled_in.as_secs_f64(), "bytes": one.bytes })
            })
            .collect();
        let lookups: Vec<_> = found
            .iter()
            .map(|found| {
                let of = |at| found.quantiles(at).map(micros);
                json!({ "lookup": found.lookup.name(), "p50_us": [of(0)[0], of(1)[0]], "p99_us": [of(0)[1], of(1)[1]],
                        "p99_ratio": found.ratio(), "at_most": BAR })
            })
            .collect();
        json!({ "machine": processor(), "postgresql": version, "lookups_of_each": self.lookups,
                "installations": installations, "lookups": lookups })
    }
}

impl Installation {
    #[expect(clippy::disallowed_methods, reason = "it measures a real database")]
    async fn make(server: &Server, name: &str, people: People) -> Result<Self, Failure> {
        let url = server.of(name);
        let settings =
            PostgresSettings { maximum_connections: 1, ..PostgresSettings::new(url.clone().into()) };
        let begun = Instant::now();
        let is_there = format!("SELECT count(*) FROM pg_database WHERE datname = '{name}'");
        // One of a run before, on a server that is still there, is taken as it is.
        if on_postgres(&server.of("postgres"), &is_there)? == "0" {
            on_postgres(&server.of("postgres"), &format!("CREATE DATABASE {name}"))?;
            store::migrations::apply(&settings).await?;
            // It is the whole of what this process does meanwhile.
            tokio::task::spawn_blocking(move || fill::fill(&url, people)).await??;
        }
        let filled_in = begun.elapsed();
        let bytes = on_postgres(&server.of(name), "SELECT pg_database_size(current_database())")?.parse()?;
        eprintln!("{} users and {} sessions made in {filled_in:.0?}", people.users, people.sessions);
        Ok(Self { people, store: Store::connect(&settings).await?, filled_in, bytes })
    }

    /// Looks up somebody, whoever it may be.
    #[expect(clippy::disallowed_methods, reason = "it measures a real database")]
    async fn look_up(&self, lookup: Lookup, draw: &mut Draw) -> Result<Duration, Failure> {
        match lookup {
            Lookup::User => {
                let user = draw.below(self.people.users);
                let address = people::address(user);
                let begun = Instant::now();
                let mut tx = self.store.look().await?;
                let found =
                    store::users::find_for_sign_in(&mut tx, &address, Some(&people::browser(user))).await?;
                drop(tx);
                let took = begun.elapsed();
                let found = found.ok_or_else(|| format!("nobody is at {address}"))?;
                if found.user.address == address { Ok(took) } else { Err("somebody else was found".into()) }
            }
            Lookup::Session => {
                let session = draw.below(self.people.sessions);
                let token = people::token_hash(session);
                let begun = Instant::now();
                let mut tx = self.store.look().await?;
                let found = store::sessions::find_by_token(&mut tx, &token, NOW, NOW.minus(IDLE)).await?;
                drop(tx);
                let took = begun.elapsed();
                let found = found.ok_or_else(|| format!("session {session} is not there"))?;
                let owner = people::address(self.people.owner(session));
                if found.address == owner {
                    Ok(took)
                } else {
                    Err("the session of somebody else was found".into())
                }
            }
        }
    }
}

impl Lookup {
    fn name(self) -> &'static str {
        match self {
            Self::User => "user, by address",
            Self::Session => "session, by token",
        }
    }
}

impl Found {
    /// p50 and p99.
    fn quantiles(&self, at: usize) -> [Duration; 2] {
        [0.5, 0.99].map(|share| quantile(self.times[at].iter().copied(), share))
    }

    fn ratio(&self) -> f64 {
        self.quantiles(1)[1].as_secs_f64() / self.quantiles(0)[1].as_secs_f64()
    }
}

/// In turn, so that whatever else this machine does falls on both.
async fn compare(
    both: &[Installation; 2],
    lookup: Lookup,
    lookups: u32,
    draw: &mut Draw,
) -> Result<Found, Failure> {
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..lookups.div_ceil(IN_TURN) {
        for (installation, times) in both.iter().zip(&mut times) {
            for _ in 0..IN_TURN {
                times.push(installation.look_up(lookup, draw).await?);
            }
        }
    }
    Ok(Found { lookup, times })
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
