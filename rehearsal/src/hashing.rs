//! Password hashing under load: how fast, how bounded, and whether a storm of sign-ins is felt by anybody else. Each bar is a ratio
//! of figures that are taken in turn in one run, round by round; the median of the rounds counts.

mod alone;
mod bar;
mod cores;
mod hang_up;
mod storm;
mod subject;

use std::time::Duration;

use clap::Args;

use crate::Failure;
use crate::server::Program;
use crate::statistics::quantile;
pub(crate) use alone::Alone;
use alone::Form;
use bar::{Bar, middle};
use storm::Storm;
use subject::Subject;

/// Memory of one hash at the defaults.
const HASH_KIB: u64 = 19_456;
/// What else a storm may take.
const SLACK_KIB: u64 = 32 * 1024;
/// At most one hash a permit is worked off for clients that are gone, which a test of the server counts
/// (`auth-service/tests/it/hashing.rs`). Here it is told by the time that hashing threads took, from the moment at which the clients hung
/// up: with the one hash goes the wiping of its memory, and a second of the processor is worth more or fewer hashes at that moment than it
/// was in the rounds (a third, on a machine that is not steady). The half is for both; a second hash would not be let through.
const WORKED_OFF: f64 = 1.5;
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

/// What one round gave, a second or in seconds.
struct Round {
    plain: f64,
    reused: f64,
    one: f64,
    two: f64,
    beside: f64,
    quiet: f64,
    loud: f64,
}

impl Hashing {
    pub(crate) async fn run(self, program: &Program) -> Result<bool, Failure> {
        let parameters = format!(
            "{} clients, {} rounds of {} s, Argon2id 19456 KiB, t=2, p=1; the server on one core of its own but where two are said",
            self.clients, self.rounds, self.seconds
        );
        program.describe(&parameters)?;
        // The clients keep to the other core: what they take must not come from what is measured.
        cores::keep_to("1")?;
        let single = Subject::start(program, "0", self.clients).await?;
        let double = Subject::start(program, "0,1", self.clients).await?;
        let mut rounds = Vec::new();
        for _ in 0..self.rounds {
            rounds.push(self.round(&single, &double).await?);
        }
        let of = |figure: &dyn Fn(&Round) -> f64| middle(rounds.iter().map(figure).collect());
        let one = of(&|round| round.one);
        let left = hang_up::again_and_again(&single, self.hang_ups).await? * one;
        let left_of_two = hang_up::again_and_again(&double, self.hang_ups).await? * one / 2.0;
        println!(
            "argon2 alone {:.1}/s, on reused huge pages {:.1}/s; one core {one:.1}/s; two cores {:.1}/s; beside checks {:.1}/s",
            of(&|round| round.plain),
            of(&|round| round.reused),
            of(&|round| round.two),
            of(&|round| round.beside),
        );
        println!(
            "of argon2 alone on reused huge pages, which is hashing and no server: {:.2}",
            of(&|round| round.one / round.reused)
        );
        println!(
            "p99 of /verify-token {:.2} ms, in the storm {:.2} ms\n",
            of(&|round| round.quiet) * 1e3,
            of(&|round| round.loud) * 1e3
        );
        let held = [
            Bar::least(
                "sign-ins a second on one core, to argon2 0.6 alone in its plain form",
                of(&|round| round.one / round.plain),
                1.0,
            ),
            Bar::least(
                "sign-ins a second on two cores, to those on one",
                of(&|round| round.two / round.one),
                1.7,
            ),
            Bar::most(
                "p99 of /verify-token in the storm, to that without",
                of(&|round| round.loud / round.quiet),
                3.0,
            ),
            Bar::least(
                "sign-ins a second while tokens are checked, to those without",
                of(&|round| round.beside / round.one),
                0.95,
            ),
            single.memory_bar("one core: most memory, also when all hang up again and again", 1)?,
            double.memory_bar("two cores: the same", 2)?,
            Bar::most(
                "one core: hashes worked off for clients that hung up, for each permit",
                left,
                WORKED_OFF,
            ),
            Bar::most("two cores: the same", left_of_two, WORKED_OFF),
        ];
        Ok(bar::print(&held))
    }

    async fn round(&self, single: &Subject, double: &Subject) -> Result<Round, Failure> {
        let lasting = Duration::from_secs(self.seconds);
        let plain = alone::on_core("0", self.seconds, Form::Plain)?;
        let reused = alone::on_core("0", self.seconds, Form::Reused)?;
        let one = storm(single, lasting).await?;
        let two = storm(double, lasting).await?;
        let quiet = check(single, lasting).await?;
        let blowing = Storm::begin(&single.server, &single.sign_ins).await?;
        let loud = check(single, lasting).await?;
        let beside = blowing.end_after(Duration::ZERO).await?.a_second;
        Ok(Round { plain, reused, one, two, beside, quiet, loud })
    }
}

/// Sign-ins a second, without pause.
async fn storm(subject: &Subject, lasting: Duration) -> Result<f64, Failure> {
    let storm = Storm::begin(&subject.server, &subject.sign_ins).await?;
    Ok(storm.end_after(lasting).await?.a_second)
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
