//! The program as a service manager sees it: how it says that it is ready, and how it goes.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const PROGRAM: &str = env!("CARGO_BIN_EXE_app-service");

/// Ends with the value.
pub(super) struct Program {
    pub(super) port: u16,
    internal: u16,
    child: Child,
    folder: tempfile::TempDir,
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Program {
    fn start() -> Self {
        Self::start_with(&[])
    }

    /// With this in its environment.
    pub(super) fn start_with(settings: &[(&str, &str)]) -> Self {
        let [port, internal] = free_ports();
        Self::spawn(Command::new(PROGRAM), port, internal, settings)
    }

    /// On a socket that others may have been handed too, as a service manager hands it over: as descriptor 3, to a process of this number.
    fn start_on(socket: &TcpListener, settings: &[(&str, &str)]) -> Self {
        let [_, internal] = free_ports();
        let mut shell = Command::new("sh");
        shell.args(["-c", "exec 3<&0 0</dev/null; export LISTEN_PID=$$; exec \"$0\"", PROGRAM]);
        shell.env("LISTEN_FDS", "1").env("LISTEN_FDNAMES", "public");
        shell.stdin(OwnedFd::from(socket.try_clone().unwrap()));
        Self::spawn(shell, socket.local_addr().unwrap().port(), internal, settings)
    }

    fn spawn(mut command: Command, port: u16, internal: u16, settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            format!("file:{}", path.display())
        };
        let child = command
            .env("CLIENT_SECRET", place("secret", "8f1c2a90d7e64b35a1f08e7d6c5b4a39"))
            .env(
                "SESSION_KEY",
                place("key", "3b7e151628aed2a6abf7158809cf4f3c762e7160f38b4da56a784d9045190cfe"),
            )
            .env("APP_LISTEN", format!("127.0.0.1:{port}"))
            .env("INTERNAL_LISTEN", format!("127.0.0.1:{internal}"))
            // Longer than any test runs: only a second signal ends it.
            .env("DRAIN_SECONDS", "600")
            .envs(settings.iter().copied())
            .stderr(std::fs::File::create(folder.path().join("log")).unwrap())
            .spawn()
            .unwrap();
        let program = Self { port, internal, child, folder };
        until("the app to be ready", || program.healthcheck().status.success());
        program
    }

    /// Asked as the health check of its image asks.
    fn healthcheck(&self) -> Output {
        Command::new(PROGRAM)
            .arg("healthcheck")
            .env("INTERNAL_LISTEN", format!("0.0.0.0:{}", self.internal))
            .output()
            .unwrap()
    }

    /// What it has written to standard error.
    pub(super) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    pub(super) fn signal(&self, name: &str) {
        assert!(Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap().success());
    }

    pub(super) fn ended(&mut self) -> bool {
        let Some(status) = self.child.try_wait().unwrap() else { return false };
        assert!(status.success(), "{status}");
        true
    }
}

/// Both held until both are known, so that they differ.
fn free_ports() -> [u16; 2] {
    let held = [(), ()].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    held.map(|listener| listener.local_addr().unwrap().port())
}

#[expect(clippy::disallowed_methods, reason = "how long a real program took")]
pub(super) fn until(what: &str, mut happened: impl FnMut() -> bool) {
    let started = Instant::now();
    while !happened() {
        assert!(started.elapsed() < Duration::from_secs(20), "waited in vain for {what}");
        std::thread::yield_now();
    }
}

/// The whole answer, of a connection that the client would keep.
fn get(port: u16, path: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost:8000\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let mut chunk = [0; 4096];
    while !String::from_utf8_lossy(&answer).contains("\r\n\r\n") {
        let length = stream.read(&mut chunk).unwrap();
        assert_ne!(length, 0, "the app hung up");
        answer.extend_from_slice(&chunk[..length]);
    }
    String::from_utf8(answer).unwrap()
}

