//! What watches the stack: the file of Prometheus against compose.yml, and the slots as Prometheus asks them.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

use super::installation::Installation;
use super::rises::PARTS;
use crate::service::binary;

const COMPOSE: &str = include_str!("../../../../compose.yml");
const PROMETHEUS: &str = include_str!("../../../../deploy/prometheus/prometheus.yml");

/// Whom Prometheus asks, as `NAME:PORT`, job by job.
fn targets() -> Vec<(&'static str, BTreeSet<String>)> {
    let jobs = PROMETHEUS.split("- job_name: ").skip(1);
    jobs.map(|job| {
        let (name, rest) = job.split_once('\n').unwrap();
        let listed = rest.lines().filter_map(|line| line.trim().strip_prefix("- "));
        let targets = listed.filter(|listed| !listed.starts_with("targets:"));
        (name, targets.map(str::to_owned).collect())
    })
    .collect()
}

/// A slot that nobody asks is missed by no alert; one that there is not is down for ever.
#[test]
fn prometheus_asks_every_slot_of_the_stack_and_nobody_else() {
    let services = COMPOSE.split_once("\nservices:\n").unwrap().1.split_once("\nnetworks:\n").unwrap().0;
    let names = services.lines().filter_map(|line| line.strip_prefix("  ")?.split_once(':'));
    let names: Vec<_> = names.map(|(name, _)| name).collect();
    let slots = |service: &str, port: u16| -> BTreeSet<String> {
        let slots = names.iter().filter(|name| name.starts_with(service));
        slots.map(|name| format!("{name}:{port}")).collect()
    };
    let expected = [("keyward", slots("auth-service-", 3001)), ("keyward-app", slots("app-service-", 8001))];
    assert_eq!(expected.iter().map(|(_, slots)| slots.len()).collect::<Vec<_>>(), [4, 2], "{names:?}");
    assert_eq!(targets(), expected);
    assert_eq!(PROMETHEUS.matches("    metrics_path: /metrics\n").count(), 2);
}

/// By one command in the folder of the stack, as Docker has them: what takes no orders is told as well, and missed.
pub(super) fn the_status_tells_of_each_container(stack: &Installation) {
    let status = || {
        let mut status = Command::new(binary());
        status.args(["status", "--json"]).current_dir(&stack.folder);
        status.env_remove("KEYWARD_SOCKET").env_remove("KEYWARD_CONFIG");
        let output = stack.told_of(&mut status).output().unwrap();
        let told = String::from_utf8(output.stdout).unwrap();
        let told = told.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let containers: BTreeMap<_, _> = told
            .filter_map(|one| Some((one.get("container")?.as_str()?.to_owned(), one["well"] == true)))
            .collect();
        (output.status.code(), containers, String::from_utf8(output.stderr).unwrap())
    };
    let all: BTreeMap<_, _> =
        PARTS.into_iter().chain(["migrate"]).map(|name| (name.to_owned(), true)).collect();
    // Somebody has run one beside them, which failed.
    let beside = format!("{}-beside", stack.project);
    let ran = stack.compose(&["run", "--no-TTY", "--name", &beside, "migrate", "nonsense"]);
    assert_eq!(ran.status.code(), Some(2), "{ran:?}");
    let (code, containers, error) = status();
    assert_eq!((code, &containers), (Some(0), &all), "{error}");
    stack.docker.ask(&["rm", &beside]);
    stack.does(&["stop", "app-service-blue-1"]);
    let (code, mut containers, error) = status();
    assert!(code == Some(1) && error.contains("1 of 7 containers"), "{error}");
    assert!(error.contains("app-service-blue-1 (exited (0))"), "{error}");
    assert_eq!(containers.insert("app-service-blue-1".to_owned(), true), Some(false));
    assert_eq!(containers, all);
    stack.does(&["up", "--wait", "--no-deps", "app-service-blue-1"]);
    let (code, _, error) = status();
    assert_eq!(code, Some(0), "{error}");
}

/// From the network that the guide has Prometheus join.
pub(super) fn every_slot_tells_prometheus_how_it_is(stack: &Installation) {
    let mut told = 0;
    for target in targets().into_iter().flat_map(|(_, targets)| targets) {
        let (slot, _) = target.split_once(':').unwrap();
        if !PARTS.contains(&slot) {
            continue;
        }
        let page = format!("http://{target}/metrics");
        let metrics = stack.does(&["exec", "-T", "caddy", "wget", "-q", "-O", "-", &page]);
        let sign =
            if slot.starts_with("app-") { "\napp_build_info{" } else { "\nkeyward_phase{phase=\"ready\"} 1" };
        assert!(metrics.contains(sign), "{page}: {metrics}");
        told += 1;
    }
    assert_eq!(told, 3);
}
