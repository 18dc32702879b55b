//! The server's own binary, in small and in full mode: how long from its start to ready, and what it holds when nobody asks it
//! anything.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::Value;
use tempfile::TempDir;

use crate::Failure;
use crate::connection::Connection;
use crate::figures::mebibytes;
use crate::psql::{self, on_postgres};
use crate::redis::Redis;
use crate::server::{Program, resident_kib};
use crate::statistics::median;

/// How long the server is left alone before its memory is read.
const IDLE: Duration = Duration::from_secs(3);
/// What a start may take on an empty database, its tables and keys made; and on one that is there; in milliseconds.
const START_BARS: [f64; 2] = [1_000.0, 100.0];
/// What an idle server may hold, in MiB.
const SMALL_BAR: f64 = 25.0;
const FULL_BAR: f64 = 30.0;
/// How often it is asked whether it is ready, and how long the answer may take, in microseconds: it comes from memory.
const ASKED: usize = 10_000;
const ANSWER_BAR: f64 = 200.0;

/// Measure the server's own binary, in both modes: from its start to ready, on an empty database and on one that is there; idle
/// memory. For the full mode it needs PostgreSQL at `KEYWARD_TEST_POSTGRES_URL` (`scripts/rehearse start` starts one) and
/// `redis-server`.
#[derive(Args)]
pub(crate) struct Readiness {
    /// Starts, on new data and on old, in each mode.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=200))]
    starts: u32,
}

/// What a server keeps its data in.
enum Mode {
    Small,
    Full { postgres: psql::Server, redis: Redis },
}

/// A server that is ready; ended when dropped.
struct Ready {
    child: Child,
    /// From before the process was made to the first 200 of `/readyz`.
    took: Duration,
    /// Where its health is told.
    port: u16,
}

impl Readiness {
    pub(crate) async fn run(self, program: &Program) -> Result<bool, Failure> {
        let binary = program.auth_service();
        let postgres = psql::Server::of_environment()?;
        let version = on_postgres(&postgres.of("postgres"), "SHOW server_version")?;
        let redis = Redis::start()?;
        program.describe(&format!(
            "{} starts of {} in each mode, PostgreSQL {version}, {}",
            self.starts,
            binary.display(),
            Redis::version()?
        ))?;
        println!("| mode | figure | value | at most |\n|---|---|---|---|");
        let small = self.measure(&binary, &Mode::Small).await?;
        let full = self.measure(&binary, &Mode::Full { postgres, redis }).await?;
        // A build for debugging is not what ships.
        Ok(!program.is_release() || (small && full))
    }

    /// Prints the figures of a mode. Whether they are within the bars.
    async fn measure(&self, binary: &Path, mode: &Mode) -> Result<bool, Failure> {
        let (mut new, mut old) = (Vec::new(), Vec::new());
        let (mut idle, mut answers) = (0, Vec::new());
        for number in 0..self.starts {
            let folder = TempDir::with_prefix("keyward-rehearsal-")?;
            mode.write_settings(folder.path(), number)?;
            let migrated = mode.migrate(binary, folder.path())?;
            new.push(migrated + start(binary, folder.path()).await?.took);
            let again = start(binary, folder.path()).await?;
            old.push(again.took);
            if number + 1 == self.starts {
                tokio::time::sleep(IDLE).await;
                idle = resident_kib(again.child.id())?;
                answers = again.ask().await?;
            }
        }
        let milliseconds = |times: Vec<Duration>| median(times.into_iter()).as_secs_f64() * 1e3;
        let answer = median(answers.into_iter()).as_secs_f64() * 1e6;
        let found = [milliseconds(new), milliseconds(old), mebibytes(idle), answer];
        let (name, empty, most) = match mode {
            Mode::Small => ("small", "start to ready", SMALL_BAR),
            Mode::Full { .. } => ("full", "`migrate apply`, and start to ready", FULL_BAR),
        };
        let bars = [START_BARS[0], START_BARS[1], most, ANSWER_BAR];
        let figures = [
            format!("{empty}, empty database, keys made, median, ms"),
            "start to ready, database there, median, ms".to_owned(),
            "resident memory, idle, MiB".to_owned(),
            "`/readyz`, on a connection that is kept, median, µs".to_owned(),
        ];
        for ((figure, value), bar) in figures.iter().zip(found).zip(bars) {
            println!("| {name} | {figure} | {value:.1} | {bar:.0} |");
        }
        Ok(found.iter().zip(bars).all(|(value, bar)| *value <= bar))
    }
}

