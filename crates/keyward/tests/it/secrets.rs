//! `keyward secrets`: a running server is asked how its secrets are, and told to look at them.

use serde_json::Value;

use crate::command::{run, text};
use crate::running::Running;

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
