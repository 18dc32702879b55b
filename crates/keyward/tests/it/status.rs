//! `keyward status`: what is told of servers that run, and of none.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
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

/// As `docker compose ps --all --format json` has them.
const CONTAINERS: &str = r#"{"Service":"caddy","State":"running","Health":"healthy","ExitCode":0}
{"Service":"app-service-blue-1","State":"exited","Health":"","ExitCode":137}
{"Service":"migrate","State":"exited","Health":"","ExitCode":0}
"#;

/// A slot that ended again and again as it started was not seen: it has no socket, and the other one answered.
#[test]
fn a_slot_that_is_to_live_and_does_not_answer_is_told_and_is_a_failure() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    std::fs::create_dir(&run).unwrap();
    std::fs::write(folder.path().join("compose.yml"), "services: {}\n").unwrap();
    let live = |profiles: &str| {
        std::fs::write(folder.path().join(".env"), format!("COMPOSE_PROFILES={profiles}\n")).unwrap();
    };
    // Docker is asked for the others: this one says what the test has written, and is asked for nothing else.
    let says = |services: &str, containers: &str| {
        std::fs::write(folder.path().join("services"), services).unwrap();
        std::fs::write(folder.path().join("containers"), containers).unwrap();
    };
    let docker = folder.path().join("docker");
    std::fs::write(
        &docker,
        "#!/bin/sh\ncase \"$*\" in\n'compose config --services') cat services ;;\n'compose ps --all --format json') cat containers ;;\n\
         *) echo \"asked $*\" >&2; exit 2 ;;\nesac\n",
    )
    .unwrap();
    std::fs::set_permissions(&docker, Permissions::from_mode(0o755)).unwrap();
    says("", "");
    let programs = format!("{}:{}", path(folder.path()), std::env::var("PATH").unwrap());
    let here = |arguments: &[&str]| {
        let mut command = Command::new(KEYWARD);
        command.arg("status").args(arguments).current_dir(folder.path()).env("PATH", &programs);
        command.env_remove("KEYWARD_SOCKET").env_remove("KEYWARD_CONFIG").output().unwrap()
    };
    live("auth-service-blue,app-service-blue");
    let told = here(&[]);
    assert_eq!((told.status.code(), text(&told.stdout).as_str()), (Some(1), ""));
    let error = text(&told.stderr);
    for part in [
        "docker compose logs auth-service-blue-2",
        "docker compose exec SLOT /usr/bin/auth-service healthcheck",
    ] {
        assert!(error.contains(part), "{error}");
    }

    let data = folder.path().join("data");
    let running = Running::start(&data);
    let link = |slot: &str| {
        std::fs::hard_link(data.join("keyward.sqlite.sock"), run.join(format!("{slot}.sock"))).unwrap();
    };
    link("auth-service-blue-1");
    let told = here(&[]);
    assert_eq!(told.status.code(), Some(1), "{told:?}");
    let shown = text(&told.stdout);
    let lines: Vec<_> = shown.lines().collect();
    assert!(lines[0].starts_with("auth-service-blue-1 ") && lines[0].contains("  ready since "), "{shown}");
    assert_eq!(
        lines[1],
        "auth-service-blue-2     no socket: not started, or it cannot start; docker compose logs auth-service-blue-2"
    );
    assert!(text(&told.stderr).contains("1 of 2 slots that are to live"), "{}", text(&told.stderr));
    let told = here(&["--json"]);
    assert_eq!(told.status.code(), Some(1));
    assert!(json(&told)[1]["error"].as_str().unwrap().starts_with("no socket: "), "{told:?}");

    // One that was killed leaves its socket.
    drop(std::os::unix::net::UnixListener::bind(run.join("auth-service-blue-2.sock")).unwrap());
    assert_eq!(here(&[]).status.code(), Some(1));
    std::fs::remove_file(run.join("auth-service-blue-2.sock")).unwrap();
    link("auth-service-blue-2");
    live("auth-service-blue,auth-service-bleu");
    let told = here(&[]);
    assert_eq!(told.status.code(), Some(0), "{told:?}");
    assert!(text(&told.stderr).contains("names auth-service-bleu, and no slot"), "{}", text(&told.stderr));
    says("caddy\napp-service-blue-1\ndb\nmigrate\n", CONTAINERS);
    let told = here(&[]);
    assert_eq!(told.status.code(), Some(1), "{told:?}");
    let shown = text(&told.stdout);
    let told_of_docker = shown.split("\nContainers  ").nth(1).unwrap();
    assert_eq!(
        told_of_docker,
        "2 of 4 are well: caddy, migrate\n            app-service-blue-1: exited (137); docker compose logs app-service-blue-1\n            \
         db: there is none; docker compose logs db\n"
    );
    let error = text(&told.stderr);
    assert!(error.contains("2 of 4 containers that are to run do not, or are not healthy: app-service-blue-1 (exited (137)), db"), "{error}");
    let told = here(&["--json"]);
    let of_docker: Vec<_> = json(&told).into_iter().filter(|one| one.get("container").is_some()).collect();
    assert_eq!((told.status.code(), of_docker.len()), (Some(1), 4));
    assert_eq!(
        of_docker[0],
        serde_json::json!({ "container": "app-service-blue-1", "state": "exited", "health": null, "well": false })
    );
    says("caddy\nmigrate\n", CONTAINERS);
    assert_eq!(here(&[]).status.code(), Some(0));
    std::fs::write(&docker, "#!/bin/sh\necho 'permission denied while trying to connect' >&2; exit 1\n")
        .unwrap();
    let told = here(&[]);
    let shown = text(&told.stdout);
    assert_eq!(told.status.code(), Some(0), "who may not ask Docker is told of the servers: {told:?}");
    assert!(shown.contains("\nContainers  not asked for: permission denied"), "{shown}");
    let told = here(&["--json"]);
    assert!(text(&told.stderr).contains("were not asked for: permission denied"), "{told:?}");
    // What `docker` starts outlives it, and would hold its pipes.
    let plugin = folder.path().join("plugin");
    let hangs = format!("#!/bin/sh\nsleep 1000 &\necho $! > {}\nwait\n", path(&plugin));
    std::fs::write(&docker, hangs).unwrap();
    let told = here(&[]);
    assert_eq!(told.status.code(), Some(0), "{told:?}");
    assert!(text(&told.stdout).contains("not asked for: `docker compose` says nothing for"), "{told:?}");
    let plugin = std::fs::read_to_string(&plugin).unwrap();
    let stat = format!("/proc/{}/stat", plugin.trim());
    // Whoever is dead and not yet taken note of is a zombie.
    let is_gone = || std::fs::read_to_string(&stat).map_or(true, |stat| stat.contains(") Z "));
    assert!((0..100_000).any(|_| is_gone()), "Compose goes on without `docker`");
    live("auth-service-bleu");
    let told = here(&[]);
    assert_eq!(told.status.code(), Some(1), "{told:?}");
    assert!(text(&told.stderr).contains("names no colour of auth-service"), "{}", text(&told.stderr));
    assert_eq!(running.stop().code(), Some(0));
}
