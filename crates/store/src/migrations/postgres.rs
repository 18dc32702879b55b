//! Migrating PostgreSQL: of any number that try at once one does it, and the others wait.
//!
//! Who migrates holds a lease, which is a row: a lock of a session would not survive a pooler in transaction mode. Each migration
//! is a transaction that renews the lease first, so that whoever has lost it changes nothing. All times of the lease are the
//! server's own.

use std::time::Duration;

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};
use tokio::time::sleep;

use super::{MIGRATIONS, MigrationError, OLDEST_SUPPORTED, RECORD, RELEASE, Recorded, Schema, Status, Step};
use crate::PostgresSettings;
use crate::postgres::connect_once;

/// Whoever waits for another looks again after this…
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// …so often.
const LOOKS: u32 = 1200;
/// What a migration waits for locks of those who are served meanwhile, and how often it is tried: who waits for a lock holds up
/// everybody behind.
const BEGIN: &str = "BEGIN; SET LOCAL lock_timeout = 2000; SET LOCAL synchronous_commit = on";
const TRIES: u32 = 10;

/// The server's clock, Unix microseconds.
const NOW: &str = "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)";
/// A lease holds for so long, unless it is renewed. Microseconds.
const LEASE: i64 = 60_000_000;

const TABLES: &str = "CREATE TABLE IF NOT EXISTS migrations (
         version BIGINT PRIMARY KEY, description TEXT NOT NULL, checksum BYTEA NOT NULL, applied_at BIGINT NOT NULL);
     CREATE TABLE IF NOT EXISTS migration_lease (
         id BIGINT PRIMARY KEY CHECK (id = 1), holder UUID NOT NULL, held_until BIGINT NOT NULL)";
/// Two who make a table at once get in each other's way, so the first step has a lock of its own.
const FIRST: i64 = 0x6b65_7977_6172_6400;

/// What [`apply`] would apply, in order. Changes nothing.
pub async fn plan(settings: &PostgresSettings) -> Result<Vec<Step>, MigrationError> {
    match status(settings).await?.schema {
        Schema::Behind(steps) => Ok(steps),
        Schema::Refused(why) => Err(MigrationError::Refused(why)),
        Schema::Ready | Schema::Ahead(_) => Ok(Vec::new()),
    }
}

/// What the database is. Changes nothing.
pub async fn status(settings: &PostgresSettings) -> Result<Status, MigrationError> {
    let mut connection = connect_once(settings).await?;
    let status = look(&mut connection).await?;
    connection.close().await?;
    Ok(status)
}

/// Brings the tables to this release's form, and says which migrations it applied. Where another is at it, it is waited for.
pub async fn apply(settings: &PostgresSettings) -> Result<Vec<i64>, MigrationError> {
    let mut connection = connect_once(settings).await?;
    for _ in 0..LOOKS {
        match look(&mut connection).await?.schema {
            Schema::Ready | Schema::Ahead(_) => return Ok(Vec::new()),
            Schema::Refused(why) => return Err(MigrationError::Refused(why)),
            Schema::Behind(_) => {}
        }
        if let Some(holder) = take_lease(&mut connection).await? {
            let applied = apply_all(&mut connection, holder).await;
            // It would end by itself; so that the next one need not wait for that.
            let given_back =
                sqlx::query("DELETE FROM migration_lease WHERE holder = $1").bind(holder).persistent(false);
            drop(given_back.execute(&mut connection).await);
            return applied;
        }
        sleep(LOOK_AGAIN).await;
    }
    Err(MigrationError::Busy { seconds: u64::from(LOOKS) * 100 / 1000 })
}

async fn apply_all(connection: &mut PgConnection, holder: uuid::Uuid) -> Result<Vec<i64>, MigrationError> {
    // Whoever had the lease before may have done some of it, or all.
    let steps = match look(connection).await?.schema {
        Schema::Behind(steps) => steps,
        Schema::Refused(why) => return Err(MigrationError::Refused(why)),
        Schema::Ready | Schema::Ahead(_) => return Ok(Vec::new()),
    };
    let mut applied = Vec::with_capacity(steps.len());
    for step in steps {
        apply_patiently(connection, holder, &step).await?;
        applied.push(step.version);
    }
    let record = sqlx::query(RECORD).bind(RELEASE).bind(OLDEST_SUPPORTED).persistent(false);
    begin(connection).await?;
    let recorded = record.execute(&mut *connection).await.map(drop);
    end(connection, recorded).await?;
    Ok(applied)
}

/// Those who are served hold locks that a migration needs: it lets them by, and tries again.
async fn apply_patiently(
    connection: &mut PgConnection,
    holder: uuid::Uuid,
    step: &Step,
) -> Result<(), MigrationError> {
    let mut tried = 0;
    loop {
        tried += 1;
        match apply_one(connection, holder, step).await {
            Err(error) if tried < TRIES && crate::postgres::is_unavailable(&error) => sleep(LOOK_AGAIN).await,
            done => {
                return done.map_err(|error| MigrationError::Failed { version: step.version, error });
            }
        }
    }
}

