//! `POST /verify-token`

use std::time::Duration;

use insta::assert_snapshot;
use serde_json::json;

use crate::support::{Answer, OTHER_PASSWORD, PASSWORD, TestApp};

const ANA: &str = "ana@example.com";

async fn check(app: &TestApp, token: &str) -> Answer {
    app.program().json("POST", "/verify-token", &json!({ "token": token })).await
}

#[tokio::test]
async fn a_live_token_is_200() {
    let app = TestApp::start().await;
    let browser = app.member(ANA).await;
    assert_snapshot!(check(&app, &browser.jar["jwt"]).await.shown(), @r#"
    200 OK
    content-type: application/json
    {"active":true,"amr":["pwd"],"auth_time":1900000000,"exp":1900000600,"sid":"[id]","sub":"[id]"}
    "#);
}

#[tokio::test]
async fn a_forged_token_is_401() {
    let app = TestApp::start().await;
    let browser = app.member(ANA).await;
    let jwt = &browser.jar["jwt"];
    let foreign = TestApp::start().await.member(ANA).await.jar["jwt"].clone();
    let (head, rest) = jwt.split_once('.').unwrap();
    let (claims, _) = rest.split_once('.').unwrap();
    let session = &browser.jar["__Host-keyward-session"];
    for forged in [
        "",
        "x",
        "..",
        session,
        &foreign,
        &format!("{head}.{claims}."),
        &format!("{head}.{claims}"),
        &jwt[1..],
    ] {
        assert_eq!(check(&app, forged).await.status, 401, "{forged}");
    }
    assert_snapshot!(check(&app, "x").await.shown(), @r#"
    401 Unauthorized
    content-type: application/json
    {"error":"Invalid auth token"}
    "#);
}

#[tokio::test]
async fn an_expired_token_is_401_to_the_second() {
    let app = TestApp::start().await;
    let jwt = app.member(ANA).await.jar["jwt"].clone();
    app.turn(Duration::from_secs(599));
    assert_eq!(check(&app, &jwt).await.status, 200);
    app.turn(Duration::from_secs(1));
    assert_eq!(check(&app, &jwt).await.status, 401);
}

/// Whatever ends a session ends its tokens at once, though the check has just been remembered.
#[tokio::test]
async fn a_revoked_token_is_401_at_once() {
    let passwords = [("current_password", PASSWORD), ("new_password", OTHER_PASSWORD)];
    for (path, fields) in [
        ("/sign-out", &[][..]),
        ("/account/password", &passwords),
        ("/account/delete", &[("password", PASSWORD), ("confirm", "yes")]),
    ] {
        let app = TestApp::start().await;
        let mut browser = app.member(ANA).await;
        let jwt = browser.jar["jwt"].clone();
        assert_eq!(check(&app, &jwt).await.status, 200);
        assert_eq!(browser.post(path, fields).await.status, 303, "{path}");
        assert_eq!(check(&app, &jwt).await.status, 401, "{path}");
    }
}
