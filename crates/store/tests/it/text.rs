//! One SQL text for SQLite and PostgreSQL: nothing in it that only one of them reads the same.

use std::path::Path;

use sqlx::Row as _;

use crate::file::File;

/// The source with its comments and tests taken out: what is left in it between quotes is sent to the database.
fn statements(source: &str) -> Vec<String> {
    let code: String = source
        .split("#[cfg(test)]")
        .next()
        .unwrap_or_default()
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n");
    code.split('"').skip(1).step_by(2).map(ToOwned::to_owned).filter(|text| is_sql(text)).collect()
}

fn is_sql(text: &str) -> bool {
    let verb = text.split_whitespace().next().unwrap_or_default();
    ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH"].contains(&verb) && text.contains(' ')
}

fn sources() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut sources = Vec::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            sources.push((name, std::fs::read_to_string(&path).unwrap()));
        }
    }
    sources
}

/// What may not be in a statement, and why not.
const FORBIDDEN: [(&str, &str); 14] = [
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
];

#[test]
fn no_statement_says_what_only_one_database_understands() {
    let mut seen = 0;
    for (name, source) in sources() {
        for statement in statements(&source) {
            seen += 1;
            let text = statement.to_lowercase();
            for (forbidden, why) in FORBIDDEN {
                assert!(!text.contains(forbidden), "{name}: `{forbidden}` ({why}) in {statement}");
            }
        }
    }
    assert!(seen >= 55, "only {seen} statements were found: the scan is blind");
}

#[tokio::test]
async fn every_statement_can_be_prepared() {
    let file = File::new().await;
    for (name, source) in sources() {
        for statement in statements(&source) {
            let plan = format!("EXPLAIN {statement}");
            let planned = sqlx::query(sqlx::AssertSqlSafe(plan)).fetch_all(&file.raw).await;
            assert!(planned.is_ok(), "{name}: {statement}: {planned:?}");
        }
    }
}

#[tokio::test]
async fn every_column_is_of_a_type_both_know() {
    let file = File::new().await;
    let tables = sqlx::query(
        "SELECT m.name AS table_name, c.name AS column_name, c.type AS type
         FROM sqlite_master m JOIN pragma_table_info(m.name) c
         WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND m.name NOT LIKE '\\_sqlx%' ESCAPE '\\'",
    )
    .fetch_all(&file.raw)
    .await
    .unwrap();
    assert!(tables.len() > 80, "{}", tables.len());
    for row in tables {
        let (table, column, kind): (String, String, String) = (row.get(0), row.get(1), row.get(2));
        let known = ["TEXT", "BIGINT", "BOOLEAN", "BYTEA", "UUID"].contains(&kind.as_str());
        assert!(known, "{table}.{column} is {kind}");
        if column.ends_with("_at") || column == "at" {
            assert_eq!(kind, "BIGINT", "{table}.{column}: a moment is Unix microseconds");
        }
    }
}

#[test]
fn migrations_only_expand() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap().to_lowercase();
        for line in text.lines().filter(|line| !line.trim_start().starts_with("--")) {
            for forbidden in ["drop ", "rename ", "alter column", "delete from", "truncate "] {
                assert!(!line.contains(forbidden), "{path:?}: {line}");
            }
        }
    }
}
