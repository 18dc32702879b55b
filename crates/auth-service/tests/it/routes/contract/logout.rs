//! `POST /logout`

use std::time::Duration;

use insta::assert_snapshot;
use serde_json::json;

use crate::support::{Browser, PASSWORD, TestApp};

const ANA: &str = "ana@example.com";
const SESSION: &str = "__Host-keyward-session";

async fn signed_in(app: &TestApp) -> Browser {
    app.account(ANA, false).await;
    let mut program = app.program();
    let login = json!({ "email": ANA, "password": PASSWORD });
    assert_eq!(program.json("POST", "/login", &login).await.status, 200);
    program
}

#[tokio::test]
async fn a_live_cookie_is_200_and_cleared() {
    let app = TestApp::start().await;
    let mut program = signed_in(&app).await;
    let answer = program.raw("POST", "/logout", "", "").await;
    assert_snapshot!(answer.shown(), @r#"
    200 OK
    content-type: application/json
    set-cookie: __Host-keyward-session=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0
    set-cookie: jwt=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0
    {"message":"Logout successful"}
    "#);
    assert!(!program.is_signed_in().await);
}

#[tokio::test]
async fn no_cookie_is_400() {
    let app = TestApp::start().await;
    assert_snapshot!(app.program().raw("POST", "/logout", "", "").await.shown(), @r#"
    400 Bad Request
    content-type: application/json
    set-cookie: __Host-keyward-session=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0
    set-cookie: jwt=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0
    {"error":"Missing auth token"}
    "#);
}

#[tokio::test]
async fn a_forged_used_or_expired_cookie_is_401() {
    let app = TestApp::start().await;
    let program = signed_in(&app).await;
    let mut forger = app.program();
    for forged in ["x", "eyJhbGciOiJub25lIn0.e30.", &format!("{}x", program.jar["jwt"])] {
        forger.jar.insert("jwt".to_owned(), forged.to_owned());
        assert_eq!(forger.raw("POST", "/logout", "", "").await.status, 401, "{forged}");
    }
    forger.jar.insert("jwt".to_owned(), "x".to_owned());
    assert_snapshot!(forger.raw("POST", "/logout", "", "").await.shown(), @r#"
    401 Unauthorized
    content-type: application/json
    set-cookie: __Host-keyward-session=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0
    set-cookie: jwt=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0
    {"error":"Invalid auth token"}
    "#);

    let mut late = program.clone();
    app.turn(Duration::from_mins(10));
    late.jar.remove(SESSION);
    assert_eq!(late.raw("POST", "/logout", "", "").await.status, 401, "expired");
    assert!(program.clone().is_signed_in().await, "an expired token by itself ends nothing");

    let mut renewed = program.clone();
    renewed.get("/sign-in").await;
    let mut copy = renewed.clone();
    assert_eq!(renewed.raw("POST", "/logout", "", "").await.status, 200, "renewed");
    assert_eq!(copy.raw("POST", "/logout", "", "").await.status, 401, "used");
}

/// Ten minutes after signing in the token is gone, and signing out was once refused while the session lived on.
#[tokio::test]
async fn a_session_is_signed_out_of_whatever_became_of_its_token() {
    for jwt in [None, Some("x"), Some("")] {
        let app = TestApp::start().await;
        let mut program = signed_in(&app).await;
        app.turn(Duration::from_mins(11));
        match jwt {
            None => program.jar.remove("jwt"),
            Some(jwt) => program.jar.insert("jwt".to_owned(), jwt.to_owned()),
        };
        let mut copy = program.clone();
        let answer = program.raw("POST", "/logout", "", "").await;
        assert_eq!((answer.status.as_u16(), answer.text("message").as_str()), (200, "Logout successful"));
        assert_eq!(answer.cookies().len(), 2, "{jwt:?}: {:?}", answer.cookies());
        assert!(!copy.is_signed_in().await, "{jwt:?}: ended, not only forgotten");
    }
}

/// A token of another session than the cookie's: whoever signs out is signed out of both.
#[tokio::test]
async fn the_session_of_the_cookie_and_that_of_the_token_both_end() {
    let app = TestApp::start().await;
    let mut program = signed_in(&app).await;
    let mut other = app.signed_in(ANA).await;
    program.jar.insert("jwt".to_owned(), other.jar["jwt"].clone());
    let mut copy = program.clone();
    assert_eq!(program.raw("POST", "/logout", "", "").await.status, 200);
    assert!(!copy.is_signed_in().await && !other.is_signed_in().await);
}

#[tokio::test]
async fn two_cookies_of_that_name_are_none() {
    let app = TestApp::start().await;
    let mut program = signed_in(&app).await;
    let jwt = program.jar["jwt"].clone();
    let request = axum::http::Request::post("/logout").header("cookie", format!("jwt=x; jwt={jwt}"));
    assert_eq!(program.send(request.body(String::new().into()).unwrap()).await.status, 400);
}
