//! `keyward dev` as a child process on free ports, with a folder of its own; it ends with the value.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use clap::Args;

use crate::Failure;
use crate::connection::Connection;

/// A server that does not answer by then is not going to.
const LONGEST_START: Duration = Duration::from_secs(30);

/// What is rehearsed, and how it was built.
#[derive(Args)]
pub(crate) struct Program {
    /// The program.
    #[arg(long, env = "KEYWARD_BINARY", default_value = "target/debug/keyward", value_name = "FILE")]
    binary: PathBuf,
    /// How it was built, for the record.
    #[arg(long, default_value = "dev", value_name = "PROFILE")]
    profile: String,
}

/// A running server.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
    /// From before the process was made to the first 200 of a page.
    pub(crate) started_in: Duration,
}

impl Program {
    /// Starts the server on the data in `folder`, with `settings` as its `--config`.
    pub(crate) async fn start(&self, folder: &Path, settings: &str) -> Result<Server, Failure> {
        self.start_on(folder, settings, None).await
    }

    /// The same, on some of the machine's cores only: `0,1`.
    #[expect(clippy::disallowed_methods, reason = "it measures a real server")]
    pub(crate) async fn start_on(
        &self,
        folder: &Path,
        settings: &str,
        cores: Option<&str>,
    ) -> Result<Server, Failure> {
        let config = folder.join("settings.toml");
        std::fs::write(&config, settings)?;
        let log = File::options().create(true).append(true).open(folder.join("server.log"))?;
        let begun = Instant::now();
        let mut command = match cores {
            // It becomes the program, so the process is the server's.
            Some(cores) => {
                let mut command = Command::new("taskset");
                command.args(["-c", cores]).arg(&self.binary);
                command
            }
            None => Command::new(&self.binary),
        };
        let mut child = command
            .args(["dev", "--port", "0", "--app-port", "0", "--data"])
            .arg(folder.join("data"))
            .arg("--config")
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .map_err(|error| format!("{} does not start: {error}", self.binary.display()))?;
        let output = child.stdout.take();
        let mut server = Server { child, port: 0, started_in: Duration::ZERO };
        let port = output.map(port_said).ok_or("the server has no output")?;
        server.port = tokio::task::spawn_blocking(move || port.recv_timeout(LONGEST_START))
            .await?
            .map_err(|_| format!("the server did not start: {}", said_last(folder)))?;
        Connection::open(server.port).await?.get("/sign-in").await?.expect(200, "the sign-in page")?;
        server.started_in = begun.elapsed();
        Ok(server)
    }

    /// The server's own binary, built beside `keyward`.
    pub(crate) fn auth_service(&self) -> PathBuf {
        self.binary.with_file_name("auth-service")
    }

    /// Whether it was built as it ships.
    pub(crate) fn is_release(&self) -> bool {
        self.profile == "release"
    }

    /// Whether the audit trail in `folder` holds, and what the program says of it.
    pub(crate) fn verify_audit(&self, folder: &Path) -> Result<(bool, String), Failure> {
        let verified = Command::new(&self.binary)
            .args(["audit", "verify", "--data"])
            .arg(folder.join("data"))
            .stdin(Stdio::null())
            .output()?;
        let words = [verified.stdout, verified.stderr].concat();
        Ok((verified.status.success(), String::from_utf8_lossy(&words).trim().to_owned()))
    }

    /// Brings accounts in that all have this hash, while no server runs.
    pub(crate) fn bring_in(&self, folder: &Path, emails: &[String], hash: &str) -> Result<(), Failure> {
        let file = folder.join("brought.ndjson");
        let row = |email: &String| serde_json::json!({ "email": email, "password_hash": hash }).to_string();
        std::fs::write(&file, emails.iter().map(row).collect::<Vec<_>>().join("\n"))?;
        self.ask(folder, ["user", "import", "--json"], Some(&file)).map(drop)
    }

