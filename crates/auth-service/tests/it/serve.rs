//! The server as a process: what it refuses to start on.

use std::process::{Command, Output};

use secrets::ExposeSecret as _;
use secrets::sealing::generate_key_text;
use store::ServerLock;

/// Starts the server on what cannot be served, and waits for it to say so.
fn refused(folder: &std::path::Path) -> Output {
    let key = |name: &str| {
        let path = folder.join(name);
        std::fs::write(&path, generate_key_text().expose_secret()).unwrap();
        format!("file:{}", path.display())
    };
    let (encryption, audit, token) = (key("encryption"), key("audit"), key("token"));
    let config = folder.join("keyward.toml");
    let settings = format!(
        "[server]\npublic_url = \"https://auth.example.com\"\nlisten = \"127.0.0.1:0\"\n[database]\npath = \"{}\"\n\
         [keys]\nencryption = {encryption:?}\naudit = {audit:?}\n[mail]\nfrom = \"no-reply@example.com\"\n\
         [mail.transport]\nkind = \"postmark\"\ntoken = {token:?}\n",
        folder.join("keyward.sqlite").display(),
    );
    std::fs::write(&config, settings).unwrap();
    Command::new(env!("CARGO_BIN_EXE_auth-service"))
        .arg("serve")
        .arg("--config")
        .arg(config)
        .output()
        .unwrap()
}

#[test]
fn a_database_that_another_server_serves_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let _held = ServerLock::take(&folder.path().join("keyward.sqlite")).unwrap();
    let output = refused(folder.path());
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8_lossy(&output.stderr);
    let who = format!("already served by another process (number {})", std::process::id());
    assert!(error.contains(&who), "{error}");
    assert!(!folder.path().join("keyward.sqlite").exists(), "nothing was half started");
}
