//! The server as a process: what it refuses to start on, and what it says at start.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::process::Command;

use store::ServerLock;

use crate::process::{NAMES, POSTMARK, Running, SMTP, binary, command, refused, write_config, write_secrets};

#[test]
fn a_secret_that_every_user_can_read_is_told_at_start() {
    let folder = tempfile::tempdir().unwrap();
    write_secrets(folder.path());
    for name in NAMES {
        let mode = std::fs::Permissions::from_mode(if name == "audit" { 0o644 } else { 0o600 });
        std::fs::set_permissions(folder.path().join(name), mode).unwrap();
    }
    let log = Running::start(folder.path(), POSTMARK).log.clone();
    let told: Vec<_> = log.lines().filter(|line| line.contains("every user of this machine")).collect();
    assert_eq!(told.len(), 1, "{log}");
    assert!(told[0].contains("\"setting\":\"keys.audit\"") && told[0].contains("\"mode\":\"0644\""), "{log}");
}

#[test]
fn a_database_that_another_server_serves_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    write_secrets(folder.path());
    let _held = ServerLock::take(&folder.path().join("keyward.sqlite")).unwrap();
    let error = refused(folder.path(), POSTMARK);
    let who = format!("already served by another process (number {})", std::process::id());
    assert!(error.contains(&who), "{error}");
    assert!(!folder.path().join("keyward.sqlite").exists(), "nothing was half started");
}

/// It was told that the socket's folder must be there, which it was.
#[test]
fn a_group_that_the_user_is_no_member_of_is_told() {
    let folder = tempfile::tempdir().unwrap();
    write_secrets(folder.path());
    let open = |mode| std::fs::Permissions::from_mode(mode);
    for name in NAMES {
        std::fs::set_permissions(folder.path().join(name), open(0o644)).unwrap();
    }
    std::fs::set_permissions(folder.path(), open(0o777)).unwrap();
    let mut server = command(folder.path(), POSTMARK);
    std::fs::set_permissions(folder.path().join("keyward.toml"), open(0o644)).unwrap();
    server.args(["--set", "admin.group=root"]);
    // Root may give to every group.
    if std::fs::metadata("/proc/self").unwrap().uid() == 0 {
        let mut other = Command::new("setpriv");
        other.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
        other.arg(server.get_program()).args(server.get_args());
        for (name, value) in server.get_envs() {
            match value {
                Some(value) => other.env(name, value),
                None => other.env_remove(name),
            };
        }
        server = other;
    }
    let output = server.output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains("cannot be given to the group root that admin.group names"), "{error}");
    assert!(error.contains("has to be a member of it"), "{error}");
}

/// Once would be overlooked: each start says it, of each such secret, and never shows it.
#[test]
fn a_secret_in_the_environment_is_warned_of_at_each_start() {
    let folder = tempfile::tempdir().unwrap();
    write_secrets(folder.path());
    let key = std::fs::read_to_string(folder.path().join("encryption")).unwrap();
    let warning = "\"a secret is in the environment, which whoever may look at the process or its container can read: keep it in a \
                   file, and name that\"";
    for _ in 0..2 {
        let mut server = command(folder.path(), POSTMARK);
        server.args(["--set", "keys.encryption=env:SEALS"]).env("SEALS", &key);
        let log = Running::of(&mut server).end();
        let warned: Vec<_> = log.lines().filter(|line| line.contains(warning)).collect();
        let [line] = warned[..] else { panic!("{} warnings: {log}", warned.len()) };
        for part in ["\"WARN\"", "\"setting\":\"keys.encryption\"", "\"variable\":\"SEALS\""] {
            assert!(line.contains(part), "no {part} in {line}");
        }
        assert!(!log.contains(key.trim()), "{log}");
    }
}

/// Starts the server on one bad secret among good ones.
fn refused_with(name: &str, secret: &str, transport: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    write_secrets(folder.path());
    std::fs::write(folder.path().join(name), secret).unwrap();
    refused(folder.path(), transport)
}

