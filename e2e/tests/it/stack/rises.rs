//! From nothing to healthy, and back to it after every part was killed.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::chown;
use std::process::{Child, Command, Stdio};

use reqwest::StatusCode;
use secrets::ExposeSecret as _;
use serde_json::{Value, json};

use super::docker::{Docker, success};
use super::installation::Installation;
use super::visitor::{app, auth};
use crate::service::binary;
use crate::wait::until;

pub(super) const PASSWORD: &str = "note G computes Bernoulli numbers";

/// What runs when all is well: the live colour of each service. (`migrate` has run, and ended.)
pub(super) const PARTS: [&str; 6] =
    ["app-service-blue-1", "auth-service-blue-1", "auth-service-blue-2", "caddy", "db", "redis"];

/// From nothing to healthy.
pub(super) const UP: [&str; 4] = ["up", "--wait", "--wait-timeout", "180"];

/// One stack for all that it can show: to start another for each would take minutes.
#[tokio::test(flavor = "multi_thread")]
async fn from_nothing_to_healthy_by_one_command_and_back_after_every_kill() {
    let Some(docker) = Docker::find().await else { return };
    let stack = Installation::make(docker);
    let health = Health::watch();
    stack.does(&UP);
    assert_eq!(stack.services(), [&PARTS[..5], &["migrate", "redis"]].concat());

    nothing_starts_before_what_it_needs(&stack, &health.end());
    only_the_proxy_is_reached(&stack);
    every_container_is_held(&stack);
    what_is_started_later_is_held_alike(&stack);
    no_secret_is_in_an_environment(&stack);
    the_database_users_may_do_their_work_and_no_more(&stack);
    super::headers::hold_from_outside(&stack).await;
    redis_is_used_by_who_signs_in(&stack).await;
    super::personal::hold_of_what_is_personal(&stack).await;
    redis_does_for_the_server_what_it_needs_and_no_more(&stack);
    the_operator_asks_a_slot(&stack);
    super::sight::the_status_tells_of_each_container(&stack);
    super::operators::whoever_is_of_the_group_asks_a_slot(&stack);
    super::operators::another_group_is_named_later(&stack);
    super::operators::a_secret_is_replaced(&stack);
    super::sight::every_slot_tells_prometheus_how_it_is(&stack);
    super::access_log::keeps_no_secret(&stack).await;
    // What the proxy answers by itself has no name in its log, so this comes after the look at it.
    super::no_slot::the_proxy_says_so_and_is_well(&stack).await;
    super::addresses::are_the_proxys_word(&stack).await;
    a_colour_keeps_its_configuration(&stack);
    a_stack_at_rest_is_not_disturbed(&stack).await;
    every_part_may_die(&stack).await;
    super::backup::brings_back_what_was_lost(&stack).await;
    the_trail_begins_anew_under_another_key(&stack).await;
    it_stops_by_itself(&stack);
}

/// Notes when containers become healthy, as the daemon tells it.
pub(super) struct Health(Child);

impl Health {
    pub(super) fn watch() -> Self {
        let arguments = ["events", "--filter", "event=health_status", "--format", "{{json .}}"];
        Self(Command::new("docker").args(arguments).stdout(Stdio::piped()).spawn().unwrap())
    }

    /// By the id of the container, in nanoseconds since 1970.
    pub(super) fn end(mut self) -> BTreeMap<String, i128> {
        self.0.kill().unwrap();
        let told = String::from_utf8(self.0.wait_with_output().unwrap().stdout).unwrap();
        let mut first = BTreeMap::new();
        for event in told.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
            if event["Action"] == "health_status: healthy" {
                let id = event["Actor"]["ID"].as_str().unwrap().to_owned();
                first.entry(id).or_insert(event["timeNano"].as_i64().unwrap().into());
            }
        }
        first
    }
}

