//! Migrating, and who may run on what was migrated.

use std::path::Path;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, SqliteConnection};
use store::migrations::{self, MigrationError, RELEASE, Schema};
use store::{PostgresSettings, Store};

use crate::on_postgres::{TestDatabase, is_on_postgres};
use crate::wire::{Mode, Wire};

async fn change(database: &TestDatabase, sql: &str) {
    database.past().await.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await.unwrap();
}

/// What would be applied.
async fn planned(database: &TestDatabase) -> Vec<i64> {
    let plan = migrations::plan(&database.settings(), None).await.unwrap();
    plan.steps.iter().map(|step| step.version).collect()
}

#[tokio::test]
async fn of_ten_who_migrate_at_once_each_migration_is_applied_by_one() {
    if !is_on_postgres() {
        return;
    }
    let database = TestDatabase::empty().await;
    let planned = planned(&database).await;
    assert!(planned.len() >= 6, "{planned:?}");
    let ten = (0..10).map(|_| async { migrations::apply(&database.settings()).await.unwrap() });
    let mut applied: Vec<i64> = futures_util::future::join_all(ten).await.concat();
    applied.sort_unstable();
    assert_eq!(applied, planned);
    let status = migrations::status(&database.settings()).await.unwrap();
    assert_eq!((status.applied, status.schema), (planned, Schema::Ready));
    assert_eq!(migrations::apply(&database.settings()).await.unwrap(), [0; 0]);
}

/// Whoever runs was given rights to every table that is made, and could say that nothing, or something else, was migrated.
#[tokio::test]
async fn who_runs_reads_what_was_migrated_and_does_not_write_it() {
    if !is_on_postgres() {
        return;
    }
    let database = TestDatabase::empty().await;
    // Users are the cluster's and not a database's: one that no other test has.
    let role = format!("runs_in_{}", database.url().rsplit('/').next().unwrap());
    change(&database, &format!("CREATE ROLE {role}")).await;
    let rights =
        format!("ALTER DEFAULT PRIVILEGES GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {role}, PUBLIC");
    change(&database, &rights).await;
    let may = async |who: &str, table: &str, right: &str| -> bool {
        let asked =
            sqlx::query_scalar("SELECT has_table_privilege($1, $2, $3)").bind(who).bind(table).bind(right);
        asked.fetch_one(&mut database.past().await).await.unwrap()
    };
    let holds = async || {
        for table in ["migrations", "migration_lease", "release"] {
            assert!(may(&role, table, "SELECT").await, "{table} is read at each start");
            for right in ["INSERT", "UPDATE", "DELETE", "TRUNCATE"] {
                assert!(!may(&role, table, right).await, "{right} on {table}");
            }
        }
        assert!(may(&role, "users", "INSERT").await && may(&role, "sessions", "DELETE").await);
    };
    migrations::apply(&database.settings()).await.unwrap();
    holds().await;
    // Of tables that were made before, or given away since.
    change(&database, &format!("GRANT INSERT, UPDATE, DELETE ON migrations, release TO {role}")).await;
    assert!(may(&role, "release", "UPDATE").await);
    // By several at once, as when servers start.
    let ten = (0..10).map(|_| async { migrations::apply(&database.settings()).await.unwrap() });
    futures_util::future::join_all(ten).await;
    holds().await;
    let gone = format!("DROP OWNED BY {role}; DROP ROLE {role}");
    change(&database, &gone).await;
}

#[tokio::test]
async fn an_empty_database_is_behind_and_left_as_it_is() {
    if !is_on_postgres() {
        return;
    }
    let database = TestDatabase::empty().await;
    let store = Store::connect(&database.settings()).await.unwrap();
    assert!(matches!(store.schema().await.unwrap(), Schema::Behind(_)));
    let status = migrations::status(&database.settings()).await.unwrap();
    assert_eq!((status.recorded, status.applied), (None, vec![]));
    let tables = "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'";
    let tables: i64 = sqlx::query_scalar(tables).fetch_one(&mut database.past().await).await.unwrap();
    assert_eq!(tables, 0);
    migrations::apply(&database.settings()).await.unwrap();
    assert_eq!(store.schema().await.unwrap(), Schema::Ready);
}

