//! A form that is sent again, by the back button or by a link pressed twice; and one that could not be taken the first time,
//! since its session had ended or was not fresh.

use std::time::Duration;

use crate::support::{Answer, Browser, OTHER_PASSWORD, PASSWORD, TestApp};

const ANA: &str = "ana@example.com";
const NEW: &str = "ana.maria@example.com";

/// Once, and again by the same browser, which is told where it led; by another it is over, and nobody is let in by the mark.
async fn twice(app: &TestApp, browser: &mut Browser, path: &str, fields: &[(&str, &str)]) -> Answer {
    let first = browser.post(path, fields).await;
    assert_eq!(first.status, 303, "{path}: {}", first.body);
    let again = browser.post(path, fields).await;
    assert!(!again.opens_session(), "{path}");
    assert_eq!(again.leads(), format!("{} notice-already-done", first.location()), "{path}");
    let mut other = app.browser();
    assert_eq!(other.post(path, fields).await.status, 410, "{path} elsewhere");
    assert!(!other.is_signed_in().await);
    first
}

#[tokio::test]
async fn a_proof_is_done_once_and_told_again() {
    let app = TestApp::start().await;
    for by_link in [false, true] {
        let address = if by_link { ANA } else { NEW };
        let mut browser = app.browser();
        browser.get("/sign-up").await;
        let page = browser.post("/sign-up", &[("email", address), ("password", PASSWORD)]).await;
        let page = page.location().to_owned();
        let (letter, id) = (app.letter(address).await, browser.get(&page).await.hidden("id"));
        let token = letter.token();
        let fields = [("token", &*token)];
        let by_code = [("id", &*id), ("code", &*letter.code)];
        let (fields, page) = if by_link { (&fields[..], letter.path()) } else { (&by_code[..], page) };
        let first = twice(&app, &mut browser, "/verify", fields).await;
        assert_eq!(first.location(), "/sign-in");
        // The back button comes to the page, which is not kept.
        assert_eq!(browser.get(&page).await.leads(), "/sign-in notice-already-done");
        let said = browser.get("/sign-in").await;
        assert!(said.body.contains("once is enough"), "{}", said.body);
        browser.post("/sign-in", &[("email", address), ("password", PASSWORD)]).await;
        assert!(browser.is_signed_in().await);
    }
}

#[tokio::test]
async fn a_second_step_is_taken_once_and_told_again() {
    let app = TestApp::start().await;
    app.account(ANA, true).await;
    let mut browser = app.browser();
    let page = browser.post("/sign-in", &[("email", ANA), ("password", PASSWORD)]).await;
    let id = browser.get(page.location()).await.hidden("id");
    let code = app.letter(ANA).await.code;
    twice(&app, &mut browser, "/sign-in/code", &[("id", &id), ("code", &code)]).await;
    assert_eq!(browser.get(page.location()).await.leads(), "/account notice-already-done");
    // The mark outlives the session, and is none.
    browser.post("/sign-out", &[]).await;
    assert!(!browser.is_signed_in().await);
    browser.post("/sign-in/code", &[("id", &id), ("code", &code)]).await;
    assert!(!browser.is_signed_in().await);
}

/// The password of the first time is the one that counts, and whoever typed another is not told that it is set.
#[tokio::test]
async fn a_reset_is_done_once_and_told_again() {
    let app = TestApp::start().await;
    app.account(ANA, false).await;
    for by_link in [false, true] {
        let new = if by_link { PASSWORD } else { OTHER_PASSWORD };
        let mut browser = app.browser();
        let page = browser.post("/reset", &[("email", ANA)]).await;
        let letter = app.letters().await.into_iter().find(|letter| letter.kind == "reset").unwrap();
        let id = browser.get(page.location()).await.hidden("id");
        let token = letter.token();
        let (path, evidence): (_, &[_]) = if by_link {
            ("/reset/new", &[("token", &*token)])
        } else {
            ("/reset/code", &[("id", &*id), ("code", &*letter.code)])
        };
        twice(&app, &mut browser, path, &[evidence, &[("new_password", new)]].concat()).await;
        let third = [evidence, &[("new_password", "a third one, typed too late")]].concat();
        let answer = browser.post(path, &third).await;
        assert_eq!(answer.leads(), "/sign-in notice-already-done");
        assert!(browser.get("/sign-in").await.body.contains("the first one counts"));
        let answer = browser.post("/sign-in", &[("email", ANA), ("password", new)]).await;
        assert_eq!(answer.location(), "/account");
    }
}

