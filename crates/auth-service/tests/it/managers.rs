//! Secrets from managers: OpenBao itself, moto for AWS, and a double of GCP's documented answers.

mod aws;
mod class_24_managed;
mod database;
mod gcp;
mod local;
mod openbao;
mod tokens;
mod vault;

use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use secrets::sealing::generate_key_text;
use secrets::{ExposeSecret as _, Keeper, SecretRef};
use serde_json::{Value, json};

use crate::process::binary;

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

/// The secrets of a server, as an object in a manager.
const KEYS: [&str; 4] = ["encryption", "audit", "mail", "client"];

fn values() -> Value {
    let mut values =
        json!({ "older": generate_key_text().expose_secret(), "retries": 3, "nested": { "a": "b" } });
    for key in KEYS {
        values[key] = generate_key_text().expose_secret().into();
    }
    values
}

/// A configuration with nothing but references: `vault:kv/keyward#KEY` for `vault:kv/keyward#`, and so on.
fn write_config(folder: &Path, managers: &str, reference: impl Fn(&str) -> String) -> PathBuf {
    let path = folder.join("keyward.toml");
    let text = format!(
        "[server]\npublic_url = \"https://auth.example.com\"\nlisten = \"127.0.0.1:0\"\n\
         [internal]\nlisten = \"127.0.0.1:0\"\n[database]\npath = \"{}/keyward.sqlite\"\n\
         [keys]\nencryption = \"{}\"\naudit = \"{}\"\n\
         [mail]\nfrom = \"no-reply@example.com\"\n[mail.transport]\nkind = \"postmark\"\ntoken = \"{}\"\n\
         [[clients]]\nclient_id = \"wiki\"\nclient_name = \"Wiki\"\nscope = \"openid\"\nsecret = \"{}\"\n\
         redirect_uris = [\"https://wiki.example.com/callback\"]\n{managers}",
        folder.display(),
        reference("encryption"),
        reference("audit"),
        reference("mail"),
        reference("client"),
    );
    std::fs::write(&path, text).unwrap();
    path
}

/// A command of the server's on these settings, without what this test's own environment would tell a manager's client.
fn command(arguments: &[&str], config: &Path) -> Command {
    let mut command = binary();
    command.args(arguments).arg("--config").arg(config);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if ["AWS_", "GOOGLE_", "GCE_", "VAULT_", "BAO_"].iter().any(|prefix| text.starts_with(prefix)) {
            command.env_remove(&name);
        }
    }
    // What a person who tests has signed in to is nobody's business here.
    command.env("HOME", config.parent().unwrap());
    command
}

/// The server on these settings, which logs all that it can: nothing of it may be a secret.
fn serve(config: &Path) -> Command {
    let mut command = command(&["serve"], config);
    command.env("KEYWARD_LOG", "trace");
    command
}

/// `auth-service secrets check --json`: whether it found no fault, what it said, and that it showed no value.
fn checked(command: &mut Command, values: &Value) -> (bool, Value) {
    let ran = command.arg("--json").output().unwrap();
    let (output, error) = (String::from_utf8(ran.stdout).unwrap(), String::from_utf8(ran.stderr).unwrap());
    shows_none(&output, values);
    shows_none(&error, values);
    assert_eq!(error, "", "{output}");
    (ran.status.success(), serde_json::from_str(&output).unwrap())
}

/// Nothing of the values is in a text.
fn shows_none(text: &str, values: &Value) {
    for key in KEYS {
        assert!(!text.contains(values[key].as_str().unwrap()), "{key} is shown: {text}");
    }
}

/// What a keeper says of a reference: the value, or the one word and the sentence for why there is none.
async fn told(keeper: &Keeper, reference: &str) -> Result<String, (&'static str, String)> {
    let reference: SecretRef = reference.parse().unwrap();
    match keeper.read(&reference).await {
        Ok(secret) => Ok(secret.value.expose_secret().to_owned()),
        Err(error) => {
            assert!(error.to_string().contains(&reference.to_string()), "{error}");
            Err((error.cause.kind(), error.to_string()))
        }
    }
}

/// A file that its owner alone may read.
fn write_private(path: &Path, text: &str) {
    use std::io::Write as _;
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
}
