//! Statements on SQLite whose end is not waited for twice.
//!
//! The driver runs SQLite on a thread of its own. It tells what a statement changed, and then, by hanging up, that there is no
//! more to tell; to wait for both is to be woken twice. What was changed is all that an act wants to know.

use futures_util::future::BoxFuture;
use futures_util::stream::{BoxStream, StreamExt as _};
use sqlx::sqlite::{Sqlite, SqliteConnection, SqliteQueryResult, SqliteRow, SqliteStatement, SqliteTypeInfo};
use sqlx::{Either, Execute, Executor, SqlStr};

/// A connection that runs single statements.
#[derive(Debug)]
pub(crate) struct Prompt<'c>(pub(crate) &'c mut SqliteConnection);

/// Runs `count` statements, given as one text, by one message to the driver.
pub(crate) async fn run<'q, E>(
    connection: &mut SqliteConnection,
    statements: E,
    count: usize,
) -> Result<SqliteQueryResult, sqlx::Error>
where
    E: Execute<'q, Sqlite> + 'q,
{
    let mut told = connection.fetch_many(statements);
    let mut changed = SqliteQueryResult::default();
    let mut ended = 0;
    while ended < count {
        match told.next().await.transpose()? {
            Some(Either::Left(done)) => {
                changed.extend([done]);
                ended += 1;
            }
            Some(Either::Right(_)) => {}
            None => break,
        }
    }
    Ok(changed)
}

impl<'c> Executor<'c> for Prompt<'c> {
    type Database = Sqlite;

    fn execute<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<SqliteQueryResult, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Sqlite>,
    {
        Box::pin(run(self.0, query, 1))
    }

    fn fetch_many<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxStream<'e, Result<Either<SqliteQueryResult, SqliteRow>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Sqlite>,
    {
        self.0.fetch_many(query)
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<SqliteRow>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Sqlite>,
    {
        self.0.fetch_optional(query)
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [SqliteTypeInfo],
    ) -> BoxFuture<'e, Result<SqliteStatement, sqlx::Error>>
    where
        'c: 'e,
    {
        self.0.prepare_with(sql, parameters)
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<sqlx::Describe<Sqlite>, sqlx::Error>>
    where
        'c: 'e,
    {
        self.0.describe(sql)
    }
}
