//! What watches the stack: the file of Prometheus against compose.yml, and the slots as Prometheus asks them.

use std::collections::BTreeSet;

use super::installation::Installation;
use super::rises::PARTS;

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
