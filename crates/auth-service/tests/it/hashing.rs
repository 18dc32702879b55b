//! How passwords are hashed, as whoever runs the server and whoever attacks it meet it.

use std::io::Write as _;
use std::net::TcpStream;
use std::time::Duration;

use domain::{Email, Password};
use serde_json::json;
use tokio::task::JoinSet;

use crate::process::{POSTMARK, Running, command, get, write_secrets};
use crate::support::{PASSWORD, TestApp};

/// What is below OWASP's minimum is refused, or used if `allow_weak` says so; then every start says that it is.
#[test]
fn weak_parameters_are_refused_or_told_at_every_start() {
    let folder = tempfile::tempdir().unwrap();
    write_secrets(folder.path());
    let weak = ["password.hashing.memory_kib=64", "password.hashing.iterations=1"];
    let refused = command(folder.path(), POSTMARK)
        .args(weak.iter().flat_map(|setting| ["--set", setting]))
        .output()
        .unwrap();
    let told = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(1), "{told}");
    assert!(
        told.contains("password.hashing.memory_kib") && told.contains("that is allowed is 7168"),
        "{told}"
    );
    let allowed = [&weak[..], &["password.hashing.allow_weak=true"]].concat();
    for _ in 0..2 {
        let running = Running::with(folder.path(), &allowed);
        assert!(running.log.contains("allow_weak: passwords are hashed with less"), "{}", running.log);
    }
    let running = Running::with(folder.path(), &[]);
    assert!(!running.log.contains("allow_weak"), "{}", running.log);
}

/// Whoever sends a huge password must not make the server hash it, wherever a password is taken.
#[tokio::test]
async fn a_password_of_100_kb_is_refused_before_it_is_hashed() {
    let app = TestApp::with(|setup| setup.limits.body = 1_048_576).await;
    let mut member = app.member("ana@example.com").await;
    let done = || app.app.auth.hasher().metrics().done;
    let long = "x".repeat(100_000);
    let before = done();
    for path in ["/login", "/signup", "/api/v1/sign-in", "/api/v1/sign-up"] {
        let body = json!({ "email": "ana@example.com", "password": long, "requires2FA": false });
        let answer = app.program().json("POST", path, &body).await;
        assert!((400..500).contains(&answer.status.as_u16()), "{path}: {}", answer.status);
    }
    for path in ["/sign-in", "/sign-up"] {
        let mut browser = app.browser();
        browser.get(path).await;
        let answer = browser.post(path, &[("email", "ana@example.com"), ("password", &long)]).await;
        assert_eq!(answer.status, 422, "{path}");
    }
    let answer =
        member.post("/account/password", &[("current_password", PASSWORD), ("new_password", &long)]).await;
    assert_eq!(answer.status, 422);
    assert_eq!(done(), before, "nothing was hashed");
}

/// What the pool of a server tells, by one look.
struct Pool {
    waiting: i64,
    running: i64,
    done: i64,
    given_up: i64,
}

fn pool(running: &Running) -> Pool {
    let (status, answer) = get(&running.internal, "/metrics");
    assert_eq!(status, 200, "{answer}");
    let figure = |name: &str| {
        let line = answer.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        let figure = line.unwrap_or_else(|| panic!("no {name}: {answer}"));
        figure.trim_end_matches(".0").parse().unwrap_or_else(|_| panic!("{name} {figure}"))
    };
    Pool {
        waiting: figure("keyward_hashing_waiting"),
        running: figure("keyward_hashing_running"),
        done: figure("keyward_hashing_time_seconds_count"),
        given_up: figure("keyward_hashing_given_up_total"),
    }
}

