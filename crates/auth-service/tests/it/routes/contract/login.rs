//! `POST /login`

use std::time::Duration;

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{OTHER_PASSWORD, PASSWORD, TestApp};

const ANA: &str = "ana@example.com";

fn body(email: &str, password: &str) -> Value {
    json!({ "email": email, "password": password })
}

#[tokio::test]
async fn the_right_password_is_200_and_a_cookie() {
    let app = TestApp::start().await;
    app.account(ANA, false).await;
    let answer = app.program().json("POST", "/login", &body(ANA, PASSWORD)).await;
    assert_snapshot!(answer.shown(), @r#"
    200 OK
    content-type: application/json
    set-cookie: __Host-keyward-session=[token]; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=2592000
    set-cookie: jwt=[jwt]; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=600
    set-cookie: __Host-keyward-browser=[token]; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=34560000
    {"message":"Login successful"}
    "#);
}

#[tokio::test]
async fn the_second_step_is_206_and_an_attempt() {
    let app = TestApp::start().await;
    app.account(ANA, true).await;
    let answer = app.program().json("POST", "/login", &body(ANA, PASSWORD)).await;
    assert_snapshot!(answer.shown(), @r#"
    206 Partial Content
    content-type: application/json
    {"loginAttemptId":"[id]","message":"2FA required"}
    "#);
    assert!(!answer.opens_session());
    assert_eq!(app.letter(ANA).await.kind, "code");
}

#[tokio::test]
async fn no_address_or_no_password_is_400() {
    let app = TestApp::start().await;
    for (email, password) in [("", PASSWORD), ("ana", PASSWORD), (ANA, ""), (ANA, &*"a".repeat(600))] {
        let answer = app.program().json("POST", "/login", &body(email, password)).await;
        assert_eq!((answer.status.as_u16(), answer.text("error").as_str()), (400, "Invalid credentials"));
    }
}

#[tokio::test]
async fn a_wrong_password_is_401() {
    let app = TestApp::start().await;
    app.account(ANA, false).await;
    let answer = app.program().json("POST", "/login", &body(ANA, OTHER_PASSWORD)).await;
    assert_snapshot!(answer.shown(), @r#"
    401 Unauthorized
    content-type: application/json
    {"error":"Incorrect credentials"}
    "#);
    let unknown = app.program().json("POST", "/login", &body("nobody@example.com", PASSWORD)).await;
    assert_eq!(unknown.shown(), answer.shown());
}

#[tokio::test]
async fn an_unproved_address_is_401_unless_no_proof_is_required() {
    for (require_proof, status) in [(true, 401), (false, 200)] {
        let app = TestApp::with(|setup| setup.accounts.require_proof = require_proof).await;
        let mut program = app.program();
        let sign_up = json!({ "email": ANA, "password": PASSWORD, "requires2FA": false });
        assert_eq!(program.json("POST", "/signup", &sign_up).await.status, 201);
        let answer = program.json("POST", "/login", &body(ANA, PASSWORD)).await;
        assert_eq!((answer.status.as_u16(), answer.opens_session()), (status, !require_proof));
        if require_proof {
            assert_eq!(answer.text("error"), "Incorrect credentials");
        }
    }
}

#[tokio::test]
async fn too_many_failures_are_429_for_a_minute_at_most_and_never_a_lock() {
    let app = TestApp::start().await;
    app.account(ANA, false).await;
    let mut program = app.program();
    for _ in 0..10 {
        assert_eq!(program.json("POST", "/login", &body(ANA, OTHER_PASSWORD)).await.status, 401);
    }
    let answer = program.json("POST", "/login", &body(ANA, PASSWORD)).await;
    assert_snapshot!(answer.shown(), @r#"
    429 Too Many Requests
    content-type: application/json
    retry-after: 60
    {"error":"Too many tries"}
    "#);
    app.turn(Duration::from_secs(answer.header("retry-after").parse().unwrap()));
    assert_eq!(program.json("POST", "/login", &body(ANA, PASSWORD)).await.status, 200);
}

#[tokio::test]
async fn a_stranger_cannot_keep_the_owner_out_of_a_known_browser() {
    let app = TestApp::start().await;
    let mut owner = app.member(ANA).await;
    owner.post("/sign-out", &[]).await;
    for _ in 0..11 {
        app.program().json("POST", "/login", &body(ANA, OTHER_PASSWORD)).await;
    }
    let stranger = app.program().json("POST", "/login", &body(ANA, PASSWORD)).await;
    assert_eq!(stranger.status, 429);
    assert_eq!(owner.json("POST", "/login", &body(ANA, PASSWORD)).await.status, 200);
}

/// Whoever signs in by JSON alone has a browser of their own too.
#[tokio::test]
async fn a_stranger_cannot_keep_out_an_owner_who_never_saw_a_page() {
    let app = TestApp::start().await;
    app.account("ana@example.com", false).await;
    let login = json!({ "email": "ana@example.com", "password": PASSWORD });
    let mut owner = app.program();
    assert_eq!(owner.json("POST", "/login", &login).await.status, 200);
    assert!(owner.jar.contains_key("__Host-keyward-browser"));
    let wrong = json!({ "email": "ana@example.com", "password": "not it at all, really" });
    for _ in 0..12 {
        app.program().json("POST", "/login", &wrong).await;
    }
    assert_eq!(app.program().json("POST", "/login", &login).await.status, 429, "a stranger has to wait");
    assert_eq!(owner.json("POST", "/login", &login).await.status, 200);
}

#[tokio::test]
async fn signing_in_again_takes_the_place_of_the_session_before() {
    let app = TestApp::start().await;
    app.account("ana@example.com", false).await;
    for (path, status) in [("/login", 200), ("/api/v1/sign-in", 200)] {
        let mut browser = app.browser();
        for spelt in ["ana@example.com", "Ana@Example.com", "ANA@example.com"] {
            let login = json!({ "email": spelt, "password": PASSWORD });
            assert_eq!(browser.json("POST", path, &login).await.status, status);
        }
        let sessions = browser.get("/api/v1/account/sessions").await.json();
        assert_eq!(sessions.as_array().unwrap().len(), 1, "{path}: {sessions}");
        assert_eq!(browser.json("POST", "/logout", &json!({})).await.status, 200);
    }
}

#[tokio::test]
async fn an_unproved_address_is_counted_like_a_wrong_password() {
    let app = TestApp::start().await;
    let body = json!({ "email": "ana@example.com", "password": PASSWORD, "requires2FA": false });
    assert_eq!(app.program().json("POST", "/signup", &body).await.status, 201);
    let login = json!({ "email": "ana@example.com", "password": PASSWORD });
    for number in 0..12 {
        let status = app.program().json("POST", "/login", &login).await.status;
        assert_eq!(status, if number < 10 { 401 } else { 429 }, "{number}");
    }
}
