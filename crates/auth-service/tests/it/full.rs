//! The full mode as processes: PostgreSQL and Redis that come late, go away, and come back, and what several servers know of each
//! other.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
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
use crate::stopping::rest;

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
    async fn start() -> Option<Self> {
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

    fn command(&self, verb: &[&str], settings: &[&str]) -> Command {
        let mut command = binary();
        command.args(verb).arg("--config").arg(self.folder.path().join("keyward.toml"));
        command.args(settings.iter().flat_map(|setting| ["--set", setting]));
        command
    }

    fn migrate(&self, verb: &str, arguments: &[&str]) -> Output {
        self.command(&["migrate", verb], &[]).args(arguments).output().unwrap()
    }

    /// A server about to be started, the `number`th on this database.
    pub(crate) fn server(&self, number: usize, settings: &[&str]) -> Command {
        let socket = format!("admin.socket={}/{number}.sock", self.folder.path().display());
        self.command(&["serve"], &[&[&*socket], settings].concat())
    }

    /// Tells the database to do something that no server would.
    pub(crate) fn tamper(&self, sql: &str) {
        let url = format!("postgres://keyward@127.0.0.1:{}/postgres", self.postgres.port());
        let done = Command::new("psql").args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", sql, &url]).output();
        let done = done.unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }
}

/// What the server is not is told at once; who is still being made beside it is waited for.
#[tokio::test]
async fn what_no_waiting_mends_ends_a_start_at_once_and_what_others_still_make_is_waited_for() {
    let Some(stack) = Stack::start().await else { return };
    stack.tamper("CREATE DATABASE plain ENCODING 'SQL_ASCII' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'");
    let at = |user: &str, name: &str| {
        format!("database.url=postgres://{user}@127.0.0.1:{}/{name}", stack.postgres.port())
    };
    let ended = |url: &str, wait: &str| {
        let output = stack.server(1, &[url, wait]).output().unwrap();
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        (said.contains("waiting for PostgreSQL"), said.lines().last().unwrap().to_owned())
    };
    let (waited, last) = ended(&at("keyward", "plain"), "startup.wait=1h");
    assert!(!waited && last.contains("it is encoded in SQL_ASCII; make a database in UTF8"), "{last}");
    for (user, name, why) in
        [("keyward", "absent", "make it, or correct its name"), ("nobody", "postgres", "refuses the user")]
    {
        let (waited, last) = ended(&at(user, name), "startup.wait=1s");
        assert!(waited && last.contains("was not there within 1 s") && last.contains(why), "{last}");
    }
    // Who migrates is told the same way.
    let url = at("keyward", "absent");
    let migrated = stack.command(&["migrate", "status"], &[&url, "startup.wait=1s"]).output().unwrap();
    assert!(stderr(&migrated).contains("was not there within 1 s"), "{}", stderr(&migrated));
}

/// What a command printed as JSON.
fn printed(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
}

