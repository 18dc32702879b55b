//! `keyward audit` over a trail that has entries: what is listed, page by page, and what is said of a broken one.

use std::io::{Read as _, Write as _};
use std::path::Path;

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

/// Does to the database what somebody who has broken in can do.
fn tamper(data: &Path, statement: &'static str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let url = format!("sqlite://{}", data.join("keyward.sqlite").display());
        let mut database = SqliteConnection::connect(&url).await.unwrap();
        let done = sqlx::query(statement).execute(&mut database).await.unwrap();
        assert_eq!(done.rows_affected(), 1, "{statement}");
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

#[test]
fn entries_are_listed_newest_first_with_whom_and_what() {
    let folder = installation();
    let listed = audit(folder.path(), &["list"]);
    let lines: Vec<_> = listed.lines().collect();
    assert_eq!(lines.len(), 5, "{listed}");
    let words: Vec<_> = lines[0].split_whitespace().collect();
    assert_eq!(words[0], "5");
    assert_eq!(words[2..], ["sign_in", "refused", "ana@example.com", "127.0.0.0/24", "password"], "{listed}");
    let words: Vec<_> = lines[3].split_whitespace().collect();
    assert_eq!(
        (words[0], words[2], words[3], words[4]),
        ("2", "sign_up", "done", "ana@example.com"),
        "{listed}"
    );
    let words: Vec<_> = lines[4].split_whitespace().collect();
    assert_eq!(
        (words[0], words[2], words[5], words[6]),
        ("1", "add_client", "operator", "example-app"),
        "{listed}"
    );
    let newest = &entries(folder.path(), &["--limit", "1"])[0];
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
fn one_person_s_entries_are_found_by_the_pseudonym_that_entries_show() {
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
}

#[test]
fn a_trail_that_holds_says_its_end_which_the_next_verification_expects() {
    let folder = installation();
    let data = folder.path();
    let told: Value = serde_json::from_str(&audit(data, &["verify", "--json"])).unwrap();
    assert_eq!((&told["holds"], &told["number"]), (&true.into(), &5.into()), "{told}");
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
