//! Honest error pages: the right status, what to do, and a support id.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::http::Request;
use hyper::body::Frame;

use crate::support::TestApp;

const FORM: &str = "application/x-www-form-urlencoded";

#[tokio::test]
async fn every_failure_is_a_page_with_a_support_id() {
    let app = TestApp::start().await;
    let mut browser = app.browser();
    let foreign = Request::post("/sign-in").header("origin", "https://evil.example");
    for (answer, status, title) in [
        (browser.get("/nothing").await, 404, "There is no such page"),
        (browser.get("/nothing/%FF").await, 404, "There is no such page"),
        (browser.get("/static/%FF").await, 404, "There is no such page"),
        (browser.get("/static/nothing.css").await, 404, "There is no such page"),
        (browser.get("/verify").await, 404, "There is no such page"),
        (browser.get("/sign-in?return_to=a&return_to=b").await, 400, "We could not read that"),
        (browser.raw("PUT", "/sign-in", "", "").await, 405, "This page cannot do that"),
        (browser.get("/language").await, 405, "This page cannot do that"),
        (browser.get("/verify?token=x").await, 410, "This has expired"),
        (browser.raw("POST", "/sign-in", FORM, vec![b'a'; 65_537]).await, 413, "That was too much"),
        (browser.raw("POST", "/sign-in", "text/plain", "x").await, 415, "We could not read that"),
        (browser.raw("POST", "/sign-in", FORM, "email=%FF").await, 400, "We could not read that"),
        (browser.raw("POST", "/sign-in", FORM, "email=a&email=b").await, 400, "We could not read that"),
        (
            browser.send(foreign.body(String::new().into()).unwrap()).await,
            403,
            "This request came from elsewhere",
        ),
    ] {
        assert_eq!(answer.status, status, "{title}");
        assert_eq!(answer.header("content-type"), "text/html; charset=utf-8", "{title}");
        assert!(answer.body.contains(&format!("<h1>{title}</h1>")), "{title}: {}", answer.body);
        assert!(answer.body.contains("Support id <code>"), "{title}");
    }
}

/// It told whoever is signed out to sign up again, and led to signing in alone.
#[tokio::test]
async fn what_has_expired_leads_to_wherever_it_may_have_begun() {
    let app = TestApp::start().await;
    let answer = app.browser().get("/verify?token=x").await;
    for begins in ["/sign-in", "/sign-up", "/reset"] {
        assert!(answer.body.contains(&format!("href=\"{begins}\"")), "{begins}: {}", answer.body);
    }
    let answer = app.member("ana@example.com").await.get("/verify?token=x").await;
    assert!(answer.body.contains("href=\"/account\"") && !answer.body.contains("href=\"/sign-up\""));
}

/// A body that never ends.
struct Endless;

impl HttpBody for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Pending
    }
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "the runtime's own clock, which stands still")]
async fn a_form_that_does_not_end_is_given_up() {
    let app = TestApp::start().await;
    // From here on nothing waits but for the clock, which then goes on by itself.
    tokio::time::pause();
    let before = tokio::time::Instant::now();
    let request = Request::post("/sign-in").header("content-type", FORM);
    let answer = app.browser().send(request.body(Body::new(Endless)).unwrap()).await;
    assert_eq!(before.elapsed().as_secs(), 10);
    assert_eq!((answer.status.as_u16(), answer.header("connection")), (408, "close"));
    assert!(answer.body.contains("<h1>We could not read that</h1>") && answer.body.contains("Support id"));
}

#[tokio::test]
async fn a_page_that_needs_the_database_says_when_it_is_away() {
    let app = TestApp::start().await;
    app.app.auth.stop().await;
    let id = "0190163d-8694-739b-aea5-966c26f8ad91";
    for path in [format!("/sign-in/code?id={id}"), format!("/verify?id={id}"), "/verify?token=x".to_owned()] {
        let answer = app.browser().get(&path).await;
        assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (503, "1"), "{path}");
        assert!(answer.body.contains("<h1>We will be right back</h1>"), "{path}");
        assert!(answer.body.contains("Support id <code>"), "{path}");
    }
    let answer = app.program().get("/api/v1/account").await;
    assert_eq!(answer.status, 401, "who brings no cookie is told without asking the database");
}

#[tokio::test]
async fn a_notice_that_is_none_of_ours_is_nothing() {
    let app = TestApp::start().await;
    let mut browser = app.browser();
    // Anybody can write an address, and once could make a page say that an account was deleted.
    for path in ["/sign-in?notice=you-have-won", "/signed-out?notice=notice-account-deleted"] {
        let page = browser.get(path).await;
        assert!(page.status == 200 && !page.body.contains("role=\"status\""), "{path}");
    }
    for notice in ["you-have-won", "notice-code-sent.%", ".", "<b>"] {
        browser.jar.insert("__Host-keyward-notice".to_owned(), notice.to_owned());
        let page = browser.get("/sign-in").await;
        assert!(page.status == 200 && !page.body.contains("you-have-won"), "{notice}");
    }
}

/// "This link has expired" was once said where no link was, with a button to sign in for somebody who was signed in.
#[tokio::test]
async fn what_has_expired_leads_whoever_is_signed_in_to_their_account() {
    let app = TestApp::start().await;
    app.account("ana@example.com", true).await;
    let mut browser = app.browser();
    browser.get("/sign-in").await;
    let fields = [("email", "ana@example.com"), ("password", crate::support::PASSWORD)];
    let step = browser.post("/sign-in", &fields).await.location().to_owned();
    let stranger = app.browser().get(&step).await;
    assert!(stranger.body.contains("href=\"/sign-in\"") && !stranger.body.contains("href=\"/account\""));
    let code = app.letter("ana@example.com").await.code;
    let id = step.split("id=").nth(1).unwrap();
    assert_eq!(browser.post("/sign-in/code", &[("id", id), ("code", &code)]).await.location(), "/account");
    // The back button, after the browser has forgotten what it did.
    browser.jar.remove("__Host-keyward-done");
    let page = browser.get(&step).await;
    assert_eq!(page.status, 410);
    assert!(page.body.contains("<h1>This has expired</h1>") && page.body.contains("You are signed in"));
    assert!(page.body.contains("class=\"main\" href=\"/account\"") && !page.body.contains("href=\"/reset\""));
}
