//! The operator's channel: verbs ask a running server, and do the same on the file where there is none.

use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::command::{KEYWARD, run, text};
use crate::running::Running;

fn socket(data: &Path) -> PathBuf {
    data.join("keyward.sqlite.sock")
}

/// What a verb prints, if it ends well.
fn said(data: &Path, arguments: &[&str]) -> String {
    let output = run(&[arguments, &["--data", data.to_str().unwrap()]].concat());
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

fn refusal(data: &Path, arguments: &[&str]) -> String {
    let output = run(&[arguments, &["--data", data.to_str().unwrap()]].concat());
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {}", text(&output.stdout));
    text(&output.stderr)
}

/// The user of this test, as entries name them.
fn operator() -> String {
    let id = |flag| text(&Command::new("id").arg(flag).output().unwrap().stdout).trim().to_owned();
    format!("operator: {} (uid {})", id("-un"), id("-u"))
}

/// A server in which two people signed up, whose mails are sent, and what was done is sealed.
fn served(data: &Path) -> Running {
    let running = Running::start(data);
    for name in ["ana", "ben"] {
        let body = format!("{{\"email\":\"{name}@example.com\",\"password\":\"correct horse battery\"}}");
        let answer = running.ask("POST", "/api/v1/sign-up", &body);
        assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    }
    while said(data, &["mail", "list"]).contains("  queued  ") {}
    until_sealed(data);
    running
}

/// What is not sealed yet is in no list: a server that has just started may have told of an app that is elsewhere now.
pub(crate) fn until_sealed(data: &Path) {
    while said(data, &["audit", "verify"]).contains("wait to be sealed") {}
}

#[test]
fn both_ways_print_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    assert_eq!(served(data).stop().code(), Some(0));
    let verbs: [&[&str]; 13] = [
        &["audit", "list"],
        &["audit", "list", "--json"],
        &["audit", "list", "--limit", "1"],
        &["audit", "verify"],
        &["audit", "verify", "--json"],
        &["mail", "list"],
        &["mail", "list", "--json"],
        &["client", "list"],
        &["client", "show", "example-app"],
        &["keys", "list"],
        &["keys", "list", "--json"],
        &["passwords", "report"],
        &["passwords", "report", "--json"],
    ];
    let refused: [&[&str]; 3] = [
        &["client", "show", "nobody"],
        &["client", "remove", "example-app"],
        &["client", "rotate-secret", "nobody"],
    ];
    let running = Running::start(data);
    until_sealed(data);
    let by_server = verbs.map(|verb| said(data, verb));
    let refused_by_server = refused.map(|verb| refusal(data, verb));
    assert_eq!(running.stop().code(), Some(0));
    for (verb, by_server) in verbs.iter().zip(by_server) {
        assert!(!by_server.is_empty());
        assert_eq!(by_server, said(data, verb), "{verb:?}");
    }
    for (verb, by_server) in refused.iter().zip(refused_by_server) {
        assert_eq!(by_server, refusal(data, verb), "{verb:?}");
    }
}

#[test]
fn entries_name_the_operator_whichever_way_they_took() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let running = Running::start(data);
    let add = |id: &str| said(data, &["client", "add", id, "--redirect-uri", "https://wiki.example.com/"]);
    assert!(add("wiki").starts_with("Registered wiki.\nIts secret, which is shown this once: "));
    assert!(said(data, &["keys", "rotate", "--algorithm", "EdDSA"]).contains("is published"));
    assert_eq!(running.stop().code(), Some(0));
    add("notes");
    // The next server seals what the command did.
    assert_eq!(Running::start(data).stop().code(), Some(0));
    let listed = said(data, &["audit", "list"]);
    for what in ["wiki", "notes", "EdDSA "] {
        let named = |line: &&str| line.contains(&operator()) && line.contains(what);
        assert_eq!(listed.lines().filter(named).count(), 1, "{what}: {listed}");
    }
    assert!(said(data, &["audit", "verify"]).starts_with("The trail holds"));
}

