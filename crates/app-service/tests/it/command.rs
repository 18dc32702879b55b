//! The program: what it says when it does not start.

use std::process::Command;

/// What it says on standard error, started with this in its environment.
fn refusal(folder: &tempfile::TempDir, changed: &[(&str, &str)]) -> String {
    let place = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        format!("file:{}", path.display())
    };
    let mut command = Command::new(env!("CARGO_BIN_EXE_app-service"));
    command
        .env("CLIENT_SECRET", place("secret", "8f1c2a90d7e64b35a1f08e7d6c5b4a39"))
        .env("SESSION_KEY", place("key", "3b7e151628aed2a6abf7158809cf4f3c762e7160f38b4da56a784d9045190cfe"))
        .env("APP_LISTEN", "256.0.0.1:0");
    for (name, value) in changed {
        command.env(name, value.replace("FOLDER", &folder.path().display().to_string()));
    }
    let output = command.output().unwrap();
    assert!(!output.status.success());
    String::from_utf8(output.stderr).unwrap()
}

/// Class 19 of the security notes, and that a secret which somebody pasted is not repeated.
#[test]
fn class_19_a_secret_is_a_reference_and_not_a_weak_one() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("weak"), "changeme\n").unwrap();
    let fine = [("APP_LISTEN", "127.0.0.1:0")];
    for (name, value, said) in [
        ("CLIENT_SECRET", "hunter2-the-very-secret", "--client-secret: this is not a reference to a secret"),
        ("SESSION_KEY", "hunter2-the-very-secret", "--session-key: this is not a reference to a secret"),
        ("CLIENT_SECRET", "file:FOLDER/hunter", "could not be read"),
        ("SESSION_KEY", "env:NOT_SET_ANYWHERE", "is not set; set the variable"),
        ("CLIENT_SECRET", "file:FOLDER/weak", "the client secret is a sample or well-known secret"),
        ("SESSION_KEY", "file:FOLDER/weak", "the key that seals the sessions"),
        ("ISSUER_URL", "http://auth.example.com", "the issuer is not the address of a sign-in server"),
        ("APP_URL", "http://app.example.com", "the app's address is not one that cookies can be kept for"),
        ("CLIENT_ID", "a b", "the client_id is not one"),
        ("INTERNAL_AUTH_URL", "ftp://auth", "the internal address is not one of a server"),
    ] {
        let error = refusal(&folder, &[fine[0], (name, value)]);
        assert!(error.contains(said), "{name}={value}: {error}");
        assert!(!error.contains("hunter2") && !error.contains("changeme"), "{error}");
    }
    assert!(refusal(&folder, &[]).contains("APP_LISTEN") || refusal(&folder, &[]).contains("--listen"));
}

#[test]
fn help_names_the_settings_and_shows_no_value() {
    let output = Command::new(env!("CARGO_BIN_EXE_app-service"))
        .arg("--help")
        .env("CLIENT_SECRET", "hunter2")
        .env("SESSION_KEY", "hunter2")
        .output()
        .unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    for name in [
        "APP_URL",
        "ISSUER_URL",
        "INTERNAL_AUTH_URL",
        "CLIENT_ID",
        "CLIENT_SECRET",
        "SESSION_KEY",
        "APP_LISTEN",
        "INTERNAL_LISTEN",
        "DRAIN_SECONDS",
        "FINISH_SECONDS",
        "LOG_FORMAT",
        "LOG_LEVEL",
        "LOG_ACCESS",
        "LOG_FULL_ADDRESSES",
        "TRUSTED_PROXIES",
    ] {
        assert!(help.contains(name), "{name}: {help}");
    }
    assert!(!help.contains("hunter2"), "{help}");
}