    /// What the command prints that is called on the data in `folder`.
    pub(crate) fn ask(&self, folder: &Path, verb: [&str; 3], file: Option<&Path>) -> Result<String, Failure> {
        let done = Command::new(&self.binary)
            .args(verb)
            .arg("--data")
            .arg(folder.join("data"))
            .args(file)
            .stdin(Stdio::null())
            .output()?;
        if !done.status.success() {
            return Err(String::from_utf8_lossy(&done.stderr).trim().into());
        }
        Ok(String::from_utf8(done.stdout)?)
    }

    /// Prints what a figure means nothing without: the program, its profile and the machine.
    pub(crate) fn describe(&self, parameters: &str) -> Result<(), Failure> {
        let version = Command::new(&self.binary).arg("--version").stdin(Stdio::null()).output()?;
        let version = String::from_utf8_lossy(&version.stdout).trim().to_owned();
        let cores = std::thread::available_parallelism()?;
        println!("{version}, {} build, {cores} cores shared with the client; {parameters}", self.profile);
        Ok(())
    }
}

impl Server {
    pub(crate) async fn connect(&self) -> Result<Connection, Failure> {
        Connection::open(self.port).await
    }

    /// Ends it as a power cut would: nothing is told, nothing is drained.
    pub(crate) fn kill(&mut self) -> Result<(), Failure> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// What its hashing threads have spent of the processor, in seconds.
    pub(crate) fn hashing_seconds(&self) -> Result<f64, Failure> {
        let mut nanoseconds = 0_u64;
        for thread in std::fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let thread = thread?.path();
            if std::fs::read_to_string(thread.join("comm"))?.starts_with("hasher-") {
                let spent = std::fs::read_to_string(thread.join("schedstat"))?;
                nanoseconds +=
                    spent.split_whitespace().next().ok_or("no schedstat of a thread")?.parse::<u64>()?;
            }
        }
        Ok(Duration::from_nanos(nanoseconds).as_secs_f64())
    }

    /// The most memory that was resident since [`forget_peak`](Self::forget_peak), in KiB, as Linux counts it.
    pub(crate) fn peak_kib(&self) -> Result<u64, Failure> {
        memory_kib(self.child.id(), "VmHWM:")
    }

    /// Lets the peak begin anew at what is resident now.
    pub(crate) fn forget_peak(&self) -> Result<(), Failure> {
        Ok(std::fs::write(format!("/proc/{}/clear_refs", self.child.id()), "5")?)
    }

    /// Resident memory in KiB, as Linux counts it.
    pub(crate) fn resident_kib(&self) -> Result<u64, Failure> {
        resident_kib(self.child.id())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have been killed already, and then there is nothing to end.
        let _ = self.kill();
    }
}

/// Resident memory of a process in KiB, as Linux counts it.
pub(crate) fn resident_kib(process: u32) -> Result<u64, Failure> {
    memory_kib(process, "VmRSS:")
}

fn memory_kib(process: u32, which: &str) -> Result<u64, Failure> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(which));
    let digits = line.and_then(|line| line.split_whitespace().next());
    Ok(digits.ok_or_else(|| format!("no {which} of the server"))?.parse()?)
}

/// What the server wrote to its log last.
pub(crate) fn said_last(folder: &Path) -> String {
    let log = std::fs::read_to_string(folder.join("server.log")).unwrap_or_default();
    let lines: Vec<_> = log.lines().collect();
    lines[lines.len().saturating_sub(5)..].join("\n")
}

/// The port from the greeting: a free one chosen by anybody but the server may be taken before it listens. The output is
/// read to its end, or the server would block on a full pipe.
fn port_said(output: ChildStdout) -> mpsc::Receiver<u16> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            let port = line.trim_start().strip_prefix("Sign-in ").and_then(|rest| rest.rsplit(':').next());
            if let Some(port) = port.and_then(|port| port.parse().ok()) {
                let _ = sender.send(port);
            }
        }
    });
    receiver
}
