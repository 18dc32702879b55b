//! Counters and messages: in memory and in Redis they say the same.

use std::ops::Range;
use std::time::Duration;

use domain::Timestamp;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use store::ephemeral::{Budget, Charge, Ephemeral, Heard, RedisSettings, Spent};
use tokio::runtime::Runtime;

use crate::redis_server::RedisServer;

const BUDGET: Budget = Budget { limit: 3, window: Duration::from_mins(15), spacing: None };
const SPACED: Budget = Budget { spacing: Some(Duration::from_mins(1)), ..BUDGET };

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(1_800_000_000 + seconds)
}

fn charge(key: &str, budget: Budget) -> Charge {
    Charge { key: key.to_owned(), budget }
}

/// Memory, and the same Redis as two processes have it. None where there is no Redis.
async fn both(server: &RedisServer) -> [Vec<Ephemeral>; 2] {
    [vec![Ephemeral::memory()], vec![server.connect().await, server.connect().await]]
}

#[tokio::test]
async fn a_budget_holds_over_all_processes_and_all_its_charges() {
    let Some(server) = RedisServer::start() else { return };
    for processes in both(&server).await {
        let (one, other) = (&processes[0], &processes[processes.len() - 1]);
        let (own, shared) = (charge("own", BUDGET), charge("shared", SPACED));
        let charges = [own.clone(), shared.clone()];
        for process in [one, other, one] {
            assert_eq!(process.hit(&charges, at(0)).await, Ok(()));
        }
        let minute = Duration::from_mins(1);
        let other_own = [charge("another's", BUDGET), shared.clone()];
        assert_eq!(other.hit(&other_own, at(0)).await, Err(Spent { charge: 1, retry_after: minute }));
        for second in [1, 2, 3] {
            let alone = [charge("another's", BUDGET)];
            assert_eq!(one.hit(&alone, at(second)).await, Ok(()), "what was refused counted for nobody");
        }
        assert!(other.is_news(&shared, at(4)).await);
        assert!(!one.is_news(&shared, at(5)).await, "it was told");
        assert!(one.is_news(&shared, at(4 + 15 * 60)).await);
        other.refund(&charges, at(0)).await;
        assert_eq!(one.hit(&charges, at(6)).await, Ok(()), "what was given back is there again");
        assert!(other.hit(&charges, at(6)).await.is_err());
    }
}

/// Whoever asks is told what whoever counts would be, and costs nobody anything.
#[tokio::test]
async fn to_ask_is_not_to_count() {
    let Some(server) = RedisServer::start() else { return };
    for processes in both(&server).await {
        let (one, other) = (&processes[0], &processes[processes.len() - 1]);
        for (key, budget) in [("exact", BUDGET), ("spaced", SPACED), ("none", Budget { limit: 0, ..BUDGET })]
        {
            let charges = [charge(&format!("{key}, never spent"), BUDGET), charge(key, budget)];
            for second in [0, 0, 1, 30, 59, 60, 61, 120, 800, 899, 900, 901, 960, 2_000] {
                for process in [one, other, one, other] {
                    let asked = process.ask(&charges, at(second)).await;
                    assert_eq!(asked, other.ask(&charges, at(second)).await, "{key} at {second}");
                }
                let asked = one.ask(&charges[1..], at(second)).await;
                assert_eq!(asked, one.hit(&charges[1..], at(second)).await, "{key} at {second}");
            }
        }
    }
}

#[tokio::test]
async fn many_at_once_do_not_slip_through_together() {
    let Some(server) = RedisServer::start() else { return };
    for processes in both(&server).await {
        let mut tasks = tokio::task::JoinSet::new();
        for process in processes.iter().cycle().take(40) {
            let process = process.clone();
            tasks.spawn(async move { process.hit(&[charge("a", BUDGET)], at(0)).await.is_ok() });
        }
        assert_eq!(tasks.join_all().await.into_iter().filter(|granted| *granted).count(), 3);
    }
}

#[tokio::test]
async fn what_a_refusal_forgot_stays_forgotten_when_the_clock_goes_back() {
    let Some(server) = RedisServer::start() else { return };
    for processes in both(&server).await {
        let one = || charge("a", Budget { limit: 1, spacing: None, ..BUDGET });
        let window = i64::try_from(BUDGET.window.as_secs()).unwrap();
        assert_eq!(processes[0].hit(&[one()], at(0)).await, Ok(()));
        assert!(processes[0].hit(&[one(), one()], at(window + 1)).await.is_err());
        assert_eq!(processes[0].hit(&[one()], at(window - 1)).await, Ok(()));
    }
}

#[tokio::test]
async fn a_message_reaches_every_process_in_order() {
    let Some(server) = RedisServer::start() else { return };
    for processes in both(&server).await {
        let mut ears: Vec<_> = processes.iter().map(Ephemeral::listen).collect();
        for number in 0..100 {
            assert!(processes[0].publish(&format!("message {number}")).await);
        }
        for ear in &mut ears {
            for number in 0..100 {
                assert_eq!(ear.next().await, Heard::Message(format!("message {number}").into()));
            }
        }
    }
}

