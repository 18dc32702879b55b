//! A real PostgreSQL of a test's own, that may be killed, held up and started again, in a temporary folder, on a free port of
//! 127.0.0.1.

use std::fs::{File, Permissions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use store::PostgresSettings;
use tempfile::TempDir;
use tokio::sync::oneshot;

use crate::postgres_programs::{as_owner, owner, programs};
use crate::redis_server::free_port;

/// The server. It ends with this, whatever state it is in.
pub(crate) struct PostgresServer {
    folder: TempDir,
    programs: PathBuf,
    port: u16,
    arguments: Vec<String>,
    running: Running,
}

/// A server that takes connections, or did.
struct Running {
    process: Child,
    /// Closed when all of its processes are gone.
    gone: mpsc::Receiver<()>,
}

/// A server that has not started, or is not gone, by then never will.
const LONGEST: Duration = Duration::from_secs(30);

impl PostgresServer {
    /// Starts one, with an empty database. None if there is none to start: then what it is needed for is not tested, which is
    /// said, and fails where all has to be tested (`CI=true`).
    pub(crate) async fn start() -> Option<Self> {
        Self::start_with(&[], &[]).await
    }

    /// The same, with settings, and with files in its folder that are its own alone.
    pub(crate) async fn start_with(settings: &[&str], files: &[(&str, &str)]) -> Option<Self> {
        let Some(programs) = programs() else {
            assert!(std::env::var("CI").is_err(), "PostgreSQL is not there; ./scripts/test installs it");
            println!("NOT RUN, since PostgreSQL is not there; ./scripts/test installs it");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let owner = owner();
        if let Some((user, group)) = owner {
            std::os::unix::fs::chown(folder.path(), Some(user), Some(group)).unwrap();
        }
        let made = as_owner(&mut Command::new(programs.join("initdb")))
            .args([
                "--pgdata=data",
                "--username=keyward",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
            ])
            .arg("--no-sync")
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        for (name, text) in files {
            let path = folder.path().join("data").join(name);
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
            if let Some((user, group)) = owner {
                std::os::unix::fs::chown(&path, Some(user), Some(group)).unwrap();
            }
        }
        let arguments: Vec<_> =
            settings.iter().flat_map(|setting| ["-c", setting]).map(ToOwned::to_owned).collect();
        // Somebody else may take the port in between; then another one is free.
        for _ in 0..10 {
            let port = free_port();
            if let Some(running) = run(&programs, folder.path(), port, &arguments).await {
                return Some(Self { folder, programs, port, arguments, running });
            }
        }
        panic!("PostgreSQL does not start: {}", log(folder.path()));
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// How it is reached at `port`: its own, or one in front of it.
    pub(crate) fn settings_at(port: u16) -> PostgresSettings {
        PostgresSettings::new(format!("postgres://keyward@127.0.0.1:{port}/postgres").into())
    }

    /// Kills it (SIGKILL), its children too, and waits until all are gone: they hold the memory that the next one shares. What
    /// it acknowledged is on its disk, or lost.
    pub(crate) fn kill(&mut self) {
        self.signal("-KILL");
        self.running.process.wait().unwrap();
        let gone = self.running.gone.recv_timeout(LONGEST);
        assert_eq!(gone, Err(mpsc::RecvTimeoutError::Disconnected), "a child of PostgreSQL outlives it");
    }

    /// Starts it again where it was, with what is on its disk.
    pub(crate) async fn restart(&mut self) {
        let running = run(&self.programs, self.folder.path(), self.port, &self.arguments).await;
        self.running =
            running.unwrap_or_else(|| panic!("PostgreSQL does not start again: {}", log(self.folder.path())));
    }

    /// Holds it up: its connections stay, and nothing is answered (SIGSTOP).
    pub(crate) fn pause(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on (SIGCONT).
    pub(crate) fn resume(&self) {
        self.signal("-CONT");
    }

    /// To it and to all of its children: each has a group of its own.
    fn signal(&self, signal: &str) {
        let own = self.running.process.id();
        let children = Command::new("pgrep").arg("-P").arg(own.to_string()).output().unwrap();
        let children = String::from_utf8(children.stdout).unwrap();
        let all: Vec<String> =
            std::iter::once(own.to_string()).chain(children.lines().map(ToOwned::to_owned)).collect();
        // One that has just ended is signalled in vain.
        let _ = Command::new("kill").arg(signal).args(all).stderr(Stdio::null()).status().unwrap();
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        self.signal("-KILL");
        let _ = self.running.process.wait();
    }
}

/// Starts it and waits until it says that it takes connections. None if it ends instead.
async fn run(programs: &Path, folder: &Path, port: u16, arguments: &[String]) -> Option<Running> {
    let mut process = as_owner(&mut Command::new(programs.join("postgres")))
        .args(["-D", "data", "-h", "127.0.0.1", "-k", "", "-p", &port.to_string()])
        .args(["-c", "fsync=off", "-c", "shared_buffers=16MB"])
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (says, log) = (process.stderr.take().unwrap(), File::create(folder.join("server.log")).unwrap());
    let (ready, is_ready) = oneshot::channel();
    let (running, gone) = mpsc::channel();
    std::thread::spawn(move || listen(says, log, ready, running));
    let started = tokio::time::timeout(LONGEST, is_ready).await;
    if let Ok(Ok(())) = started {
        return Some(Running { process, gone });
    }
    let _ = process.kill();
    process.wait().unwrap();
    assert!(started.is_ok(), "PostgreSQL neither starts nor ends within {LONGEST:?}");
    None
}

/// Keeps what the server says until it and all of its children, who say it in the same place, are gone.
fn listen(says: ChildStderr, mut log: File, ready: oneshot::Sender<()>, _running: mpsc::Sender<()>) {
    let mut ready = Some(ready);
    for line in BufReader::new(says).lines() {
        let line = line.unwrap();
        writeln!(log, "{line}").unwrap();
        if line.contains("database system is ready to accept connections")
            && let Some(ready) = ready.take()
        {
            let _ = ready.send(());
        }
    }
}

fn log(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("server.log")).unwrap_or_default()
}
