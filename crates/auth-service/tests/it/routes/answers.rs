//! What the document says that an operation may answer, and what it does answer: the same, and nothing on either side alone.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use domain::IdempotencyKey;
use serde_json::{Value, json};

use crate::classes::inventory::{documented, filled};
use crate::idempotency::{declared, raw};
use crate::support::{Answer, Browser, OTHER_PASSWORD, PASSWORD, SHORT_PASSWORD, TestApp};

const ANA: &str = "ana@example.com";
const NOBODY: &str = "0190163d-8694-739b-aea5-966c26f8ad91";

/// What every operation has to document, and is not provoked to here: a fault of ours, and a database that is away or a pool
/// that is full (`pages/waiting.rs`, `away.rs`).
const ELSEWHERE: [u16; 2] = [500, 503];

/// And every one with a body: it did not come in time (`pages/errors.rs`).
const TOO_SLOW: u16 = 408;

/// The statuses that each operation was seen to answer with.
#[derive(Default)]
struct Seen(BTreeMap<String, BTreeSet<u16>>);

impl Seen {
    fn note(&mut self, method: &str, route: &str, answer: &Answer) {
        self.0.entry(format!("{method} {route}")).or_default().insert(answer.status.as_u16());
    }

    /// Asks an operation whose path has nothing to fill in.
    async fn ask(&mut self, browser: &mut Browser, operation: &str, body: Value) -> Answer {
        let (method, path) = operation.split_once(' ').unwrap();
        let answer = if body.is_null() {
            browser.raw(method, path, "", "").await
        } else {
            browser.json(method, path, &body).await
        };
        self.note(method, path, &answer);
        answer
    }

    /// Asks until it is too often.
    async fn until_too_many(&mut self, browser: &mut Browser, operation: &str, body: impl Fn(u32) -> Value) {
        for time in 0..30 {
            if self.ask(browser, operation, body(time)).await.status == 429 {
                return;
            }
        }
        panic!("{operation} takes as many tries as one likes");
    }
}

