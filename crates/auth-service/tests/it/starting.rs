//! The full mode as it starts: PostgreSQL and Redis that come late or not at all, and where they are said to be.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use serde_json::json;

use crate::full::{LONG, Stack, internal, sign_in, sign_up, stderr, within};
use crate::process::Running;

/// What the server is not is told at once; who is still being made beside it is waited for.
#[tokio::test]
async fn what_no_waiting_mends_ends_a_start_at_once_and_what_others_still_make_is_waited_for() {
    let Some(stack) = Stack::start().await else { return };
    stack.tamper("CREATE DATABASE plain ENCODING 'SQL_ASCII' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'");
    let at = |user: &str, name: &str| {
        format!("database.url=postgres://{user}@127.0.0.1:{}/{name}", stack.postgres.port())
    };
    let ended = |url: &str, wait: &str| {
        let output = stack.server(1, &[url, wait]).output().unwrap();
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        (said.contains("waiting for PostgreSQL"), said.lines().last().unwrap().to_owned())
    };
    let (waited, last) = ended(&at("keyward", "plain"), "startup.wait=1h");
    assert!(!waited && last.contains("it is encoded in SQL_ASCII; make a database in UTF8"), "{last}");
    for (user, name, why) in
        [("keyward", "absent", "make it, or correct its name"), ("nobody", "postgres", "refuses the user")]
    {
        let (waited, last) = ended(&at(user, name), "startup.wait=1s");
        assert!(waited && last.contains("was not there within 1 s") && last.contains(why), "{last}");
    }
    // Who migrates is told the same way.
    let url = at("keyward", "absent");
    let migrated = stack.command(&["migrate", "status"], &[&url, "startup.wait=1s"]).output().unwrap();
    assert!(stderr(&migrated).contains("was not there within 1 s"), "{}", stderr(&migrated));
}

#[tokio::test]
async fn a_server_that_starts_before_its_database_and_redis_is_ready_without_a_restart() {
    let Some(mut stack) = Stack::start().await else { return };
    stack.postgres.kill();
    stack.redis.kill();
    let mut server = Running::begin(&mut stack.server(1, &[]));
    server.wait_for_line("waiting for PostgreSQL at 127.0.0.1:");
    let (status, startup) = internal(&server, "/startupz");
    assert_eq!((status, &startup["status"]), (503, &"starting".into()));
    let error = startup["waiting_for"]["error"].as_str().unwrap();
    assert!(error.contains("nothing listens there"), "{error}");
    assert_eq!(internal(&server, "/readyz").0, 503);
    assert_eq!(internal(&server, "/livez").0, 200);
    stack.postgres.restart().await;
    within(LONG, "only Redis is waited for", || {
        internal(&server, "/startupz").1["waiting_for"]["name"] == "redis"
    });
    stack.redis.restart();
    server.wait_for_line("waiting for the database's tables");
    let (status, startup) = internal(&server, "/startupz");
    assert_eq!((status, &startup["status"]), (503, &"migrating".into()));
    let error = startup["waiting_for"]["error"].as_str().unwrap();
    assert!(error.contains("run `auth-service migrate apply`"), "{error}");
    assert!(stack.migrate("apply", &[]).status.success());
    server.serves();
    assert_eq!(internal(&server, "/readyz"), (200, json!({ "status": "ready", "degraded": [] })));
    assert_eq!(sign_up(&server, "ana@example.com"), 201);
    sign_in(&server, "ana@example.com");
}

#[tokio::test]
async fn what_does_not_come_is_given_up_in_one_sentence_that_names_it() {
    let Some(mut stack) = Stack::migrated().await else { return };
    for name in ["PostgreSQL", "Redis"] {
        if name == "PostgreSQL" {
            stack.postgres.kill();
        } else {
            stack.postgres.restart().await;
            stack.redis.kill();
        }
        let gone = stack.server(1, &["startup.wait=1s"]).output().unwrap();
        let said = stderr(&gone);
        let last = said.lines().last().unwrap();
        assert_eq!(gone.status.code(), Some(1), "{said}");
        assert!(last.starts_with(&format!("auth-service: {name} at 127.0.0.1:")), "{last}");
        assert!(
            last.contains(" was not there within 1 s (") && last.contains("nothing listens there"),
            "{last}"
        );
    }
    stack.postgres.kill();
    let gone = stack.command(&["migrate", "apply"], &["startup.wait=1s"]).output().unwrap();
    assert_eq!(gone.status.code(), Some(1));
    assert!(stderr(&gone).contains("PostgreSQL at 127.0.0.1:"), "{}", stderr(&gone));
}

