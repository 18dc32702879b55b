//! `keyward secrets rotate` where it is stopped in the middle, and where the configuration has a place for the key before.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{ended, sealed};
use crate::command::{KEYWARD, run, text};
use crate::restart::{PASSWORD, prove, sign_up};
use crate::running::{Running, free_port};

const ROTATE: [&str; 4] = ["secrets", "rotate", "keys.encryption", "--yes"];

/// Settings of a server on the data of `keyward dev`, which itself has no place for a key before.
fn settings(data: &Path, older: &str, port: u16) -> PathBuf {
    let file = data.join("keyward.toml");
    let settings = format!(
        "[server]\npublic_url = \"https://auth.example.com\"\nlisten = \"127.0.0.1:{port}\"\n[internal]\nlisten = \"127.0.0.1:0\"\n\
         [database]\npath = \"DATA/keyward.sqlite\"\n[keys]\nencryption = \"file:DATA/encryption.key\"\n\
         older_encryption = [\"file:DATA/{older}\"]\naudit = \"file:DATA/audit.key\"\n\
         [mail]\nfrom = \"no-reply@example.com\"\n[mail.transport]\nkind = \"smtp\"\nhost = \"mail.example.com\"\n"
    );
    std::fs::write(&file, settings.replace("DATA", &data.display().to_string())).unwrap();
    file
}

/// The server on them, once it answers.
pub(super) fn serve(config: &Path, port: u16) -> Running {
    let program = Path::new(KEYWARD).with_file_name("auth-service");
    let mut command = Command::new(&program);
    command.arg("serve").arg("--config").arg(config).stderr(Stdio::null());
    for name in ["DATABASE_URL", "REDIS_URL", "REDIS_HOST_NAME", "REDIS_PORT", "REDIS_PASSWORD"] {
        command.env_remove(name);
    }
    let child = command.spawn().unwrap_or_else(|error| {
        panic!("{}: {error}; test the whole workspace, which builds it", program.display())
    });
    let running = Running::of(child, port);
    while running.try_to_ask("GET", "/.well-known/openid-configuration", "").is_err() {
        assert!(running.is_running(), "it ended before it ran");
        std::thread::yield_now();
    }
    running
}

/// The second run took the next key for the one before: what that had sealed was lost at the next start.
#[test]
fn a_run_that_was_stopped_leaves_the_key_before_where_it_is_needed() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let running = Running::start(folder.path());
    let (proof, code) = sign_up(&running);
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap().trim().to_owned();
    let (first, (before, _)) = (read("encryption.key"), sealed(data));
    let arguments = [&ROTATE[..], &["--data", data]].concat();
    let mut stopped = Command::new(KEYWARD).args(&arguments).stdout(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(stopped.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(said.any(|line| line.starts_with("The next key, ")), "it ended before");
    stopped.kill().unwrap();
    stopped.wait().unwrap();
    let second = read("encryption.key");
    assert_ne!(second, first);

    // It has not been taken yet, or it has, and the mailed code needs the one before.
    let (status, said, error) = ended(&run(&arguments));
    match status {
        Some(0) => assert!(said.contains("encryption.key already, and the one before in"), "{said}"),
        _ => assert!(
            error.contains(&format!("the key {before}")) && error.contains("it would be lost"),
            "{error}"
        ),
    }
    let kept = || (read("encryption.key"), read("encryption.before"));
    assert_eq!(kept(), (second.clone(), first.clone()));
    let mut tries = 0;
    loop {
        let (seals, others) = sealed(data);
        if seals != before && others == 1 {
            break;
        }
        tries += 1;
        assert!(tries < 500, "{before} {seals} {others}");
    }
    let (status, _, error) = ended(&run(&arguments));
    assert!(status == Some(1) && error.contains("nothing was done to "), "{error}");
    let needed = format!("1 value needs the key {before} until ");
    assert!(error.contains(&needed) && error.contains("(mailed codes), and it would be lost"), "{error}");
    assert_eq!(kept(), (second, first));
    assert_eq!(running.stop().code(), Some(0));

    let port = free_port();
    let running = serve(&settings(folder.path(), "encryption.before", port), port);
    let answer = prove(&running, &proof, &code);
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let status = run(&["status", "--socket", data]);
    assert!(!text(&status.stdout).contains("is not here"), "{}", text(&status.stdout));
    assert_eq!(running.stop().code(), Some(0));
}

/// As `keyward init` writes it: the same key is in both places until the first exchange.
#[test]
fn the_key_before_is_kept_where_the_configuration_looks() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    assert_eq!(Running::start(data).stop().code(), Some(0));
    let read = |name: &str| std::fs::read_to_string(data.join(name)).unwrap().trim().to_owned();
    let first = read("encryption.key");
    std::fs::copy(data.join("encryption.key"), data.join("encryption-older")).unwrap();
    let port = free_port();
    let config = settings(data, "encryption-older", port);
    let running = serve(&config, port);
    let config = config.to_str().unwrap();
    let (status, said, error) = ended(&run(&[&ROTATE[..], &["--config", config]].concat()));
    assert_eq!((status, error.as_str()), (Some(0), ""), "{said}");
    assert!(!said.contains("does not name it"), "{said}");
    assert_ne!(read("encryption.key"), first);
    assert_eq!(read("encryption-older"), first);
    assert!(!data.join("encryption.before").exists());
    // Nothing needs the first one; but what was under way when it was exchanged may yet come.
    let (status, _, error) = ended(&run(&[&ROTATE[..], &["--config", config]].concat()));
    assert!(status == Some(1) && error.contains("run this again in two minutes"), "{error}");
    assert_eq!(read("encryption-older"), first);
    assert_eq!(running.stop().code(), Some(0));
}

