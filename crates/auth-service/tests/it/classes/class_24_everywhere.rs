//! Class 24: a secret printed, or kept as it is. Both modes, at their loudest: after the way of a person, every secret of the server's
//! and of theirs is looked for in everything that the server leaves behind or tells to others than them.

use std::path::Path;

use auth_service::admin::{AskStatus, ListAudit, ListMail, LookAtSecrets, call};
use secrets::ExposeSecret as _;
use secrets::sealing::generate_key_text;

use super::class_24_log::{decoded, forms};
use super::class_24_server::{PASSWORDS, Used, found_nowhere, journey, mail_server, of_folder, transport};
use crate::full::Stack;
use crate::process::{NAMES, POSTMARK, Running, command, get, write_secrets};
use crate::rotation::{guarded, hang_up, put};
use crate::traces::collector;

/// What there is to be looked at of a server, by name.
#[derive(Default)]
struct Left(Vec<(String, Vec<u8>)>);

impl Left {
    fn add(&mut self, name: impl Into<String>, bytes: impl Into<Vec<u8>>) {
        let (name, bytes) = (name.into(), bytes.into());
        assert!(!bytes.is_empty(), "there is nothing of {name}");
        self.0.push((name, bytes));
    }

    /// Holds none of these in any form.
    fn holds_none(&self, secrets: &[(String, String)]) {
        for (place, bytes) in &self.0 {
            let text = String::from_utf8_lossy(bytes);
            for (name, secret) in secrets {
                assert!(secret.len() >= 16, "{name} is long enough to be looked for: {secret}");
                for form in forms(secret) {
                    found_nowhere(&text, &format!("{place}: {name}"), &form, |_, _| true);
                }
                let raw = decoded(secret).unwrap_or_default();
                let is_there = !raw.is_empty() && bytes.windows(raw.len()).any(|part| part == raw);
                assert!(!is_there, "{place}: {name} is in it, in bytes");
            }
        }
    }
}

/// What is the server's, or the person's, is in nothing that is left. What answers tell the person is theirs, but for passwords.
fn is_in_nothing(left: &Left, used: Used, of_server: Vec<(String, String)>) {
    let mut answers = Left::default();
    answers.add("the answers", used.answers);
    let passwords = PASSWORDS.map(|password| (password.to_owned(), password.to_owned()));
    answers.holds_none(&[&of_server[..], &passwords].concat());
    left.holds_none(&[of_server, used.secrets].concat());
}

/// Starts a server, has a person go their way, and looks at all but the database.
async fn lived(
    mut command: std::process::Command,
    folder: &Path,
    socket: &Path,
    mails: &std::sync::mpsc::Receiver<String>,
) -> (Left, Used) {
    let (endpoint, traces) = collector();
    command.args(["--set", &format!("traces.endpoint={endpoint}")]).env("KEYWARD_LOG", "trace");
    let mut server = Running::of(&mut command);
    let used = journey(&server, mails);
    // What changes is read anew, and so is what does not.
    put(&folder.join("client"), generate_key_text().expose_secret());
    hang_up(&server);
    server.wait_for_line("a changed secret is in force");

    let mut left = Left::default();
    for path in ["/metrics", "/readyz", "/startupz", "/livez"] {
        left.add(path, get(&server.internal, path).1);
    }
    let list = ListAudit { limit: 100, before: None, person: None };
    let shown = [
        serde_json::to_string(&call(socket, &AskStatus {}).await.unwrap()),
        serde_json::to_string(&call(socket, &LookAtSecrets { refresh: true }).await.unwrap()),
        serde_json::to_string(&call(socket, &list).await.unwrap()),
        serde_json::to_string(&call(socket, &ListMail { limit: 100 }).await.unwrap()),
    ];
    left.add("what the operator is shown", shown.map(Result::unwrap).concat());
    let processes = family(server.child.id());
    for process in processes {
        // One that was there may have ended.
        for file in ["environ", "cmdline"] {
            if let Ok(bytes) = std::fs::read(format!("/proc/{process}/{file}")) {
                left.add(format!("{file} of process {process}"), bytes);
            }
        }
    }
    let log = server.end();
    assert!(log.contains("\"TRACE\"") || log.contains("\"DEBUG\""), "it is loud");
    left.add("the log", log);
    let told: Vec<_> = traces.try_iter().map(|message| message.to_string()).collect();
    assert!(told.iter().any(|message| message.contains("POST /api/v1/sign-in/code")), "{told:?}");
    left.add("the traces", told.concat());
    (left, used)
}