impl Mode {
    /// Of the `number`th installation, whose database is empty.
    fn write_settings(&self, folder: &Path, number: u32) -> Result<(), Failure> {
        for (name, digit) in [("encryption", '7'), ("audit", 'b')] {
            // A key of a rehearsal: long enough, and no sample.
            let key: String = (0..64)
                .map(|at| if at % 5 == 0 { digit } else { char::from(b"0123456789abcdef"[at * 7 % 16]) })
                .collect();
            std::fs::write(folder.join(name), key)?;
        }
        std::fs::write(folder.join("mail"), "c2f1a8805b7e4d6d93aa")?;
        let place = match self {
            Self::Small => "[database]\npath = \"FOLDER/keyward.sqlite\"\n".to_owned(),
            Self::Full { postgres, redis } => {
                let database = format!("start_{number}");
                on_postgres(&postgres.of("postgres"), &format!("CREATE DATABASE {database}"))?;
                let (url, port) = (postgres.of(&database), redis.port());
                format!("[database]\nurl = \"{url}\"\n[redis]\nhost = \"127.0.0.1\"\nport = {port}\n")
            }
        };
        let settings = format!(
            "[server]\npublic_url = \"https://auth.example.com\"\nlisten = \"127.0.0.1:0\"\n\
             [internal]\nlisten = \"127.0.0.1:0\"\n[admin]\nsocket = \"FOLDER/admin.sock\"\n{place}\
             [keys]\nencryption = \"file:FOLDER/encryption\"\naudit = \"file:FOLDER/audit\"\n\
             [mail]\nfrom = \"no-reply@example.com\"\n\
             [mail.transport]\nkind = \"postmark\"\ntoken = \"file:FOLDER/mail\"\n"
        );
        let settings = settings.replace("FOLDER", &folder.display().to_string());
        Ok(std::fs::write(folder.join("keyward.toml"), settings)?)
    }

    /// Makes the tables, where a start does not; how long it took.
    #[expect(clippy::disallowed_methods, reason = "it measures a real server")]
    fn migrate(&self, binary: &Path, folder: &Path) -> Result<Duration, Failure> {
        if matches!(self, Self::Small) {
            return Ok(Duration::ZERO);
        }
        let begun = Instant::now();
        let done = Command::new(binary)
            .args(["migrate", "apply", "--config"])
            .arg(folder.join("keyward.toml"))
            .stdin(Stdio::null())
            .output()?;
        if !done.status.success() {
            return Err(String::from_utf8_lossy(&done.stderr).trim().into());
        }
        Ok(begun.elapsed())
    }
}

#[expect(clippy::disallowed_methods, reason = "it measures a real server")]
async fn start(binary: &Path, folder: &Path) -> Result<Ready, Failure> {
    let begun = Instant::now();
    let mut child = Command::new(binary)
        .args(["serve", "--config"])
        .arg(folder.join("keyward.toml"))
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{} does not start: {error}", binary.display()))?;
    let output = child.stderr.take().ok_or("the server has no log")?;
    let mut ready = Ready { child, took: Duration::ZERO, port: 0 };
    let serving = tokio::task::spawn_blocking(move || {
        let mut lines = BufReader::new(output).lines().map_while(Result::ok);
        let mut said = String::new();
        let serving = lines.find(|line| {
            said.clone_from(line);
            line.contains("\"serving\"")
        });
        // Read to its end, or the server would block on a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        serving.ok_or(said)
    });
    let line = serving.await?.map_err(|said| format!("the server did not start: {said}"))?;
    let line: Value = serde_json::from_str(&line)?;
    let internal = line["fields"]["internal"].as_str().and_then(|address| address.rsplit(':').next());
    ready.port = internal.ok_or("the server does not say where it is asked")?.parse()?;
    Connection::open(ready.port).await?.get("/readyz").await?.expect(200, "readiness")?;
    ready.took = begun.elapsed();
    Ok(ready)
}

impl Ready {
    /// How long each of many answers takes.
    #[expect(clippy::disallowed_methods, reason = "it measures a real server")]
    async fn ask(&self) -> Result<Vec<Duration>, Failure> {
        let mut connection = Connection::open(self.port).await?;
        let mut took = Vec::with_capacity(ASKED);
        for _ in 0..ASKED {
            let begun = Instant::now();
            connection.get("/readyz").await?.expect(200, "readiness")?;
            took.push(begun.elapsed());
        }
        Ok(took)
    }
}

impl Drop for Ready {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
