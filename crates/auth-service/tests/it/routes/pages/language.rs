//! The language: what the person chose, then what the browser asks for.

use axum::body::Body;
use axum::http::Request;
use insta::assert_snapshot;

use crate::support::TestApp;

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

/// The secret in a mailed link is not copied into the switch's form.
#[tokio::test]
async fn the_switch_keeps_the_page_and_no_secret() {
    let app = TestApp::start().await;
    let mut browser = app.browser();
    browser.get("/sign-up").await;
    let fields = [("email", "ana@example.com"), ("password", crate::support::PASSWORD)];
    let next = browser.post("/sign-up", &fields).await.location().to_owned();
    assert_eq!(browser.get(&next).await.hidden("next"), next);
    let letter = app.letter("ana@example.com").await;
    assert_eq!(browser.get(&letter.path()).await.hidden("next"), "/");
}
