//! One SQL text for SQLite and PostgreSQL: nothing in it that only one of them reads the same.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use store::migrations::Kind;

use crate::file::File;

/// The source with its comments and tests taken out.
fn code(source: &str) -> String {
    let code = source.split("#[cfg(test)]").next().unwrap_or_default().lines();
    code.filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// What is left in it between quotes is sent to the database.
fn statements(source: &str) -> Vec<String> {
    let code = code(source);
    // A backslash is written twice there, and sent once.
    let texts = code.split('"').skip(1).step_by(2).map(|text| text.replace("\\\\", "\\"));
    texts.filter(|text| is_sql(text)).collect()
}

/// Where it asks the database: each of these has a statement of its own.
fn asks(source: &str) -> usize {
    let code = code(source);
    ["on!(", "changed!("].iter().map(|form| code.matches(form).count()).sum()
}

pub(crate) fn is_sql(text: &str) -> bool {
    let verb = text.split_whitespace().next().unwrap_or_default();
    ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH"].contains(&verb) && text.contains(' ')
}

fn sources() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut sources = Vec::new();
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    for path in files {
        if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            // What it asks, it asks of one database.
            if name == "migrations.rs" {
                continue;
            }
            sources.push((name, std::fs::read_to_string(&path).unwrap()));
        }
    }
    sources
}

/// There are no fewer statements.
const STATEMENTS: usize = 160;

/// What may not be in a statement, and why not.
const FORBIDDEN: [(&str, &str); 16] = [
    ("now()", "time is a bind"),
    ("current_timestamp", "time is a bind"),
    ("datetime(", "time is a bind"),
    ("ilike", "SQLite has none: store a normalised column"),
    ("for update", "SQLite has none: guard the UPDATE"),
    ("skip locked", "SQLite has none"),
    ("any(", "SQLite has none"),
    ("?", "PostgreSQL has none: $1"),
    ("::", "SQLite reads it as the name of a parameter"),
    ("insert or ", "PostgreSQL has none: ON CONFLICT"),
    ("rowid", "PostgreSQL has none"),
    ("ifnull(", "PostgreSQL has none: COALESCE"),
    ("autoincrement", "PostgreSQL has none"),
    ("json_", "the two do not agree"),
    // A statement that PostgreSQL has prepared fails once its answer has another column: that of the release that is still
    // running, as soon as the next one has migrated.
    ("select *", "name the columns"),
    ("returning *", "name the columns"),
];

#[test]
fn no_statement_says_what_only_one_database_understands() {
    let mut seen = 0;
    for (name, source) in sources() {
        let statements = statements(&source);
        let asked = asks(&source);
        assert!(statements.len() >= asked, "{name} asks {asked} times, and only {statements:#?} were found");
        for statement in statements {
            seen += 1;
            let text = statement.to_lowercase();
            for (forbidden, why) in FORBIDDEN {
                assert!(!text.contains(forbidden), "{name}: `{forbidden}` ({why}) in {statement}");
            }
        }
    }
    // As many as there are: whoever takes one out lowers it, and a file that is no longer looked at does not go unseen.
    assert!(seen >= STATEMENTS, "only {seen} statements were found, of {STATEMENTS}: the scan is blind");
}

#[tokio::test]
async fn every_statement_can_be_prepared() {
    let file = File::new().await;
    for (name, source) in sources() {
        for statement in statements(&source) {
            let prepared = file.prepare(&statement).await;
            assert!(prepared.is_ok(), "{name}: {statement}: {prepared:?}");
        }
    }
}

/// They find a row for whomever: by an index, whoever it is.
#[tokio::test]
async fn what_finds_an_account_or_that_of_nobody_goes_through_no_table() {
    let file = File::new().await;
    let all = sources().into_iter().flat_map(|(_, source)| statements(&source));
    let of_nobody: Vec<_> =
        all.filter(|statement| statement.contains("'nobody')") && statement.starts_with("SELECT")).collect();
    assert!(of_nobody.len() >= 2, "{of_nobody:?}");
    for statement in of_nobody {
        let plan = file.plan(&statement.replace("$1", "'ana@example.com'").replace("$2", "NULL")).await;
        let scans = |step: &String| step.starts_with("SCAN") || step.contains("Seq Scan");
        assert!(!plan.is_empty() && !plan.iter().any(scans), "{statement}: {plan:#?}");
        assert!(
            plan.iter().any(|step| step.contains("emails_normalized") || step.contains("autoindex_emails")),
            "{plan:#?}"
        );
    }
}

