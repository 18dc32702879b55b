//! New versions come, go, and are taken back, on the real stack, under somebody who signs in all the while and never asks twice.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::docker::{Docker, success};
use super::installation::{APP, AUTH, Installation};
use super::rises::UP;
use crate::service::binary;
use crate::wait::until;

/// How many versions come one after the other, and how much is asked meanwhile: `scripts/rehearse deploys` has more of both.
const ROUNDS: &str = "KEYWARD_DEPLOY_ROUNDS";
const RATE: &str = "KEYWARD_DEPLOY_RATE";
const BAKE: &str = "KEYWARD_DEPLOY_BAKE";
/// Where the rehearsal writes what it measured; without it there is none.
const REPORT: &str = "KEYWARD_DEPLOY_REPORT";
/// Tag of the images that the stack begins with: those of the release before, if it was built.
const FIRST: &str = "KEYWARD_DEPLOY_FIRST";

fn told(name: &str, usual: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| usual.to_owned())
}

/// On release builds, with figures that are to be published.
fn is_rehearsed() -> bool {
    std::env::var_os(REPORT).is_some()
}

/// One stack for all of it: to start another for each would take minutes.
#[tokio::test(flavor = "multi_thread")]
async fn versions_come_and_go_and_bad_ones_are_taken_back_without_a_request_lost() {
    let Some(docker) = Docker::find().await else { return };
    let stack = Installation::make(docker);
    stack.begins_with(&told(FIRST, "test"));
    stack.does(&UP);
    stack.believes_its_own_authority();
    let mut tally = Tally::default();

    nothing_is_done_by_a_dry_run_and_nothing_by_what_cannot_be_rolled(&stack);
    let rounds: u32 = told(ROUNDS, "1").parse().unwrap();
    for round in 1..=rounds {
        a_version_comes(&stack, round, &mut tally);
    }
    one_that_never_gets_ready_is_taken_back(&stack, &mut tally);
    one_that_the_proxy_does_not_reach_is_taken_back(&stack, &mut tally);
    one_that_ends_after_it_has_served_is_taken_back(&stack, &mut tally);
    whoever_breaks_it_off_is_heard(&stack, &mut tally);
    the_next_command_settles_what_was_killed_and_goes_back(&stack, &mut tally).await;
    what_is_written_down_is_what_runs(&stack);
    let mut told = tally.tell();
    if is_rehearsed() {
        assert!(rounds < 10 || tally.of_versions >= 100_000, "{} requests", tally.of_versions);
        killed_at_every_step(&stack, &mut told);
        what_cannot_be_had_is_measured(&stack, &mut told);
    }
    println!("{told}");
    if let Some(report) = std::env::var_os(REPORT) {
        std::fs::write(report, told).unwrap();
    }
}

/// Everything that was asked, over all deploys.
#[derive(Default)]
struct Tally {
    requests: u64,
    /// Of those that came to stay.
    of_versions: u64,
    lines: Vec<String>,
}

impl Tally {
    /// Nothing may be lost, whatever became of it.
    fn add(&mut self, what: &str, report: &Value) {
        let proof = &report["proof"];
        for none in ["failed", "sessions_lost", "acknowledged_lost", "executed_twice"] {
            assert_eq!(proof[none], 0, "{what}: {none}: {report:#}");
        }
        assert_eq!(proof["unchecked"], Value::Array(Vec::new()), "{what}: {proof:#}");
        let requests = proof["requests"].as_u64().unwrap();
        assert!(requests > 50, "{what}: somebody asked: {proof:#}");
        self.requests += requests;
        if what.starts_with("version ") {
            self.of_versions += requests;
        }
        let stage = |name: &str, figure: &str| {
            let stages = proof["stages"].as_array().unwrap();
            let stage = stages.iter().find(|stage| stage["stage"] == name).unwrap();
            stage[figure].as_f64().unwrap()
        };
        let (before, during) = (stage("before", "p99_ms"), stage("during", "p99_ms"));
        if is_rehearsed() {
            assert_eq!(proof["unsent"], 0, "{what}: it kept up with its rate: {proof:#}");
            let bar = (before * 3.0).max(before + 150.0);
            assert!(
                !what.starts_with("version ") || during <= bar,
                "{what}: {before} ms before, {during} ms during"
            );
        }
        self.lines.push(format!(
            "| {what} | {requests} | 0 | {} | {before:.0} | {during:.0} | {:.0} |",
            proof["sessions_begun"],
            report["seconds"].as_f64().unwrap()
        ));
    }

