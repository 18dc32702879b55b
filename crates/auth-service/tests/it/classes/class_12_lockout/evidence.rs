//! Paths that take a code, or the secret of a link.

use serde_json::{Value, json};

use super::{ANA, Speech, assert_too_many, send};
use crate::support::{OTHER_PASSWORD, PASSWORD, TestApp};

const ID: &str = "0190163d-8694-739b-aea5-966c26f8ad91";

/// A code that is not `code`.
fn another(code: &str) -> String {
    format!("{:06}", (code.parse::<u32>().unwrap() + 1) % 1_000_000)
}

/// Every path that takes a code or the secret of a link. Nobody's: a failure counts against the network.
pub(super) fn all() -> Vec<(&'static str, &'static str, Speech, Value)> {
    let code = json!({ "id": ID, "code": "123456", "new_password": OTHER_PASSWORD });
    let token = json!({ "token": "x", "password": PASSWORD, "new_password": OTHER_PASSWORD, "side": "old" });
    vec![
        ("POST", "/verify", Speech::Form, code.clone()),
        ("POST", "/verify", Speech::Form, token.clone()),
        ("POST", "/reset/code", Speech::Form, code),
        ("POST", "/reset/new", Speech::Form, token.clone()),
        ("POST", "/account/email/confirm", Speech::Form, token),
        ("POST", "/sign-in/code", Speech::Form, json!({ "id": ID, "code": "123456" })),
        ("POST", "/api/v1/sign-in/code", Speech::Json, json!({ "attempt_id": ID, "code": "123456" })),
        (
            "POST",
            "/verify-2fa",
            Speech::Json,
            json!({ "loginAttemptId": ID, "2FACode": "123456", "email": "ana@example.com" }),
        ),
        ("POST", "/api/v1/account/email/confirm", Speech::Json, json!({ "token": "x", "side": "old" })),
        ("POST", "/api/v1/sign-up/proof", Speech::Json, json!({ "proof_id": ID, "code": "123456" })),
        ("POST", "/api/v1/sign-up/proof", Speech::Json, json!({ "token": "x" })),
        (
            "POST",
            "/api/v1/reset/complete",
            Speech::Json,
            json!({ "reset_id": ID, "code": "123456", "new_password": OTHER_PASSWORD }),
        ),
        (
            "POST",
            "/api/v1/reset/complete",
            Speech::Json,
            json!({ "token": "x", "new_password": OTHER_PASSWORD }),
        ),
    ]
}

#[tokio::test]
async fn every_path_that_takes_a_code_or_a_link_counts_failures_of_the_network() {
    for (method, path, speech, body) in all() {
        let app = TestApp::with(|setup| setup.limits.network_failures = 3).await;
        let mut browser = app.browser();
        for _ in 0..3 {
            let answer = send(&mut browser, method, path, speech, &body).await;
            let refused = if path == "/verify-2fa" { 401 } else { 410 };
            assert_eq!(answer.status, refused, "{path}: {}", answer.body);
        }
        assert_too_many(&send(&mut browser, method, path, speech, &body).await, path, 15 * 60);
    }
    for path in ["/verify?token=x", "/reset/new?token=x", "/account/email/confirm?side=old&token=x"] {
        let app = TestApp::with(|setup| setup.limits.network_failures = 3).await;
        for _ in 0..3 {
            assert_eq!(app.browser().get(path).await.status, 410, "{path}");
        }
        assert_too_many(&app.browser().get(path).await, path, 15 * 60);
    }
}

/// The second step and both codes of a change of address: five tries, then nothing but a new code.
#[tokio::test]
async fn a_code_is_guessed_at_five_times() {
    let app = TestApp::start().await;
    app.account(ANA, true).await;
    for (path, speech, id_name) in
        [("/sign-in/code", Speech::Form, "id"), ("/api/v1/sign-in/code", Speech::Json, "attempt_id")]
    {
        let login = json!({ "email": ANA, "password": PASSWORD });
        let id = app.program().json("POST", "/api/v1/sign-in", &login).await.text("attempt_id");
        let code = app.letter(ANA).await.code;
        let wrong = another(&code);
        let mut browser = app.browser();
        for number in 1..=5 {
            let body = json!({ id_name: id, "code": wrong });
            let status = send(&mut browser, "POST", path, speech, &body).await.status.as_u16();
            assert!(status == 401 || number == 5 && status == 410, "{path} {number} {status}");
        }
        let right = json!({ id_name: id, "code": code });
        assert_eq!(send(&mut browser, "POST", path, speech, &right).await.status, 410, "{path}");
    }
}

#[tokio::test]
async fn so_is_each_code_of_a_change_of_address() {
    for (path, speech) in
        [("/account/email/confirm", Speech::Form), ("/api/v1/account/email/confirm", Speech::Json)]
    {
        let app = TestApp::start().await;
        let mut browser = app.member(ANA).await;
        let change = json!({ "email": "new@example.com" });
        assert_eq!(browser.json("POST", "/api/v1/account/email", &change).await.status, 202);
        let code = app.letter("new@example.com").await.code;
        for (code, count) in [(another(&code), 5), (code, 1)] {
            for _ in 0..count {
                let body = json!({ "side": "new", "code": code });
                let status = send(&mut browser, "POST", path, speech, &body).await.status.as_u16();
                assert!(status == 410 || status == 401 && count == 5, "{path} {status}");
            }
        }
    }
}

#[tokio::test]
async fn every_second_step_counts_guesses_over_all_attempts() {
    for (path, speech, id_name) in [
        ("/sign-in/code", Speech::Form, "id"),
        ("/api/v1/sign-in/code", Speech::Json, "attempt_id"),
        ("/verify-2fa", Speech::Json, "loginAttemptId"),
    ] {
        let app = TestApp::with(|setup| setup.limits.second_step_guesses = 2).await;
        app.account(ANA, true).await;
        for number in 0..3 {
            let login = json!({ "email": ANA, "password": PASSWORD });
            let id = app.program().json("POST", "/api/v1/sign-in", &login).await.text("attempt_id");
            let wrong = another(&app.letter(ANA).await.code);
            let mut body = json!({ id_name: id, "code": wrong });
            if path == "/verify-2fa" {
                body = json!({ id_name: id, "2FACode": wrong, "email": ANA });
            }
            let answer = send(&mut app.browser(), "POST", path, speech, &body).await;
            match number {
                2 => assert_too_many(&answer, path, 3_600),
                _ => assert_eq!(answer.status, 401, "{path}"),
            }
        }
    }
}
