//! Class 24: a secret printed, or kept as it is. Both modes, at their loudest: after the way of a person, every secret of the server's
//! and of theirs is looked for in everything that the server leaves behind or tells to others than them. Where managers keep the secrets
//! the same is done in `managers/class_24_managed.rs`.
//!
//! What a run looks for it has drawn itself: no snapshot that is in the repository can hold it. What people type is the same in each
//! run, and so is looked for in those, too.

use std::path::{Path, PathBuf};
use std::process::Command;

use auth_service::admin::{AskStatus, ListAudit, ListMail, LookAtSecrets, call};
use secrets::ExposeSecret as _;
use secrets::sealing::generate_key_text;

use super::class_24_log::{decoded, forms};
use super::class_24_server::{PASSWORDS, Used, found_nowhere, journey, mail_server, of_folder, transport};
use crate::full::Stack;
use crate::process::{NAMES, POSTMARK, Running, command, get, write_secrets};
use crate::rotation::{guarded, hang_up, put, tell_redis};
use crate::traces::collector;

/// What there is to be looked at of a server, by name.
#[derive(Default)]
pub(crate) struct Left(Vec<(String, Vec<u8>)>);

impl Left {
    pub(crate) fn add(&mut self, name: impl Into<String>, bytes: impl Into<Vec<u8>>) {
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
pub(crate) fn is_in_nothing(left: &Left, used: Used, of_server: Vec<(String, String)>) {
    let mut answers = Left::default();
    answers.add("the answers", used.answers);
    let passwords = PASSWORDS.map(|password| (password.to_owned(), password.to_owned()));
    answers.holds_none(&[&of_server[..], &passwords].concat());
    left.holds_none(&[of_server, used.secrets].concat());
}

/// Starts a server, has a person go their way, and what is kept change; then looks at all but the database.
pub(crate) async fn lived(
    mut command: Command,
    socket: &Path,
    mails: &std::sync::mpsc::Receiver<String>,
    change: impl FnOnce(&mut Running),
) -> (Left, Used) {
    let (endpoint, traces) = collector();
    command.args(["--set", &format!("traces.endpoint={endpoint}")]).env("KEYWARD_LOG", "trace");
    let mut server = Running::of(&mut command);
    let used = journey(&server, mails);
    change(&mut server);

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

/// What changes is read anew, and so is what does not.
fn another_client(server: &mut Running, folder: &Path) {
    put(&folder.join("client"), generate_key_text().expose_secret());
    hang_up(server);
    server.wait_for_line("a changed secret is in force");
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
    let (mut left, used) =
        lived(command, &socket, &mails, |server| another_client(server, folder.path())).await;
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
    // Of this run alone.
    let [database, redis] = [(); 2].map(|()| generate_key_text().expose_secret().to_owned());
    stack.tamper(&format!("ALTER ROLE app PASSWORD '{database}'"));
    tell_redis(stack.redis.port(), &redis);
    put(&folder.join("database"), &database);
    put(&folder.join("redis"), &redis);
    let mut secrets = of_folder(folder, NAMES.into_iter().chain(["database", "redis"]));
    let (server, socket) = (stack.server(1, &[]), folder.join("1.sock"));
    let (mut left, used) = lived(server, &socket, &mails, |server| another_client(server, folder)).await;
    left.add("PostgreSQL", every_row(&stack));
    left.add("Redis", every_key(&stack));
    secrets.extend(of_folder(folder, ["client"]));
    is_in_nothing(&left, used, secrets);
}

/// Every column of every table, as text; bytes are hexadecimal in it.
pub(crate) fn every_row(stack: &Stack) -> String {
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

/// Every key of Redis with its value, whatever kind that is of.
const EVERY_KEY: &str = "
    local told = {}
    local reads = { string = { 'GET' }, hash = { 'HGETALL' }, list = { 'LRANGE', 0, -1 }, set = { 'SMEMBERS' },
                    zset = { 'ZRANGE', 0, -1 }, stream = { 'XRANGE', '-', '+' } }
    for _, key in ipairs(redis.call('KEYS', '*')) do
        local read = reads[redis.call('TYPE', key).ok]
        table.insert(told, key)
        table.insert(told, redis.call(read[1], key, unpack(read, 2)))
    end
    return told";

pub(crate) fn every_key(stack: &Stack) -> Vec<u8> {
    let port = stack.redis.port().to_string();
    let told =
        Command::new("redis-cli").args(["-p", &port, "--raw", "EVAL", EVERY_KEY, "0"]).output().unwrap();
    // It is looked where people are counted.
    let text = String::from_utf8_lossy(&told.stdout);
    assert!(told.status.success() && text.contains("keyward:limit:mail:"), "{text}");
    told.stdout
}

/// The snapshots that stand in a source, and what else is quoted behind an `@`.
fn inline(source: &str) -> impl Iterator<Item = &str> {
    source.split('@').skip(1).filter_map(|rest| {
        let rest = rest.strip_prefix('r').unwrap_or(rest);
        let quoted = rest.trim_start_matches('#');
        let end = format!("\"{}", "#".repeat(rest.len() - quoted.len()));
        Some(quoted.strip_prefix('"')?.split_once(&end)?.0)
    })
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs" || end == "snap") {
            found.push(path);
        }
    }
}

#[test]
fn class_24_no_snapshot_holds_what_people_type() {
    assert_eq!(
        inline("x, @r#\"a \"b\" c\"#); y, @\"d\"); e@example").collect::<Vec<_>>(),
        ["a \"b\" c", "d"]
    );
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut files = Vec::new();
    for folder in ["crates", "e2e", "rehearsal"] {
        sources(&root.join(folder), &mut files);
    }
    let mut seen = 0;
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let is_whole = file.extension().is_some_and(|end| end == "snap");
        let snapshots: Vec<_> = if is_whole { vec![&*text] } else { inline(&text).collect() };
        seen += snapshots.len();
        for (snapshot, password) in snapshots.iter().flat_map(|one| PASSWORDS.map(|password| (one, password)))
        {
            for form in forms(password) {
                found_nowhere(snapshot, &file.display().to_string(), &form, |_, _| true);
            }
        }
    }
    assert!(seen > 100, "the snapshots are found: {seen}");
}
