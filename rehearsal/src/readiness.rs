//! The server's own binary in small mode: how long from its start to ready, and what it holds when nobody asks it anything.

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
use crate::server::{Program, resident_kib};
use crate::statistics::median;

/// How long the server is left alone before its memory is read.
const IDLE: Duration = Duration::from_secs(3);
/// What a release may take: on an empty database, keys made; on one that is there; and MiB.
const BARS: [f64; 3] = [1_000.0, 100.0, 25.0];

/// Measure the server's own binary: from its start to ready, on an empty database and on one that is there; idle memory.
#[derive(Args)]
pub(crate) struct Readiness {
    /// Starts, on new data and on old.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=200))]
    starts: u32,
}

/// A server that is ready; ended when dropped.
struct Ready {
    child: Child,
    /// From before the process was made to the first 200 of `/readyz`.
    took: Duration,
}

impl Readiness {
    pub(crate) async fn run(self, program: &Program) -> Result<bool, Failure> {
        let binary = program.auth_service();
        program.describe(&format!("{} starts of {}, SQLite", self.starts, binary.display()))?;
        let (mut new, mut old) = (Vec::new(), Vec::new());
        let mut idle = 0;
        for number in 0..self.starts {
            let folder = TempDir::with_prefix("keyward-rehearsal-")?;
            write_settings(folder.path())?;
            new.push(start(&binary, folder.path()).await?.took);
            let again = start(&binary, folder.path()).await?;
            old.push(again.took);
            if number + 1 == self.starts {
                tokio::time::sleep(IDLE).await;
                idle = resident_kib(again.child.id())?;
            }
        }
        let milliseconds = |times: Vec<Duration>| median(times.into_iter()).as_secs_f64() * 1e3;
        let found = [milliseconds(new), milliseconds(old), mebibytes(idle)];
        println!("| figure | value | at most |\n|---|---|---|");
        for (name, (value, bar)) in [
            "start to ready, empty database, keys made, median, ms",
            "start to ready, database there, median, ms",
            "resident memory, idle, MiB",
        ]
        .iter()
        .zip(found.iter().zip(BARS))
        {
            println!("| {name} | {value:.1} | {bar:.0} |");
        }
        // A build for debugging is not what ships.
        Ok(!program.is_release() || found.iter().zip(BARS).all(|(value, bar)| *value <= bar))
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
    let mut ready = Ready { child, took: Duration::ZERO };
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
    let port = internal.ok_or("the server does not say where it is asked")?.parse()?;
    Connection::open(port).await?.get("/readyz").await?.expect(200, "readiness")?;
    ready.took = begun.elapsed();
    Ok(ready)
}

fn write_settings(folder: &Path) -> Result<(), Failure> {
    for (name, digit) in [("encryption", '7'), ("audit", 'b')] {
        // A key of a rehearsal: long enough, and no sample.
        let key: String = (0..64)
            .map(|at| if at % 5 == 0 { digit } else { char::from(b"0123456789abcdef"[at * 7 % 16]) })
            .collect();
        std::fs::write(folder.join(name), key)?;
    }
    std::fs::write(folder.join("mail"), "c2f1a8805b7e4d6d93aa")?;
    let settings = "[server]\npublic_url = \"https://auth.example.com\"\nlisten = \"127.0.0.1:0\"\n\
        [internal]\nlisten = \"127.0.0.1:0\"\n[database]\npath = \"FOLDER/keyward.sqlite\"\n\
        [keys]\nencryption = \"file:FOLDER/encryption\"\naudit = \"file:FOLDER/audit\"\n\
        [mail]\nfrom = \"no-reply@example.com\"\n[mail.transport]\nkind = \"postmark\"\ntoken = \"file:FOLDER/mail\"\n";
    std::fs::write(folder.join("keyward.toml"), settings.replace("FOLDER", &folder.display().to_string()))?;
    Ok(())
}

impl Drop for Ready {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