#[tokio::test]
async fn everything_in_redis_has_our_name_and_an_end() {
    let Some(server) = RedisServer::start() else { return };
    let ephemeral = server.connect().await;
    let spent = charge("a", SPACED);
    while ephemeral.hit(std::slice::from_ref(&spent), at(0)).await.is_ok() {}
    assert!(ephemeral.is_news(&spent, at(0)).await);
    let client = redis::Client::open(("127.0.0.1", server.port())).unwrap();
    let mut past = client.get_multiplexed_async_connection().await.unwrap();
    let mut keys: Vec<String> = redis::cmd("KEYS").arg("*").query_async(&mut past).await.unwrap();
    keys.sort();
    assert_eq!(keys, ["keyward:limit:a", "keyward:probe", "keyward:told:a"]);
    for key in keys {
        let left: i64 = redis::cmd("PTTL").arg(&key).query_async(&mut past).await.unwrap();
        assert!(left > 0 && left <= 15 * 60 * 1000, "{key}: {left} ms");
    }
}

#[derive(Clone, Debug)]
enum Step {
    Hit(Vec<usize>),
    Refund(Vec<usize>, usize),
    News(usize),
}

/// What happens, and how many seconds after what came before.
fn steps(later: Range<i64>) -> impl Strategy<Value = Vec<(Step, i64)>> {
    let keys = || prop::collection::vec(0..KEYS.len(), 1..4);
    let step = prop_oneof![
        6 => keys().prop_map(Step::Hit),
        2 => (keys(), 0..4_usize).prop_map(|(keys, before)| Step::Refund(keys, before)),
        1 => (0..KEYS.len()).prop_map(Step::News),
    ];
    prop::collection::vec((step, later), 1..60)
}

const KEYS: [(&str, u32, Option<u64>); 4] =
    [("none", 0, None), ("one", 1, None), ("three", 3, None), ("spaced", 3, Some(60))];

fn charges(keys: &[usize]) -> Vec<Charge> {
    let charge = |key: &usize| {
        let (key, limit, spacing) = KEYS[*key];
        let budget =
            Budget { limit, window: Duration::from_mins(10), spacing: spacing.map(Duration::from_secs) };
        charge(key, budget)
    };
    keys.iter().map(charge).collect()
}

/// It was forgotten for good, so that who was refused had one more to spend; and each process thought otherwise of it.
#[tokio::test]
async fn what_made_room_for_one_charge_counts_again_when_the_next_is_refused() {
    let mut all = vec![Ephemeral::memory()];
    let server = RedisServer::start();
    if let Some(server) = &server {
        all.push(Ephemeral::connect(&RedisServer::settings_at(server.port())).await.unwrap());
    }
    for ephemeral in all {
        let [one, spaced] = [1, 3].map(|key| charges(&[key]));
        ephemeral.hit(&one, at(0)).await.unwrap();
        for second in 0..3 {
            ephemeral.hit(&spaced, at(second)).await.unwrap();
        }
        let refused = ephemeral.hit(&charges(&[3, 1]), at(70)).await.unwrap_err();
        assert_eq!(refused.charge, 1);
        ephemeral.refund(&spaced, at(2)).await;
        ephemeral.hit(&spaced, at(71)).await.unwrap();
        ephemeral.hit(&spaced, at(72)).await.unwrap_err();
    }
}

#[test]
fn redis_answers_as_memory_does_whatever_the_clock() {
    compare(1, -30..200);
}

#[test]
fn many_processes_are_answered_as_one_memory_would() {
    compare(3, 0..200);
}

/// Property: whatever happens in whichever process, Redis answers as one memory would.
fn compare(count: usize, later: Range<i64>) {
    let runtime = Runtime::new().unwrap();
    let Some(server) = RedisServer::start() else { return };
    let past = redis::Client::open(("127.0.0.1", server.port())).unwrap();
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(200) });
    let patient =
        RedisSettings { timeout: Duration::from_secs(30), ..RedisServer::settings_at(server.port()) };
    let checked = runner.run(&steps(later), |steps| {
        runtime.block_on(async {
            let mut past = past.get_multiplexed_async_connection().await.unwrap();
            redis::cmd("FLUSHALL").exec_async(&mut past).await.unwrap();
            let memory = Ephemeral::memory();
            let mut processes = Vec::new();
            for _ in 0..count {
                processes.push(Ephemeral::connect(&patient).await.unwrap());
            }
            let mut now = at(0);
            let mut moments = Vec::new();
            for (number, (step, later)) in steps.into_iter().enumerate() {
                now = Timestamp(now.micros() + later * 1_000_000 + 1);
                moments.push(now);
                let process = &processes[number % count];
                match step {
                    Step::Hit(keys) => {
                        let charges = charges(&keys);
                        prop_assert_eq!(process.hit(&charges, now).await, memory.hit(&charges, now).await);
                    }
                    Step::Refund(keys, before) => {
                        // Whoever was charged is who gets it back.
                        let step = number.saturating_sub(before);
                        let (process, at) = (&processes[step % count], moments[step]);
                        process.refund(&charges(&keys), at).await;
                        memory.refund(&charges(&keys), at).await;
                    }
                    Step::News(key) => {
                        let charge = &charges(&[key])[0];
                        prop_assert_eq!(
                            process.is_news(charge, now).await,
                            memory.is_news(charge, now).await
                        );
                    }
                }
            }
            prop_assert!(processes.iter().all(|process| process.connection() == Some(1)), "it was asked");
            Ok(())
        })
    });
    checked.unwrap();
}
