//! Secrets that change while the server runs, in PostgreSQL and Redis themselves, under load.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrets::ExposeSecret as _;
use secrets::sealing::generate_key_text;
use serde_json::Value;

use crate::full::{LONG, Stack, sign_in, sign_up, within};
use crate::postgres_server::PostgresServer;
use crate::process::{POSTMARK, Running, get, try_to_send, write_config, write_secrets};
use crate::redis_server::RedisServer;

/// Who makes users may come in without a password, nobody else may.
const GUARDED: &str = "host all keyward 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n";

/// As whoever exchanges a secret should: it is there as a whole, or the one before is.
pub(crate) fn put(file: &Path, secret: &str) {
    let beside = file.with_extension("new");
    std::fs::write(&beside, secret).unwrap();
    std::fs::rename(beside, file).unwrap();
}

pub(crate) fn hang_up(server: &Running) {
    let told = Command::new("kill").args(["-HUP", &server.child.id().to_string()]).status().unwrap();
    assert!(told.success());
}

/// Redis lets its user in by this password, and no other.
pub(crate) fn tell_redis(port: u16, password: &str) {
    let told = Command::new("redis-cli")
        .args(["-p", &port.to_string(), "ACL", "SETUSER", "keyward", "resetpass", &format!(">{password}")])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&told.stdout).trim(), "OK");
}

/// What a metric says of a setting.
pub(crate) fn metric(server: &Running, name: &str, labels: &str) -> f64 {
    metric_at(&server.internal, name, labels)
}

/// The same of a server whose machines ask it there.
pub(crate) fn metric_at(internal: &str, name: &str, labels: &str) -> f64 {
    let (_, metrics) = get(internal, "/metrics");
    let start = if labels.is_empty() { format!("{name} ") } else { format!("{name}{{{labels}}} ") };
    let value = metrics.lines().find_map(|line| line.strip_prefix(&start));
    value.unwrap_or_else(|| panic!("no {start}: {metrics}")).parse().unwrap()
}

/// People who ask for what is in the database, and one who writes into it, more than two hundred times a second in all where the machine
/// lets them: what all of it does is not what is looked at, and a server that is built for tests has to get a word in.
pub(crate) struct Load {
    done: Arc<AtomicUsize>,
    begun: Instant,
    /// Each hangs up on one of those who ask, who then ends.
    going: Vec<Sender<()>>,
    threads: Vec<JoinHandle<Vec<String>>>,
}

/// From one request of each to its next.
const PACE: Duration = Duration::from_millis(20);
/// What each of them asks: whoever writes has a transaction open again and again, while the connections are exchanged.
const ASKED: [(&str, &str, &str); 5] = [
    ("GET", "/api/v1/account/sessions", "{}"),
    ("GET", "/api/v1/account/sessions", "{}"),
    ("GET", "/api/v1/account/sessions", "{}"),
    ("GET", "/api/v1/account/sessions", "{}"),
    ("PATCH", "/api/v1/account", "{\"name\":\"Ana\"}"),
];
/// What is asked in a second at the least where it is rehearsed.
const EACH_SECOND: u128 = 200;
/// Says how often a secret is exchanged in a rehearsal (`scripts/rehearse rotation`).
const ROUNDS: &str = "KEYWARD_ROTATION_ROUNDS";

/// How often a secret is exchanged: as often as the variable says, or so often.
pub(crate) fn rounds(usual: usize) -> usize {
    std::env::var(ROUNDS).map_or(usual, |rounds| rounds.parse().unwrap())
}

impl Load {
    pub(crate) fn on(server: &Running, cookies: &str) -> Self {
        let done = Arc::new(AtomicUsize::new(0));
        let (going, threads): (Vec<_>, Vec<_>) = ASKED
            .into_iter()
            .map(|(method, path, body)| {
                let (going, is_over) = channel();
                let done = done.clone();
                let (address, cookies) = (server.address.clone(), cookies.to_owned());
                let body: Value = serde_json::from_str(body).unwrap();
                let asking = std::thread::spawn(move || {
                    let mut failed = Vec::new();
                    let mut due = now();
                    loop {
                        match try_to_send(&address, method, path, &body, &cookies) {
                            Ok((200, _)) => drop(done.fetch_add(1, Ordering::Relaxed)),
                            Ok((_, answer)) => failed.push(answer),
                            Err(error) => failed.push(error.to_string()),
                        }
                        // Who is late asks at once, and does not make up for it.
                        due = now().max(due + PACE);
                        let rest = due.saturating_duration_since(now());
                        if is_over.recv_timeout(rest) == Err(RecvTimeoutError::Disconnected) {
                            return failed;
                        }
                    }
                });
                (going, asking)
            })
            .unzip();
        let load = Self { done, begun: now(), going, threads };
        load.goes_on();
        load
    }