#[test]
fn the_socket_is_for_few_and_goes_with_its_server() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let running = Running::start(data);
    let socket = socket(data);
    let found = std::fs::symlink_metadata(&socket).unwrap();
    assert!(found.file_type().is_socket());
    // The group may ask where there is one of this name; others never may, whatever the umask.
    assert!([0o600, 0o660].contains(&(found.permissions().mode() & 0o777)), "{found:?}");
    assert_eq!(running.stop().code(), Some(0));
    assert!(!socket.exists());
    // A server that was killed leaves it there; the next one takes its place.
    let running = Running::start(data);
    Command::new("kill").args(["-KILL", &running.id().to_string()]).status().unwrap();
    running.wait();
    assert!(socket.exists());
    assert!(said(data, &["keys", "list"]).contains("signing"), "a stale one is nobody's");
    let running = Running::start(data);
    assert!(said(data, &["keys", "list"]).contains("signing"));
    drop(running);
}

/// While a server serves, what it does not take orders for is not done behind its back.
#[test]
fn no_verb_writes_to_a_file_that_a_server_holds() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let running = Running::start(data);
    let told = refusal(data, &["audit", "begin-anew"]);
    assert!(told.contains(&format!("number {}", running.id())) && told.contains("stop it first"), "{told}");
    // Its socket is gone, by accident.
    std::fs::remove_file(socket(data)).unwrap();
    let told = refusal(data, &["client", "add", "wiki", "--redirect-uri", "https://wiki.example.com/"]);
    assert!(told.contains("nobody answers at") && told.contains("--socket"), "{told}");
    drop(running);
}

fn can_be_somebody_else() -> bool {
    let is_root = text(&Command::new("id").arg("-u").output().unwrap().stdout).trim() == "0";
    if !is_root {
        assert!(
            std::env::var_os("CI").is_none(),
            "under CI this runs as root, which alone can be somebody else"
        );
        eprintln!("not run: only root can be somebody else");
    }
    is_root
}

/// Of a database in a folder that is the server's alone, as the guide makes it, it was said that there is none.
#[test]
fn who_may_not_look_at_the_database_asks_at_the_socket() {
    if !can_be_somebody_else() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let closed = folder.path().join("closed");
    std::fs::create_dir(&closed).unwrap();
    std::fs::write(closed.join("keyward.sqlite"), "a database").unwrap();
    for (path, mode) in [(folder.path(), 0o755), (closed.as_path(), 0o700)] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }
    let config = folder.path().join("keyward.toml");
    let settings = "[server]\npublic_url = \"https://auth.example.com\"\n[database]\npath = \"FOLDER/closed/keyward.sqlite\"\n\
                    [keys]\nencryption = \"file:/nowhere\"\naudit = \"file:/nowhere\"\n\
                    [mail]\nfrom = \"no-reply@example.com\"\n[mail.transport]\nkind = \"postmark\"\ntoken = \"file:/nowhere\"\n\
                    [admin]\nsocket = \"FOLDER/keyward.sock\"\n";
    std::fs::write(&config, settings.replace("FOLDER", &folder.path().display().to_string())).unwrap();
    std::fs::set_permissions(&config, std::fs::Permissions::from_mode(0o644)).unwrap();
    for (verb, why) in [
        (["mail", "list"], "no server answers at"),
        (["audit", "begin-anew"], "this user may not look at the database"),
    ] {
        let mut asking = Command::new("setpriv");
        asking.args(["--reuid=65534", "--regid=65534", "--clear-groups", KEYWARD]).args(verb);
        for name in ["DATABASE_URL", "REDIS_URL", "REDIS_HOST_NAME", "REDIS_PORT", "REDIS_PASSWORD"] {
            asking.env_remove(name);
        }
        let asked = asking.arg("--config").arg(&config).output().unwrap();
        let told = text(&asked.stderr);
        assert_eq!(asked.status.code(), Some(1), "{told}");
        assert!(told.contains(why) && !told.contains("there is no database"), "{told}");
    }
}

