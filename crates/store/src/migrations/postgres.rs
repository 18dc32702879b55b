//! Migrating PostgreSQL: of any number that try at once one does it, and the others wait.
//!
//! Who migrates holds a lease, which is a row: a lock of a session would not survive a pooler in transaction mode. Each migration
//! is a transaction that renews the lease first, so that whoever has lost it changes nothing, and last, so that one that takes long
//! is not taken from who is at it. All times of the lease are the server's own.

use std::time::Duration;

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;

use super::{
    MIGRATIONS, MigrationError, OLDEST_SUPPORTED, Plan, RECORD, RELEASE, Recorded, Schema, Status, Step,
};
use crate::PostgresSettings;
use crate::postgres::{connect_once, takes_writes};

/// Whoever waits for another looks again after this…
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// …for so long: as long as tables may be large.
const LONGEST_WAIT: Duration = Duration::from_hours(1);
/// For so long a cut connection is made anew…
const LONGEST_CUT: Duration = Duration::from_secs(30);
/// …and so often, while nothing comes of it.
const MOST_CUTS: u32 = 10;
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
/// What is in these is the word of whoever owns them, on which servers start or do not. Whoever runs may have been given rights to
/// all tables (`ALTER DEFAULT PRIVILEGES`): of these they keep the one to read.
const KEEP: &str = "DO $$ DECLARE ours RECORD; BEGIN
         FOR ours IN SELECT DISTINCT made.oid::regclass AS place, CASE given.grantee WHEN 0 THEN 'PUBLIC'
                     ELSE quote_ident(pg_get_userbyid(given.grantee)) END AS whom
             FROM pg_class made, aclexplode(made.relacl) given
             WHERE made.oid IN (to_regclass('migrations'), to_regclass('migration_lease'), to_regclass('release'))
               AND made.relowner = (SELECT oid FROM pg_roles WHERE rolname = current_user)
               AND given.grantee <> made.relowner AND given.privilege_type <> 'SELECT'
         LOOP
             EXECUTE format('REVOKE INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER ON %s FROM %s', ours.place, ours.whom);
         END LOOP; END $$";
/// Two who make a table at once get in each other's way, so the first step has a lock of its own.
const FIRST: i64 = 0x6b65_7977_6172_6400;

/// What [`apply`] would do, and whether the release that runs now goes on: that one is `running`, or the one that migrated the database
/// last. Changes nothing.
pub async fn plan(settings: &PostgresSettings, running: Option<i64>) -> Result<Plan, MigrationError> {
    Ok(Plan::of(&status(settings).await?, running))
}

/// What the database is. Changes nothing.
pub async fn status(settings: &PostgresSettings) -> Result<Status, MigrationError> {
    let mut connection = connect_once(settings).await?;
    let status = look(&mut connection).await?;
    connection.close().await?;
    Ok(status)
}

/// Brings the tables to this release's form, and says which migrations it applied. Where another is at it, it is waited for. A
/// connection that is cut is made anew, and what was not applied yet goes on.
pub async fn apply(settings: &PostgresSettings) -> Result<Vec<i64>, MigrationError> {
    let mut connection = connect_once(settings).await?;
    let (mut cuts, begun, mut told) = (0, now(), false);
    let mut applying = Applying { settings, holder: None, under_way: None, applied: Vec::new() };
    loop {
        let before = applying.applied.len();
        let gone_on = applying.go_on(&mut connection).await;
        if applying.applied.len() > before {
            cuts = 0;
        }
        match gone_on {
            Ok(false) if begun.elapsed() < LONGEST_WAIT => {
                if !told {
                    told = true;
                    tell_of_another(&mut connection).await;
                }
                sleep(LOOK_AGAIN).await;
            }
            Ok(false) => return Err(MigrationError::Busy { seconds: LONGEST_WAIT.as_secs() }),
            Err(cut) if cut.is_cut() && cuts < MOST_CUTS => {
                cuts += 1;
                tracing::warn!(error = %cut, "the connection was cut while migrating: it is made anew, to go on");
                sleep(LOOK_AGAIN).await;
                connection = connect_again(settings).await?;
            }
            Err(cut) if cut.is_cut() => return Err(MigrationError::Cut { reason: cut.to_string() }),
            ended => {
                applying.give_back(&mut connection).await;
                return ended.map(|_| applying.applied);
            }
        }
    }
}

