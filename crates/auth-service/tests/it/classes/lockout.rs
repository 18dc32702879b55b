//! Class 12: one path without the lock-out. Every path that takes a password or a code is tried until it refuses; a path
//! that is not in the list does not take one.

use serde_json::{Value, json};

use crate::classes::inventory::every;
use crate::support::{Answer, Browser, OTHER_PASSWORD, PASSWORD, TestApp};

const ANA: &str = "ana@example.com";
const ID: &str = "0190163d-8694-739b-aea5-966c26f8ad91";

/// How the body is sent.
#[derive(Clone, Copy)]
enum Speech {
    Form,
    Json,
}

async fn send(browser: &mut Browser, method: &str, path: &str, speech: Speech, body: &Value) -> Answer {
    match speech {
        Speech::Json => browser.json(method, path, body).await,
        Speech::Form => {
            let fields: Vec<_> = body
                .as_object()
                .unwrap()
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
                .collect();
            browser.post(path, &fields).await
        }
    }
}

fn assert_too_many(answer: &Answer, path: &str, longest: u64) {
    assert_eq!(answer.status, 429, "{path}: {}", answer.body);
    let wait: u64 = answer.header("retry-after").parse().unwrap_or_else(|_| panic!("{path}: no Retry-After"));
    assert!((1..=longest).contains(&wait), "{path}: {wait}");
    assert!(!answer.opens_session());
}

/// Every path that takes a password: nobody signed in, then somebody.
fn passwords() -> [(&'static str, &'static str, Speech, Value); 12] {
    let login = json!({ "email": ANA, "password": OTHER_PASSWORD });
    let password = json!({ "password": OTHER_PASSWORD });
    let change = json!({ "current_password": OTHER_PASSWORD, "new_password": OTHER_PASSWORD });
    [
        ("POST", "/sign-in", Speech::Form, login.clone()),
        ("POST", "/login", Speech::Json, login.clone()),
        ("POST", "/api/v1/sign-in", Speech::Json, login),
        ("POST", "/account/confirm", Speech::Form, password.clone()),
        ("POST", "/api/v1/account/confirm", Speech::Json, password.clone()),
        ("POST", "/account/password", Speech::Form, change.clone()),
        ("PUT", "/api/v1/account/password", Speech::Json, change),
        (
            "POST",
            "/account/second-step",
            Speech::Form,
            json!({ "second_step": "off", "current_password": OTHER_PASSWORD }),
        ),
        (
            "PUT",
            "/api/v1/account/second-step",
            Speech::Json,
            json!({ "enabled": false, "password": OTHER_PASSWORD }),
        ),
        ("POST", "/account/delete", Speech::Form, json!({ "password": OTHER_PASSWORD, "confirm": "yes" })),
        ("DELETE", "/api/v1/account", Speech::Json, password.clone()),
        ("POST", "/verify", Speech::Form, json!({})),
    ]
}

#[tokio::test]
async fn every_path_that_takes_a_password_counts_failures_to_the_account() {
    for (method, path, speech, body) in &passwords()[..11] {
        let app = TestApp::with(|setup| setup.limits.account_failures = 3).await;
        let mut browser = app.member(ANA).await;
        for _ in 0..3 {
            let answer = send(&mut browser, method, path, *speech, body).await;
            assert_eq!(answer.status, 401, "{path}: {}", answer.body);
        }
        assert_too_many(&send(&mut browser, method, path, *speech, body).await, path, 60);
        // One budget: what was used up there is used up everywhere.
        let right = json!({ "email": ANA, "password": PASSWORD });
        assert_eq!(browser.json("POST", "/api/v1/sign-in", &right).await.status, 429, "{path}");
    }
}