#[tokio::test]
async fn each_end_of_a_change_of_address_agrees_once_and_is_told_again() {
    let app = TestApp::start().await;
    let mut browser = app.member(ANA).await;
    browser.post("/account/email", &[("email", NEW)]).await;
    let (old, new) = (app.letter(ANA).await, app.letter(NEW).await);
    let path = "/account/email/confirm";
    let by_code = [("side", "old"), ("code", &*old.code)];
    assert_eq!(browser.post(path, &by_code).await.leads(), "/account/email notice-address-half-proved");
    assert_eq!(browser.post(path, &by_code).await.leads(), "/account/email notice-already-done");
    let token = new.token();
    let first = twice(&app, &mut browser, path, &[("side", "new"), ("token", &token)]).await;
    assert_eq!(first.location(), "/account");
    assert_eq!(browser.get(&new.path()).await.leads(), "/account notice-already-done");
    assert!(browser.is_signed_in().await);
}

/// What was done is a hash in a cookie; nothing else that may stand there leads anywhere.
#[tokio::test]
async fn a_forged_mark_leads_nowhere() {
    let app = TestApp::start().await;
    let mut browser = app.browser();
    let token = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    for led_to in ["https://evil.example/", "//evil.example", "/authorize/continue?id=1", "", "\u{0}"] {
        let encode =
            |bytes: &[u8]| base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, bytes);
        let mark = format!("{}.{}", encode(&secrets::sha256(token.as_bytes())), encode(led_to.as_bytes()));
        for value in [mark, ".".to_owned(), "x.y".to_owned(), format!("{token}.{token}")] {
            browser.jar.insert("__Host-keyward-done".to_owned(), value);
            let answer = browser.post("/verify", &[("token", token)]).await;
            assert!(!answer.opens_session() && matches!(answer.status.as_u16(), 303 | 410), "{led_to:?}");
            if answer.status == 303 {
                assert_eq!(answer.leads(), "/sign-in notice-already-done", "{led_to:?}");
            }
        }
    }
}

/// In a tab whose session ended in another, or after lunch.
#[tokio::test]
async fn what_was_typed_waits_until_somebody_has_signed_in_again() {
    let app = TestApp::start().await;
    let mut browser = app.member(ANA).await;
    app.turn(Duration::from_mins(11));
    let answer = browser.post("/account/email", &[("email", NEW)]).await;
    assert_eq!(answer.location(), "/account/confirm?next=/account/email");
    let fields = [("password", PASSWORD), ("next", "/account/email")];
    assert_eq!(browser.post("/account/confirm", &fields).await.location(), "/account/email");
    let typed = format!("value=\"{NEW}\"");
    assert!(browser.get("/account/email").await.body.contains(&typed));
    assert!(!browser.get("/account/email").await.body.contains(&typed), "once");

    app.turn(Duration::from_hours(8 * 24));
    let answer =
        browser.post("/account/profile", &[("name", "Ana \"Mary\" \u{5d0}"), ("language", "de")]).await;
    assert_eq!(answer.location(), "/sign-in?return_to=/account/profile");
    let fields = [("email", ANA), ("password", PASSWORD), ("return_to", "/account/profile")];
    assert_eq!(browser.post("/sign-in", &fields).await.location(), "/account/profile");
    // It is in that form and no other.
    assert!(!browser.get("/account/email").await.body.contains("Mary"));
    let page = browser.get("/account/profile").await;
    assert!(page.body.contains("value=\"Ana &#34;Mary&#34; \u{5d0}\""), "{}", page.body);
    assert!(page.body.contains("value=\"de\" lang=\"de\" selected"), "{}", page.body);
}

