//! Who is not let in, and what they are told.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::json;

use crate::App;
use crate::fake::{Mood, TOKEN};

const SIGN_IN: &str =
    "http://auth.localhost:3000/sign-in?return_to=http%3A%2F%2Fapp.localhost%3A8000%2Fprotected";

#[tokio::test]
async fn signed_out_is_sent_to_sign_in() {
    let app = App::start().await;
    insta::assert_snapshot!(app.get("/protected", None).await.whole(), @"
    303 See Other
    cache-control: no-store
    content-length: 0
    content-security-policy: default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'
    cross-origin-opener-policy: same-origin
    cross-origin-resource-policy: same-origin
    location: http://auth.localhost:3000/sign-in?return_to=http%3A%2F%2Fapp.localhost%3A8000%2Fprotected
    referrer-policy: no-referrer
    x-content-type-options: nosniff
    ");
}

#[tokio::test]
async fn a_token_that_is_none_is_sent_to_sign_in() {
    let app = App::start().await;
    let long = "x".repeat(5000);
    for token in ["", "forged.token.here", "\"quoted\"", "a b", "<script>", long.as_str()] {
        let answer = app.get("/protected", Some(token)).await;
        assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, SIGN_IN), "{token:?}");
    }
}

#[tokio::test]
async fn revoked_is_refused_at_the_next_request() {
    let app = App::start().await;
    assert_eq!(app.get("/protected", Some(TOKEN)).await.status, StatusCode::OK);
    app.auth.becomes(Mood::Revoked);
    let answer = app.get("/protected", Some(TOKEN)).await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, SIGN_IN));
    assert_eq!(answer.header("cache-control"), "no-store");
}

#[tokio::test]
async fn nobody_gets_in_while_the_server_is_away() {
    let App { router, auth } = App::start().await;
    auth.goes_away().await;
    let app = App { router, auth: crate::FakeAuth::start().await };
    insta::assert_snapshot!(app.get("/protected", Some(TOKEN)).await.whole(), @r#"
    503 Service Unavailable
    cache-control: no-store
    content-length: 567
    content-security-policy: default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'
    content-type: text/html; charset=utf-8
    cross-origin-opener-policy: same-origin
    cross-origin-resource-policy: same-origin
    referrer-policy: no-referrer
    retry-after: 5
    x-content-type-options: nosniff

    <!doctype html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>Not available just now · Example app</title>
    <link rel="stylesheet" href="/static/app.css">
    </head>
    <body>
    <main class="card">

    <h1>Sign-in cannot be checked just now</h1>
    <p class="lead">The sign-in server does not answer, so this page stays closed. Nothing is lost: try again in a few seconds.</p>
    <p><a class="main" href="/protected">Try again</a></p>

    </main>
    </body>
    </html>
    "#);
    assert_eq!(app.get("/", None).await.status, StatusCode::OK, "the public page needs no server");
    assert_eq!(app.get("/healthz", None).await.status, StatusCode::OK, "away is not broken");
}

#[tokio::test]
async fn nobody_gets_in_while_the_server_is_not_itself() {
    let app = App::start().await;
    for (status, body) in [
        (StatusCode::INTERNAL_SERVER_ERROR, json!({ "active": true })),
        (StatusCode::TOO_MANY_REQUESTS, json!({})),
        (StatusCode::FOUND, json!({})),
        (StatusCode::NO_CONTENT, json!({})),
        (StatusCode::OK, json!({})),
        (StatusCode::OK, json!({ "active": true })),
        (StatusCode::OK, json!({ "active": "true", "sub": "a", "sid": "b", "exp": 1, "auth_time": 1 })),
        (StatusCode::OK, json!({ "padding": "x".repeat(100_000) })),
    ] {
        app.auth.becomes(Mood::Broken(status, body.clone()));
        let answer = app.get("/protected", Some(TOKEN)).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{status} {body}");
        assert_eq!(answer.header("retry-after"), "5");
    }
    let inactive = json!({ "active": false, "sub": "a", "sid": "b", "exp": 1, "auth_time": 1 });
    app.auth.becomes(Mood::Broken(StatusCode::OK, inactive));
    assert_eq!(app.get("/protected", Some(TOKEN)).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn nobody_gets_in_while_the_server_is_silent() {
    let app = App::start().await;
    app.auth.becomes(Mood::Silent);
    assert_eq!(app.get("/protected", Some(TOKEN)).await.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn a_form_or_a_script_is_not_redirected() {
    let app = App::start().await;
    let request = |method: &str| {
        Request::builder().method(method).uri("/protected").header("host", "app.localhost:8000")
    };
    let form = app.send(request("POST").body(Body::from("note=hello")).unwrap()).await;
    insta::assert_snapshot!(form.whole(), @"
    401 Unauthorized
    allow: GET,HEAD
    cache-control: no-store
    connection: close
    content-length: 48
    content-security-policy: default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'
    content-type: text/plain; charset=utf-8
    cross-origin-opener-policy: same-origin
    cross-origin-resource-policy: same-origin
    referrer-policy: no-referrer
    x-content-type-options: nosniff

    You are not signed in. Sign in, then try again.
    ");
    let script = request("GET").header("sec-fetch-mode", "cors").body(Body::empty()).unwrap();
    assert_eq!(app.send(script).await.status, StatusCode::UNAUTHORIZED);
    let page = request("GET").header("sec-fetch-mode", "navigate").body(Body::empty()).unwrap();
    assert_eq!(app.send(page).await.status, StatusCode::SEE_OTHER);
    let head = request("HEAD").body(Body::empty()).unwrap();
    assert_eq!(app.send(head).await.status, StatusCode::SEE_OTHER);
}
