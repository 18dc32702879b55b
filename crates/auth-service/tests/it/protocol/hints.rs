//! ID tokens that come back as hints, after the key that signed them was exchanged.

use std::time::Duration;

use auth::{LONGEST_TOKEN, Limits, Rotation};
use oidc::Algorithm;
use serde_json::json;

use super::{Wiki, claims, returned, try_returned, userinfo};
use crate::support::TestApp;

const HOME: &str = "https://wiki.example.com/";
const MINUTE: Duration = Duration::from_mins(1);

fn end_session(hint: &str) -> String {
    let fields = [("id_token_hint", hint), ("post_logout_redirect_uri", HOME)];
    format!("/end-session?{}", serde_urlencoded::to_string(fields).unwrap())
}

async fn keep(app: &TestApp) {
    app.app.auth.keys().keep(&Limits::default(), app.app.auth.now()).await.unwrap();
}

/// The key was deleted with its last token: nobody who had signed in before an exchange of keys could be signed out by an
/// app any more, nor signed in silently, for as long as their session lasted.
#[tokio::test]
async fn an_exchange_of_keys_leaves_hints_good() {
    let app = TestApp::start().await;
    let wiki = Wiki::register(&app, json!({})).await;
    let mut browser = app.member("ana@example.com").await;
    let tokens = wiki.sign_in(&app, &mut browser).await;
    let hint = tokens["id_token"].as_str().unwrap();
    let old = app.private_key(Algorithm::EdDsa).await;
    let auth = app.app.auth.clone();
    auth.keys().rotate(Algorithm::EdDsa, Rotation::Gentle, auth.now()).await.unwrap();
    app.turn(MINUTE * 15 + LONGEST_TOKEN + MINUTE);
    keep(&app).await;
    assert!(!auth.keys().published().contains(old.kid()), "it is published no more");
    let asked = wiki.authorize(&[("id_token_hint", hint), ("prompt", "none")]);
    assert!(try_returned(&browser.get(&asked).await, "code").is_some());
    // For hints alone: whoever has the old private key makes no access token of it.
    let mut forged = claims(tokens["access_token"].as_str().unwrap());
    forged["exp"] = json!(auth.now().seconds() + 60);
    let forged = old.sign("at+jwt", &forged).unwrap();
    assert_eq!(userinfo(&app, &forged).await.status, 401);
    drop(auth);
    // After a restart too.
    let app = app.restart().await;
    browser.meet(&app);
    let answer = browser.get(&end_session(hint)).await;
    assert_eq!((answer.status.as_u16(), answer.location()), (303, HOME), "{}", answer.body);
    assert!(!browser.is_signed_in().await, "without a question");
}

/// A key that somebody else may have proves nothing, not even whom an app means. Whoever came to sign out still can.
#[tokio::test]
async fn a_hint_of_a_compromised_key_is_none_and_the_person_can_sign_out_all_the_same() {
    let app = TestApp::start().await;
    let wiki = Wiki::register(&app, json!({})).await;
    let mut browser = app.member("ana@example.com").await;
    let mut hints = Vec::new();
    for _ in 0..2 {
        hints.push(wiki.sign_in(&app, &mut browser).await["id_token"].as_str().unwrap().to_owned());
        let (keys, now) = (app.app.auth.keys(), app.app.auth.now());
        keys.rotate(Algorithm::EdDsa, Rotation::Gentle, now).await.unwrap();
        app.turn(MINUTE * 15 + LONGEST_TOKEN);
        keep(&app).await;
    }
    hints.push(wiki.sign_in(&app, &mut browser).await["id_token"].as_str().unwrap().to_owned());
    let (keys, now) = (app.app.auth.keys(), app.app.auth.now());
    keys.rotate(Algorithm::EdDsa, Rotation::Compromised, now).await.unwrap();
    for hint in &hints {
        let asked = wiki.authorize(&[("id_token_hint", hint), ("prompt", "none")]);
        assert_eq!(returned(&browser.get(&asked).await, "error"), "invalid_request");
        let page = browser.get(&end_session(hint)).await;
        assert_eq!((page.status.as_u16(), page.location()), (400, ""), "{}", page.body);
        assert!(page.body.contains("class=\"main\" href=\"/sign-out\""), "{}", page.body);
        let nobody = app.browser().get(&end_session(hint)).await;
        assert!(!nobody.body.contains("href=\"/sign-out\""), "there is nobody to sign out");
    }
    assert_eq!(browser.get("/sign-out").await.status, 200);
    assert_eq!(browser.post("/sign-out", &[]).await.location(), "/signed-out");
    assert!(!browser.is_signed_in().await);
}