fn stderr(output: &Output) -> String {
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
fn internal(server: &Running, path: &str) -> (u16, Value) {
    let (status, answer) = get(&server.internal, path);
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    (status, serde_json::from_str(body).unwrap())
}

/// What its metrics say of one of those it depends on.
fn up(server: &Running, name: &str) -> u32 {
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
async fn a_server_that_starts_before_its_database_and_redis_is_ready_without_a_restart() {
    let Some(mut stack) = Stack::start().await else { return };
    stack.postgres.kill();
    stack.redis.kill();
    let mut server = Running::begin(&mut stack.server(1, &[]));
    server.wait_for_line("waiting for PostgreSQL at 127.0.0.1:");
    let (status, startup) = internal(&server, "/startupz");
    assert_eq!((status, &startup["status"]), (503, &"starting".into()));
    let error = startup["waiting_for"]["error"].as_str().unwrap();
    assert!(error.contains("nothing listens there"), "{error}");
    assert_eq!(internal(&server, "/readyz").0, 503);
    assert_eq!(internal(&server, "/livez").0, 200);
    stack.postgres.restart().await;
    within(LONG, "only Redis is waited for", || {
        internal(&server, "/startupz").1["waiting_for"]["name"] == "redis"
    });
    stack.redis.restart();
    server.wait_for_line("waiting for the database's tables");
    let (status, startup) = internal(&server, "/startupz");
    assert_eq!((status, &startup["status"]), (503, &"migrating".into()));
    let error = startup["waiting_for"]["error"].as_str().unwrap();
    assert!(error.contains("run `auth-service migrate apply`"), "{error}");
    assert!(stack.migrate("apply", &[]).status.success());
    server.serves();
    assert_eq!(internal(&server, "/readyz"), (200, json!({ "status": "ready", "degraded": [] })));
    assert_eq!(sign_up(&server, "ana@example.com"), 201);
    sign_in(&server, "ana@example.com");
}

#[tokio::test]
async fn what_does_not_come_is_given_up_in_one_sentence_that_names_it() {
    let Some(mut stack) = Stack::migrated().await else { return };
    for name in ["PostgreSQL", "Redis"] {
        if name == "PostgreSQL" {
            stack.postgres.kill();
        } else {
            stack.postgres.restart().await;
            stack.redis.kill();
        }
        let gone = stack.server(1, &["startup.wait=1s"]).output().unwrap();
        let said = stderr(&gone);
        let last = said.lines().last().unwrap();
        assert_eq!(gone.status.code(), Some(1), "{said}");
        assert!(last.starts_with(&format!("auth-service: {name} at 127.0.0.1:")), "{last}");
        assert!(
            last.contains(" was not there within 1 s (") && last.contains("nothing listens there"),
            "{last}"
        );
    }
    stack.postgres.kill();
    let gone = stack.command(&["migrate", "apply"], &["startup.wait=1s"]).output().unwrap();
    assert_eq!(gone.status.code(), Some(1));
    assert!(stderr(&gone).contains("PostgreSQL at 127.0.0.1:"), "{}", stderr(&gone));
}

#[tokio::test]
async fn migrations_are_told_applied_once_by_ten_and_told_again() {
    let Some(stack) = Stack::start().await else { return };
    let before = stack.migrate("status", &["--json"]);
    assert_eq!(before.status.code(), Some(1), "{}", stderr(&before));
    let missing = printed(&before)["missing"].as_array().unwrap().clone();
    assert!(printed(&before)["schema"] == "behind" && !missing.is_empty());
    let plan = stack.migrate("plan", &[]);
    let plan = String::from_utf8(plan.stdout).unwrap();
    assert!(plan.starts_with("-- 0001 accounts\n") && plan.contains("CREATE TABLE"), "{plan}");
    let ten: Vec<_> = (0..10)
        .map(|_| {
            let mut command = stack.command(&["migrate", "apply"], &[]);
            command.arg("--json").stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
            command.spawn().unwrap()
        })
        .collect();
    let mut applied = Vec::new();
    for one in ten {
        let output = one.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        applied.extend(printed(&output)["applied"].as_array().unwrap().clone());
    }
    assert_eq!(applied, missing, "each once, and in order");
    let after = stack.migrate("status", &["--json"]);
    assert_eq!((after.status.code(), &printed(&after)["schema"]), (Some(0), &"ready".into()));
    assert_eq!(printed(&after)["applied"], json!(missing));
    let again = stack.migrate("apply", &[]);
    assert_eq!(
        String::from_utf8(again.stdout).unwrap(),
        "Nothing was to be done: the tables are those of this release.\n"
    );
}

#[tokio::test]
async fn a_database_of_another_release_is_served_beside_or_refused_untouched() {
    let Some(stack) = Stack::migrated().await else { return };
    stack.tamper("UPDATE release SET number = 2, oldest_supported = 1");
    let mut server = Running::begin(&mut stack.server(1, &[]));
    server.wait_for_line("beside which this one runs on");
    server.serves();
    assert_eq!(sign_up(&server, "ana@example.com"), 201);
    let status = stack.migrate("status", &[]);
    assert!(status.status.success());
    stack.tamper("UPDATE release SET number = 3, oldest_supported = 2");
    for refused in [stack.server(2, &[]).output().unwrap(), stack.migrate("apply", &[])] {
        assert_eq!(refused.status.code(), Some(1));
        assert!(stderr(&refused).contains("install a newer release"), "{}", stderr(&refused));
    }
    stack.tamper("DO $$ BEGIN ASSERT (SELECT number FROM release) = 3; END $$");
}

#[test]
fn sqlite_needs_no_migration() {
    let folder = tempfile::tempdir().unwrap();
    write_secrets(folder.path());
    let config = write_config(folder.path(), POSTMARK);
    for verb in ["plan", "apply", "status"] {
        let told = binary().args(["migrate", verb, "--config"]).arg(&config).output().unwrap();
        assert!(told.status.success());
        assert!(String::from_utf8_lossy(&told.stdout).contains("SQLite is migrated by `auth-service serve`"));
    }
}

#[tokio::test]
async fn while_the_database_is_away_checks_go_on_and_who_writes_is_told_at_once() {
    let Some(mut stack) = Stack::migrated().await else { return };
    let server = Running::of(&mut stack.server(1, &["limits.network_sign_ups=100"]));
    assert_eq!(sign_up(&server, "ana@example.com"), 201);
    let (token, _) = sign_in(&server, "ana@example.com");
    assert_eq!(verify(&server, &token), 200);
    stack.postgres.kill();
    within(LONG, "the loss is told", || degraded(&server) == ["database"]);
    assert_eq!(verify(&server, &token), 200, "what is warm is known");
    for number in 0..10 {
        let begun = now();
        let body = account(&format!("person-{number}@example.com"));
        let (status, answer) = post(&server.address, "/signup", &body, "");
        assert_eq!(status, 503, "{answer}");
        assert!(answer.contains("\r\nretry-after: "), "{answer}");
        assert!(begun.elapsed() < Duration::from_millis(100), "{:?}", begun.elapsed());
    }
    assert_eq!((up(&server, "database"), up(&server, "redis")), (0, 1));
    stack.postgres.restart().await;
    within(LONG, "it is found again", || degraded(&server).is_empty());
    assert_eq!((up(&server, "database"), up(&server, "redis")), (1, 1));
    assert_eq!(sign_up(&server, "ben@example.com"), 201);
    assert_eq!(verify(&server, &token), 200);
}

/// Where its database is, and how it is reached, a server has from its configuration alone.
#[tokio::test]
async fn what_the_environment_says_of_postgresql_to_others_is_not_heard() {
    let Some(stack) = Stack::migrated().await else { return };
    let mut command = stack.server(1, &[]);
    let others = [
        ("PGHOST", "db.invalid"),
        ("PGHOSTADDR", "192.0.2.1"),
        ("PGPORT", "1"),
        ("PGUSER", "nobody"),
        ("PGDATABASE", "nothing"),
        // This PostgreSQL speaks no TLS.
        ("PGSSLMODE", "verify-full"),
        ("PGSSLROOTCERT", "/nowhere.pem"),
        ("PGAPPNAME", "other"),
        ("PGPASSWORD", "another"),
        ("PGPASSFILE", "/nowhere/pgpass"),
        ("PGSERVICE", "none"),
        ("PGSERVICEFILE", "/nowhere/pg_service.conf"),
        ("PGSYSCONFDIR", "/nowhere"),
        ("PGREQUIREAUTH", "gss"),
        ("PGCHANNELBINDING", "require"),
        ("PGTARGETSESSIONATTRS", "standby"),
        ("PGCLIENTENCODING", "LATIN1"),
    ];
    let server = Running::of(command.envs(others));
    assert_eq!(sign_up(&server, "ana@example.com"), 201);
}

/// A password that is set nowhere but in the environment or at home lets nobody in, and one of the settings is not changed by it.
#[tokio::test]
async fn the_password_of_postgresql_is_the_configurations_and_nobody_elses() {
    let Some(stack) = Stack::migrated().await else { return };
    stack.tamper(
        "CREATE ROLE guarded LOGIN SUPERUSER PASSWORD 'right';
         DO $$ BEGIN
             EXECUTE format('COPY (SELECT unnest(ARRAY[%L, %L])) TO %L', 'host all guarded 127.0.0.1/32 scram-sha-256',
                            'host all all 127.0.0.1/32 trust', current_setting('hba_file'));
             PERFORM pg_reload_conf();
         END $$",
    );
    let home = stack.folder.path();
    for name in ["pgpass", ".pgpass"] {
        let file = home.join(name);
        std::fs::write(&file, "*:*:*:guarded:right\n").unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    let url = format!("database.url=postgres://guarded@127.0.0.1:{}/postgres", stack.postgres.port());
    let secret = home.join("database-password");
    std::fs::write(&secret, "right").unwrap();
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
    let password = format!("database.password=file:{}", secret.display());
    let from_elsewhere = |command: &mut Command, password: &str| {
        command.env("PGPASSWORD", password).env("PGPASSFILE", home.join("pgpass")).env("HOME", home);
    };
    let mut without = stack.server(1, &[&url, "startup.wait=1s"]);
    from_elsewhere(&mut without, "right");
    let ended = without.output().unwrap();
    let said = stderr(&ended);
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert!(said.lines().last().unwrap().contains("refuses the user"), "{said}");
    let mut with = stack.server(1, &[&url, &password]);
    from_elsewhere(&mut with, "wrong");
    assert_eq!(sign_up(&Running::of(&mut with), "ana@example.com"), 201);
}

#[tokio::test]
async fn while_redis_is_away_people_sign_in() {
    let Some(mut stack) = Stack::migrated().await else { return };
    let server = Running::of(&mut stack.server(1, &[]));
    assert_eq!(sign_up(&server, "ana@example.com"), 201);
    stack.redis.kill();
    within(LONG, "the loss is told", || degraded(&server) == ["redis"]);
    assert_eq!((up(&server, "database"), up(&server, "redis")), (1, 0));
    let (token, cookies) = sign_in(&server, "ana@example.com");
    assert_eq!(verify(&server, &token), 200);
    assert_eq!(post(&server.address, "/logout", &json!({}), &cookies).0, 200);
    assert_eq!(verify(&server, &token), 401);
    stack.redis.restart();
    within(LONG, "it is found again", || degraded(&server).is_empty());
    assert_eq!((up(&server, "database"), up(&server, "redis")), (1, 1));
    sign_in(&server, "ana@example.com");
}

/// Whoever holds both up lets nothing be written down, and no connection end.
#[tokio::test]
async fn a_stop_takes_less_than_eight_seconds_though_database_and_redis_are_held() {
    let Some(stack) = Stack::migrated().await else { return };
    let mut server = Running::of(&mut stack.server(1, &[]));
    assert_eq!(sign_up(&server, "ana@example.com"), 201);
    let body = json!({ "email": "ben@example.com", "password": PASSWORD }).to_string();
    let mut half = server.begin_to_sign_up(body.len());
    stack.postgres.pause();
    stack.redis.pause();
    server.terminate();
    let begun = now();
    half.write_all(body.as_bytes()).unwrap();
    let answer = rest(half);
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("\r\nretry-after: "), "{answer}");
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
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
