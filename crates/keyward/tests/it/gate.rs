//! A host that `keyward host setup` has made, reached by a real ssh through a real sshd; releases come from a real registry. What is asked for is
//! handed to the real `keyward deploy`, in a folder without a stack: what comes then is tested where there is one (`e2e/tests/it/stack/gate.rs`).

mod house;
mod machine;
mod refused;
mod releases;

use std::fs;
use std::path::PathBuf;
use std::process::Output;
use std::time::Duration;

use tempfile::TempDir;

use crate::command::{KEYWARD, text};
use crate::running::free_port;
use machine::{Machine, Server};
use releases::Registry;

/// What whoever says something else is told, to the letter.
const REFUSED: &str = "keyward: refused: this key may ask for `deploy sha256:DIGEST`, `rollback` and `status`, and for nothing else\n";

/// A host that is prepared, with all that runs on it and beside it.
struct Host {
    // Ended in this order.
    _service: Server,
    _sshd: Server,
    registry: Registry,
    machine: Machine,
    /// Where a stack would be.
    _stack: TempDir,
}

/// Whether this machine has what these tests need. What it is needed for is not tested without it, which is said, and fails where all has to be
/// tested (`CI=true`).
fn is_possible() -> bool {
    let Some(missing) = machine::missing() else { return true };
    assert!(std::env::var("CI").is_err(), "{missing} is not there; ./scripts/test installs it");
    println!("NOT RUN, since {missing} is not there; ./scripts/test installs it");
    false
}

impl Host {
    fn start() -> Option<Self> {
        if !is_possible() {
            return None;
        }
        let stack = tempfile::tempdir().unwrap();
        let registry = Registry::start(free_port());
        let machine = Machine::new(KEYWARD.as_ref(), free_port());
        let prepared = machine.prepare(stack.path(), &registry.name(), &[]);
        assert!(prepared.status.success(), "{}", text(&prepared.stderr));
        let service = machine.service(|_| {});
        let sshd = machine.sshd();
        Some(Self { _service: service, _sshd: sshd, registry, machine, _stack: stack })
    }

    fn deploy(&self, digest: &str) -> Output {
        self.machine.order(&format!("deploy {digest}"))
    }

    fn signer(&self) -> PathBuf {
        self.machine.key("release")
    }

    fn log(&self) -> String {
        fs::read_to_string(self.machine.service_log()).unwrap()
    }
}

/// Asks again and again until it is so; after half a minute the test fails.
async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let mut turns = tokio::time::interval(Duration::from_millis(50));
    let asking = async {
        while !is_so() {
            turns.tick().await;
        }
    };
    let asked = tokio::time::timeout(Duration::from_secs(30), asking).await;
    assert!(asked.is_ok(), "still waiting for {what}");
}

/// Of an order that the service refuses: its exit code, and why.
fn refused(output: &Output) -> String {
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}{}", text(&output.stdout));
    assert!(said.starts_with("keyward: refused: ") && said.lines().count() == 1, "{said}");
    assert!(output.stdout.is_empty(), "{}", text(&output.stdout));
    said
}

fn some_digest(letter: char) -> String {
    format!("sha256:{}", letter.to_string().repeat(64))
}

/// From the key to `keyward deploy` itself, whose refusal comes back: there is no stack.
#[test]
fn a_release_that_is_signed_is_handed_to_keyward_deploy_and_none_that_is_older_after_it() {
    let Some(host) = Host::start() else { return };
    let push = |sequence, app: char| {
        let release = host.registry.release(sequence, &some_digest('a'), &some_digest(app));
        host.registry.push(&release, Some(&host.signer()))
    };
    let (older, second, twin, third) = (push(1, 'b'), push(2, 'b'), push(2, 'c'), push(3, 'b'));
    let accepted = |digest: &str, sequence: u64| {
        let output = host.deploy(digest);
        let (out, error) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(1), "{error}");
        let event: serde_json::Value = serde_json::from_str(out.lines().next().unwrap()).unwrap();
        assert_eq!((&event["event"], &event["sequence"]), (&"accepted".into(), &sequence.into()));
        assert!(event["signature"].as_str().unwrap().contains("SHA256:"), "{event}");
        assert!(error.starts_with("keyward: ") && error.contains(".env cannot be read"), "{error}");
    };
    accepted(&second, 2);
    assert!(refused(&host.deploy(&older)).contains("is below 2"));
    assert!(refused(&host.deploy(&twin)).contains("is another release"));
    // It was not undone, since it never began.
    accepted(&second, 2);
    accepted(&third, 3);
    assert!(refused(&host.deploy(&second)).contains("is below 3"));
    // Each is told with the key that asked, and what it came to.
    let log = host.log();
    let of_the_key = format!("deploy {third} by SHA256:");
    assert!(
        log.lines().any(|line| line.starts_with(&of_the_key) && line.ends_with("has ended with 1")),
        "{log}"
    );
    // The other two words get there as well.
    let rollback = host.machine.order("rollback");
    assert_eq!(rollback.status.code(), Some(1));
    assert!(text(&rollback.stderr).contains(".env cannot be read"), "{}", text(&rollback.stderr));
    let status = host.machine.order("status");
    assert_eq!(status.status.code(), Some(1));
    assert!(text(&status.stderr).starts_with("keyward: "), "{}", text(&status.stderr));
}

