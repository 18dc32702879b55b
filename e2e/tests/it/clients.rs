//! Clients of others, unmodified, against the real server: npm `openid-client` and Python Authlib.
//!
//! A script below `e2e/clients` is the app; the test is the person, by plain HTTP, and says where each visit ended.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;
use url::Url;

use crate::person::ADA;
use crate::service::{Service, binary};
use crate::tools::{free_port, missing, program};
use crate::visitor::Visitor;

/// What a client that can keep a secret goes through.
const STEPS: [&str; 9] = [
    "discovery",
    "code with PKCE",
    "ID token",
    "userinfo",
    "refresh, rotated",
    "introspection",
    "client credentials",
    "revocation",
    "sign-out",
];
const LAST: &str = "back-channel logout";

/// How an app is registered, and what its ID tokens are signed by; between them every algorithm is read.
const BASIC: Registration = Registration { method: "client_secret_basic", flags: &[], algorithm: "RS256" };
const POST: Registration =
    Registration { method: "client_secret_post", flags: &["--secret-in-form"], algorithm: "ES256" };
const KEY: Registration = Registration { method: "private_key_jwt", flags: &[], algorithm: "EdDSA" };
const PUBLIC: Registration = Registration { method: "none", flags: &["--public"], algorithm: "ES256" };

struct Registration {
    method: &'static str,
    flags: &'static [&'static str],
    algorithm: &'static str,
}

/// A program with a script of ours.
struct Client {
    program: PathBuf,
    script: &'static str,
}

#[tokio::test]
async fn openid_client_does_everything_that_an_app_does() {
    let modules = Path::new(env!("CARGO_MANIFEST_DIR")).join("node_modules/openid-client");
    let is_new = |node: &PathBuf| {
        let ask = "process.exit(parseInt(process.versions.node) >= 20 ? 0 : 1)";
        Command::new(node).args(["-e", ask]).status().is_ok_and(|status| status.success())
    };
    let node = program(&["node"]).filter(|_| modules.is_dir()).filter(is_new);
    let Some(program) = node else { return missing("Node 20 or newer with openid-client") };
    drive(&Client { program, script: "openid_client.mjs" }, &[BASIC, POST, KEY, PUBLIC]).await;
}

#[tokio::test]
async fn authlib_does_everything_that_an_app_does() {
    let python =
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(".test-cache/python/bin/python");
    let has_authlib = |python: &PathBuf| {
        let import = Command::new(python).args(["-c", "import authlib"]).stderr(Stdio::null()).status();
        import.is_ok_and(|status| status.success())
    };
    let Some(program) = Some(python).filter(has_authlib) else { return missing("Python with Authlib") };
    drive(&Client { program, script: "authlib_client.py" }, &[BASIC, POST, KEY]).await;
}

/// One server, one person, and an app for each registration.
async fn drive(client: &Client, registrations: &[Registration]) {
    let data = tempfile::tempdir().unwrap();
    let service = Service::start(&data).await;
    let mut visitor = Visitor::sign_up(&ADA, &service).await;
    for registration in registrations {
        let passed = run(client, registration, &service, &data, &mut visitor).await;
        let confidential = registration.method != "none";
        let skipped = |step: &str| !confidential && matches!(step, "introspection" | "client credentials");
        let expected: Vec<_> = STEPS.into_iter().chain([LAST]).filter(|step| !skipped(step)).collect();
        assert_eq!(passed, expected, "{} as {}", client.script, registration.method);
    }
    service.stop().await;
}

/// The steps that the script says it has passed.
async fn run(
    client: &Client,
    registration: &Registration,
    service: &Service,
    data: &TempDir,
    visitor: &mut Visitor<'_>,
) -> Vec<String> {
    let app: Url = format!("http://127.0.0.1:{}", free_port()).parse().unwrap();
    let key = data.path().join(format!("{}.key", registration.method));
    let secret = register(client, registration, &app, data, &key);
    let child = command(client)
        .env("ISSUER", service.auth.as_str().trim_end_matches('/'))
        .env("APP", app.as_str().trim_end_matches('/'))
        .env("CLIENT_ID", registration.method)
        .env("CLIENT_SECRET", secret)
        .env("METHOD", registration.method)
        .env("ALGORITHM", registration.algorithm)
        .env("KEY_FILE", &key)
        .env("PERSON_NAME", ADA.name)
        .env("PERSON_EMAIL", ADA.email)
        .spawn()
        .unwrap();
    let mut script = Script::new(child);
    loop {
        match script.next() {
            Message::Visit(url) => {
                let arrived = visitor.visit(url, &app).await;
                script.answer(&json!({ "arrived": arrived }));
            }
            Message::Passed(steps) => return steps,
        }
    }
}

/// Registers the app by the command, beside the running server; its secret, if it has one.
fn register(client: &Client, registration: &Registration, app: &Url, data: &TempDir, key: &Path) -> String {
    let at = |path: &str| app.join(path).unwrap().to_string();
    let mut add = Command::new(binary());
    add.args(["client", "add", registration.method, "--json", "--refresh"])
        .args(["--scope", "openid profile email reports", "--id-token-algorithm", registration.algorithm])
        .args(["--redirect-uri", &at("/callback"), "--post-logout-redirect-uri", &at("/")])
        .args(["--backchannel-logout-uri", &at("/signed-out")])
        .args(registration.flags)
        .arg("--data")
        .arg(data.path().join("keyward-data"));
    if registration.method != "none" {
        add.arg("--client-credentials");
    }
    if registration.method == "private_key_jwt" {
        let made = command(client).arg("make-key").env("KEY_FILE", key).status().unwrap();
        assert!(made.success(), "the script makes a key");
        add.arg("--private-key").arg(key.with_extension("key.public"));
    }
    let added = add.output().unwrap();
    assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
    let added: Value = serde_json::from_slice(&added.stdout).unwrap();
    added["client_secret"].as_str().unwrap_or_default().to_owned()
}

fn command(client: &Client) -> Command {
    let mut command = Command::new(&client.program);
    command
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("clients").join(client.script))
        // Authlib speaks plain http only when it is told that it may.
        .env("AUTHLIB_INSECURE_TRANSPORT", "1")
        .env("NO_PROXY", "*")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    command
}

/// What a script says, a line each.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Message {
    Visit(Url),
    Passed(Vec<String>),
}

/// A running script; ends with the value.
struct Script {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Script {
    fn new(mut child: Child) -> Self {
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { child, input, output: BufReader::new(output) }
    }

    fn next(&mut self) -> Message {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        serde_json::from_str(&line)
            .unwrap_or_else(|_| panic!("the script ended: {line:?}; why, it says above"))
    }

    fn answer(&mut self, message: &Value) {
        writeln!(self.input, "{message}").unwrap();
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
