//! Paths that take a password.

use serde_json::{Value, json};

use super::{ANA, Speech, assert_too_many, send};
use crate::support::{OTHER_PASSWORD, PASSWORD, TestApp};

/// Every path that takes a password: nobody signed in, then somebody.
pub(super) fn all() -> [(&'static str, &'static str, Speech, Value); 11] {
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
        ("DELETE", "/api/v1/account", Speech::Json, password),
    ]
}

#[tokio::test]
async fn every_path_that_takes_a_password_counts_failures_to_the_account() {
    for (method, path, speech, body) in &all() {
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