async fn apply_one(
    connection: &mut PgConnection,
    holder: uuid::Uuid,
    step: &Step,
) -> Result<(), sqlx::Error> {
    begin(connection).await?;
    let done = run(connection, holder, step).await;
    end(connection, done).await
}

async fn run(connection: &mut PgConnection, holder: uuid::Uuid, step: &Step) -> Result<(), sqlx::Error> {
    let renew = format!("UPDATE migration_lease SET held_until = {NOW} + $2 WHERE holder = $1");
    let renewed = sqlx::query(AssertSqlSafe(renew)).bind(holder).bind(LEASE).persistent(false);
    if renewed.execute(&mut *connection).await?.rows_affected() == 0 {
        return Err(sqlx::Error::Protocol("another process has taken over: run this again".to_owned()));
    }
    connection.execute(sqlx::raw_sql(AssertSqlSafe(step.sql.clone()))).await?;
    let checksum = MIGRATIONS.iter().find(|migration| migration.version == step.version);
    let checksum = checksum.map(|migration| migration.checksum.to_vec()).unwrap_or_default();
    let insert = format!(
        "INSERT INTO migrations (version, description, checksum, applied_at) VALUES ($1, $2, $3, {NOW})"
    );
    let insert =
        sqlx::query(AssertSqlSafe(insert)).bind(step.version).bind(&step.description).bind(&checksum);
    insert.persistent(false).execute(connection).await.map(drop)
}

/// The lease, if nobody holds it.
async fn take_lease(connection: &mut PgConnection) -> Result<Option<uuid::Uuid>, sqlx::Error> {
    begin(connection).await?;
    let done = take(connection).await;
    match end(connection, done).await {
        // Whoever migrates holds the row for as long as a migration takes: that is no trouble with the database.
        Err(error) if is_locked(&error) => Ok(None),
        done => done,
    }
}

/// Whether it is held by somebody, who was waited for as long as `lock_timeout` says.
fn is_locked(error: &sqlx::Error) -> bool {
    let told = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    matches!(told.as_deref(), Some("55P03"))
}

async fn take(connection: &mut PgConnection) -> Result<Option<uuid::Uuid>, sqlx::Error> {
    let first = format!("SELECT pg_advisory_xact_lock({FIRST}); {TABLES}");
    connection.execute(sqlx::raw_sql(AssertSqlSafe(first))).await?;
    let take = format!(
        "INSERT INTO migration_lease (id, holder, held_until) VALUES (1, gen_random_uuid(), {NOW} + $1)
         ON CONFLICT (id) DO UPDATE SET holder = excluded.holder, held_until = excluded.held_until
         WHERE migration_lease.held_until < {NOW}
         RETURNING holder"
    );
    sqlx::query_scalar(AssertSqlSafe(take)).bind(LEASE).persistent(false).fetch_optional(connection).await
}

/// What is there.
pub(crate) async fn look(connection: &mut PgConnection) -> Result<Status, sqlx::Error> {
    begin(connection).await?;
    let done = read(connection).await;
    end(connection, done).await
}

async fn read(connection: &mut PgConnection) -> Result<Status, sqlx::Error> {
    let mut applied: Vec<(i64, Vec<u8>)> = Vec::new();
    if is_there(connection, "migrations").await? {
        let asked = sqlx::query_as("SELECT version, checksum FROM migrations ORDER BY version");
        applied = asked.persistent(false).fetch_all(&mut *connection).await?;
    }
    let mut recorded: Option<Recorded> = None;
    if is_there(connection, "release").await? {
        let asked = sqlx::query_as("SELECT number, oldest_supported FROM release");
        recorded = asked.persistent(false).fetch_optional(connection).await?;
    }
    let schema = Schema::of(recorded, &applied);
    Ok(Status { recorded, applied: applied.into_iter().map(|(version, _)| version).collect(), schema })
}

async fn is_there(connection: &mut PgConnection, table: &str) -> Result<bool, sqlx::Error> {
    let asked = sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL").bind(table);
    asked.persistent(false).fetch_one(connection).await
}

/// Everything is in a transaction: behind a pooler, two statements outside of one may go to two servers.
async fn begin(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    connection.execute(sqlx::raw_sql(BEGIN)).await.map(drop)
}

async fn end<T>(connection: &mut PgConnection, done: Result<T, sqlx::Error>) -> Result<T, sqlx::Error> {
    let end = if done.is_ok() { "COMMIT" } else { "ROLLBACK" };
    let ended = connection.execute(sqlx::raw_sql(end)).await;
    let done = done?;
    ended?;
    Ok(done)
}
