//! `keyward host`: what it prepares, what it finds amiss, and that nobody is shut out by it.

use std::fs;
use std::process::Output;

use super::machine::{INSTALLED, Machine, public};
use super::{is_possible, until};
use crate::command::{KEYWARD, run, text};
use crate::running::free_port;

const SSHD: &str = "etc/ssh/sshd_config.d/40-keyward.conf";
const KEYS: &str = "etc/ssh/keyward-deploy-keys";

fn machine() -> Option<(Machine, tempfile::TempDir)> {
    is_possible().then(|| (Machine::new(KEYWARD.as_ref(), free_port()), tempfile::tempdir().unwrap()))
}

fn check(machine: &Machine, more: &[&str]) -> Output {
    run(&[&["host", "check", "--root", machine.tree.path().to_str().unwrap()], more].concat())
}

#[test]
fn a_tree_is_prepared_once_is_the_same_after_a_second_time_and_is_audited() {
    let Some((machine, stack)) = machine() else { return };
    let prepare = |more: &[&str]| {
        let prepared = machine.prepare(stack.path(), "registry.example.com", more);
        assert!(prepared.status.success(), "{}", text(&prepared.stderr));
        text(&prepared.stdout)
    };
    assert_eq!(check(&machine, &[]).status.code(), Some(1), "nothing is there yet");
    let would = prepare(&["--dry-run"]);
    assert!(would.contains("Match User deploy") && would.ends_with("Nothing was changed.\n"), "{would}");
    assert!(!machine.at(SSHD).exists() && !machine.at("etc/keyward").exists());
    assert!(!fs::read_to_string(machine.at("etc/passwd")).unwrap().contains("\ndeploy:"));

    let told = prepare(&[]);
    let key = fs::read_to_string(public(&machine.at("etc/ssh/ssh_host_ed25519_key"))).unwrap();
    let key = key.rsplit_once(' ').unwrap().0;
    assert!(told.contains(&format!("DEPLOY_KNOWN_HOSTS  [127.0.0.1]:{} {key}\n", machine.port)), "{told}");
    assert!(told.contains("DEPLOY_KEY          the private half of SHA256:"), "{told}");
    assert!(!told.contains("PRIVATE"), "{told}");
    let line = |file: &str| {
        let text = fs::read_to_string(machine.at(file)).unwrap();
        text.lines().find(|line| line.starts_with("deploy:")).unwrap().to_owned()
    };
    assert!(line("etc/passwd").ends_with(":/:/bin/sh"), "{}", line("etc/passwd"));
    assert!(line("etc/shadow").starts_with("deploy:*:"), "{}", line("etc/shadow"));
    let checked = check(&machine, &[]);
    assert_eq!(checked.status.code(), Some(0), "{}", text(&checked.stdout));

    let snapshot = || {
        [SSHD, KEYS, "etc/passwd", "etc/shadow", "etc/group"]
            .map(|file| fs::read_to_string(machine.at(file)).unwrap())
    };
    let before = snapshot();
    let again = prepare(&[]);
    assert!(!again.contains("written") && again.matches("as it should be").count() == 6, "{again}");
    assert_eq!(snapshot(), before);
}

#[test]
fn each_thing_that_is_amiss_is_told_in_a_line_and_by_the_exit_code() {
    let Some((machine, stack)) = machine() else { return };
    assert!(machine.prepare(stack.path(), "registry.example.com", &[]).status.success());
    let change = |file: &str, from: &str, to: &str, what: &str, why: &str| {
        let path = machine.at(file);
        let before = fs::read_to_string(&path).unwrap();
        assert!(before.contains(from), "{file}: {before}");
        fs::write(&path, before.replacen(from, to, 1)).unwrap();
        let checked = check(&machine, &["--json"]);
        assert_eq!(checked.status.code(), Some(1), "{file}");
        let findings = text(&checked.stdout);
        let amiss: Vec<serde_json::Value> = findings
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .filter(|one: &serde_json::Value| !one["amiss"].is_null())
            .collect();
        let told =
            |one: &serde_json::Value| one["what"] == what && one["amiss"].as_str().unwrap().contains(why);
        assert!(amiss.iter().any(told), "{what}: {why}: {findings}");
        fs::write(&path, before).unwrap();
    };
    change("etc/shadow", "deploy:*:", "deploy:$y$j9T$hash:", "the account", "has a password");
    change("etc/passwd", ":/:/bin/sh\n", ":/:/bin/bash\n", "the account", "the shell of deploy");
    change("etc/group", "deploy:x:", "admins:x:4999:deploy\ndeploy:x:", "the account", "in the group admins");
    change(KEYS, "restrict ", "", "its keys", "not restricted");
    change(KEYS, "ssh-ed25519", "ssh-rsa", "its keys", "does not begin with ssh-ed25519");
    change(
        "etc/keyward/release-signers",
        "keyward-release",
        "file",
        "what the service believes",
        "about something else",
    );
    change(
        "etc/keyward/deploy.toml",
        "registry = ",
        "registrar = ",
        "what the service believes",
        "registrar",
    );
    change("etc/systemd/system/keyward-deploy.socket", "0660", "0666", "the units", "run it again");
    assert_eq!(check(&machine, &[]).status.code(), Some(0), "all is put back");
}

