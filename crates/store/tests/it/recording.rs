//! What this release runs, with its values, is taken from where PostgreSQL writes what it was asked, and written down for the releases
//! to come.

use std::collections::HashSet;
use std::time::Duration;

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};
use store::Store;
use store::migrations::{self, RELEASE};

use crate::every_statement;
use crate::file::{File, declared};
use crate::postgres_server::PostgresServer;
use crate::recorded::{Run, Value, again, place, values, written};
use crate::text::{is_sql, of_this_release};

/// A test that waits for so long has failed.
const LONG: Duration = Duration::from_secs(30);

/// The statements in a log of PostgreSQL, each with what it was given, in the order in which they were run. What goes over several lines
/// is indented there by a tab.
fn executed(log: &str) -> Vec<(String, Vec<Value>)> {
    let mut found: Vec<(String, Vec<Value>)> = Vec::new();
    let mut is_going_on = false;
    for line in log.lines() {
        let run = line.strip_prefix("LOG:  execute ").filter(|run| !run.starts_with("fetch from "));
        if let Some((_, statement)) = run.and_then(|run| run.split_once(": ")) {
            found.push((statement.to_owned(), Vec::new()));
            is_going_on = true;
        } else if let Some((statement, given)) = found.last_mut().filter(|_| is_going_on) {
            if let Some(more) = line.strip_prefix('\t') {
                statement.push('\n');
                statement.push_str(more);
                continue;
            }
            // `parameters:`, or `Parameters:` since PostgreSQL 16.
            let detail = line.strip_prefix("DETAIL:  ").and_then(|detail| detail.split_once("arameters: "));
            if let Some((_, parameters)) = detail {
                *given = values(parameters);
            }
            is_going_on = false;
        }
    }
    let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    found.into_iter().map(|(statement, given)| (one_line(&statement), given)).collect()
}

/// All that the server has said so far, from its own mouth.
async fn log_of(past: &mut PgConnection) -> String {
    past.execute(sqlx::raw_sql("SELECT 'this is said last'")).await.unwrap();
    let reading = async {
        loop {
            let log = sqlx::query_scalar("SELECT pg_read_file('../server.log')").fetch_one(&mut *past).await;
            let log: String = log.unwrap();
            if log.contains("SELECT 'this is said last'") {
                return log;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LONG, reading).await.unwrap()
}

/// The types of what a statement is given.
async fn types_of(past: &mut PgConnection, statement: &str) -> Vec<String> {
    let prepare = format!("PREPARE looked_at {} AS {statement}", declared(statement));
    past.execute(sqlx::raw_sql(AssertSqlSafe(prepare))).await.unwrap();
    let asked = "SELECT CAST(parameter_types AS text[]) FROM pg_prepared_statements WHERE name = 'looked_at'";
    let types: Vec<String> = sqlx::query_scalar(asked).fetch_one(&mut *past).await.unwrap();
    past.execute(sqlx::raw_sql("DEALLOCATE looked_at")).await.unwrap();
    types
}

/// Runs every statement on a PostgreSQL that writes down what it is asked. None where there is none.
async fn recorded() -> Option<Vec<Run>> {
    let server = PostgresServer::start_with(&["log_statement=all", "log_line_prefix="], &[]).await?;
    let settings = PostgresServer::settings_at(server.port());
    migrations::apply(&settings).await.unwrap();
    let url = format!("postgres://keyward@127.0.0.1:{}/postgres", server.port());
    let mut past = PgConnection::connect(&url).await.unwrap();
    let store = Store::connect(&settings).await.unwrap();
    let mut tx = store.begin().await.unwrap();
    every_statement::begin(&mut tx).await;
    tx.commit().await.unwrap();
    past.execute(sqlx::raw_sql(every_statement::BY_AN_OLDER_RELEASE)).await.unwrap();
    let mut tx = store.begin().await.unwrap();
    every_statement::go_on(&mut tx).await;
    tx.commit().await.unwrap();
    store.close().await;

    let exported = of_this_release();
    let exported: HashSet<&str> =
        exported.lines().filter(|line| is_sql(line)).map(|line| line.trim_end_matches(';')).collect();
    let mut runs = Vec::new();
    for (statement, mut values) in executed(&log_of(&mut past).await) {
        // Others are of a connection, and of no use case.
        if !exported.contains(statement.as_str()) {
            continue;
        }
        let types = types_of(&mut past, &statement).await;
        assert_eq!(types.len(), values.len(), "{statement}");
        for (value, kind) in values.iter_mut().zip(types) {
            value.kind = kind;
        }
        runs.push(Run { statement, values, rows: 0 });
    }
    Some(runs)
}

/// While this release is made, `KEYWARD_WRITE=1 cargo test -p store --test it recording::` writes it anew.
#[tokio::test]
async fn what_this_release_was_seen_to_run_is_written_down() {
    let Some(mut runs) = recorded().await else { return };
    // How many rows: as they are found once more, and by another database.
    let file = File::without_anybody().await;
    let went = again(&file.past, &runs).await;
    for (run, rows) in runs.iter_mut().zip(went) {
        run.rows = rows.unwrap_or_else(|error| panic!("{error}: {}", run.statement));
    }
    let now = written(&runs);
    let path = place(RELEASE);
    if std::env::var("KEYWARD_WRITE").is_ok() {
        std::fs::write(&path, &now).unwrap();
    }
    let was = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        was == now,
        "{} is not what this release was seen to run: KEYWARD_WRITE=1 cargo test -p store --test it recording::",
        path.display()
    );
}

#[test]
fn a_log_is_read_statement_by_statement() {
    let log = "LOG:  statement: BEGIN
LOG:  execute sqlx_s_1: SELECT hash
\t         FROM passwords
\t         WHERE user_id = $1
DETAIL:  parameters: $1 = '00000000-0000-0000-0000-000000000001'
LOG:  execute fetch from sqlx_s_1: SELECT hash
\t         FROM passwords
LOG:  execute <unnamed>: SELECT count(*) FROM users
LOG:  execute sqlx_s_2/sqlx_p_3: UPDATE users SET name = $1, locale = $2
DETAIL:  Parameters: $1 = 'it''s', $2 = NULL
\tno statement";
    let given = |texts: &[Option<&str>]| -> Vec<Value> {
        let texts = texts.iter().map(|text| text.map(ToOwned::to_owned));
        texts.map(|text| Value { kind: String::new(), text }).collect()
    };
    let expected = [
        (
            "SELECT hash FROM passwords WHERE user_id = $1",
            given(&[Some("00000000-0000-0000-0000-000000000001")]),
        ),
        ("SELECT count(*) FROM users", given(&[])),
        ("UPDATE users SET name = $1, locale = $2", given(&[Some("it's"), None])),
    ];
    assert_eq!(executed(log), expected.map(|(statement, given)| (statement.to_owned(), given)));
}
