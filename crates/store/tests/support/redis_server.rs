//! A real Redis server of a test's own, in a temporary folder, on a free port of 127.0.0.1.

use std::io::{BufRead as _, BufReader, Read};
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, Stdio};

use store::ephemeral::{Ephemeral, RedisSettings};
use tempfile::TempDir;

/// The server. It ends with this, whatever state it is in.
pub(crate) struct RedisServer {
    folder: TempDir,
    program: String,
    port: u16,
    arguments: Vec<String>,
    process: Child,
}

/// Another program that takes the arguments of `redis-server`, where tests run on that.
pub(crate) const PROGRAM: &str = "KEYWARD_TEST_REDIS_SERVER";

/// What an operator is told that a user of its access list needs.
const REFERENCE: &str = include_str!("../../../../docs/reference/redis.md");
/// That user, and its password.
const USER: (&str, &str) = ("keyward", "hunter4");

impl RedisServer {
    /// Starts one. None if there is no `redis-server` to start: then what it is needed for is not tested, which is said, and
    /// fails where all has to be tested (`CI=true`).
    pub(crate) fn start() -> Option<Self> {
        Self::start_with(&[])
    }

    /// The same, with more arguments.
    pub(crate) fn start_with(arguments: &[&str]) -> Option<Self> {
        let program = std::env::var(PROGRAM).unwrap_or_else(|_| "redis-server".to_owned());
        if let Err(error) = Command::new(&program).arg("--version").stdout(Stdio::null()).status() {
            assert!(
                std::env::var("CI").is_err(),
                "{program} is not there ({error}); ./scripts/test installs it"
            );
            println!("NOT RUN, since {program} is not there ({error}); ./scripts/test installs it");
            return None;
        }
        Some(Self::start_program(program, arguments))
    }

    fn start_program(program: String, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let rights = REFERENCE.split("access list needs `").nth(1).and_then(|rest| rest.split('`').next());
        let rights =
            rights.unwrap_or_else(|| panic!("docs/reference/redis.md says what a user needs")).to_owned();
        let user = format!("--user {} on >{} {rights}", USER.0, USER.1);
        let arguments: Vec<String> =
            user.split(' ').chain(arguments.iter().copied()).map(ToOwned::to_owned).collect();
        // Somebody else may take the port in between; then another one is free.
        let mut said = String::new();
        for _ in 0..10 {
            let port = free_port();
            match run(&program, &folder, port, &arguments) {
                Ok(process) => return Self { folder, program, port, arguments, process },
                Err(log) => said = log,
            }
        }
        // It is there: whatever keeps it from starting is no reason to leave a test out.
        panic!("{program} does not start: {said}");
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// How it is reached at `port`, its own or one in front of it, by a user with no more rights than it is said to need.
    pub(crate) fn settings_at(port: u16) -> RedisSettings {
        let (user, password) = USER;
        RedisSettings {
            host: "127.0.0.1".to_owned(),
            port,
            username: Some(user.to_owned()),
            password: Some(password.into()),
            ..RedisSettings::default()
        }
    }

    /// A process that is connected to it.
    pub(crate) async fn connect(&self) -> Ephemeral {
        Ephemeral::connect(&Self::settings_at(self.port)).await.unwrap()
    }

    /// Kills it (SIGKILL), with everything it holds: it writes nothing to disk.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Starts it again, empty, where it was.
    pub(crate) fn restart(&mut self) {
        let running = run(&self.program, &self.folder, self.port, &self.arguments);
        self.process = running.unwrap_or_else(|log| panic!("{} does not start again: {log}", self.program));
    }

    /// Holds it up: its connections stay, and nothing is answered (SIGSTOP).
    pub(crate) fn pause(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on (SIGCONT).
    pub(crate) fn resume(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let told = Command::new("kill").arg(signal).arg(self.process.id().to_string()).status().unwrap();
        assert!(told.success());
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        // It may be dead already, which is what is wanted.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A port that nobody listens on.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// Starts it and waits until it says that it is ready. What it said if it ends instead.
fn run(program: &str, folder: &TempDir, port: u16, arguments: &[String]) -> Result<Child, String> {
    let mut process = Command::new(program)
        .args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", "", "--appendonly", "no"])
        .args(arguments)
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let log = process.stdout.take().unwrap();
    once_it_says("Ready to accept connections", log, process)
}

/// A process whose log has that in a line. The whole log if it ends instead.
pub(crate) fn once_it_says(
    ready: &str,
    log: impl Read + Send + 'static,
    mut process: Child,
) -> Result<Child, String> {
    let mut log = BufReader::new(log);
    let (mut said, mut line) = (String::new(), String::new());
    while log.read_line(&mut line).unwrap() > 0 {
        if line.contains(ready) {
            // It would end if nobody read what it says.
            std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
            return Ok(process);
        }
        said.push_str(&line);
        line.clear();
    }
    process.wait().unwrap();
    Err(said)
}
