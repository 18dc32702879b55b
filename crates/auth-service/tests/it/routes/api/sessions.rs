//! The sessions.

use insta::assert_snapshot;
use serde_json::json;

use crate::support::{PASSWORD, TestApp};

const ANA: &str = "ana@example.com";
const PATH: &str = "/api/v1/account/sessions";

#[tokio::test]
async fn list_and_end_them() {
    let app = TestApp::start().await;
    let mut browser = app.member(ANA).await;
    let mut second = app.signed_in(ANA).await;
    let mut third = app.signed_in(ANA).await;
    assert_eq!(browser.get(PATH).await.json().as_array().unwrap().len(), 3);
    let path = format!("{PATH}/{}", second.session_id().await);
    assert_snapshot!(browser.raw("DELETE", &path, "", "").await.shown(), @r#"
    200 OK
    content-type: application/json
    {"message":"The session has ended."}
    "#);
    assert!(!second.is_signed_in().await);
    assert_snapshot!(browser.raw("DELETE", &path, "", "").await.shown(), @r#"
    404 Not Found
    content-type: application/problem+json
    {"detail":"There is nothing at this address: check it for a slip.","status":404,"support_id":"[support-id]","title":"Not found","type":"/docs#problem-not-found"}
    "#);
    assert_snapshot!(browser.raw("DELETE", PATH, "", "").await.shown(), @r#"
    200 OK
    content-type: application/json
    {"message":"All other sessions have ended."}
    "#);
    assert!(!third.is_signed_in().await && browser.is_signed_in().await);
    assert_snapshot!(browser.get(PATH).await.shown(), @r#"
    200 OK
    content-type: application/json
    [{"amr":["pwd"],"created_at":"2030-03-17T17:46:40Z","current":true,"device":"Unknown device","expires_at":"2030-04-16T17:46:40Z","id":"[id]","network":"127.0.0.0/24","used_at":"2030-03-17T17:46:40Z"}]
    "#);
    let own = format!("{PATH}/{}", browser.session_id().await);
    assert_snapshot!(browser.raw("DELETE", &own, "", "").await.shown(), @r#"
    200 OK
    content-type: application/json
    set-cookie: __Host-keyward-session=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0
    set-cookie: jwt=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0
    {"message":"The session has ended."}
    "#);
    assert!(!browser.is_signed_in().await);
}

#[tokio::test]
async fn an_id_that_is_none_is_404() {
    let app = TestApp::start().await;
    let mut browser = app.member(ANA).await;
    for id in ["x", "%FF", "%00", "%2e%2e", "0190163d-8694-739b-aea5-966c26f8ad91"] {
        let answer = browser.raw("DELETE", &format!("{PATH}/{id}"), "", "").await;
        let content_type = answer.header("content-type").to_owned();
        let shown = (answer.status.as_u16(), content_type.as_str());
        assert_eq!(shown, (404, "application/problem+json"), "{id} {}", answer.body);
    }
}

#[tokio::test]
async fn prove_again_who_this_is() {
    let app = TestApp::start().await;
    let mut browser = app.member(ANA).await;
    let mut old = browser.clone();
    let answer = browser.json("POST", "/api/v1/account/confirm", &json!({ "password": PASSWORD })).await;
    assert_snapshot!(answer.shown(), @r#"
    200 OK
    content-type: application/json
    set-cookie: __Host-keyward-session=[token]; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=2592000
    set-cookie: jwt=[jwt]; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=600
    {"session_id":"[id]","user_id":"[id]"}
    "#);
    assert!(browser.is_signed_in().await);
    assert!(!old.is_signed_in().await, "a new id");
}

/// A program could once get a new token by the sign-in page alone.
#[tokio::test]
async fn the_token_is_renewed_from_a_live_session() {
    let app = TestApp::start().await;
    let mut browser = app.member("ana@example.com").await;
    let before = browser.jar["jwt"].clone();
    app.turn(std::time::Duration::from_mins(9));
    let answer = browser.json("POST", "/api/v1/account/token", &json!({})).await;
    assert_snapshot!(answer.shown(), @r#"
    200 OK
    content-type: application/json
    set-cookie: jwt=[jwt]; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=600
    {"message":"The token is renewed."}
    "#);
    app.turn(std::time::Duration::from_mins(9));
    let renewed = browser.jar["jwt"].clone();
    for (token, status) in [(&before, 401), (&renewed, 200)] {
        let answer = app.program().json("POST", "/verify-token", &json!({ "token": token })).await;
        assert_eq!(answer.status, status);
    }
    browser.json("POST", "/api/v1/sign-out", &json!({})).await;
    browser.jar.insert("jwt".to_owned(), renewed);
    let answer = browser.json("POST", "/api/v1/account/token", &json!({})).await;
    assert_eq!((answer.status.as_u16(), answer.cookies().len()), (401, 0), "a token alone renews none");
}
