//! Sockets that a service manager listens on and hands to the server: what it serves, what it refuses, and that two processes which
//! share one can follow one another while they are asked.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::json;

use crate::full::{LONG, Stack, sign_in, sign_up, within};
use crate::process::{POSTMARK, Running, command, exchange, get, write_secrets};
use crate::redis_server::free_port;
use crate::stopping::rest;
use crate::units::is_there;

/// The server as a service manager starts it: with sockets as its descriptors 3 and 4, and variables that tell of them. The number of the
/// process is the shell's, which becomes the server.
fn handed(server: &Command, sockets: Vec<OwnedFd>, names: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", "exec 3<&0 4<&1 0</dev/null 1>&2; export LISTEN_PID=$$; exec \"$@\"", "sh"]);
    shell.arg(server.get_program()).args(server.get_args());
    for (name, value) in server.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell.env("LISTEN_FDS", sockets.len().to_string()).env("LISTEN_FDNAMES", names);
    let mut sockets = sockets.into_iter().map(Stdio::from);
    shell.stdin(sockets.next().unwrap_or_else(Stdio::null));
    shell.stdout(sockets.next().unwrap_or_else(Stdio::null));
    shell
}

/// A socket that is listened on, whose queue is there for as long as somebody has it.
struct Shared(TcpListener);

impl Shared {
    fn new() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    fn address(&self) -> String {
        self.0.local_addr().unwrap().to_string()
    }

    fn again(&self) -> OwnedFd {
        self.0.try_clone().unwrap().into()
    }

    /// The server on this socket.
    fn of(&self, server: &Command) -> Command {
        handed(server, vec![self.again()], "public")
    }
}

/// Clients that ask without a pause, each one request after the other, and none again that failed.
struct Load {
    is_over: Arc<AtomicBool>,
    clients: Vec<Client>,
}

struct Client {
    answered: Arc<AtomicUsize>,
    thread: JoinHandle<Result<(), String>>,
}

impl Load {
    /// Each of these requests is asked for by a client that keeps its connection, and by one that makes another each time.
    fn begin(address: &str, requests: &[(String, u16)]) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let mut clients = Vec::new();
        for keeps in [true, false] {
            for (request, wanted) in requests {
                let answered = Arc::new(AtomicUsize::new(0));
                let (address, request, wanted) = (address.to_owned(), request.clone(), *wanted);
                let (is_over, counted) = (is_over.clone(), answered.clone());
                let asking = move || ask_on(&address, keeps, &request, wanted, &is_over, &counted);
                clients.push(Client { answered, thread: std::thread::spawn(asking) });
            }
        }
        Self { is_over, clients }
    }

    fn answered(&self) -> Vec<usize> {
        self.clients.iter().map(|client| client.answered.load(Ordering::Relaxed)).collect()
    }

    /// Waits until each client was answered so often from now on, or has failed.
    fn each_is_answered(&self, times: usize) {
        let before = self.answered();
        within(LONG, "each client is answered", || {
            let goes_on = |(client, before): (&Client, &usize)| {
                client.thread.is_finished() || client.answered.load(Ordering::Relaxed) >= before + times
            };
            self.clients.iter().zip(&before).all(goes_on)
        });
    }

    /// How many were answered, and what became of those that were not.
    fn end(mut self) -> (usize, Vec<String>) {
        self.is_over.store(true, Ordering::Relaxed);
        let answered = self.answered().iter().sum();
        let ended = std::mem::take(&mut self.clients).into_iter().map(|client| client.thread.join().unwrap());
        (answered, ended.filter_map(Result::err).collect())
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}

fn ask_on(
    address: &str,
    keeps: bool,
    request: &str,
    wanted: u16,
    is_over: &AtomicBool,
    answered: &AtomicUsize,
) -> Result<(), String> {
    let failed = |error: std::io::Error| {
        format!("{error} after {} answers: {request}", answered.load(Ordering::Relaxed))
    };
    // Then it is the server that closes first, and its port stays free for the next.
    let once = request.replacen("\r\n", "\r\nconnection: close\r\n", 1);
    let request = if keeps { request } else { &once };
    let mut kept = None;
    while !is_over.load(Ordering::Relaxed) {
        let mut stream = match kept.take() {
            Some(stream) => stream,
            None => TcpStream::connect(address).map_err(failed)?,
        };
        let (status, answer) = exchange(&mut stream, request).map_err(failed)?;
        if status != wanted {
            return Err(format!("{answer} to {request}"));
        }
        answered.fetch_add(1, Ordering::Relaxed);
        if keeps && !answer.contains("connection: close\r\n") {
            kept = Some(stream);
        } else {
            let _ = stream.read(&mut [0]);
        }
    }
    Ok(())
}