#[test]
fn what_would_be_no_use_is_refused_and_nothing_is_written() {
    let Some((machine, stack)) = machine() else { return };
    let deploy = public(&machine.key("deploy")).display().to_string();
    for (more, said) in [
        (&["--signer", deploy.as_str()][..], "make two"),
        (&["--deploy-key", "/etc/passwd"][..], "--deploy-key: it does not begin with ssh-ed25519"),
        (&["--allowed-network", "ten"][..], "is not a network"),
        (&["--close-root"][..], "nobody was seen to log in to a host that does not run yet"),
    ] {
        let refused = machine.prepare(stack.path(), "registry.example.com", more);
        assert_eq!(refused.status.code(), Some(1), "{more:?}");
        assert!(text(&refused.stderr).contains(said), "{more:?}: {}", text(&refused.stderr));
    }
    assert!(!machine.at("etc/keyward").exists() && !machine.at(SSHD).exists());
}

/// Their groups, their password and their way in would be gone, and no undoing would give them back.
#[test]
fn an_account_of_this_name_that_is_a_persons_is_left_alone_to_the_letter() {
    let Some((machine, stack)) = machine() else { return };
    for (file, line) in [
        ("etc/passwd", "deploy:x:4711:4711:Dee Ploy:/home/deploy:/bin/bash\n"),
        ("etc/shadow", "deploy:$y$j9T$hash:20000::::::\n"),
        ("etc/group", "deploy:x:4711:\n"),
    ] {
        let before = fs::read_to_string(machine.at(file)).unwrap();
        fs::write(machine.at(file), before + line).unwrap();
    }
    let snapshot = || {
        ["etc/passwd", "etc/shadow", "etc/group"].map(|file| fs::read_to_string(machine.at(file)).unwrap())
    };
    let before = snapshot();
    for more in [&[][..], &["--dry-run"]] {
        let refused = machine.prepare(stack.path(), "registry.example.com", more);
        let said = text(&refused.stderr);
        assert!(refused.status.code() == Some(1) && said.contains("its number is a person's"), "{said}");
    }
    assert_eq!(snapshot(), before);
    assert!(!machine.at(SSHD).exists() && !machine.at(KEYS).exists());
}

/// On the host itself, while it runs; as root, who comes in by a key of before.
#[tokio::test]
async fn what_is_changed_of_ssh_is_undone_unless_a_newer_login_says_that_it_is_well() {
    let Some((machine, stack)) = machine() else { return };
    fs::write(machine.at("etc/ssh/root-keys"), fs::read_to_string(public(&machine.key("stranger"))).unwrap())
        .unwrap();
    let before = "PermitRootLogin prohibit-password\nAuthorizedKeysFile /etc/ssh/root-keys\n";
    fs::write(machine.at("etc/ssh/sshd_config.d/50-before.conf"), before).unwrap();
    let _sshd = machine.sshd();
    let setup = |more: &[&str]| {
        let mut command = machine.command(INSTALLED);
        command.args(machine.setup(stack.path(), "registry.example.com")).args(more).output().unwrap()
    };
    let host = |verb: &str| machine.command(INSTALLED).args(["host", verb]).output().unwrap();
    let is_there = |file: &str| machine.at(file).exists();

    // Root's door stays open where nobody else was seen.
    let refused = setup(&["--close-root"]);
    assert!(
        !refused.status.success() && text(&refused.stderr).contains("root's door stays open"),
        "{refused:?}"
    );
    // A file that comes before ours has another word, which counts: so nothing is changed.
    let other = machine.at("etc/ssh/sshd_config.d/10-other.conf");
    fs::write(&other, "PasswordAuthentication yes\n").unwrap();
    let refused = setup(&[]);
    let said = text(&refused.stderr);
    assert!(!refused.status.success() && said.contains("PasswordAuthentication is yes and not no"), "{said}");
    assert!(said.contains("everything is as it was before") && !is_there(SSHD) && !is_there(KEYS), "{said}");
    fs::remove_file(other).unwrap();

    // Nobody says anything.
    let begun = setup(&["--confirm-within", "1"]);
    assert!(begun.status.success(), "{}", text(&begun.stderr));
    assert!(text(&begun.stdout).contains("sudo keyward host confirm"), "{}", text(&begun.stdout));
    until("it to be undone", || !is_there(SSHD) && !is_there(KEYS) && !is_there("etc/keyward/deploy.toml"))
        .await;
    assert!(text(&host("confirm").stderr).contains("nothing waits to be confirmed"));

    let begun = setup(&["--confirm-within", "600"]);
    assert!(begun.status.success(), "{}", text(&begun.stderr));
    let second = setup(&["--allowed-network", "10.0.0.0/8"]);
    assert!(text(&second.stderr).contains("waits to be confirmed"), "{second:?}");
    // Not from here, where nobody has come in.
    assert_eq!(host("confirm").status.code(), Some(1));
    // sshd has been told a moment ago, and may be about to begin anew.
    until("somebody to get in and confirm it", || {
        let mut ssh = machine.client("ssh", "stranger");
        let confirm = ssh.args(["root@127.0.0.1", INSTALLED, "host", "confirm"]).output().unwrap();
        confirm.status.success() && text(&confirm.stdout).starts_with("Confirmed")
    })
    .await;
    assert!(is_there(SSHD) && is_there(KEYS));
    // From then on the key gets in, and the gate answers it.
    let order = machine.order("anything");
    assert_eq!(order.status.code(), Some(2), "{order:?}");
}