#[tokio::test]
async fn who_dies_while_migrating_is_followed_by_another_when_the_lease_has_run_out() {
    if !is_on_postgres() {
        return;
    }
    let database = TestDatabase::empty().await;
    migrations::apply(&database.settings()).await.unwrap();
    // Somebody holds the lease, and has left the last migration undone.
    let dead = "INSERT INTO migration_lease VALUES (1, gen_random_uuid(), 9000000000000000);
                DELETE FROM migrations WHERE version = 6; DROP TABLE release";
    change(&database, dead).await;
    let settings = database.settings();
    let waiting = tokio::spawn(async move { migrations::apply(&settings).await });
    change(&database, "UPDATE migration_lease SET held_until = 1").await;
    assert_eq!(waiting.await.unwrap().unwrap(), [6]);
}

/// A migration that took longer than a lock is waited for ended those who waited, who said that PostgreSQL was not there.
#[tokio::test]
async fn a_migration_that_takes_longer_than_locks_are_waited_for_is_waited_for() {
    if !is_on_postgres() {
        return;
    }
    let database = TestDatabase::empty().await;
    migrations::apply(&database.settings()).await.unwrap();
    let undone = "INSERT INTO migration_lease VALUES (1, gen_random_uuid(), 9000000000000000);
                  DELETE FROM migrations WHERE version = 6; DROP TABLE release";
    change(&database, undone).await;
    let mut migrating = database.past().await;
    migrating
        .execute(sqlx::raw_sql("BEGIN; UPDATE migration_lease SET held_until = held_until"))
        .await
        .unwrap();
    let settings = database.settings();
    let waiting = tokio::spawn(async move { migrations::apply(&settings).await });
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let mut past = database.past().await;
    // The time limit passes once, and it waits again.
    for is_waiting in [true, false, true] {
        while (sqlx::query_scalar::<_, i64>(waits).fetch_one(&mut past).await.unwrap() > 0) != is_waiting {
            assert!(!waiting.is_finished(), "{:?}", waiting.await);
            tokio::task::yield_now().await;
        }
    }
    migrating.execute(sqlx::raw_sql("UPDATE migration_lease SET held_until = 1; COMMIT")).await.unwrap();
    assert_eq!(waiting.await.unwrap().unwrap(), [6]);
}

/// What the sixth migration and all after it made is taken back: a new one is added here.
const BACK_TO_THE_FIFTH: &str =
    "DELETE FROM migrations WHERE version >= 6; DROP TABLE release, changes, key_holders, idempotency_keys;
                                 DROP INDEX authorization_codes_unused;
                                 ALTER TABLE passwords DROP COLUMN code_if_short";

/// A step that took longer than the lease lost it to whoever waited, and its own process failed.
#[tokio::test]
async fn a_step_that_takes_longer_than_the_lease_leaves_it_renewed() {
    if !is_on_postgres() {
        return;
    }
    let database = TestDatabase::empty().await;
    migrations::apply(&database.settings()).await.unwrap();
    change(&database, BACK_TO_THE_FIFTH).await;
    // As each step is recorded its lease has run out; what is so as it commits is written down.
    let late = "CREATE TABLE seen (held_until BIGINT);
                CREATE FUNCTION run_out() RETURNS trigger LANGUAGE plpgsql AS
                    'BEGIN UPDATE migration_lease SET held_until = 1; RETURN NULL; END';
                CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS
                    'BEGIN INSERT INTO seen SELECT held_until FROM migration_lease; RETURN NULL; END';
                CREATE TRIGGER run_out AFTER INSERT ON migrations FOR EACH ROW EXECUTE FUNCTION run_out();
                CREATE CONSTRAINT TRIGGER see AFTER INSERT ON migrations DEFERRABLE INITIALLY DEFERRED
                    FOR EACH ROW EXECUTE FUNCTION see();";
    change(&database, late).await;
    let applied = migrations::apply(&database.settings()).await.unwrap();
    assert!(applied.len() >= 2 && applied[0] == 6, "{applied:?}");
    let seen = "SELECT held_until FROM seen";
    let seen: Vec<i64> = sqlx::query_scalar(seen).fetch_all(&mut database.past().await).await.unwrap();
    assert!(seen.len() == applied.len() && seen.iter().all(|until| *until > 1), "{seen:?}");
}

