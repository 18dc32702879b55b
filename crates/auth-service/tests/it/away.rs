//! What a server does while its database, Redis or both are away: killed, or at the other end of a wire that is held or half-closed.

use std::io::Write as _;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use auth_service::admin::{RotateKeys, call};
use serde_json::json;

use crate::full::{LONG, PASSWORD, Stack, account, degraded, now, sign_in, sign_up, up, verify, within};
use crate::process::{Running, get, get_as, post, post_form, try_to_send};
use crate::stopping::rest;
use crate::wire::{Mode, Wire};

/// Less than the default, so that a test sees it pass.
const STALENESS: Duration = Duration::from_secs(2);
const IS_STALE: &str = "limits.max_staleness=2s";
/// What was heard last may be so old when something goes away.
const HEARD: Duration = Duration::from_millis(500);
/// What a revocation may take to be heard everywhere.
const SECOND: Duration = Duration::from_secs(1);

/// The ends of two wires.
struct Wires {
    database: Wire,
    redis: Wire,
}

impl Wires {
    async fn of(stack: &Stack) -> Self {
        Self { database: Wire::to(stack.postgres.port()).await, redis: Wire::to(stack.redis.port()).await }
    }

    fn set(&self, mode: Mode) {
        self.database.set(mode);
        self.redis.set(mode);
    }

    /// A server at their near ends.
    fn server(&self, stack: &Stack, number: usize) -> Command {
        let database = format!("database.url=postgres://keyward@127.0.0.1:{}/postgres", self.database.port());
        let redis = format!("redis.port={}", self.redis.port());
        stack.server(number, &[&database, &redis, IS_STALE])
    }
}

/// What is warm is answered until it is too old, and no longer.
fn goes_on_and_refuses(server: &Running, token: &str) {
    let gone = now();
    while gone.elapsed() + HEARD * 2 < STALENESS {
        assert_eq!(verify(server, token), 200, "after {:?}", gone.elapsed());
    }
    within(LONG, "what is too old is refused", || verify(server, token) == 503);
    assert!(gone.elapsed() < STALENESS + SECOND, "{:?}", gone.elapsed());
    let (status, answer) = post(&server.address, "/verify-token", &json!({ "token": token }), "");
    assert!(status == 503 && answer.contains("\r\nretry-after: "), "{answer}");
}