fn nothing_starts_before_what_it_needs(stack: &Installation, healthy: &BTreeMap<String, i128>) {
    let healthy = |service| *healthy.get(&stack.container(service)).unwrap_or_else(|| panic!("{service}"));
    let moment = |service, what: &str| {
        let at = stack.inspect(service)["State"][what].as_str().unwrap().to_owned();
        at.parse::<jiff::Timestamp>().unwrap().as_nanosecond()
    };
    assert!(
        healthy("db") <= moment("migrate", "StartedAt"),
        "tables are made in a database that takes connections"
    );
    assert_eq!(stack.inspect("migrate")["State"]["ExitCode"], 0);
    for slot in ["auth-service-blue-1", "auth-service-blue-2"] {
        let started = moment(slot, "StartedAt");
        assert!(moment("migrate", "FinishedAt") <= started, "{slot} before its tables");
        assert!(healthy("db") <= started && healthy("redis") <= started, "{slot} before what it connects to");
    }
}

fn only_the_proxy_is_reached(stack: &Installation) {
    let mut neighbours: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for service in PARTS {
        let known = stack.inspect(service);
        let published =
            known["NetworkSettings"]["Ports"].as_object().unwrap().values().any(|port| !port.is_null());
        assert_eq!(published, service == "caddy", "{service}");
        for network in known["NetworkSettings"]["Networks"].as_object().unwrap().keys() {
            let network = network.trim_start_matches(&stack.project).trim_start_matches('_');
            neighbours.entry(network.to_owned()).or_default().push(service.to_owned());
        }
    }
    let expected = json!({
        "data": ["auth-service-blue-1", "auth-service-blue-2", "db", "redis"],
        "edge": ["caddy"],
        "front": ["app-service-blue-1", "auth-service-blue-1", "auth-service-blue-2", "caddy"],
        "outward": ["auth-service-blue-1", "auth-service-blue-2"],
    });
    assert_eq!(serde_json::to_value(neighbours).unwrap(), expected);
    for network in ["front", "data"] {
        let known = stack.docker.inspect(&format!("{}_{network}", stack.project));
        assert_eq!(known["Internal"], true, "{network}");
    }
}

fn every_container_is_held(stack: &Installation) {
    for service in PARTS.into_iter().chain(["migrate"]) {
        let known = stack.inspect(service);
        let host = &known["HostConfig"];
        assert_eq!(host["ReadonlyRootfs"], true, "{service}");
        assert_eq!(host["CapDrop"], json!(["ALL"]), "{service}");
        assert_eq!(host["SecurityOpt"], json!(["no-new-privileges:true"]), "{service}");
        assert!(host["Memory"].as_u64().unwrap() > 0 && host["PidsLimit"].as_u64().unwrap() > 0, "{service}");
        assert_eq!(host["LogConfig"]["Config"], json!({ "max-size": "10m", "max-file": "5" }), "{service}");
        assert_eq!(host["Privileged"], false, "{service}");
        let user = known["Config"]["User"].as_str().unwrap();
        let is_number = |part: &str| part.parse::<u32>().is_ok_and(|id| id > 0);
        assert!(service == "caddy" || user.split(':').all(is_number), "{service} runs as {user:?}");
        let added = if service == "caddy" { json!(["NET_BIND_SERVICE"]) } else { Value::Null };
        assert!(
            host["CapAdd"] == added
                || host["CapAdd"] == json!(["CAP_NET_BIND_SERVICE"]) && service == "caddy"
        );
        for mount in known["Mounts"].as_array().unwrap() {
            let writable = mount["RW"] == true;
            let sockets = service.starts_with("auth-service-") && mount["Destination"] == "/run/keyward";
            assert!(!writable || mount["Type"] == "volume" || sockets, "{service} may write to {mount}");
        }
        // Ours are not killed before they have drained, answered what is in flight, and sealed the trail; and that takes what
        // the servers themselves say at most.
        if service.contains("-service-") {
            let seconds = if service.starts_with("app") { APP_STOPS } else { AUTH_STOPS };
            assert!(known["Config"]["StopTimeout"].as_u64().unwrap() > seconds, "{service}");
        }
    }
}

