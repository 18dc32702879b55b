//! Signing up, and proving the address.

use insta::assert_snapshot;
use serde_json::json;

use crate::support::{OTHER_PASSWORD, PASSWORD, TestApp};

const ANA: &str = "ana@example.com";

#[tokio::test]
async fn sign_up_prove_by_code_and_sign_in() {
    let app = TestApp::start().await;
    let mut browser = app.browser();
    browser.get("/").await;
    let body = json!({ "email": ANA, "password": PASSWORD, "name": "Ana", "second_step": false });
    let answer = browser.json("POST", "/api/v1/sign-up", &body).await;
    assert_snapshot!(answer.shown(), @r#"
    201 Created
    content-type: application/json
    {"message":"Check your mail: enter the code, or open the link.","proof_id":"[id]"}
    "#);
    let (id, code) = (answer.text("proof_id"), app.letter(ANA).await.code);
    let proof = json!({ "proof_id": id, "code": code });
    assert_snapshot!(browser.json("POST", "/api/v1/sign-up/proof", &proof).await.shown(), @r#"
    200 OK
    content-type: application/json
    {"message":"The address is proved: sign in."}
    "#);
    assert_snapshot!(browser.json("POST", "/api/v1/sign-up/proof", &proof).await.shown(), @r#"
    410 Gone
    content-type: application/problem+json
    {"detail":"This code or link has been used or has expired: ask for a new one.","status":410,"support_id":"[support-id]","title":"Used or expired","type":"/docs#problem-gone"}
    "#);
    let login = json!({ "email": ANA, "password": PASSWORD });
    assert_eq!(browser.json("POST", "/api/v1/sign-in", &login).await.status, 200);
}

#[tokio::test]
async fn another_browser_needs_the_password_or_sets_a_new_one() {
    let app = TestApp::start().await;
    let body = json!({ "email": ANA, "password": PASSWORD });
    app.program().json("POST", "/api/v1/sign-up", &body).await;
    let token = app.letter(ANA).await.token();
    let mut other = app.browser();
    let answer = other.json("POST", "/api/v1/sign-up/proof", &json!({ "token": token })).await;
    assert_snapshot!(answer.shown(), @r#"
    422 Unprocessable Entity
    content-type: application/problem+json
    {"detail":"This is not the browser that signed up: enter the password you chose there, or set a new one.","errors":[{"code":"required","detail":"this is not the browser that signed up: enter the password you chose there, or set a new one","pointer":"/password"}],"status":422,"support_id":"[support-id]","title":"Some fields are not right","type":"/docs#problem-invalid"}
    "#);
    let wrong = json!({ "token": token, "password": OTHER_PASSWORD });
    assert_snapshot!(other.json("POST", "/api/v1/sign-up/proof", &wrong).await.shown(), @r#"
    401 Unauthorized
    content-type: application/problem+json
    {"detail":"This is not the password chosen at sign-up.","status":401,"support_id":"[support-id]","title":"Not right","type":"/docs#problem-incorrect"}
    "#);
    let weak = json!({ "token": token, "new_password": "short" });
    assert_snapshot!(other.json("POST", "/api/v1/sign-up/proof", &weak).await.shown(), @r#"
    422 Unprocessable Entity
    content-type: application/problem+json
    {"detail":"The password is too short: at least 15 characters.","errors":[{"code":"weak","detail":"the password is too short: at least 15 characters","pointer":"/new_password"}],"status":422,"support_id":"[support-id]","title":"Some fields are not right","type":"/docs#problem-invalid"}
    "#);
    let both = json!({ "token": token, "password": PASSWORD, "new_password": OTHER_PASSWORD });
    assert_eq!(other.json("POST", "/api/v1/sign-up/proof", &both).await.status, 422);
    let own = json!({ "token": token, "new_password": OTHER_PASSWORD });
    assert_eq!(other.json("POST", "/api/v1/sign-up/proof", &own).await.status, 200);
    for (password, status) in [(PASSWORD, 401), (OTHER_PASSWORD, 200)] {
        let login = json!({ "email": ANA, "password": password });
        assert_eq!(app.program().json("POST", "/api/v1/sign-in", &login).await.status, status);
    }
}

#[tokio::test]
async fn a_new_mail_makes_the_one_before_worthless() {
    let app = TestApp::start().await;
    let mut program = app.program();
    let body = json!({ "email": ANA, "password": PASSWORD });
    let id = program.json("POST", "/api/v1/sign-up", &body).await.text("proof_id");
    let first = app.letter(ANA).await;
    let answer = program.json("POST", "/api/v1/sign-up/proof/resend", &json!({ "proof_id": id })).await;
    assert_snapshot!(answer.shown(), @r#"
    200 OK
    content-type: application/json
    {"message":"A new mail is on its way."}
    "#);
    let second = app.letter(ANA).await;
    for (token, status) in [(first.token(), 410), (second.token(), 200)] {
        let proof = json!({ "token": token, "password": PASSWORD });
        assert_eq!(program.json("POST", "/api/v1/sign-up/proof", &proof).await.status, status);
    }
}

#[tokio::test]
async fn evidence_is_an_id_with_a_code_or_a_token() {
    let app = TestApp::start().await;
    let id = "0190163d-8694-739b-aea5-966c26f8ad91";
    let mut said = Vec::new();
    for body in [
        json!({}),
        json!({ "proof_id": id }),
        json!({ "code": "123456" }),
        json!({ "proof_id": id, "code": "123456", "token": "x" }),
        json!({ "proof_id": "x", "code": "123456" }),
    ] {
        let answer = app.program().json("POST", "/api/v1/sign-up/proof", &body).await;
        assert_eq!(answer.status, 422, "{body}");
        said.push(answer.json()["errors"].to_string());
    }
    assert_snapshot!(said.join("\n"), @r#"
    [{"code":"required","detail":"send either `proof_id` and `code`, or `token`","pointer":"/token"}]
    [{"code":"required","detail":"send `code` with `proof_id`","pointer":"/code"}]
    [{"code":"required","detail":"send `proof_id` with `code`","pointer":"/proof_id"}]
    [{"code":"required","detail":"send either `proof_id` and `code`, or `token`","pointer":"/token"}]
    [{"code":"not_as_documented","detail":"UUID parsing failed: invalid character: found `x` at 0","pointer":"/proof_id"}]
    "#);
}