#[test]
fn class_19_a_weak_or_sample_secret_is_refused_by_name_and_not_shown() {
    // As a key, a sample of the right length: nothing but the question whether it is well known refuses it.
    let sample = "0123456789abcdef".repeat(4);
    let repeated = "ab".repeat(32);
    for (name, setting) in [
        ("encryption", "keys.encryption"),
        ("older", "keys.older_encryption"),
        ("audit", "keys.audit"),
        ("mail", "mail.transport.token"),
        ("client", "clients.secret"),
    ] {
        let short = if setting.starts_with("keys.") {
            "is not a key: it must be 32 bytes"
        } else {
            "has 7 bytes and must have at least 16"
        };
        for (secret, why) in [
            ("", "is empty"),
            ("changeme", "is a sample or well-known secret that anybody can try"),
            (&*sample, "is a sample or well-known secret that anybody can try"),
            ("zK3!vq9", short),
            (&repeated, "repeats itself, so it is not random"),
        ] {
            let error = refused_with(name, secret, POSTMARK);
            assert!(error.contains(&format!("the secret for {setting}: ")), "{name} {secret:?}: {error}");
            assert!(error.contains(why), "{name} {secret:?}: {error}");
            assert!(secret.is_empty() || !error.contains(secret), "{error}");
        }
    }
}

/// The same of what the settings of [`class_19_a_weak_or_sample_secret_is_refused_by_name_and_not_shown`] do not name. That the
/// two lists are all there is, `config` holds by the schema.
#[test]
fn class_19_so_is_a_sample_in_the_settings_of_a_larger_server() {
    let hashing = ["password.hashing.pepper", "password.hashing.older_peppers"];
    let full = ["database.password", "redis.password"];
    for setting in [&hashing[..], &full, &["secrets.vault.token", "secrets.vault.secret_id"]].concat() {
        let folder = tempfile::tempdir().unwrap();
        write_secrets(folder.path());
        let file = folder.path().join("sample");
        std::fs::write(&file, "change-me-please").unwrap();
        let mut command = command(folder.path(), POSTMARK);
        if full.contains(&setting) {
            command.envs([
                ("DATABASE_URL", "postgres://keyward@127.0.0.1:1/keyward"),
                ("REDIS_HOST_NAME", "127.0.0.1"),
            ]);
            command.args(["--set", "startup.wait=0s"]);
        }
        if setting.starts_with("secrets.vault.") {
            command.args(["--set", "secrets.vault.address=https://127.0.0.1:1"]);
        }
        if setting == "secrets.vault.secret_id" {
            command.args(["--set", "secrets.vault.role_id=keyward"]);
        }
        let output = command.arg("--set").arg(format!("{setting}=file:{}", file.display())).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{setting}: {error}");
        assert!(error.contains(&format!("the secret for {setting}: ")), "{setting}: {error}");
        assert!(error.contains("a sample or well-known "), "{setting}: {error}");
        assert!(!error.contains("change-me-please"), "{error}");
    }
}

