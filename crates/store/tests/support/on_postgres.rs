//! The same tests once more, on PostgreSQL: one source, and nothing that could be forgotten. The test binary runs itself again,
//! beside a server of its own unless it was given one; then each test that asks for a database gets one there.

use std::path::Path;
use std::process::Command;

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};
use store::PostgresSettings;
use tokio::sync::OnceCell;
use uuid::Uuid;

use crate::pgbouncer::PgBouncer;
use crate::postgres_programs::programs;
use crate::postgres_server::PostgresServer;

/// Set where tests run on PostgreSQL.
const BACKEND: &str = "KEYWARD_TEST_BACKEND";
/// Where a server is: see `scripts/with-postgres`.
const SERVER: &str = "KEYWARD_TEST_POSTGRES_URL";

/// Where a pooler in transaction mode is, in front of that server: `postgres://USER@HOST:PORT`. See `pgbouncer.rs`.
const POOLER: &str = "KEYWARD_TEST_POOLER";

/// Whether this is the run on PostgreSQL.
pub(crate) fn is_on_postgres() -> bool {
    std::env::var(BACKEND).is_ok_and(|backend| backend == "postgres")
}

/// Runs this binary again, on PostgreSQL and with more in its environment: the tests that `arguments` choose. Where there is no
/// PostgreSQL that is said, and fails where all has to be tested (`CI=true`).
pub(crate) fn run_again(arguments: &[&str], environment: &[(&str, &str)]) {
    if is_on_postgres() {
        return;
    }
    let own = std::env::current_exe().unwrap();
    let mut run = if std::env::var(SERVER).is_ok() {
        Command::new(own)
    } else if is_there() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap();
        let mut run = Command::new(root.join("scripts/with-postgres"));
        run.arg(own);
        run
    } else {
        assert!(std::env::var("CI").is_err(), "PostgreSQL is not there; ./scripts/test installs it");
        println!("NOT RUN on PostgreSQL, since it is not there; ./scripts/test installs it");
        return;
    };
    run.args(arguments).env(BACKEND, "postgres").envs(environment.iter().copied());
    let status = run.status().unwrap();
    assert!(status.success(), "what passes on SQLite fails on PostgreSQL: see above");
}

/// Runs this binary again, on PostgreSQL behind PgBouncer in transaction mode: the tests that `arguments` choose.
pub(crate) async fn run_again_behind_a_pooler(arguments: &[&str]) {
    if is_on_postgres() {
        return;
    }
    let Some(server) = PostgresServer::start_with(&["max_connections=300"], &[]).await else { return };
    let Some(pooler) = PgBouncer::start(server.port()) else { return };
    let status = Command::new(std::env::current_exe().unwrap())
        .args(arguments)
        .env(BACKEND, "postgres")
        .env(SERVER, format!("postgres://keyward@127.0.0.1:{}/postgres", server.port()))
        .env(POOLER, format!("postgres://keyward@127.0.0.1:{}", pooler.port()))
        .status()
        .unwrap();
    assert!(status.success(), "what passes without a pooler fails behind one: see above");
}

/// Whether PostgreSQL is installed, in PATH or where Debian puts it.
pub(crate) fn is_there() -> bool {
    programs().is_some()
}

/// A database of a test's own, copied from one whose tables were made once.
pub(crate) struct TestDatabase {
    name: String,
}

impl TestDatabase {
    pub(crate) async fn new() -> Self {
        static TEMPLATE: OnceCell<String> = OnceCell::const_new();
        let template = TEMPLATE.get_or_init(make_template).await;
        let database = Self::named();
        let copy = format!("CREATE DATABASE {} TEMPLATE {template}", database.name);
        administrator().await.execute(AssertSqlSafe(copy)).await.unwrap();
        database
    }

    /// One without tables.
    pub(crate) async fn empty() -> Self {
        let database = Self::named();
        let make = format!("CREATE DATABASE {}", database.name);
        administrator().await.execute(AssertSqlSafe(make)).await.unwrap();
        database
    }

    fn named() -> Self {
        Self { name: format!("test_{}", unique()) }
    }

    pub(crate) fn url(&self) -> String {
        at(&self.name)
    }

    /// How it is reached: by way of the pooler, where the tests run behind one. Tests run side by side, and each needs few
    /// connections.
    pub(crate) fn settings(&self) -> PostgresSettings {
        match std::env::var(POOLER) {
            Ok(pooler) => {
                let url = format!("{pooler}/{}", self.name).into();
                PostgresSettings { maximum_connections: 8, statement_cache: 0, ..PostgresSettings::new(url) }
            }
            Err(_) => self.direct(),
        }
    }

    fn direct(&self) -> PostgresSettings {
        PostgresSettings { maximum_connections: 8, ..PostgresSettings::new(self.url().into()) }
    }

    /// A connection past the store.
    pub(crate) async fn past(&self) -> PgConnection {
        PgConnection::connect(&self.url()).await.unwrap()
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        // Only to save room: the server ends with the tests.
        let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        let _ = Command::new("psql").args(["-X", "-q", "-c", &drop, &server()]).output();
    }
}

/// A template of this run's own: another binary may have been built with other migrations.
async fn make_template() -> String {
    let template = TestDatabase::empty().await;
    // Nobody may be connected to a template; a pooler would stay.
    store::migrations::apply(&template.direct()).await.unwrap();
    let name = format!("template_{}", unique());
    let rename = format!("ALTER DATABASE {} RENAME TO {name}", template.name);
    administrator().await.execute(AssertSqlSafe(rename)).await.unwrap();
    name
}

async fn administrator() -> PgConnection {
    PgConnection::connect(&server()).await.unwrap()
}

fn server() -> String {
    std::env::var(SERVER).unwrap()
}

fn at(database: &str) -> String {
    let server = server();
    let (start, _) = server.rsplit_once('/').unwrap();
    format!("{start}/{database}")
}

#[expect(clippy::disallowed_methods, reason = "a name that no other test has")]
fn unique() -> String {
    Uuid::new_v4().simple().to_string()
}