/// An import of a hundred thousand people took nine minutes, eight of them to look through what waited for each eight entries.
#[tokio::test]
async fn entries_get_their_places_without_a_look_at_all_that_wait() {
    let file = File::new().await;
    let all = sources().into_iter().flat_map(|(_, source)| statements(&source));
    let eights: Vec<_> = all.filter(|text| text.contains("UPDATE audit SET number = v.column2")).collect();
    let [eight] = &eights[..] else { panic!("{eights:#?}") };
    let kinds = ["UUID", "BIGINT", "BYTEA"].into_iter().cycle();
    let binds: Vec<_> = (1..=24).zip(kinds).collect();
    let last_first = binds.iter().rev();
    let asked = last_first.fold(eight.clone(), |text, (number, kind)| {
        text.replace(&format!("${number}"), &format!("CAST(NULL AS {kind})"))
    });
    let plan = file.plan(&asked).await;
    let by_id = |step: &String| step.contains("audit_pkey") || step.contains("autoindex_audit_1 (id=?)");
    assert!(plan.iter().any(by_id), "{plan:#?}");
}

#[tokio::test]
async fn every_column_is_of_a_type_both_know() {
    let file = File::new().await;
    let columns = file.columns().await;
    assert!(columns.len() > 80, "{}", columns.len());
    for (table, column, kind) in columns {
        let known = ["TEXT", "BIGINT", "BOOLEAN", "BYTEA", "UUID"].contains(&kind.as_str());
        assert!(known, "{table}.{column} is {kind}");
        if column.ends_with("_at") || column == "at" {
            assert_eq!(kind, "BIGINT", "{table}.{column}: a moment is Unix microseconds");
        }
    }
}

/// Columns of bytes that hold nothing sealed: hashes, and what vouches for entries of the trail.
const NOT_SEALED: [(&str, &str); 17] = [
    ("sessions", "token_hash"),
    ("known_browsers", "browser_hash"),
    ("artefacts", "link_hash"),
    ("artefacts", "code_mac"),
    ("artefacts", "browser_hash"),
    ("audit", "mac"),
    ("audit_people", "mac"),
    ("audit_checkpoints", "mac"),
    ("audit_checkpoints", "signature"),
    ("clients", "secret_hash"),
    ("clients", "older_secret_hash"),
    ("authorization_requests", "browser_hash"),
    ("authorization_codes", "hash"),
    ("refresh_tokens", "hash"),
    ("client_assertions", "jti_hash"),
    ("idempotency_keys", "hash"),
    // What was migrated, in PostgreSQL.
    ("migrations", "checksum"),
];

/// A column that is forgotten would not be sealed anew, and what is in it not open once the old key is dropped.
#[tokio::test]
async fn a_column_of_bytes_is_known_to_be_sealed_or_not_to_be() {
    let file = File::new().await;
    let sealed = store::sealed::Column::ALL.map(|column| (column.table(), column.column()));
    let mut seen = Vec::new();
    for (table, column, kind) in file.columns().await {
        let here = (table.as_str(), column.as_str());
        if sealed.contains(&here) {
            assert_eq!(kind, "BYTEA", "{here:?}");
            seen.push(here.0.to_owned() + here.1);
        } else if kind == "BYTEA" {
            assert!(
                NOT_SEALED.contains(&here),
                "{here:?}: if it is sealed it belongs into store::sealed::Column"
            );
        }
    }
    assert_eq!(seen.len(), sealed.len(), "{seen:?}");
}

