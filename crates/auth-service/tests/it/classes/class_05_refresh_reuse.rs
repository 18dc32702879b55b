//! Class 5: a refresh token used again: in a race, after a restart, at another process, long after it expired. A successor
//! is made once; only the client that can prove who it is gets it again, for ten seconds, while it is unused.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use oidc::{Algorithm, JwkSet, SigningKey};
use serde_json::{Value, json};

use crate::protocol::{Wiki, assertion};
use crate::support::TestApp;

const ANA: &str = "ana@example.com";
const GRACE: Duration = Duration::from_secs(10);
const INSTANT: Duration = Duration::from_micros(1);
const DAY: Duration = Duration::from_hours(24);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    SameProcess,
    AnotherProcess,
    AfterRestart,
}

/// The way that an app authenticates, and whether it is one.
const KINDS: [(&str, bool); 4] =
    [("client_secret_basic", true), ("client_secret_post", true), ("private_key_jwt", true), ("none", false)];

/// The key of the app that has one, and how many assertions it has made.
static KEY: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate(Algorithm::Es256).unwrap());
static ASSERTIONS: AtomicU32 = AtomicU32::new(0);

/// How long after its first use a token is shown again.
const GAPS: [Duration; 5] = [
    Duration::ZERO,
    GRACE,
    GRACE.saturating_add(INSTANT),
    // The token itself would have expired unused after thirty days.
    Duration::from_hours(24 * 31),
    Duration::from_hours(24 * 59),
];

fn token(tokens: &Value) -> String {
    tokens["refresh_token"].as_str().unwrap_or_else(|| panic!("{tokens}")).to_owned()
}

/// What else is asked at a reuse: that it cannot be had used to be said before the reuse was noticed.
const BESIDES: [Option<(&str, &str)>; 6] = [
    None,
    Some(("scope", "openid admin")),
    Some(("scope", "not  well formed")),
    Some(("resource", "https://api.example.com/")),
    Some(("resource", "https://not-registered.example.com/")),
    Some(("resource", "no URI")),
];

async fn refresh(wiki: &Wiki, app: &TestApp, token: &str, method: &str) -> Value {
    refresh_with(wiki, app, token, method, None).await
}

async fn refresh_with(
    wiki: &Wiki,
    app: &TestApp,
    token: &str,
    method: &str,
    besides: Option<(&str, &str)>,
) -> Value {
    let mut fields = vec![("grant_type", "refresh_token"), ("refresh_token", token)];
    fields.extend(besides);
    ask(wiki, app, &fields, method).await
}

async fn exchange(wiki: &Wiki, app: &TestApp, code: &str, method: &str) -> Value {
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", crate::protocol::CALLBACK),
        ("code_verifier", crate::protocol::VERIFIER),
    ];
    ask(wiki, app, &fields, method).await
}

async fn ask(wiki: &Wiki, app: &TestApp, fields: &[(&str, &str)], method: &str) -> Value {
    match method {
        "client_secret_post" => {
            let secret = wiki.secret.as_deref().unwrap();
            let by_secret = [("client_id", wiki.id.as_str()), ("client_secret", secret)];
            let fields = [fields, &by_secret].concat();
            app.program().post("/token", &fields).await.json()
        }
        "private_key_jwt" => {
            let jti = ASSERTIONS.fetch_add(1, Ordering::SeqCst).to_string();
            let assertion = assertion(app, &wiki.id, "https://auth.example.com", &KEY, &jti);
            let by_key =
                [("client_assertion_type", oidc::CLIENT_ASSERTION_TYPE), ("client_assertion", &assertion)];
            let fields = [fields, &by_key].concat();
            app.program().post("/token", &fields).await.json()
        }
        _ => wiki.ask(app, "/token", fields).await.json(),
    }
}

/// Whether the database holds a family of this token that lives: what a process that starts now would go by.
async fn is_live(app: &TestApp, token: &str) -> bool {
    let mut tx = app.store().await.read().await.unwrap();
    let row = store::refresh_tokens::find(&mut tx, &secrets::sha256(token.as_bytes())).await.unwrap();
    let Some(row) = row else { return false };
    let now = app.app.auth.now();
    store::grants::find_live(&mut tx, row.grant_id.into(), now, now.minus(DAY)).await.unwrap().is_some()
}

