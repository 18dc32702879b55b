//! Where the account is signed in.

use crate::support::TestApp;

const ANA: &str = "ana@example.com";

#[tokio::test]
async fn end_one_end_the_others_end_this() {
    let app = TestApp::start().await;
    let mut browser = app.member(ANA).await;
    let mut second = app.signed_in(ANA).await;
    let mut third = app.signed_in(ANA).await;
    let page = browser.get("/account/sessions").await;
    assert_eq!(page.body.matches("name=\"id\"").count(), 3);
    assert_eq!(page.body.matches("This device").count(), 1);
    let id = second.session_id().await;
    let answer = browser.post("/account/sessions/end", &[("id", &id)]).await;
    assert_eq!(answer.leads(), "/account/sessions notice-session-ended");
    assert!(!second.is_signed_in().await && third.is_signed_in().await);
    assert_eq!(browser.post("/account/sessions/end", &[("id", &id)]).await.status, 404, "replayed");
    assert_eq!(browser.post("/account/sessions/end", &[("id", "x")]).await.status, 404);
    assert_eq!(browser.post("/account/sessions/end", &[]).await.status, 404);
    let answer = browser.post("/account/sessions/end-others", &[]).await;
    assert_eq!(answer.leads(), "/account/sessions notice-other-sessions-ended");
    assert!(!third.is_signed_in().await && browser.is_signed_in().await);
    let own = browser.session_id().await;
    let answer = browser.post("/account/sessions/end", &[("id", &own)]).await;
    assert_eq!(answer.location(), "/signed-out");
    assert!(!browser.is_signed_in().await);
}

#[tokio::test]
async fn a_session_says_which_browser_it_is() {
    let app = TestApp::start().await;
    app.account(ANA, false).await;
    let mut browser = app.browser();
    let mut request =
        crate::support::form("/sign-in", &[("email", ANA), ("password", crate::support::PASSWORD)]);
    let agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
    request.headers_mut().insert("user-agent", agent.parse().unwrap());
    browser.send(request).await;
    assert!(browser.get("/account/sessions").await.body.contains("Firefox on Linux"));
}
