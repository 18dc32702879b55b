//! Signing out.

use insta::assert_snapshot;

use crate::support::{APP, TestApp};

const ANA: &str = "ana@example.com";

#[tokio::test]
async fn it_asks_first_and_clears_both_cookies() {
    let app = TestApp::start().await;
    let mut browser = app.member(ANA).await;
    let mut copy = browser.clone();
    assert_eq!(browser.get("/sign-out").await.status, 200);
    assert!(browser.is_signed_in().await, "a link on another site signs nobody out");
    let answer = browser.post("/sign-out", &[]).await;
    assert_snapshot!(answer.shown(), @"
    303 See Other
    location: /signed-out
    set-cookie: __Host-keyward-session=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0
    set-cookie: jwt=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0
    ");
    assert!(!copy.is_signed_in().await, "the session has ended, not only the cookie");
    assert!(browser.get("/signed-out").await.body.contains("You are signed out"));
    assert_eq!(browser.post("/sign-out", &[]).await.location(), "/signed-out", "twice");
}

#[tokio::test]
async fn it_leads_back_to_a_known_app() {
    let app = TestApp::start().await;
    let mut browser = app.member(ANA).await;
    let page = browser.get(&format!("/sign-out?return_to={APP}")).await;
    assert_eq!(page.hidden("return_to"), APP);
    assert!(page.header("content-security-policy").contains("form-action 'self' https://app.example.com;"));
    assert_eq!(browser.post("/sign-out", &[("return_to", APP)]).await.location(), APP);
}

/// Two tabs: what is done in the other one after signing out in this is refused with a way on.
#[tokio::test]
async fn another_tab_is_led_to_sign_in() {
    let app = TestApp::start().await;
    let mut browser = app.member(ANA).await;
    browser.get("/account/profile").await;
    let mut tab = browser.clone();
    browser.post("/sign-out", &[]).await;
    let answer = tab.post("/account/profile", &[("name", "Ana")]).await;
    assert_eq!(answer.location(), "/sign-in?return_to=/account/profile");
}

#[tokio::test]
async fn whoever_is_signed_out_is_told_so_and_not_asked() {
    let app = TestApp::start().await;
    let page = app.browser().get("/sign-out").await;
    assert!(
        page.status == 200
            && page.body.contains("You are signed out")
            && !page.body.contains("<form method=\"post\" action=\"/sign-out\"")
    );
    let mut browser = app.member(ANA).await;
    assert_eq!(
        browser.get("/signed-out").await.location(),
        "/account",
        "who is signed in is not told otherwise"
    );
    let mut lost = browser.clone();
    lost.jar.remove("__Host-keyward-session");
    assert!(
        lost.get("/sign-out").await.body.contains("action=\"/sign-out\""),
        "the token has a session to end"
    );
    app.app.auth.stop().await;
    assert_eq!(browser.get("/sign-out").await.status, 503, "nobody knows");
}

#[tokio::test]
async fn public_pages_know_who_is_signed_in() {
    let app = TestApp::start().await;
    let mut browser = app.member(ANA).await;
    for path in ["/", "/sign-up", "/docs", "/reset"] {
        let page = browser.get(path).await;
        assert!(page.body.contains("href=\"/account\"") && page.body.contains(ANA), "{path}");
        let page = app.browser().get(path).await;
        assert!(!page.body.contains("href=\"/account\"") && !page.body.contains(ANA), "{path}");
    }
}

/// With the token alone apps still took its owner as signed in, after they had pressed "sign out".
#[tokio::test]
async fn it_ends_the_session_of_a_token_that_is_all_there_is() {
    let app = TestApp::start().await;
    let mut whole = app.member(ANA).await;
    let token = serde_json::json!({ "token": whole.jar["jwt"] });
    let mut browser = whole.clone();
    browser.jar.remove("__Host-keyward-session");
    let answer = browser.post("/sign-out", &[]).await;
    assert_eq!((answer.location(), answer.cookies().len()), ("/signed-out", 2));
    assert!(!whole.is_signed_in().await, "the session has ended");
    assert_eq!(app.program().json("POST", "/verify-token", &token).await.status, 401);
    // A token that is worth nothing is no hindrance.
    for jwt in ["x", token["token"].as_str().unwrap()] {
        let mut browser = app.browser();
        browser.jar.insert("jwt".to_owned(), jwt.to_owned());
        assert_eq!(browser.post("/sign-out", &[]).await.location(), "/signed-out");
    }
}
