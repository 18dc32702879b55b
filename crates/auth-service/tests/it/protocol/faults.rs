//! What an app is told, and what a person sees, of faults of the server.

use serde_json::json;

use super::{Wiki, returned, try_returned};
use crate::support::TestApp;

/// A frame that asks silently was left with a page of ours, and the app with nothing.
#[tokio::test]
async fn an_app_that_asks_silently_is_told_that_the_server_cannot_answer_and_a_person_sees_it() {
    let app = TestApp::start().await;
    let wiki = Wiki::register(&app, json!({})).await;
    let mut browser = app.member("ana@example.com").await;
    let silent = wiki.authorize(&[("prompt", "none")]);
    assert!(try_returned(&browser.get(&silent).await, "code").is_some());
    // From now on its database answers nobody.
    app.app.auth.stop().await;
    let answer = browser.get(&silent).await;
    assert_eq!(
        (answer.status.as_u16(), returned(&answer, "error").as_str()),
        (303, "temporarily_unavailable")
    );
    assert_eq!(returned(&answer, "state"), "the state");
    assert!(returned(&answer, "error_description").contains("support id"));
    let by_form = browser.get(&wiki.authorize(&[("prompt", "none"), ("response_mode", "form_post")])).await;
    assert_eq!((by_form.status.as_u16(), by_form.hidden("error").as_str()), (200, "temporarily_unavailable"));
    // Nobody has to be looked up.
    assert_eq!(returned(&app.browser().get(&silent).await, "error"), "login_required");
    let seen = browser.get(&wiki.authorize(&[])).await;
    assert_eq!((seen.status.as_u16(), seen.location(), seen.header("retry-after")), (503, "", "1"));
    assert!(seen.body.contains("class=\"support\""), "{}", seen.body);
    // Where it is not certain whose it is nobody is sent.
    for (name, value, status) in
        [("redirect_uri", "https://evil.example/", 400), ("client_id", "nobody", 503)]
    {
        let shown = browser.get(&wiki.authorize(&[("prompt", "none"), (name, value)])).await;
        assert_eq!((shown.status.as_u16(), shown.location()), (status, ""), "{name}");
    }
}
