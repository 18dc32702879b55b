//! The account at a glance, name and language.

use crate::support::TestApp;

const ANA: &str = "ana@example.com";

#[tokio::test]
async fn every_page_of_the_account_renders() {
    let app = TestApp::start().await;
    let mut browser = app.member(ANA).await;
    for path in [
        "/account",
        "/account/profile",
        "/account/email",
        "/account/password",
        "/account/second-step",
        "/account/delete",
        "/account/confirm",
        "/account/sessions",
    ] {
        let answer = browser.get(path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.header("content-type"), "text/html; charset=utf-8", "{path}");
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        assert!(answer.body.contains(ANA) && answer.body.contains("<h1>"), "{path}");
        let head = browser.head(path).await;
        assert_eq!((head.status.as_u16(), head.body.as_str()), (200, ""), "{path}");
    }
}

#[tokio::test]
async fn name_and_language_are_kept() {
    let app = TestApp::start().await;
    let mut browser = app.member(ANA).await;
    let answer = browser.post("/account/profile", &[("name", "Ana Ü"), ("language", "de")]).await;
    assert_eq!(answer.leads(), "/account notice-profile-saved");
    let page = browser.get(answer.location()).await;
    assert!(page.body.contains("<html lang=\"de\"") && page.body.contains("Ana Ü"));
    assert!(page.body.contains("role=\"status\""));
    let answer = browser.post("/account/profile", &[("name", ""), ("language", "")]).await;
    assert!(browser.get(answer.location()).await.body.contains("<html lang=\"en\""));
}

#[tokio::test]
async fn a_name_or_language_that_will_not_do_is_said() {
    let app = TestApp::start().await;
    let mut browser = app.member(ANA).await;
    let long = "ä".repeat(101);
    for (name, language) in
        [(&*long, "de"), ("a\u{0}b", ""), ("a\nb", ""), ("\u{202e}abc", ""), ("Ana", "tlh")]
    {
        let answer = browser.post("/account/profile", &[("name", name), ("language", language)]).await;
        assert_eq!(answer.status, 422, "{name:?} {language}");
        assert!(answer.body.contains("role=\"alert\""));
    }
    let answer = browser.post("/account/profile", &[("name", &long)]).await;
    assert!(answer.body.contains(&format!("value=\"{long}\"")), "what was typed is kept");
    assert!(!browser.get("/account").await.body.contains("ää"), "and not saved");
}
