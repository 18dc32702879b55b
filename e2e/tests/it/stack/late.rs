//! A database and a Redis that come late.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::docker::Docker;
use super::installation::Installation;
use super::rises::{Health, PARTS, asks, somebody_signs_up_and_in};

/// While the database is being made it answers on its socket; nobody takes that for health. Here no order of Compose helps: the
/// servers and `migrate` start first, and wait by themselves.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_and_a_redis_that_take_half_a_minute_are_waited_for() {
    let Some(docker) = Docker::find().await else { return };
    let stack = Installation::make(docker).and("compose.late.yml");
    let health = Health::watch();
    #[expect(clippy::disallowed_methods, reason = "how long Docker took")]
    let started = Instant::now();
    for early in ["migrate", "auth-service-blue-1", "auth-service-blue-2"] {
        stack.does(&["up", "--no-deps", "--detach", early]);
    }
    stack.does(&[&["up", "--no-deps", "--wait", "--wait-timeout", "180"], &PARTS[..]].concat());
    assert!(started.elapsed() > Duration::from_secs(30), "the database was not late");
    the_socket_is_not_taken_for_health(&stack, &health.end());
    let (answered, said) = asks(&stack, "keyward_run", "SELECT 1");
    assert!(answered, "healthy, and takes no connection: {said}");
    for slot in ["auth-service-blue-1", "auth-service-blue-2"] {
        let known = stack.inspect(slot);
        assert_eq!(known["RestartCount"], 0, "{slot} waited");
        let migrate = stack.inspect("migrate");
        let [started, migrated] = [&known["State"]["StartedAt"], &migrate["State"]["FinishedAt"]]
            .map(|at| at.as_str().unwrap().parse::<jiff::Timestamp>().unwrap());
        assert!(started < migrated, "{slot} started first");
        let said = stack.does(&["logs", slot]);
        for late in ["waiting for PostgreSQL at db:", "waiting for Redis at redis:"] {
            assert!(said.contains(late), "{slot} does not say that it is {late}");
        }
    }
    somebody_signs_up_and_in(&stack).await;
}

/// For seconds the database answers at its socket, and nobody from elsewhere reaches it.
fn the_socket_is_not_taken_for_health(stack: &Installation, healthy: &BTreeMap<String, i128>) {
    let log = stack.does(&["logs", "--no-color", "--no-log-prefix", "--timestamps", "db"]);
    let first = |said: &str| {
        let line = log.lines().find(|line| line.contains(said)).unwrap_or_else(|| panic!("{said}: {log}"));
        line.split_once(' ').unwrap().0.parse::<jiff::Timestamp>().unwrap()
    };
    let (socket, network) = (first("listening on Unix socket"), first("listening on IPv4 address"));
    assert!(network.duration_since(socket).as_secs() >= 8, "the socket was not early: {socket} {network}");
    let healthy = healthy[&stack.container("db")];
    assert!(network.as_nanosecond() < healthy, "healthy at {healthy}, and reached at {network} first");
}
