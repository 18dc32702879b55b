//! The server as a process: what it refuses to start on.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use secrets::ExposeSecret as _;
use secrets::sealing::generate_key_text;
use store::ServerLock;

const POSTMARK: &str = "kind = \"postmark\"\ntoken = \"file:SECRETS/mail\"";
const SMTP: &str =
    "kind = \"smtp\"\nhost = \"mail.example.com\"\nusername = \"keyward\"\npassword = \"file:SECRETS/mail\"";
const APP: &str = "[[clients]]\nclient_id = \"wiki\"\nclient_name = \"Wiki\"\nscope = \"openid\"\nsecret = \"file:SECRETS/client\"\n\
                   redirect_uris = [\"https://wiki.example.com/callback\"]\n";
/// The secrets of a server.
const NAMES: [&str; 5] = ["encryption", "older", "audit", "mail", "client"];

/// Writes good secrets into a folder.
fn write_secrets(folder: &Path) {
    for name in NAMES {
        std::fs::write(folder.join(name), generate_key_text().expose_secret()).unwrap();
    }
}

/// A server about to be started on these settings.
fn command(folder: &Path, transport: &str) -> Command {
    let config = folder.join("keyward.toml");
    let settings = format!(
        "[server]\npublic_url = \"https://auth.example.com\"\nlisten = \"127.0.0.1:0\"\n\
          [database]\npath = \"SECRETS/keyward.sqlite\"\n[keys]\nencryption = \"file:SECRETS/encryption\"\n\
          older_encryption = [\"file:SECRETS/older\"]\naudit = \"file:SECRETS/audit\"\n\
          [mail]\nfrom = \"no-reply@example.com\"\n[mail.transport]\n{transport}\n{APP}"
    );
    std::fs::write(&config, settings.replace("SECRETS", &folder.display().to_string())).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_auth-service"));
    command.arg("serve").arg("--config").arg(config);
    command
}

/// Starts the server on what cannot be served, and waits for it to say so.
fn refused(folder: &Path, transport: &str) -> String {
    let Output { status, stderr, .. } = command(folder, transport).output().unwrap();
    let error = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(1), "{error}");
    error
}

/// A server that runs; killed when dropped.
struct Running {
    child: Child,
    address: String,
    /// What it logged before it served.
    log: String,
}

impl Running {
    /// Starts it, and reads in its log where it listens.
    fn start(folder: &Path, transport: &str) -> Self {
        let mut child = command(folder, transport).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let mut log = String::new();
        let serving = lines.by_ref().inspect(|line| log.extend([line, "\n"]));
        let serving = serving.into_iter().find(|line| line.contains("\"serving\""));
        let serving = serving.unwrap_or_else(|| panic!("it ended before it served: {log}"));
        // Whatever else it says: a pipe that nobody reads would stop it.
        std::thread::spawn(move || lines.for_each(drop));
        let line: serde_json::Value = serde_json::from_str(&serving).unwrap();
        let address = line["fields"]["address"].as_str().unwrap().to_owned();
        Self { child, address, log }
    }

    /// Sends the head of a sign-up and `body`, which may be the beginning of one of `length` bytes.
    fn sign_up(&self, body: &str, length: usize) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let head = "POST /api/v1/sign-up HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json";
        write!(stream, "{head}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}").unwrap();
        stream
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// It once waited for requests, and then as long again for background work: 16 seconds, where compose kills after ten.
#[test]
#[expect(clippy::disallowed_methods, reason = "how long it takes to stop is what is measured")]
fn a_stop_takes_less_than_ten_seconds_whatever_is_stuck() {
    let folder = tempfile::tempdir().unwrap();
    write_secrets(folder.path());
    let mails = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = mails.local_addr().unwrap().port();
    let transport = format!("kind = \"smtp\"\nhost = \"127.0.0.1\"\nport = {port}\nsecurity = \"none\"");
    let mut running = Running::start(folder.path(), &transport);
    let body = r#"{"email":"ana@example.com","password":"correct horse battery"}"#;
    let mut answer = String::new();
    running.sign_up(body, body.len()).read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    let (_stuck, _) = mails.accept().unwrap();
    let _half = running.sign_up(&body[..20], body.len());
    let told = Command::new("kill").args(["-TERM", &running.child.id().to_string()]).status().unwrap();
    let begun = Instant::now();
    assert!(told.success());
    assert_eq!(running.child.wait().unwrap().code(), Some(0));
    assert!(begun.elapsed() < Duration::from_secs(9), "{:?}", begun.elapsed());
}

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
        for (secret, why) in [
            ("", "is empty"),
            ("changeme", "is a sample or well-known secret that anybody can try"),
            (&*sample, "is a sample or well-known secret that anybody can try"),
            ("zK3!vq9", "has 7 bytes and must have at least 16"),
            (&repeated, "repeats itself, so it is not random"),
        ] {
            let error = refused_with(name, secret, POSTMARK);
            assert!(error.contains(&format!("the secret for {setting}: ")), "{name} {secret:?}: {error}");
            assert!(error.contains(why), "{name} {secret:?}: {error}");
            assert!(secret.is_empty() || !error.contains(secret), "{error}");
        }
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