#[tokio::test]
async fn while_both_are_dead_what_is_warm_is_answered_until_it_is_too_old() {
    let Some(mut stack) = Stack::migrated().await else { return };
    let server = Running::of(&mut stack.server(1, &[IS_STALE]));
    assert_eq!(sign_up(&server, "ana@example.com"), 201);
    let (token, _) = sign_in(&server, "ana@example.com");
    assert_eq!(verify(&server, &token), 200);
    stack.postgres.kill();
    stack.redis.kill();
    goes_on_and_refuses(&server, &token);
    stack.postgres.restart().await;
    stack.redis.restart();
    within(LONG, "both are found again", || degraded(&server).is_empty());
    assert_eq!(verify(&server, &token), 200);
    sign_in(&server, "ana@example.com");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_both_are_out_of_reach_what_is_warm_is_answered_until_it_is_too_old() {
    let Some(stack) = Stack::migrated().await else { return };
    for (number, mode) in [Mode::Held, Mode::HalfClosed].into_iter().enumerate() {
        let wires = Wires::of(&stack).await;
        let server = Running::of(&mut wires.server(&stack, number));
        let email = format!("person-{number}@example.com");
        assert_eq!(sign_up(&server, &email), 201);
        let (token, _) = sign_in(&server, &email);
        assert_eq!(verify(&server, &token), 200);
        wires.set(mode);
        goes_on_and_refuses(&server, &token);
        assert_eq!(degraded(&server), ["database", "redis"], "{mode:?}");
        let begun = now();
        let (status, answer) = post(&server.address, "/signup", &account("late@example.com"), "");
        assert!(status == 503 && answer.contains("\r\nretry-after: "), "{answer}");
        assert!(begun.elapsed() < Duration::from_millis(100), "{mode:?}: {:?}", begun.elapsed());
        wires.set(Mode::Passing);
        within(LONG, "both are found again", || degraded(&server).is_empty());
        assert_eq!(verify(&server, &token), 200, "{mode:?}");
        sign_in(&server, &email);
    }
}

/// Whatever else a machine has to do: threads that count, twice as many as there are cores, until this is dropped.
struct Busy(Arc<AtomicBool>);

impl Busy {
    fn machine() -> Self {
        let done = Arc::new(AtomicBool::new(false));
        for _ in 0..2 * std::thread::available_parallelism().unwrap().get() {
            let done = done.clone();
            std::thread::spawn(move || while !std::hint::black_box(done.load(Ordering::Relaxed)) {});
        }
        Self(done)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Whichever of the two a server is cut from: by the other it hears of it. Where Redis was half-closed it once took longer than a
/// second, on a machine with much else to do. What it was has not been measured; a look at the database could then come late, since it
/// waited for the one before, and half a second more.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_ended_elsewhere_is_refused_in_time_at_the_end_of_a_bad_wire() {
    let Some(stack) = Stack::migrated().await else { return };
    let _busy = Busy::machine();
    let near = Running::of(&mut stack.server(0, &[]));
    assert_eq!(sign_up(&near, "ana@example.com"), 201);
    let mut number = 0;
    // Not so long that it is taken for lost.
    let slow = Mode::Delayed(Duration::from_millis(200));
    for mode in [Mode::Held, Mode::HalfClosed, Mode::Cut, slow] {
        for is_database in [true, false] {
            number += 1;
            let wires = Wires::of(&stack).await;
            let far = Running::of(&mut wires.server(&stack, number));
            let (token, cookies) = sign_in(&near, "ana@example.com");
            assert_eq!((verify(&near, &token), verify(&far, &token)), (200, 200));
            if is_database {
                wires.database.set(mode);
            } else {
                wires.redis.set(mode);
            }
            assert_eq!(post(&near.address, "/logout", &json!({}), &cookies).0, 200);
            let ended = now();
            // What counts is when it was asked: the answer may be long on its way. It may have to say that it does not know.
            let mut asked = Duration::ZERO;
            while verify(&far, &token) == 200 {
                assert!(asked < SECOND, "{mode:?}, database: {is_database}: {asked:?}");
                asked = ended.elapsed();
            }
        }
    }
}

/// A server that was cut from the database believed what such a key had signed.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_given_up_signs_nothing_for_a_server_that_is_cut_from_the_database() {
    let Some(stack) = Stack::migrated().await else { return };
    let near = Running::of(&mut stack.server(0, &[]));
    let wires = Wires::of(&stack).await;
    let far = Running::of(&mut wires.server(&stack, 1));
    assert_eq!(sign_up(&near, "ana@example.com"), 201);
    let (token, _) = sign_in(&near, "ana@example.com");
    assert_eq!((verify(&near, &token), verify(&far, &token)), (200, 200));
    wires.database.set(Mode::Held);
    within(LONG, "the loss is told", || degraded(&far) == ["database"]);
    let given_up = RotateKeys { algorithm: None, compromised: true };
    call(&stack.folder.path().join("0.sock"), &given_up).await.unwrap();
    within(SECOND, "it is heard", || verify(&far, &token) != 200);
    assert_ne!(verify(&near, &token), 200);
    wires.database.set(Mode::Passing);
    within(LONG, "it is found again", || degraded(&far).is_empty());
    let (token, _) = sign_in(&near, "ana@example.com");
    within(SECOND, "the next key is known", || verify(&far, &token) == 200);
}

/// They were told that nothing was changed, and found an account.
#[tokio::test(flavor = "multi_thread")]
async fn who_signs_up_as_the_database_is_lost_is_told_that_it_is_not_known_whether_it_was_done() {
    let Some(stack) = Stack::migrated().await else { return };
    let wires = Wires::of(&stack).await;
    let database = format!("database.url=postgres://keyward@127.0.0.1:{}/postgres", wires.database.port());
    // So that each statement is on the wire as it is written.
    let server = Running::of(&mut stack.server(1, &[&database, "database.statement_cache=0"]));
    for (number, path) in ["/signup", "/api/v1/sign-up"].into_iter().enumerate() {
        let email = format!("person-{number}@example.com");
        let body =
            if number == 0 { account(&email) } else { json!({ "email": email, "password": PASSWORD }) };
        wires.database.set(Mode::LosesCommitOf("INSERT INTO users"));
        let (status, answer) = post(&server.address, path, &body, "");
        assert_eq!(status, 503, "{answer}");
        assert!(answer.contains("\r\nretry-after: 1\r\n"), "{answer}");
        let told = ["{\"error\":\"Not known whether it was done\"}", "/docs#problem-uncertain"][number];
        assert!(answer.contains(told) && !answer.to_lowercase().contains("nothing"), "{answer}");
        assert!(wires.database.has_lost_the_commit());
        wires.database.set(Mode::Passing);
        within(LONG, "it is found again", || degraded(&server).is_empty());
        within(LONG, "it was done", || {
            stack.asked(&format!("SELECT count(*) FROM emails WHERE normalized = '{email}'")) == "1"
        });
    }
}

/// Asks once; gives the status and the whole answer.
type Ask<'a> = &'a dyn Fn() -> (u16, String);

/// Whatever has to be written down, and is asked for when it is known that nothing can be.
#[tokio::test]
async fn who_writes_while_the_database_is_away_is_told_at_once_whatever_it_is() {
    let Some(mut stack) = Stack::migrated().await else { return };
    let server = Running::of(&mut stack.server(1, &[]));
    let second = json!({ "email": "ben@example.com", "password": PASSWORD, "requires2FA": true });
    assert_eq!(post(&server.address, "/signup", &second, "").0, 201);
    assert_eq!(sign_up(&server, "ana@example.com"), 201);
    let (_, cookies) = sign_in(&server, "ana@example.com");
    let credentials = json!({ "email": "ben@example.com", "password": PASSWORD });
    let (status, answer) = post(&server.address, "/login", &credentials, "");
    assert_eq!(status, 206, "{answer}");
    let attempt = answer.split("\"loginAttemptId\":\"").nth(1).unwrap().split('"').next().unwrap();
    let secret = std::fs::read_to_string(stack.folder.path().join("client")).unwrap();
    stack.postgres.kill();
    within(LONG, "the loss is told", || degraded(&server) == ["database"]);
    let code = json!({ "email": "ben@example.com", "loginAttemptId": attempt, "2FACode": "123456" });
    let change = json!({ "current_password": PASSWORD, "new_password": "staple of another kind" });
    let exchange = format!(
        "grant_type=authorization_code&code=none&redirect_uri=https%3A%2F%2Fwiki.example.com%2Fcallback\
         &client_id=wiki&client_secret={}&code_verifier={}",
        secret.trim().replace('+', "%2B").replace('/', "%2F").replace('=', "%3D"),
        "v".repeat(43)
    );
    let sent: [(&str, Ask<'_>); 5] = [
        ("another password", &|| {
            try_to_send(&server.address, "PUT", "/api/v1/account/password", &change, &cookies).unwrap()
        }),
        ("a code", &|| post(&server.address, "/verify-2fa", &code, "")),
        ("a sign-in", &|| post(&server.address, "/login", &credentials, "")),
        ("an exchange", &|| post_form(&server.address, "/token", &exchange)),
        ("a sign-out", &|| post(&server.address, "/logout", &json!({}), &cookies)),
    ];
    for (what, send) in sent {
        let begun = now();
        let (status, answer) = send();
        assert!(begun.elapsed() < Duration::from_millis(100), "{what}: {:?}", begun.elapsed());
        assert_eq!(status, 503, "{what}: {answer}");
        assert!(answer.contains("\r\nretry-after: "), "{what}: {answer}");
    }
}

/// The person was shown a page, in a frame that nobody sees.
#[tokio::test]
async fn while_the_database_is_away_an_app_that_asks_silently_is_told() {
    let Some(mut stack) = Stack::migrated().await else { return };
    let server = Running::of(&mut stack.server(1, &[]));
    assert_eq!(sign_up(&server, "ana@example.com"), 201);
    let (_, cookies) = sign_in(&server, "ana@example.com");
    let asks = "/authorize?client_id=wiki&redirect_uri=https%3A%2F%2Fwiki.example.com%2Fcallback&response_type=code\
                &scope=openid&state=s&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";
    let silent = format!("{asks}&prompt=none");
    let told = |answer: &str, error: &str| {
        let to = format!("\r\nlocation: https://wiki.example.com/callback?error={error}&");
        answer.contains(&to) && answer.contains("&state=s&iss=")
    };
    let (status, answer) = get_as(&server.address, &silent, &cookies);
    assert!(status == 303 && told(&answer, "consent_required"), "somebody is signed in: {answer}");
    stack.postgres.kill();
    within(LONG, "the loss is told", || degraded(&server) == ["database"]);
    let begun = now();
    let (status, answer) = get_as(&server.address, &silent, &cookies);
    assert!(status == 303 && told(&answer, "temporarily_unavailable"), "{answer}");
    let (status, answer) = get(&server.address, &silent);
    assert!(status == 303 && told(&answer, "login_required"), "{answer}");
    // Somebody looks at this.
    let (status, answer) = get_as(&server.address, asks, &cookies);
    assert!(status == 503 && answer.contains("\r\nretry-after: "), "{answer}");
    assert!(!answer.contains("\r\nlocation: "), "{answer}");
    assert!(begun.elapsed() < Duration::from_millis(300), "{:?}", begun.elapsed());
    stack.postgres.restart().await;
    within(LONG, "it is found again", || degraded(&server).is_empty());
    let (_, answer) = get_as(&server.address, &silent, &cookies);
    assert!(told(&answer, "consent_required"), "{answer}");
}

#[tokio::test]
async fn while_the_database_is_away_checks_go_on_and_who_writes_is_told_at_once() {
    let Some(mut stack) = Stack::migrated().await else { return };
    let server = Running::of(&mut stack.server(1, &["limits.network_sign_ups=100"]));
    assert_eq!(sign_up(&server, "ana@example.com"), 201);
    let (token, _) = sign_in(&server, "ana@example.com");
    assert_eq!(verify(&server, &token), 200);
    stack.postgres.kill();
    within(LONG, "the loss is told", || degraded(&server) == ["database"]);
    assert_eq!(verify(&server, &token), 200, "what is warm is known");
    for number in 0..10 {
        let begun = now();
        let body = account(&format!("person-{number}@example.com"));
        let (status, answer) = post(&server.address, "/signup", &body, "");
        assert_eq!(status, 503, "{answer}");
        assert!(answer.contains("\r\nretry-after: "), "{answer}");
        assert!(begun.elapsed() < Duration::from_millis(100), "{:?}", begun.elapsed());
    }
    assert_eq!((up(&server, "database"), up(&server, "redis")), (0, 1));
    stack.postgres.restart().await;
    within(LONG, "it is found again", || degraded(&server).is_empty());
    assert_eq!((up(&server, "database"), up(&server, "redis")), (1, 1));
    assert_eq!(sign_up(&server, "ben@example.com"), 201);
    assert_eq!(verify(&server, &token), 200);
}

#[tokio::test]
async fn while_redis_is_away_people_sign_in() {
    let Some(mut stack) = Stack::migrated().await else { return };
    let server = Running::of(&mut stack.server(1, &[]));
    assert_eq!(sign_up(&server, "ana@example.com"), 201);
    stack.redis.kill();
    within(LONG, "the loss is told", || degraded(&server) == ["redis"]);
    assert_eq!((up(&server, "database"), up(&server, "redis")), (1, 0));
    let (token, cookies) = sign_in(&server, "ana@example.com");
    assert_eq!(verify(&server, &token), 200);
    assert_eq!(post(&server.address, "/logout", &json!({}), &cookies).0, 200);
    assert_eq!(verify(&server, &token), 401);
    stack.redis.restart();
    within(LONG, "it is found again", || degraded(&server).is_empty());
    assert_eq!((up(&server, "database"), up(&server, "redis")), (1, 1));
    sign_in(&server, "ana@example.com");
}

/// Whoever holds both up lets nothing be written down, and no connection end.
#[tokio::test]
async fn a_stop_takes_less_than_eight_seconds_though_database_and_redis_are_held() {
    let Some(stack) = Stack::migrated().await else { return };
    let mut server = Running::of(&mut stack.server(1, &[]));
    assert_eq!(sign_up(&server, "ana@example.com"), 201);
    let body = json!({ "email": "ben@example.com", "password": PASSWORD }).to_string();
    let mut half = server.begin_to_sign_up(body.len());
    stack.postgres.pause();
    stack.redis.pause();
    server.terminate();
    let begun = now();
    half.write_all(body.as_bytes()).unwrap();
    let answer = rest(half);
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("\r\nretry-after: "), "{answer}");
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
}
