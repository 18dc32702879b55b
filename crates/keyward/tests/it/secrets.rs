//! `keyward secrets`: a running server is asked how its secrets are, and told to look at them; keys are made, values moved, machines
//! enrolled, at a real OpenBao.

mod enrol;
mod generate;
mod migrate;
#[expect(dead_code, reason = "tests of auth-service seal and kill it, and read its audit log")]
#[path = "../../../auth-service/tests/it/managers/openbao.rs"]
mod openbao;
mod rotate;
mod rotate_in_openbao;

use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::command::{KEYWARD, run, text};
use crate::running::Running;
use openbao::OpenBao;

/// What writes values: it may do nothing else.
const WRITES: &str = "path \"kv/data/*\" {\n capabilities = [\"create\", \"read\", \"update\"]\n}\n\
                      path \"old/*\" {\n capabilities = [\"create\", \"read\", \"update\"]\n}\n";

/// A program of `scripts/python-managers.txt`. None if it is not there: then what it is needed for is not tested, which is said, and
/// fails where all has to be tested (`CI=true`).
fn program(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.test-cache/managers/bin").join(name);
    if path.exists() {
        return Some(path);
    }
    assert!(std::env::var("CI").is_err(), "{name} is not there; ./scripts/test installs it");
    println!("NOT RUN, since {name} is not there; ./scripts/test installs it");
    None
}

/// A file that its owner alone may read.
fn write_private(path: &Path, text: &str) {
    use std::io::Write as _;
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

/// `keyward secrets` in a folder, by somebody who has signed in nowhere.
fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(KEYWARD);
    command.arg("secrets").args(arguments).current_dir(folder).env("HOME", folder).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if ["VAULT_", "BAO_", "KEYWARD", "GIT_"].iter().any(|prefix| text.starts_with(prefix)) {
            command.env_remove(&name);
        }
    }
    command
}

