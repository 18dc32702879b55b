//! Whole answers.

use axum::http::StatusCode;

use crate::App;
use crate::fake::TOKEN;

#[tokio::test]
async fn anybody_sees_the_public_page() {
    let app = App::start().await;
    insta::assert_snapshot!(app.get("/", None).await.whole(), @r#"
    200 OK
    content-length: 691
    content-security-policy: default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'
    content-type: text/html; charset=utf-8
    cross-origin-opener-policy: same-origin
    cross-origin-resource-policy: same-origin
    referrer-policy: no-referrer
    x-content-type-options: nosniff

    <!doctype html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>Welcome · Example app</title>
    <link rel="stylesheet" href="/static/app.css">
    </head>
    <body>
    <main class="card">

    <h1>Example app</h1>
    <p class="lead">A small app that leaves sign-in to Keyward. This page is for everybody; the next one is for people who are signed in.</p>
    <p><a class="main" href="/protected">Sign in</a></p>
    <p class="aside">New here? <a href="http://auth.localhost:3000/sign-up?return_to=http%3A%2F%2Fapp.localhost%3A8000%2Fprotected">Create an account</a></p>

    </main>
    </body>
    </html>
    "#);
}

#[tokio::test]
async fn signed_in_sees_the_protected_page() {
    let app = App::start().await;
    insta::assert_snapshot!(app.get("/protected", Some(TOKEN)).await.whole(), @r#"
    200 OK
    cache-control: no-store
    content-length: 894
    content-security-policy: default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'
    content-type: text/html; charset=utf-8
    cross-origin-opener-policy: same-origin
    cross-origin-resource-policy: same-origin
    referrer-policy: no-referrer
    x-content-type-options: nosniff

    <!doctype html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>Signed in · Example app</title>
    <link rel="stylesheet" href="/static/app.css">
    </head>
    <body>
    <main class="card">

    <h1>You are signed in</h1>
    <p class="lead">Only people who are signed in see this page. This is what the app knows of you:</p>
    <dl>
    <div><dt>Account</dt><dd><code>0199a5f0-0000-7000-8000-000000000001</code></dd></div>
    <div><dt>Signed in</dt><dd>24 November 2025, 16:00 UTC</dd></div>
    <div><dt>Proved by</dt><dd>password, then one-time code</dd></div>
    </dl>
    <p><a class="main" href="http://auth.localhost:3000/account">Your account</a></p>
    <p><a class="second" href="http://auth.localhost:3000/sign-out?return_to=http%3A%2F%2Fapp.localhost%3A8000%2F">Sign out</a></p>

    </main>
    </body>
    </html>
    "#);
}

#[tokio::test]
async fn what_is_not_there_is_said_so() {
    let app = App::start().await;
    let answer = app.get("/nowhere", None).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert!(answer.body.contains("There is no such page"));
}

#[tokio::test]
async fn the_stylesheet_asks_no_other_host() {
    let app = App::start().await;
    let answer = app.get("/static/app.css", None).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("content-type"), "text/css; charset=utf-8");
    assert!(!answer.body.contains("url(") && !answer.body.contains("@import"));
}