#[test]
fn somebody_else_is_refused() {
    if !can_be_somebody_else() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let running = Running::start(&data);
    let open = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    open(folder.path(), 0o755);
    open(&data, 0o711);
    let socket = socket(&data);
    let ask = || {
        let output = Command::new("setpriv")
            .args(["--reuid=65534", "--regid=65534", "--clear-groups", KEYWARD, "mail", "list", "--socket"])
            .arg(&socket)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1), "{}", text(&output.stdout));
        text(&output.stderr)
    };
    let told = ask();
    assert!(told.contains("is for root, the server's own user and the members of its group"), "{told}");
    // Were the file open to everybody, the system would still vouch for who asks.
    open(&socket, 0o666);
    let told = ask();
    assert!(told.contains("takes no orders from") && told.contains("uid 65534"), "{told}");
    assert!(said(&data, &["mail", "list"]).contains("No mails."));
    drop(running);
}

/// "correct horse battery".
const HASH: &str = "$2b$04$VJLAfl2m5MUDHtPx4znuEeGcCT1gLNmVwv1cEbQgLykE5TS6g14Ma";

/// An account, as JSON.
fn user(data: &Path, who: &str) -> Value {
    serde_json::from_str(&said(data, &["user", "show", who, "--json"])).unwrap()
}

#[test]
fn an_account_is_found_disabled_at_once_enabled_and_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let data = &folder.path().join("data");
    assert_eq!(Running::start(data).stop().code(), Some(0));
    let people = folder.path().join("people.ndjson");
    let row = |name: &str| format!("{{\"email\":\"{name}@example.com\",\"password_hash\":\"{HASH}\"}}\n");
    std::fs::write(&people, row("ana") + &row("ben").replace('}', ",\"second_step\":true}")).unwrap();
    said(data, &["user", "import", people.to_str().unwrap()]);
    let running = Running::start(data);
    let listed = said(data, &["user", "list", "ANA"]);
    assert!(listed.contains("ana@example.com") && !listed.contains("ben@example.com"), "{listed}");
    let page = said(data, &["user", "list", "--limit", "1"]);
    assert!(page.contains("More: keyward user list --after ana@example.com --limit 1 --data "), "{page}");
    let next = said(data, &["user", "list", "--after", "ana@example.com"]);
    assert!(next.contains("ben@example.com") && !next.contains("ana@example.com"), "{next}");
    assert_eq!(said(data, &["user", "list", "%"]), "No accounts.\n");

    let sign_in = || {
        let body = "{\"email\":\"ana@example.com\",\"password\":\"correct horse battery\"}";
        running.ask("POST", "/api/v1/sign-in", body)
    };
    let answer = sign_in();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let active = user(data, "ana@example.com");
    assert_eq!((&active["sessions"], &active["state"]), (&1.into(), &"active".into()));
    assert!(said(data, &["user", "disable", "Ana@Example.com"]).starts_with("Disabled ana@example.com. "));
    assert!(said(data, &["user", "disable", "ana@example.com"]).contains("is disabled already"));
    let disabled = user(data, "ana@example.com");
    assert_eq!((&disabled["sessions"], &disabled["state"]), (&0.into(), &"disabled".into()));
    assert!(!sign_in().starts_with("HTTP/1.1 200 "));
    let id = disabled["id"].as_str().unwrap();
    assert_eq!(said(data, &["user", "enable", id]), "Enabled ana@example.com.\n");
    assert!(sign_in().starts_with("HTTP/1.1 200 "));
    said(data, &["user", "end-sessions", "ana@example.com"]);
    assert_eq!(user(data, "ana@example.com")["sessions"], 0);
    assert!(said(data, &["user", "reset-second-step", "ana@example.com"]).contains("has no second step"));
    let reset = said(data, &["user", "reset-second-step", "ben@example.com"]);
    assert!(reset.contains("alone, unless that is shorter than limits.password_minimum"), "{reset}");
    assert!(refusal(data, &["user", "delete", "ana@example.com"]).contains("give --yes"));
    let deleted = said(data, &["user", "delete", "ana@example.com", "--yes"]);
    assert!(deleted.starts_with("Deleted ana@example.com. "), "{deleted}");
    let gone = refusal(data, &["user", "show", "ana@example.com"]);
    assert!(gone.contains("there is no account ana@example.com"), "{gone}");
    let mails = said(data, &["mail", "list"]);
    for kind in ["account_disabled", "account_enabled", "sessions_ended", "account_deleted"] {
        assert_eq!(mails.matches(kind).count(), 1, "{kind}: {mails}");
    }
    assert_eq!(running.stop().code(), Some(0));
    // The same without a server.
    assert!(said(data, &["user", "disable", "ben@example.com"]).starts_with("Disabled ben@example.com. "));
    assert_eq!(user(data, "ben@example.com")["state"], "disabled");
    assert_eq!(Running::start(data).stop().code(), Some(0));
    let entries = said(data, &["audit", "list"]);
    for (act, times) in
        [("disable_user", 2), ("enable_user", 1), ("end_sessions_of_user", 1), ("delete_user", 1)]
    {
        let act = format!("  {act} ");
        let named = entries.lines().filter(|line| line.contains(&act) && line.contains(&operator()));
        assert_eq!(named.count(), times, "{act}: {entries}");
    }
}