fn ended(output: &Output) -> (Option<i32>, String, String) {
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// Where the manager is, and a file with a token that may write values there.
fn writer(bao: &OpenBao) -> Vec<String> {
    let (rules, token) = (bao.folder.path().join("writes.hcl"), bao.folder.path().join("writes.token"));
    std::fs::write(&rules, WRITES).unwrap();
    bao.bao(&["policy", "write", "writes", &rules.display().to_string()]);
    write_private(&token, &bao.bao(&["token", "create", "-policy=writes", "-field=token"]));
    let (certificate, token) = (bao.certificate().display().to_string(), token.display().to_string());
    let all = ["--address", &bao.address, "--root-certificate", &certificate, "--token-file", &token];
    all.map(str::to_owned).to_vec()
}

/// All values at a path.
fn kept(bao: &OpenBao, path: &str) -> Value {
    let told: Value = serde_json::from_str(&bao.bao(&["kv", "get", "-format=json", path])).unwrap();
    let values = &told["data"];
    if values["metadata"].is_object() { values["data"].clone() } else { values.clone() }
}

fn told(arguments: &[&str]) -> (Option<i32>, Vec<Value>, String) {
    let output = run(&[&["secrets"], arguments].concat());
    let lines = text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    (output.status.code(), lines, text(&output.stderr))
}

#[test]
fn each_secret_of_a_running_server_is_told_and_never_its_value() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let running = Running::start(folder.path());
    let (code, secrets, error) = told(&["check", "--data", data, "--json"]);
    assert_eq!((code, secrets.len(), error.as_str()), (Some(0), 3, ""), "{secrets:?}");
    let encryption = &secrets[0];
    assert_eq!(encryption["setting"], "keys.encryption");
    assert!(encryption["reference"].as_str().unwrap().ends_with("/encryption.key"), "{encryption}");
    assert!(encryption["length"].as_u64() > Some(31) && encryption["problem"].is_null(), "{encryption}");
    assert!(encryption["age_seconds"].is_u64() && encryption["stale_seconds"].is_u64(), "{encryption}");
    for name in ["encryption.key", "audit.key"] {
        let value = std::fs::read_to_string(folder.path().join(name)).unwrap();
        for verb in ["check", "refresh"] {
            let shown = run(&["secrets", verb, "--data", data]);
            let shown = text(&shown.stdout) + &text(&shown.stderr);
            assert!(!shown.contains(value.trim()), "{name} is shown: {shown}");
        }
    }

    // One that is gone is told by its name, and the exit code says so.
    let (key, aside) = (folder.path().join("audit.key"), folder.path().join("aside"));
    std::fs::rename(&key, &aside).unwrap();
    let (code, secrets, _) = told(&["check", "--data", data, "--json"]);
    assert_eq!(code, Some(1));
    let problem = secrets[1]["problem"].as_str().unwrap();
    assert!(problem.contains("audit.key could not be read"), "{problem}");
    let shown = text(&run(&["secrets", "check", "--data", data]).stdout);
    assert!(shown.contains("bytes, in use for ") && shown.contains("could not be read"), "{shown}");
    // Another in its place is refused, and the one before stays.
    std::fs::write(&key, "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef").unwrap();
    let (code, secrets, _) = told(&["check", "--data", data, "--json"]);
    let problem = secrets[1]["problem"].as_str().unwrap();
    assert!(code == Some(1) && problem.contains("another is kept there than is in force"), "{problem}");
    let (code, secrets, _) = told(&["refresh", "--data", data, "--json"]);
    let problem = secrets[1]["problem"].as_str().unwrap();
    assert!(code == Some(1) && problem.contains("is refused: it is taken at a start alone"), "{problem}");
    let status = text(&run(&["status", "--data", data]).stdout);
    assert!(
        status.contains("\nSecrets     3 in force") && status.contains("keys.audit: another is kept"),
        "{status}"
    );
    std::fs::rename(&aside, &key).unwrap();
    assert_eq!(told(&["refresh", "--data", data, "--json"]).0, Some(0));
    crate::channel::until_sealed(folder.path());
    let listed = text(&run(&["audit", "list", "--data", data]).stdout);
    for entry in
        ["check_secrets", "refresh_secrets", "3 secrets, 1 with a problem", "3 secrets, 0 with a problem"]
    {
        assert!(listed.contains(entry), "no {entry} in {listed}");
    }
    running.stop();
    let (code, _, error) = told(&["check", "--data", data, "--json"]);
    assert!(code == Some(1) && error.contains("no server has a socket"), "{error}");
}

/// The key's id of whoever seals, as `check` tells it, and how many values there are of others.
fn sealed(data: &str) -> (String, u64) {
    let mut told = std::iter::repeat_with(|| told(&["check", "--data", data, "--json"]).1).take(500);
    // It counts as soon as it has begun, beside whatever is asked.
    let keys = told.find_map(|secrets| Some(secrets.first()?["sealed"]["keys"].as_array()?.clone())).unwrap();
    let others = keys.iter().skip(1).map(|key| key["values"].as_u64().unwrap()).sum();
    assert_eq!(keys[0]["role"], "current", "{keys:?}");
    (keys[0]["key_id"].as_str().unwrap().to_owned(), others)
}

