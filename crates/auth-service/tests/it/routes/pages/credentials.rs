//! Password, second step, deletion, and the proof that sensitive pages ask for.

use std::time::Duration;

use crate::support::{OTHER_PASSWORD, PASSWORD, SHORT_PASSWORD, TestApp};

const ANA: &str = "ana@example.com";

#[tokio::test]
async fn the_password_changes_and_every_other_session_ends() {
    let app = TestApp::start().await;
    let mut browser = app.member(ANA).await;
    let (mut other, mut old) = (app.signed_in(ANA).await, browser.clone());
    for (present, new, status, said) in [
        ("", "", 422, "Type your current password."),
        ("", "", 422, "Type a new password."),
        (OTHER_PASSWORD, OTHER_PASSWORD, 401, "This is not the right password."),
        (PASSWORD, SHORT_PASSWORD, 422, "The password needs at least 15 characters."),
        (PASSWORD, OTHER_PASSWORD, 303, ""),
        (PASSWORD, OTHER_PASSWORD, 401, "This is not the right password."),
    ] {
        let fields = [("current_password", present), ("new_password", new)];
        let answer = browser.post("/account/password", &fields).await;
        assert_eq!(answer.status, status, "{present} {new}");
        assert!(answer.body.contains(said), "{said}: {}", answer.body);
    }
    assert!(browser.is_signed_in().await && !other.is_signed_in().await && !old.is_signed_in().await);
}

#[tokio::test]
async fn the_second_step_goes_on_and_off() {
    let app = TestApp::start().await;
    let mut browser = app.member(ANA).await;
    let path = "/account/second-step";
    assert_eq!(browser.post(path, &[("second_step", "maybe")]).await.status, 422);
    let answer = browser.post(path, &[("second_step", "on")]).await;
    assert_eq!(answer.leads(), "/account notice-second-step-on");
    let short = [("current_password", PASSWORD), ("new_password", SHORT_PASSWORD)];
    assert_eq!(browser.post("/account/password", &short).await.status, 303, "8 will do now");
    let off = ("second_step", "off");
    assert_eq!(browser.post(path, &[off]).await.status, 422);
    assert_eq!(browser.post(path, &[off, ("current_password", PASSWORD)]).await.status, 401);
    let answer = browser.post(path, &[off, ("current_password", SHORT_PASSWORD)]).await;
    assert_eq!(answer.status, 422);
    assert!(answer.body.contains("name=\"new_password\""), "a longer one is asked for");
    let fields = [off, ("current_password", SHORT_PASSWORD), ("new_password", OTHER_PASSWORD)];
    assert_eq!(browser.post(path, &fields).await.leads(), "/account notice-second-step-off");
    let answer = app.browser().post("/sign-in", &[("email", ANA), ("password", OTHER_PASSWORD)]).await;
    assert_eq!(answer.location(), "/account");
}

#[tokio::test]
async fn the_account_is_deleted_when_it_is_really_meant() {
    let app = TestApp::start().await;
    let mut browser = app.member(ANA).await;
    let path = "/account/delete";
    assert_eq!(browser.post(path, &[("password", PASSWORD)]).await.status, 422, "the box");
    assert_eq!(browser.post(path, &[("confirm", "yes")]).await.status, 422, "the password");
    let wrong = [("password", OTHER_PASSWORD), ("confirm", "yes")];
    assert_eq!(browser.post(path, &wrong).await.status, 401);
    assert!(browser.is_signed_in().await);
    let answer = browser.post(path, &[("password", PASSWORD), ("confirm", "yes")]).await;
    assert_eq!(answer.leads(), "/signed-out notice-account-deleted");
    assert!(browser.get(answer.location()).await.body.contains("Your account is deleted."));
    let answer = browser.post("/sign-in", &[("email", ANA), ("password", PASSWORD)]).await;
    assert_eq!(answer.status, 401);
    app.letters().await;
    app.account(ANA, false).await;
}

#[tokio::test]
async fn a_sensitive_page_asks_again_after_ten_minutes_and_leads_back() {
    let app = TestApp::start().await;
    let mut browser = app.member(ANA).await;
    app.turn(Duration::from_mins(10) + Duration::from_secs(1));
    for path in ["/account/email", "/account/second-step", "/account/delete"] {
        let answer = browser.get(path).await;
        assert_eq!(answer.location(), format!("/account/confirm?next={path}"));
        assert_eq!(browser.get(answer.location()).await.hidden("next"), path);
        let answer = browser.post(path, &[("password", PASSWORD), ("confirm", "yes")]).await;
        assert_eq!(answer.location(), format!("/account/confirm?next={path}"));
    }
    let (next, old) = (("next", "/account/delete"), browser.jar["__Host-keyward-session"].clone());
    assert_eq!(browser.post("/account/confirm", &[next]).await.status, 422);
    assert_eq!(browser.post("/account/confirm", &[next, ("password", "wrong")]).await.status, 401);
    let answer = browser.post("/account/confirm", &[next, ("password", PASSWORD)]).await;
    assert_eq!(answer.location(), "/account/delete");
    assert_ne!(browser.jar["__Host-keyward-session"], old, "a new id");
    assert_eq!(browser.get("/account/delete").await.status, 200);
}

/// A second step that is on is due there too.
#[tokio::test]
async fn proving_again_takes_the_second_step() {
    let app = TestApp::start().await;
    let mut browser = app.member(ANA).await;
    browser.post("/account/second-step", &[("second_step", "on")]).await;
    app.letters().await;
    app.turn(Duration::from_hours(1));
    let fields = [("password", PASSWORD), ("next", "/account/delete")];
    let answer = browser.post("/account/confirm", &fields).await;
    let id = answer.location().strip_prefix("/sign-in/code?id=").unwrap().to_owned();
    assert!(!browser.get("/account/delete").await.location().is_empty(), "not yet");
    let code = app.letter(ANA).await.code;
    let answer = browser.post("/sign-in/code", &[("id", &id), ("code", &code)]).await;
    assert_eq!(answer.location(), "/account/delete");
    assert_eq!(browser.get("/account/delete").await.status, 200);
}
