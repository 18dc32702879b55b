//! One browser with several requests on their way.

use serde_json::json;

use super::{Wiki, returned, try_returned};
use crate::support::{Answer, Browser, PASSWORD, TestApp};

const ANA: &str = "ana@example.com";

fn tickets(browser: &Browser) -> usize {
    browser.jar.keys().filter(|name| name.starts_with("__Host-keyward-request-")).count()
}

/// Keeps what an answer sets, as the browser does that asked for it.
fn keep(browser: &mut Browser, answer: &Answer) {
    for cookie in answer.cookies() {
        let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
        browser.jar.insert(name.to_owned(), value.to_owned());
    }
}

/// Each was bound to the token that the browser was given with it, of which it keeps the last: whoever opened two apps at
/// once, as a browser does that restores its tabs, could sign in to one.
#[tokio::test]
async fn two_tabs_of_a_new_browser_both_arrive() {
    let app = TestApp::start().await;
    let wiki = Wiki::register(&app, json!({})).await;
    app.account(ANA, true).await;
    let mut browser = app.browser();
    // Neither request knows of the other's answer.
    let (mut one, mut two) = (browser.clone(), browser.clone());
    let first = one.get(&wiki.authorize(&[("state", "first")])).await;
    let second = two.get(&wiki.authorize(&[("state", "second")])).await;
    keep(&mut browser, &first);
    keep(&mut browser, &second);
    assert_eq!(tickets(&browser), 2);
    let mut returns = Vec::new();
    for answer in [&first, &second] {
        returns.push(browser.get(answer.location()).await.hidden("return_to"));
    }
    let fields = [("email", ANA), ("password", PASSWORD), ("return_to", returns[0].as_str())];
    let answer = browser.post("/sign-in", &fields).await;
    let id = answer.location().split("id=").nth(1).unwrap().to_owned();
    let code = app.letter(ANA).await.code;
    assert_eq!(browser.post("/sign-in/code", &[("id", &id), ("code", &code)]).await.location(), returns[0]);
    for (to, state) in returns.iter().zip(["first", "second"]) {
        let mut stranger = app.browser();
        stranger.get("/sign-in").await;
        assert_eq!(stranger.get(to).await.status, 410, "in no other browser");
        let answer = browser.get(to).await;
        assert_eq!(returned(&answer, "state"), state);
        assert_eq!(wiki.exchange(&app, &returned(&answer, "code")).await.status, 200);
    }
    assert_eq!(tickets(&browser), 0, "what is answered leaves nothing in the browser");
}

/// Neither the browser's requests nor its rows grow with the tabs that somebody opens.
#[tokio::test]
async fn so_many_requests_of_a_browser_wait_and_the_oldest_give_way() {
    let app = TestApp::start().await;
    let wiki = Wiki::register(&app, json!({})).await;
    app.account(ANA, false).await;
    let mut browser = app.browser();
    let (mut returns, mut early) = (Vec::new(), browser.clone());
    for number in 0..30 {
        app.turn(std::time::Duration::from_secs(1));
        let answer = browser.get(&wiki.authorize(&[])).await;
        returns.push(browser.get(answer.location()).await.hidden("return_to"));
        if number == 0 {
            early = browser.clone();
        }
    }
    assert_eq!(tickets(&browser), 10);
    let fields = [("email", ANA), ("password", PASSWORD), ("return_to", returns[29].as_str())];
    assert_eq!(browser.post("/sign-in", &fields).await.location(), returns[29]);
    for (number, to) in returns.iter().enumerate() {
        let answer = browser.get(to).await;
        assert_eq!(try_returned(&answer, "code").is_some(), number >= 20, "{number}: {}", answer.status);
    }
    // What gave way waits no longer either: whoever kept the cookie finds nothing by it.
    let fields = [("email", ANA), ("password", PASSWORD), ("return_to", returns[0].as_str())];
    assert_eq!(early.post("/sign-in", &fields).await.location(), returns[0]);
    assert_eq!((tickets(&early), early.get(&returns[0]).await.status.as_u16()), (1, 410));
}
