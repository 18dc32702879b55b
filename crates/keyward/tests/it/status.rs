//! `keyward status`: what is told of servers that run, and of none.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::command::{KEYWARD, run, text};
use crate::running::Running;

fn status(arguments: &[&str]) -> Output {
    run(&[&["status"], arguments].concat())
}

fn json(output: &Output) -> Vec<Value> {
    text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_running_server_is_told_at_one_look() {
    let folder = tempfile::tempdir().unwrap();
    let data = path(folder.path());
    let running = Running::start(folder.path());
    let body = "{\"email\":\"ana@example.com\",\"password\":\"correct horse battery\"}";
    assert!(running.ask("POST", "/api/v1/sign-up", body).starts_with("HTTP/1.1 201 "));
    let told = status(&["--data", data, "--json"]);
    assert_eq!(told.status.code(), Some(0), "{}", text(&told.stderr));
    let told = json(&told);
    assert_eq!(told.len(), 1);
    let told = &told[0];
    for (name, expected) in [
        ("version", env!("CARGO_PKG_VERSION").into()),
        ("process", running.id().into()),
        ("mode", "small".into()),
        ("phase", "ready".into()),
        ("users", 1.into()),
        ("schema", Value::Null),
        ("database_error", Value::Null),
        ("dependencies", Value::Array(Vec::new())),
    ] {
        assert_eq!(told[name], expected, "{name}: {told}");
    }
    assert!(told["hashing"]["threads"].as_u64() >= Some(1), "{told}");
    assert_eq!(told["outbox"]["failed"], 0, "{told}");
    let listed = text(&run(&["keys", "list", "--data", data]).stdout);
    let keys = told["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 3, "{told}");
    for key in keys {
        let kid = key["kid"].as_str().unwrap();
        assert!(listed.lines().any(|line| line.starts_with(kid) && line.contains("signing")), "{listed}");
        assert!(key["signs_until"].as_str() > told["at"].as_str() && key["next"].is_null(), "{key}");
    }

    let shown = text(&status(&["--data", data]).stdout);
    let first = shown.lines().next().unwrap();
    assert!(first.starts_with("keyward.sqlite ") && first.contains("  ready since "), "{shown}");
    for part in
        ["\nMode        small", "\nDatabase    answered in ", "\nAccounts    1, with ", "; 0 failed\n"]
    {
        assert!(shown.contains(part), "no {part:?} in {shown}");
    }
    assert!(shown.lines().filter(|line| line.contains("  signs until ")).count() == 3, "{shown}");
    assert!(!shown.contains("ana@"), "it names nobody: {shown}");
    assert_eq!(running.stop().code(), Some(0));
}

#[test]
fn each_slot_has_a_line_and_one_that_is_gone_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let (blue, green, run) = ("blue", "green", folder.path().join("run"));
    std::fs::create_dir(&run).unwrap();
    let servers = [blue, green].map(|slot| {
        let data = folder.path().join(slot);
        let running = Running::start(&data);
        std::fs::hard_link(data.join("keyward.sqlite.sock"), run.join(format!("{slot}.sock"))).unwrap();
        running
    });
    // A server that was killed leaves its socket.
    drop(std::os::unix::net::UnixListener::bind(run.join("killed.sock")).unwrap());
    std::fs::write(run.join("notes.txt"), "").unwrap();
    let told = status(&["--socket", path(&run), "--json"]);
    assert_eq!(told.status.code(), Some(0), "{}", text(&told.stderr));
    let told = json(&told);
    assert_eq!(told.len(), 3, "{told:?}");
    let processes: Vec<_> = told.iter().filter_map(|one| one["process"].as_u64()).collect();
    assert_eq!(processes, servers.each_ref().map(|server| u64::from(server.id())), "in order of their names");
    assert!(told[2]["error"].as_str().unwrap().starts_with("no server answers at "), "{told:?}");
    let shown = text(&status(&["--socket", path(&run)]).stdout);
    let lines: Vec<_> = shown.lines().collect();
    for (line, name) in lines.iter().zip([blue, green, "killed"]) {
        assert!(line.starts_with(&format!("{name} ")), "{shown}");
    }
    assert!(lines[2].contains("no server answers at"), "{shown}");
    assert_eq!(shown.matches("\nDatabase ").count(), 1, "what they share is told once: {shown}");
    // One alone can be named.
    let one = json(&status(&["--socket", path(&run.join("green.sock")), "--json"]));
    assert_eq!((one.len(), one[0]["process"].as_u64()), (1, Some(processes[1])));
    drop(servers);
}

#[test]
fn without_a_server_it_says_so_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let here = path(folder.path());
    let told = status(&["--socket", here]);
    assert_eq!((told.status.code(), text(&told.stdout).as_str()), (Some(1), ""));
    let error = text(&told.stderr);
    assert!(error.contains(&format!("no server has a socket in {here}. Start one")), "{error}");
    assert!(error.contains("--socket") && error.contains("healthcheck --probe started"), "{error}");
    // Its data is here, and it does not run.
    assert_eq!(Running::start(folder.path()).stop().code(), Some(0));
    let told = status(&["--data", here, "--json"]);
    assert_eq!((told.status.code(), text(&told.stdout).as_str()), (Some(1), ""));
    let gone = folder.path().join("gone.sock");
    let told = status(&["--socket", path(&gone), "--json"]);
    assert_eq!(told.status.code(), Some(1));
    assert_eq!(json(&told)[0]["socket"], path(&gone), "a program is told which");
    assert!(text(&told.stderr).contains("no server answers at"), "{}", text(&told.stderr));
}