/// Whose lease was taken over between two steps failed, and told the operator to run it again.
#[tokio::test]
async fn who_loses_the_lease_waits_for_it_again() {
    if !is_on_postgres() {
        return;
    }
    let database = TestDatabase::empty().await;
    migrations::apply(&database.settings()).await.unwrap();
    change(&database, BACK_TO_THE_FIFTH).await;
    let taken = "CREATE FUNCTION take() RETURNS trigger LANGUAGE plpgsql AS
                     'BEGIN UPDATE migration_lease SET holder = gen_random_uuid(), held_until = 9000000000000000; RETURN NULL; END';
                 CREATE CONSTRAINT TRIGGER take AFTER INSERT ON migrations DEFERRABLE INITIALLY DEFERRED
                     FOR EACH ROW WHEN (NEW.version = 6) EXECUTE FUNCTION take();";
    change(&database, taken).await;
    let settings = database.settings();
    let migrating = tokio::spawn(async move { migrations::apply(&settings).await });
    let mut past = database.past().await;
    let is_taken = "SELECT count(*) FROM migration_lease WHERE held_until = 9000000000000000";
    while sqlx::query_scalar::<_, i64>(is_taken).fetch_one(&mut past).await.unwrap() == 0 {
        assert!(!migrating.is_finished(), "{:?}", migrating.await);
        tokio::task::yield_now().await;
    }
    change(&database, "UPDATE migration_lease SET held_until = 1").await;
    let applied = migrating.await.unwrap().unwrap();
    assert!(applied.len() >= 2 && applied[0] == 6, "{applied:?}");
}

/// Whose connection was cut failed, and left the lease to run out.
#[tokio::test]
async fn who_is_cut_off_while_migrating_goes_on_over_another_connection() {
    if !is_on_postgres() {
        return;
    }
    let database = TestDatabase::empty().await;
    let planned = planned(&database).await;
    let at = database.settings().at();
    let [_, port, name] = at.split([':', '/']).collect::<Vec<_>>()[..] else { panic!("{at}") };
    let wire = Wire::to(port.parse().unwrap()).await;
    let url = format!("postgres://keyward@127.0.0.1:{}/{name}", wire.port());
    let settings = PostgresSettings { url: url.into(), ..database.settings() };
    // The third step is done, and nobody is told.
    wire.set(Mode::LosesCommitOf("CREATE TABLE retired_keys"));
    let by_wire = settings.clone();
    let migrating = tokio::spawn(async move { migrations::apply(&by_wire).await });
    while !wire.has_lost_the_commit() {
        assert!(!migrating.is_finished(), "{:?}", migrating.await);
        tokio::task::yield_now().await;
    }
    wire.set(Mode::Passing);
    assert_eq!(migrating.await.unwrap().unwrap(), planned, "each once");
    assert_eq!(migrations::status(&database.settings()).await.unwrap().schema, Schema::Ready);

    // The next is cut before it is done.
    change(&database, "DELETE FROM migrations WHERE version = 5; ALTER TABLE passwords DROP COLUMN scheme")
        .await;
    let mut served = database.past().await;
    served.execute(sqlx::raw_sql("BEGIN; SELECT * FROM passwords")).await.unwrap();
    let migrating = tokio::spawn(async move { migrations::apply(&settings).await });
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let mut past = database.past().await;
    while sqlx::query_scalar::<_, i64>(waits).fetch_one(&mut past).await.unwrap() == 0 {
        tokio::task::yield_now().await;
    }
    wire.cut().await;
    served.execute(sqlx::raw_sql("COMMIT")).await.unwrap();
    wire.set(Mode::Passing);
    assert_eq!(migrating.await.unwrap().unwrap(), [5]);
}

#[tokio::test]
async fn a_migration_that_fails_leaves_nothing_of_itself() {
    if !is_on_postgres() {
        return;
    }
    let database = TestDatabase::empty().await;
    // The third migration finds something in its way.
    change(&database, "CREATE TABLE retired_keys (kid TEXT)").await;
    let failed = migrations::apply(&database.settings()).await.unwrap_err();
    assert!(matches!(failed, MigrationError::Failed { version: 4, .. }), "{failed}");
    assert_eq!(migrations::status(&database.settings()).await.unwrap().applied, [1, 2, 3]);
    change(&database, "DROP TABLE retired_keys").await;
    assert_eq!(
        migrations::apply(&database.settings()).await.unwrap()[0],
        4,
        "at once: the lease was given back"
    );
}

