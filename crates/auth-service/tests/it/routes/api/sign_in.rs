//! Signing in and out.

use insta::assert_snapshot;
use serde_json::json;

use crate::support::{OTHER_PASSWORD, PASSWORD, TestApp};

const ANA: &str = "ana@example.com";

#[tokio::test]
async fn sign_in_and_out() {
    let app = TestApp::start().await;
    app.account(ANA, false).await;
    let mut program = app.program();
    let login = json!({ "email": ANA, "password": PASSWORD });
    assert_snapshot!(program.json("POST", "/api/v1/sign-in", &login).await.shown(), @r#"
    200 OK
    content-type: application/json
    set-cookie: __Host-keyward-session=[token]; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=2592000
    set-cookie: jwt=[jwt]; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=600
    set-cookie: __Host-keyward-browser=[token]; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=34560000
    {"session_id":"[id]","user_id":"[id]"}
    "#);
    assert!(program.is_signed_in().await);
    assert_snapshot!(program.raw("POST", "/api/v1/sign-out", "", "").await.shown(), @r#"
    200 OK
    content-type: application/json
    set-cookie: __Host-keyward-session=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0
    set-cookie: jwt=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0
    {"message":"Signed out."}
    "#);
    assert!(!program.is_signed_in().await);
    assert_eq!(program.raw("POST", "/api/v1/sign-out", "", "").await.status, 200, "nothing to end");
}

#[tokio::test]
async fn the_second_step() {
    let app = TestApp::start().await;
    app.account(ANA, true).await;
    let mut program = app.program();
    let login = json!({ "email": ANA, "password": PASSWORD });
    let answer = program.json("POST", "/api/v1/sign-in", &login).await;
    assert_snapshot!(answer.shown(), @r#"
    202 Accepted
    content-type: application/json
    {"attempt_id":"[id]","message":"A code is on its way by mail."}
    "#);
    let id = answer.text("attempt_id");
    let first = app.letter(ANA).await.code;
    let resent = program.json("POST", "/api/v1/sign-in/code/resend", &json!({ "attempt_id": id })).await;
    assert_snapshot!(resent.shown(), @r#"
    200 OK
    content-type: application/json
    {"message":"A new code is on its way."}
    "#);
    let second = app.letter(ANA).await.code;
    if first != second {
        let old = json!({ "attempt_id": id, "code": first });
        assert_snapshot!(program.json("POST", "/api/v1/sign-in/code", &old).await.shown(), @r#"
        401 Unauthorized
        content-type: application/problem+json
        {"detail":"This is not the code: 4 tries left.","status":401,"support_id":"[support-id]","title":"Not the code","type":"/docs#problem-wrong-code"}
        "#);
    }
    let new = json!({ "attempt_id": id, "code": second });
    assert_eq!(program.json("POST", "/api/v1/sign-in/code", &new).await.status, 200);
    assert_snapshot!(program.json("POST", "/api/v1/sign-in/code", &new).await.shown(), @r#"
    410 Gone
    content-type: application/problem+json
    {"detail":"This code or link has been used or has expired: ask for a new one.","status":410,"support_id":"[support-id]","title":"Used or expired","type":"/docs#problem-gone"}
    "#);
    let sessions = program.get("/api/v1/account/sessions").await.json();
    assert_eq!(sessions[0]["amr"], json!(["pwd", "otp", "mfa"]));
}

#[tokio::test]
async fn a_wrong_password_and_an_unproved_address_are_refused() {
    let app = TestApp::start().await;
    let mut program = app.program();
    program.json("POST", "/api/v1/sign-up", &json!({ "email": ANA, "password": PASSWORD })).await;
    app.letters().await;
    let wrong = json!({ "email": ANA, "password": OTHER_PASSWORD });
    let refused = program.json("POST", "/api/v1/sign-in", &wrong).await.shown();
    assert_snapshot!(refused, @r#"
    401 Unauthorized
    content-type: application/problem+json
    {"detail":"The e-mail address or the password is not right, or the address is not confirmed yet: after a sign-up, enter the code from the mail first, or sign up again.","status":401,"support_id":"[support-id]","title":"Not right","type":"/docs#problem-incorrect"}
    "#);
    let right = json!({ "email": ANA, "password": PASSWORD });
    assert_eq!(program.json("POST", "/api/v1/sign-in", &right).await.shown(), refused);
    assert!(app.letters().await.is_empty(), "whoever asks could have mail sent to anybody");
}

/// A change of privilege is a change of id: signing in again leaves no session behind.
#[tokio::test]
async fn signing_in_again_takes_the_place_of_the_session() {
    let app = TestApp::start().await;
    let mut browser = app.member(ANA).await;
    let mut old = browser.clone();
    let login = json!({ "email": ANA, "password": PASSWORD });
    assert_eq!(browser.json("POST", "/api/v1/sign-in", &login).await.status, 200);
    assert!(browser.is_signed_in().await);
    assert!(!old.is_signed_in().await);
}

#[tokio::test]
async fn signing_out_with_the_token_alone_ends_its_session() {
    let app = TestApp::start().await;
    let mut browser = app.member("ana@example.com").await;
    let jwt = browser.jar["jwt"].clone();
    browser.jar.remove("__Host-keyward-session");
    assert_eq!(browser.json("POST", "/api/v1/sign-out", &json!({})).await.status, 200);
    let check = json!({ "token": jwt });
    assert_eq!(
        app.program().json("POST", "/verify-token", &check).await.status,
        401,
        "revoked, not only forgotten"
    );
}
