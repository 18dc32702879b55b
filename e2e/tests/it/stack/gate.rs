//! A release goes the whole way to the people: by a deploy key through a real sshd, out of a real registry, onto the real stack.

#[expect(dead_code, reason = "tests of keyward itself have more clients")]
#[path = "../../../../crates/keyward/tests/it/gate/machine.rs"]
mod machine;
#[expect(dead_code, reason = "tests of keyward itself push what is none")]
#[path = "../../../../crates/keyward/tests/it/gate/releases.rs"]
mod releases;

use std::process::Output;

use serde_json::Value;

use super::deploys::{image, keyward, lives};
use super::docker::{Docker, success};
use super::installation::Installation;
use super::rises::UP;
use crate::service::binary;
use crate::tools::{free_port, missing};
use machine::{Machine, Server};
use releases::Registry;

/// What the stack and the host share, and who runs there.
struct Site {
    _service: Server,
    _sshd: Server,
    registry: Registry,
    machine: Machine,
    stack: Installation,
}

impl Site {
    async fn start() -> Option<Self> {
        if let Some(tool) = machine::missing() {
            missing(tool);
            return None;
        }
        let docker = Docker::find().await?;
        let stack = Installation::make(docker);
        stack.does(&UP);
        stack.believes_its_own_authority();
        let registry = Registry::start(free_port());
        let machine = Machine::new(&binary(), free_port());
        success(&machine.prepare(&stack.folder, &registry.name(), &[]));
        let service = machine.service(|command| {
            command.env_remove("KEYWARD_SOCKET").env_remove("KEYWARD_CONFIG");
            stack.told_of(command);
        });
        let sshd = machine.sshd();
        Some(Self { _service: service, _sshd: sshd, registry, machine, stack })
    }

    /// Pushes an image of this stack's; its digest.
    fn push(&self, service: &str, local: &str) -> String {
        let repository = format!("{}/team/keyward/{service}", self.registry.name());
        let tag = local.rsplit(':').next().unwrap();
        let there = format!("{repository}:{tag}");
        self.stack.docker.ask(&["tag", local, &there]);
        self.stack.docker.ask(&["push", "--quiet", &there]);
        let known = self.stack.docker.inspect(&there);
        let digests = known["RepoDigests"].as_array().unwrap();
        let digest = digests.iter().find_map(|one| one.as_str()?.strip_prefix(&format!("{repository}@")));
        let digest = digest.unwrap().to_owned();
        // It is to come from there, and not from here.
        self.stack.docker.ask(&["rmi", "--force", &there]);
        digest
    }

    /// Has a release with these digests deployed, by a pipeline.
    fn deploy(&self, sequence: u64, auth: &str, app: &str) -> (String, Output) {
        let release = self.registry.release(sequence, auth, app);
        let digest = self.registry.push(&release, Some(&self.machine.key("release")));
        let output = self.machine.order(&format!("deploy {digest}"));
        (digest, output)
    }
}

/// The events that came, and the report at the end of them.
fn report(output: &Output) -> Value {
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let events: Vec<Value> = said.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let report = events.iter().rfind(|event| event["event"] == "report").cloned();
    report.unwrap_or_else(|| panic!("no report: {said}\n{}", String::from_utf8_lossy(&output.stderr)))
}

/// All that can go well, and that can go wrong on the way to Docker, one after the other: to start another stack for each would take minutes.
#[tokio::test(flavor = "multi_thread")]
async fn a_release_goes_from_the_key_to_the_people_and_back_and_one_that_is_bad_does_not_stay() {
    let Some(site) = Site::start().await else { return };
    let auth = site.push("auth-service", &image(&site.stack, "auth-service", "by-the-gate", ""));
    let app = site.push("app-service", &image(&site.stack, "app-service", "by-the-gate", ""));
    let (_, output) = site.deploy(1, &auth, &app);
    let told = report(&output);
    assert_eq!((output.status.code(), &told["outcome"]), (Some(0), &"done".into()), "{told:#}");
    assert_eq!(
        (&told["proof"]["failed"], &told["proof"]["acknowledged_lost"]),
        (&0.into(), &0.into()),
        "{told:#}"
    );
    lives(&site.stack, "green", "green");
    let status = site.machine.order("status");
    assert_eq!(status.status.code(), Some(0), "{}", String::from_utf8_lossy(&status.stderr));

    // An image that the registry does not have by this digest.
    let nothing = format!("sha256:{}", "0".repeat(64));
    let (_, output) = site.deploy(2, &nothing, &app);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(1) && said.contains("cannot be fetched"), "{said}");
    lives(&site.stack, "green", "green");

    // One that ends as it starts is undone, and its digest is let in no more.
    let ends = image(&site.stack, "auth-service", "ends-by-the-gate", "CMD [\"no-such-verb\"]");
    let ends = site.push("auth-service", &ends);
    let (bad, output) = site.deploy(3, &ends, &app);
    let told = report(&output);
    assert_eq!((output.status.code(), &told["outcome"]), (Some(1), &"undone".into()), "{told:#}");
    lives(&site.stack, "green", "green");
    let again = site.machine.order(&format!("deploy {bad}"));
    let said = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(again.status.code() == Some(1) && said.contains("was undone when it was deployed"), "{said}");

    let back = site.machine.order("rollback");
    let told = report(&back);
    assert_eq!((back.status.code(), &told["outcome"]), (Some(0), &"done".into()), "{told:#}");
    lives(&site.stack, "blue", "blue");
    each_stands_in_the_trail_with_the_key(&site);
}

fn each_stands_in_the_trail_with_the_key(site: &Site) {
    let known = std::process::Command::new("ssh-keygen")
        .arg("-lf")
        .arg(machine::public(&site.machine.key("deploy")))
        .output()
        .unwrap();
    let known = success(&known);
    let fingerprint = known.split(' ').nth(1).unwrap();
    let trail = keyward(&site.stack, &["audit", "list", "--limit", "500", "--json"]).output().unwrap();
    let trail = success(&trail);
    for act in ["deploy", "undo_deploy", "refuse_deploy", "roll_back"] {
        let is_there = trail.lines().any(|line| {
            let entry: Value = serde_json::from_str(line).unwrap();
            entry["act"] == act && line.contains(&format!(" by {fingerprint}: "))
        });
        assert!(is_there, "{act} by {fingerprint}: {trail}");
    }
}
