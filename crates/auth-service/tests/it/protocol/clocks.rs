//! An app wants a new proof: one process takes its request, another the proof, and their clocks differ.

use std::time::Duration;

use serde_json::json;

use super::{Wiki, try_returned};
use crate::support::{Browser, PASSWORD, TestApp};

const ANA: &str = "ana@example.com";
const SESSION: &str = "__Host-keyward-session";
const ANEW: [(&str, &str); 2] = [("prompt", "login"), ("max_age", "0")];
/// So far the clocks are from each other.
const APART: Duration = Duration::from_secs(30);

/// The app sends somebody who is signed in: where they go on, once they have proved again who they are.
async fn asked_again(wiki: &Wiki, browser: &mut Browser, parameter: (&str, &str)) -> String {
    let to = browser.get(&wiki.authorize(&[parameter])).await.location().to_owned();
    assert!(to.starts_with("/account/confirm"), "{parameter:?}: {to}");
    browser.get(&to).await.hidden("next")
}

async fn assert_asked_still(browser: &mut Browser, next: &str, case: &str) {
    let answer = browser.get(next).await;
    assert!(answer.location().starts_with("/account/confirm"), "{case}: {}", answer.location());
}

async fn assert_let_in(browser: &mut Browser, next: &str, case: &str) {
    let answer = browser.get(next).await;
    assert!(try_returned(&answer, "code").is_some(), "{case}: {}", answer.location());
}

async fn prove(browser: &mut Browser, next: &str) {
    let answer = browser.post("/account/confirm", &[("password", PASSWORD), ("next", next)]).await;
    assert_eq!(answer.location(), next, "{}", answer.body);
}

/// By the clocks it was made after.
#[tokio::test]
async fn a_proof_of_before_is_none_where_the_clock_of_the_request_is_behind() {
    let app = TestApp::start().await;
    let wiki = Wiki::register(&app, json!({})).await;
    app.account(ANA, false).await;
    for parameter in ANEW {
        for same_process in [false, true] {
            let case = format!("{parameter:?}, proved where the request was taken: {same_process}");
            let ahead = app.another_process_ahead(APART).await;
            let mut browser = ahead.signed_in(ANA).await;
            browser.meet(&app);
            let next = asked_again(&wiki, &mut browser, parameter).await;
            assert_asked_still(&mut browser, &next, &case).await;
            if same_process {
                prove(&mut browser, &next).await;
            } else {
                ahead.turn(Duration::from_secs(1));
                browser.meet(&ahead);
                prove(&mut browser, &next).await;
                browser.meet(&app);
            }
            assert_let_in(&mut browser, &next, &case).await;
        }
    }
}

/// By the clocks it was made before: the person was asked again, until the clock had come so far.
#[tokio::test]
async fn a_proof_counts_where_the_clock_of_the_request_is_ahead() {
    let app = TestApp::start().await;
    let wiki = Wiki::register(&app, json!({})).await;
    app.account(ANA, false).await;
    for parameter in ANEW {
        let ahead = app.another_process_ahead(APART).await;
        let mut browser = app.signed_in(ANA).await;
        browser.meet(&ahead);
        let next = asked_again(&wiki, &mut browser, parameter).await;
        browser.meet(&app);
        let case = format!("{parameter:?}");
        assert_asked_still(&mut browser, &next, &case).await;
        app.turn(Duration::from_secs(1));
        prove(&mut browser, &next).await;
        assert_let_in(&mut browser, &next, &case).await;
        // Nobody was signed in.
        let mut browser = ahead.browser();
        let to = browser.get(&wiki.authorize(&[parameter])).await.location().to_owned();
        browser.meet(&app);
        let next = browser.get(&to).await.hidden("return_to");
        let fields = [("email", ANA), ("password", PASSWORD), ("return_to", next.as_str())];
        assert_eq!(browser.post("/sign-in", &fields).await.location(), next);
        assert_let_in(&mut browser, &next, &case).await;
    }
}

/// Another session, or another id of the same, is not yet a proof.
#[tokio::test]
async fn neither_a_switch_nor_an_older_session_is_a_proof() {
    let app = TestApp::start().await;
    let wiki = Wiki::register(&app, json!({})).await;
    let mut browser = app.member(ANA).await;
    let kept = app.signed_in(ANA).await.jar[SESSION].clone();
    app.turn(APART);
    let next = asked_again(&wiki, &mut browser, ("prompt", "login")).await;
    let before = browser.jar[SESSION].clone();
    let answer = browser.post("/account/second-step", &[("second_step", "on")]).await;
    assert_eq!(answer.leads(), "/account notice-second-step-on");
    assert_ne!(browser.jar[SESSION], before, "another id");
    assert_asked_still(&mut browser, &next, "a switch").await;
    app.turn(Duration::from_mins(2));
    let mut browser = app.browser();
    let to = browser.get(&wiki.authorize(&[("prompt", "login")])).await.location().to_owned();
    let next = browser.get(&to).await.hidden("return_to");
    browser.jar.insert(SESSION.to_owned(), kept);
    assert_asked_still(&mut browser, &next, "an older session").await;
}
