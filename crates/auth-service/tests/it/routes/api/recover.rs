//! A forgotten password.

use std::time::Duration;

use insta::assert_snapshot;
use serde_json::json;

use crate::support::{OTHER_PASSWORD, PASSWORD, SHORT_PASSWORD, TestApp};

const ANA: &str = "ana@example.com";

#[tokio::test]
async fn reset_by_code_ends_every_session() {
    let app = TestApp::start().await;
    let mut browser = app.member(ANA).await;
    let mut program = app.program();
    let answer = program.json("POST", "/api/v1/reset", &json!({ "email": ANA })).await;
    assert_snapshot!(answer.shown(), @r#"
    202 Accepted
    content-type: application/json
    {"message":"If there is such an account, a mail with a code and a link is on its way.","reset_id":"[id]"}
    "#);
    let (id, code) = (answer.text("reset_id"), app.letter(ANA).await.code);
    let weak = json!({ "reset_id": id, "code": code, "new_password": SHORT_PASSWORD });
    assert_snapshot!(program.json("POST", "/api/v1/reset/complete", &weak).await.shown(), @r#"
    422 Unprocessable Entity
    content-type: application/problem+json
    {"detail":"The password is too short: at least 15 characters.","errors":[{"code":"weak","detail":"the password is too short: at least 15 characters","pointer":"/new_password"}],"status":422,"support_id":"[support-id]","title":"Some fields are not right","type":"/docs#problem-invalid"}
    "#);
    let body = json!({ "reset_id": id, "code": code, "new_password": OTHER_PASSWORD });
    let answer = program.json("POST", "/api/v1/reset/complete", &body).await;
    assert_snapshot!(answer.shown(), @r#"
    200 OK
    content-type: application/json
    {"message":"The password is changed: sign in."}
    "#);
    assert!(!browser.is_signed_in().await);
    assert_eq!(app.letter(ANA).await.kind, "password changed");
    for (password, status) in [(PASSWORD, 401), (OTHER_PASSWORD, 200)] {
        let login = json!({ "email": ANA, "password": password });
        assert_eq!(program.json("POST", "/api/v1/sign-in", &login).await.status, status);
    }
}

#[tokio::test]
async fn a_second_step_stays_on() {
    let app = TestApp::start().await;
    app.account(ANA, true).await;
    let mut program = app.program();
    program.json("POST", "/api/v1/reset", &json!({ "email": ANA })).await;
    let body = json!({ "token": app.letter(ANA).await.token(), "new_password": OTHER_PASSWORD });
    assert_eq!(program.json("POST", "/api/v1/reset/complete", &body).await.status, 200);
    let login = json!({ "email": ANA, "password": OTHER_PASSWORD });
    assert_eq!(program.json("POST", "/api/v1/sign-in", &login).await.status, 202);
}

#[tokio::test]
async fn a_link_is_good_once_and_for_half_an_hour() {
    let app = TestApp::start().await;
    app.account(ANA, false).await;
    let mut program = app.program();
    for wait in [Duration::ZERO, Duration::from_mins(30) + Duration::from_secs(1)] {
        program.json("POST", "/api/v1/reset", &json!({ "email": ANA })).await;
        let body = json!({ "token": app.letter(ANA).await.token(), "new_password": OTHER_PASSWORD });
        app.turn(wait);
        if wait.is_zero() {
            assert_eq!(program.json("POST", "/api/v1/reset/complete", &body).await.status, 200);
            app.letters().await;
        }
        assert_eq!(program.json("POST", "/api/v1/reset/complete", &body).await.status, 410);
    }
}