    fn tell(&self) -> String {
        let head = "| what | requests | failed | sessions | p99 before, ms | p99 during, ms | seconds |\n|---|---|---|---|---|---|---|";
        format!(
            "{head}\n{}\n\n{} requests in all, none of which failed.\n",
            self.lines.join("\n"),
            self.requests
        )
    }
}

/// An image that differs from the one that is tested by what `lines` of a Dockerfile make of it.
pub(super) fn image(stack: &Installation, service: &str, tag: &str, lines: &str) -> String {
    let name = format!("keyward-testing/{service}:{tag}");
    let folder = tempfile::tempdir().unwrap();
    let text = format!("FROM keyward-testing/{service}:test\nLABEL {}=\"{tag}\"\n{lines}\n", stack.project);
    std::fs::write(folder.path().join("Dockerfile"), text).unwrap();
    stack.docker.ask(&[
        "build",
        "--quiet",
        "--network",
        "none",
        "--tag",
        &name,
        folder.path().to_str().unwrap(),
    ]);
    name
}

pub(super) fn keyward(stack: &Installation, arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.args(arguments).current_dir(&stack.folder);
    command.env_remove("KEYWARD_SOCKET").env_remove("KEYWARD_CONFIG");
    stack.told_of(&mut command);
    command
}

/// A deploy that goes on, event by event.
struct Going {
    child: Child,
    events: std::io::Lines<BufReader<std::process::ChildStdout>>,
    seen: Vec<Value>,
}

impl Going {
    fn begin(stack: &Installation, arguments: &[&str]) -> Self {
        let (rate, bake) = (told(RATE, "40"), told(BAKE, "3s"));
        let mut command = keyward(stack, &[arguments, &["--json", "--probe-rate", &rate]].concat());
        if arguments[0] == "deploy" && !arguments.contains(&"--bake") {
            command.args(["--bake", &bake]);
        }
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let events = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, events, seen: Vec::new() }
    }

    /// The next event, until its end.
    fn next(&mut self) -> Option<Value> {
        let event: Value = serde_json::from_str(&self.events.next()?.unwrap()).unwrap();
        self.seen.push(event.clone());
        Some(event)
    }

    /// Until it begins this step.
    fn reaches(&mut self, step: &str) {
        while let Some(event) = self.next() {
            if event["event"] == "step" && event["step"] == step {
                return;
            }
        }
        let (status, _, said) = self.end();
        panic!("it ended ({status}) before {step}: {said}");
    }

    fn hears(&self, signal: Signal) {
        let process = Pid::from_raw(self.child.id().try_into().unwrap()).unwrap();
        kill_process(process, signal).unwrap();
    }

    /// How it ended, its report if it had one, and what else it said.
    fn end(&mut self) -> (ExitStatus, Value, String) {
        while self.next().is_some() {}
        let mut said = String::new();
        std::io::Read::read_to_string(&mut self.child.stderr.take().unwrap(), &mut said).unwrap();
        let status = self.child.wait().unwrap();
        let report = self.seen.iter().rfind(|event| event["event"] == "report").cloned();
        (status, report.unwrap_or_default(), said)
    }

    /// The report of one that has to end so.
    fn ends(&mut self, code: i32, outcome: &str) -> Value {
        let (status, report, said) = self.end();
        assert_eq!(status.code(), Some(code), "{said}\n{:#}", Value::Array(self.seen.clone()));
        assert_eq!(report["outcome"], outcome, "{said}\n{report:#}");
        report
    }
}

/// The colours that `.env` says, and the slots that run.
fn state(stack: &Installation) -> (String, Vec<String>) {
    let environment = std::fs::read_to_string(stack.folder.join(".env")).unwrap();
    let profiles =
        environment.lines().find_map(|line| line.strip_prefix("COMPOSE_PROFILES=")).unwrap().to_owned();
    let running = stack.does(&["--profile", "*", "ps", "--format", "{{.Service}}"]);
    let mut slots: Vec<_> =
        running.lines().filter(|name| name.contains("-service-")).map(str::to_owned).collect();
    slots.sort();
    (profiles, slots)
}

