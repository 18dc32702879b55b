//! Signing in, and the second step.

use std::time::Duration;

use insta::assert_snapshot;
use serde_json::json;

use crate::protocol::Wiki;
use crate::support::{APP, OTHER_PASSWORD, PASSWORD, TestApp};

const ANA: &str = "ana@example.com";

#[tokio::test]
async fn a_wrong_password_keeps_the_address_and_opens_nothing() {
    let app = TestApp::start().await;
    app.account(ANA, false).await;
    let answer = app.browser().post("/sign-in", &[("email", ANA), ("password", OTHER_PASSWORD)]).await;
    assert_eq!(answer.status, 401);
    assert!(answer.body.contains("value=\"ana@example.com\"") && answer.body.contains("role=\"alert\""));
    assert!(!answer.body.contains(OTHER_PASSWORD) && !answer.opens_session());
    let answer = app.browser().post("/sign-in", &[("email", "ana@"), ("password", "")]).await;
    assert_eq!(answer.status, 422);
    assert!(answer.body.contains("value=\"ana@\"") && answer.body.contains("Type a password."));
}

#[tokio::test]
async fn too_many_tries_say_when_to_come_back() {
    let app = TestApp::with(|setup| setup.limits.account_failures = 1).await;
    let wrong = [("email", ANA), ("password", OTHER_PASSWORD)];
    app.browser().post("/sign-in", &wrong).await;
    let answer = app.browser().post("/sign-in", &wrong).await;
    assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (429, "60"));
    assert!(answer.body.contains("Please wait") && answer.body.contains("value=\"ana@example.com\""));
}