/// It was served by, and whoever wrote was told that it was away.
#[tokio::test]
async fn a_database_that_takes_no_writes_is_waited_for_and_told() {
    let Some(stack) = Stack::migrated().await else { return };
    stack.tamper("ALTER DATABASE postgres SET default_transaction_read_only = on");
    let mut server = Running::begin(&mut stack.server(1, &[]));
    server.wait_for_line("waiting for PostgreSQL at 127.0.0.1:");
    let (status, startup) = internal(&server, "/startupz");
    let error = startup["waiting_for"]["error"].as_str().unwrap();
    assert!(
        status == 503 && error.contains("it takes no writes, since default_transaction_read_only is on"),
        "{error}"
    );
    stack.tamper("BEGIN READ WRITE; ALTER DATABASE postgres RESET default_transaction_read_only; COMMIT");
    server.serves();
    assert_eq!(sign_up(&server, "ana@example.com"), 201);
}

/// Where its database is, and how it is reached, a server has from its configuration alone.
#[tokio::test]
async fn what_the_environment_says_of_postgresql_to_others_is_not_heard() {
    let Some(stack) = Stack::migrated().await else { return };
    let mut command = stack.server(1, &[]);
    let others = [
        ("PGHOST", "db.invalid"),
        ("PGHOSTADDR", "192.0.2.1"),
        ("PGPORT", "1"),
        ("PGUSER", "nobody"),
        ("PGDATABASE", "nothing"),
        // This PostgreSQL speaks no TLS.
        ("PGSSLMODE", "verify-full"),
        ("PGSSLROOTCERT", "/nowhere.pem"),
        ("PGAPPNAME", "other"),
        ("PGPASSWORD", "another"),
        ("PGPASSFILE", "/nowhere/pgpass"),
        ("PGSERVICE", "none"),
        ("PGSERVICEFILE", "/nowhere/pg_service.conf"),
        ("PGSYSCONFDIR", "/nowhere"),
        ("PGREQUIREAUTH", "gss"),
        ("PGCHANNELBINDING", "require"),
        ("PGTARGETSESSIONATTRS", "standby"),
        ("PGCLIENTENCODING", "LATIN1"),
    ];
    let server = Running::of(command.envs(others));
    assert_eq!(sign_up(&server, "ana@example.com"), 201);
}

/// A password that is set nowhere but in the environment or at home lets nobody in, and one of the settings is not changed by it.
#[tokio::test]
async fn the_password_of_postgresql_is_the_configurations_and_nobody_elses() {
    let Some(stack) = Stack::migrated().await else { return };
    stack.tamper(
        "CREATE ROLE guarded LOGIN SUPERUSER PASSWORD 'right';
         DO $$ BEGIN
             EXECUTE format('COPY (SELECT unnest(ARRAY[%L, %L])) TO %L', 'host all guarded 127.0.0.1/32 scram-sha-256',
                            'host all all 127.0.0.1/32 trust', current_setting('hba_file'));
             PERFORM pg_reload_conf();
         END $$",
    );
    let home = stack.folder.path();
    for name in ["pgpass", ".pgpass"] {
        let file = home.join(name);
        std::fs::write(&file, "*:*:*:guarded:right\n").unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    let url = format!("database.url=postgres://guarded@127.0.0.1:{}/postgres", stack.postgres.port());
    let secret = home.join("database-password");
    std::fs::write(&secret, "right").unwrap();
    std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
    let password = format!("database.password=file:{}", secret.display());
    let from_elsewhere = |command: &mut Command, password: &str| {
        command.env("PGPASSWORD", password).env("PGPASSFILE", home.join("pgpass")).env("HOME", home);
    };
    let mut without = stack.server(1, &[&url, "startup.wait=1s"]);
    from_elsewhere(&mut without, "right");
    let ended = without.output().unwrap();
    let said = stderr(&ended);
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert!(said.lines().last().unwrap().contains("refuses the user"), "{said}");
    let mut with = stack.server(1, &[&url, &password]);
    from_elsewhere(&mut with, "wrong");
    assert_eq!(sign_up(&Running::of(&mut with), "ana@example.com"), 201);
}
