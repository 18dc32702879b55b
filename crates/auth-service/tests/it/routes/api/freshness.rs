//! What is sensitive asks for a proof of at most ten minutes ago.

use std::time::Duration;

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{OTHER_PASSWORD, PASSWORD, TestApp};

fn sensitive() -> [(&'static str, &'static str, Value); 3] {
    [
        ("DELETE", "/api/v1/account", json!({ "password": PASSWORD })),
        ("PUT", "/api/v1/account/second-step", json!({ "enabled": true })),
        ("POST", "/api/v1/account/email", json!({ "email": "new@example.com" })),
    ]
}

#[tokio::test]
async fn a_stale_session_is_403_until_it_is_proved_again() {
    for (method, path, body) in sensitive() {
        let app = TestApp::start().await;
        let mut browser = app.member("ana@example.com").await;
        app.turn(Duration::from_mins(10) + Duration::from_secs(1));
        let answer = browser.json(method, path, &body).await;
        assert_eq!((answer.status.as_u16(), answer.text("title").as_str()), (403, "Prove again who you are"));
        let confirm = json!({ "password": PASSWORD });
        assert_eq!(browser.json("POST", "/api/v1/account/confirm", &confirm).await.status, 200);
        let answer = browser.json(method, path, &body).await;
        assert!(answer.status.is_success(), "{path}: {}", answer.body);
    }
}

#[tokio::test]
async fn the_refusal_says_what_to_do() {
    let app = TestApp::start().await;
    let mut browser = app.member("ana@example.com").await;
    app.turn(Duration::from_hours(1));
    let answer = browser.json("DELETE", "/api/v1/account", &json!({ "password": PASSWORD })).await;
    assert_snapshot!(answer.shown(), @r#"
    403 Forbidden
    content-type: application/problem+json
    {"detail":"It is too long since you proved who you are: do so again, then repeat this.","status":403,"support_id":"[support-id]","title":"Prove again who you are","type":"/docs#problem-not-fresh"}
    "#);
}

#[tokio::test]
async fn a_password_change_shows_the_password_itself_and_proves_nothing_more() {
    let app = TestApp::start().await;
    let mut browser = app.member("ana@example.com").await;
    app.turn(Duration::from_hours(1));
    let body = json!({ "current_password": PASSWORD, "new_password": OTHER_PASSWORD });
    assert_eq!(browser.json("PUT", "/api/v1/account/password", &body).await.status, 200);
    let body = json!({ "enabled": true });
    let answer = browser.json("PUT", "/api/v1/account/second-step", &body).await;
    assert_eq!(answer.status, 403, "nobody has proved anew who they are: {}", answer.body);
}

/// Behind a second step the password alone is no proof.
#[tokio::test]
async fn class_11_a_password_change_does_not_skip_the_second_step() {
    let app = TestApp::start().await;
    app.account("ana@example.com", true).await;
    let mut browser = app.browser();
    let sign_in = json!({ "email": "ana@example.com", "password": PASSWORD });
    let id = browser.json("POST", "/api/v1/sign-in", &sign_in).await.text("attempt_id");
    let code = app.letter("ana@example.com").await.code;
    let step = json!({ "attempt_id": id, "code": code });
    assert_eq!(browser.json("POST", "/api/v1/sign-in/code", &step).await.status, 200);
    app.turn(Duration::from_hours(24));
    let body = json!({ "current_password": PASSWORD, "new_password": OTHER_PASSWORD });
    let answer = browser.json("PUT", "/api/v1/account/password", &body).await;
    assert_eq!((answer.status.as_u16(), answer.text("title").as_str()), (403, "Prove again who you are"));
    assert_eq!(browser.get("/account/password").await.location(), "/account/confirm?next=/account/password");
    let fields = [("current_password", PASSWORD), ("new_password", OTHER_PASSWORD)];
    assert!(browser.post("/account/password", &fields).await.location().starts_with("/account/confirm"));
    assert_eq!(
        app.program().json("POST", "/api/v1/sign-in", &sign_in).await.status,
        202,
        "the password is the same"
    );
}
