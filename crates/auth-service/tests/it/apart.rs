//! Servers of which each has lost something else, or is held up by something else: what one ends the others hear.

use std::io::Write as _;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::json;

use crate::full::{LONG, PASSWORD, Stack, degraded, now, sign_in, sign_up, verify, within};
use crate::process::{Running, post};
use crate::wire::{Mode, Wire};

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

/// What could not be said by Redis was dropped, and a session that had ended was accepted on and on by a server that heard nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_without_redis_ends_is_heard_by_one_without_the_database_once_redis_is_found() {
    let Some(stack) = Stack::migrated().await else { return };
    for is_started_anew in [false, true] {
        let (redis, database) = (Wire::to(stack.redis.port()).await, Wire::to(stack.postgres.port()).await);
        let near = Running::of(&mut stack.server(1, &[&format!("redis.port={}", redis.port())]));
        let url = format!("database.url=postgres://keyward@127.0.0.1:{}/postgres", database.port());
        let far = Running::of(&mut stack.server(2, &[&url]));
        let email = format!("person-{is_started_anew}@example.com");
        assert_eq!(sign_up(&near, &email), 201);
        let (token, cookies) = sign_in(&near, &email);
        assert_eq!((verify(&near, &token), verify(&far, &token)), (200, 200));
        redis.set(Mode::Cut);
        database.set(Mode::Cut);
        within(LONG, "one loss is told", || degraded(&near) == ["redis"]);
        within(LONG, "the other is told", || degraded(&far) == ["database"]);
        assert_eq!(post(&near.address, "/logout", &json!({}), &cookies).0, 200);
        assert_eq!(verify(&near, &token), 401);
        // It cannot know. Meanwhile whoever ended it has read it many times, and could tell nobody.
        let ended = now();
        while ended.elapsed() < SECOND {
            assert_eq!(verify(&far, &token), 200, "after {:?}", ended.elapsed());
        }
        let next = if is_started_anew {
            drop(near);
            Running::of(&mut stack.server(3, &[]))
        } else {
            redis.set(Mode::Passing);
            within(LONG, "Redis is found", || degraded(&near).is_empty());
            near
        };
        let found = now();
        while verify(&far, &token) == 200 {
            assert!(found.elapsed() < SECOND, "started anew: {is_started_anew}: {:?}", found.elapsed());
        }
        assert_eq!(degraded(&far), ["database"], "by Redis alone");
        drop(next);
    }
}