/// The folder of a stack, with a `docker` that says what the test has written, and is asked for nothing else.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        std::fs::create_dir(folder.place("run")).unwrap();
        folder.write("compose.yml", "services: {}\n");
        folder.docker(
            "case \"$*\" in\n'compose config --services') cat services ;;\n'compose ps --all --format json') cat containers ;;\n\
             *) echo \"asked $*\" >&2; exit 2 ;;\nesac\n",
        );
        folder.says("", "");
        folder
    }

    /// Both slots of the colour that is to live answer.
    fn served() -> (Self, Running) {
        let folder = Self::new();
        let data = folder.place("data");
        let running = Running::start(&data);
        for slot in ["auth-service-blue-1", "auth-service-blue-2"] {
            folder.link(&data, slot);
        }
        folder.live("auth-service-blue,app-service-blue");
        (folder, running)
    }

    fn place(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.place(name), text).unwrap();
    }

    fn live(&self, profiles: &str) {
        self.write(".env", &format!("COMPOSE_PROFILES={profiles}\n"));
    }

    fn docker(&self, script: &str) {
        self.write("docker", &format!("#!/bin/sh\n{script}"));
        std::fs::set_permissions(self.place("docker"), Permissions::from_mode(0o755)).unwrap();
    }

    fn says(&self, services: &str, containers: &str) {
        self.write("services", services);
        self.write("containers", containers);
    }

    /// A slot has the socket of a server.
    fn link(&self, server: &Path, slot: &str) {
        let socket = self.place("run").join(format!("{slot}.sock"));
        std::fs::hard_link(server.join("keyward.sqlite.sock"), socket).unwrap();
    }

    fn status(&self, arguments: &[&str]) -> Output {
        let programs = format!("{}:{}", path(self.0.path()), std::env::var("PATH").unwrap());
        let mut command = Command::new(KEYWARD);
        command.arg("status").args(arguments).current_dir(self.0.path()).env("PATH", programs);
        command.env_remove("KEYWARD_SOCKET").env_remove("KEYWARD_CONFIG").output().unwrap()
    }
}

/// A slot that ended again and again as it started was not seen: it has no socket, and the other one answered.
#[test]
fn a_slot_that_is_to_live_and_does_not_answer_is_told_and_is_a_failure() {
    let folder = Folder::new();
    folder.live("auth-service-blue,app-service-blue");
    let told = folder.status(&[]);
    assert_eq!((told.status.code(), text(&told.stdout).as_str()), (Some(1), ""));
    let error = text(&told.stderr);
    for part in [
        "docker compose logs auth-service-blue-2",
        "docker compose exec SLOT /usr/bin/auth-service healthcheck",
    ] {
        assert!(error.contains(part), "{error}");
    }

    let data = folder.place("data");
    let running = Running::start(&data);
    folder.link(&data, "auth-service-blue-1");
    let told = folder.status(&[]);
    assert_eq!(told.status.code(), Some(1), "{told:?}");
    let shown = text(&told.stdout);
    let lines: Vec<_> = shown.lines().collect();
    assert!(lines[0].starts_with("auth-service-blue-1 ") && lines[0].contains("  ready since "), "{shown}");
    assert_eq!(
        lines[1],
        "auth-service-blue-2     no socket: not started, or it cannot start; docker compose logs auth-service-blue-2"
    );
    assert!(text(&told.stderr).contains("1 of 2 slots that are to live"), "{}", text(&told.stderr));
    let told = folder.status(&["--json"]);
    assert_eq!(told.status.code(), Some(1));
    assert!(json(&told)[1]["error"].as_str().unwrap().starts_with("no socket: "), "{told:?}");

    // One that was killed leaves its socket.
    let killed = folder.place("run").join("auth-service-blue-2.sock");
    drop(std::os::unix::net::UnixListener::bind(&killed).unwrap());
    assert_eq!(folder.status(&[]).status.code(), Some(1));
    std::fs::remove_file(killed).unwrap();
    folder.link(&data, "auth-service-blue-2");
    folder.live("auth-service-blue,auth-service-bleu");
    let told = folder.status(&[]);
    assert_eq!(told.status.code(), Some(0), "{told:?}");
    assert!(text(&told.stderr).contains("names auth-service-bleu, and no slot"), "{}", text(&told.stderr));
    folder.live("auth-service-bleu");
    let told = folder.status(&[]);
    assert_eq!(told.status.code(), Some(1), "{told:?}");
    assert!(text(&told.stderr).contains("names no colour of auth-service"), "{}", text(&told.stderr));
    assert_eq!(running.stop().code(), Some(0));
}

