//! How fast, and how much memory: figures to compare one build with the next on the same machine.

use std::time::{Duration, Instant};

use clap::Args;
use serde_json::json;
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::Failure;
use crate::accounts::{NO_LIMITS, PASSWORD};
use crate::server::{Program, Server};
use crate::statistics::{median, quantile};

/// How long the server is left alone before its memory is read.
const IDLE: Duration = Duration::from_secs(3);

/// Measure cold start, idle memory, and token checks a second.
#[derive(Args)]
pub(crate) struct Figures {
    /// Starts, on new data and on old.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100))]
    starts: u32,
    /// Keep-alive connections that check a token.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    connections: u32,
    /// Seconds of each run of checks.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=60))]
    seconds: u64,
    /// Runs of checks, of which the median is given.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=20))]
    runs: u32,
}

/// One run of checks.
struct Checks {
    a_second: f64,
    middle: Duration,
    tail: Duration,
}

impl Figures {
    pub(crate) async fn run(self, program: &Program) -> Result<bool, Failure> {
        let parameters = format!(
            "{} starts, {} connections, {} runs of {} s",
            self.starts, self.connections, self.runs, self.seconds
        );
        program.describe(&parameters)?;
        let settings = format!("[accounts]\nrequire_proof = false\n{NO_LIMITS}");
        let mut starts = [Vec::new(), Vec::new()];
        let mut folder = TempDir::with_prefix("keyward-rehearsal-")?;
        for _ in 0..self.starts {
            folder = TempDir::with_prefix("keyward-rehearsal-")?;
            for times in &mut starts {
                times.push(program.start(folder.path(), &settings).await?.started_in);
            }
        }
        let server = program.start(folder.path(), &settings).await?;
        tokio::time::sleep(IDLE).await;
        let idle = server.resident_kib()?;
        let token = token(&server).await?;
        let mut runs = Vec::new();
        for _ in 0..self.runs {
            runs.push(self.check(&server, &token).await?);
        }
        runs.sort_by(|one, other| one.a_second.total_cmp(&other.a_second));
        let checks = &runs[runs.len() / 2];
        let [new, old] = starts.map(|times| median(times.into_iter()).as_millis());
        println!("| figure | value |\n|---|---|");
        println!("| cold start, new data: process made to first 200 of /sign-in, median | {new} ms |");
        println!("| cold start, data there, median | {old} ms |");
        println!("| resident memory, idle | {:.1} MiB |", mebibytes(idle));
        println!("| resident memory after the checks | {:.1} MiB |", mebibytes(server.resident_kib()?));
        println!("| POST /verify-token, warm, a second | {:.0} |", checks.a_second);
        println!("| its median and p99 time | {:?}, {:?} |", checks.middle, checks.tail);
        Ok(true)
    }

    /// All connections ask for as long as it lasts, each as fast as it is answered.
    #[expect(clippy::disallowed_methods, reason = "it measures a real server")]
    async fn check(&self, server: &Server, token: &str) -> Result<Checks, Failure> {
        let mut askers = JoinSet::new();
        let lasting = Duration::from_secs(self.seconds);
        let begun = Instant::now();
        for _ in 0..self.connections {
            let mut connection = server.connect().await?;
            let request = connection.prepare_post("/verify-token", &json!({ "token": token }));
            askers.spawn(async move {
                let mut times = Vec::new();
                while begun.elapsed() < lasting {
                    let asked = Instant::now();
                    connection.send(&request).await?.expect(200, "a token check")?;
                    times.push(asked.elapsed());
                }
                Ok::<_, Failure>(times)
            });
        }
        let times = askers.join_all().await.into_iter().collect::<Result<Vec<_>, _>>()?.concat();
        let took = begun.elapsed().as_secs_f64();
        let count = u32::try_from(times.len())?;
        Ok(Checks {
            a_second: f64::from(count) / took,
            middle: quantile(times.iter().copied(), 0.5),
            tail: quantile(times.iter().copied(), 0.99),
        })
    }
}

async fn token(server: &Server) -> Result<String, Failure> {
    let mut connection = server.connect().await?;
    let email = "figures@example.com";
    let body = json!({ "email": email, "password": PASSWORD, "requires2FA": false });
    connection.post("/signup", &body).await?.expect(201, "a sign-up")?;
    let body = json!({ "email": email, "password": PASSWORD });
    let answer = connection.post("/login", &body).await?.expect(200, "a sign-in")?;
    Ok(answer.cookie("jwt").ok_or("a sign-in set no cookie `jwt`")?)
}

pub(crate) fn mebibytes(kib: u64) -> f64 {
    u32::try_from(kib).map_or(f64::INFINITY, f64::from) / 1024.0
}
