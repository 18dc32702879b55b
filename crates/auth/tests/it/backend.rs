//! What a server of a test stands on: an SQLite file and memory, or PostgreSQL and Redis where the tests run there.

use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteSynchronous};
use store::Store;
use store::ephemeral::Ephemeral;
use tempfile::TempDir;

use crate::on_postgres::{TestDatabase, is_on_postgres};
use crate::redis_server::RedisServer;

/// What tests tamper with rows by is there by the same name.
const AS_SQLITE_HAS_THEM: &str = "
    CREATE FUNCTION zeroblob(length integer) RETURNS bytea LANGUAGE sql AS
        $$ SELECT decode(repeat('00', length), 'hex') $$;
    CREATE FUNCTION randomblob(length integer) RETURNS bytea LANGUAGE sql VOLATILE AS
        $$ SELECT decode(string_agg(lpad(to_hex(floor(random() * 256)::integer), 2, '0'), ''), 'hex')
           FROM generate_series(1, length) $$;
    CREATE FUNCTION unhex(text text) RETURNS bytea LANGUAGE sql AS $$ SELECT decode(text, 'hex') $$;
    CREATE FUNCTION hex(bytes bytea) RETURNS text LANGUAGE sql AS $$ SELECT upper(encode(bytes, 'hex')) $$;
    CREATE FUNCTION hex(id uuid) RETURNS text LANGUAGE sql AS $$ SELECT upper(replace(id::text, '-', '')) $$;
    CREATE FUNCTION printf(form text, number integer) RETURNS text LANGUAGE sql AS
        $$ SELECT lpad(to_hex(number), 32, '0') $$;
    CREATE FUNCTION as_uuid(bytes bytea) RETURNS uuid LANGUAGE sql AS $$ SELECT encode(bytes, 'hex')::uuid $$;
    CREATE CAST (bytea AS uuid) WITH FUNCTION as_uuid(bytea) AS IMPLICIT;
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'full'; END $$";

pub(crate) enum Backend {
    /// One process alone.
    Small(TempDir),
    /// Any number of them.
    Full(TestDatabase, RedisServer),
}

impl Backend {
    pub(crate) async fn new() -> Self {
        if is_on_postgres() {
            let redis = RedisServer::start().unwrap();
            let database = TestDatabase::new().await;
            sqlx::raw_sql(AS_SQLITE_HAS_THEM).execute(&mut database.past().await).await.unwrap();
            return Self::Full(database, redis);
        }
        Self::Small(tempfile::tempdir().unwrap())
    }

    /// The database, as another process opens it.
    pub(crate) async fn store(&self) -> Store {
        match self {
            Self::Small(folder) => Store::open(&folder.path().join("keyward.db")).await.unwrap(),
            Self::Full(database, _) => Store::connect(&database.settings()).await.unwrap(),
        }
    }

    /// Counters and messages, as another process has them.
    pub(crate) async fn ephemeral(&self) -> Ephemeral {
        match self {
            Self::Small(_) => Ephemeral::memory(),
            Self::Full(_, redis) => redis.connect().await,
        }
    }

    /// Asks the database past the server.
    pub(crate) async fn number(&self, sql: &str) -> i64 {
        let asked = sqlx::query_scalar(sqlx::AssertSqlSafe(sql));
        match self {
            Self::Small(folder) => asked.fetch_one(&past(folder).await).await.unwrap(),
            Self::Full(database, _) => {
                let asked = sqlx::query_scalar(sqlx::AssertSqlSafe(sql));
                asked.fetch_one(&mut database.past().await).await.unwrap()
            }
        }
    }