/// Says whom it waits for, and how long it would if that one were dead. A connection that is cut just then is found cut at the next look.
async fn tell_of_another(connection: &mut PgConnection) {
    if let Ok(Some(seconds)) = rest_of_lease(connection).await {
        tracing::info!(
            seconds,
            "another process migrates this database: it is waited for. If it was killed, its lease ends in {seconds} s at the most, \
             and this goes on where it stopped"
        );
    }
}

/// For how many seconds the lease holds, unless it is renewed. None where nobody has it.
async fn rest_of_lease(connection: &mut PgConnection) -> Result<Option<i64>, sqlx::Error> {
    begin(connection).await?;
    let rest = format!("SELECT greatest(0, (held_until - {NOW} + 999999) / 1000000) FROM migration_lease");
    let rest = sqlx::query_scalar(AssertSqlSafe(rest)).persistent(false);
    let rest = rest.fetch_optional(&mut *connection).await;
    end(connection, rest).await
}

/// Sees to it that nobody else writes down what was migrated.
async fn keep(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    begin(connection).await?;
    // Two who take the same rights back at once get in each other's way, too.
    let keep = format!("SELECT pg_advisory_xact_lock({FIRST}); {KEEP}");
    let kept = connection.execute(sqlx::raw_sql(AssertSqlSafe(keep))).await.map(drop);
    end(connection, kept).await
}

/// After a cut. What may pass is waited for.
async fn connect_again(settings: &PostgresSettings) -> Result<PgConnection, MigrationError> {
    let mut reason = "it did not answer".to_owned();
    let connecting = async {
        loop {
            match connect_once(settings).await {
                Err(error) if !error.is_lasting() => error.reason().clone_into(&mut reason),
                connected => return connected,
            }
            sleep(LOOK_AGAIN).await;
        }
    };
    let connected = timeout(LONGEST_CUT, connecting).await;
    Ok(connected.map_err(|_| MigrationError::Cut { reason })??)
}

/// An attempt to migrate, over any number of connections.
struct Applying<'a> {
    settings: &'a PostgresSettings,
    /// Who holds the lease, while this does.
    holder: Option<Uuid>,
    /// What was under way when its connection was cut: it may be applied.
    under_way: Option<i64>,
    applied: Vec<i64>,
}

impl Applying<'_> {
    /// Applies all that is missing. False while somebody else is at it.
    async fn go_on(&mut self, connection: &mut PgConnection) -> Result<bool, MigrationError> {
        if self.missing(connection).await?.is_none() {
            keep(connection).await?;
            return Ok(true);
        }
        takes_writes(self.settings, connection).await?;
        let Some(holder) = take_lease(connection, self.holder).await? else { return Ok(false) };
        self.holder = Some(holder);
        // Whoever had the lease before may have done some of it, or all.
        let Some(steps) = self.missing(connection).await? else { return Ok(true) };
        for step in steps {
            self.under_way = Some(step.version);
            let is_applied = apply_patiently(connection, holder, &step).await?;
            self.under_way = None;
            if !is_applied {
                return Ok(false);
            }
            self.applied.push(step.version);
        }
        let record = sqlx::query(RECORD).bind(RELEASE).bind(OLDEST_SUPPORTED).persistent(false);
        begin(connection).await?;
        let recorded = record.execute(&mut *connection).await.map(drop);
        end(connection, recorded).await?;
        keep(connection).await?;
        Ok(true)
    }

    /// What is to be applied. None if this release can run on the database as it is.
    async fn missing(&mut self, connection: &mut PgConnection) -> Result<Option<Vec<Step>>, MigrationError> {
        let status = look(connection).await?;
        let under_way = self.under_way.take();
        self.applied.extend(under_way.filter(|version| status.applied.contains(version)));
        match status.schema {
            Schema::Behind(steps) => Ok(Some(steps)),
            Schema::Refused(why) => Err(MigrationError::Refused(why)),
            Schema::Ready | Schema::Ahead(_) => Ok(None),
        }
    }

    /// The lease would end by itself; so that the next one need not wait for that.
    async fn give_back(&self, connection: &mut PgConnection) {
        let Some(holder) = self.holder else { return };
        let given_back =
            sqlx::query("DELETE FROM migration_lease WHERE holder = $1").bind(holder).persistent(false);
        drop(given_back.execute(connection).await);
    }
}

