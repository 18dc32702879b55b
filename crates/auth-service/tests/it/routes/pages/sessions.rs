//! Where the account is signed in.

use crate::support::TestApp;

const ANA: &str = "ana@example.com";

#[tokio::test]
async fn end_one_end_the_others_end_this() {
    let app = TestApp::start().await;
    let mut browser = app.member(ANA).await;
    let mut second = app.signed_in(ANA).await;
    let mut third = app.signed_in(ANA).await;
    let page = browser.get("/account/sessions").await;
    assert_eq!(page.body.matches("name=\"id\"").count(), 3);
    assert_eq!(page.body.matches("This device").count(), 1);
    let id = second.session_id().await;
    let answer = browser.post("/account/sessions/end", &[("id", &id)]).await;
    assert_eq!(answer.leads(), "/account/sessions notice-session-ended");
    assert!(!second.is_signed_in().await && third.is_signed_in().await);
    let replayed = browser.post("/account/sessions/end", &[("id", &id)]).await;
    assert_eq!(replayed.leads(), "/account/sessions notice-already-done");
    assert_eq!(browser.post("/account/sessions/end", &[("id", "x")]).await.status, 404);
    assert_eq!(browser.post("/account/sessions/end", &[]).await.status, 404);
    let answer = browser.post("/account/sessions/end-others", &[]).await;
    assert_eq!(answer.leads(), "/account/sessions notice-other-sessions-ended");
    assert!(!third.is_signed_in().await && browser.is_signed_in().await);
    let own = browser.session_id().await;
    let answer = browser.post("/account/sessions/end", &[("id", &own)]).await;
    assert_eq!(answer.location(), "/signed-out");
    assert!(!browser.is_signed_in().await);
}

#[tokio::test]
async fn a_session_says_which_browser_it_is() {
    let app = TestApp::start().await;
    app.account(ANA, false).await;
    let mut browser = app.browser();
    let mut request =
        crate::support::form("/sign-in", &[("email", ANA), ("password", crate::support::PASSWORD)]);
    let agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
    request.headers_mut().insert("user-agent", agent.parse().unwrap());
    browser.send(request).await;
    assert!(browser.get("/account/sessions").await.body.contains("Firefox on Linux"));
}

/// Nobody ends what they cannot see. (Behind a hundred, sessions were in no list.)
#[tokio::test]
async fn every_session_is_on_a_page() {
    let app = TestApp::start().await;
    let mut browser = app.member(ANA).await;
    for _ in 0..204 {
        app.signed_in(ANA).await;
    }
    assert!(browser.get("/account").await.body.contains("205 devices"));
    let (mut ids, mut next) = (std::collections::BTreeSet::new(), Some("/account/sessions".to_owned()));
    let mut by_api = Some("/api/v1/account/sessions".to_owned());
    for expected in [100, 100, 5] {
        let page = browser.get(&next.unwrap()).await;
        let shown = page.body.split("name=\"id\" value=\"").skip(1);
        let shown: Vec<_> = shown.map(|rest| rest.split('"').next().unwrap().to_owned()).collect();
        assert_eq!(shown.len(), expected);
        assert!(page.body.contains("/account/sessions/end-others"));
        let answer = browser.get(&by_api.unwrap()).await;
        let told = answer
            .json()
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["id"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>();
        assert_eq!(told.iter().collect::<std::collections::BTreeSet<_>>(), shown.iter().collect());
        ids.extend(shown);
        let more = page.body.split_once("href=\"/account/sessions?after=");
        next = more.map(|(_, rest)| format!("/account/sessions?after={}", rest.split('"').next().unwrap()));
        let link = answer.header("link").to_owned();
        by_api = link.strip_suffix(">; rel=\"next\"").map(|link| link.trim_start_matches('<').to_owned());
        assert_eq!(next.is_some(), by_api.is_some());
    }
    assert!(next.is_none() && ids.len() == 205, "{}", ids.len());
    for nowhere in ["", "x", "1", "1.", "1.x", "x.00000000-0000-0000-0000-000000000000", "%ff"] {
        for path in ["/account/sessions", "/api/v1/account/sessions"] {
            let status = browser.get(&format!("{path}?after={nowhere}")).await.status;
            assert_eq!(status, 400, "{path} {nowhere}");
        }
    }
}
