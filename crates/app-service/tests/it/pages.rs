//! Whole answers.

use axum::http::StatusCode;

use crate::App;

#[tokio::test]
async fn anybody_sees_the_public_page() {
    let app = App::new();
    insta::assert_snapshot!(app.get("/").await.whole(), @r#"
    200 OK
    content-length: 613
    content-security-policy: default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'
    content-type: text/html; charset=utf-8
    cross-origin-embedder-policy: require-corp
    cross-origin-opener-policy: same-origin
    cross-origin-resource-policy: same-origin
    permissions-policy: camera=(), geolocation=(), microphone=(), publickey-credentials-get=(self)
    referrer-policy: same-origin
    x-content-type-options: nosniff
    x-frame-options: DENY

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
    <p class="aside">New here? The sign-in page lets you create an account.</p>

    </main>
    </body>
    </html>
    "#);
}

/// The server is away: the public page needs none, and away is not broken.
#[tokio::test]
async fn nobody_gets_in_while_the_server_is_away() {
    let app = App::new();
    let answer = app.get("/protected").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!((answer.header("retry-after"), answer.header("cache-control")), ("1", "no-store"));
    assert!(answer.body.contains("Sign-in cannot be checked just now") && answer.body.contains("app.css"));
    assert_eq!(app.get("/").await.status, StatusCode::OK);
    assert_eq!(app.get("/healthz").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_sign_in_that_cannot_go_on_says_what_to_do() {
    let app = App::new();
    insta::assert_snapshot!(app.get("/auth/callback?state=of-nobody&code=x").await.whole(), @r#"
    400 Bad Request
    cache-control: no-store
    content-length: 665
    content-security-policy: default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'
    content-type: text/html; charset=utf-8
    cross-origin-embedder-policy: require-corp
    cross-origin-opener-policy: same-origin
    cross-origin-resource-policy: same-origin
    permissions-policy: camera=(), geolocation=(), microphone=(), publickey-credentials-get=(self)
    referrer-policy: same-origin
    x-content-type-options: nosniff
    x-frame-options: DENY

    <!doctype html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>This sign-in cannot go on here · Example app</title>
    <link rel="stylesheet" href="/static/app.css">
    </head>
    <body>
    <main class="card">

    <h1>This sign-in cannot go on here</h1>
    <p class="lead">It is done already, it has waited for too long, or it was begun in another browser. If you are signed in, just go on; if not, sign in again.</p>

    <p><a class="main" href="/">To the start</a></p>

    <p><a class="second" href="/auth/sign-in">Sign in again</a></p>


    </main>
    </body>
    </html>
    "#);
}

#[tokio::test]
async fn what_is_not_there_is_said_so() {
    let app = App::new();
    let answer = app.get("/nowhere").await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert!(answer.body.contains("There is no such page"));
}

#[tokio::test]
async fn the_stylesheet_asks_no_other_host() {
    let app = App::new();
    let answer = app.get("/static/app.css").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("content-type"), "text/css; charset=utf-8");
    assert!(!answer.body.contains("url(") && !answer.body.contains("@import"));
}
