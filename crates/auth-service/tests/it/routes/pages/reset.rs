//! A forgotten password.

use std::time::Duration;

use insta::assert_snapshot;

use crate::support::{OTHER_PASSWORD, PASSWORD, SHORT_PASSWORD, TestApp};

const ANA: &str = "ana@example.com";

#[tokio::test]
async fn by_code() {
    let app = TestApp::start().await;
    let mut signed_in = app.member(ANA).await;
    let mut browser = app.browser();
    assert_eq!(browser.get("/reset").await.status, 200);
    let answer = browser.post("/reset", &[("email", ANA)]).await;
    assert_snapshot!(answer.shown(), @"
    303 See Other
    location: /reset/code?id=[id]
    ");
    let page = browser.get(answer.location()).await;
    let id = page.hidden("id");
    let code = app.letter(ANA).await.code;
    let mut said = Vec::new();
    for (code, password) in
        [("", ""), (&*code, SHORT_PASSWORD), (&code, OTHER_PASSWORD), (&code, OTHER_PASSWORD)]
    {
        let fields = [("id", &*id), ("code", code), ("new_password", password)];
        browser.jar.remove("__Host-keyward-done");
        let answer = browser.post("/reset/code", &fields).await;
        let errors = answer.body.matches("class=\"error\"").count();
        said.push(format!("{} {} {errors}", answer.status.as_u16(), answer.leads().trim()));
        if answer.status == 303 {
            let page = browser.get(answer.location()).await;
            assert!(page.body.contains("Your new password is set."), "{}", page.body);
        }
    }
    assert_snapshot!(said.join("\n"), @"
    422  2
    422  1
    303 /sign-in notice-password-reset 0
    410  1
    ");
    assert!(!signed_in.is_signed_in().await && !browser.is_signed_in().await);
    let answer = browser.post("/sign-in", &[("email", ANA), ("password", OTHER_PASSWORD)]).await;
    assert_eq!(answer.location(), "/account");
}

#[tokio::test]
async fn by_link_from_any_browser_and_looking_uses_nothing_up() {
    let app = TestApp::start().await;
    app.account(ANA, false).await;
    app.browser().post("/reset", &[("email", ANA)]).await;
    let letter = app.letter(ANA).await;
    let mut other = app.browser();
    for _ in 0..3 {
        assert_eq!(other.head(&letter.path()).await.status, 200);
        assert_eq!(other.get(&letter.path()).await.status, 200);
    }
    let token = other.get(&letter.path()).await.hidden("token");
    for (password, status) in [("", 422), (SHORT_PASSWORD, 422), (OTHER_PASSWORD, 303), (OTHER_PASSWORD, 410)]
    {
        other.jar.remove("__Host-keyward-done");
        let answer = other.post("/reset/new", &[("token", &token), ("new_password", password)]).await;
        assert_eq!(answer.status, status, "{password}");
    }
    other.jar.remove("__Host-keyward-done");
    assert_eq!(other.get(&letter.path()).await.status, 410, "the back button");
    for (password, location) in [(PASSWORD, ""), (OTHER_PASSWORD, "/account")] {
        let answer = other.post("/sign-in", &[("email", ANA), ("password", password)]).await;
        assert_eq!(answer.location(), location);
    }
}

#[tokio::test]
async fn a_link_expires_and_an_address_that_is_none_is_said() {
    let app = TestApp::start().await;
    app.account(ANA, false).await;
    let mut browser = app.browser();
    browser.post("/reset", &[("email", ANA)]).await;
    let letter = app.letter(ANA).await;
    app.turn(Duration::from_mins(30) + Duration::from_secs(1));
    assert_eq!(browser.get(&letter.path()).await.status, 410);
    let answer = browser.post("/reset", &[("email", "ana@")]).await;
    assert!(answer.status == 422 && answer.body.contains("value=\"ana@\""));
    for path in ["/reset/code", "/reset/code?id=x", "/reset/new"] {
        assert_eq!(browser.get(path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn an_address_without_an_account_gets_no_mail() {
    let app = TestApp::start().await;
    let answer = app.browser().post("/reset", &[("email", "nobody@example.com")]).await;
    assert_eq!(answer.status, 303);
    assert!(app.letters().await.is_empty());
}