#[test]
fn what_is_not_signed_by_who_may_or_was_changed_is_refused_before_it_is_read() {
    let Some(host) = Host::start() else { return };
    let release = host.registry.release(7, &some_digest('a'), &some_digest('b'));
    let unsigned = host.registry.push(&release, None);
    assert!(refused(&host.deploy(&unsigned)).contains("is not signed"));
    let strangers = host.registry.push(&release, Some(&host.machine.key("stranger")));
    assert!(refused(&host.deploy(&strangers)).contains("not signed by anybody whose signature counts"));
    // Whoever may ask may not sign.
    let own = host.registry.push(&release, Some(&host.machine.key("deploy")));
    assert!(refused(&host.deploy(&own)).contains("not signed by anybody whose signature counts"));
    assert!(refused(&host.deploy(&some_digest('0'))).contains("has no sha256:000"));
    // An image is no release.
    let layer = host.registry.blob("application/vnd.oci.image.layer.v1.tar", b"layer");
    let image = serde_json::json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": host.registry.blob("application/vnd.oci.image.config.v1+json", b"{}"),
        "layers": [layer],
    });
    let image = host.registry.push_manifest(&image);
    assert!(refused(&host.deploy(&image)).contains("is no release"));
    // Signed well, of images of elsewhere, or not by their digests.
    for image in [
        format!("{}/other/auth-service@{}", host.registry.name(), some_digest('a')),
        "ghcr.io/team/keyward/auth-service:1".to_owned(),
    ] {
        let mut elsewhere = release.clone();
        elsewhere["images"]["auth-service"] = image.into();
        let elsewhere = host.registry.push(&elsewhere, Some(&host.signer()));
        assert!(refused(&host.deploy(&elsewhere)).contains("is run here"));
    }
    // The registry gives out something else by the same digest.
    let good = host.registry.push(&release, Some(&host.signer()));
    let change = |kept: PathBuf, from: &str, to: &str| {
        let before = fs::read_to_string(&kept).unwrap();
        assert!(before.contains(from), "{before}");
        fs::write(&kept, before.replace(from, to)).unwrap();
        move || fs::write(&kept, before).unwrap()
    };
    let put_back = change(host.registry.kept(&good), "\"size\":2}", "\"size\":3}");
    assert!(refused(&host.deploy(&good)).contains("it was changed, and is not looked at"));
    put_back();
    let manifest: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(host.registry.kept(&good)).unwrap()).unwrap();
    let blob = manifest["layers"][0]["digest"].as_str().unwrap();
    let put_back = change(host.registry.kept(blob), "\"migrations\":1", "\"migrations\":2");
    assert!(refused(&host.deploy(&good)).contains("it was changed, and is not looked at"));
    put_back();
    // Of all that nothing was let in.
    assert!(!host.machine.at("var/lib/keyward-deploy/accepted.json").exists());
    assert!(text(&host.deploy(&good).stdout).contains("\"accepted\""));
}

#[tokio::test]
async fn of_two_orders_at_once_the_second_is_told_that_another_is_under_way() {
    let Some(host) = Host::start() else { return };
    let signal = |name: &str| {
        let told =
            std::process::Command::new("kill").args([name, &host.registry.server.id().to_string()]).status();
        assert!(told.unwrap().success());
    };
    // The registry does not answer, and the first waits for it.
    signal("-STOP");
    let order = format!("deploy {}", some_digest('1'));
    let mut first = host.machine.client("ssh", "deploy");
    let first =
        first.args(["deploy@127.0.0.1", &order]).stderr(std::process::Stdio::piped()).spawn().unwrap();
    until("the first order to begin", || host.log().contains("is begun")).await;
    for order in ["rollback".to_owned(), format!("deploy {}", some_digest('2'))] {
        let second = host.machine.order(&order);
        assert_eq!(second.status.code(), Some(75), "{second:?}");
        assert_eq!(
            text(&second.stderr),
            "keyward: another order is under way: try again when it has ended\n"
        );
    }
    // How it is may be asked all the same.
    assert_eq!(host.machine.order("status").status.code(), Some(1));
    signal("-CONT");
    let first = first.wait_with_output().unwrap();
    assert!(refused(&first).contains("has no sha256:111"));
}

/// Who is at the other end is the kernel's to say, even of root.
#[test]
fn whoever_is_not_the_account_of_the_gate_is_not_answered() {
    use std::io::{Read as _, Write as _};
    let Some(host) = Host::start() else { return };
    let path = host.machine.at("run/keyward-deploy/gate.sock");
    let mut stream = std::os::unix::net::UnixStream::connect(&path).unwrap();
    let _ = stream.write_all(
        b"{\"order\":\"status\",\"key\":\"SHA256:/FdFx/6s8p41hx7FI0cnsv3qjcjOe/XvpSIa2PReMPE\"}\n",
    );
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert!(answer.is_empty(), "{}", text(&answer));
    assert!(host.log().contains("user 0 asks, and only deploy may"), "{}", host.log());
    // Others do not get as far.
    let mode = std::os::unix::fs::MetadataExt::mode(&fs::metadata(&path).unwrap());
    assert_eq!(mode & 0o777, 0o660);
}