/// Why the release before could not run on, beside or after this migration. What is allowed is listed, since what is not has many
/// names. `made` are the tables and columns that it makes itself, of which the release before knows nothing.
fn narrows(statement: &str, made: &mut Vec<String>) -> Option<&'static str> {
    let words: Vec<&str> = statement.split_whitespace().collect();
    let table_of = |name: &str| name.split('(').next().unwrap_or_default().to_owned();
    let has = |form: &str| format!(" {statement} ").contains(form);
    // Who deletes a row that the release before knows alone must not be stopped by one that it does not know.
    let references = statement.matches(" references ").count();
    if references
        != statement.matches(" on delete cascade").count() + statement.matches(" on delete set null").count()
    {
        return Some("what refers to a row goes with it (on delete cascade, or set null)");
    }
    match words[..] {
        ["create", "table", table, ..] => {
            made.push(table_of(table));
            None
        }
        ["create", "index", _, "on", _, ..] => None,
        ["create", "unique", "index", _, "on", table, ..] => {
            (!made.contains(&table_of(table))).then_some("the release before writes rows that are alike")
        }
        ["alter", "table", table, "add", "column", column, ..] => {
            made.push(format!("{table}.{column}"));
            if words[6..].contains(&"alter") || words[6..].contains(&"add") {
                return Some("one thing at a time");
            }
            if has(" not null") && !has(" default ") {
                return Some("the release before leaves it out");
            }
            ["unique", "primary key", "check"]
                .iter()
                .any(|form| has(&format!(" {form}")))
                .then_some("the release before keeps to no rule it does not know")
        }
        ["update", table, "set", column, "=", ..] => (!made.contains(&format!("{table}.{column}")))
            .then_some("the release before has written what stands there"),
        ["insert", "into", table, ..] => (!made.contains(&table_of(table)))
            .then_some("the release before finds rows that it did not write"),
        ["drop", "table", ..] => Some("the release before reads and writes it"),
        ["alter", "table", _, "drop", ..] => Some("the release before names it"),
        ["alter", "table", _, "rename", ..] => Some("the release before knows it by its name"),
        ["alter", "table", _, "alter", ..] | ["alter", "type", ..] => {
            Some("the release before writes what it wrote until now")
        }
        ["alter", "table", _, "add", "constraint", ..] => {
            Some("the release before keeps to no rule it does not know")
        }
        _ => Some("it is none of the forms that a migration may have"),
    }
}

/// The statements of a migration, in small letters and without comments.
fn of_migration(text: &str) -> Vec<String> {
    let lines = text.lines().map(|line| line.split("--").next().unwrap_or_default());
    let text = lines.collect::<Vec<_>>().join("\n").to_lowercase();
    let statements =
        text.split(';').map(|statement| statement.split_whitespace().collect::<Vec<_>>().join(" "));
    statements.filter(|statement| !statement.is_empty()).collect()
}

#[test]
fn migrations_only_expand() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let mut seen = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        // One that says what it takes away is held to what supported releases run, and a plan refuses it beside older ones
        // (`store::migrations::Plan`).
        if matches!(Kind::of(&text), Kind::Contract { .. }) {
            continue;
        }
        let mut made = Vec::new();
        for statement in of_migration(&text) {
            seen += 1;
            assert_eq!(narrows(&statement, &mut made), None, "{path:?}: {statement}");
        }
    }
    assert!(seen > 60, "only {seen} statements were found: the scan is blind");
}

/// Why the first of its statements that narrows does.
pub(crate) fn why_narrow(text: &str) -> Option<&'static str> {
    let mut made = Vec::new();
    of_migration(text).iter().find_map(|statement| narrows(statement, &mut made))
}

