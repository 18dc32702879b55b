//! The full mode as processes: a database, a Redis, and what several servers on them know of each other.

use std::process::{Command, Output};
use std::time::{Duration, Instant};

use auth_service::admin::{AskStatus, ModeShown, call};
use auth_service::health::Phase;
use secrets::ExposeSecret as _;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::postgres_server::PostgresServer;
use crate::process::{POSTMARK, Running, binary, get, post, write_config, write_secrets};
use crate::redis_server::RedisServer;

pub(crate) const PASSWORD: &str = "correct horse battery";
/// A test that takes so long has failed.
pub(crate) const LONG: Duration = Duration::from_secs(30);

/// A database, a Redis, and the settings of any number of servers on them.
pub(crate) struct Stack {
    pub(crate) postgres: PostgresServer,
    pub(crate) redis: RedisServer,
    pub(crate) folder: TempDir,
}

#[expect(clippy::disallowed_methods, reason = "a measurement of what a person waits for")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

impl Stack {
    /// With an empty database. None where the servers are not installed.
    pub(crate) async fn start() -> Option<Self> {
        let (postgres, redis) = (PostgresServer::start().await?, RedisServer::start()?);
        let folder = tempfile::tempdir().unwrap();
        write_secrets(folder.path());
        let config = write_config(folder.path(), POSTMARK);
        let text = std::fs::read_to_string(&config).unwrap();
        let small = format!("path = \"{}\"", folder.path().join("keyward.sqlite").display());
        let full = format!(
            "url = \"postgres://keyward@127.0.0.1:{}/postgres\"\n[redis]\nhost = \"127.0.0.1\"\nport = {}\n\
             [accounts]\nrequire_proof = false",
            postgres.port(),
            redis.port()
        );
        assert!(text.contains(&small), "{text}");
        std::fs::write(&config, text.replace(&small, &full)).unwrap();
        Some(Self { postgres, redis, folder })
    }

    /// With the tables of this release.
    pub(crate) async fn migrated() -> Option<Self> {
        let stack = Self::start().await?;
        assert!(stack.migrate("apply", &[]).status.success());
        Some(stack)
    }

    pub(crate) fn command(&self, verb: &[&str], settings: &[&str]) -> Command {
        let mut command = binary();
        command.args(verb).arg("--config").arg(self.folder.path().join("keyward.toml"));
        command.args(settings.iter().flat_map(|setting| ["--set", setting]));
        command
    }

    pub(crate) fn migrate(&self, verb: &str, arguments: &[&str]) -> Output {
        self.command(&["migrate", verb], &[]).args(arguments).output().unwrap()
    }

    /// A server about to be started, the `number`th on this database.
    pub(crate) fn server(&self, number: usize, settings: &[&str]) -> Command {
        let socket = format!("admin.socket={}/{number}.sock", self.folder.path().display());
        self.command(&["serve"], &[&[&*socket], settings].concat())
    }

    /// Tells the database to do something that no server would.
    pub(crate) fn tamper(&self, sql: &str) {
        self.asked(sql);
    }

    /// What the database says, past every server.
    pub(crate) fn asked(&self, sql: &str) -> String {
        let url = format!("postgres://keyward@127.0.0.1:{}/postgres", self.postgres.port());
        let done = Command::new("psql")
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql, &url])
            .output();
        let done = done.unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap().trim().to_owned()
    }
}