#[tokio::test]
async fn what_may_be_answered_is_documented_and_what_is_documented_may_be_answered() {
    let mut seen = Seen::default();
    by_their_shape(&mut seen).await;
    signing_up(&mut seen).await;
    signing_in(&mut seen).await;
    account(&mut seen).await;
    address(&mut seen).await;
    family(&mut seen).await;
    too_often(&mut seen).await;
    under_a_key(&mut seen).await;

    let document: Value = serde_json::to_value(auth_service::openapi()).unwrap();
    let mut wrong = Vec::new();
    for (method, path) in documented() {
        let responses = document["paths"][&path][method.to_lowercase()]["responses"].as_object().unwrap();
        let told: BTreeSet<u16> = responses.keys().map(|status| status.parse().unwrap()).collect();
        let name = format!("{method} {path}");
        let mut answered = seen.0.remove(&name).unwrap_or_default();
        answered.extend(ELSEWHERE);
        if document["paths"][&path][method.to_lowercase()].get("requestBody").is_some() {
            answered.insert(TOO_SLOW);
        }
        if told != answered {
            let never: Vec<_> = told.difference(&answered).collect();
            let untold: Vec<_> = answered.difference(&told).collect();
            wrong.push(format!(
                "{name}: documented and never seen {never:?}, seen and not documented {untold:?}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Every operation asked from elsewhere, for another host, by nobody, and with bodies that are none.
async fn by_their_shape(seen: &mut Seen) {
    let app = TestApp::start().await;
    let member = app.member(ANA).await;
    let mut gets = app.signed_in(ANA).await;
    seen.ask(&mut gets, "GET /api/v1/account/sessions", Value::Null).await;
    let garbled = gets.get("/api/v1/account/sessions?after=x").await;
    seen.note("GET", "/api/v1/account/sessions", &garbled);
    let document: Value = serde_json::to_value(auth_service::openapi()).unwrap();
    for (method, path) in documented() {
        let operation = &document["paths"][&path][method.to_lowercase()];
        let address = filled(&path, NOBODY);
        if method != "GET" {
            let request = Request::builder().method(&*method).uri(&address);
            let foreign = request.header("origin", "https://evil.example").body(Body::empty()).unwrap();
            seen.note(&method, &path, &member.clone().send(foreign).await);
        }
        if operation["security"][0].get("session").is_some()
            && operation["security"].as_array().unwrap().len() == 1
        {
            seen.note(&method, &path, &app.browser().raw(&method, &address, "application/json", "{}").await);
        }
        if operation.get("requestBody").is_none() {
            continue;
        }
        let long = format!("{{\"email\":\"{}\"}}", "a".repeat(70_000));
        for (content_type, body) in [
            ("application/json", &*long),
            ("text/plain", "{}"),
            ("application/json", "{"),
            ("application/json", "{\"nothing\":1}"),
        ] {
            seen.note(
                &method,
                &path,
                &member.clone().raw(&method, &address, content_type, body.to_owned()).await,
            );
        }
    }
    for (method, route) in
        [("DELETE", "/api/v1/account/apps/{client_id}"), ("DELETE", "/api/v1/account/sessions/{id}")]
    {
        let answer = member.clone().raw(method, &filled(route, NOBODY), "", "").await;
        seen.note(method, route, &answer);
    }
}

/// In development another host is refused, and there that is documented.
#[tokio::test]
async fn another_host_is_documented_where_it_is_refused() {
    for (public_url, development) in [("http://localhost:3000", true), ("https://auth.example.com", false)] {
        let app = TestApp::with(|setup| {
            setup.public_url = public_url;
            setup.mailbox = development.then(auth_service::mailbox::Mailbox::default);
        })
        .await;
        let document = app.program().get("/openapi.json").await.json();
        for (method, path) in documented() {
            let responses = &document["paths"][&path][method.to_lowercase()]["responses"];
            assert_eq!(responses.get("421").is_some(), development, "{method} {path}");
            let request = Request::builder().method(&*method).uri(filled(&path, NOBODY));
            let elsewhere = request.header("host", "evil.example").body(Body::empty()).unwrap();
            let answer = app.program().send(elsewhere).await;
            assert_eq!(answer.status == 421, development, "{method} {path}");
        }
    }
}

async fn signing_up(seen: &mut Seen) {
    let app = TestApp::start().await;
    let mut program = app.program();
    let proof = "POST /api/v1/sign-up/proof";
    let fields = json!({ "email": ANA, "password": PASSWORD });
    let id = seen.ask(&mut program, "POST /api/v1/sign-up", fields).await.json()["proof_id"].clone();
    seen.ask(&mut program, "POST /api/v1/sign-up/proof/resend", json!({ "proof_id": id })).await;
    seen.ask(&mut program, "POST /api/v1/sign-up/proof/resend", json!({ "proof_id": NOBODY })).await;
    let token = app.letters().await.pop().unwrap().token();
    seen.ask(&mut program, proof, json!({ "token": token, "password": OTHER_PASSWORD })).await;
    for _ in 0..2 {
        seen.ask(&mut program, proof, json!({ "token": token, "password": PASSWORD })).await;
    }
    let answer = seen.ask(&mut program, "POST /api/v1/reset", json!({ "email": ANA })).await;
    let (id, letter) = (answer.json()["reset_id"].clone(), app.letter(ANA).await);
    let wrong = if letter.code == "000000" { "000001" } else { "000000" };
    for code in [wrong, &letter.code, &letter.code] {
        let body = json!({ "reset_id": id, "code": code, "new_password": OTHER_PASSWORD });
        seen.ask(&mut program, "POST /api/v1/reset/complete", body).await;
    }
}

async fn signing_in(seen: &mut Seen) {
    let app = TestApp::start().await;
    app.account(ANA, false).await;
    app.account("bea@example.com", true).await;
    let mut browser = app.browser();
    for password in [OTHER_PASSWORD, PASSWORD] {
        let body = json!({ "email": ANA, "password": password });
        seen.ask(&mut browser, "POST /api/v1/sign-in", body).await;
    }
    seen.ask(&mut browser, "POST /api/v1/sign-out", Value::Null).await;
    let body = json!({ "email": "bea@example.com", "password": PASSWORD });
    let attempt = seen.ask(&mut browser, "POST /api/v1/sign-in", body).await.json()["attempt_id"].clone();
    app.letters().await;
    let resend = "POST /api/v1/sign-in/code/resend";
    seen.ask(&mut browser, resend, json!({ "attempt_id": attempt })).await;
    seen.ask(&mut browser, resend, json!({ "attempt_id": NOBODY })).await;
    let code = app.letter("bea@example.com").await.code;
    let wrong = if code == "000000" { "000001" } else { "000000" };
    for code in [wrong, &code, &code] {
        let body = json!({ "attempt_id": attempt, "code": code });
        seen.ask(&mut browser, "POST /api/v1/sign-in/code", body).await;
    }
    let confirm = "POST /api/v1/account/confirm";
    seen.ask(&mut browser, confirm, json!({ "password": PASSWORD })).await;
    let mut ana = app.signed_in(ANA).await;
    seen.ask(&mut ana, confirm, json!({ "password": OTHER_PASSWORD })).await;
    seen.ask(&mut ana, confirm, json!({ "password": PASSWORD })).await;
}

async fn account(seen: &mut Seen) {
    let app = TestApp::start().await;
    let mut browser = app.member(ANA).await;
    let wiki = crate::protocol::Wiki::register(&app, json!({})).await;
    wiki.code(&mut browser, &[]).await;
    for operation in ["GET /api/v1/account", "GET /api/v1/account/apps", "POST /api/v1/account/token"] {
        seen.ask(&mut browser, operation, Value::Null).await;
    }
    let withdrawn = browser.raw("DELETE", &format!("/api/v1/account/apps/{}", wiki.id), "", "").await;
    seen.note("DELETE", "/api/v1/account/apps/{client_id}", &withdrawn);
    seen.ask(&mut browser, "PATCH /api/v1/account", json!({ "name": "Ana" })).await;
    let mut other = app.signed_in(ANA).await;
    let ended = browser
        .raw("DELETE", &format!("/api/v1/account/sessions/{}", other.session_id().await), "", "")
        .await;
    seen.note("DELETE", "/api/v1/account/sessions/{id}", &ended);
    seen.ask(&mut browser, "DELETE /api/v1/account/sessions", Value::Null).await;
    for (present, new) in [(OTHER_PASSWORD, PASSWORD), (PASSWORD, SHORT_PASSWORD), (PASSWORD, OTHER_PASSWORD)]
    {
        let body = json!({ "current_password": present, "new_password": new });
        seen.ask(&mut browser, "PUT /api/v1/account/password", body).await;
    }
    let switch = "PUT /api/v1/account/second-step";
    seen.ask(&mut browser, switch, json!({ "enabled": true })).await;
    seen.ask(&mut browser, switch, json!({ "enabled": false, "password": PASSWORD })).await;
    for password in [PASSWORD, OTHER_PASSWORD] {
        seen.ask(&mut browser, "DELETE /api/v1/account", json!({ "password": password })).await;
    }
}

async fn address(seen: &mut Seen) {
    let app = TestApp::start().await;
    let mut browser = app.member(ANA).await;
    let (change, confirm) = ("/api/v1/account/email", "POST /api/v1/account/email/confirm");
    for operation in ["GET", "DELETE"] {
        seen.ask(&mut browser, &format!("{operation} {change}"), Value::Null).await;
    }
    for _ in 0..2 {
        seen.ask(&mut browser, &format!("POST {change}"), json!({ "email": "new@example.com" })).await;
        seen.ask(&mut browser, &format!("GET {change}"), Value::Null).await;
    }
    seen.ask(&mut browser, &format!("DELETE {change}"), Value::Null).await;
    app.letters().await;
    seen.ask(&mut browser, &format!("POST {change}"), json!({ "email": "new@example.com" })).await;
    let code = app.letter(ANA).await.code;
    let wrong = if code == "000000" { "000001" } else { "000000" };
    seen.ask(&mut app.browser(), confirm, json!({ "side": "old", "code": code })).await;
    for code in [wrong, &code, &code] {
        seen.ask(&mut browser, confirm, json!({ "side": "old", "code": code })).await;
    }
}

async fn family(seen: &mut Seen) {
    let app = TestApp::with(|setup| setup.reveal_accounts = true).await;
    let mut browser = app.browser();
    for (email, password) in [("x", PASSWORD), (ANA, PASSWORD), (ANA, PASSWORD)] {
        let body = json!({ "email": email, "password": password, "requires2FA": true });
        seen.ask(&mut browser, "POST /signup", body).await;
        if let Some(letter) =
            app.letters().await.into_iter().find(|letter| letter.to == ANA && !letter.link.is_empty())
        {
            let body = json!({ "token": letter.token(), "password": PASSWORD });
            browser.json("POST", "/api/v1/sign-up/proof", &body).await;
        }
    }
    app.account("bea@example.com", false).await;
    seen.ask(&mut browser, "POST /login", json!({ "email": "x", "password": PASSWORD })).await;
    seen.ask(&mut browser, "POST /login", json!({ "email": ANA, "password": OTHER_PASSWORD })).await;
    let body = json!({ "email": ANA, "password": PASSWORD });
    let attempt = seen.ask(&mut browser, "POST /login", body).await.json()["loginAttemptId"].clone();
    let code = app.letters().await.pop().unwrap().code;
    let wrong = if code == "000000" { "000001" } else { "000000" };
    for code in ["x", wrong, &code] {
        let body = json!({ "email": ANA, "loginAttemptId": attempt, "2FACode": code });
        seen.ask(&mut browser, "POST /verify-2fa", body).await;
    }
    seen.ask(&mut browser, "POST /login", json!({ "email": "bea@example.com", "password": PASSWORD })).await;
    for token in [browser.jar["jwt"].clone(), "x".to_owned()] {
        seen.ask(&mut browser, "POST /verify-token", json!({ "token": token })).await;
    }
    let held = browser.jar.clone();
    for _ in 0..2 {
        seen.ask(&mut browser, "POST /logout", Value::Null).await;
    }
    browser.jar = held;
    seen.ask(&mut browser, "POST /logout", Value::Null).await;
}

/// What takes an `Idempotency-Key`: one that is none, one of another request, one whose request is under way, and one too many.
async fn under_a_key(seen: &mut Seen) {
    let app = TestApp::start().await;
    let mut ana = app.member(ANA).await;
    let auth = &app.app.auth;
    let current = auth.current(&ana.jar["__Host-keyward-session"]).await.unwrap().unwrap();
    let body = json!({ "name": "Ana" }).to_string();
    let sent = ("application/json", body.as_str());
    raw(&mut ana, "PATCH", "/api/v1/account", &["of-another"], sent).await;
    let key = IdempotencyKey::parse(b"under-way").unwrap();
    let _under_way = auth.begin_idempotent(&current, &key, [0; 32]).await.unwrap();
    let store = app.store().await;
    for many in [false, true] {
        if many {
            let (now, later) = (auth.now(), auth.now().plus(Duration::from_hours(1)));
            let mut tx = store.begin().await.unwrap();
            for number in 0..1_000_u32 {
                let hash = number.to_be_bytes();
                store::idempotency_keys::insert(&mut tx, &hash, current.user, b"sealed", now, later)
                    .await
                    .unwrap();
            }
            tx.commit().await.unwrap();
        }
        for (method, path) in declared() {
            for key in ["no key", "of-another", "under-way", if many { "newer" } else { "new" }] {
                let answer = raw(&mut ana.clone(), &method, &filled(&path, "none"), &[key], sent).await;
                if many == (answer.status == 429) {
                    seen.note(&method, &path, &answer);
                }
            }
        }
    }
}

/// Whatever is limited, until it is.
async fn too_often(seen: &mut Seen) {
    let app = TestApp::with(|setup| setup.limits.network_sign_ups = 5).await;
    app.account("bea@example.com", true).await;
    let mut member = app.member(ANA).await;
    let mut program = app.program();
    let up = |time| json!({ "email": format!("{time}@example.com"), "password": PASSWORD });
    let first = program.json("POST", "/api/v1/sign-up", &up(99)).await.json();
    seen.until_too_many(&mut program, "POST /api/v1/sign-up", up).await;
    let resend = |_| json!({ "proof_id": first["proof_id"] });
    seen.until_too_many(&mut program, "POST /api/v1/sign-up/proof/resend", resend).await;
    let up =
        |time| json!({ "email": format!("{time}@example.com"), "password": PASSWORD, "requires2FA": false });
    seen.until_too_many(&mut program, "POST /signup", up).await;
    seen.until_too_many(&mut program, "POST /api/v1/reset", |_| json!({ "email": "cleo@example.com" })).await;
    let body = json!({ "email": "bea@example.com", "password": PASSWORD });
    let attempt = program.json("POST", "/api/v1/sign-in", &body).await.json()["attempt_id"].clone();
    let resend = |_| json!({ "attempt_id": attempt });
    seen.until_too_many(&mut program, "POST /api/v1/sign-in/code/resend", resend).await;
    let move_to = |time| json!({ "email": format!("{time}@example.org") });
    seen.until_too_many(&mut member, "POST /api/v1/account/email", move_to).await;
    let wrong = |_| json!({ "email": "dora@example.com", "password": OTHER_PASSWORD });
    seen.until_too_many(&mut program, "POST /api/v1/sign-in", wrong).await;
    seen.until_too_many(&mut program, "POST /login", wrong).await;
    for operation in ["POST /api/v1/account/confirm", "DELETE /api/v1/account"] {
        app.turn(Duration::from_mins(1));
        seen.until_too_many(&mut member, operation, |_| json!({ "password": OTHER_PASSWORD })).await;
    }
    let body = |_| json!({ "enabled": false, "password": OTHER_PASSWORD });
    seen.until_too_many(&mut member, "PUT /api/v1/account/second-step", body).await;
    let body = |_| json!({ "current_password": OTHER_PASSWORD, "new_password": PASSWORD });
    seen.until_too_many(&mut member, "PUT /api/v1/account/password", body).await;

    let app = TestApp::with(|setup| setup.limits.network_failures = 2).await;
    let mut program = app.program();
    let token = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let body = |_| json!({ "token": token, "password": PASSWORD });
    seen.until_too_many(&mut program, "POST /api/v1/sign-up/proof", body).await;
    let body = |_| json!({ "token": token, "new_password": PASSWORD });
    seen.until_too_many(&mut program, "POST /api/v1/reset/complete", body).await;
    let body = |_| json!({ "side": "new", "token": token });
    seen.until_too_many(&mut program, "POST /api/v1/account/email/confirm", body).await;
    let body = |_| json!({ "attempt_id": NOBODY, "code": "123456" });
    seen.until_too_many(&mut program, "POST /api/v1/sign-in/code", body).await;
    let body = |_| json!({ "email": ANA, "loginAttemptId": NOBODY, "2FACode": "123456" });
    seen.until_too_many(&mut program, "POST /verify-2fa", body).await;
}