/// A process, and those that it started, and those that they did.
fn family(first: u32) -> Vec<u32> {
    let mut family = vec![first];
    let parents: Vec<(u32, u32)> = std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| {
            let process: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
            let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
            let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()?;
            Some((process, parent))
        })
        .collect();
    let mut at = 0;
    while let Some(one) = family.get(at).copied() {
        family.extend(parents.iter().filter(|(_, parent)| *parent == one).map(|(process, _)| *process));
        at += 1;
    }
    family
}

#[tokio::test]
async fn class_24_no_secret_is_left_by_a_server_of_one_process() {
    let folder = tempfile::tempdir().unwrap();
    write_secrets(folder.path());
    std::fs::write(folder.path().join("pepper"), generate_key_text().expose_secret()).unwrap();
    let at = folder.path().display();
    let (mail_port, mails) = mail_server();
    let mut command = command(folder.path(), &transport(mail_port));
    let socket = folder.path().join("own.sock");
    command.args(["--set", &format!("password.hashing.pepper=file:{at}/pepper")]);
    command.args(["--set", &format!("admin.socket={}", socket.display())]);
    let mut secrets = of_folder(folder.path(), NAMES.into_iter().chain(["pepper"]));
    let (mut left, used) = lived(command, folder.path(), &socket, &mails).await;
    let mut files = 0;
    for entry in std::fs::read_dir(folder.path()).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        // With what is written ahead of it.
        if name.starts_with("keyward.sqlite") {
            let bytes = std::fs::read(entry.path()).unwrap();
            if !bytes.is_empty() {
                files += 1;
                left.add(name, bytes);
            }
        }
    }
    assert!(files > 0, "there is a database");
    secrets.extend(of_folder(folder.path(), ["client"]));
    is_in_nothing(&left, used, secrets);
}

#[tokio::test]
async fn class_24_no_secret_is_left_by_a_server_on_postgresql_and_redis() {
    let Some(stack) = guarded().await else { return };
    let folder = stack.folder.path();
    let (mail_port, mails) = mail_server();
    let config = folder.join("keyward.toml");
    let at = folder.display().to_string();
    let filled = |transport: &str| transport.replace("SECRETS", &at);
    let text = std::fs::read_to_string(&config).unwrap();
    let told = text
        .replace(&filled(POSTMARK), &filled(&transport(mail_port)))
        .replace("require_proof = false", "require_proof = true");
    assert!(told.contains("kind = \"smtp\"") && told.contains("require_proof = true"), "{told}");
    std::fs::write(&config, told).unwrap();
    let mut secrets = of_folder(folder, NAMES.into_iter().chain(["database", "redis"]));
    let (mut left, used) = lived(stack.server(1, &[]), folder, &folder.join("1.sock"), &mails).await;
    left.add("PostgreSQL", every_row(&stack));
    secrets.extend(of_folder(folder, ["client"]));
    is_in_nothing(&left, used, secrets);
}

/// Every column of every table, as text; bytes are hexadecimal in it.
fn every_row(stack: &Stack) -> String {
    let tables = stack.asked("SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public'");
    let rows: Vec<_> = tables
        .lines()
        .map(|table| stack.asked(&format!("SELECT entry::text FROM {table} AS entry")))
        .collect();
    let all = rows.concat();
    // It is looked where people are.
    assert!(tables.lines().count() > 10 && all.contains("ana@example.com"), "{tables}");
    all
}