/// And of what is kept with an address around it, or is for `migrate` alone.
#[test]
fn class_19_so_is_a_sample_within_an_address_and_one_that_migrates() {
    let postgres = "postgres://keyward:change-me-please@127.0.0.1:1/keyward";
    for (setting, kept, verb) in [
        ("database.url", postgres, &["serve"][..]),
        ("redis.url", "redis://keyward:change-me-please@127.0.0.1:1", &["serve"]),
        ("database.migrate_url", postgres, &["migrate", "apply"]),
        ("database.migrate_password", "change-me-please", &["migrate", "apply"]),
    ] {
        let folder = tempfile::tempdir().unwrap();
        write_secrets(folder.path());
        let file = folder.path().join("sample");
        std::fs::write(&file, kept).unwrap();
        let reference = format!("file:{}", file.display());
        let good = "postgres://keyward@127.0.0.1:1/keyward";
        let mut command = binary();
        command.args(verb).arg("--config").arg(write_config(folder.path(), POSTMARK));
        command.env("DATABASE_URL", if setting == "database.url" { &*reference } else { good });
        match setting {
            "redis.url" => command.env("REDIS_URL", &reference),
            _ => command.env("REDIS_HOST_NAME", "127.0.0.1"),
        };
        if setting.starts_with("database.migrate_") {
            command.args(["--set", &format!("{setting}={reference}")]);
        }
        if setting == "database.migrate_password" {
            command.args(["--set", &format!("database.migrate_url={good}")]);
        }
        let output = command.args(["--set", "startup.wait=0s"]).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{setting}: {error}");
        assert!(error.contains(&format!("the secret for {setting}: ")), "{setting}: {error}");
        assert!(error.contains("a sample or well-known "), "{setting}: {error}");
        assert!(!error.contains("change-me-please"), "{error}");
    }
}

#[test]
fn class_19_one_key_for_two_purposes_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    write_secrets(folder.path());
    // Written otherwise, and still the same.
    let key = std::fs::read_to_string(folder.path().join("encryption")).unwrap();
    std::fs::write(folder.path().join("audit"), format!("{}\n", key.trim())).unwrap();
    let error = refused(folder.path(), POSTMARK);
    assert!(error.contains("keys.audit: it is the same as keys.encryption"), "{error}");
    assert!(!error.contains(key.trim()), "{error}");
}

/// Each in another spelling than the key that it is.
#[test]
fn class_19_so_is_a_pepper_or_an_older_key_that_is_another_key() {
    let settings = ["password.hashing.pepper", "password.hashing.older_peppers", "keys.older_encryption"];
    for setting in settings {
        for (file, other) in [("audit", "keys.audit"), ("encryption", "keys.encryption")] {
            if (setting, other) == ("keys.older_encryption", "keys.encryption") {
                continue;
            }
            let folder = tempfile::tempdir().unwrap();
            write_secrets(folder.path());
            let key = std::fs::read_to_string(folder.path().join(file)).unwrap();
            let again = folder.path().join("again");
            std::fs::write(&again, key.to_uppercase()).unwrap();
            let mut command = command(folder.path(), POSTMARK);
            let output =
                command.arg("--set").arg(format!("{setting}=file:{}", again.display())).output().unwrap();
            let error = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(1), "{setting} {other}: {error}");
            let (named, twin) =
                if setting == "keys.older_encryption" { (other, setting) } else { (setting, other) };
            assert!(error.contains(&format!("{named}: it is the same as {twin}")), "{error}");
            assert!(!error.contains(key.trim()), "{error}");
        }
    }
}

#[test]
fn class_19_the_password_of_the_mail_server_may_be_short_but_no_sample() {
    for (secret, why) in [
        ("", "is empty; write the secret there"),
        (
            "changeme",
            "holds a sample or well-known password that anybody can try; set another at your mail server",
        ),
        (
            "Password123",
            "holds a sample or well-known password that anybody can try; set another at your mail server",
        ),
    ] {
        let error = refused_with("mail", secret, SMTP);
        assert!(error.contains("the secret for mail.transport.password: "), "{secret:?}: {error}");
        assert!(error.contains(why), "{secret:?}: {error}");
        assert!(secret.is_empty() || !error.contains(secret), "{error}");
    }
    // Somebody else's server may give out short ones: what stops this one is a secret that is looked at later.
    let folder = tempfile::tempdir().unwrap();
    write_secrets(folder.path());
    std::fs::write(folder.path().join("mail"), "zK3!vq9").unwrap();
    std::fs::write(folder.path().join("client"), "changeme").unwrap();
    assert!(refused(folder.path(), SMTP).contains("the secret for clients.secret: "));
}
