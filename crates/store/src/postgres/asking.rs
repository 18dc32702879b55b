//! A connection in a transaction, asked one statement at a time.

use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream, StreamExt as _, TryStreamExt as _};
use sqlx::postgres::{PgArguments, PgConnection, PgQueryResult, PgRow, PgStatement, PgTypeInfo, Postgres};
use sqlx::{Describe, Either, Execute, Executor, SqlStr};

use super::pool::Shared;
use super::session::Condition;

/// Whoever asks is told at once when the server is lost.
#[derive(Debug)]
pub(crate) struct Asking<'c> {
    pub(super) connection: &'c mut PgConnection,
    pub(super) shared: &'c Shared,
    pub(super) condition: &'c mut Condition,
    /// See [`Session`](super::Session).
    pub(super) may_ask_again: &'c mut bool,
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

    /// The same of what only reads: once more on another connection, where this one turns out to be dead.
    async fn read<T>(self, question: Question, ask: Ask<T>) -> Result<T, sqlx::Error> {
        let Self { connection, shared, condition, may_ask_again } = self;
        let again = std::mem::take(may_ask_again).then(|| question.clone());
        let answered = Self::watch(shared, condition, ask(connection, question)).await;
        let Some(question) = again else { return answered };
        if !answered.as_ref().is_err_and(super::fault::is_closed) {
            return answered;
        }
        // If there is none, the old one stays, which is of no more use.
        *connection = shared.connect_patiently().await?;
        *condition = Condition::Whole;
        Self::watch(shared, condition, ask(connection, question)).await
    }
}

type Ask<T> = for<'a> fn(&'a mut PgConnection, Question) -> BoxFuture<'a, Result<T, sqlx::Error>>;

/// A statement with its values, kept prepared only where it may be.
#[derive(Clone)]
struct Question {
    sql: SqlStr,
    values: Option<PgArguments>,
    persistent: bool,
}

impl Question {
    fn of<'q>(mut asked: impl Execute<'q, Postgres>, prepares: bool) -> Result<Self, sqlx::Error> {
        let persistent = prepares && asked.persistent();
        let values = asked.take_arguments().map_err(sqlx::Error::Encode)?;
        Ok(Self { sql: asked.sql(), values, persistent })
    }
}

impl Execute<'_, Postgres> for Question {
    fn sql(self) -> SqlStr {
        self.sql
    }

    fn statement(&self) -> Option<&PgStatement> {
        None
    }

    fn take_arguments(&mut self) -> Result<Option<PgArguments>, sqlx::error::BoxDynError> {
        Ok(self.values.take())
    }

    fn persistent(&self) -> bool {
        self.persistent
    }
}

impl<'c> Executor<'c> for Asking<'c> {
    type Database = Postgres;

    fn execute<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<PgQueryResult, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let question = Question::of(query, self.shared.prepares());
        let Self { connection, shared, condition, .. } = self;
        Box::pin(async move { Self::watch(shared, condition, connection.execute(question?)).await })
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
        let question = Question::of(query, self.shared.prepares());
        let all = async move {
            self.read(question?, |connection, question| {
                Box::pin(connection.fetch_many(question).try_collect::<Vec<_>>())
            })
            .await
        };
        stream::once(all).map_ok(|all| stream::iter(all.into_iter().map(Ok))).try_flatten().boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<PgRow>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let question = Question::of(query, self.shared.prepares());
        Box::pin(async move {
            self.read(question?, |connection, question| connection.fetch_optional(question)).await
        })
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