#[test]
fn it_goes_on_serving_while_it_says_that_it_wants_no_more() {
    let mut program = Program::start();
    assert!(get(program.internal, "/livez").starts_with("HTTP/1.1 200 "));
    assert!(get(program.internal, "/readyz").starts_with("HTTP/1.1 200 "));
    assert!(!get(program.port, "/healthz").contains("connection: close"));

    program.signal("-TERM");
    until("it to say that it drains", || get(program.internal, "/readyz").starts_with("HTTP/1.1 503 "));
    let refused = program.healthcheck();
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("wants no requests: HTTP/1.1 503"), "{said}");
    assert!(get(program.internal, "/livez").starts_with("HTTP/1.1 200 "));
    let answer = get(program.port, "/healthz");
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("connection: close"), "{answer}");
    assert!(!program.ended());

    program.signal("-TERM");
    until("it to end", || program.ended());
    assert!(
        String::from_utf8(program.healthcheck().stderr).unwrap().contains("nobody answers at 127.0.0.1:")
    );
}

const HALF: &str = "POST /auth/backchannel-logout HTTP/1.1\r\nHost: localhost:8000\r\nContent-Type: application/x-www-form-urlencoded\r\n\
                    Content-Length: 14\r\n\r\n";

/// A request of which a part is still to come when nobody is taken any more.
fn in_flight(program: &Program) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", program.port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(HALF.as_bytes()).unwrap();
    // Answered by the one thread that takes connections after it has taken that one.
    get(program.port, "/healthz");
    program.signal("-INT");
    until("it to take nobody any more", || TcpStream::connect(("127.0.0.1", program.port)).is_err());
    stream
}

/// A stop had no end where one client did not end: it was killed, with whatever else was in flight.
#[test]
fn what_hangs_is_cut_and_a_stop_has_an_end() {
    let mut program = Program::start_with(&[("FINISH_SECONDS", "0")]);
    let mut hangs = in_flight(&program);
    until("it to end", || program.ended());
    let mut answer = Vec::new();
    // Closed or reset: there is nobody any more.
    let _ = hangs.read_to_end(&mut answer);
    assert_eq!(String::from_utf8_lossy(&answer), "");
    assert!(
        program
            .log()
            .contains("requests were still in flight 0 seconds after the order to stop, and are cut")
    );
}

#[test]
fn what_is_in_flight_is_answered_before_it_ends() {
    let mut program = Program::start_with(&[("FINISH_SECONDS", "600")]);
    let mut stream = in_flight(&program);
    stream.write_all(b"logout_token=x").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 "), "{answer}");
    until("it to end", || program.ended());
    assert!(!program.log().contains("are cut"), "{}", program.log());
}

#[test]
fn ctrl_c_waits_for_no_proxy() {
    let mut program = Program::start();
    program.signal("-INT");
    until("it to end", || program.ended());
}

#[test]
fn of_two_on_one_socket_one_ends_while_the_other_answers_who_comes() {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut old = Program::start_on(&socket, &[("DRAIN_SECONDS", "1")]);
    let is_over = Arc::new(AtomicBool::new(false));
    let (port, told) = (old.port, is_over.clone());
    let client = std::thread::spawn(move || {
        let mut answered = 0;
        while !told.load(Ordering::Relaxed) {
            let answer = get(port, "/healthz");
            assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
            answered += 1;
        }
        answered
    });
    let new = Program::start_on(&socket, &[]);
    assert!(new.log().contains("a socket was handed over: the address of --listen is not listened on"));
    old.signal("-TERM");
    until("the old one to end", || old.ended());
    assert!(get(port, "/healthz").starts_with("HTTP/1.1 200 "));
    is_over.store(true, Ordering::Relaxed);
    let answered: u32 = client.join().expect("none of its requests failed");
    assert!(answered > 0);
}

#[test]
fn a_service_manager_is_told_when_it_serves_and_when_it_drains() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("notify");
    let manager = UnixDatagram::bind(&place).unwrap();
    manager.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let told = || {
        let mut words = [0; 128];
        let length = manager.recv(&mut words).unwrap();
        String::from_utf8(words[..length].to_vec()).unwrap()
    };
    let mut program = Program::start_with(&[("NOTIFY_SOCKET", place.to_str().unwrap())]);
    assert_eq!(told(), "READY=1");
    program.signal("-TERM");
    assert_eq!(told(), "STOPPING=1");
    program.signal("-TERM");
    until("it to end", || program.ended());
}
