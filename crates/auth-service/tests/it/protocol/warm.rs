//! What is known already is answered from memory, before there is a span or a route; and as the first time.

use std::time::Duration;

use axum::http::header::CONTENT_LENGTH;
use serde_json::json;

use super::{Wiki, userinfo};
use crate::support::{Answer, Log, TestApp};

/// What the first asking and another are answered, the second from memory.
async fn ask_twice<F: Future<Output = Answer>>(log: &Log, ask: impl Fn() -> F) {
    let before = log.lines_with("request{").len();
    let mut first = ask().await;
    // How long the body is says the connection, of whatever has no such header.
    first.headers.remove(CONTENT_LENGTH);
    assert_eq!(log.lines_with("request{").len(), before + 1, "the long way makes a span");
    let again = ask().await;
    assert_eq!(log.lines_with("request{").len(), before + 1, "memory had it: {}", again.body);
    assert_eq!((first.status, &first.headers, &first.body), (again.status, &again.headers, &again.body));
    assert_eq!(first.status, 200);
}

#[tokio::test]
async fn what_is_known_is_answered_from_memory_and_as_the_first_time() {
    let app = TestApp::start().await;
    let wiki =
        Wiki::register(&app, json!({ "grant_types": ["authorization_code", "client_credentials"] })).await;
    let mut browser = app.member("ana@example.com").await;
    let access = wiki.sign_in(&app, &mut browser).await["access_token"].as_str().unwrap().to_owned();
    let own = wiki.ask(&app, "/token", &[("grant_type", "client_credentials")]).await.text("access_token");
    // A process that has just begun knows nothing.
    let (log, app) = (Log::of_spans(), app.restart().await);
    let jwt = json!({ "token": browser.jar["jwt"] });
    ask_twice(&log, || async { app.program().json("POST", "/verify-token", &jwt).await }).await;
    ask_twice(&log, || userinfo(&app, &access)).await;
    let own = [("token", own.as_str())];
    ask_twice(&log, || wiki.ask(&app, "/introspect", &own)).await;
    // Of the person's own token all was known by then.
    let before = log.lines_with("request{").len();
    assert!(wiki.is_active(&app, &access).await);
    assert_eq!(log.lines_with("request{").len(), before);
    for (path, fields) in [("/introspect", [("token", "x")]), ("/revoke", [("token", &*access)])] {
        wiki.ask(&app, path, &fields).await;
    }
    assert_eq!(log.lines_with("request{").len(), before + 2, "what is refused or changed goes the long way");
    assert!(!wiki.is_active(&app, &access).await);
    assert_eq!(userinfo(&app, &access).await.status, 401);
    let stranger = Wiki { id: wiki.id.clone(), secret: Some("not the secret".to_owned()) };
    assert_eq!(stranger.ask(&app, "/introspect", &own).await.status, 401);
    app.turn(Duration::from_mins(11));
    assert!(!wiki.is_active(&app, own[0].1).await, "expired");
    assert_eq!(app.program().json("POST", "/verify-token", &jwt).await.status, 401);
}