#[test]
fn what_would_stop_the_release_before_is_no_migration() {
    let is_narrow = |text: &str| why_narrow(text).is_some();
    for text in [
        "ALTER TABLE users ADD COLUMN nickname TEXT",
        "ALTER TABLE users ADD COLUMN level BIGINT NOT NULL DEFAULT 0; UPDATE users SET level = 1;",
        "CREATE TABLE notes (id UUID PRIMARY KEY);\nCREATE UNIQUE INDEX notes_once ON notes (id);",
        "-- DROP TABLE users;\nCREATE INDEX users_name ON users (name)",
    ] {
        assert!(!is_narrow(text), "{text}");
    }
    for text in [
        "DROP TABLE users",
        "ALTER TABLE users DROP name",
        "ALTER TABLE users RENAME TO people",
        "ALTER TABLE users ALTER COLUMN locale SET NOT NULL",
        "ALTER TABLE users ALTER locale SET NOT NULL",
        "ALTER TABLE users ADD CONSTRAINT named CHECK (name <> '')",
        "ALTER TABLE users ADD COLUMN nickname TEXT NOT NULL",
        "ALTER TABLE users ADD COLUMN nickname TEXT UNIQUE",
        "ALTER TABLE users ADD COLUMN nickname TEXT, ALTER locale SET NOT NULL",
        "CREATE UNIQUE INDEX users_name ON users (name)",
        "CREATE TABLE notes (user_id UUID REFERENCES users (id))",
        "CREATE TRIGGER no BEFORE INSERT ON users EXECUTE FUNCTION no()",
        "UPDATE users SET locale = 'de'",
        "DELETE FROM users",
        "TRUNCATE users",
        "INSERT INTO user_roles VALUES (1)",
    ] {
        assert!(is_narrow(text), "{text}");
    }
    for (text, why) in [
        ("DROP TABLE users", "the release before reads and writes it"),
        ("ALTER TABLE users DROP COLUMN name", "the release before names it"),
        ("ALTER TABLE users RENAME COLUMN name TO nickname", "the release before knows it by its name"),
        (
            "ALTER TABLE users ALTER COLUMN locale SET NOT NULL",
            "the release before writes what it wrote until now",
        ),
        (
            "ALTER TABLE users ALTER COLUMN created_at TYPE TEXT",
            "the release before writes what it wrote until now",
        ),
        ("ALTER TYPE kind RENAME VALUE 'a' TO 'b'", "the release before writes what it wrote until now"),
        (
            "ALTER TABLE users ADD CONSTRAINT named CHECK (name <> '')",
            "the release before keeps to no rule it does not know",
        ),
        ("CREATE UNIQUE INDEX users_name ON users (name)", "the release before writes rows that are alike"),
        ("ALTER TABLE users ADD COLUMN nickname TEXT NOT NULL", "the release before leaves it out"),
    ] {
        assert_eq!(why_narrow(text), Some(why), "{text}");
    }
}

/// Every statement that this release runs, as it stands in `statements/`.
pub(crate) fn of_this_release() -> String {
    let mut text = format!(
        "-- Every statement that release {} runs. Made by a test; see tests/it/text.rs.\n",
        store::migrations::RELEASE
    );
    for (name, source) in sources() {
        let statements = statements(&source);
        if !statements.is_empty() {
            let _ = write!(text, "\n-- {name}\n");
        }
        for statement in statements {
            let one_line: Vec<&str> = statement.split_whitespace().collect();
            let _ = writeln!(text, "{};", one_line.join(" "));
        }
    }
    text
}

pub(crate) fn exported(release: i64) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("statements/release-{release:04}.sql"))
}

/// A release that is out does not change what it runs: what stands there is what the next ones are held to. While this one is
/// made, `KEYWARD_WRITE=1 cargo test -p store text::` writes it anew.
#[test]
fn what_this_release_runs_is_written_down() {
    let (path, now) = (exported(store::migrations::RELEASE), of_this_release());
    if std::env::var("KEYWARD_WRITE").is_ok() {
        std::fs::write(&path, &now).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap();
    assert!(
        written == now,
        "{} is not what this release runs: KEYWARD_WRITE=1 cargo test -p store text::",
        path.display()
    );
}

/// The release before runs on while this one migrates: whatever it asks, these tables still answer.
#[tokio::test]
async fn what_supported_releases_run_can_be_prepared_on_these_tables() {
    let file = File::new().await;
    for release in store::migrations::OLDEST_SUPPORTED..=store::migrations::RELEASE {
        let text = std::fs::read_to_string(exported(release)).unwrap();
        let statements: Vec<&str> = text.lines().filter(|line| is_sql(line)).collect();
        assert!(statements.len() >= 55, "release {release}: {}", statements.len());
        for statement in statements {
            let prepared = file.prepare(statement.trim_end_matches(';')).await;
            assert!(prepared.is_ok(), "release {release}: {statement}: {prepared:?}");
        }
    }
}