/// Drain (`server.drain`), what is in flight (`server.finish`), mails on their way, and the end of the trail: of the defaults, which
/// the folder that `keyward init` writes does not change. In seconds.
const AUTH_STOPS: u64 = 2 + 15 + 3 + 2;
/// `DRAIN_SECONDS` and `FINISH_SECONDS`.
const APP_STOPS: u64 = 4 + 15;

/// The other colour has no container yet: what it will be given is what the living one was.
fn what_is_started_later_is_held_alike(stack: &Installation) {
    let said = stack.does(&["--profile", "*", "config", "--format", "json"]);
    let said: Value = serde_json::from_str(&said).unwrap();
    let services = said["services"].as_object().unwrap();
    let pairs: Vec<_> = services
        .iter()
        .filter_map(|(name, green)| Some((name, green, services.get(&name.replace("-green-", "-blue-"))?)))
        .filter(|(name, ..)| name.contains("-green-"))
        .collect();
    assert_eq!(pairs.len(), 3, "{:?}", services.keys());
    for (name, green, blue) in pairs {
        assert_ne!(green["profiles"], blue["profiles"], "{name}");
        // The socket of each slot has its name.
        let told = green.to_string().replace("-green", "-blue");
        let told: Value = serde_json::from_str(&told).unwrap();
        assert_eq!(&told, blue, "{name}");
    }
}

fn no_secret_is_in_an_environment(stack: &Installation) {
    let secrets = stack.secrets();
    assert!(secrets.len() > 10);
    for service in PARTS {
        let known = stack.inspect(service).to_string();
        for (place, secret) in &secrets {
            assert!(!known.contains(secret.trim()), "{service} shows what is in {place}");
        }
    }
}

/// What `psql` says to a statement of a user, by TCP and with its password.
pub(super) fn asks(stack: &Installation, user: &str, statement: &str) -> (bool, String) {
    let file = if user == "keyward_run" { "run-password" } else { "migrate-password" };
    let password = std::fs::read_to_string(stack.folder.join("secrets/db").join(file)).unwrap();
    let url = format!("postgres://{user}:{password}@127.0.0.1:5432/keyward");
    let output = stack.compose(&["exec", "-T", "db", "psql", "-X", "-A", "-t", "-c", statement, &url]);
    let said =
        [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned()).concat();
    (output.status.success(), said)
}

/// Who runs may not make tables, who migrates may not make users, and neither is what the superuser is.
fn the_database_users_may_do_their_work_and_no_more(stack: &Installation) {
    for (user, statement) in [
        ("keyward_migrate", "CREATE TABLE probe (id BIGINT PRIMARY KEY)"),
        ("keyward_run", "INSERT INTO probe VALUES (1), (2)"),
        ("keyward_run", "UPDATE probe SET id = 3 WHERE id = 2"),
        ("keyward_run", "DELETE FROM probe WHERE id = 3"),
        ("keyward_run", "SELECT id FROM probe"),
        ("keyward_run", "SELECT version FROM migrations"),
        ("keyward_migrate", "ALTER TABLE probe ADD COLUMN more TEXT"),
    ] {
        let (allowed, said) = asks(stack, user, statement);
        assert!(allowed, "{user} may not {statement}: {said}");
    }
    for (user, statement) in [
        ("keyward_run", "CREATE TABLE mine (id BIGINT)"),
        ("keyward_run", "DROP TABLE probe"),
        ("keyward_run", "ALTER TABLE probe ADD COLUMN mine TEXT"),
        ("keyward_run", "TRUNCATE probe"),
        ("keyward_run", "DELETE FROM migrations"),
        ("keyward_run", "UPDATE migration_lease SET held_until = 0"),
        ("keyward_run", "UPDATE release SET number = 9"),
        ("keyward_run", "CREATE SCHEMA mine"),
        ("keyward_run", "CREATE TEMPORARY TABLE mine (id BIGINT)"),
        ("keyward_run", "SELECT pg_read_file('/run/secrets/superuser-password')"),
        ("keyward_run", "COPY (SELECT 1) TO PROGRAM 'true'"),
        ("keyward_migrate", "CREATE ROLE mine"),
        ("keyward_migrate", "CREATE DATABASE mine"),
        ("keyward_migrate", "SELECT pg_read_file('/run/secrets/superuser-password')"),
    ] {
        let (allowed, said) = asks(stack, user, statement);
        assert!(!allowed, "{user} may {statement}: {said}");
        assert!(
            said.contains("permission denied") || said.contains("must be owner"),
            "{user} {statement}: {said}"
        );
    }
}