/// Every kind of client, time, place, and whether the successor was used meanwhile.
#[tokio::test]
async fn class_05_reuse_ends_the_family_wherever_and_whenever() {
    for place in [Place::SameProcess, Place::AnotherProcess, Place::AfterRestart] {
        let mut app = TestApp::with(|setup| setup.limits.account_failures = 10_000).await;
        app.account(ANA, false).await;
        let mut clients = Vec::new();
        for (method, confidential) in KINDS {
            let mut changes = json!({
                "client_id": method.replace('_', "-"), "token_endpoint_auth_method": method,
                "resources": ["https://api.example.com/"],
            });
            if method == "private_key_jwt" {
                changes["jwks"] = json!(JwkSet { keys: vec![KEY.public_jwk().clone()] });
            }
            clients.push((Wiki::register(&app, changes).await, method, confidential));
        }
        for gap in GAPS {
            for (wiki, method, confidential) in &clients {
                // A restart each time: of what is asked besides it is tried with one gap there.
                let besides =
                    if place == Place::AfterRestart && gap != GRACE { &BESIDES[..1] } else { &BESIDES };
                let ways = besides.iter().flat_map(|besides| [(*besides, false), (*besides, true)]);
                for (besides, successor_used) in ways {
                    let case = format!(
                        "{method} after {gap:?} at {place:?}, successor used: {successor_used}, with {besides:?}"
                    );
                    let mut browser = app.signed_in(ANA).await;
                    let code = wiki.code(&mut browser, &[]).await;
                    let first = token(&exchange(wiki, &app, &code, method).await);
                    let tokens = refresh(wiki, &app, &first, method).await;
                    let second = token(&tokens);
                    if successor_used {
                        refresh(wiki, &app, &second, method).await;
                    }
                    app.turn(gap);
                    let other;
                    let at = match place {
                        Place::SameProcess => &app,
                        Place::AnotherProcess => {
                            other = app.another_process().await;
                            &other
                        }
                        Place::AfterRestart => {
                            app = app.restart().await;
                            &app
                        }
                    };
                    let again = refresh_with(wiki, at, &first, method, besides).await;
                    if *confidential && gap <= GRACE && !successor_used {
                        if besides.is_none() {
                            assert_eq!(token(&again), second, "{case}");
                        } else {
                            assert!(
                                matches!(again["error"].as_str(), Some("invalid_scope" | "invalid_target")),
                                "{case}"
                            );
                            assert!(is_live(at, &second).await, "{case}: nobody else has it");
                        }
                    } else {
                        assert_eq!(again["error"], "invalid_grant", "{case}");
                        let next = refresh(wiki, at, &second, method).await;
                        assert_eq!(next["error"], "invalid_grant", "{case}: the family is ended");
                        assert!(!is_live(at, &second).await, "{case}: in the database too");
                    }
                }
            }
        }
    }
}

/// The janitor forgets no token that was used while its family lives.
#[tokio::test]
async fn class_05_reuse_is_noticed_however_old_the_token_is() {
    let app = TestApp::start().await;
    let wiki = Wiki::register(&app, json!({})).await;
    let mut browser = app.member(ANA).await;
    let mut chain = vec![token(&wiki.sign_in(&app, &mut browser).await)];
    for _ in 0..4 {
        app.turn(DAY * 20);
        while app.app.auth.clean().await.unwrap() > 0 {}
        let next = wiki.refresh(&app, chain.last().unwrap()).await.json();
        chain.push(token(&next));
    }
    assert_eq!(wiki.refresh(&app, &chain[0]).await.text("error"), "invalid_grant", "eighty days later");
    assert_eq!(wiki.refresh(&app, chain.last().unwrap()).await.text("error"), "invalid_grant");
    while app.app.auth.clean().await.unwrap() > 0 {}
    let left: Vec<_> = {
        let mut tx = app.store().await.read().await.unwrap();
        let mut left = Vec::new();
        for token in &chain {
            left.extend(
                store::refresh_tokens::find(&mut tx, &secrets::sha256(token.as_bytes())).await.unwrap(),
            );
        }
        left
    };
    assert!(left.is_empty(), "a family that is ended leaves no row: {left:?}");
}

/// A use by a process whose clock is ahead looks as if it were yet to come: the grace went on until ten seconds after that, however
/// far ahead. Now that is a minute and ten seconds at the most, as the reference says; behind, it is shorter by as much.
#[tokio::test]
async fn class_05_the_grace_is_no_longer_where_a_clock_is_ahead() {
    let app = TestApp::start().await;
    let wiki = Wiki::register(&app, json!({})).await;
    let mut browser = app.member(ANA).await;
    let minute = Duration::from_mins(1);
    for (ahead, passed, graced) in [
        (Duration::from_secs(30), Duration::ZERO, true),
        (Duration::from_secs(30), Duration::from_secs(30) + GRACE, true),
        (Duration::from_secs(30), Duration::from_secs(30) + GRACE + INSTANT, false),
        (minute, Duration::ZERO, true),
        (minute, minute + GRACE, true),
        (minute, minute + GRACE + INSTANT, false),
        (minute + INSTANT, Duration::ZERO, false),
        (Duration::from_hours(1), Duration::ZERO, false),
        (Duration::from_hours(1), minute, false),
    ] {
        let first = token(&wiki.sign_in(&app, &mut browser).await);
        let other = app.another_process_ahead(ahead).await;
        let second = token(&wiki.refresh(&other, &first).await.json());
        other.app.auth.stop().await;
        app.turn(passed);
        let again = wiki.refresh(&app, &first).await.json();
        let case = format!("{ahead:?} ahead, {passed:?} later: {again}");
        assert_eq!(again["refresh_token"] == second, graced, "{case}");
        assert_eq!(again["error"] == "invalid_grant", !graced, "{case}");
        assert_eq!(is_live(&app, &second).await, graced, "{case}");
    }
}