/// Those who are served hold locks that a migration needs: it lets them by, and tries again. False if somebody else has the lease.
async fn apply_patiently(
    connection: &mut PgConnection,
    holder: Uuid,
    step: &Step,
) -> Result<bool, MigrationError> {
    let failed = |error| MigrationError::Failed { version: step.version, error };
    let mut tried = 0;
    loop {
        tried += 1;
        // A try that fails takes back what it renewed.
        begin(connection).await.map_err(failed)?;
        let renewed = renew(connection, holder).await;
        match end(connection, renewed).await {
            Ok(true) => {}
            Ok(false) => return Ok(false),
            Err(error) if is_locked(&error) => return Ok(false),
            Err(error) => return Err(failed(error)),
        }
        begin(connection).await.map_err(failed)?;
        let done = run(connection, holder, step).await;
        match end(connection, done).await {
            Err(error)
                if tried < TRIES
                    && crate::postgres::is_unavailable(&error)
                    && !crate::postgres::is_cut(&error) =>
            {
                sleep(LOOK_AGAIN).await;
            }
            done => return done.map_err(failed),
        }
    }
}

/// Applies a step, unless somebody else has the lease. Its row is locked from beginning to end, so that nobody takes it over however
/// long the step takes; and as it ends the lease begins anew.
async fn run(connection: &mut PgConnection, holder: Uuid, step: &Step) -> Result<bool, sqlx::Error> {
    if !renew(connection, holder).await? {
        return Ok(false);
    }
    connection.execute(sqlx::raw_sql(AssertSqlSafe(step.sql.clone()))).await?;
    let checksum = MIGRATIONS.iter().find(|migration| migration.version == step.version);
    let checksum = checksum.map(|migration| migration.checksum.to_vec()).unwrap_or_default();
    let insert = format!(
        "INSERT INTO migrations (version, description, checksum, applied_at) VALUES ($1, $2, $3, {NOW})"
    );
    let insert =
        sqlx::query(AssertSqlSafe(insert)).bind(step.version).bind(&step.description).bind(&checksum);
    insert.persistent(false).execute(&mut *connection).await?;
    renew(connection, holder).await
}

/// False if it is somebody else's by now.
async fn renew(connection: &mut PgConnection, holder: Uuid) -> Result<bool, sqlx::Error> {
    let renew = format!("UPDATE migration_lease SET held_until = {NOW} + $2 WHERE holder = $1");
    let renewed = sqlx::query(AssertSqlSafe(renew)).bind(holder).bind(LEASE).persistent(false);
    Ok(renewed.execute(connection).await?.rows_affected() > 0)
}

/// The lease, if nobody holds it but who asks.
async fn take_lease(connection: &mut PgConnection, own: Option<Uuid>) -> Result<Option<Uuid>, sqlx::Error> {
    begin(connection).await?;
    let done = take(connection, own).await;
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

async fn take(connection: &mut PgConnection, own: Option<Uuid>) -> Result<Option<Uuid>, sqlx::Error> {
    let first = format!("SELECT pg_advisory_xact_lock({FIRST})");
    connection.execute(sqlx::raw_sql(AssertSqlSafe(first))).await?;
    // Asked first: whoever waits takes ten times a second, and each time would be told that they are there.
    if !is_there(connection, "migrations").await? || !is_there(connection, "migration_lease").await? {
        connection.execute(sqlx::raw_sql(TABLES)).await?;
    }
    let take = format!(
        "INSERT INTO migration_lease (id, holder, held_until) VALUES (1, coalesce($2, gen_random_uuid()), {NOW} + $1)
         ON CONFLICT (id) DO UPDATE SET holder = excluded.holder, held_until = excluded.held_until
         WHERE migration_lease.held_until < {NOW} OR migration_lease.holder = excluded.holder
         RETURNING holder"
    );
    let taken = sqlx::query_scalar(AssertSqlSafe(take)).bind(LEASE).bind(own);
    taken.persistent(false).fetch_optional(connection).await
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

#[expect(clippy::disallowed_methods, reason = "it is the runtime's clock: how long another was waited for")]
fn now() -> Instant {
    Instant::now()
}
