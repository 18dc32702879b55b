//! The language: what the person chose, then what the browser asks for.

use axum::body::Body;
use axum::http::Request;
use insta::assert_snapshot;

use crate::support::TestApp;

const ANA: &str = "ana@example.com";

#[tokio::test]
async fn the_browser_asks_and_the_person_decides() {
    let app = TestApp::start().await;
    let mut browser = app.browser();
    for (accept, language) in [("de-AT,de;q=0.9", "de"), ("fr", "en"), ("en;q=0.5,de", "de"), ("", "en")] {
        let request = Request::get("/").header("accept-language", accept).body(Body::empty()).unwrap();
        let page = browser.send(request).await;
        assert!(page.body.contains(&format!("<html lang=\"{language}\"")), "{accept}");
    }
    let answer = browser.post("/language", &[("language", "de"), ("next", "/sign-in")]).await;
    assert_snapshot!(answer.shown(), @"
    303 See Other
    location: /sign-in
    set-cookie: __Host-keyward-language=de; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=34560000
    ");
    let request = Request::get("/sign-in").header("accept-language", "en").body(Body::empty()).unwrap();
    assert!(browser.send(request).await.body.contains("<html lang=\"de\""));
}

#[tokio::test]
async fn an_unknown_language_changes_nothing() {
    let app = TestApp::start().await;
    let mut browser = app.browser();
    let answer = browser.post("/language", &[("language", "tlh"), ("next", "/reset")]).await;
    assert_eq!((answer.location(), answer.cookies().len()), ("/reset", 1), "{:?}", answer.cookies());
    assert_eq!(browser.post("/language", &[]).await.location(), "/");
}

/// Of a mailed link, too: it led to the front page, and whoever had chosen their language had to find the mail again.
#[tokio::test]
async fn the_switch_keeps_the_page() {
    let app = TestApp::start().await;
    let mut browser = app.browser();
    browser.get("/sign-up").await;
    let fields = [("email", ANA), ("password", crate::support::PASSWORD)];
    let next = browser.post("/sign-up", &fields).await.location().to_owned();
    assert_eq!(browser.get(&next).await.hidden("next"), next);
    let letter = app.letter(ANA).await;
    let mut elsewhere = app.browser();
    for browser in [&mut browser, &mut elsewhere] {
        let next = browser.get(&letter.path()).await.hidden("next");
        assert_eq!(next, letter.path());
        let back = browser.post("/language", &[("language", "de"), ("next", &next)]).await;
        let page = browser.get(back.location()).await;
        assert_eq!((page.status.as_u16(), page.language()), (200, "de"));
    }
}

/// In a browser that asks for English and has no cookie of the switch.
#[tokio::test]
async fn every_page_speaks_the_language_that_its_owner_chose() {
    let app = TestApp::start().await;
    let mut browser = app.member(ANA).await;
    browser.post("/account/profile", &[("name", "Ana"), ("language", "de")]).await;
    for path in ["/", "/docs", "/sign-out", "/sign-up", "/reset", "/account/password"] {
        let page = browser.get(path).await;
        assert_eq!((page.status.as_u16(), page.language()), (200, "de"), "{path}");
    }
    // Error pages: from a handler, from the router, from a check before both; and a form with a mistake in it.
    let foreign = Request::post("/sign-out").header("origin", "https://evil.example").body(Body::empty());
    for (page, status) in [
        (browser.get("/verify?token=x").await, 410),
        (browser.get("/nothing").await, 404),
        (browser.get("/language").await, 405),
        (browser.get("/authorize?client_id=nobody").await, 400),
        (browser.send(foreign.unwrap()).await, 403),
        (browser.post("/reset", &[("email", "nobody")]).await, 422),
    ] {
        assert_eq!((page.status.as_u16(), page.language()), (status, "de"), "{}", page.body);
    }
    assert_eq!(browser.post("/sign-out", &[]).await.location(), "/signed-out");
    assert_eq!(browser.get("/signed-out").await.language(), "en", "nobody is signed in any more");
}

/// The switch set a cookie only, to which the account's language was preferred: on these pages it did nothing.
#[tokio::test]
async fn the_switch_works_for_somebody_signed_in() {
    let app = TestApp::start().await;
    let mut browser = app.member(ANA).await;
    browser.post("/account/profile", &[("name", "Ana Ü"), ("language", "de")]).await;
    let answer = browser.post("/language", &[("language", "en"), ("next", "/account")]).await;
    assert_eq!((answer.status.as_u16(), answer.location()), (303, "/account"));
    let page = browser.get("/account").await;
    assert_eq!(page.language(), "en");
    assert!(page.body.contains("Ana Ü"), "the name stays");
    let mut elsewhere = app.signed_in(ANA).await;
    assert_eq!(
        elsewhere.get("/account").await.language(),
        "en",
        "the account remembers it, not this browser alone"
    );
    elsewhere.post("/language", &[("language", "de")]).await;
    assert_eq!(
        browser.get("/sign-out").await.language(),
        "de",
        "the last choice counts, wherever it was made"
    );
    browser.post("/language", &[("language", "tlh")]).await;
    assert_eq!(browser.get("/account").await.language(), "de", "an unknown language changes nothing");
}

/// Whoever has a session's cookie that has ended, or any other text in it, is answered as the browser asks.
#[tokio::test]
async fn a_session_that_has_ended_chooses_no_language() {
    let app = TestApp::start().await;
    let mut browser = app.member(ANA).await;
    browser.post("/account/profile", &[("name", ""), ("language", "de")]).await;
    let mut left = browser.clone();
    browser.post("/sign-out", &[]).await;
    assert_eq!(left.get("/reset").await.language(), "en");
    assert_eq!(left.post("/language", &[("language", "de"), ("next", "/reset")]).await.location(), "/reset");
    assert_eq!(left.get("/reset").await.language(), "de");
    assert_eq!(app.signed_in(ANA).await.get("/account").await.language(), "de");
}