/// The janitor took away what the client may ask for once more, where the clock that it goes by was ahead, and the family ended.
#[tokio::test]
async fn class_05_the_grace_is_no_shorter_where_the_janitor_s_clock_is_ahead() {
    let app = TestApp::start().await;
    let wiki = Wiki::register(&app, json!({})).await;
    let mut browser = app.member(ANA).await;
    let first = token(&wiki.sign_in(&app, &mut browser).await);
    let second = token(&wiki.refresh(&app, &first).await.json());
    app.turn(GRACE);
    let other = app.another_process_ahead(Duration::from_mins(1)).await;
    while other.app.auth.clean().await.unwrap() > 0 {}
    assert_eq!(token(&wiki.refresh(&app, &first).await.json()), second);
    // It goes in the end: it is no secret to be kept for ever.
    app.turn(Duration::from_mins(3));
    while app.app.auth.clean().await.unwrap() > 0 {}
    let mut tx = app.store().await.read().await.unwrap();
    let used =
        store::refresh_tokens::find(&mut tx, &secrets::sha256(first.as_bytes())).await.unwrap().unwrap();
    assert!(used.used_at.is_some() && used.successor.is_none());
}

/// Somebody else's proof is none: not another app's, not a wrong secret, not none.
#[tokio::test]
async fn class_05_the_grace_is_for_the_client_that_proves_itself() {
    let app = TestApp::start().await;
    let wiki = Wiki::register(&app, json!({})).await;
    let blog = Wiki::register(&app, json!({ "client_id": "blog" })).await;
    let mut browser = app.member(ANA).await;
    let first = token(&wiki.sign_in(&app, &mut browser).await);
    let second = token(&wiki.refresh(&app, &first).await.json());
    let wrong = Wiki { id: "wiki".into(), secret: Some("another secret of that length".into()) };
    let none = Wiki { id: "wiki".into(), secret: None };
    for pretender in [&wrong, &none] {
        assert_eq!(pretender.refresh(&app, &first).await.text("error"), "invalid_client");
    }
    assert_eq!(token(&wiki.refresh(&app, &first).await.json()), second, "a stranger's try cost nothing");
    assert_eq!(blog.refresh(&app, &first).await.text("error"), "invalid_grant");
    assert_eq!(wiki.refresh(&app, &second).await.text("error"), "invalid_grant", "two apps have it: ended");
}

/// At once, at two processes: one successor, which works.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn class_05_a_race_over_two_processes_makes_one_successor() {
    let one = Arc::new(TestApp::start().await);
    let wiki = Arc::new(Wiki::register(&one, json!({})).await);
    let mut browser = one.member(ANA).await;
    let other = Arc::new(one.another_process().await);
    for _ in 0..5 {
        let first = token(&wiki.sign_in(&one, &mut browser).await);
        let tasks: Vec<_> = (0..12)
            .map(|number| {
                let app = if number % 2 == 0 { one.clone() } else { other.clone() };
                let (wiki, first) = (wiki.clone(), first.clone());
                tokio::spawn(async move { token(&wiki.refresh(&app, &first).await.json()) })
            })
            .collect();
        let mut successors = BTreeSet::new();
        for task in tasks {
            successors.insert(task.await.unwrap());
        }
        assert_eq!(successors.len(), 1);
        let next = successors.pop_first().unwrap();
        assert!(wiki.refresh(&other, &next).await.json()["access_token"].is_string());
    }
}

/// A public client's race: one of them wins, and whoever comes second ends it all.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn class_05_of_a_public_clients_race_nothing_is_left() {
    let app = Arc::new(TestApp::start().await);
    let wiki = Arc::new(Wiki::register(&app, json!({ "token_endpoint_auth_method": "none" })).await);
    let mut browser = app.member(ANA).await;
    let first = token(&wiki.sign_in(&app, &mut browser).await);
    let tasks: Vec<_> = (0..6)
        .map(|_| {
            let (app, wiki, first) = (app.clone(), wiki.clone(), first.clone());
            tokio::spawn(async move { wiki.refresh(&app, &first).await.json() })
        })
        .collect();
    let mut won = Vec::new();
    for task in tasks {
        let answer = task.await.unwrap();
        if answer["refresh_token"].is_string() {
            won.push(token(&answer));
        }
    }
    assert!(won.len() <= 1, "{won:?}");
    for token in won {
        assert_eq!(wiki.refresh(&app, &token).await.text("error"), "invalid_grant");
    }
}
