//! What docs/guide/production.md has an operator type to keep what is in the database, and to bring it back.

use std::fs::{self, File};

use reqwest::StatusCode;

use super::docker::success;
use super::guide::GUIDE;
use super::installation::Installation;
use super::rises::{PASSWORD, UP, ada_signs_in};

const DUMP: &str =
    "PGPASSWORD=$(cat /run/secrets/superuser-password) pg_dump -h 127.0.0.1 -U superuser -Fc keyward";
const RESTORE: &str = "PGPASSWORD=$(cat /run/secrets/superuser-password) pg_restore -h 127.0.0.1 -U superuser \
                       --create --clean --if-exists --exit-on-error -d postgres";
/// As a stack is that was made anew: users of the database, and no tables.
const FORGET: &str =
    "export PGPASSWORD=$(cat /run/secrets/superuser-password) PGHOST=127.0.0.1 PGUSER=superuser
                      dropdb --force keyward && createdb keyward";

/// A stack in which somebody has signed up; the same person signs in when the database was lost and brought back.
pub(super) async fn brings_back_what_was_lost(stack: &Installation) {
    for command in [DUMP, RESTORE] {
        assert!(GUIDE.contains(&format!("docker compose exec -T db sh -c '{command}'")), "{command}");
    }
    let dump = stack.folder.with_file_name("keyward.dump");
    let dumped = stack.compose(&["exec", "-T", "db", "sh", "-c", DUMP]);
    assert!(dumped.status.success(), "{}", String::from_utf8_lossy(&dumped.stderr));
    assert!(dumped.stdout.starts_with(b"PGDMP"));
    fs::write(&dump, dumped.stdout).unwrap();

    stack.does(&["stop", "auth-service-blue-1", "auth-service-blue-2", "redis"]);
    stack.does(&["exec", "-T", "db", "sh", "-c", FORGET]);
    let file = File::open(&dump).unwrap();
    success(&stack.command(&["exec", "-T", "db", "sh", "-c", RESTORE]).stdin(file).output().unwrap());
    stack.does(&UP);
    ada_signs_in(stack, PASSWORD, StatusCode::OK).await;
}
