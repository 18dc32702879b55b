//! `keyward user import --from`: accounts out of the running database of another server of the auth-service family, on a real
//! PostgreSQL that `scripts/with-postgres` starts.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::command::{KEYWARD, text};
use crate::running::Running;

const HASH: &str =
    "$argon2id$v=19$m=256,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$v0/ZTOxV78xg1TKmyyHLURRHSC4pD5sHY4trgMa37ig";

/// Where a server is, as a superuser.
const SERVER: &str = "KEYWARD_TEST_POSTGRES_URL";

/// Whether there is a server to ask. If none was given, this test is run once more beside one of its own; where PostgreSQL is not
/// installed that is said, and fails where all has to be tested (`CI=true`).
fn is_beside_postgres(test: &str) -> bool {
    if std::env::var(SERVER).is_ok() {
        return true;
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders = debian.map(|version| version.path().join("bin")).chain(std::env::split_paths(&path));
    if !folders.any(|folder| folder.join("initdb").is_file()) {
        assert!(std::env::var("CI").is_err(), "PostgreSQL is not there; ./scripts/test installs it");
        println!("NOT RUN, since PostgreSQL is not there; ./scripts/test installs it");
        return false;
    }
    let status = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/with-postgres"))
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", &format!("import_family::{test}")])
        .status()
        .unwrap();
    assert!(status.success(), "see above");
    false
}

/// A database of a test's own, and the address of it.
async fn database(name: &str) -> (PgConnection, String) {
    let server = std::env::var(SERVER).unwrap();
    let mut connection = PgConnection::connect(&server).await.unwrap();
    for statement in [format!("DROP DATABASE IF EXISTS {name}"), format!("CREATE DATABASE {name}")] {
        execute(&mut connection, statement).await;
    }
    let mut url = url::Url::parse(&server).unwrap();
    url.set_path(name);
    let connection = PgConnection::connect(url.as_str()).await.unwrap();
    (connection, url.into())
}

async fn execute(connection: &mut PgConnection, statement: String) {
    sqlx::query(AssertSqlSafe(statement)).execute(connection).await.unwrap();
}

/// The address stands in the environment; what is kept of an import stands in `folder`.
fn import(folder: &Path, url: &str, from: &str, more: &[&str]) -> Output {
    Command::new(KEYWARD)
        .args(["user", "import", "--from", from, "--json", "--data", folder.join("data").to_str().unwrap()])
        .args(more)
        .env("OTHER_DATABASE", url)
        .current_dir(folder)
        .output()
        .unwrap()
}

fn result(done: &Output) -> Value {
    // Some rows are refused each time.
    assert_eq!(done.status.code(), Some(3), "{}", text(&done.stderr));
    serde_json::from_slice(&done.stdout).unwrap()
}

#[tokio::test]
async fn the_table_of_another_server_is_imported_and_left_as_it_is() {
    if !is_beside_postgres("the_table_of_another_server_is_imported_and_left_as_it_is") {
        return;
    }
    let (mut elsewhere, url) = database("import_family").await;
    // As the family's own migration makes it.
    let table = "CREATE TABLE users (email TEXT NOT NULL PRIMARY KEY, password_hash TEXT NOT NULL, \
                 requires_2fa BOOLEAN NOT NULL DEFAULT FALSE)";
    execute(&mut elsewhere, table.to_owned()).await;
    let rows = format!(
        "INSERT INTO users SELECT 'p' || n || '@example.com', '{HASH}', n % 2 = 0 FROM generate_series(1, 2500) AS n"
    );
    execute(&mut elsewhere, rows).await;
    let odd =
        format!("INSERT INTO users VALUES ('nobody', '{HASH}', false), ('zoe@example.com', 'hunter2', true)");
    execute(&mut elsewhere, odd).await;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    assert_eq!(Running::start(&data).stop().code(), Some(0));

    let looked = result(&import(folder.path(), &url, "env:OTHER_DATABASE", &["--dry-run"]));
    assert_eq!((looked["added"].as_u64(), looked["refused"].as_u64()), (Some(2500), Some(2)), "{looked}");

    // Cut short after a batch, it goes on behind the last address, although rows have come and gone meanwhile.
    let at = looked["rejects"].as_str().unwrap().strip_suffix(".dry-run.rejects.ndjson").unwrap().to_owned();
    let begun = serde_json::json!({ "line": 500, "length": 0, "after": "p1448@example.com", "added": 500, "refused": 0 });
    std::fs::write(folder.path().join(format!("{at}.progress")), begun.to_string()).unwrap();
    execute(&mut elsewhere, "DELETE FROM users WHERE email = 'p1@example.com'".to_owned()).await;
    let smaller: i64 = sqlx::query_scalar("SELECT count(*) FROM users WHERE email <= 'p1448@example.com'")
        .fetch_one(&mut elsewhere)
        .await
        .unwrap();
    let done = result(&import(folder.path(), &url, "env:OTHER_DATABASE", &[]));
    let behind = 2501 - u64::try_from(smaller).unwrap();
    assert_eq!(
        (done["added"].as_u64(), done["refused"].as_u64()),
        (Some(500 + behind - 1), Some(1)),
        "{done}"
    );
    // It may be being mended: nothing is written over it.
    std::fs::remove_file(folder.path().join(done["rejects"].as_str().unwrap())).unwrap();
    let done = result(&import(folder.path(), &url, "env:OTHER_DATABASE", &["--restart"]));
    assert_eq!(done["added"].as_u64().unwrap() + behind - 1, 2499, "{done}");

    let rejects = std::fs::read_to_string(folder.path().join(done["rejects"].as_str().unwrap())).unwrap();
    let reason = |email: &str| {
        let rows = rejects.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let row = rows.into_iter().find(|row| row["email"] == email).unwrap();
        row["rejected"].as_str().unwrap().to_owned()
    };
    assert!(reason("zoe@example.com").contains(": its password hash cannot be verified here"));
    assert!(!reason("nobody").is_empty());
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM users").fetch_one(&mut elsewhere).await.unwrap();
    assert_eq!(left, 2501, "it is only read");

    // Somebody signs in with the password from there, and is asked for a code as there.
    let running = Running::start(&data);
    let body = r#"{"email":"p2@example.com","password":"correct horse battery"}"#;
    let answer = running.ask("POST", "/login", body);
    assert!(answer.starts_with("HTTP/1.1 206 "), "{answer}");
    let answer = running.ask("POST", "/login", &body.replace("p2@", "p3@"));
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert_eq!(running.stop().code(), Some(0));
}

/// Issue 5: rows without an address stood behind all others and never moved the place to go on from, so that they were read and refused
/// again each time.
#[tokio::test]
async fn rows_without_an_address_are_refused_once() {
    if !is_beside_postgres("rows_without_an_address_are_refused_once") {
        return;
    }
    let (mut elsewhere, url) = database("import_family_nulls").await;
    let table = "CREATE TABLE users (email TEXT, password_hash TEXT, requires_2fa BOOLEAN)";
    execute(&mut elsewhere, table.to_owned()).await;
    let nulls = "INSERT INTO users SELECT NULL, 'number ' || n, false FROM generate_series(0, 4) AS n";
    execute(&mut elsewhere, nulls.to_owned()).await;
    let rows = format!(
        "INSERT INTO users SELECT 'p' || n || '@example.com', '{HASH}', false FROM generate_series(0, 2) AS n"
    );
    execute(&mut elsewhere, rows).await;
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(Running::start(&folder.path().join("data")).stop().code(), Some(0));
    let looked = result(&import(folder.path(), &url, "env:OTHER_DATABASE", &["--dry-run"]));
    let name =
        looked["rejects"].as_str().unwrap().strip_suffix(".dry-run.rejects.ndjson").unwrap().to_owned();
    let kept = |what: &str| folder.path().join(format!("{name}.{what}"));
    // Cut short among those without an address, and behind them all.
    for (line, after, left) in [(2, None, 3), (5, None, 0), (6, Some("p0@example.com"), 0)] {
        let added = u64::from(after.is_some());
        let begun = serde_json::json!({ "line": line, "length": 0, "after": after, "added": added, "refused": line - added });
        std::fs::write(kept("progress"), begun.to_string()).unwrap();
        let done = result(&import(folder.path(), &url, "env:OTHER_DATABASE", &[]));
        assert_eq!(done["refused"].as_u64().unwrap() - done["taken"].as_u64().unwrap(), 5, "{line}: {done}");
        let rejects = std::fs::read_to_string(kept("rejects.ndjson")).unwrap();
        let without: Vec<&str> = rejects.lines().filter(|row| row.contains("number ")).collect();
        assert_eq!(without.len(), left, "{rejects}");
        for number in 5 - left..5 {
            assert_eq!(without.iter().filter(|row| row.contains(&format!("number {number}"))).count(), 1);
        }
        std::fs::remove_file(kept("rejects.ndjson")).unwrap();
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_told_without_a_secret() {
    if !is_beside_postgres("what_cannot_be_read_is_told_without_a_secret") {
        return;
    }
    let (_elsewhere, url) = database("import_family_empty").await;
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(Running::start(&folder.path().join("data")).stop().code(), Some(0));
    let told = |url: &str, from: &str| {
        let done = import(folder.path(), url, from, &[]);
        assert!(!done.status.success());
        let told = text(&done.stderr);
        assert!(!told.contains("hunter2"), "{told}");
        told
    };
    let error = told(&url, "env:OTHER_DATABASE");
    assert!(error.contains("has no table users (email, password_hash, requires_2fa)"), "{error}");
    let error = told("postgres://keyward:hunter2@127.0.0.1:1/keyward", "env:OTHER_DATABASE");
    assert!(error.contains("PostgreSQL at 127.0.0.1:1/keyward cannot be asked"), "{error}");
    let error = told("hunter2", "env:OTHER_DATABASE");
    assert!(error.contains("no address of PostgreSQL"), "{error}");
}

/// Whatever stands in a command line, every user of the machine can read.
#[test]
fn a_password_in_the_command_line_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for from in [
        "postgres://keyward:hunter2@127.0.0.1/keyward",
        "postgres://keyward@127.0.0.1/keyward?password=hunter2",
    ] {
        let done = import(folder.path(), "", from, &[]);
        let told = text(&done.stderr);
        assert!(!done.status.success() && told.contains("--from env:NAME"), "{told}");
        assert!(!told.contains("hunter2"), "{told}");
    }
    let told = text(&import(folder.path(), "", "hunter2", &[]).stderr);
    assert!(
        told.contains("--from wants postgres://user@host/database") && !told.contains("hunter2"),
        "{told}"
    );
}
