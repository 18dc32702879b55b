//! `auth-service migrate`, and what is served after it.

use std::collections::HashSet;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Stdio;

use serde_json::json;

use crate::full::{Stack, printed, sign_up, stderr};
use crate::process::{POSTMARK, Running, binary, write_config, write_secrets};

#[tokio::test]
async fn migrations_are_told_applied_once_by_ten_and_told_again() {
    let Some(stack) = Stack::start().await else { return };
    let before = stack.migrate("status", &["--json"]);
    assert_eq!(before.status.code(), Some(1), "{}", stderr(&before));
    let missing = printed(&before)["missing"].as_array().unwrap().clone();
    assert!(printed(&before)["schema"] == "behind" && !missing.is_empty());
    let plan = stack.migrate("plan", &[]);
    let plan = String::from_utf8(plan.stdout).unwrap();
    assert!(plan.starts_with("-- 0001 accounts\n") && plan.contains("CREATE TABLE"), "{plan}");
    let ten: Vec<_> = (0..10)
        .map(|_| {
            let mut command = stack.command(&["migrate", "apply"], &[]);
            command.arg("--json").stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
            command.spawn().unwrap()
        })
        .collect();
    let mut applied = Vec::new();
    for one in ten {
        let output = one.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        applied.extend(printed(&output)["applied"].as_array().unwrap().clone());
    }
    assert_eq!(applied, missing, "each once, and in order");
    let after = stack.migrate("status", &["--json"]);
    assert_eq!((after.status.code(), &printed(&after)["schema"]), (Some(0), &"ready".into()));
    assert_eq!(printed(&after)["applied"], json!(missing));
    let again = stack.migrate("apply", &[]);
    assert_eq!(
        String::from_utf8(again.stdout).unwrap(),
        "Nothing was to be done: the tables are those of this release.\n"
    );
}

/// It was waited for without a word of it, under a thousand lines of PostgreSQL's own on tables that are there already.
#[tokio::test]
async fn who_was_killed_while_migrating_is_waited_for_in_one_line() {
    let Some(stack) = Stack::migrated().await else { return };
    stack.tamper(
        "INSERT INTO migration_lease
             VALUES (1, gen_random_uuid(), CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT) + 60000000);
         DELETE FROM release",
    );
    let mut apply = stack.command(&["migrate", "apply"], &[]);
    let mut waiting = apply.stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut log = BufReader::new(waiting.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains("another process migrates this database") {
        assert!(log.read_line(&mut said).unwrap() > 0, "{said}");
    }
    let seconds = said.split("its lease ends in ").nth(1).unwrap().split(' ').next().unwrap();
    assert!((1..=60).contains(&seconds.parse::<u64>().unwrap()), "{said}");
    // It looks again, and again, before the lease ends.
    let asked = "SELECT max(query_start) FROM pg_stat_activity
                     WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";
    let mut looks = HashSet::new();
    while looks.len() < 10 {
        looks.insert(stack.asked(asked));
    }
    stack.tamper("UPDATE migration_lease SET held_until = 1");
    log.read_to_string(&mut said).unwrap();
    assert!(waiting.wait().unwrap().success(), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}

/// It was told that the database did not answer, at a line of PostgreSQL's own source, for as long as it was let.
#[tokio::test]
async fn a_user_without_rights_is_named_at_once_with_where_the_rights_are() {
    let Some(stack) = Stack::migrated().await else { return };
    stack.tamper("CREATE ROLE stranger LOGIN");
    let config = stack.folder.path().join("keyward.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("postgres://keyward@", "postgres://stranger@")).unwrap();
    for refused in [stack.server(1, &[]).output().unwrap(), stack.migrate("status", &[])] {
        let error = stderr(&refused);
        assert_eq!(refused.status.code(), Some(1), "{error}");
        assert!(
            error.contains("the user stranger of the database has not the rights that it needs"),
            "{error}"
        );
        assert!(error.contains("permission denied for table migrations"), "{error}");
        assert!(error.contains("deploy/db/users.sh"), "{error}");
        assert!(!error.contains("did not answer") && !error.contains("waiting for"), "{error}");
    }
}

#[tokio::test]
async fn a_database_of_another_release_is_served_beside_or_refused_untouched() {
    let Some(stack) = Stack::migrated().await else { return };
    stack.tamper("UPDATE release SET number = 2, oldest_supported = 1");
    let mut server = Running::begin(&mut stack.server(1, &[]));
    server.wait_for_line("beside which this one runs on");
    server.serves();
    assert_eq!(sign_up(&server, "ana@example.com"), 201);
    let status = stack.migrate("status", &[]);
    assert!(status.status.success());
    stack.tamper("UPDATE release SET number = 3, oldest_supported = 2");
    for refused in [stack.server(2, &[]).output().unwrap(), stack.migrate("apply", &[])] {
        assert_eq!(refused.status.code(), Some(1));
        assert!(stderr(&refused).contains("install a newer release"), "{}", stderr(&refused));
    }
    stack.tamper("DO $$ BEGIN ASSERT (SELECT number FROM release) = 3; END $$");
}

#[test]
fn sqlite_needs_no_migration() {
    let folder = tempfile::tempdir().unwrap();
    write_secrets(folder.path());
    let config = write_config(folder.path(), POSTMARK);
    for verb in ["plan", "apply", "status"] {
        let told = binary().args(["migrate", verb, "--config"]).arg(&config).output().unwrap();
        assert!(told.status.success());
        assert!(String::from_utf8_lossy(&told.stdout).contains("SQLite is migrated by `auth-service serve`"));
    }
}