    /// Waits until so many more are done.
    pub(crate) fn goes_on(&self) {
        let aim = self.done.load(Ordering::Relaxed) + 50;
        within(LONG, "people are done", || self.done.load(Ordering::Relaxed) >= aim);
    }

    /// How many were done, and what went wrong. In a rehearsal that they were as many as it is about.
    pub(crate) fn end(self) -> (usize, Vec<String>) {
        drop(self.going);
        let took = self.begun.elapsed();
        let failed: Vec<String> =
            self.threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        let done = self.done.load(Ordering::Relaxed);
        let each_second = done as u128 * 1000 / took.as_millis().max(1);
        println!("{done} done and {} failed in {took:.1?}, {each_second} a second", failed.len());
        let is_rehearsed = std::env::var_os(ROUNDS).is_some();
        assert!(!is_rehearsed || each_second >= EACH_SECOND, "only {each_second} a second");
        (done, failed)
    }
}

#[expect(clippy::disallowed_methods, reason = "it is the pace of the test's own requests")]
fn now() -> Instant {
    Instant::now()
}

pub(crate) async fn guarded_servers() -> Option<(PostgresServer, RedisServer)> {
    let postgres = PostgresServer::start_with(&[], &[("pg_hba.conf", GUARDED)]).await?;
    Some((postgres, RedisServer::start()?))
}

/// A database and a Redis that ask for passwords, which are in files.
pub(crate) async fn guarded() -> Option<Stack> {
    let (postgres, redis) = guarded_servers().await?;
    let folder = tempfile::tempdir().unwrap();
    write_secrets(folder.path());
    let config = write_config(folder.path(), POSTMARK);
    let text = std::fs::read_to_string(&config).unwrap();
    let at = folder.path().display();
    let small = format!("path = \"{at}/keyward.sqlite\"");
    let port = postgres.port();
    let full = format!(
        "url = \"postgres://app@127.0.0.1:{port}/postgres\"\npassword = \"file:{at}/database\"\n\
         migrate_url = \"postgres://keyward@127.0.0.1:{port}/postgres\"\n\
         [redis]\nhost = \"127.0.0.1\"\nport = {}\nusername = \"keyward\"\npassword = \"file:{at}/redis\"\n\
         [accounts]\nrequire_proof = false",
        redis.port()
    );
    assert!(text.contains(&small), "{text}");
    std::fs::write(&config, text.replace(&small, &full)).unwrap();
    put(&folder.path().join("database"), "k7Qm2xVb9t-first");
    put(&folder.path().join("redis"), "k7Qm2xVb9t-redis-first");
    tell_redis(redis.port(), "k7Qm2xVb9t-redis-first");
    let stack = Stack { postgres, redis, folder };
    assert!(stack.migrate("apply", &[]).status.success());
    stack.tamper("CREATE ROLE app LOGIN PASSWORD 'k7Qm2xVb9t-first' IN ROLE keyward");
    Some(stack)
}

