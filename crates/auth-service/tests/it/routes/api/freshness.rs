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
async fn a_password_change_shows_the_password_itself_and_needs_no_more() {
    let app = TestApp::start().await;
    let mut browser = app.member("ana@example.com").await;
    app.turn(Duration::from_hours(1));
    let body = json!({ "current_password": PASSWORD, "new_password": OTHER_PASSWORD });
    assert_eq!(browser.json("PUT", "/api/v1/account/password", &body).await.status, 200);
    let body = json!({ "enabled": true });
    let answer = browser.json("PUT", "/api/v1/account/second-step", &body).await;
    assert_eq!(answer.status, 200, "the password was shown a moment ago: {}", answer.body);
}