/// It was taken at a start alone.
#[test]
fn another_key_that_seals_is_taken_and_it_is_told_what_waits() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let running = Running::start(folder.path());
    let (before, _) = sealed(data);
    let file = folder.path().join("encryption.key");
    let next = "7f1d09b3c65e4a82907dc5e1f3ab6428d90c7b15ea3f4862bd701e9c5f2a8346";
    std::fs::write(&file, next).unwrap();
    assert_eq!(told(&["refresh", "--data", data, "--json"]).0, Some(0));
    // It is done beside whatever is asked.
    let mut tries = 0;
    let after = loop {
        let (after, others) = sealed(data);
        if after != before && others == 0 {
            break after;
        }
        tries += 1;
        assert!(tries < 500, "{before} {after} {others}");
    };
    for verb in [&["secrets", "check"][..], &["status"]] {
        let shown = text(&run(&[verb, &["--data", data]].concat()).stdout);
        assert!(shown.contains(&format!("{after}  seals; ")) && !shown.contains(next), "{shown}");
    }
    crate::channel::until_sealed(std::path::Path::new(data));
    let listed = text(&run(&["audit", "list", "--limit", "500", "--data", data]).stdout);
    assert!(
        listed.contains("exchange_encryption_key") && listed.contains(&format!("{before} {after}")),
        "{listed}"
    );
    running.stop();
    // The start has the next key, and no other.
    let running = Running::start(folder.path());
    assert_eq!(sealed(data), (after, 0));
    running.stop();
}

/// It says first what it would end, and does nothing before it is told to.
#[test]
fn the_key_that_seals_is_exchanged_step_by_step_and_nothing_of_another_server() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let running = Running::start(folder.path());
    let rotate = |arguments: &[&str]| {
        let output = run(&[&["secrets", "rotate", "--data", data], arguments].concat());
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    let (first, audit, (before, _)) = (read("encryption.key"), read("audit.key"), sealed(data));
    let (code, _, error) = rotate(&["database.password", "--yes"]);
    assert!(
        code == Some(1) && error.contains("there are signing_keys, keys.encryption, keys.audit"),
        "{error}"
    );
    let (code, steps, _) = rotate(&["keys.audit", "--assume-compromised", "--yes"]);
    // Whoever has it in a script hears that it is theirs to do.
    assert!(code == Some(3) && steps.starts_with("Nothing was done yet: keys.audit (file:"), "{steps}");
    assert!(steps.contains("\n  1. keyward audit verify"), "{steps}");
    let place = folder.path().join("audit.key").display().to_string();
    assert!(steps.contains(&format!(" to {place}, beside the old one")), "{steps}");
    let (code, _, error) = rotate(&["keys.encryption"]);
    assert!(code == Some(1) && error.contains("It ends nothing: 0 sessions"), "{error}");
    assert!(error.contains("Nothing was done: nobody is there to be asked"), "{error}");
    assert_eq!((read("encryption.key"), read("audit.key")), (first.clone(), audit));

    let keys = || text(&run(&["keys", "list", "--data", data]).stdout);
    let signing = keys();
    let (code, said, error) = rotate(&["keys.encryption", "--yes"]);
    assert_eq!((code, error.as_str()), (Some(0), ""), "{said}");
    let (after, left) = sealed(data);
    assert!(after != before && left == 0, "{before} {after} {left}");
    assert!(said.contains(&format!("All servers seal by {after}")), "{said}");
    let next = read("encryption.key");
    assert_eq!(read("encryption.before").trim(), first.trim());
    assert!(next != first && !said.contains(next.trim()) && !said.contains(first.trim()), "{said}");
    assert_eq!(keys(), signing, "the keys that sign are the same");
    let (code, said, error) = rotate(&["keys.encryption", "--assume-compromised", "--yes"]);
    assert_eq!((code, error.as_str()), (Some(0), ""), "{said}");
    assert_eq!(read("encryption.before").trim(), next.trim());
    assert_ne!(keys(), signing);
    let signing = keys();
    assert_eq!(rotate(&["signing_keys", "--assume-compromised", "--yes"]).0, Some(0));
    assert_ne!(keys(), signing);
    crate::channel::until_sealed(std::path::Path::new(data));
    let listed = text(&run(&["audit", "list", "--limit", "500", "--data", data]).stdout);
    for entry in ["begun", "the one before is kept elsewhere", "another is in its place", "is sealed anew"] {
        assert!(listed.contains("rotate_secret") && listed.contains(entry), "no {entry} in {listed}");
    }
    assert!(listed.contains("give_up_signing_key"), "{listed}");
    running.stop();
    Running::start(folder.path()).stop();
}