#[tokio::test]
async fn so_does_the_sign_up_password_at_the_proof() {
    for (path, speech) in [("/verify", Speech::Form), ("/api/v1/sign-up/proof", Speech::Json)] {
        let app = TestApp::with(|setup| setup.limits.account_failures = 3).await;
        let sign_up = json!({ "email": ANA, "password": PASSWORD });
        app.program().json("POST", "/api/v1/sign-up", &sign_up).await;
        let body = json!({ "token": app.letter(ANA).await.token(), "password": OTHER_PASSWORD });
        let mut browser = app.browser();
        for _ in 0..3 {
            assert_eq!(send(&mut browser, "POST", path, speech, &body).await.status, 401, "{path}");
        }
        assert_too_many(&send(&mut browser, "POST", path, speech, &body).await, path, 60);
    }
}

/// Every path that takes a code or the secret of a link. Nobody's: a failure counts against the network.
fn evidence() -> Vec<(&'static str, &'static str, Speech, Value)> {
    let code = json!({ "id": ID, "code": "123456", "new_password": OTHER_PASSWORD });
    let token = json!({ "token": "x", "password": PASSWORD, "new_password": OTHER_PASSWORD, "side": "old" });
    vec![
        ("POST", "/verify", Speech::Form, code.clone()),
        ("POST", "/verify", Speech::Form, token.clone()),
        ("POST", "/reset/code", Speech::Form, code),
        ("POST", "/reset/new", Speech::Form, token.clone()),
        ("POST", "/account/email/confirm", Speech::Form, token),
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
    for (method, path, speech, body) in evidence() {
        let app = TestApp::with(|setup| setup.limits.network_failures = 3).await;
        let mut browser = app.browser();
        for _ in 0..3 {
            let answer = send(&mut browser, method, path, speech, &body).await;
            assert_eq!(answer.status, 410, "{path}: {}", answer.body);
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
        let wrong = format!("{:06}", (code.parse::<u32>().unwrap() + 1) % 1_000_000);
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
            let wrong =
                format!("{:06}", (app.letter(ANA).await.code.parse::<u32>().unwrap() + 1) % 1_000_000);
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

/// Whatever makes a mail go out.
#[tokio::test]
async fn every_path_that_mails_is_bounded() {
    let email = json!({ "email": ANA });
    let sign_up = json!({ "email": ANA, "password": PASSWORD });
    let family = json!({ "email": ANA, "password": PASSWORD, "requires2FA": false });
    for (path, speech, body) in [
        ("/sign-up", Speech::Form, &sign_up),
        ("/api/v1/sign-up", Speech::Json, &sign_up),
        ("/signup", Speech::Json, &family),
        ("/reset", Speech::Form, &email),
        ("/api/v1/reset", Speech::Json, &email),
    ] {
        let app = TestApp::with(|setup| setup.limits.mails = 2).await;
        for _ in 0..2 {
            let status = send(&mut app.browser(), "POST", path, speech, body).await.status;
            assert!(status.is_success() || status == 303, "{path} {status}");
        }
        assert_too_many(&send(&mut app.browser(), "POST", path, speech, body).await, path, 3_600);
    }
}

/// A new path that takes a credential has to come into one of the lists above.
#[tokio::test]
async fn the_lists_are_whole() {
    let document = serde_json::to_value(auth_service::openapi()).unwrap().to_string();
    assert!(document.contains("current_password"));
    let mut takes: Vec<_> = passwords().iter().map(|(method, path, ..)| format!("{method} {path}")).collect();
    takes.extend(evidence().iter().map(|(method, path, ..)| format!("{method} {path}")));
    let others = [
        "POST /sign-in/code",
        "POST /api/v1/sign-in/code",
        "POST /verify-2fa",
        "POST /api/v1/account/email/confirm",
    ];
    takes.extend(others.map(ToOwned::to_owned));
    let harmless = [
        "language",
        "resend",
        "sign-out",
        "logout",
        "sessions",
        "cancel",
        "profile",
        "verify-token",
        "sign-up",
        "signup",
        "/reset",
        "/account/email",
    ];
    for (method, path) in every().into_iter().filter(|(method, _)| method != "GET") {
        let known = takes.contains(&format!("{method} {path}"));
        let harmless = harmless.iter().any(|part| path.contains(part)) || method == "PATCH";
        assert!(known || harmless, "{method} {path} is in no list");
    }
}