pub(super) async fn somebody_signs_up_and_in(stack: &Installation) {
    ada_signs_up(stack).await;
    ada_signs_in(stack, PASSWORD, StatusCode::OK).await;
}

async fn ada_signs_up(stack: &Installation) {
    let person = json!({ "email": "ada@example.com", "password": PASSWORD, "requires2FA": false });
    let answer = stack.stranger().post(auth("/signup")).json(&person).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::CREATED, "{}", answer.text().await.unwrap());
}

pub(super) async fn ada_signs_in(stack: &Installation, password: &str, status: StatusCode) {
    let person = json!({ "email": "ada@example.com", "password": password });
    let answer = stack.stranger().post(auth("/login")).json(&person).send().await.unwrap();
    assert_eq!(answer.status(), status, "{}", answer.text().await.unwrap());
}

/// What a sign-in is counted by is in the Redis of the stack, not in a slot's memory.
async fn redis_is_used_by_who_signs_in(stack: &Installation) {
    let keys = || {
        let scan = r#"REDISCLI_AUTH="$(cat /run/secrets/password)" redis-cli --user keyward --scan --pattern 'keyward:*'"#;
        let said = stack.does(&["exec", "-T", "redis", "sh", "-c", scan]);
        said.lines().map(str::to_owned).collect::<BTreeSet<_>>()
    };
    ada_signs_up(stack).await;
    let before = keys();
    ada_signs_in(stack, "no password of hers at all", StatusCode::UNAUTHORIZED).await;
    ada_signs_in(stack, PASSWORD, StatusCode::OK).await;
    let after = keys();
    assert!(after.difference(&before).next().is_some(), "{before:?} {after:?}");
    // It is as the official image is: with modules, which ask CONFIG as they are loaded.
    assert!(stack.does(&["logs", "redis"]).contains("Module 'asks-config' loaded"));
}

