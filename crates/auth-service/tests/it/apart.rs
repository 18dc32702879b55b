//! Servers of which each has lost something else, or is held up by something else: what one ends the others hear.

use std::io::Write as _;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::json;

use crate::full::{LONG, PASSWORD, Stack, degraded, now, sign_in, sign_up, verify, within};
use crate::process::{Running, post};

/// What a revocation may take to be heard everywhere.
const SECOND: Duration = Duration::from_secs(1);

/// Somebody who has a table of the database locked, until this is dropped.
struct Holding(Child);

impl Holding {
    fn table(stack: &Stack, table: &str) -> Self {
        let url = format!("postgres://keyward@127.0.0.1:{}/postgres", stack.postgres.port());
        let mut psql = Command::new("psql");
        psql.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", &url]).stdin(Stdio::piped()).stdout(Stdio::null());
        let mut holding = Self(psql.spawn().unwrap());
        let lock = format!("BEGIN;\nLOCK TABLE {table} IN EXCLUSIVE MODE;\n");
        holding.0.stdin.as_mut().unwrap().write_all(lock.as_bytes()).unwrap();
        let held = format!(
            "SELECT count(*) FROM pg_locks
             WHERE relation = '{table}'::regclass AND mode = 'ExclusiveLock' AND granted"
        );
        within(LONG, "it is held", || stack.asked(&held) == "1");
        holding
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The look at what others ended stood in line behind those who wait for each other, and a token was accepted for two seconds.
#[tokio::test]
async fn what_is_ended_elsewhere_is_heard_in_time_though_redis_is_away_and_every_connection_is_held() {
    let Some(mut stack) = Stack::migrated().await else { return };
    let near = Running::of(&mut stack.server(1, &["limits.network_sign_ups=100"]));
    let far = Running::of(&mut stack.server(2, &["database.maximum_connections=2"]));
    let others: Vec<_> = (0..4).map(|number| format!("person-{number}@example.com")).collect();
    for email in others.iter().map(String::as_str).chain(["ana@example.com"]) {
        assert_eq!(sign_up(&near, email), 201);
    }
    let (token, cookies) = sign_in(&near, "ana@example.com");
    stack.redis.kill();
    for server in [&near, &far] {
        within(LONG, "the loss is told", || degraded(server) == ["redis"]);
    }
    let holding = Holding::table(&stack, "known_browsers");
    assert_eq!((verify(&near, &token), verify(&far, &token)), (200, 200));
    std::thread::scope(|threads| {
        for email in &others {
            let credentials = json!({ "email": email, "password": PASSWORD });
            let address = &far.address;
            threads.spawn(move || post(address, "/login", &credentials, ""));
        }
        let waiting = "SELECT count(*) FROM pg_stat_activity
                       WHERE wait_event_type = 'Lock' AND query LIKE '%INSERT INTO known_browsers%'";
        within(LONG, "both connections are held", || stack.asked(waiting) == "2");
        assert_eq!(post(&near.address, "/logout", &json!({}), &cookies).0, 200);
        let ended = now();
        // What counts is when it was asked: who has to ask the database has no connection to do it by.
        let mut asked = Duration::ZERO;
        while verify(&far, &token) == 200 {
            assert!(asked < SECOND, "{asked:?}");
            asked = ended.elapsed();
        }
        drop(holding);
    });
}
