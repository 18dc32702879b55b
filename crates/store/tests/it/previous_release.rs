//! The release before runs on beside this one, on this one's tables: what it was seen to run is run on them again.

use std::collections::HashSet;
use std::path::Path;

use sqlx::AssertSqlSafe;
use store::migrations::{OLDEST_SUPPORTED, RELEASE};

use crate::file::{File, Past};
use crate::on_postgres::is_on_postgres;
use crate::recorded::{Run, place, read, refused};
use crate::text::{exported, is_sql, why_narrow};

/// It is asked of another server's database (`family`), and never of ours.
const ELSEWHERE: &str = "SELECT count(*) FROM users";

/// What a release was seen to run.
fn runs_of(release: i64) -> Vec<Run> {
    let place = place(release);
    let text = std::fs::read_to_string(&place);
    read(&text.unwrap_or_else(|error| panic!("{}: {error}", place.display())))
}

/// What `deploy/previous-release` says.
fn said(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/previous-release");
    let text = std::fs::read_to_string(path).unwrap();
    let start = format!("{name} = ");
    let mut found = text.lines().filter_map(|line| line.strip_prefix(&start));
    let (said, None) = (found.next().unwrap(), found.next()) else { panic!("{name} is said twice") };
    said.to_owned()
}

#[test]
fn the_release_before_is_named_and_supported() {
    let commit = said("commit");
    assert!(commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit()), "{commit}");
    let release: i64 = said("release").parse().unwrap();
    assert_eq!(release, RELEASE - 1, "CONTRIBUTING.md tells how it is moved");
    assert!(OLDEST_SUPPORTED <= release, "it runs on beside this one");
    let last: i64 = said("migrations").parse().unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let names = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name());
    let mut numbers: Vec<i64> =
        names.map(|name| name.to_str().unwrap().split('_').next().unwrap().parse().unwrap()).collect();
    numbers.sort_unstable();
    assert!(numbers.contains(&last), "{numbers:?}");
    // One that came later with a smaller number would be applied to no database that it has migrated.
    assert!(numbers.iter().copied().eq(1..=i64::try_from(numbers.len()).unwrap()), "{numbers:?}");
}

#[tokio::test]
async fn what_supported_releases_ran_runs_on_these_tables() {
    for release in OLDEST_SUPPORTED..=RELEASE {
        let file = File::without_anybody().await;
        let refused = refused(&file.past, &runs_of(release)).await;
        assert!(refused.is_empty(), "of release {release}: {refused:#?}");
    }
}

/// One that is not among them would be prepared and never run; one that found no row would meet no rule of its table.
#[test]
fn every_statement_of_a_supported_release_was_seen_to_run_and_each_that_writes_to_write() {
    for release in OLDEST_SUPPORTED..=RELEASE {
        let text = std::fs::read_to_string(exported(release)).unwrap();
        let all: HashSet<&str> =
            text.lines().filter(|line| is_sql(line)).map(|line| line.trim_end_matches(';')).collect();
        let runs = runs_of(release);
        let run: HashSet<&str> = runs.iter().map(|run| run.statement.as_str()).collect();
        let missing: Vec<_> = all.difference(&run).filter(|statement| **statement != ELSEWHERE).collect();
        assert!(missing.is_empty(), "release {release}: tests/it/every_statement.rs runs no {missing:#?}");
        let unknown: Vec<_> = run.difference(&all).collect();
        assert!(unknown.is_empty(), "release {release} does not have {unknown:#?}");
        let wrote: HashSet<&str> =
            runs.iter().filter(|run| run.rows > 0).map(|run| run.statement.as_str()).collect();
        let idle: Vec<_> =
            runs.iter().filter(|run| run.writes() && !wrote.contains(run.statement.as_str())).collect();
        assert!(idle.is_empty(), "release {release}: these found no row: {idle:#?}");
    }
}