/// At a browser that several people use.
#[tokio::test]
async fn what_one_person_typed_is_not_shown_to_the_next() {
    let app = TestApp::start().await;
    app.account("bea@example.com", false).await;
    let mut browser = app.member(ANA).await;
    app.turn(Duration::from_mins(11));
    browser.post("/account/email", &[("email", NEW)]).await;
    browser.post("/sign-out", &[]).await;
    browser.post("/sign-in", &[("email", "bea@example.com"), ("password", PASSWORD)]).await;
    let page = browser.get("/account/email").await;
    assert!(page.status == 200 && !page.body.contains(NEW), "{}", page.body);
}

/// There is nothing to send a new code for, as the page said there was.
#[tokio::test]
async fn a_code_whose_address_was_proved_elsewhere_is_told_to_sign_in() {
    let app = TestApp::start().await;
    let mut browser = app.browser();
    browser.get("/sign-up").await;
    let waits = browser.post("/sign-up", &[("email", ANA), ("password", PASSWORD)]).await;
    let letter = app.letter(ANA).await;
    let fields = [("token", &*letter.token()), ("password", PASSWORD)];
    assert_eq!(app.browser().post("/verify", &fields).await.status, 303);
    let (_, id) = waits.location().split_once("id=").unwrap();
    let late = browser.post("/verify", &[("id", id), ("code", &*letter.code)]).await;
    assert_eq!(late.status, 410);
    assert!(
        late.body.contains("href=\"/sign-in\"") && !late.body.contains("/verify/resend"),
        "{}",
        late.body
    );
}

/// It said that the address stays as it was, above the new one.
#[tokio::test]
async fn a_change_that_is_done_is_not_said_to_be_cancelled() {
    let app = TestApp::start().await;
    let mut browser = app.member(ANA).await;
    let cancelled = browser.post("/account/email/cancel", &[]).await;
    assert_eq!(cancelled.leads(), "/account notice-no-change-under-way");
    assert!(browser.get("/account").await.body.contains("There is no change to cancel"));
    browser.post("/account/email", &[("email", NEW)]).await;
    assert_eq!(
        browser.post("/account/email/cancel", &[]).await.leads(),
        "/account notice-address-change-cancelled"
    );
}

/// In another tab, say. The page said that there is no such page.
#[tokio::test]
async fn a_session_that_has_ended_is_ended_again_without_a_word_of_failure() {
    let app = TestApp::start().await;
    let mut browser = app.member(ANA).await;
    let mut other = app.signed_in(ANA).await;
    let id = other.session_id().await;
    let mut ends = async || browser.post("/account/sessions/end", &[("id", &*id)]).await.leads();
    assert_eq!(ends().await, "/account/sessions notice-session-ended");
    assert_eq!(ends().await, "/account/sessions notice-already-done");
    assert!(!other.is_signed_in().await);
}

/// Nothing that is too long for a cookie, and no password, is kept in one.
#[tokio::test]
async fn what_cannot_be_kept_is_not() {
    let app = TestApp::start().await;
    let mut browser = app.browser();
    let long = "a".repeat(5_000);
    let answer = browser.post("/account/profile", &[("name", &long)]).await;
    assert!(answer.status == 303 && answer.cookies().iter().all(|cookie| !cookie.contains("typed")));
    let fields = [("current_password", PASSWORD), ("new_password", OTHER_PASSWORD)];
    let answer = browser.post("/account/password", &fields).await;
    assert!(answer.status == 303 && answer.cookies().iter().all(|cookie| !cookie.contains("typed")));
    for garbage in ["x", "%%%", "bm90IGpzb24", "W10"] {
        browser.jar.insert("__Host-keyward-typed".to_owned(), garbage.to_owned());
        assert_eq!(browser.get("/account/profile").await.status, 303);
    }
}