pub(super) fn lives(stack: &Installation, auth: &str, app: &str) {
    let slots =
        [format!("app-service-{app}-1"), format!("auth-service-{auth}-1"), format!("auth-service-{auth}-2")];
    let expected = (format!("auth-service-{auth},app-service-{app}"), slots.to_vec());
    assert_eq!(state(stack), expected);
}

fn nothing_is_done_by_a_dry_run_and_nothing_by_what_cannot_be_rolled(stack: &Installation) {
    let before = state(stack);
    let next = image(stack, "auth-service", "dry", "");
    let named = format!("auth-service={next}");
    let told = success(&keyward(stack, &["deploy", "--dry-run", "--image", &named]).output().unwrap());
    assert!(told.contains("start the other colour") && told.ends_with("Nothing was done.\n"), "{told}");
    let rollback = keyward(stack, &["rollback"]).output().unwrap();
    let said = String::from_utf8_lossy(&rollback.stderr).into_owned();
    assert!(!rollback.status.success() && said.contains("there is nothing to go back to"), "{said}");
    let caddyfile = stack.folder.join("caddy/Caddyfile");
    let text = std::fs::read_to_string(&caddyfile).unwrap();
    std::fs::write(&caddyfile, text.replace(" auth-service-green-2:3000", "")).unwrap();
    let refused = keyward(stack, &["deploy", "--image", &named]).output().unwrap();
    std::fs::write(&caddyfile, text).unwrap();
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(
        said.contains("no upstream auth-service-green-2:3000") && said.contains("nothing was changed"),
        "{said}"
    );
    let missing = keyward(stack, &["deploy", "--image", "auth-service=127.0.0.1:9/none:1"]).output().unwrap();
    let said = String::from_utf8_lossy(&missing.stderr).into_owned();
    assert!(!missing.status.success() && said.contains("cannot be fetched"), "{said}");
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("Dockerfile"), "FROM scratch\nCMD [\"/none\"]\n").unwrap();
    let other = "keyward-testing/auth-service:other";
    stack.docker.ask(&[
        "build",
        "--quiet",
        "--platform",
        "linux/s390x",
        "--tag",
        other,
        folder.path().to_str().unwrap(),
    ]);
    let foreign = keyward(stack, &["deploy", "--image", &format!("auth-service={other}")]).output().unwrap();
    let said = String::from_utf8_lossy(&foreign.stderr).into_owned();
    assert!(!foreign.status.success() && said.contains("is for s390x, and this host is"), "{said}");
    assert_eq!(state(stack), before);
}

/// Both services at once, and who comes second meanwhile is told who is first.
fn a_version_comes(stack: &Installation, round: u32, tally: &mut Tally) {
    let tag = format!("round-{round}");
    let auth = format!("auth-service={}", image(stack, "auth-service", &tag, ""));
    let app = format!("app-service={}", image(stack, "app-service", &tag, ""));
    let (from, slots) = state(stack);
    let ran =
        stack.inspect(slots.iter().find(|slot| slot.starts_with("auth-service")).unwrap())["Image"].clone();
    if round == 1 {
        // What the name in .env means by now is another image.
        let first = format!("keyward-testing/auth-service:{}", told(FIRST, "test"));
        stack.docker.ask(&["tag", "keyward-testing/auth-service:dry", &first]);
    }
    let mut going = Going::begin(stack, &["deploy", "--image", &auth, "--image", &app]);
    going.reaches("wait");
    let second = keyward(stack, &["deploy", "--image", &auth]).output().unwrap();
    assert_eq!(second.status.code(), Some(75), "{second:?}");
    assert!(String::from_utf8_lossy(&second.stderr).contains("is under way since"), "{second:?}");
    let report = going.ends(0, "done");
    tally.add(&format!("version {round}"), &report);
    let kept = report["plan"]["turns"][0]["from_image"].as_str().unwrap();
    assert_eq!(
        stack.docker.inspect(kept)["Id"],
        ran,
        "what a rollback goes to is what ran, whatever its tag means by now"
    );
    let to = if from.contains("blue") { "green" } else { "blue" };
    lives(stack, to, to);
    for slot in ["1", "2"].map(|number| format!("auth-service-{to}-{number}")) {
        let labels = &stack.inspect(&slot)["Config"]["Labels"];
        assert_eq!(labels[&stack.project], tag.as_str(), "it is the new version: {labels}");
    }
    let status = success(&keyward(stack, &["status"]).output().unwrap());
    assert!(status.contains(&format!("Colours     auth-service {to}, app-service {to}")), "{status}");
}

