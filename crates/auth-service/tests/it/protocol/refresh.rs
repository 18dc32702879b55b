//! Refresh tokens rotate.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Wiki, claims};
use crate::support::TestApp;

const ANA: &str = "ana@example.com";

fn token(tokens: &Value) -> String {
    tokens["refresh_token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn each_use_gives_a_new_one() {
    let app = TestApp::start().await;
    let wiki = Wiki::register(&app, json!({})).await;
    let mut browser = app.member(ANA).await;
    let first = wiki.sign_in(&app, &mut browser).await;
    let mut current = token(&first);
    for _ in 0..4 {
        app.turn(Duration::from_hours(20 * 24));
        let answer = wiki.refresh(&app, &current).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let tokens = answer.json();
        assert_ne!(token(&tokens), current);
        let (before, after) =
            (claims(first["id_token"].as_str().unwrap()), claims(tokens["id_token"].as_str().unwrap()));
        for same in ["sub", "aud", "iss", "auth_time", "sid"] {
            assert_eq!(before[same], after[same], "{same}");
        }
        assert!(after["nonce"].is_null());
        current = token(&tokens);
    }
    app.turn(Duration::from_hours(10 * 24));
    assert_eq!(
        wiki.refresh(&app, &current).await.text("error"),
        "invalid_grant",
        "ninety days after the person let it in"
    );
}

#[tokio::test]
async fn one_that_is_not_used_for_thirty_days_is_worthless() {
    let app = TestApp::start().await;
    let wiki = Wiki::register(&app, json!({})).await;
    let mut browser = app.member(ANA).await;
    let tokens = wiki.sign_in(&app, &mut browser).await;
    app.turn(Duration::from_hours(30 * 24));
    assert_eq!(wiki.refresh(&app, &token(&tokens)).await.text("error"), "invalid_grant");
}

#[tokio::test]
async fn class_05_whoever_lost_the_answer_gets_the_same_again_and_reuse_ends_the_family() {
    let app = TestApp::start().await;
    let wiki = Wiki::register(&app, json!({})).await;
    let mut browser = app.member(ANA).await;
    let first = token(&wiki.sign_in(&app, &mut browser).await);
    let second = token(&wiki.refresh(&app, &first).await.json());
    app.turn(Duration::from_secs(10));
    assert_eq!(token(&wiki.refresh(&app, &first).await.json()), second, "made once");
    let third = wiki.refresh(&app, &second).await.json();
    let reused = wiki.refresh(&app, &first).await;
    assert_eq!(reused.text("error"), "invalid_grant", "its successor is used: two hold the family");
    assert_eq!(
        wiki.refresh(&app, &token(&third)).await.text("error"),
        "invalid_grant",
        "and the family is ended"
    );
    assert!(!wiki.is_active(&app, third["access_token"].as_str().unwrap()).await);

    let first = token(&wiki.sign_in(&app, &mut browser).await);
    let second = token(&wiki.refresh(&app, &first).await.json());
    app.turn(Duration::from_micros(10_000_001));
    assert_eq!(wiki.refresh(&app, &first).await.text("error"), "invalid_grant", "too late");
    assert_eq!(wiki.refresh(&app, &second).await.text("error"), "invalid_grant");
}

#[tokio::test]
async fn class_05_a_public_client_gets_no_second_chance() {
    let app = TestApp::start().await;
    let wiki = Wiki::register(&app, json!({ "token_endpoint_auth_method": "none" })).await;
    let mut browser = app.member(ANA).await;
    let first = token(&wiki.sign_in(&app, &mut browser).await);
    let second = token(&wiki.refresh(&app, &first).await.json());
    assert_eq!(wiki.refresh(&app, &first).await.text("error"), "invalid_grant");
    assert_eq!(wiki.refresh(&app, &second).await.text("error"), "invalid_grant");
}

#[tokio::test]
async fn many_at_once_get_one_successor() {
    let app = TestApp::start().await;
    let wiki = std::sync::Arc::new(Wiki::register(&app, json!({})).await);
    let mut browser = app.member(ANA).await;
    let first = token(&wiki.sign_in(&app, &mut browser).await);
    let app = std::sync::Arc::new(app);
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let (app, wiki, first) = (app.clone(), wiki.clone(), first.clone());
            tokio::spawn(async move { token(&wiki.refresh(&app, &first).await.json()) })
        })
        .collect();
    let mut successors = std::collections::BTreeSet::new();
    for task in tasks {
        successors.insert(task.await.unwrap());
    }
    assert_eq!(successors.len(), 1);
}

#[tokio::test]
async fn less_may_be_asked_for_and_not_more() {
    let app = TestApp::start().await;
    let wiki = Wiki::register(&app, json!({})).await;
    let mut browser = app.member(ANA).await;
    let first = token(&wiki.sign_in(&app, &mut browser).await);
    let ask = |token: &str, scope: &str| {
        vec![
            ("grant_type".to_owned(), "refresh_token".to_owned()),
            ("refresh_token".to_owned(), token.to_owned()),
            ("scope".to_owned(), scope.to_owned()),
        ]
    };
    for (scope, status) in [("openid admin", 400), ("openid", 200)] {
        let fields = ask(&first, scope);
        let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let answer = wiki.ask(&app, "/token", &fields).await;
        assert_eq!(answer.status, status, "{scope}: {}", answer.body);
        if status == 200 {
            assert_eq!(answer.text("scope"), "openid");
        }
    }
    let other = Wiki::register(&app, json!({ "client_id": "blog" })).await;
    let second = wiki.sign_in(&app, &mut browser).await;
    assert_eq!(other.refresh(&app, &token(&second)).await.text("error"), "invalid_grant", "another app's");
}

#[tokio::test]
async fn an_app_gives_up_what_it_holds() {
    let app = TestApp::start().await;
    let wiki = Wiki::register(&app, json!({})).await;
    let other = Wiki::register(&app, json!({ "client_id": "blog" })).await;
    let mut browser = app.member(ANA).await;
    let tokens = wiki.sign_in(&app, &mut browser).await;
    let (access, refresh) = (tokens["access_token"].as_str().unwrap(), token(&tokens));
    for of_another in [access, &refresh] {
        let refused = other.ask(&app, "/revoke", &[("token", of_another)]).await;
        assert_eq!((refused.status.as_u16(), refused.text("error").as_str()), (400, "invalid_grant"));
    }
    assert_eq!(
        other.ask(&app, "/revoke", &[("token", "nonsense")]).await.status,
        200,
        "RFC 7009 section 2.2"
    );
    assert!(wiki.is_active(&app, access).await, "and not done");
    assert!(!other.is_active(&app, access).await, "none of its business");
    assert_eq!(wiki.ask(&app, "/revoke", &[("token", access)]).await.status, 200);
    assert!(!wiki.is_active(&app, access).await);
    let next = wiki.refresh(&app, &refresh).await.json();
    assert!(wiki.is_active(&app, next["access_token"].as_str().unwrap()).await, "that was one token");
    assert_eq!(wiki.ask(&app, "/revoke", &[("token", &token(&next))]).await.status, 200);
    assert!(
        !wiki.is_active(&app, next["access_token"].as_str().unwrap()).await,
        "a refresh token is the whole family"
    );
    assert_eq!(wiki.refresh(&app, &token(&next)).await.text("error"), "invalid_grant");
}
