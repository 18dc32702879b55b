//! Without a manager: systemd's credentials, and what is said of a secret that stands in the configuration itself.

use serde_json::Value;

use super::{KEYS, checked, command, values, write_config, write_private};

#[test]
fn credentials_are_in_the_folder_that_systemd_names() {
    let values = values();
    let folder = tempfile::tempdir().unwrap();
    let credentials = folder.path().join("credentials");
    std::fs::create_dir(&credentials).unwrap();
    for key in KEYS {
        write_private(&credentials.join(format!("keyward.{key}")), values[key].as_str().unwrap());
    }
    let config = write_config(folder.path(), "", |key| format!("credential:keyward.{key}"));
    let mut check = command(&["secrets", "check"], &config);
    let (is_well, report) = checked(check.env("CREDENTIALS_DIRECTORY", &credentials), &values);
    assert!(is_well && report["warnings"] == serde_json::json!([]), "{report}");
    let mut outside = command(&["secrets", "check"], &config);
    let (is_well, report) = checked(outside.env_remove("CREDENTIALS_DIRECTORY"), &values);
    assert!(!is_well);
    // Every fault, and not the first alone.
    let problems = report["problems"].as_array().unwrap();
    let told =
        |problem: &Value| problem["message"].as_str().unwrap().contains("LoadCredential=NAME:/absolute/path");
    assert!(problems.len() == KEYS.len() && problems.iter().all(told), "{report}");
}

#[test]
fn a_secret_in_the_configuration_is_refused_with_the_command_that_moves_it() {
    let values = values();
    let folder = tempfile::tempdir().unwrap();
    let config = write_config(folder.path(), "", |key| match key {
        "mail" => values["mail"].as_str().unwrap().to_owned(),
        key => format!("vault:kv/keyward#{key}"),
    });
    let ran = command(&["secrets", "check"], &config).output().unwrap();
    let error = String::from_utf8(ran.stderr).unwrap();
    assert!(!ran.status.success() && ran.stdout.is_empty());
    super::shows_none(&error, &values);
    let place = config.display();
    for part in [
        &*format!("{place}:15: mail.transport.token cannot be used: this is not a reference to a secret"),
        "`install -m 0400 /dev/stdin /etc/keyward/secrets/NAME`",
        "the forms are file:/absolute/path, credential:NAME, vault:MOUNT/PATH#KEY",
        "secrets.vault.address is missing, and keys.encryption is kept there (vault:kv/keyward#encryption)",
    ] {
        assert!(error.contains(part), "{part}: {error}");
    }
}