fn one_that_never_gets_ready_is_taken_back(stack: &Installation, tally: &mut Tally) {
    let before = state(stack);
    // Its Redis does not speak TLS.
    let bad = image(stack, "auth-service", "never-ready", "ENV KEYWARD__REDIS__TLS=true");
    let bad = format!("auth-service={bad}");
    let mut going = Going::begin(stack, &["deploy", "--ready-within", "12s", "--image", &bad]);
    let report = going.ends(1, "undone");
    let why = report["why"].as_str().unwrap();
    assert!(why.contains("did not get ready within 12 s") || why.contains("is not well"), "{why}");
    tally.add("one that never gets ready", &report);
    assert_eq!(state(stack), before);
    // One that ends as it starts is not waited for.
    let bad = image(stack, "auth-service", "ends", "CMD [\"no-such-verb\"]");
    let bad = format!("auth-service={bad}");
    let report = Going::begin(stack, &["deploy", "--image", &bad]).ends(1, "undone");
    let why = report["why"].as_str().unwrap();
    assert!(why.contains("has ended") || why.contains("was started again"), "{why}");
    tally.add("one that ends as it starts", &report);
    assert_eq!(state(stack), before);
}

fn one_that_the_proxy_does_not_reach_is_taken_back(stack: &Installation, tally: &mut Tally) {
    let before = state(stack);
    // It is ready, and listens where nobody asks.
    let bad = image(stack, "auth-service", "elsewhere", "ENV KEYWARD__SERVER__LISTEN=127.0.0.1:3000");
    let bad = format!("auth-service={bad}");
    let report = Going::begin(stack, &["deploy", "--image", &bad]).ends(1, "undone");
    let why = report["why"].as_str().unwrap();
    assert!(why.contains("the proxy does not send it any"), "{why}");
    tally.add("one that the proxy does not reach", &report);
    assert_eq!(state(stack), before);
}

fn one_that_ends_after_it_has_served_is_taken_back(stack: &Installation, tally: &mut Tally) {
    let before = state(stack);
    let image = format!("auth-service={}", image(stack, "auth-service", "fails-later", ""));
    let other = if before.0.contains("auth-service-blue") { "green" } else { "blue" };
    let mut going = Going::begin(stack, &["deploy", "--image", &image, "--bake", "40s"]);
    going.reaches("bake");
    stack.does(&["--profile", "*", "stop", &format!("auth-service-{other}-2")]);
    let report = going.ends(1, "undone");
    assert!(report["why"].as_str().unwrap().contains("has ended"), "{report:#}");
    tally.add("one that ends after it has served", &report);
    assert_eq!(state(stack), before);
}

/// Ctrl-C, a stop, a connection that is lost.
fn whoever_breaks_it_off_is_heard(stack: &Installation, tally: &mut Tally) {
    let before = state(stack);
    let image = format!("app-service={}", image(stack, "app-service", "broken-off", ""));
    for (signal, name) in [(Signal::INT, "SIGINT"), (Signal::HUP, "SIGHUP")] {
        let mut going = Going::begin(stack, &["deploy", "--image", &image]);
        going.reaches("bake");
        going.hears(signal);
        let report = going.ends(1, "undone");
        assert!(report["why"].as_str().unwrap().contains(name), "{report:#}");
        tally.add(&format!("one that is broken off ({name})"), &report);
        assert_eq!(state(stack), before);
    }
}

