//! `keyward audit` over a trail that has entries: what is listed, page by page, and what is said of a broken one.

use std::io::{Read as _, Write as _};
use std::path::Path;

use secrets::sealing::generate_key_text;
use serde_json::Value;
use sqlx::{Connection as _, SqliteConnection};

use crate::command::{run, text};
use crate::running::Running;

/// An installation in which, after the example app was registered, three people signed up, and a stranger failed to sign in; stopped, so that all is sealed.
fn installation() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(folder.path());
    for name in ["ana", "ben", "cleo"] {
        let body = format!("{{\"email\":\"{name}@example.com\",\"password\":\"correct horse battery\"}}");
        let answer = running.ask("POST", "/api/v1/sign-up", &body);
        assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    }
    let body = "{\"email\":\"ana@example.com\",\"password\":\"not her password\"}";
    let answer = running.ask("POST", "/api/v1/sign-in", body);
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    assert_eq!(running.stop().code(), Some(0));
    folder
}

/// What a verb of `keyward audit` says, if it ends well.
fn audit(data: &Path, arguments: &[&str]) -> String {
    let output = run(&[&["audit"], arguments, &["--data", data.to_str().unwrap()]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    text(&output.stdout)
}

/// What `keyward audit verify` says of a broken trail: on standard output, and on standard error.
fn broken(data: &Path, arguments: &[&str]) -> (String, String) {
    let output = run(&[&["audit", "verify"], arguments, &["--data", data.to_str().unwrap()]].concat());
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{error}");
    (text(&output.stdout), error)
}

/// Each line of JSON.
fn entries(data: &Path, arguments: &[&str]) -> Vec<Value> {
    let listed = audit(data, &[&["list", "--json"], arguments].concat());
    listed.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn numbers(entries: &[Value]) -> Vec<i64> {
    entries.iter().map(|entry| entry["number"].as_i64().unwrap()).collect()
}

/// Does to the database what somebody who has broken in can do, and to one row at the least.
fn tamper(data: &Path, statement: &'static str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let url = format!("sqlite://{}", data.join("keyward.sqlite").display());
        let mut database = SqliteConnection::connect(&url).await.unwrap();
        let done = sqlx::query(statement).execute(&mut database).await.unwrap();
        assert!(done.rows_affected() > 0, "{statement}");
        database.close().await.unwrap();
    });
}

/// What was done while the server drained was once written and not chained.
#[test]
fn what_is_done_after_the_order_to_stop_is_chained() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(folder.path());
    let body = "{\"email\":\"ana@example.com\",\"password\":\"correct horse battery\"}";
    let mut asking = running.begin_to_ask("/api/v1/sign-up", body, 20);
    // One that was accepted after it shows that it was accepted too.
    assert!(running.ask("GET", "/openapi.json", "").starts_with("HTTP/1.1 200 "));
    running.terminate();
    running.wait_until_it_drains();
    asking.write_all(&body.as_bytes()[20..]).unwrap();
    let mut answer = String::new();
    asking.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    assert_eq!(running.wait().code(), Some(0));
    let told: Value = serde_json::from_str(&audit(folder.path(), &["verify", "--json"])).unwrap();
    assert_eq!((&told["number"], &told["waiting"]), (&2.into(), &0.into()), "{told}");
}

/// What a command did where no server ran was in no list until one was started.
#[test]
fn what_is_done_on_the_file_is_chained_and_listed() {
    let folder = installation();
    let data = folder.path();
    let disabled = run(&["user", "disable", "ben@example.com", "--data", data.to_str().unwrap()]);
    assert_eq!(disabled.status.code(), Some(0), "{}", text(&disabled.stderr));
    let told: Value = serde_json::from_str(&audit(data, &["verify", "--json"])).unwrap();
    assert_eq!((&told["number"], &told["waiting"]), (&6.into(), &0.into()), "{told}");
    let newest = &entries(data, &["--limit", "1"])[0];
    assert_eq!((&newest["number"], &newest["address"]), (&6.into(), &"ben@example.com".into()), "{newest}");
}

