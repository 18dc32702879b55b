//! Fields that are not right: all of them said at once, each with its pointer.

use insta::assert_snapshot;
use serde_json::json;

use crate::support::{PASSWORD, TestApp};

#[tokio::test]
async fn every_wrong_field_is_pointed_to() {
    let app = TestApp::start().await;
    let body = json!({ "email": "ana", "password": "", "name": "a\u{0}b" });
    let answer = app.program().json("POST", "/api/v1/sign-up", &body).await;
    assert_snapshot!(answer.shown(), @r#"
    422 Unprocessable Entity
    content-type: application/problem+json
    {"detail":"This is not an e-mail address: it should look like ana@example.com.","errors":[{"code":"invalid","detail":"this is not an e-mail address: it should look like ana@example.com","pointer":"/email"},{"code":"invalid","detail":"the password is empty","pointer":"/password"},{"code":"invalid","detail":"the name holds a character that cannot be shown: remove line breaks and invisible characters","pointer":"/name"}],"status":422,"support_id":"[support-id]","title":"Some fields are not right","type":"/docs#problem-invalid"}
    "#);
    let answer = app.program().json("POST", "/api/v1/sign-in", &json!({ "email": "", "password": "" })).await;
    assert_snapshot!(answer.json()["errors"].to_string(), @r#"[{"code":"invalid","detail":"the e-mail address is empty: enter one such as ana@example.com","pointer":"/email"},{"code":"invalid","detail":"the password is empty","pointer":"/password"}]"#);
}

#[tokio::test]
async fn unknown_duplicate_missing_and_mistyped_keys_are_422() {
    let app = TestApp::start().await;
    let mut said = Vec::new();
    for body in [
        r#"{"email":"a@example.com","password":"p","role":"admin"}"#,
        r#"{"email":"a@example.com","password":"p","a/b~c":1}"#,
        r#"{"email":"a@example.com","password":"p","password":"q"}"#,
        r#"{"email":"a@example.com"}"#,
        r#"{"email":["a@example.com"],"password":"p"}"#,
        r#"{"email":null,"password":"p"}"#,
        "[]",
        r#"["a@example.com","p"]"#,
    ] {
        let answer = app.program().raw("POST", "/api/v1/sign-in", "application/json", body).await;
        assert_eq!(answer.status, 422, "{body}");
        said.push(answer.json()["errors"][0].to_string());
    }
    assert_snapshot!(said.join("\n"), @r#"
    {"code":"not_as_documented","detail":"unknown field `role`, expected `email` or `password`","pointer":"/role"}
    {"code":"not_as_documented","detail":"unknown field `a/b~c`, expected `email` or `password`","pointer":"/a~1b~0c"}
    {"code":"not_as_documented","detail":"duplicate field `password`","pointer":"/password"}
    {"code":"not_as_documented","detail":"missing field `password`","pointer":"/password"}
    {"code":"not_as_documented","detail":"invalid type: sequence, expected a string","pointer":"/email"}
    {"code":"not_as_documented","detail":"invalid type: null, expected a string","pointer":"/email"}
    {"code":"not_as_documented","detail":"the body must be a JSON object: {…}","pointer":""}
    {"code":"not_as_documented","detail":"the body must be a JSON object: {…}","pointer":""}
    "#);
}

#[tokio::test]
async fn a_refused_sign_up_loses_nothing() {
    let app = TestApp::start().await;
    let mut program = app.program();
    let weak = json!({ "email": "ana@example.com", "password": "fourteen chars" });
    assert_eq!(program.json("POST", "/api/v1/sign-up", &weak).await.status, 422);
    assert!(app.letters().await.is_empty());
    let good = json!({ "email": "ana@example.com", "password": PASSWORD });
    assert_eq!(program.json("POST", "/api/v1/sign-up", &good).await.status, 201);
}

#[tokio::test]
async fn what_is_no_object_is_told_so_and_not_which_type_of_ours_it_is_not() {
    let app = TestApp::start().await;
    for body in ["null", "5", "\"text\"", "true", "[]", " [1] "] {
        for path in ["/api/v1/sign-in", "/login", "/signup", "/verify-token"] {
            let answer = app.program().raw("POST", path, "application/json", body).await;
            assert_eq!(answer.status, 422, "{path} {body}");
            assert!(answer.body.contains("he body must be a JSON object"), "{path} {body}: {}", answer.body);
            assert!(!answer.body.contains("struct") && !answer.body.contains("Body"), "{}", answer.body);
        }
    }
}
