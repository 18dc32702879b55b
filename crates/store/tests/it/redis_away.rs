//! Redis is stopped, held up, cut off, and comes back.

use std::time::{Duration, Instant};

use domain::Timestamp;
use secrecy::SecretString;
use store::ephemeral::{Budget, Charge, Ephemeral, Heard, RedisSettings};

use crate::redis_server::{RedisServer, free_port};
use crate::wire::{Mode, Wire};

/// A test that takes so long has failed.
const LONG: Duration = Duration::from_secs(30);
/// Far less than any time-out of a command.
const AT_ONCE: Duration = Duration::from_millis(50);

fn charge(key: &str) -> [Charge; 1] {
    let budget = Budget { limit: 3, window: Duration::from_mins(15), spacing: None };
    [Charge { key: key.to_owned(), budget }]
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(1_800_000_000 + seconds)
}

async fn is_lost(ephemeral: &Ephemeral) -> String {
    let mut changes = ephemeral.health().unwrap().subscribe();
    let lost = tokio::time::timeout(LONG, changes.wait_for(Option::is_some)).await.unwrap().unwrap();
    lost.as_ref().unwrap().error.clone()
}

async fn is_found(ephemeral: &Ephemeral) {
    let mut changes = ephemeral.health().unwrap().subscribe();
    tokio::time::timeout(LONG, changes.wait_for(Option::is_none)).await.unwrap().unwrap();
}

#[expect(clippy::disallowed_methods, reason = "a measurement of what a person waits for")]
fn now() -> Instant {
    Instant::now()
}

/// The limit goes on in this process, at once, with what it counted before.
async fn limits_go_on_at_once(ephemeral: &Ephemeral, counted: usize) {
    let started = now();
    for number in counted..3 {
        assert_eq!(ephemeral.hit(&charge("a"), at(1)).await, Ok(()), "{number}");
    }
    assert!(ephemeral.hit(&charge("a"), at(1)).await.is_err());
    assert!(ephemeral.is_news(&charge("a")[0], at(1)).await);
    assert!(!ephemeral.publish("nobody hears this").await);
    assert_eq!(ephemeral.connection(), None);
    assert!(started.elapsed() < AT_ONCE, "{:?}", started.elapsed());
}

/// It is the real thing again: another process sees what this one does.
async fn is_shared_again(ephemeral: &Ephemeral, server: &RedisServer) {
    let other = server.connect().await;
    for _ in 0..3 {
        assert_eq!(ephemeral.hit(&charge("b"), at(2)).await, Ok(()));
    }
    assert!(other.hit(&charge("b"), at(2)).await.is_err());
    let mut ear = ephemeral.listen();
    assert!(other.publish("hello again").await);
    assert_eq!(tokio::time::timeout(LONG, ear.next()).await.unwrap(), Heard::Message("hello again".into()));
}

#[tokio::test]
async fn a_redis_that_is_killed_is_found_again_and_its_limits_still_hold() {
    let Some(mut server) = RedisServer::start() else { return };
    let ephemeral = server.connect().await;
    assert_eq!(ephemeral.hit(&charge("a"), at(0)).await, Ok(()));
    server.kill();
    is_lost(&ephemeral).await;
    limits_go_on_at_once(&ephemeral, 1).await;
    server.restart();
    is_found(&ephemeral).await;
    assert_eq!(ephemeral.connection(), Some(2));
    assert!(ephemeral.hit(&charge("a"), at(3)).await.is_err(), "it has forgotten, this process has not");
    is_shared_again(&ephemeral, &server).await;
}

#[tokio::test]
async fn a_redis_that_hangs_is_waited_for_once() {
    let Some(server) = RedisServer::start() else { return };
    let ephemeral = server.connect().await;
    server.pause();
    let started = now();
    assert_eq!(ephemeral.hit(&charge("a"), at(0)).await, Ok(()));
    assert!(started.elapsed() < Duration::from_millis(750), "{:?}", started.elapsed());
    let error = is_lost(&ephemeral).await;
    assert!(error.contains("it did not answer within"), "{error}");
    limits_go_on_at_once(&ephemeral, 1).await;
    server.resume();
    is_found(&ephemeral).await;
    is_shared_again(&ephemeral, &server).await;
}

#[tokio::test]
async fn whatever_happens_to_the_wire_it_is_noticed_within_a_second_and_mended() {
    let Some(server) = RedisServer::start() else { return };
    let slow = Mode::Delayed(Duration::from_secs(2));
    for mode in [Mode::Cut, Mode::Held, Mode::HalfClosed, slow] {
        let wire = Wire::to(server.port()).await;
        let ephemeral = Ephemeral::connect(&RedisServer::settings_at(wire.port())).await.unwrap();
        let key = format!("{mode:?}");
        assert_eq!(ephemeral.hit(&charge(&key), at(0)).await, Ok(()));
        wire.set(mode);
        let started = now();
        is_lost(&ephemeral).await;
        assert!(started.elapsed() < Duration::from_secs(1), "{mode:?}: {:?}", started.elapsed());
        assert_eq!(ephemeral.hit(&charge(&key), at(1)).await, Ok(()));
        wire.set(Mode::Passing);
        is_found(&ephemeral).await;
        assert!(ephemeral.publish("it is whole again").await, "{mode:?}");
    }
}