#[test]
fn entries_are_listed_newest_first_with_whom_and_what() {
    let folder = installation();
    let listed = audit(folder.path(), &["list"]);
    let lines: Vec<_> = listed.lines().collect();
    assert_eq!(lines.len(), 5, "{listed}");
    let words: Vec<_> = lines[0].split_whitespace().collect();
    assert_eq!(words[0], "5");
    let newest = &entries(folder.path(), &["--limit", "1"])[0];
    let support_id = newest["support_id"].as_str().unwrap();
    assert_eq!(support_id.len(), 12, "{newest}");
    assert_eq!(
        words[2..],
        ["sign_in", "refused", "ana@example.com", "-", "127.0.0.0/24", support_id, "password"],
        "{listed}"
    );
    let words: Vec<_> = lines[3].split_whitespace().collect();
    assert_eq!(
        (words[0], words[2], words[3], words[4], words[5]),
        ("2", "sign_up", "done", "ana@example.com", "self"),
        "{listed}"
    );
    let words: Vec<_> = lines[4].split_whitespace().collect();
    assert_eq!(
        (words[0], words[2], words[5], words[6], words[7], words[8]),
        ("1", "add_client", "-", "operator", "-", "example-app"),
        "{listed}"
    );
    for (name, value) in [("act", "sign_in"), ("outcome", "refused"), ("address", "ana@example.com")] {
        assert_eq!(newest[name], value, "{newest}");
    }
    assert!(newest["actor"].is_null(), "who was refused is nobody: {newest}");
    assert!(newest["subject"].is_string() && newest["support_id"].is_string(), "{newest}");
    assert!(newest["at"].as_str().unwrap().ends_with('Z'), "{newest}");
}

#[test]
fn pages_follow_one_another_and_say_how_to_go_on() {
    let folder = installation();
    let data = folder.path();
    assert_eq!(numbers(&entries(data, &[])), [5, 4, 3, 2, 1]);
    assert_eq!(numbers(&entries(data, &["--limit", "3"])), [5, 4, 3]);
    assert_eq!(numbers(&entries(data, &["--limit", "3", "--before", "3"])), [2, 1]);
    assert!(entries(data, &["--before", "1"]).is_empty());
    assert_eq!(audit(data, &["list", "--before", "1"]), "No entries.\n");
    let first = audit(data, &["list", "--limit", "3"]);
    let more = format!("More: keyward audit list --before 3 --limit 3 --data {}\n", data.display());
    assert!(first.ends_with(&more), "{first}");
    assert!(
        !audit(data, &["list", "--limit", "3", "--before", "3"]).contains("More: "),
        "it is the last page"
    );
}

#[test]
fn one_person_s_entries_are_found_by_address_by_account_and_by_pseudonym() {
    let folder = installation();
    let data = folder.path();
    let all = entries(data, &[]);
    let ana = all[0]["subject"].as_str().unwrap();
    assert_eq!(numbers(&entries(data, &["--person", ana])), [5, 2]);
    assert_eq!(numbers(&entries(data, &["--person", ana, "--before", "5"])), [2]);
    let first = audit(data, &["list", "--person", ana, "--limit", "1"]);
    assert!(
        first.contains(&format!("More: keyward audit list --before 5 --limit 1 --person {ana} --data ")),
        "{first}"
    );
    let nobody = "0190163d-8694-739b-aea5-966c26f8ad91";
    assert_eq!(audit(data, &["list", "--person", nobody]), "No entries.\n");
    let shown = run(&["user", "show", "ana@example.com", "--json", "--data", data.to_str().unwrap()]);
    let account: Value = serde_json::from_slice(&shown.stdout).unwrap();
    for who in ["ana@example.com", "Ana@Example.com", account["id"].as_str().unwrap()] {
        assert_eq!(numbers(&entries(data, &["--person", who])), [5, 2], "{who}");
    }
    let first = audit(data, &["list", "--person", "ana@example.com", "--limit", "1"]);
    assert!(first.contains(" --limit 1 --person ana@example.com --data "), "{first}");
    for who in ["dan@example.com", "nonsense"] {
        let output = run(&["audit", "list", "--person", who, "--data", data.to_str().unwrap()]);
        let error = text(&output.stderr);
        assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(1), ""), "{error}");
        assert!(
            error.contains(&format!("{who:?} is no account's address: see `keyward user list`")),
            "{error}"
        );
    }
}

