//! What a release was seen to run: its statements with the values that they were given, in an order in which each finds the rows that it
//! is about, as it stands in `statements/`; and the same once more, on other tables.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use sqlx::postgres::Postgres;
use sqlx::sqlite::Sqlite;
use sqlx::{AssertSqlSafe, Executor as _};
use uuid::Uuid;

use crate::file::Past;

/// A statement, as it was run once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) statement: String,
    pub(crate) values: Vec<Value>,
    /// How many rows it gave or changed.
    pub(crate) rows: u64,
}

/// A value that it was given, as PostgreSQL writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Value {
    /// Its type.
    pub(crate) kind: String,
    /// None is NULL.
    pub(crate) text: Option<String>,
}

/// The same, as a driver takes it.
enum Bound {
    Uuid(Option<Uuid>),
    Text(Option<String>),
    Bigint(Option<i64>),
    Boolean(Option<bool>),
    Bytea(Option<Vec<u8>>),
}

impl Run {
    /// Whether it answers with rows.
    fn answers(&self) -> bool {
        self.statement.starts_with("SELECT")
            || self.statement.starts_with("WITH")
            || self.statement.contains(" RETURNING ")
    }

    /// Whether it changes rows.
    pub(crate) fn writes(&self) -> bool {
        ["INSERT", "UPDATE", "DELETE"].iter().any(|verb| self.statement.starts_with(verb))
    }
}

impl Value {
    fn bound(&self) -> Bound {
        let text = self.text.as_deref();
        match self.kind.as_str() {
            "uuid" => Bound::Uuid(text.map(|text| text.parse().unwrap())),
            "text" => Bound::Text(text.map(ToOwned::to_owned)),
            "bigint" => Bound::Bigint(text.map(|text| text.parse().unwrap())),
            "boolean" => Bound::Boolean(text.map(|text| text == "t")),
            "bytea" => Bound::Bytea(text.map(bytes)),
            other => panic!("no statement of ours is given a {other}"),
        }
    }
}

/// What is written as `\x0a0b`.
fn bytes(text: &str) -> Vec<u8> {
    let digits = text.strip_prefix("\\x").unwrap();
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

/// Where it stands what a release was seen to run.
pub(crate) fn place(release: i64) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("statements/release-{release:04}-run.sql"))
}

const HEAD: &str = "\
-- What a release was seen to run, in this order and on empty tables: each statement, what it was given, and how many rows it gave or
-- changed. PostgreSQL wrote it to its log while tests/it/every_statement.rs ran; made by a test, see tests/it/recording.rs.
";

/// As it stands there.
pub(crate) fn written(runs: &[Run]) -> String {
    let mut text = HEAD.to_owned();
    for Run { statement, values, rows } in runs {
        let values = values.iter().enumerate().map(|(at, Value { kind, text })| {
            let text = text
                .as_ref()
                .map_or_else(|| "NULL".to_owned(), |text| format!("'{}'", text.replace('\'', "''")));
            format!("${} {kind} = {text}", at + 1)
        });
        let values = values.collect::<Vec<_>>().join(", ");
        let given = format!("-- given: {values}");
        let _ = write!(text, "\n{statement};\n{}\n-- rows: {rows}\n", given.trim_end());
    }
    text
}

/// What stands there.
pub(crate) fn read(text: &str) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for line in text.lines() {
        if let Some(given) = line.strip_prefix("-- given:") {
            runs.last_mut().unwrap().values = values(given.trim());
        } else if let Some(rows) = line.strip_prefix("-- rows: ") {
            runs.last_mut().unwrap().rows = rows.parse().unwrap();
        } else if let Some(statement) = line.strip_suffix(';') {
            runs.push(Run { statement: statement.to_owned(), values: Vec::new(), rows: 0 });
        }
    }
    runs
}

/// Reads `$1 uuid = '…', $2 bigint = NULL`. In a log of PostgreSQL there are no types.
pub(crate) fn values(text: &str) -> Vec<Value> {
    let (mut rest, mut found) = (text, Vec::new());
    while !rest.is_empty() {
        let (name, value) = rest.split_once(" = ").unwrap();
        let kind = name.split_once(' ').map_or("", |(_, kind)| kind).to_owned();
        let (text, after) = match value.strip_prefix('\'') {
            Some(quoted) => {
                let (text, after) = unquoted(quoted);
                (Some(text), after)
            }
            None => (None, value.strip_prefix("NULL").unwrap()),
        };
        found.push(Value { kind, text });
        rest = after.strip_prefix(", ").unwrap_or(after);
    }
    found
}

