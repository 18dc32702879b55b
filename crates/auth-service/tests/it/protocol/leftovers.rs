//! What apps leave behind in the database goes while people stay signed in, and only that.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Wiki, claims};
use crate::support::{Browser, TestApp};

const ANA: &str = "ana@example.com";

async fn clean(app: &TestApp) {
    app.turn(Duration::from_mins(5));
    while app.app.auth.clean().await.unwrap() > 0 {}
}

/// How many grants of the session of these tokens there are.
async fn grants(app: &TestApp, browser: &mut Browser, tokens: &Value) -> usize {
    let user = claims(tokens["id_token"].as_str().unwrap())["sub"].as_str().unwrap().parse().unwrap();
    let session = browser.session_id().await.parse().unwrap();
    let mut tx = app.store().await.read().await.unwrap();
    store::grants::held_in(&mut tx, user, session).await.unwrap().len()
}

fn refresh_token(tokens: &Value) -> &str {
    tokens["refresh_token"].as_str().unwrap()
}

async fn is_kept(app: &TestApp, token: &str) -> bool {
    let mut tx = app.store().await.read().await.unwrap();
    store::refresh_tokens::find(&mut tx, &secrets::sha256(token.as_bytes())).await.unwrap().is_some()
}

/// A sign-in that ended, one whose code nobody came for, and every token of both, stayed as long as the session: a month of
/// an app that signs in anew each hour.
#[tokio::test]
async fn a_session_that_goes_on_holds_what_is_of_use_and_no_more() {
    let app = TestApp::start().await;
    let uri = json!({ "backchannel_logout_uri": "https://wiki.example.com/told" });
    let wiki = Wiki::register(&app, uri).await;
    let mut browser = app.member(ANA).await;
    let live = wiki.sign_in(&app, &mut browser).await;
    let mut ended = Vec::new();
    for _ in 0..4 {
        app.turn(Duration::from_secs(1));
        let tokens = wiki.sign_in(&app, &mut browser).await;
        let next = wiki.refresh(&app, refresh_token(&tokens)).await.json();
        wiki.ask(&app, "/revoke", &[("token", refresh_token(&next))]).await;
        ended.extend([tokens, next]);
    }
    for _ in 0..3 {
        app.turn(Duration::from_secs(1));
        wiki.code(&mut browser, &[]).await;
    }
    assert_eq!(grants(&app, &mut browser, &live).await, 8);
    clean(&app).await;
    assert_eq!(grants(&app, &mut browser, &live).await, 2, "the one that lives, and the last that ended");
    for tokens in &ended {
        assert!(!is_kept(&app, refresh_token(tokens)).await, "the family is ended: there is nothing to end");
        assert_eq!(wiki.refresh(&app, refresh_token(tokens)).await.text("error"), "invalid_grant");
    }
    let first = refresh_token(&live);
    let next = wiki.refresh(&app, first).await.json();
    clean(&app).await;
    assert!(is_kept(&app, first).await, "its reuse ends a family that lives");
    assert!(wiki.is_active(&app, next["access_token"].as_str().unwrap()).await);
}

/// Nothing that is cleaned away keeps an app from being told.
#[tokio::test]
async fn an_app_whose_sign_in_has_ended_is_told_after_a_cleaning_too() {
    let app = TestApp::start().await;
    let uri = json!({ "backchannel_logout_uri": "https://wiki.example.com/told" });
    let wiki = Wiki::register(&app, uri).await;
    for codes_nobody_came_for in [0, 2] {
        let mut browser = app.member(&format!("ana{codes_nobody_came_for}@example.com")).await;
        for _ in 0..2 {
            let tokens = wiki.sign_in(&app, &mut browser).await;
            wiki.ask(&app, "/revoke", &[("token", refresh_token(&tokens))]).await;
            app.turn(Duration::from_secs(1));
        }
        for _ in 0..codes_nobody_came_for {
            wiki.code(&mut browser, &[]).await;
        }
        // Once while the codes could still be used, and once when nobody can come any more.
        while app.app.auth.clean().await.unwrap() > 0 {}
        clean(&app).await;
        browser.post("/sign-out", &[]).await;
        let told = app.app.auth.take_notices(10).await.unwrap();
        assert_eq!(told.len(), 1, "{codes_nobody_came_for}");
        app.app.auth.told(told[0].id).await.unwrap();
    }
    // An app that never came for its code has signed nobody in.
    let mut browser = app.member(ANA).await;
    wiki.code(&mut browser, &[]).await;
    clean(&app).await;
    browser.post("/sign-out", &[]).await;
    assert!(app.app.auth.take_notices(10).await.unwrap().is_empty());
}