/// What a command printed as JSON.
pub(crate) fn printed(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub(crate) fn account(email: &str) -> Value {
    json!({ "email": email, "password": PASSWORD, "requires2FA": false })
}

pub(crate) fn sign_up(server: &Running, email: &str) -> u16 {
    post(&server.address, "/signup", &account(email), "").0
}

/// Signs in; gives the token, and the cookies.
pub(crate) fn sign_in(server: &Running, email: &str) -> (String, String) {
    let (status, answer) =
        post(&server.address, "/login", &json!({ "email": email, "password": PASSWORD }), "");
    assert_eq!(status, 200, "{answer}");
    let cookies: Vec<_> = answer
        .lines()
        .filter_map(|line| line.strip_prefix("set-cookie: ")?.split(';').next())
        .map(ToOwned::to_owned)
        .collect();
    let token = cookies.iter().find_map(|cookie| cookie.strip_prefix("jwt=")).unwrap().to_owned();
    (token, cookies.join("; "))
}

pub(crate) fn verify(server: &Running, token: &str) -> u16 {
    post(&server.address, "/verify-token", &json!({ "token": token }), "").0
}

/// What it is asked on its internal address, as JSON.
pub(crate) fn internal(server: &Running, path: &str) -> (u16, Value) {
    let (status, answer) = get(&server.internal, path);
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    (status, serde_json::from_str(body).unwrap())
}

/// What its metrics say of one of those it depends on.
pub(crate) fn up(server: &Running, name: &str) -> u32 {
    let (_, metrics) = get(&server.internal, "/metrics");
    let start = format!("keyward_dependency_up{{dependency=\"{name}\"}} ");
    let value = metrics.lines().find_map(|line| line.strip_prefix(&start));
    match value {
        Some("0" | "0.0") => 0,
        Some("1" | "1.0") => 1,
        other => panic!("{start}{other:?} in {metrics}"),
    }
}

pub(crate) fn degraded(server: &Running) -> Vec<String> {
    let (status, readiness) = internal(server, "/readyz");
    assert_eq!(status, 200, "{readiness}");
    let names = readiness["degraded"].as_array().unwrap().iter();
    names.map(|loss| loss["name"].as_str().unwrap().to_owned()).collect()
}

/// Asks again and again, for no longer than `limit`.
pub(crate) fn within(limit: Duration, what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = now();
    while !is_so() {
        assert!(begun.elapsed() < limit, "{what}: not within {limit:?}");
        std::thread::yield_now();
    }
}

#[tokio::test]
async fn of_three_servers_one_that_ends_a_session_is_heard_by_the_others_within_a_second() {
    let Some(mut stack) = Stack::migrated().await else { return };
    let mut starting: Vec<_> = (1..=3).map(|number| Running::begin(&mut stack.server(number, &[]))).collect();
    // Together on an empty database: the keys are made once.
    starting.iter_mut().for_each(Running::serves);
    let servers = starting;
    let keys: Vec<_> =
        servers.iter().map(|server| get(&server.address, "/.well-known/jwks.json").1).collect();
    let set = |answer: &str| answer.split_once("\r\n\r\n").unwrap().1.to_owned();
    assert!(
        set(&keys[0]).contains("\"kid\"") && keys.iter().all(|one| set(one) == set(&keys[0])),
        "{keys:?}"
    );
    assert_eq!(sign_up(&servers[0], "ana@example.com"), 201);
    for is_redis_there in [true, false] {
        if !is_redis_there {
            stack.redis.kill();
            for server in &servers {
                within(LONG, "the loss is told", || degraded(server) == ["redis"]);
            }
        }
        let (token, cookies) = sign_in(&servers[0], "ana@example.com");
        for server in &servers {
            assert_eq!(verify(server, &token), 200);
        }
        assert_eq!(post(&servers[1].address, "/logout", &json!({}), &cookies).0, 200);
        let ended = now();
        for server in &servers {
            within(Duration::from_secs(1), "the end is heard", || verify(server, &token) == 401);
        }
        assert!(ended.elapsed() < Duration::from_secs(1), "{:?}", ended.elapsed());
    }
}

#[tokio::test]
async fn the_operator_sees_what_servers_share_and_what_one_misses() {
    let Some(mut stack) = Stack::migrated().await else { return };
    let server = Running::of(&mut stack.server(1, &[]));
    assert_eq!(sign_up(&server, "ana@example.com"), 201);
    let socket = stack.folder.path().join("1.sock");
    let status = call(&socket, &AskStatus {}).await.unwrap();
    assert_eq!((status.mode, status.phase), (ModeShown::Full, Phase::Ready));
    let names: Vec<_> = status.dependencies.iter().map(|one| (&*one.name, one.lost_since)).collect();
    assert_eq!(names, [("database", None), ("redis", None)]);
    let contents = status.contents.unwrap();
    assert_eq!((contents.users, contents.schema.unwrap().state.as_str()), (1, "ready"));
    let metrics = get(&server.internal, "/metrics").1;
    let statements = metrics
        .lines()
        .find_map(|line| line.strip_prefix("keyward_database_statements_total{database=\"postgresql\"} "));
    assert!(statements.unwrap().parse::<u64>().unwrap() > 0, "{metrics}");

    stack.postgres.kill();
    within(LONG, "that the database is away", || degraded(&server) == ["database"]);
    let status = call(&socket, &AskStatus {}).await.unwrap();
    let lost = &status.dependencies[0];
    assert!(lost.lost_since.is_some() && lost.error.is_some(), "{lost:?}");
    assert!(status.contents.is_none() && status.contents_error.is_some(), "{:?}", status.contents_error);
}

/// The remedy that a start names was once to be had on SQLite alone.
#[tokio::test]
async fn a_lost_audit_key_is_lived_with() {
    let Some(stack) = Stack::migrated().await else { return };
    let mut server = Running::begin(&mut stack.server(1, &[]));
    server.serves();
    assert_eq!(sign_up(&server, "ana@example.com"), 201);
    server.end();
    let begin_anew =
        |more: &[&str]| stack.command(&["audit", "begin-anew"], &[]).args(more).output().unwrap();
    let said = ["--servers-are-stopped", "--json"];
    assert!(stderr(&begin_anew(&said)).contains("nothing to begin anew"), "{}", stderr(&begin_anew(&said)));
    let another = secrets::sealing::generate_key_text();
    std::fs::write(stack.folder.path().join("audit"), another.expose_secret()).unwrap();
    let refused = stack.server(2, &[]).output().unwrap();
    assert!(stderr(&refused).contains("`auth-service audit begin-anew`"), "{}", stderr(&refused));
    assert!(stderr(&begin_anew(&[])).contains("--servers-are-stopped"), "{}", stderr(&begin_anew(&[])));
    let anew = begin_anew(&said);
    assert!(anew.status.success(), "{}", stderr(&anew));
    assert!(printed(&anew)["begins_after"].as_u64() > Some(0), "{anew:?}");
    let mut server = Running::begin(&mut stack.server(3, &[]));
    server.serves();
    assert_eq!(sign_up(&server, "ben@example.com"), 201);
    server.end();
}