#[tokio::test]
async fn whose_release_is_too_old_or_too_new_touches_nothing() {
    if !is_on_postgres() {
        return;
    }
    let database = TestDatabase::new().await;
    let store = Store::connect(&database.settings()).await.unwrap();
    change(&database, &format!("UPDATE release SET number = {}", RELEASE + 1)).await;
    assert!(matches!(store.schema().await.unwrap(), Schema::Ahead(_)), "a colour that was rolled back");
    for (number, oldest) in [(RELEASE + 2, RELEASE + 1), (RELEASE - 2, RELEASE - 2)] {
        change(&database, &format!("UPDATE release SET number = {number}, oldest_supported = {oldest}"))
            .await;
        assert!(matches!(store.schema().await.unwrap(), Schema::Refused(_)));
        let refused = migrations::apply(&database.settings()).await.unwrap_err();
        assert!(refused.to_string().ends_with("nothing was changed"), "{refused}");
        let recorded = migrations::status(&database.settings()).await.unwrap().recorded.unwrap();
        assert_eq!((recorded.number, recorded.oldest_supported), (number, oldest));
    }
}

/// The same of a file, which whoever opens it migrates.
#[tokio::test]
async fn a_file_of_a_release_that_is_too_old_or_too_new_is_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keyward.db");
    Store::open(&path).await.unwrap().close().await;
    // A colour that was rolled back: the next release has a migration that is not known here.
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
                 VALUES (9999, 'of the next release', TRUE, x'00', 0)";
    in_file(&path, &format!("{newer}; UPDATE release SET number = {}", RELEASE + 1)).await;
    let served = Store::open(&path).await.unwrap();
    let mut tx = served.begin().await.unwrap();
    store::audit::head(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
    served.close().await;
    assert_eq!(recorded(&path).await, (RELEASE + 1, 1), "what the next release wrote stays");
    // Whoever migrated it would make this again.
    in_file(&path, "DELETE FROM _sqlx_migrations WHERE version = 7; DROP TABLE changes").await;
    for (number, oldest) in [(RELEASE + 2, RELEASE + 1), (RELEASE - 2, RELEASE - 2)] {
        in_file(&path, &format!("UPDATE release SET number = {number}, oldest_supported = {oldest}")).await;
        let refused = Store::open(&path).await.unwrap_err();
        assert!(matches!(refused, store::Error::Refused(_)), "{refused}");
        assert!(refused.to_string().ends_with("nothing was changed"), "{refused}");
        assert_eq!(recorded(&path).await, (number, oldest));
        let mut past = open(&path).await;
        let made = "SELECT count(*) FROM sqlite_master WHERE name = 'changes'";
        assert_eq!(sqlx::query_scalar::<_, i64>(made).fetch_one(&mut past).await.unwrap(), 0);
        past.close().await.unwrap();
    }
}

async fn open(path: &Path) -> SqliteConnection {
    SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(path)).await.unwrap()
}

async fn in_file(path: &Path, sql: &str) {
    let mut past = open(path).await;
    past.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await.unwrap();
    past.close().await.unwrap();
}

/// The release that migrated it last, and the oldest that may run on it.
async fn recorded(path: &Path) -> (i64, i64) {
    let mut past = open(path).await;
    let recorded = sqlx::query_as("SELECT number, oldest_supported FROM release");
    let recorded = recorded.fetch_one(&mut past).await.unwrap();
    past.close().await.unwrap();
    recorded
}

/// Who is served holds locks; who waits for them holds up all who come after.
#[tokio::test]
async fn a_migration_lets_those_by_who_are_served() {
    if !is_on_postgres() {
        return;
    }
    let database = TestDatabase::empty().await;
    migrations::apply(&database.settings()).await.unwrap();
    change(&database, "DELETE FROM migrations WHERE version = 5; ALTER TABLE passwords DROP COLUMN scheme")
        .await;
    let mut served = database.past().await;
    served.execute(sqlx::raw_sql("BEGIN; SELECT * FROM passwords")).await.unwrap();
    let settings = database.settings();
    let migrating = tokio::spawn(async move { migrations::apply(&settings).await });
    // It is tried, and given up, before it is tried again.
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let mut past = database.past().await;
    while sqlx::query_scalar::<_, i64>(waits).fetch_one(&mut past).await.unwrap() == 0 {
        tokio::task::yield_now().await;
    }
    while sqlx::query_scalar::<_, i64>(waits).fetch_one(&mut past).await.unwrap() > 0 {
        tokio::task::yield_now().await;
    }
    served.execute(sqlx::raw_sql("COMMIT")).await.unwrap();
    assert_eq!(migrating.await.unwrap().unwrap(), [5]);
}