/// Issue 5: after its clients have hung up a server works off the one hash that each permit is at, and gives the others up.
#[test]
fn whoever_hangs_up_while_waiting_is_not_hashed_for() {
    const CLIENTS: i64 = 4;
    let folder = tempfile::tempdir().unwrap();
    write_secrets(folder.path());
    // A hash that takes a second or two.
    let dear = ["memory_kib=65536", "iterations=32", "max_parallel=1", "longest_wait=30s"];
    let dear = dear.map(|setting| format!("password.hashing.{setting}"));
    let running = Running::with(folder.path(), &dear.each_ref().map(String::as_str));
    let hang_up = || {
        let before = pool(&running);
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| {
                let body = json!({ "email": format!("nobody{number}@example.com"), "password": PASSWORD })
                    .to_string();
                let mut stream = TcpStream::connect(&running.address).unwrap();
                let head =
                    "POST /api/v1/sign-in HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json";
                write!(stream, "{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).unwrap();
                stream
            })
            .collect();
        loop {
            let now = pool(&running);
            if now.waiting == CLIENTS - 1 || now.done > before.done {
                break;
            }
            std::thread::yield_now();
        }
        drop(clients);
        // If the first hash was done before all had hung up, another had begun for somebody who waited.
        let after = pool(&running);
        let is_at_the_first = after.running == 1 && after.done == before.done;
        loop {
            let now = pool(&running);
            if now.running + now.waiting == 0 {
                let told = (now.done - before.done, now.given_up - before.given_up);
                return is_at_the_first.then_some(told);
            }
            std::thread::yield_now();
        }
    };
    let told = loop {
        if let Some(told) = hang_up() {
            break told;
        }
    };
    assert_eq!(told, (1, CLIENTS - 1), "hashes done, and given up");
}

