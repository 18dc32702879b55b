//! One SQL text, on whichever database is open: the compiler makes of one body a statement for each driver.

/// Waits for a statement, in a span that says of which database and of which module's table it is: for whoever records requests
/// (`traces` of `auth-service`). It costs next to nothing where nobody does.
macro_rules! traced {
    ($system:literal, $asked:expr) => {
        tracing::Instrument::instrument(
            $asked,
            tracing::info_span!(
                target: "traces",
                "statement",
                db.system.name = $system,
                db.collection.name = module_path!().trim_start_matches("store::"),
            ),
        )
        .await
    };
}

/// Runs a statement that answers with rows: `on!(tx, |connection| sqlx::query_as("…").fetch_all(connection))`.
macro_rules! on {
    ($tx:expr, |$connection:ident| $asked:expr) => {
        match $tx.connection() {
            $crate::database::Connection::Sqlite($connection) => traced!("sqlite", $asked),
            $crate::database::Connection::Postgres($connection) => traced!("postgresql", $asked),
        }
        .map_err($crate::Error::from)
    };
}

/// Runs a statement that answers with nothing, and says how many rows it changed.
macro_rules! changed {
    ($tx:expr, $statement:expr) => {
        match $tx.connection() {
            $crate::database::Connection::Sqlite(connection) => {
                traced!("sqlite", $statement.execute(connection)).map(|done| done.rows_affected())
            }
            $crate::database::Connection::Postgres(connection) => {
                traced!("postgresql", $statement.execute(connection)).map(|done| done.rows_affected())
            }
        }
        .map_err($crate::Error::from)
    };
}
