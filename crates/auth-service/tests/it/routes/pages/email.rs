//! Moving the account to another address: both ends agree.

use std::time::Duration;

use crate::support::{PASSWORD, TestApp};

const ANA: &str = "ana@example.com";
const NEW: &str = "ana.maria@example.com";

#[tokio::test]
async fn by_code_at_both_ends() {
    let app = TestApp::start().await;
    let mut browser = app.member(ANA).await;
    assert_eq!(browser.post("/account/email", &[("email", NEW)]).await.location(), "/account/email");
    let page = browser.get("/account/email").await;
    assert!(page.body.contains(NEW) && page.body.matches("name=\"code\"").count() == 2);
    let (old, new) = (app.letter(ANA).await.code, app.letter(NEW).await.code);
    let path = "/account/email/confirm";
    let empty = browser.post(path, &[("side", "old"), ("code", "")]).await;
    assert!(empty.status == 422 && empty.body.contains("id=\"code-old-error\""));
    if old != new {
        let crossed = browser.post(path, &[("side", "old"), ("code", &new)]).await;
        assert!(crossed.status == 401 && crossed.body.contains("id=\"code-old-error\""));
    }
    let answer = browser.post(path, &[("side", "old"), ("code", &old)]).await;
    assert_eq!(answer.leads(), "/account/email notice-address-half-proved");
    let answer = browser.post(path, &[("side", "new"), ("code", &new)]).await;
    assert_eq!(answer.leads(), "/account notice-address-changed");
    assert!(browser.get("/account").await.body.contains(NEW));
    assert_eq!(app.letter(ANA).await.kind, "address changed");
}

#[tokio::test]
async fn by_link_from_any_browser_and_looking_changes_nothing() {
    let app = TestApp::start().await;
    let mut browser = app.member(ANA).await;
    browser.post("/account/email", &[("email", NEW)]).await;
    let mut other = app.browser();
    for address in [ANA, NEW] {
        let letter = app.letter(address).await;
        for _ in 0..3 {
            assert_eq!(other.head(&letter.path()).await.status, 200);
            assert_eq!(other.get(&letter.path()).await.status, 200);
        }
        let page = other.get(&letter.path()).await;
        let (side, token) = (page.hidden("side"), page.hidden("token"));
        let swapped = if side == "old" { "new" } else { "old" };
        let fields = [("side", swapped), ("token", &*token)];
        assert_eq!(other.post("/account/email/confirm", &fields).await.status, 410, "the other end's");
        let fields = [("side", &*side), ("token", &*token)];
        assert_eq!(other.post("/account/email/confirm", &fields).await.status, 303);
        let replayed = app.browser().post("/account/email/confirm", &fields).await;
        assert_eq!(replayed.status, 410, "replayed");
    }
    let answer = other.post("/sign-in", &[("email", NEW), ("password", PASSWORD)]).await;
    assert_eq!(answer.location(), "/account");
}

#[tokio::test]
async fn called_off_expired_or_ones_own() {
    let app = TestApp::start().await;
    let mut browser = app.member(ANA).await;
    let answer = browser.post("/account/email", &[("email", "Ana@Example.com")]).await;
    assert!(answer.status == 422 && answer.body.contains("This is your address already."));
    let answer = browser.post("/account/email", &[("email", "ana@")]).await;
    assert!(answer.status == 422 && answer.body.contains("value=\"ana@\""));

    browser.post("/account/email", &[("email", NEW)]).await;
    let letter = app.letter(NEW).await;
    let answer = browser.post("/account/email/cancel", &[]).await;
    assert_eq!(answer.leads(), "/account notice-address-change-cancelled");
    assert_eq!(browser.get(&letter.path()).await.status, 410);

    browser.post("/account/email", &[("email", NEW)]).await;
    let letter = app.letter(NEW).await;
    app.turn(Duration::from_mins(30) + Duration::from_secs(1));
    assert_eq!(browser.get(&letter.path()).await.status, 410);
    assert_eq!(browser.get("/api/v1/account/email").await.status, 404);
}

/// The page once said to ask for a new code, and had nothing to ask with but to call the change off.
#[tokio::test]
async fn a_code_that_is_over_or_did_not_come_is_sent_anew() {
    let app = TestApp::start().await;
    let mut browser = app.member(ANA).await;
    browser.post("/account/email", &[("email", NEW)]).await;
    let (first, path) = (app.letter(ANA).await.code, "/account/email/confirm");
    app.letter(NEW).await;
    let wrong = format!("{:06}", (first.parse::<u32>().unwrap() + 1) % 1_000_000);
    let mut answer = browser.get("/account/email").await;
    for _ in 0..5 {
        answer = browser.post(path, &[("side", "old"), ("code", &wrong)]).await;
    }
    assert!(answer.status == 410 && answer.body.contains("Ask for a new one."), "{}", answer.body);
    let pending = answer.hidden("email");
    assert_eq!(pending, NEW);
    let answer = browser.post("/account/email", &[("email", &pending)]).await;
    assert_eq!(answer.leads(), "/account/email notice-code-sent");
    for (side, address) in [("old", ANA), ("new", NEW)] {
        let code = app.letter(address).await.code;
        assert_eq!(browser.post(path, &[("side", side), ("code", &code)]).await.status, 303, "{side}");
    }
    assert!(browser.get("/account").await.body.contains(NEW));
}

/// A typo in the next wish once made the page forget the change that was under way.
#[tokio::test]
async fn a_typo_keeps_the_change_that_is_pending() {
    let app = TestApp::start().await;
    let mut browser = app.member(ANA).await;
    browser.post("/account/email", &[("email", NEW)]).await;
    for typed in ["ana.maria@", "", ANA] {
        let answer = browser.post("/account/email", &[("email", typed)]).await;
        assert_eq!(answer.status, 422, "{typed}");
        assert!(answer.body.contains(NEW) && answer.body.matches("name=\"code\"").count() == 2, "{typed}");
        assert!(answer.body.contains("id=\"new-email-error\""), "{typed}: {}", answer.body);
        assert!(answer.body.contains(&format!("value=\"{typed}\"")), "{typed}");
    }
    assert!(
        !browser.get("/account/email").await.body.contains("id=\"new-email\""),
        "only where it is asked for"
    );
}

/// The new address got an account while the mails were on their way: nothing is taken over.
#[tokio::test]
async fn an_address_that_was_taken_meanwhile_stays_its_owners() {
    let app = TestApp::start().await;
    let mut browser = app.member(ANA).await;
    browser.post("/account/email", &[("email", NEW)]).await;
    let (old, new) = (app.letter(ANA).await, app.letter(NEW).await);
    app.account(NEW, false).await;
    let mut statuses = Vec::new();
    for (side, letter) in [("old", &old), ("new", &new)] {
        let fields = [("side", side), ("token", &*letter.token())];
        statuses.push(browser.post("/account/email/confirm", &fields).await.status.as_u16());
    }
    assert_eq!(statuses, [303, 410]);
    let answer = app.browser().post("/sign-in", &[("email", ANA), ("password", PASSWORD)]).await;
    assert_eq!(answer.location(), "/account");
}