/// What is asked for meanwhile: a token is checked, and a page shown.
fn requests(token: &str) -> Vec<(String, u16)> {
    let body = json!({ "token": token }).to_string();
    let verify = format!(
        "POST /verify-token HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let page = "GET /sign-in HTTP/1.1\r\nhost: localhost\r\n\r\n";
    vec![(verify, 200), (page.to_owned(), 200)]
}

#[tokio::test]
async fn of_two_processes_on_one_socket_each_follows_the_other_and_no_request_fails() {
    let Some(stack) = Stack::migrated().await else { return };
    let socket = Shared::new();
    let start = |number: usize| Running::of(&mut socket.of(&stack.server(number, &["server.drain=1s"])));
    let mut old = start(1);
    assert_eq!(old.address, socket.address());
    assert!(old.log.contains("server.listen, which is 127.0.0.1:0, is not listened on"), "{}", old.log);
    assert_eq!(sign_up(&old, "ana@example.com"), 201);
    let (token, _) = sign_in(&old, "ana@example.com");

    let load = Load::begin(&socket.address(), &requests(&token));
    load.each_is_answered(50);
    for number in 2..=4 {
        let new = start(number);
        // Both take connections for a while, as they do until an operator has looked at the new one.
        load.each_is_answered(50);
        let log = std::mem::replace(&mut old, new).end();
        assert!(log.contains("draining") && !log.contains("are cut"), "{log}");
        load.each_is_answered(50);
    }
    let (answered, failed) = load.end();
    assert!(failed.is_empty(), "{} failed, and {answered} were answered: {failed:#?}", failed.len());
    println!("{answered} answered, 0 failed");
    old.end();
}

/// One that never gets ready takes no connection that it would let wait.
#[tokio::test]
async fn a_process_that_is_not_ready_takes_nobody_from_the_socket() {
    let Some(stack) = Stack::migrated().await else { return };
    let socket = Shared::new();
    let mut old = Running::of(&mut socket.of(&stack.server(1, &[])));
    assert_eq!(sign_up(&old, "ana@example.com"), 201);
    let (token, _) = sign_in(&old, "ana@example.com");
    let load = Load::begin(&socket.address(), &requests(&token));
    let mut new = stack.server(2, &[&format!("redis.port={}", free_port())]);
    let mut new = Running::begin(&mut socket.of(new.args(["--set", "startup.wait=1h"])));
    new.wait_for_line("waiting for Redis");
    load.each_is_answered(50);
    new.terminate();
    new.wait_for_line("stopped before it served");
    assert!(new.child.wait().unwrap().success());
    load.each_is_answered(50);
    let (_, failed) = load.end();
    assert!(failed.is_empty(), "{failed:#?}");
    old.end();
}

#[test]
fn in_the_small_mode_whoever_comes_between_two_processes_waits_for_the_next() {
    let folder = tempfile::tempdir().unwrap();
    write_secrets(folder.path());
    let socket = Shared::new();
    let server = command(folder.path(), POSTMARK);
    let mut first = Running::of(&mut socket.of(&server));
    assert_eq!(get(&socket.address(), "/sign-in").0, 200);
    first.end();
    let mut waiting = TcpStream::connect(socket.address()).unwrap();
    waiting.write_all(b"GET /sign-in HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
    let _next = Running::of(&mut socket.of(&server));
    let answer = rest(waiting);
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[test]
fn in_the_small_mode_a_second_process_is_refused_and_told_why_they_cannot_share() {
    let folder = tempfile::tempdir().unwrap();
    write_secrets(folder.path());
    let socket = Shared::new();
    let server = command(folder.path(), POSTMARK);
    let first = Running::of(&mut socket.of(&server));
    let error = refusal(&mut socket.of(&server));
    let who = format!("already served by another process (number {})", first.child.id());
    assert!(error.contains(&who) && error.contains("no limit would hold"), "{error}");
    assert!(error.contains("Processes share a socket in the full mode alone"), "{error}");
    assert_eq!(get(&socket.address(), "/sign-in").0, 200, "the first goes on");
}

fn refusal(server: &mut Command) -> String {
    let output = server.output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{error}");
    error
}

#[test]
fn what_is_handed_over_and_does_not_fit_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    write_secrets(folder.path());
    let server = command(folder.path(), POSTMARK);
    let socket = Shared::new();
    let datagrams = || OwnedFd::from(UdpSocket::bind("127.0.0.1:0").unwrap());
    let words = || OwnedFd::from(UnixDatagram::unbound().unwrap());
    let file = || OwnedFd::from(File::open("/dev/null").unwrap());
    let connection = || OwnedFd::from(TcpStream::connect(socket.address()).unwrap());
    for (sockets, names, said) in [
        (
            vec![datagrams()],
            "public",
            "the public socket that was handed over, as descriptor 3, cannot be used: ",
        ),
        (
            vec![socket.again(), datagrams()],
            "public:internal",
            "the internal socket that was handed over, as descriptor 4",
        ),
        (vec![words()], "public", "cannot be used: fd 3 is not a valid tcp socket"),
        (vec![file()], "public", "cannot be used: fd 3 is not a socket"),
        (
            vec![connection()],
            "public",
            "it is not listened on. A socket unit makes one that can by ListenStream=",
        ),
        (
            vec![socket.again()],
            "metrics",
            "by the name \"metrics\", and what it is for is told by public or internal",
        ),
        (
            vec![socket.again(), socket.again()],
            "public:public",
            "two sockets were handed over as the public one",
        ),
        (vec![socket.again()], "public:internal", "LISTEN_FDNAMES has 2 names for 1 sockets"),
    ] {
        let error = refusal(&mut handed(&server, sockets, names));
        assert!(error.starts_with("auth-service: ") && error.contains(said), "{names}: {error}");
    }
    let mut many = socket.of(&server);
    let error = refusal(many.env("LISTEN_FDS", "3"));
    assert!(error.contains("3 sockets were handed over, and 2 are taken at the most"), "{error}");
    assert!(!folder.path().join("keyward.sqlite").exists(), "nothing was half started");
}

#[test]
fn sockets_of_another_process_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    write_secrets(folder.path());
    let mut server = command(folder.path(), POSTMARK);
    server.env("LISTEN_FDS", "1").env("LISTEN_PID", std::process::id().to_string());
    let mut running = Running::of(&mut server);
    assert_eq!(get(&running.address, "/sign-in").0, 200);
    assert!(!running.end().contains("was handed over"));
}

/// As `systemd` itself does it, of which this is the part that starts one program for whoever comes first.
#[test]
fn what_systemd_hands_over_is_served() {
    if !is_there("systemd-socket-activate") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    write_secrets(folder.path());
    let server = command(folder.path(), POSTMARK);
    // Both held until both are known, so that they differ.
    let held = [(), ()].map(|()| Shared::new());
    let [public, internal] = held.map(|socket| socket.address());
    let mut activate = Command::new("systemd-socket-activate");
    activate.args(["--listen", &public, "--listen", &internal, "--fdname=public:internal"]);
    activate.arg(server.get_program()).args(server.get_args());
    let address = public.clone();
    let first = std::thread::spawn(move || {
        within(LONG, "systemd listens", || TcpStream::connect(&address).is_ok());
        get(&address, "/sign-in")
    });
    let mut running = Running::of(&mut activate);
    assert_eq!((&running.address, &running.internal), (&public, &internal));
    let (status, page) = first.join().unwrap();
    assert_eq!(status, 200, "whoever came while it started was waited for: {page}");
    assert_eq!(get(&internal, "/readyz").0, 200);
    let log = running.end();
    for setting in ["server.listen", "internal.listen"] {
        assert!(log.contains(&format!("{setting}, which is 127.0.0.1:0, is not listened on")), "{log}");
    }
}

#[test]
fn a_service_manager_is_told_when_it_serves_and_when_it_begins_to_stop() {
    let folder = tempfile::tempdir().unwrap();
    write_secrets(folder.path());
    let place = folder.path().join("notify");
    let manager = UnixDatagram::bind(&place).unwrap();
    manager.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    let told = || {
        let mut words = [0; 128];
        let length = manager.recv(&mut words).unwrap();
        String::from_utf8(words[..length].to_vec()).unwrap()
    };
    let mut server = command(folder.path(), POSTMARK);
    server.env("NOTIFY_SOCKET", &place).args(["--set", "server.drain=5m"]);
    let mut running = Running::begin(&mut server);
    assert_eq!(told(), "READY=1");
    assert_eq!(get(&running.internal, "/readyz").0, 200);
    running.serves();
    running.terminate();
    assert_eq!(told(), "STOPPING=1");
    assert_eq!(get(&running.internal, "/readyz").0, 503);
    running.terminate();
    assert_eq!(running.child.wait().unwrap().code(), Some(128 + 15));
}

/// It serves all the same: who started it so may not have meant to hear of it.
#[test]
fn a_service_manager_that_is_not_there_is_told_of_in_the_log() {
    let folder = tempfile::tempdir().unwrap();
    write_secrets(folder.path());
    let mut server = command(folder.path(), POSTMARK);
    server.env("NOTIFY_SOCKET", folder.path().join("nobody"));
    let mut running = Running::of(&mut server);
    assert_eq!(get(&running.address, "/sign-in").0, 200);
    assert!(running.end().contains("the service manager could not be told at NOTIFY_SOCKET"));
}