#[tokio::test]
async fn passwords_of_the_database_and_of_redis_change_under_load_and_nobody_notices() {
    let Some(stack) = guarded().await else { return };
    let mut server = Running::of(&mut stack.server(1, &[]));
    assert_eq!(sign_up(&server, "ana@example.com"), 201);
    let (_, cookies) = sign_in(&server, "ana@example.com");
    let load = Load::on(&server, &cookies);
    let [database, redis] = ["database", "redis"].map(|name| stack.folder.path().join(name));
    let waits = |server: &Running, setting: &str| {
        metric(server, "keyward_secret_waiting", &format!("setting=\"{setting}\""))
    };
    let taken = |server: &Running, setting: &str, outcome: &str| {
        let labels = format!("setting=\"{setting}\",outcome=\"{outcome}\"");
        metric(server, "keyward_secret_changes_total", &labels)
    };

    // A wrong one is refused, and the one before goes on.
    put(&database, "k7Qm2xVb9t-wrong");
    hang_up(&server);
    let line = server.wait_for_line("a changed secret is refused");
    assert!(
        line.contains("database.password") && line.contains("it refuses the user or the password"),
        "{line}"
    );
    load.goes_on();
    assert!((waits(&server, "database.password") - 1.0).abs() < 0.1);
    put(&database, "k7Qm2xVb9t-first");
    hang_up(&server);
    server.wait_for_line("what is in force is kept there");
    assert!(waits(&server, "database.password") < 0.1);

    // In the server first, then in the file.
    for number in 0..5 {
        let next = format!("k7Qm2xVb9t-{number}");
        stack.tamper(&format!("ALTER ROLE app PASSWORD '{next}'"));
        load.goes_on();
        put(&database, &next);
        hang_up(&server);
        server.wait_for_line("a changed secret is in force");
        load.goes_on();
    }
    // In the file first; nobody gives a sign.
    put(&database, "k7Qm2xVb9t-alone");
    server.wait_for_line("a changed secret is refused");
    stack.tamper("ALTER ROLE app PASSWORD 'k7Qm2xVb9t-alone'");
    server.wait_for_line("a changed secret is in force");
    load.goes_on();
    assert!((taken(&server, "database.password", "taken") - 6.0).abs() < 0.1);
    assert!((taken(&server, "database.password", "refused") - 2.0).abs() < 0.1);

    put(&redis, "k7Qm2xVb9t-wrong");
    hang_up(&server);
    let line = server.wait_for_line("a changed secret is refused");
    assert!(line.contains("redis.password") && line.contains("it refuses the user `keyward`"), "{line}");
    tell_redis(stack.redis.port(), "k7Qm2xVb9t-redis");
    put(&redis, "k7Qm2xVb9t-redis");
    hang_up(&server);
    server.wait_for_line("a changed secret is in force");
    load.goes_on();

    let (done, failed) = load.end();
    assert!(failed.is_empty(), "{} of {done}: {}", failed.len(), failed[0]);
    sign_in(&server, "ana@example.com");
    let stale = metric(&server, "keyward_secret_stale_seconds", "setting=\"database.password\"");
    assert!(stale < 30.0, "{stale}");
    let log = server.end();
    assert!(!log.contains("a dependency is lost"), "{log}");
    assert!(!log.contains("k7Qm2xVb9t"), "{log}");
}

/// Whether the token endpoint knows the app by this secret. What it asks for is of no use in either case.
fn knows(server: &Running, secret: &str) -> bool {
    let basic = STANDARD.encode(format!("wiki:{secret}"));
    let body = "grant_type=refresh_token&refresh_token=none";
    let mut stream = TcpStream::connect(&server.address).unwrap();
    write!(
        stream,
        "POST /token HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nauthorization: Basic {basic}\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    !answer.contains("invalid_client")
}

#[test]
fn an_app_gets_another_secret_and_what_a_start_alone_can_take_is_told() {
    let folder = tempfile::tempdir().unwrap();
    write_secrets(folder.path());
    let mut server = Running::start(folder.path(), POSTMARK);
    let file = folder.path().join("client");
    let first = std::fs::read_to_string(&file).unwrap();
    let next = generate_key_text().expose_secret().to_owned();
    assert!(knows(&server, &first) && !knows(&server, &next));
    put(&file, &next);
    hang_up(&server);
    let line = server.wait_for_line("a changed secret is in force");
    assert!(line.contains("clients.secret"), "{line}");
    within(LONG, "both are good", || knows(&server, &next));
    assert!(knows(&server, &first), "for as long as they overlap");

    // Too short to be one: the one before goes on.
    put(&file, "short");
    hang_up(&server);
    let line = server.wait_for_line("a changed secret is refused");
    assert!(line.contains("clients.secret"), "{line}");
    assert!(knows(&server, &next));

    // A file that is gone for a moment.
    std::fs::remove_file(&file).unwrap();
    put(&file, &next);
    hang_up(&server);
    server.wait_for_line("what is in force is kept there");
    std::fs::remove_file(&file).unwrap();
    hang_up(&server);
    server.wait_for_line("could not be read anew");
    put(&file, &next);
    hang_up(&server);
    server.wait_for_line("can be read again");

    let audit = std::fs::read_to_string(folder.path().join("audit")).unwrap();
    put(&folder.path().join("audit"), generate_key_text().expose_secret());
    hang_up(&server);
    let line = server.wait_for_line("a changed secret is refused");
    assert!(line.contains("keys.audit") && line.contains("taken at a start alone"), "{line}");
    assert!((metric(&server, "keyward_secret_waiting", "setting=\"keys.audit\"") - 1.0).abs() < 0.1);
    put(&folder.path().join("audit"), &audit);
    hang_up(&server);
    server.wait_for_line("what is in force is kept there");
    server.end();
}