/// The servers of a stack have a socket each in one folder: any that answers does it, and the folder is found from beside it.
#[test]
fn any_server_of_a_folder_of_sockets_takes_orders() {
    let folder = tempfile::tempdir().unwrap();
    let (data, run_folder) = (folder.path().join("data"), folder.path().join("run"));
    std::fs::create_dir(&run_folder).unwrap();
    let named = ["keys", "list", "--socket", run_folder.to_str().unwrap()];
    let told = text(&run(&named).stderr);
    assert!(told.contains("holds no socket of a server") && told.contains("docker compose up"), "{told}");
    // The first of them is what a killed server left.
    drop(std::os::unix::net::UnixListener::bind(run_folder.join("a.sock")).unwrap());
    let told = text(&run(&named).stderr);
    assert!(
        told.contains("holds one socket, ") && told.contains("a.sock, at which nobody answers"),
        "{told}"
    );
    let running = Running::start(&data);
    let linked = run_folder.join("b.sock");
    std::os::unix::fs::symlink(socket(&data), &linked).unwrap();
    let told = text(&run(&named).stderr);
    assert!(told.contains("holds one socket, "), "whoever may write there leads nobody elsewhere: {told}");
    std::fs::remove_file(&linked).unwrap();
    std::fs::hard_link(socket(&data), &linked).unwrap();
    let output = run(&named);
    assert!(text(&output.stdout).contains("signing"), "{}", text(&output.stderr));
    std::fs::write(folder.path().join("compose.yml"), "services: {}\n").unwrap();
    let beside = |arguments: &[&str]| {
        let mut command = Command::new(KEYWARD);
        command.args(arguments).current_dir(folder.path());
        command.env_remove("KEYWARD_SOCKET").env_remove("KEYWARD_CONFIG").output().unwrap()
    };
    let output = beside(&["client", "add", "wiki", "--redirect-uri", "https://wiki.example.com/"]);
    assert!(text(&output.stdout).starts_with("Registered wiki."), "{}", text(&output.stderr));
    assert!(text(&beside(&["status"]).stdout).contains("ready"));
    assert_eq!(running.stop().code(), Some(0));
    let told = text(&beside(&["keys", "list"]).stderr);
    assert!(told.contains("run holds 2 sockets, and nobody answers at any"), "{told}");
}