#[test]
fn a_trail_that_holds_says_its_end_which_the_next_verification_expects() {
    let folder = installation();
    let data = folder.path();
    let told: Value = serde_json::from_str(&audit(data, &["verify", "--json"])).unwrap();
    assert_eq!((&told["holds"], &told["number"]), (&true.into(), &5.into()), "{told}");
    assert_eq!((&told["begins_after"], &told["unproved"]), (&0.into(), &0.into()), "{told}");
    let end = told["end"].as_str().unwrap();
    let again = audit(data, &["verify", "--expect", end]);
    assert!(again.starts_with("The trail holds, up to entry 5. "), "{again}");
    assert!(again.contains(&format!("keyward audit verify --expect {end} --data ")), "{again}");
    // A trail that is cut short holds in itself: only whoever expects its end sees it.
    tamper(data, "DELETE FROM audit WHERE number = 5");
    assert!(audit(data, &["verify"]).contains("up to entry 4"));
    let (_, error) = broken(data, &["--expect", end]);
    assert!(error.contains("the trail ends at entry 4, but entry 5 is known to have been there"), "{error}");
}

/// An auditor was told that a trail held whose first entries nobody can prove any more.
#[test]
fn what_is_not_proved_is_told_by_whoever_verifies() {
    let folder = installation();
    let data = folder.path();
    let told: Value = serde_json::from_str(&audit(data, &["verify", "--json"])).unwrap();
    let end = told["end"].as_str().unwrap().to_owned();
    // The key is lost, and the server makes another.
    std::fs::write(data.join("audit.key"), secrets::ExposeSecret::expose_secret(&generate_key_text()))
        .unwrap();
    let (_, error) = broken(data, &[]);
    assert!(error.contains("this is not the key that the trail was sealed with"), "{error}");
    let anew = audit(data, &["begin-anew"]);
    assert!(anew.starts_with("A new chain begins after entry 5."), "{anew}");
    let holds = audit(data, &["verify"]);
    assert!(holds.starts_with("The trail holds, up to entry 6. "), "{holds}");
    let unproved = "It begins after entry 5: 5 entries before were sealed under a key that was lost, and are NOT PROVED.";
    assert!(holds.lines().any(|line| line == unproved), "{holds}");
    let told: Value = serde_json::from_str(&audit(data, &["verify", "--json"])).unwrap();
    assert_eq!((&told["begins_after"], &told["unproved"]), (&5.into(), &5.into()), "{told}");
    let sealed: Vec<_> = entries(data, &[]).iter().map(|entry| entry["sealed"] == true).collect();
    assert_eq!(sealed, [true, false, false, false, false, false]);
    // What was kept of the chain before is a link of it: this one begins there.
    assert!(audit(data, &["verify", "--expect", &end]).contains("up to entry 6"));
}

/// What no database can prove is told in words, and nothing is taken for something else.
#[test]
fn what_is_asked_amiss_is_told_how_to_be_asked() {
    let folder = installation();
    let data = folder.path().to_str().unwrap();
    for (arguments, said) in [
        (&["verify", "--expect", "5"][..], "it is not NUMBER:MAC: copy what `keyward audit verify` printed"),
        (&["verify", "--expect", "5:abc"], "it is not NUMBER:MAC"),
        (&["list", "--limit", "0"], "0 is not in 1..=10000"),
        (&["list", "--before", "first"], "invalid value 'first' for '--before"),
    ] {
        let output = run(&[&["audit"], arguments, &["--data", data]].concat());
        let error = text(&output.stderr);
        assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(2), ""), "{error}");
        assert!(error.contains(said), "{error}");
    }
    let later = format!("9:{}", "ab".repeat(32));
    let (_, error) = broken(folder.path(), &["--expect", &later]);
    assert!(error.contains("the trail ends at entry 5, but entry 9 is known to have been there"), "{error}");
    let other = format!("5:{}", "ab".repeat(32));
    let (_, error) = broken(folder.path(), &["--expect", &other]);
    assert!(error.contains("entry 5 is not the one that an earlier verification ended at"), "{error}");
    let whole = audit(folder.path(), &["verify", "--expect", "0:"]);
    assert!(whole.starts_with("The trail holds, up to entry 5."), "{whole}");
}

