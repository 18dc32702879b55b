//! `auth-service migrate`, and what is served after it.

use std::collections::HashSet;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Stdio;

use serde_json::json;
use store::migrations::{OLDEST_SUPPORTED, RELEASE};

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

/// What a deploy asks before it touches anything.
#[tokio::test]
async fn a_plan_says_whether_the_release_that_runs_goes_on() {
    let Some(stack) = Stack::start().await else { return };
    let plan = |arguments: &[&str]| {
        let planned = stack.migrate("plan", &[&["--json"][..], arguments].concat());
        let told = printed(&planned);
        assert_eq!(planned.status.code(), Some(i32::from(told["keeps_running_release"] != true)), "{told}");
        told
    };
    let first = plan(&[]);
    assert!(first["keeps_running_release"] == true && first["running_release"].is_null(), "{first}");
    assert_eq!(
        (&first["steps"][0]["kind"], &first["steps"][0]["oldest_release"]),
        (&json!("expand"), &json!(null))
    );
    assert!(stack.migrate("apply", &[]).status.success());
    let done = plan(&[]);
    assert_eq!(
        (&done["steps"], &done["running_release"], &done["reason"]),
        (&json!([]), &json!(RELEASE), &json!(null))
    );

    // As the release before left it, with a migration that it does not have.
    let before =
        format!("UPDATE release SET number = {}, oldest_supported = {OLDEST_SUPPORTED}", RELEASE - 1);
    stack.tamper(&format!("{before}; DELETE FROM migrations WHERE version = 9; DROP TABLE key_holders"));
    let next = plan(&[]);
    assert!(next["keeps_running_release"] == true && next["running_release"] == RELEASE - 1, "{next}");
    assert_eq!(next["steps"][0]["version"], 9);
    let in_words = String::from_utf8(stack.migrate("plan", &[]).stdout).unwrap();
    let verdict = format!("-- Release {}, which runs now, goes on meanwhile.\n", RELEASE - 1);
    assert!(in_words.starts_with("-- 0009 key holders\n") && in_words.ends_with(&verdict), "{in_words}");

    // One that was gone back to would be left behind.
    let older = (OLDEST_SUPPORTED - 1).to_string();
    let refused = plan(&["--running", &older]);
    let why = refused["reason"].as_str().unwrap();
    assert!(why.ends_with(&format!("go by way of release {OLDEST_SUPPORTED}")), "{why}");
    let in_words = String::from_utf8(stack.migrate("plan", &["--running", &older]).stdout).unwrap();
    assert!(in_words.contains("\n-- Refused: this is release"), "{in_words}");
    // Nor is anything done to what is too new for this.
    stack.tamper(&format!("UPDATE release SET number = {}, oldest_supported = {}", RELEASE + 2, RELEASE + 1));
    let refused = plan(&[]);
    assert!(refused["reason"].as_str().unwrap().contains("install a newer release"), "{refused}");
    assert_eq!(refused["steps"], json!([]));
}

#[tokio::test]
async fn a_database_of_another_release_is_served_beside_or_refused_untouched() {
    let Some(stack) = Stack::migrated().await else { return };
    let record = |number: i64, oldest: i64| {
        stack.tamper(&format!("UPDATE release SET number = {number}, oldest_supported = {oldest}"));
    };
    record(RELEASE + 1, RELEASE);
    let mut server = Running::begin(&mut stack.server(1, &[]));
    server.wait_for_line("beside which this one runs on");
    server.serves();
    assert_eq!(sign_up(&server, "ana@example.com"), 201);
    let status = stack.migrate("status", &[]);
    assert!(status.status.success());
    record(RELEASE + 2, RELEASE + 1);
    for refused in [stack.server(2, &[]).output().unwrap(), stack.migrate("apply", &[])] {
        assert_eq!(refused.status.code(), Some(1));
        assert!(stderr(&refused).contains("install a newer release"), "{}", stderr(&refused));
    }
    assert_eq!(stack.asked("SELECT number FROM release"), (RELEASE + 2).to_string());
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
