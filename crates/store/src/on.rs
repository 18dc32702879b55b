//! One SQL text, on whichever database is open: the compiler makes of one body a statement for each driver.

/// Runs a statement that answers with rows: `on!(tx, |connection| sqlx::query_as("…").fetch_all(connection))`.
macro_rules! on {
    ($tx:expr, |$connection:ident| $asked:expr) => {
        match $tx.connection() {
            $crate::database::Connection::Sqlite($connection) => $asked.await,
            $crate::database::Connection::Postgres($connection) => $asked.await,
        }
        .map_err($crate::Error::from)
    };
}

/// Runs a statement that answers with nothing, and says how many rows it changed.
macro_rules! changed {
    ($tx:expr, $statement:expr) => {
        match $tx.connection() {
            $crate::database::Connection::Sqlite(connection) => {
                $statement.execute(connection).await.map(|done| done.rows_affected())
            }
            $crate::database::Connection::Postgres(connection) => {
                $statement.execute(connection).await.map(|done| done.rows_affected())
            }
        }
        .map_err($crate::Error::from)
    };
}