#[test]
fn a_trail_in_which_nothing_was_done_is_told_from_one_that_was_emptied() {
    let folder = installation();
    let data = folder.path();
    tamper(data, "DELETE FROM audit");
    let (_, error) = broken(data, &[]);
    assert!(
        error.contains("the trail is empty, but there are accounts, whose sign-up it would tell of"),
        "{error}"
    );
    tamper(data, "DELETE FROM users WHERE created_at > 0");
    assert_eq!(audit(data, &["list"]), "No entries.\n");
    assert_eq!(audit(data, &["list", "--json"]), "");
    assert_eq!(audit(data, &["verify"]), "The trail holds: nothing was sealed yet.\n");
    let told: Value = serde_json::from_str(&audit(data, &["verify", "--json"])).unwrap();
    assert_eq!((&told["holds"], &told["end"]), (&true.into(), &"0:".into()), "{told}");
}

#[test]
fn a_broken_trail_ends_in_a_failure_that_names_the_entry() {
    for (statement, said) in [
        (
            "UPDATE audit SET outcome = 'done' WHERE number = 5",
            "entry 5 is not what was sealed: it, or the one before it, was changed",
        ),
        ("UPDATE audit SET network = '192.0.2.0/24' WHERE number = 2", "entry 2 is not what was sealed"),
        ("DELETE FROM audit WHERE number = 2", "entry 2 is missing"),
        ("DELETE FROM audit WHERE number = 1", "entry 1 is missing"),
        (
            "UPDATE audit SET number = -7, mac = NULL WHERE number = 5",
            "an entry is numbered -7, which is before the trail begins: somebody put it there",
        ),
        ("UPDATE audit SET at = 'soon' WHERE number = 4", "entry 4 cannot be read"),
        (
            "UPDATE audit_people SET mac = NULL \
             WHERE user_id = (SELECT user_id FROM emails WHERE address = 'ana@example.com')",
            "was not given to the account it leads to: somebody has exchanged who it is",
        ),
        (
            "INSERT INTO audit (id, at, act, outcome, network, support_id, detail) \
             VALUES (x'0190163d8694739baea5966c26f8ad91', 0, 'sign_in', 'done', '', '', '')",
            "entry 0190163d-8694-739b-aea5-966c26f8ad91, which waits to be sealed, was not written by this installation",
        ),
    ] {
        let folder = installation();
        tamper(folder.path(), statement);
        let (told, error) = broken(folder.path(), &[]);
        assert!(
            error.starts_with("keyward: the audit trail does not hold: ") && error.contains(said),
            "{statement}: {error}"
        );
        assert!(told.is_empty(), "{told}");
        let (told, _) = broken(folder.path(), &["--json"]);
        let told: Value = serde_json::from_str(&told).unwrap();
        assert_eq!(told["holds"], false);
        assert!(told["error"].as_str().unwrap().contains(said), "{told}");
    }
}

#[test]
fn a_forged_row_is_not_listed_as_sealed_nor_is_whoever_was_exchanged_named() {
    let folder = installation();
    let data = folder.path();
    assert!(entries(data, &[]).iter().all(|entry| entry["sealed"] == true && entry["exchanged"] == false));
    tamper(data, "UPDATE audit SET number = 0 WHERE number = 5");
    tamper(
        data,
        "UPDATE audit_people SET mac = NULL \
         WHERE user_id = (SELECT user_id FROM emails WHERE address = 'ana@example.com')",
    );
    let listed = audit(data, &["list"]);
    let last = listed.lines().last().unwrap();
    assert!(last.contains("NOT SEALED here") && last.contains("ANOTHER ACCOUNT"), "{listed}");
    assert!(!listed.contains("ana@example.com"), "{listed}");
    let forged = entries(data, &[]).pop().unwrap();
    assert_eq!((&forged["sealed"], &forged["exchanged"]), (&false.into(), &true.into()), "{forged}");
}