async fn the_next_command_settles_what_was_killed_and_goes_back(stack: &Installation, tally: &mut Tally) {
    let (before, slots) = state(stack);
    let slot = slots.into_iter().find(|slot| slot.starts_with("auth-service")).unwrap();
    let ran = &stack.inspect(&slot)["Image"];
    let image = format!("auth-service={}", image(stack, "auth-service", "killed", ""));
    // Before the switch it is undone.
    let mut going = Going::begin(stack, &["deploy", "--image", &image]);
    going.reaches("bake");
    going.hears(Signal::KILL);
    assert!(!going.end().0.success());
    let deploys = success(&keyward(stack, &["deploys"]).output().unwrap());
    assert!(deploys.contains("or was broken off while it was to watch it beside the old one"), "{deploys}");
    let status = keyward(stack, &["status"]).output().unwrap();
    assert!(String::from_utf8_lossy(&status.stdout).contains("was broken off"), "{status:?}");
    assert_eq!(state(stack).0, before);
    // After it, it is finished: and then gone back from.
    let mut going = Going::begin(stack, &["deploy", "--image", &image]);
    going.reaches("drain");
    going.hears(Signal::KILL);
    let settled = going.seen.iter().any(|event| event["event"] == "settling");
    assert!(settled && !going.end().0.success());
    assert_ne!(state(stack).0, before);
    let mut back = Going::begin(stack, &["rollback"]);
    let report = back.ends(0, "done");
    let seconds: f64 =
        report["steps"].as_array().unwrap().iter().map(|step| step["seconds"].as_f64().unwrap()).sum();
    assert!(seconds < 30.0, "a rollback takes less than half a minute: {report:#}");
    tally.add("a rollback", &report);
    assert_eq!(state(stack).0, before);
    let runs = &stack
        .inspect(&state(stack).1.into_iter().find(|slot| slot.starts_with("auth-service")).unwrap())["Image"];
    assert_eq!(runs, ran, "the very image, whatever its tag means by now");
    let outcomes = success(&keyward(stack, &["deploys", "--json"]).output().unwrap());
    let outcomes: Vec<Value> = outcomes.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let last: Vec<_> =
        outcomes.iter().rev().take(3).map(|past| (&past["plan"]["kind"], &past["outcome"])).collect();
    assert_eq!(
        format!("{last:?}").replace("String(", "").replace("\")", "\""),
        "[(\"rollback\", \"done\"), (\"deploy\", \"done\"), (\"deploy\", \"undone\")]"
    );
    // A second time there is no such thing.
    let again = keyward(stack, &["rollback"]).output().unwrap();
    assert!(String::from_utf8_lossy(&again.stderr).contains("the last was a rollback"), "{again:?}");
    // Each stands in the trail.
    let acts = until("the deploys in the trail", async || {
        let said = success(&keyward(stack, &["audit", "list", "--limit", "500", "--json"]).output().unwrap());
        let mut acts: BTreeMap<String, u32> = BTreeMap::new();
        for line in said.lines() {
            let entry: Value = serde_json::from_str(line).unwrap();
            *acts.entry(entry["act"].as_str().unwrap_or_default().to_owned()).or_default() += 1;
        }
        acts.contains_key("roll_back").then_some(acts)
    })
    .await;
    assert!(acts["deploy"] >= 1 && acts["undo_deploy"] >= 5, "{acts:?}");
}

/// A plain `docker compose up` finds nothing to do.
fn what_is_written_down_is_what_runs(stack: &Installation) {
    let (_, slots) = state(stack);
    let ids = |stack: &Installation| slots.iter().map(|slot| stack.container(slot)).collect::<Vec<_>>();
    let before = ids(stack);
    stack.does(&UP);
    assert_eq!(ids(stack), before);
}

