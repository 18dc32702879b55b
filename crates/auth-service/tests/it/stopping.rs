//! How the server stops: first it is no longer ready, then it takes nobody, then it ends, and nothing that was acknowledged is
//! lost.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use crate::process::{POSTMARK, Running, command, get, write_secrets};
use crate::redis_server::free_port;

const BODY: &str = r#"{"email":"ana@example.com","password":"correct horse battery"}"#;

pub(crate) fn rest(mut stream: TcpStream) -> String {
    let mut answer = String::new();
    stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn while_it_drains_it_serves_on_is_not_ready_and_ends_connections() {
    let folder = tempfile::tempdir().unwrap();
    write_secrets(folder.path());
    let mut running = Running::with(folder.path(), &["server.drain=5m"]);
    assert_eq!(get(&running.internal, "/readyz").0, 200);
    assert!(!get(&running.address, "/sign-in").1.contains("connection: close"));
    let mut half = running.begin_to_sign_up(BODY.len());
    running.terminate();
    running.wait_for_line("draining");
    let (status, readiness) = get(&running.internal, "/readyz");
    assert!(status == 503 && readiness.ends_with(r#"{"status":"draining","degraded":[]}"#), "{readiness}");
    assert_eq!(get(&running.internal, "/livez").0, 200, "it is not to be killed");
    assert_eq!(get(&running.internal, "/startupz").0, 200);
    let (status, page) = get(&running.address, "/sign-in");
    assert!(status == 200 && page.contains("connection: close\r\n"), "{page}");
    half.write_all(BODY.as_bytes()).unwrap();
    let answer = rest(half);
    assert!(answer.starts_with("HTTP/1.1 201 ") && answer.contains("connection: close\r\n"), "{answer}");
    // Five minutes are not waited for by whoever asks twice.
    running.terminate();
    assert_eq!(running.child.wait().unwrap().code(), Some(128 + 15));
}

#[test]
fn what_is_in_flight_when_nobody_is_taken_any_more_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    write_secrets(folder.path());
    let mut running = Running::with(folder.path(), &["server.drain=0s"]);
    let mut half = running.begin_to_sign_up(BODY.len());
    running.terminate();
    while TcpStream::connect(&running.address).is_ok() {
        std::thread::yield_now();
    }
    half.write_all(BODY.as_bytes()).unwrap();
    assert!(rest(half).starts_with("HTTP/1.1 201 "));
    assert_eq!(running.child.wait().unwrap().code(), Some(0));
    running.wait_for_line("stopped");
    assert!(!running.log.contains("WARN") || !running.log.contains("cut"), "{}", running.log);
}

/// It once waited for requests, and then as long again for background work: 16 seconds, where compose kills after ten.
#[test]
#[expect(clippy::disallowed_methods, reason = "how long it takes to stop is what is measured")]
fn a_stop_takes_less_than_eight_seconds_whatever_is_stuck() {
    let folder = tempfile::tempdir().unwrap();
    write_secrets(folder.path());
    let mails = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = mails.local_addr().unwrap().port();
    let transport = format!("kind = \"smtp\"\nhost = \"127.0.0.1\"\nport = {port}\nsecurity = \"none\"");
    let mut running = Running::start(folder.path(), &transport);
    let whole = running.sign_up(BODY);
    let (_stuck, _) = mails.accept().unwrap();
    let _half = running.begin_to_sign_up(BODY.len());
    running.terminate();
    let begun = Instant::now();
    assert!(rest(whole).starts_with("HTTP/1.1 201 "));
    assert_eq!(running.child.wait().unwrap().code(), Some(0));
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    // Its mail was let go of, and is sent at once by whoever starts next.
    let _next = Running::start(folder.path(), &transport);
    mails.accept().unwrap();
}

/// A request whose body takes its time was cut after four seconds, whatever the container's grace was.
#[test]
fn the_longest_request_is_answered_where_a_stop_is_given_the_time() {
    let folder = tempfile::tempdir().unwrap();
    write_secrets(folder.path());
    let mut running = Running::with(folder.path(), &["server.drain=0s", "server.finish=30s"]);
    let half = running.begin_to_sign_up(BODY.len());
    running.terminate();
    let answer = rest(half);
    assert!(answer.starts_with("HTTP/1.1 408 "), "its body was waited for to the end: {answer:?}");
    assert_eq!(running.child.wait().unwrap().code(), Some(0));
    running.wait_for_line("stopped");
    assert!(!running.log.contains("are cut"), "{}", running.log);
}

/// A start that waits for something is no reason to be killed.
#[test]
fn a_signal_before_it_serves_ends_it_at_once() {
    let folder = tempfile::tempdir().unwrap();
    write_secrets(folder.path());
    let mut waiting = command(folder.path(), POSTMARK);
    // Nothing is where its database and Redis should be.
    for (setting, port) in
        [("database.url=postgres://keyward", free_port()), ("redis.url=redis://keyward", free_port())]
    {
        waiting.arg("--set").arg(format!("{setting}@127.0.0.1:{port}/0"));
    }
    // Whoever took it for one that serves would wait for longer than this test does.
    let mut waiting = Running::begin(waiting.args(["--set", "startup.wait=1h", "--set", "server.drain=5m"]));
    waiting.wait_for_line("waiting for PostgreSQL at 127.0.0.1:");
    waiting.terminate();
    waiting.wait_for_line("stopped before it served");
    assert_eq!(waiting.child.wait().unwrap().code(), Some(0));
}
