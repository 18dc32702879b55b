//! Honest error pages: the right status, what to do, and a support id.

use axum::http::Request;

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
        (browser.get("/sign-in?notice=a&notice=b").await, 400, "We could not read that"),
        (browser.raw("PUT", "/sign-in", "", "").await, 405, "This page cannot do that"),
        (browser.get("/language").await, 405, "This page cannot do that"),
        (browser.get("/verify?token=x").await, 410, "This link has expired"),
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

#[tokio::test]
async fn a_notice_that_is_none_of_ours_is_nothing() {
    let app = TestApp::start().await;
    let page = app.browser().get("/sign-in?notice=you-have-won").await;
    assert!(page.status == 200 && !page.body.contains("role=\"status\""));
}