    /// Every table that is filled by what happens.
    pub(crate) async fn tables(&self) -> Vec<String> {
        let (sqlite, postgres) = (
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_sqlx%' ESCAPE '\\' ORDER BY name",
            "SELECT CAST(table_name AS text) FROM information_schema.tables
             WHERE table_schema = 'public' AND table_name NOT IN ('migrations', 'migration_lease') ORDER BY table_name",
        );
        match self {
            Self::Small(folder) => sqlx::query_scalar(sqlite).fetch_all(&past(folder).await).await.unwrap(),
            Self::Full(database, _) => {
                sqlx::query_scalar(postgres).fetch_all(&mut database.past().await).await.unwrap()
            }
        }
    }

    /// The tables whose rows lead to a row of `parent`, and go with it.
    pub(crate) async fn going_with(&self, parent: &str) -> Vec<String> {
        let (sqlite, postgres) = (
            "SELECT m.name FROM sqlite_master m JOIN pragma_foreign_key_list(m.name) f
             WHERE m.type = 'table' AND f.\"table\" = $1 AND f.on_delete = 'CASCADE' ORDER BY m.name",
            "SELECT CAST(c.relname AS text) FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
             JOIN pg_class p ON p.oid = k.confrelid
             WHERE k.contype = 'f' AND k.confdeltype = 'c' AND p.relname = $1 ORDER BY c.relname",
        );
        match self {
            Self::Small(folder) => {
                let asked = sqlx::query_scalar(sqlite).bind(parent);
                asked.fetch_all(&past(folder).await).await.unwrap()
            }
            Self::Full(database, _) => {
                let asked = sqlx::query_scalar(postgres).bind(parent);
                asked.fetch_all(&mut database.past().await).await.unwrap()
            }
        }
    }

    /// The tables that say whose a row is.
    pub(crate) async fn of_people(&self) -> Vec<String> {
        let (sqlite, postgres) = (
            "SELECT m.name FROM sqlite_master m JOIN pragma_table_info(m.name) c
             WHERE m.type = 'table' AND c.name = 'user_id' ORDER BY m.name",
            "SELECT CAST(table_name AS text) FROM information_schema.columns
             WHERE table_schema = 'public' AND column_name = 'user_id' ORDER BY table_name",
        );
        match self {
            Self::Small(folder) => sqlx::query_scalar(sqlite).fetch_all(&past(folder).await).await.unwrap(),
            Self::Full(database, _) => {
                sqlx::query_scalar(postgres).fetch_all(&mut database.past().await).await.unwrap()
            }
        }
    }

    /// Changes the database past the server; says how many rows it touched.
    pub(crate) async fn tamper(&self, sql: &str) -> u64 {
        let change = sqlx::raw_sql(sqlx::AssertSqlSafe(sql));
        match self {
            Self::Small(folder) => change.execute(&past(folder).await).await.unwrap().rows_affected(),
            Self::Full(database, _) => {
                let change = sqlx::raw_sql(sqlx::AssertSqlSafe(sql));
                change.execute(&mut database.past().await).await.unwrap().rows_affected()
            }
        }
    }
}

impl Backend {
    /// From now on no row can be added to a table…
    pub(crate) async fn refuse_rows(&self, table: &str) {
        let refuse = match self {
            Self::Small(_) => "BEGIN SELECT RAISE(ABORT, 'full'); END",
            Self::Full(..) => "FOR EACH ROW EXECUTE FUNCTION refuse()",
        };
        self.tamper(&format!("CREATE TRIGGER full_{table} BEFORE INSERT ON {table} {refuse}")).await;
    }

    /// …until now.
    pub(crate) async fn take_rows(&self, table: &str) {
        let of_table = match self {
            Self::Small(_) => String::new(),
            Self::Full(..) => format!("ON {table}"),
        };
        self.tamper(&format!("DROP TRIGGER full_{table} {of_table}")).await;
    }
}

async fn past(folder: &TempDir) -> SqlitePool {
    let path = folder.path().join("keyward.db");
    let past = SqliteConnectOptions::new().filename(&path).synchronous(SqliteSynchronous::Off);
    SqlitePool::connect_with(past).await.unwrap()
}
