//! `POST /verify-2fa`

use std::time::Duration;

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{Answer, Browser, PASSWORD, TestApp};

const ANA: &str = "ana@example.com";

fn body(email: &str, attempt: &str, code: &str) -> Value {
    json!({ "email": email, "loginAttemptId": attempt, "2FACode": code })
}

/// Begins to sign in; gives the attempt and the code.
async fn begin(app: &TestApp, email: &str) -> (String, String) {
    let login = json!({ "email": email, "password": PASSWORD });
    let answer = app.program().json("POST", "/login", &login).await;
    (answer.text("loginAttemptId"), app.letter(email).await.code)
}

async fn verify(program: &mut Browser, email: &str, attempt: &str, code: &str) -> Answer {
    program.json("POST", "/verify-2fa", &body(email, attempt, code)).await
}

/// A code that is not `code`.
fn another(code: &str) -> String {
    format!("{:06}", (code.parse::<u32>().unwrap() + 1) % 1_000_000)
}

fn assert_incorrect(answer: &Answer) {
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (401, r#"{"error":"Incorrect credentials"}"#));
    assert!(!answer.opens_session());
}

#[tokio::test]
async fn the_right_code_is_200_and_a_cookie() {
    let app = TestApp::start().await;
    app.account(ANA, true).await;
    let (attempt, code) = begin(&app, ANA).await;
    let answer = verify(&mut app.program(), ANA, &attempt, &code).await;
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
async fn no_address_attempt_or_code_is_400() {
    let app = TestApp::start().await;
    app.account(ANA, true).await;
    let (attempt, code) = begin(&app, ANA).await;
    for (email, attempt, code) in [
        ("", &*attempt, &*code),
        ("ana", &attempt, &code),
        (ANA, "", &code),
        (ANA, "not-an-id", &code),
        (ANA, &attempt, ""),
        (ANA, &attempt, "12345"),
        (ANA, &attempt, "1234567"),
        (ANA, &attempt, "12345a"),
        (ANA, &attempt, "１２３４５６"),
    ] {
        let answer = verify(&mut app.program(), email, attempt, code).await;
        let said = (answer.status.as_u16(), answer.body.as_str());
        assert_eq!(said, (400, r#"{"error":"Invalid credentials"}"#), "{email} {attempt} {code}");
    }
}

#[tokio::test]
async fn wrong_used_foreign_and_expired_codes_are_401() {
    let app = TestApp::start().await;
    app.account(ANA, true).await;
    app.account("bob@example.com", true).await;
    let mut program = app.program();

    let (attempt, code) = begin(&app, ANA).await;
    assert_incorrect(&verify(&mut program, ANA, &attempt, &another(&code)).await);

    let (other, other_code) = begin(&app, "bob@example.com").await;
    assert_incorrect(&verify(&mut program, ANA, &other, &other_code).await);
    assert_incorrect(&verify(&mut program, ANA, &attempt, &other_code).await);

    assert_eq!(verify(&mut program, ANA, &attempt, &code).await.status, 200);
    assert_incorrect(&verify(&mut program, ANA, &attempt, &code).await);

    let (late, late_code) = begin(&app, ANA).await;
    app.turn(Duration::from_mins(10) + Duration::from_secs(1));
    assert_incorrect(&verify(&mut program, ANA, &late, &late_code).await);
}

#[tokio::test]
async fn after_five_tries_the_right_code_is_worthless() {
    let app = TestApp::start().await;
    app.account(ANA, true).await;
    let (attempt, code) = begin(&app, ANA).await;
    for _ in 0..5 {
        assert_incorrect(&verify(&mut app.program(), ANA, &attempt, &another(&code)).await);
    }
    assert_incorrect(&verify(&mut app.program(), ANA, &attempt, &code).await);
}

#[tokio::test]
async fn twenty_guesses_an_hour_over_all_attempts_then_429() {
    let app = TestApp::start().await;
    app.account(ANA, true).await;
    for _ in 0..4 {
        let (attempt, code) = begin(&app, ANA).await;
        for _ in 0..5 {
            assert_incorrect(&verify(&mut app.program(), ANA, &attempt, &another(&code)).await);
        }
    }
    let (attempt, code) = begin(&app, ANA).await;
    let answer = verify(&mut app.program(), ANA, &attempt, &code).await;
    assert_snapshot!(answer.shown(), @r#"
    429 Too Many Requests
    content-type: application/json
    retry-after: 3600
    {"error":"Too many tries"}
    "#);
}