/// What a migration might do to what the release before uses, and what that would then run in vain. Where SQLite cannot alter a column
/// its table is made anew, which is the same to whoever asks.
const BREAKS: [(&str, &str, &str); 9] = [
    ("drops a table", "DROP TABLE revoked_tokens", "INSERT INTO revoked_tokens"),
    ("drops a column", "ALTER TABLE outbox DROP COLUMN last_error", "UPDATE outbox SET"),
    ("renames a table", "ALTER TABLE changes RENAME TO news", "INSERT INTO changes"),
    ("renames a column", "ALTER TABLE users RENAME COLUMN name TO nickname", "INSERT INTO users"),
    (
        "adds a column that has to be there and has no default",
        "DROP TABLE changes;
         CREATE TABLE changes (id UUID PRIMARY KEY, at BIGINT NOT NULL, what TEXT NOT NULL, whose TEXT NOT NULL)",
        "INSERT INTO changes",
    ),
    (
        "asks for a column that was left empty",
        "DROP TABLE signing_keys;
         CREATE TABLE signing_keys (kid TEXT PRIMARY KEY, algorithm TEXT NOT NULL, private_key BYTEA NOT NULL,
                                    created_at BIGINT NOT NULL, signs_from BIGINT, signs_until BIGINT NOT NULL)",
        "INSERT INTO signing_keys",
    ),
    (
        "allows less in a column",
        "DROP TABLE retired_keys;
         CREATE TABLE retired_keys (kid TEXT PRIMARY KEY, algorithm TEXT NOT NULL CHECK (algorithm = 'ES256'),
                                    public_key TEXT NOT NULL, expires_at BIGINT NOT NULL)",
        "INSERT INTO retired_keys",
    ),
    ("allows no two that are alike", "CREATE UNIQUE INDEX outbox_once ON outbox (kind)", "INSERT INTO outbox"),
    (
        "puts rows where it finds none but its own",
        "INSERT INTO changes (id, at, what) VALUES ('00000000-0000-0000-0000-0000000000ff', 9000000000000000, 'x')",
        "SELECT id, at, what FROM changes",
    ),
];

/// The same by what PostgreSQL alone can do.
const BREAKS_OF_POSTGRES: [(&str, &str, &str); 4] = [
    (
        "adds a column that has to be there and has no default",
        "ALTER TABLE changes ADD COLUMN whose TEXT NOT NULL",
        "INSERT INTO changes",
    ),
    (
        "asks for a column that was left empty",
        "ALTER TABLE users ALTER COLUMN locale SET NOT NULL",
        "INSERT INTO users",
    ),
    (
        "has another type in a column",
        "ALTER TABLE revoked_tokens ALTER COLUMN expires_at TYPE TEXT",
        "DELETE FROM revoked_tokens",
    ),
    (
        "allows less in a column",
        "ALTER TABLE outbox ADD CONSTRAINT known CHECK (kind = 'reset')",
        "INSERT INTO outbox",
    ),
];

async fn migrate(file: &File, sql: &str) {
    let sql = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
    let done = match &file.past {
        Past::Sqlite(pool, _) => sql.execute(pool).await.map(drop),
        Past::Postgres(database) => sql.execute(&mut database.past().await).await.map(drop),
    };
    done.unwrap();
}

#[tokio::test]
async fn what_breaks_a_statement_of_the_release_before_is_refused_and_named() {
    let runs = runs_of(OLDEST_SUPPORTED);
    let of_postgres: &[_] = if is_on_postgres() { &BREAKS_OF_POSTGRES } else { &[] };
    for (what, sql, broken) in BREAKS.iter().chain(of_postgres) {
        let file = File::without_anybody().await;
        migrate(&file, sql).await;
        let refused = refused(&file.past, &runs).await;
        assert!(refused.iter().any(|told| told.contains(broken)), "{what}: {refused:#?}");
        assert!(why_narrow(sql).is_some(), "{what}: nor may a migration say so");
    }
}

#[tokio::test]
async fn what_only_adds_is_not_refused() {
    let file = File::without_anybody().await;
    let sql = "ALTER TABLE users ADD COLUMN nickname TEXT;
               ALTER TABLE changes ADD COLUMN weight BIGINT NOT NULL DEFAULT 1;
               CREATE TABLE notes (id UUID PRIMARY KEY, user_id UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE);
               CREATE INDEX notes_user ON notes (user_id)";
    migrate(&file, sql).await;
    let refused = refused(&file.past, &runs_of(OLDEST_SUPPORTED)).await;
    assert!(refused.is_empty() && why_narrow(sql).is_none(), "{refused:#?}");
}