#[tokio::test]
async fn a_redis_that_takes_no_writes_is_of_no_use_until_it_does() {
    let Some(server) = RedisServer::start() else { return };
    let ephemeral = server.connect().await;
    let client = redis::Client::open(("127.0.0.1", server.port())).unwrap();
    let mut past = client.get_multiplexed_async_connection().await.unwrap();
    redis::cmd("REPLICAOF").arg("127.0.0.1").arg(free_port()).exec_async(&mut past).await.unwrap();
    assert_eq!(ephemeral.hit(&charge("a"), at(0)).await, Ok(()));
    let error = is_lost(&ephemeral).await;
    assert!(error.contains("READONLY") || error.contains("read only replica"), "{error}");
    limits_go_on_at_once(&ephemeral, 1).await;
    redis::cmd("REPLICAOF").arg("NO").arg("ONE").exec_async(&mut past).await.unwrap();
    is_found(&ephemeral).await;
    is_shared_again(&ephemeral, &server).await;
}

#[tokio::test]
async fn one_sentence_says_where_it_is_and_why_it_cannot_be_used() {
    let Some(server) = RedisServer::start_with(&[
        "--requirepass",
        "hunter2",
        "--user",
        "app",
        "on",
        ">hunter3",
        "~x",
        "&x",
        "+@all",
    ]) else {
        return;
    };
    let why = async |settings: RedisSettings| {
        let error = Ephemeral::connect(&settings).await.unwrap_err().to_string();
        assert!(!error.contains("hunter"), "{error}");
        error.replace(&settings.port.to_string(), "PORT")
    };
    let at = |port| RedisSettings { username: None, password: None, ..RedisServer::settings_at(port) };
    assert_eq!(
        why(at(free_port())).await,
        "Redis at 127.0.0.1:PORT cannot be used: nothing listens there (connection refused); start it, or correct where it is"
    );
    assert_eq!(
        why(at(server.port())).await,
        "Redis at 127.0.0.1:PORT cannot be used: it wants a password, and none is set; set redis.password"
    );
    let mut settings = at(server.port());
    settings.password = Some(SecretString::from("hunter1"));
    assert_eq!(
        why(settings.clone()).await,
        "Redis at 127.0.0.1:PORT cannot be used: it refuses the user `default` or the password; \
         correct redis.username and redis.password"
    );
    settings.password = Some(SecretString::from("hunter2"));
    Ephemeral::connect(&settings).await.unwrap();
    (settings.username, settings.password) = (Some("app".to_owned()), Some(SecretString::from("hunter3")));
    let error = why(settings.clone()).await;
    assert!(error.contains("its user `app` may not do all that is needed"), "{error}");
    settings.tls = true;
    let error = why(settings.clone()).await;
    assert!(error.starts_with("Redis at 127.0.0.1:PORT cannot be used: "), "{error}");
    settings.root_certificate = Some("/nowhere.pem".into());
    let error = why(settings).await;
    assert!(error.contains("root_certificate /nowhere.pem cannot be read: No such file"), "{error}");
    let unknown = RedisSettings { host: "redis.invalid".to_owned(), ..RedisSettings::default() };
    assert!(why(unknown).await.starts_with("Redis at redis.invalid:PORT cannot be used: "));
}

/// Whoever may not count, or not speak, was taken to be there, and lost again at the first sign-in.
#[tokio::test]
async fn a_user_who_lacks_a_right_is_found_out_when_the_connection_is_made() {
    let commands = [
        "subscribe",
        "publish",
        "script|load",
        "evalsha",
        "pexpire",
        "rpush",
        "lpush",
        "lrange",
        "lindex",
        "llen",
        "lrem",
        "lpop",
        "set",
        "get",
        "ping",
    ];
    let users =
        commands.map(|command| format!("--user without-{command} on >hunter2 ~* &* +@all -{command}"));
    let arguments: Vec<&str> = users.iter().flat_map(|user| user.split(' ')).collect();
    let Some(server) = RedisServer::start_with(&arguments) else { return };
    for command in commands {
        let username = format!("without-{command}");
        let settings = RedisSettings {
            username: Some(username.clone()),
            password: Some(SecretString::from("hunter2")),
            ..RedisServer::settings_at(server.port())
        };
        let refused = Ephemeral::connect(&settings).await.unwrap_err().to_string();
        assert!(
            refused.contains(&format!("its user `{username}` may not do all that is needed ("))
                && refused.ends_with("give it the rights that docs/reference/redis.md names"),
            "{refused}"
        );
    }
}