/// Whoever has the server's password is the server there, and no more; whoever has none is nobody.
fn redis_does_for_the_server_what_it_needs_and_no_more(stack: &Installation) {
    let asks = |user: &str, command: &str| {
        let script = match user {
            "" => format!("redis-cli {command}"),
            user => {
                format!(r#"REDISCLI_AUTH="$(cat /run/secrets/password)" redis-cli --user {user} {command}"#)
            }
        };
        let said = stack.compose(&["exec", "-T", "redis", "sh", "-c", &script]);
        String::from_utf8_lossy(&[said.stdout, said.stderr].concat()).into_owned()
    };
    assert_eq!(asks("keyward", "ping").trim(), "PONG");
    for command in [
        "config get requirepass",
        "flushall",
        "shutdown nosave",
        "keys '*'",
        "acl list",
        "module list",
        "client kill type normal",
        "script flush",
        "replicaof 127.0.0.1 1",
        "set of-somebody-else 1",
    ] {
        let said = asks("keyward", command);
        assert!(said.contains("NOPERM"), "{command}: {said}");
    }
    for (user, answer) in [("", "NOAUTH"), ("default", "WRONGPASS")] {
        let said = asks(user, "get keyward:probe");
        assert!(said.contains(answer), "{user:?}: {said}");
    }
    // Nor is a Redis well that lets nobody in by the password: it answers, and not what the check wants.
    let known = stack.inspect("redis");
    let check = known["Config"]["Healthcheck"]["Test"][1].as_str().unwrap();
    let with_another = check.replace("$(cat /run/secrets/password)", "another");
    assert_ne!(with_another, check);
    for (check, is_well) in [(check, true), (&with_another, false)] {
        let status = stack.compose(&["exec", "-T", "redis", "sh", "-c", check]).status;
        assert_eq!(status.success(), is_well, "{check}");
    }
}

/// Each slot has a socket of its own on the host; all of them are seen at one look, and the tables by the one-shot.
fn the_operator_asks_a_slot(stack: &Installation) {
    let run = stack.folder.join("run");
    let status = success(&Command::new(binary()).args(["status", "--socket"]).arg(run).output().unwrap());
    for shown in ["auth-service-blue-1", "auth-service-blue-2", "Redis       there", "Accounts    1,"] {
        assert!(status.contains(shown), "no {shown} in {status}");
    }
    let status = ["migrate", "status", "--config", "/etc/keyward/keyward.toml", "--json"];
    let status = stack.does(&[&["run", "--rm", "--no-TTY", "migrate"], &status[..]].concat());
    assert!(status.contains("\"schema\":\"ready\""), "{status}");
    for slot in ["auth-service-blue-1", "auth-service-blue-2"] {
        let socket = stack.folder.join(format!("run/{slot}.sock"));
        let list = Command::new(binary()).args(["user", "list", "--socket"]).arg(socket).output().unwrap();
        assert!(success(&list).contains("ada@example.com"), "{slot}");
    }
}

/// The key that the trail was sealed with is lost: what the guide says to do about it.
async fn the_trail_begins_anew_under_another_key(stack: &Installation) {
    let slots = ["auth-service-blue-1", "auth-service-blue-2"];
    let verify = || {
        let asks = Command::new(binary())
            .args(["audit", "verify", "--socket"])
            .arg(stack.folder.join("run"))
            .output()
            .unwrap();
        String::from_utf8_lossy(&[asks.stdout, asks.stderr].concat()).into_owned()
    };
    until("the trail to be sealed", async || verify().starts_with("The trail holds").then_some(())).await;
    let begin = |said: &[&str]| {
        let run = ["run", "--rm", "--no-TTY", slots[0], "audit", "begin-anew"];
        let config = ["--config", "/etc/keyward/keyward.toml"];
        let told = stack.compose(&[&run[..], said, &config[..]].concat());
        (told.status.success(), String::from_utf8_lossy(&[told.stdout, told.stderr].concat()).into_owned())
    };
    stack.does(&[&["stop"], &slots[..]].concat());
    let (done, told) = begin(&["--servers-are-stopped"]);
    assert!(!done && told.contains("there is nothing to begin anew"), "{told}");

    let key = stack.folder.join("secrets/auth-service/audit");
    let another = key.with_extension("new");
    std::fs::copy(&key, &another).unwrap();
    chown(&another, None, Some(10001)).unwrap();
    std::fs::write(&another, secrets::sealing::generate_key_text().expose_secret()).unwrap();
    std::fs::rename(&another, &key).unwrap();
    let (done, told) = begin(&[]);
    assert!(!done && told.contains("stop every server of this database first"), "{told}");
    let (done, told) = begin(&["--servers-are-stopped"]);
    assert!(done && told.contains("A new chain begins after entry"), "{told}");
    stack.does(&UP);
    until("the new trail to hold", async || verify().starts_with("The trail holds").then_some(())).await;
}

/// A configuration of the next release, which this one refuses, is for the colour that is to run it alone: the other starts again.
fn a_colour_keeps_its_configuration(stack: &Installation) {
    let next = stack.folder.join("config-next");
    std::fs::create_dir(&next).unwrap();
    let text = std::fs::read_to_string(stack.folder.join("config/keyward.toml")).unwrap();
    std::fs::write(next.join("keyward.toml"), format!("{text}\n[of_the_next_release]\nsetting = 1\n"))
        .unwrap();
    let environment = stack.folder.join(".env");
    let said = std::fs::read_to_string(&environment).unwrap();
    let green =
        said.replace("AUTH_SERVICE_GREEN_CONFIG=./config\n", "AUTH_SERVICE_GREEN_CONFIG=./config-next\n");
    assert_ne!(green, said);
    std::fs::write(&environment, green).unwrap();
    let check = |slot| {
        let run = ["run", "--rm", "--no-deps", "--no-TTY", slot, "config", "check"];
        let told = stack.compose(&run);
        (told.status.success(), String::from_utf8_lossy(&[told.stdout, told.stderr].concat()).into_owned())
    };
    let (is_good, told) = check("auth-service-green-1");
    assert!(!is_good && told.contains("of_the_next_release"), "{told}");
    let (is_good, told) = check("auth-service-blue-1");
    assert!(is_good, "{told}");
    stack.does(&["restart", "auth-service-blue-1"]);
    stack.does(&["up", "--no-recreate", "--wait", "--wait-timeout", "120"]);
}

/// `migrate` is run again by each `up`, finds nothing to do, and ends.
async fn a_stack_at_rest_is_not_disturbed(stack: &Installation) {
    let standing = || {
        PARTS.map(|service| {
            let known = stack.inspect(service);
            (known["Id"].clone(), known["State"]["StartedAt"].clone())
        })
    };
    let before = standing();
    let migrated = stack.inspect("migrate")["State"]["StartedAt"].clone();
    stack.does(&["up", "--detach"]);
    let state = until("`migrate` to have run again", async || {
        let state = stack.inspect("migrate")["State"].clone();
        (state["Status"] == "exited" && state["StartedAt"] != migrated).then_some(state)
    })
    .await;
    assert_eq!(state["ExitCode"], 0, "{state}");
    assert_eq!(standing(), before);
}

/// Every process is killed as a machine out of memory would, one after the other, and is there again.
async fn every_part_may_die(stack: &Installation) {
    let client = stack.stranger();
    for service in PARTS {
        let before = stack.inspect(service);
        let process = before["State"]["Pid"].as_u64().unwrap();
        assert!(process > 1);
        let killed = Command::new("kill").args(["-KILL", &process.to_string()]).status().unwrap();
        assert!(killed.success(), "{service}");
        until(&format!("{service} to be back and healthy"), async || {
            let now = stack.inspect(service);
            let again = now["State"]["Pid"] != before["State"]["Pid"] && now["State"]["Running"] == true;
            (again && now["State"]["Health"]["Status"] == "healthy").then_some(())
        })
        .await;
        for page in [auth("/sign-in"), app("/")] {
            until(&format!("{page} after {service} was killed"), async || {
                let answer = client.get(&page).send().await.ok()?;
                (answer.status() == StatusCode::OK).then_some(())
            })
            .await;
        }
        assert_eq!(stack.inspect(service)["RestartCount"], before["RestartCount"].as_u64().unwrap() + 1);
    }
    // And what was in the database is still there.
    let (answered, said) = asks(stack, "keyward_run", "SELECT count(*) FROM probe");
    assert!(answered && said.trim() == "1", "{said}");
    let ada = json!({ "email": "ada@example.com", "password": PASSWORD });
    until("somebody to sign in again", async || {
        let answer = client.post(auth("/login")).json(&ada).send().await.ok()?;
        (answer.status() == StatusCode::OK).then_some(())
    })
    .await;
}

/// Nobody has to be killed for a stack to stop.
fn it_stops_by_itself(stack: &Installation) {
    stack.does(&["stop"]);
    for service in PARTS {
        let state = stack.inspect(service)["State"].clone();
        assert_eq!(
            (&state["ExitCode"], &state["OOMKilled"]),
            (&json!(0), &json!(false)),
            "{service}: {state}"
        );
    }
}