#[tokio::test]
async fn the_second_step_with_a_new_code_and_a_way_on() {
    let app = TestApp::start().await;
    app.account(ANA, true).await;
    let mut browser = app.browser();
    browser.get("/sign-in").await;
    let fields = [("email", ANA), ("password", PASSWORD), ("return_to", APP)];
    let answer = browser.post("/sign-in", &fields).await;
    assert_snapshot!(answer.shown(), @"
    303 See Other
    location: /sign-in/code?id=[id]
    ");
    let next = answer.location().to_owned();
    let page = browser.get(&next).await;
    assert!(page.body.contains("a•••@example.com") && !page.body.contains(ANA));
    assert!(page.header("content-security-policy").contains("form-action 'self' https://app.example.com;"));
    let id = page.hidden("id");
    let first = app.letter(ANA).await.code;
    assert_eq!(browser.post("/sign-in/code/resend", &[("id", &id)]).await.status, 303);
    let second = app.letter(ANA).await.code;
    if first != second {
        let answer = browser.post("/sign-in/code", &[("id", &id), ("code", &first)]).await;
        assert_eq!(answer.status, 401);
        assert!(answer.body.contains("You have 4 tries left."));
    }
    let answer = browser.post("/sign-in/code", &[("id", &id), ("code", &second)]).await;
    assert_eq!(answer.location(), APP);
    assert!(browser.is_signed_in().await);
    let mut stranger = app.browser();
    let replayed = stranger.post("/sign-in/code", &[("id", &id), ("code", &second)]).await;
    assert_eq!(replayed.status, 410, "replayed");
    assert_eq!(stranger.get(&next).await.status, 410, "the back button");
}

/// Whoever had another address in mind came to the account page, and not to the app that had sent them.
#[tokio::test]
async fn beginning_anew_leads_to_the_app_all_the_same() {
    let app = TestApp::start().await;
    app.account(ANA, true).await;
    let mut browser = app.browser();
    let onward = "?return_to=https%3A%2F%2Fapp.example.com%2Fprotected\"";
    let fields = [("email", ANA), ("password", PASSWORD), ("return_to", APP)];
    for path in ["/sign-in", "/sign-up"] {
        let answer = browser.post(path, &fields).await;
        let page = browser.get(answer.location()).await;
        assert!(page.body.contains(&format!("href=\"{path}{onward}")), "{path}: {}", page.body);
        let id = page.hidden("id");
        let form = answer.location().split('?').next().unwrap();
        let page = browser.post(form, &[("id", &*id), ("code", "1")]).await;
        assert_eq!(page.status, 422);
        assert!(page.body.contains(&format!("href=\"{path}{onward}")), "{path}: {}", page.body);
    }
}

#[tokio::test]
async fn an_attempt_expires() {
    let app = TestApp::start().await;
    app.account(ANA, true).await;
    let mut browser = app.browser();
    browser.get("/sign-in").await;
    let answer = browser.post("/sign-in", &[("email", ANA), ("password", PASSWORD)]).await;
    let code = app.letter(ANA).await.code;
    app.turn(Duration::from_mins(10) + Duration::from_secs(1));
    let id = answer.location().split("id=").nth(1).unwrap();
    assert_eq!(browser.post("/sign-in/code", &[("id", id), ("code", &code)]).await.status, 410);
    assert_eq!(browser.get(answer.location()).await.status, 410);
}

/// Whoever is signed in goes straight on, with a fresh token for the app that sent them.
#[tokio::test]
async fn a_signed_in_person_goes_straight_on_with_a_new_jwt() {
    let app = TestApp::start().await;
    let mut browser = app.member(ANA).await;
    app.turn(Duration::from_mins(11));
    let old = browser.jar["jwt"].clone();
    let answer = browser.get(&format!("/sign-in?return_to={APP}")).await;
    assert_snapshot!(answer.shown(), @"
    303 See Other
    location: https://app.example.com/protected
    set-cookie: jwt=[jwt]; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=600
    ");
    let new = browser.jar["jwt"].clone();
    assert_ne!(old, new);
    for (token, status) in [(old, 401), (new, 200)] {
        let body = serde_json::json!({ "token": token });
        assert_eq!(app.program().json("POST", "/verify-token", &body).await.status, status);
    }
    assert_eq!(browser.get("/sign-in").await.location(), "/account");
}

/// Class 9: the session before a sign-in is not the one after it, and a planted one is not taken up.
#[tokio::test]
async fn a_session_is_never_fixed_beforehand() {
    let app = TestApp::start().await;
    let mut browser = app.member(ANA).await;
    let old = browser.jar["__Host-keyward-session"].clone();
    browser.post("/sign-in", &[("email", ANA), ("password", PASSWORD)]).await;
    assert_ne!(browser.jar["__Host-keyward-session"], old);
    let planted = "A".repeat(43);
    let mut victim = app.browser();
    victim.jar.insert("__Host-keyward-session".to_owned(), planted.clone());
    victim.post("/sign-in", &[("email", ANA), ("password", PASSWORD)]).await;
    assert_ne!(victim.jar["__Host-keyward-session"], planted);
    for value in [old, planted] {
        let mut attacker = app.browser();
        attacker.jar.insert("__Host-keyward-session".to_owned(), value);
        assert!(!attacker.is_signed_in().await);
    }
}

#[tokio::test]
async fn somebody_signed_out_is_led_to_sign_in_and_back() {
    let app = TestApp::start().await;
    app.account(ANA, false).await;
    let mut browser = app.browser();
    for path in ["/account", "/account/password", "/account/sessions"] {
        let answer = browser.get(path).await;
        assert_eq!(answer.location(), format!("/sign-in?return_to={path}"));
        assert_eq!(browser.get(answer.location()).await.hidden("return_to"), path);
    }
    let answer = browser.post("/account/sessions/end-others", &[]).await;
    assert_eq!(answer.location(), "/sign-in?return_to=/account/sessions");
}

#[tokio::test]
async fn a_session_ends_when_idle_and_at_the_latest_after_thirty_days() {
    let day = Duration::from_hours(24);
    let app = TestApp::start().await;
    let mut browser = app.member(ANA).await;
    app.turn(day * 7 + Duration::from_secs(1));
    assert!(!browser.is_signed_in().await, "idle");
    let mut browser = app.signed_in(ANA).await;
    for _ in 0..5 {
        app.turn(Duration::from_mins(6 * 24 * 60 - 1));
        assert!(browser.is_signed_in().await);
    }
    app.turn(Duration::from_mins(6));
    assert!(!browser.is_signed_in().await, "absolute");
}

#[tokio::test]
async fn a_proof_that_is_renewed_by_a_second_step_does_not_read_as_signing_in() {
    let app = TestApp::start().await;
    app.account(ANA, true).await;
    let mut browser = app.browser();
    browser.get("/sign-in").await;
    let step =
        browser.post("/sign-in", &[("email", ANA), ("password", PASSWORD)]).await.location().to_owned();
    assert!(browser.get(&step).await.body.contains("<h1>One more step</h1>"));
    let (id, code) = (step.split("id=").nth(1).unwrap(), app.letter(ANA).await.code);
    assert_eq!(browser.post("/sign-in/code", &[("id", id), ("code", &code)]).await.location(), "/account");
    let fields = [("password", PASSWORD), ("next", "/account/email")];
    let step = browser.post("/account/confirm", &fields).await.location().to_owned();
    let page = browser.get(&step).await;
    assert!(
        page.body.contains("<h1>Confirm it is you</h1>") && !page.body.contains("Sign in</button>"),
        "{}",
        page.body
    );
}

/// A person could not tell what they were about to sign in to.
#[tokio::test]
async fn the_page_that_an_app_led_to_names_it_as_it_is_registered() {
    let app = TestApp::start().await;
    let wiki = Wiki::register(&app, json!({ "client_name": "<b>Wiki</b> & \"Co\"" })).await;
    let named = "<strong><bdi>&#60;b&#62;Wiki&#60;/b&#62; &#38; &#34;Co&#34;</bdi></strong>.</p>";
    for (language, lead) in [("en", "You are on your way to "), ("de", "Sie sind auf dem Weg zu ")] {
        let mut browser = app.browser();
        let asked = wiki.authorize(&[("ui_locales", language), ("login_hint", ANA)]);
        let page = browser.get(&asked).await.location().to_owned();
        let named = format!("<p class=\"lead\">{lead}{named}");
        let answer = browser.get(&page).await;
        assert!(answer.body.contains(&named), "{}", answer.body);
        // Wrong, and what the form says besides changes nothing.
        let return_to = answer.hidden("return_to");
        let fields = [
            ("email", ANA),
            ("password", OTHER_PASSWORD),
            ("return_to", &*return_to),
            ("app", "Evil"),
            ("client_name", "Evil"),
        ];
        let answer = browser.post("/sign-in", &fields).await;
        assert_eq!(answer.status, 401);
        assert!(answer.body.contains(&named) && !answer.body.contains("Evil"), "{}", answer.body);
        // The language switch comes back to it.
        assert_eq!(answer.hidden("next").replace("&#38;", "&"), page);
        for (mut whose, path) in [
            (app.browser(), page.clone()),
            (app.browser(), "/sign-in?app=Evil&client_name=Evil&client_id=wiki".to_owned()),
            (browser.clone(), "/sign-in".to_owned()),
        ] {
            let answer = whose.get(&path).await;
            assert_eq!(answer.status, 200, "{path}");
            assert!(!answer.body.contains(lead) && !answer.body.contains("Evil"), "{path}: {}", answer.body);
        }
    }
}
