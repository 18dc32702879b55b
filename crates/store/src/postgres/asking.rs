//! A connection in a transaction, asked one statement at a time.

use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream, StreamExt as _, TryStreamExt as _};
use sqlx::postgres::{PgConnection, PgQueryResult, PgRow, PgStatement, PgTypeInfo, Postgres};
use sqlx::{Describe, Either, Execute, Executor, SqlStr};

use super::pool::Shared;
use super::session::Condition;

/// Whoever asks is told at once when the server is lost.
#[derive(Debug)]
pub(crate) struct Asking<'c> {
    pub(super) connection: &'c mut PgConnection,
    pub(super) shared: &'c Shared,
    pub(super) condition: &'c mut Condition,
}

impl Asking<'_> {
    /// Runs what asks the server, and remembers how it went.
    async fn watch<T>(
        shared: &Shared,
        condition: &mut Condition,
        asked: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, sqlx::Error> {
        shared.count_statement();
        // If whoever waits hangs up, the answer is still on its way.
        let before = std::mem::replace(condition, Condition::Interrupted);
        let answered = shared.watch(asked).await;
        *condition = match &answered {
            Ok(_) => before,
            Err(error) if super::fault::is_broken(error) => Condition::Broken,
            Err(_) => Condition::Failed,
        };
        answered
    }
}

/// A statement that may not be kept prepared.
struct Unprepared<E>(E, bool);

impl<'q, E: Execute<'q, Postgres>> Execute<'q, Postgres> for Unprepared<E> {
    fn sql(self) -> SqlStr {
        self.0.sql()
    }

    fn statement(&self) -> Option<&PgStatement> {
        self.0.statement()
    }

    fn take_arguments(
        &mut self,
    ) -> Result<Option<<Postgres as sqlx::Database>::Arguments>, sqlx::error::BoxDynError> {
        self.0.take_arguments()
    }

    fn persistent(&self) -> bool {
        self.1 && self.0.persistent()
    }
}

impl<'c> Executor<'c> for Asking<'c> {
    type Database = Postgres;

    fn execute<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<PgQueryResult, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let Self { connection, shared, condition } = self;
        let query = Unprepared(query, shared.prepares());
        Box::pin(Self::watch(shared, condition, connection.execute(query)))
    }

    /// All of it is read before any is given out: every statement of ours has few rows, or a limit.
    fn fetch_many<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxStream<'e, Result<Either<PgQueryResult, PgRow>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let Self { connection, shared, condition } = self;
        let query = Unprepared(query, shared.prepares());
        let all = Self::watch(shared, condition, connection.fetch_many(query).try_collect::<Vec<_>>());
        stream::once(all).map_ok(|all| stream::iter(all.into_iter().map(Ok))).try_flatten().boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<PgRow>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let Self { connection, shared, condition } = self;
        let query = Unprepared(query, shared.prepares());
        Box::pin(Self::watch(shared, condition, connection.fetch_optional(query)))
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [PgTypeInfo],
    ) -> BoxFuture<'e, Result<PgStatement, sqlx::Error>>
    where
        'c: 'e,
    {
        self.connection.prepare_with(sql, parameters)
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<Postgres>, sqlx::Error>>
    where
        'c: 'e,
    {
        self.connection.describe(sql)
    }
}