/// They went on: whoever has the key and a copy of the database finds a code of six digits by trying.
#[test]
fn with_a_key_that_others_may_have_what_was_mailed_ends_too_and_that_is_said_first() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let running = Running::start(folder.path());
    let (proof, code) = sign_up(&running);
    let arguments = ["secrets", "rotate", "keys.encryption", "--assume-compromised", "--data", data];
    let (status, _, error) = ended(&run(&arguments));
    assert!(
        status == Some(1) && error.contains("Every code and link that was mailed ends (1 is good now)"),
        "{error}"
    );
    let (status, said, error) = ended(&run(&[&arguments[..], &["--yes"]].concat()));
    assert_eq!((status, error.as_str()), (Some(0), ""), "{said}");
    assert!(said.contains("What was mailed is good no more: 1 until now."), "{said}");
    assert!(said.contains("may need it for a minute"), "{said}");
    let answer = prove(&running, &proof, &code);
    assert!(answer.starts_with("HTTP/1.1 410 "), "{answer}");
    crate::channel::until_sealed(folder.path());
    let listed = text(&run(&["audit", "list", "--limit", "500", "--data", data]).stdout);
    assert!(listed.contains("withdraw_mailed"), "{listed}");
    assert_eq!(running.stop().code(), Some(0));
}

#[test]
fn with_what_sends_mail_in_other_hands_what_was_mailed_ends_and_the_rest_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    assert_eq!(Running::start(data).stop().code(), Some(0));
    std::fs::write(data.join("mail.password"), "a-password-of-the-mail-server").unwrap();
    let port = free_port();
    let config = settings(data, "encryption.key", port);
    let without = std::fs::read_to_string(&config).unwrap();
    let signs_in = format!("username = \"keyward\"\npassword = \"file:{}/mail.password\"\n", data.display());
    std::fs::write(&config, without + &signs_in).unwrap();
    let running = serve(&config, port);
    let config = config.to_str().unwrap();
    let body = format!("{{\"email\":\"ana@example.com\",\"password\":\"{PASSWORD}\"}}");
    assert!(running.ask("POST", "/api/v1/sign-up", &body).starts_with("HTTP/1.1 201 "));

    // Without the word that others may have it nothing ends.
    let rotate = ["secrets", "rotate", "mail.transport.password", "--config", config];
    let (status, said, _) = ended(&run(&rotate));
    assert!(status == Some(3) && said.starts_with("Nothing was done yet: mail.transport.password"), "{said}");
    let compromised = [&rotate[..], &["--assume-compromised"]].concat();
    let (status, _, error) = ended(&run(&compromised));
    assert!(
        status == Some(1) && error.contains("(1 is good now)") && error.contains("give --yes"),
        "{error}"
    );
    let (status, said, error) = ended(&run(&[&compromised[..], &["--yes"]].concat()));
    assert_eq!((status, error.as_str()), (Some(3), ""), "{said}");
    assert!(
        said.contains("What was mailed is good no more: 1 until now. But mail.transport.password"),
        "{said}"
    );
    assert!(said.contains("\n  1. Give the user that Keyward is another password"), "{said}");
    assert!(said.contains("once the new one is in force, `keyward mail withdraw`"), "{said}");
    // As it says; and there is nothing left.
    let (status, said, error) = ended(&run(&["mail", "withdraw", "--yes", "--config", config]));
    assert_eq!((status, error.as_str()), (Some(0), ""), "{said}");
    assert!(said.contains("What was mailed is good no more: 0 until now."), "{said}");
    let listed = text(&run(&["mail", "list", "--config", config]).stdout);
    assert!(listed.contains("prove_address") && listed.contains("  expired  "), "{listed}");
    assert_eq!(running.stop().code(), Some(0));
}