/// Issue 5: whoever would wait too long for a hash is told at once when to come back, wherever they ask, and keeps what they typed. Who
/// has a token is let through meanwhile.
#[tokio::test]
async fn a_full_pool_answers_503_with_the_time_to_wait_and_tokens_are_checked_meanwhile() {
    // A hash that takes a second or two on any machine: every failure does its work, since one account has it.
    const DEAR: &str = "$2b$15$VJLAfl2m5MUDHtPx4znuEeGcCT1gLNmVwv1cEbQgLykE5TS6g14Ma";
    let app = TestApp::with(|setup| {
        setup.hashing = (1, Duration::from_secs(1));
        setup.limits.network_failures = 1_000;
    })
    .await;
    let member = app.member("ana@example.com").await;
    app.account("dear@example.com", false).await;
    let store = app.store().await;
    let mut tx = store.begin().await.unwrap();
    let dear = Email::parse("dear@example.com").unwrap();
    let owner = store::emails::owner(&mut tx, &dear).await.unwrap().unwrap();
    store::passwords::set(&mut tx, owner.user_id.into(), DEAR, app.app.auth.now()).await.unwrap();
    tx.commit().await.unwrap();
    app.turn(Duration::from_secs(30));
    let pool = || app.app.auth.hasher().metrics();
    let failure =
        |number: usize| json!({ "email": format!("nobody{number}@example.com"), "password": PASSWORD });
    // One, so that the pool knows how long that takes.
    let answer = app.program().json("POST", "/api/v1/sign-in", &failure(0)).await;
    assert_eq!(answer.status, 401, "{}", answer.body);
    let mut crowd = JoinSet::new();
    for number in 0..64 {
        let (mut program, body) = (app.program(), failure(number));
        crowd.spawn(async move { program.json("POST", "/api/v1/sign-in", &body).await });
    }
    while pool().turned_away == 0 {
        tokio::task::yield_now().await;
    }

    let mut browser = app.browser();
    browser.get("/sign-in").await;
    let page = browser.post("/sign-in", &[("email", "ana@example.com"), ("password", PASSWORD)]).await;
    assert_eq!(page.status, 503, "{}", page.body);
    assert!(
        page.body.contains("value=\"ana@example.com\"") && !page.body.contains(PASSWORD),
        "{}",
        page.body
    );
    let body = json!({ "email": "ana@example.com", "password": PASSWORD });
    let problem = app.program().json("POST", "/api/v1/sign-in", &body).await;
    assert_eq!((problem.status.as_u16(), problem.header("content-type")), (503, "application/problem+json"));
    assert!(problem.text("type").ends_with("busy"), "{}", problem.body);
    let family = app.program().json("POST", "/login", &body).await;
    assert_eq!(family.status, 503, "{}", family.body);
    assert!(!family.text("error").is_empty());
    for answer in [&page, &problem, &family] {
        let wait: u64 = answer.header("retry-after").parse().unwrap();
        assert!((1..=120).contains(&wait), "{wait}");
        assert!(!answer.opens_session());
    }
    for _ in 0..20 {
        let answer =
            app.program().json("POST", "/verify-token", &json!({ "token": member.jar["jwt"] })).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    assert_eq!(pool().running, 1, "all that while the one thread was at its first hash");

    let answers = crowd.join_all().await;
    let told = |status: u16| answers.iter().filter(|answer| answer.status == status).count();
    assert!(
        told(401) > 0 && told(503) > 0 && told(401) + told(503) == answers.len(),
        "{} {}",
        told(401),
        told(503)
    );
    // Who comes back finds room.
    assert_eq!(app.program().json("POST", "/login", &body).await.status, 200);
}

/// Issue 5: who shows the right password while another sign-in replaces its hash is looked at once more; with no room for that it was
/// called wrong.
#[tokio::test]
async fn a_right_password_is_never_called_wrong_for_want_of_room() {
    /// Of [`PASSWORD`], by libxcrypt: slow enough that the other sign-in is done before it is.
    const OLD: &str = "$2b$12$VJLAfl2m5MUDHtPx4znuEe.3940.uwHn.Ea9UWjfSlzJuCytWoc6i";
    let app = TestApp::with(|setup| setup.hashing = (1, Duration::from_secs(1))).await;
    app.account("ana@example.com", false).await;
    let store = app.store().await;
    let set = async |hash: &str| {
        let mut tx = store.begin().await.unwrap();
        let ana = Email::parse("ana@example.com").unwrap();
        let owner = store::emails::owner(&mut tx, &ana).await.unwrap().unwrap();
        store::passwords::set(&mut tx, owner.user_id.into(), hash, app.app.auth.now()).await.unwrap();
        tx.commit().await.unwrap();
    };
    let hasher = app.app.auth.hasher();
    let password = Password::parse(PASSWORD).unwrap();
    let new = hasher.hash(&password).await.unwrap();
    let mut turned_away = None;
    for _ in 0..50 {
        set(OLD).await;
        let mut program = app.program();
        let signing_in = tokio::spawn(async move {
            let body = json!({ "email": "ana@example.com", "password": PASSWORD });
            program.json("POST", "/api/v1/sign-in", &body).await
        });
        while hasher.metrics().running == 0 {
            tokio::task::yield_now().await;
        }
        // The other sign-in, which was quicker; and a crowd that leaves no room.
        set(&new).await;
        let mut crowd = JoinSet::new();
        for _ in 0..8 {
            let (hasher, password) = (hasher.clone(), password.clone());
            crowd.spawn(async move {
                loop {
                    let _ = hasher.verify(&password, Some(OLD)).await;
                    tokio::task::yield_now().await;
                }
            });
        }
        let answer = signing_in.await.unwrap();
        crowd.shutdown().await;
        // The first look had begun, so that the second alone can have found no room.
        if answer.status == 503 {
            turned_away = Some(answer);
            break;
        }
        assert_eq!(answer.status, 200, "{}", answer.body);
        while hasher.metrics().running > 0 {
            tokio::task::yield_now().await;
        }
    }
    let wait: u64 = turned_away.unwrap().header("retry-after").parse().unwrap();
    assert!((1..=120).contains(&wait), "{wait}");
}
