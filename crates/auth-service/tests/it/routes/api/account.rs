//! The account.

use insta::assert_snapshot;
use serde_json::json;

use crate::support::{OTHER_PASSWORD, PASSWORD, SHORT_PASSWORD, TestApp};

const ANA: &str = "ana@example.com";

#[tokio::test]
async fn show_and_change_the_profile() {
    let app = TestApp::start().await;
    let mut browser = app.member(ANA).await;
    assert_snapshot!(browser.get("/api/v1/account").await.shown(), @r#"
    200 OK
    content-type: application/json
    {"created_at":"2030-03-17T17:46:40Z","email":"ana@example.com","email_proved":true,"id":"[id]","locale":null,"name":"","second_step":false}
    "#);
    let profile = json!({ "name": "Ana", "locale": "de" });
    assert_snapshot!(browser.json("PATCH", "/api/v1/account", &profile).await.shown(), @r#"
    200 OK
    content-type: application/json
    {"message":"Changed."}
    "#);
    let account = browser.get("/api/v1/account").await.json();
    assert_eq!((&account["name"], &account["locale"]), (&json!("Ana"), &json!("de")));
    let unknown = json!({ "name": "Ana", "locale": "tlh" });
    assert_snapshot!(browser.json("PATCH", "/api/v1/account", &unknown).await.shown(), @r#"
    422 Unprocessable Entity
    content-type: application/problem+json
    {"detail":"The languages are en and de.","errors":[{"code":"unknown","detail":"the languages are en and de","pointer":"/locale"}],"status":422,"support_id":"[support-id]","title":"Some fields are not right","type":"/docs#problem-invalid"}
    "#);
}

#[tokio::test]
async fn change_the_password() {
    let app = TestApp::start().await;
    let mut browser = app.member(ANA).await;
    let (mut other, mut old) = (app.signed_in(ANA).await, browser.clone());
    let path = "/api/v1/account/password";
    let wrong = json!({ "current_password": OTHER_PASSWORD, "new_password": OTHER_PASSWORD });
    assert_snapshot!(browser.json("PUT", path, &wrong).await.shown(), @r#"
    401 Unauthorized
    content-type: application/problem+json
    {"detail":"This is not your password.","status":401,"support_id":"[support-id]","title":"Not right","type":"/docs#problem-incorrect"}
    "#);
    let weak = json!({ "current_password": PASSWORD, "new_password": SHORT_PASSWORD });
    assert_snapshot!(browser.json("PUT", path, &weak).await.shown(), @r#"
    422 Unprocessable Entity
    content-type: application/problem+json
    {"detail":"The password is too short: at least 15 characters.","errors":[{"code":"weak","detail":"the password is too short: at least 15 characters","pointer":"/new_password"}],"status":422,"support_id":"[support-id]","title":"Some fields are not right","type":"/docs#problem-invalid"}
    "#);
    let right = json!({ "current_password": PASSWORD, "new_password": OTHER_PASSWORD });
    assert_snapshot!(browser.json("PUT", path, &right).await.shown(), @r#"
    200 OK
    content-type: application/json
    set-cookie: __Host-keyward-session=[token]; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=2592000
    set-cookie: jwt=[jwt]; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=600
    {"message":"Changed."}
    "#);
    assert!(browser.is_signed_in().await);
    assert!(!other.is_signed_in().await, "every other session has ended");
    assert!(!old.is_signed_in().await, "this one has a new id");
    assert_eq!(app.letter(ANA).await.kind, "password changed");
}

#[tokio::test]
async fn switch_the_second_step() {
    let app = TestApp::start().await;
    let mut browser = app.member(ANA).await;
    let path = "/api/v1/account/second-step";
    assert_snapshot!(browser.json("PUT", path, &json!({ "enabled": true })).await.shown(), @r#"
    200 OK
    content-type: application/json
    set-cookie: __Host-keyward-session=[token]; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=2592000
    set-cookie: jwt=[jwt]; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=600
    {"message":"The second step is on."}
    "#);
    assert_eq!(browser.get("/api/v1/account").await.json()["second_step"], true);
    let short = json!({ "current_password": PASSWORD, "new_password": SHORT_PASSWORD });
    assert_eq!(browser.json("PUT", "/api/v1/account/password", &short).await.status, 200);
    assert_snapshot!(browser.json("PUT", path, &json!({ "enabled": false })).await.shown(), @r#"
    422 Unprocessable Entity
    content-type: application/problem+json
    {"detail":"Send the present password to switch it off.","errors":[{"code":"required","detail":"send the present password to switch it off","pointer":"/password"}],"status":422,"support_id":"[support-id]","title":"Some fields are not right","type":"/docs#problem-invalid"}
    "#);
    let wrong = json!({ "enabled": false, "password": PASSWORD });
    assert_eq!(browser.json("PUT", path, &wrong).await.status, 401);
    let alone = json!({ "enabled": false, "password": SHORT_PASSWORD });
    assert_snapshot!(browser.json("PUT", path, &alone).await.shown(), @r#"
    422 Unprocessable Entity
    content-type: application/problem+json
    {"detail":"The password is too short: at least 15 characters.","errors":[{"code":"weak","detail":"the password is too short: at least 15 characters","pointer":"/new_password"}],"status":422,"support_id":"[support-id]","title":"Some fields are not right","type":"/docs#problem-invalid"}
    "#);
    let longer = json!({ "enabled": false, "password": SHORT_PASSWORD, "new_password": OTHER_PASSWORD });
    assert_snapshot!(browser.json("PUT", path, &longer).await.shown(), @r#"
    200 OK
    content-type: application/json
    set-cookie: __Host-keyward-session=[token]; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=2592000
    set-cookie: jwt=[jwt]; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=600
    {"message":"The second step is off."}
    "#);
    assert_eq!(browser.get("/api/v1/account").await.json()["second_step"], false);
}

#[tokio::test]
async fn delete_the_account() {
    let app = TestApp::start().await;
    let mut browser = app.member(ANA).await;
    let mut other = app.signed_in(ANA).await;
    let wrong = json!({ "password": OTHER_PASSWORD });
    assert_eq!(browser.json("DELETE", "/api/v1/account", &wrong).await.status, 401);
    let right = json!({ "password": PASSWORD });
    assert_snapshot!(browser.json("DELETE", "/api/v1/account", &right).await.shown(), @r#"
    200 OK
    content-type: application/json
    set-cookie: __Host-keyward-session=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0
    set-cookie: jwt=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0
    {"message":"Deleted."}
    "#);
    assert!(!browser.is_signed_in().await && !other.is_signed_in().await);
    assert_eq!(app.letter(ANA).await.kind, "deleted");
    let login = json!({ "email": ANA, "password": PASSWORD });
    assert_eq!(app.program().json("POST", "/api/v1/sign-in", &login).await.status, 401);
    app.account(ANA, false).await;
}

#[tokio::test]
async fn what_is_left_out_of_a_change_stays() {
    let app = TestApp::start().await;
    let mut browser = app.member(ANA).await;
    let path = "/api/v1/account";
    for (body, name, locale) in [
        (json!({ "name": "Ana", "locale": "de" }), "Ana", json!("de")),
        (json!({ "name": "Ana Maria" }), "Ana Maria", json!("de")),
        (json!({ "locale": "en" }), "Ana Maria", json!("en")),
        (json!({}), "Ana Maria", json!("en")),
        (json!({ "locale": null }), "Ana Maria", json!(null)),
    ] {
        assert_eq!(browser.json("PATCH", path, &body).await.status, 200, "{body}");
        let account = browser.get(path).await.json();
        assert_eq!((&account["name"], &account["locale"]), (&json!(name), &locale), "{body}");
    }
    let answer = browser.json("PATCH", path, &json!({})).await;
    assert_eq!(answer.text("message"), "Nothing to change was given.");
}