/// Somebody asks meanwhile, from outside; what came of it, as `keyward probe --json` has it. They have signed in before it begins, and go on
/// for some seconds after it.
fn probed(stack: &Installation, meanwhile: impl FnOnce()) -> Value {
    let authority = stack.folder.join("authority.crt");
    std::fs::write(&authority, stack.authority()).unwrap();
    let door = stack.address(443).to_string();
    let (auth, app) = (format!("https://{AUTH}/"), format!("https://{APP}/"));
    let mut probe = keyward(stack, &["probe", &auth, "--app", &app, "--connect-to", &door, "--json"]);
    probe.arg("--ca-file").arg(&authority).args(["--rate", &told(RATE, "40"), "--for", "3600"]);
    let mut probe = probe.stdout(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(probe.stdout.take().unwrap()).lines();
    let first: Value = serde_json::from_str(&said.next().unwrap().unwrap()).unwrap();
    assert_eq!(first["event"], "measuring");
    meanwhile();
    assert!(probe.try_wait().unwrap().is_none(), "it was asked to the end");
    kill_process(Pid::from_raw(probe.id().try_into().unwrap()).unwrap(), Signal::INT).unwrap();
    let last = said.last().unwrap().unwrap();
    probe.wait().unwrap();
    serde_json::from_str(&last).unwrap()
}

/// Whichever step it was killed in, the next command brings it to its end, and nobody outside sees any of it.
fn killed_at_every_step(stack: &Installation, told: &mut String) {
    let image = format!("auth-service={}", image(stack, "auth-service", "every-step", ""));
    let steps = ["check", "migrate", "start", "wait", "take_in", "bake", "switch", "drain"];
    let report = probed(stack, || {
        for step in steps {
            let arguments = ["deploy", "--no-probe", "--image", image.as_str()];
            let mut going = Going::begin(stack, &arguments);
            going.reaches(step);
            going.hears(Signal::KILL);
            assert!(!going.end().0.success());
            let mut next = Going::begin(stack, &arguments);
            assert_eq!(next.ends(0, "done")["why"], Value::Null, "{step}");
            assert!(next.seen.iter().any(|event| event["event"] == "settling"), "{step}: {:?}", next.seen);
        }
    });
    for none in ["failed", "sessions_lost", "acknowledged_lost", "executed_twice"] {
        assert_eq!(report[none], 0, "{none}: {report:#}");
    }
    write!(
        told,
        "\nA deploy that was killed (`SIGKILL`) in each of its {} steps, each settled by the next command, which then deployed: {} of {} requests \
         failed.\n",
        steps.len(),
        report["failed"],
        report["requests"]
    )
    .unwrap();
}

/// What no deploy does, and what it costs who does it.
fn what_cannot_be_had_is_measured(stack: &Installation, told: &mut String) {
    let live = state(stack).1.into_iter().find(|slot| slot.starts_with("auth-service")).unwrap();
    let reload = [
        "exec",
        "-T",
        "caddy",
        "caddy",
        "reload",
        "--config",
        "/etc/caddy/Caddyfile",
        "--adapter",
        "caddyfile",
        "--force",
        "--address",
        "unix//run/caddy/admin.sock",
    ];
    let acts: [(&str, &dyn Fn()); 4] = [
        ("nothing, for comparison", &|| (0..8).for_each(|_| drop(stack.does(&["stats", "--no-stream"])))),
        ("the Caddyfile is loaded anew, twenty times", &|| (0..20).for_each(|_| drop(stack.does(&reload)))),
        ("Caddy is replaced (`docker compose up -d --force-recreate caddy`)", &|| {
            stack.does(&["up", "--detach", "--wait", "--no-deps", "--force-recreate", "caddy"]);
        }),
        ("one of two slots is killed (`SIGKILL`), and started again", &|| {
            stack.does(&["--profile", "*", "kill", &live]);
            stack.does(&["--profile", "*", "up", "--detach", "--wait", "--no-deps", &live]);
        }),
    ];
    told.push_str("\n## What cannot be had\n\n| what was done meanwhile | requests | failed | acknowledged and lost | done twice |\n|---|---|---|---|---|\n");
    for (what, act) in acts {
        let report = probed(stack, act);
        let figure = |name: &str| report[name].to_string();
        writeln!(
            told,
            "| {what} | {} | {} | {} | {} |",
            figure("requests"),
            figure("failed"),
            figure("acknowledged_lost"),
            figure("executed_twice")
        )
        .unwrap();
        assert_eq!(report["acknowledged_lost"], 0, "{what}: {report:#}");
        assert_eq!(report["executed_twice"], 0, "{what}: {report:#}");
    }
}
