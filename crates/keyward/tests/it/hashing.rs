//! Another way of hashing in the configuration, and a restart: what was hashed before still lets its owner in.

use std::path::{Path, PathBuf};

use crate::command::{run, text};
use crate::running::Running;

const LOGIN: &str = r#"{"email":"ana@example.com","password":"correct horse battery"}"#;
const PEPPERS: [&str; 2] = [
    "8f1c0b5e9a7d4c6332e1f0a9b8c7d6e5f4a3b2c1d0e9f8a7b6c5d4e3f2a1b0c9",
    "03a9c1e7f5b2d8604e7a1c3f9b5d2e8067c4a1f3e9b7d5c28406f1e3a5b7c9d2",
];

/// A configuration with this under `[password.hashing]`.
fn configured(folder: &Path, hashing: &str) -> PathBuf {
    let config = folder.join("settings.toml");
    let text = format!("[accounts]\nrequire_proof = false\n[password.hashing]\n{hashing}\n");
    std::fs::write(&config, text).unwrap();
    config
}

fn signs_in(folder: &Path, hashing: &str) {
    let running = Running::with(&folder.join("data"), &configured(folder, hashing));
    let answer = running.ask("POST", "/login", LOGIN);
    assert!(answer.starts_with("HTTP/1.1 200 "), "{hashing}: {answer}");
    assert_eq!(running.stop().code(), Some(0));
}

fn report(folder: &Path) -> String {
    text(&run(&["passwords", "report", "--data", folder.join("data").to_str().unwrap()]).stdout)
}

fn with_account(folder: &Path, hashing: &str) {
    let running = Running::with(&folder.join("data"), &configured(folder, hashing));
    let body = LOGIN.replace('}', r#","requires2FA":false}"#);
    let answer = running.ask("POST", "/signup", &body);
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    assert_eq!(running.stop().code(), Some(0));
}

#[test]
fn other_parameters_and_a_restart_let_old_accounts_in_and_hash_them_anew() {
    let folder = tempfile::tempdir().unwrap();
    with_account(folder.path(), "");
    assert!(report(folder.path()).contains("1  argon2id, 19456 KiB, 2 iterations, parallelism 1\n"));
    // Stronger, and weaker again: the configuration decides.
    for (hashing, found) in [
        ("memory_kib = 20480\niterations = 3", "argon2id, 20480 KiB, 3 iterations, parallelism 1"),
        ("memory_kib = 7168\niterations = 5", "argon2id, 7168 KiB, 5 iterations, parallelism 1"),
    ] {
        signs_in(folder.path(), hashing);
        assert_eq!(report(folder.path()).trim(), format!("1  {found}"));
        signs_in(folder.path(), hashing);
    }
}

/// Two, each in a file: references to them.
fn peppers(folder: &Path) -> [String; 2] {
    PEPPERS.map(|pepper| {
        let file = folder.join(&pepper[..8]);
        std::fs::write(&file, pepper).unwrap();
        format!("\"file:{}\"", file.display())
    })
}

#[test]
fn a_pepper_is_exchanged_and_a_wrong_one_is_named_before_anybody_signs_in() {
    let folder = tempfile::tempdir().unwrap();
    let [first, second] = peppers(folder.path());
    with_account(folder.path(), &format!("pepper = {first}"));
    let config = configured(folder.path(), &format!("pepper = {second}"));
    let data = folder.path().join("data");
    let refused = run(&[
        "dev",
        "--port",
        "0",
        "--app-port",
        "0",
        "--data",
        data.to_str().unwrap(),
        "--config",
        config.to_str().unwrap(),
    ]);
    let told = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{told}");
    assert!(told.contains("pepper") && told.contains("older_peppers"), "{told}");
    // The id of the pepper that is missing, as the hashes have it.
    let found = report(folder.path());
    let id = found.split("pepper ").nth(1).unwrap().split([',', '\n', ' ']).next().unwrap();
    assert!(!id.is_empty() && told.contains(id), "{id} in {told}");

    signs_in(folder.path(), &format!("pepper = {second}\nolder_peppers = [{first}]"));
    assert!(!report(folder.path()).contains(id), "it is hashed with the new one");
    signs_in(folder.path(), &format!("pepper = {second}"));
}

/// Issue 5: accounts that were brought into a file whose server has stopped were hashed with whatever pepper the command had, and the next
/// start was refused.
#[test]
fn an_import_into_a_file_wants_the_pepper_as_a_start_does() {
    let folder = tempfile::tempdir().unwrap();
    let [first, second] = peppers(folder.path());
    with_account(folder.path(), &format!("pepper = {first}"));
    let found = report(folder.path());
    let id = found.split("pepper ").nth(1).unwrap().split([',', '\n', ' ']).next().unwrap();
    let rows = folder.path().join("people.ndjson");
    let hash = "{SSHA}3exwr8ymwwROCv5SdJv+O1pYL/V4Tykl";
    std::fs::write(&rows, format!("{{\"email\":\"ben@example.com\",\"password_hash\":\"{hash}\"}}\n"))
        .unwrap();
    let config = folder.path().join("server.toml");
    let import = |hashing: &str| {
        let settings = format!(
            "[server]\npublic_url = \"https://auth.example.com\"\n[database]\npath = \"DATA/keyward.sqlite\"\n\
             [keys]\nencryption = \"file:DATA/encryption.key\"\naudit = \"file:DATA/audit.key\"\n\
             [mail]\nfrom = \"no-reply@example.com\"\n[mail.transport]\nkind = \"smtp\"\nhost = \"mail.example.com\"\n\
             [password.hashing]\n{hashing}\n"
        );
        let data = folder.path().join("data");
        std::fs::write(&config, settings.replace("DATA", data.to_str().unwrap())).unwrap();
        run(&["user", "import", rows.to_str().unwrap(), "--config", config.to_str().unwrap()])
    };
    for (hashing, known) in [(String::new(), "known: none"), (format!("pepper = {second}"), "known: ")] {
        let refused = import(&hashing);
        let told = text(&refused.stderr);
        assert_eq!(refused.status.code(), Some(1), "{told}");
        assert!(told.contains(&format!("the pepper {id}, which is not here ({known}")), "{told}");
    }
    let done = import(&format!("pepper = {first}"));
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    let report = report(folder.path());
    assert_eq!(report.matches(&format!("pepper {id}")).count(), 2, "{report}");
}