/// As `docker compose ps --all --format json` has them.
const CONTAINERS: &str = r#"{"Service":"caddy","State":"running","Health":"healthy","ExitCode":0}
{"Service":"app-service-blue-1","State":"exited","Health":"","ExitCode":137}
{"Service":"migrate","State":"exited","Health":"","ExitCode":0}
"#;

/// The proxy, the database, Redis and the app take no orders: whether they run was not told.
#[test]
fn a_container_that_is_to_run_and_is_not_well_is_told_and_is_a_failure() {
    let (folder, running) = Folder::served();
    folder.says("caddy\napp-service-blue-1\ndb\nmigrate\n", CONTAINERS);
    let told = folder.status(&[]);
    assert_eq!(told.status.code(), Some(1), "{told:?}");
    let shown = text(&told.stdout);
    assert_eq!(
        shown.split("\nContainers  ").nth(1).unwrap(),
        "2 of 4 are well: caddy, migrate\n            app-service-blue-1: exited (137); docker compose logs app-service-blue-1\n            \
         db: there is none; docker compose logs db\n"
    );
    let error = text(&told.stderr);
    let named =
        "2 of 4 containers that are to run do not, or are not healthy: app-service-blue-1 (exited (137)), db";
    assert!(error.contains(named), "{error}");
    let told = folder.status(&["--json"]);
    let of_docker: Vec<_> = json(&told).into_iter().filter(|one| one.get("container").is_some()).collect();
    assert_eq!((told.status.code(), of_docker.len()), (Some(1), 4));
    assert_eq!(
        of_docker[0],
        serde_json::json!({ "container": "app-service-blue-1", "state": "exited", "health": null, "well": false })
    );
    folder.says("caddy\nmigrate\n", CONTAINERS);
    assert_eq!(folder.status(&[]).status.code(), Some(0));
    assert_eq!(running.stop().code(), Some(0));
}

#[test]
fn who_may_not_ask_docker_or_gets_no_answer_is_told_so_and_of_the_servers() {
    let (folder, running) = Folder::served();
    folder.docker("echo 'permission denied while trying to connect' >&2; exit 1\n");
    let told = folder.status(&[]);
    let shown = text(&told.stdout);
    assert_eq!(told.status.code(), Some(0), "{told:?}");
    assert!(shown.contains("\nContainers  not asked for: permission denied"), "{shown}");
    let told = folder.status(&["--json"]);
    assert!(text(&told.stderr).contains("were not asked for: permission denied"), "{told:?}");

    // What `docker` starts outlived it, and held its pipes, so that the command never ended.
    let plugin = folder.place("plugin");
    folder.docker(&format!("sleep 1000 &\necho $! > {}\nwait\n", path(&plugin)));
    let told = folder.status(&[]);
    assert_eq!(told.status.code(), Some(0), "{told:?}");
    assert!(text(&told.stdout).contains("not asked for: `docker compose` says nothing for"), "{told:?}");
    let plugin = std::fs::read_to_string(&plugin).unwrap();
    let stat = format!("/proc/{}/stat", plugin.trim());
    // Whoever is dead and not yet taken note of is a zombie.
    let is_gone = || std::fs::read_to_string(&stat).map_or(true, |stat| stat.contains(") Z "));
    assert!((0..100_000).any(|_| is_gone()), "Compose goes on without `docker`");
    assert_eq!(running.stop().code(), Some(0));
}