/// A text up to the quote that ends it, and what stands behind that. A quote in it is written twice.
fn unquoted(quoted: &str) -> (String, &str) {
    let (mut text, mut rest) = (String::new(), quoted);
    loop {
        let (piece, after) = rest.split_once('\'').unwrap();
        text.push_str(piece);
        let Some(more) = after.strip_prefix('\'') else { return (text, after) };
        text.push('\'');
        rest = more;
    }
}

/// Runs them on a connection, each for itself, in a transaction that is taken back.
macro_rules! run_on {
    ($database:ty, $connection:expr, $runs:expr) => {{
        let connection = $connection;
        connection.execute(sqlx::raw_sql("BEGIN")).await.unwrap();
        let mut went = Vec::new();
        for run in $runs {
            connection.execute(sqlx::raw_sql("SAVEPOINT one")).await.unwrap();
            let asked = sqlx::query::<$database>(AssertSqlSafe(run.statement.clone()));
            let asked = run.values.iter().fold(asked, |asked, value| match value.bound() {
                Bound::Uuid(value) => asked.bind(value),
                Bound::Text(value) => asked.bind(value),
                Bound::Bigint(value) => asked.bind(value),
                Bound::Boolean(value) => asked.bind(value),
                Bound::Bytea(value) => asked.bind(value),
            });
            let rows = if run.answers() {
                let rows = asked.fetch_all(&mut *connection).await;
                rows.map(|rows| u64::try_from(rows.len()).unwrap())
            } else {
                asked.execute(&mut *connection).await.map(|done| done.rows_affected())
            };
            let end = if rows.is_ok() { "RELEASE SAVEPOINT one" } else { "ROLLBACK TO SAVEPOINT one" };
            connection.execute(sqlx::raw_sql(end)).await.unwrap();
            went.push(rows);
        }
        connection.execute(sqlx::raw_sql("ROLLBACK")).await.unwrap();
        went
    }};
}

/// Prepares and runs them once more, and takes everything back: how many rows each gave or changed.
pub(crate) async fn again(past: &Past, runs: &[Run]) -> Vec<Result<u64, sqlx::Error>> {
    match past {
        Past::Sqlite(pool, _) => {
            let mut connection = pool.acquire().await.unwrap();
            run_on!(Sqlite, &mut *connection, runs)
        }
        Past::Postgres(database) => {
            let mut connection = database.past().await;
            run_on!(Postgres, &mut connection, runs)
        }
    }
}

/// Which of them do not run on these tables, or do something else there, and how.
pub(crate) async fn refused(past: &Past, runs: &[Run]) -> Vec<String> {
    let went = again(past, runs).await;
    let told = runs.iter().zip(went).map(|(run, rows)| match rows {
        Ok(rows) if rows == run.rows => None,
        Ok(rows) => Some(format!("{} rows in the place of {}: {}", rows, run.rows, run.statement)),
        Err(error) => Some(format!("{error}: {}", run.statement)),
    });
    told.flatten().collect()
}

#[test]
fn what_was_written_down_is_read_again() {
    let value =
        |kind: &str, text: Option<&str>| Value { kind: kind.to_owned(), text: text.map(ToOwned::to_owned) };
    let runs = vec![
        Run {
            statement: "UPDATE users SET name = $2 WHERE id = $1 AND locale = $3 AND name = $4".to_owned(),
            values: vec![
                value("uuid", Some("00000000-0000-0000-0000-000000000001")),
                value("text", Some("it's, she said, $2 = 'so'")),
                value("text", None),
                value("text", Some("")),
            ],
            rows: 1,
        },
        Run { statement: "SELECT COUNT(*) FROM audit".to_owned(), values: Vec::new(), rows: 17 },
    ];
    assert_eq!(read(&written(&runs)), runs);
    assert_eq!(values("$1 = 'a''b', $2 = NULL"), [value("", Some("a'b")), value("", None)]);
    assert_eq!(bytes("\\x000aff"), [0, 10, 255]);
}
