//! Class 11: a step skipped. Every route out of order, empty, twice, with and without a flow under way: never a fault of
//! ours, never a session.

use serde_json::json;

use crate::classes::inventory::{empty, every, filled};
use crate::protocol::{Wiki, try_returned, userinfo};
use crate::support::{Answer, Browser, PASSWORD, TestApp};

const ANA: &str = "ana@example.com";
const BEN: &str = "ben@example.com";
const ID: &str = "0190163d-8694-739b-aea5-966c26f8ad91";

fn assert_no_step(answer: &Answer, place: &str) {
    assert!(answer.status.as_u16() < 500, "{place}: {} {}", answer.status, answer.body);
    assert!(!answer.opens_session(), "{place}: {:?}", answer.cookies());
}

/// Each route with nothing, with an id and an empty code, and with made-up evidence; each twice.
async fn everything(browser: &mut Browser, id: &str) {
    for (method, path) in every() {
        let (content_type, nothing) = empty(&path);
        let place = format!("{method} {path}");
        let made_up = if content_type == "application/json" {
            vec![
                json!({ "attempt_id": id, "code": "" }).to_string(),
                json!({ "attempt_id": id, "code": "000000" }).to_string(),
                json!({ "proof_id": id, "code": "" }).to_string(),
                json!({ "reset_id": id, "code": "", "new_password": PASSWORD }).to_string(),
                json!({ "token": "", "new_password": PASSWORD }).to_string(),
                json!({ "email": ANA, "loginAttemptId": id, "2FACode": "" }).to_string(),
                json!({ "email": ANA, "loginAttemptId": "", "2FACode": "" }).to_string(),
                json!({ "email": ANA, "password": "" }).to_string(),
                "null".to_owned(),
                "[]".to_owned(),
                String::new(),
            ]
        } else {
            vec![
                format!("id={id}"),
                format!("id={id}&code="),
                format!("id={id}&code=000000&new_password="),
                "id=&code=".to_owned(),
                "token=&password=&new_password=".to_owned(),
                format!("email={ANA}&password="),
                "side=old&token=".to_owned(),
                "side=old&code=".to_owned(),
            ]
        };
        for body in std::iter::once(nothing.to_owned()).chain(made_up) {
            for _ in 0..2 {
                let answer = browser.raw(&method, &filled(&path, id), content_type, body.clone()).await;
                assert_no_step(&answer, &format!("{place} {body}"));
            }
        }
        let answer = browser.raw(&method, &filled(&path, id), "", "").await;
        assert_no_step(&answer, &format!("{place} with no body"));
    }
}

fn generous(setup: &mut crate::support::Setup) {
    setup.limits.network_failures = 1_000_000;
    setup.limits.account_failures = 1_000_000;
    setup.limits.second_step_guesses = 1_000_000;
    setup.limits.mails = 1_000_000;
    setup.limits.second_step_mails = 1_000_000;
    setup.limits.network_sign_ups = 1_000_000;
    setup.limits.code_tries = 1_000_000;
}

#[tokio::test]
async fn nobody_gets_in_by_any_route_alone() {
    let app = TestApp::with(generous).await;
    app.account(ANA, false).await;
    let mut browser = app.browser();
    everything(&mut browser, ID).await;
    assert!(!browser.is_signed_in().await);
}

/// The password was right, the code is due: no route but the one with the code goes on.
#[tokio::test]
async fn nobody_gets_past_the_second_step() {
    let app = TestApp::with(generous).await;
    app.account(ANA, true).await;
    let mut browser = app.browser();
    browser.get("/sign-in").await;
    let answer = browser.post("/sign-in", &[("email", ANA), ("password", PASSWORD)]).await;
    let id = answer.location().split("id=").nth(1).unwrap().to_owned();
    everything(&mut browser, &id).await;
    assert!(!browser.is_signed_in().await);
}

/// Signed up and not proved: no route but the one with the code or link goes on.
#[tokio::test]
async fn nobody_signs_in_before_the_proof() {
    let app = TestApp::with(generous).await;
    let mut browser = app.browser();
    browser.get("/sign-up").await;
    let answer = browser.post("/sign-up", &[("email", ANA), ("password", PASSWORD)]).await;
    let id = answer.location().split("id=").nth(1).unwrap().to_owned();
    everything(&mut browser, &id).await;
    let answer = browser.post("/sign-in", &[("email", ANA), ("password", PASSWORD)]).await;
    assert_no_step(&answer, "signing in");
    assert_eq!(answer.status, 401, "as with any wrong password");
}

/// What was made for one step is worth nothing at another.
#[tokio::test]
async fn evidence_of_one_step_does_not_pass_another() {
    let app = TestApp::with(generous).await;
    let mut program = app.program();
    let sign_up = json!({ "email": "new@example.com", "password": PASSWORD });
    let proof_id = program.json("POST", "/api/v1/sign-up", &sign_up).await.text("proof_id");
    let proof = app.letter("new@example.com").await;
    app.account(ANA, true).await;
    let reset_id = program.json("POST", "/api/v1/reset", &json!({ "email": ANA })).await.text("reset_id");
    let reset = app.letter(ANA).await;
    let login = json!({ "email": ANA, "password": PASSWORD });
    let attempt_id = program.json("POST", "/api/v1/sign-in", &login).await.text("attempt_id");
    let attempt = app.letter(ANA).await;

    let held = [(&proof_id, &proof), (&reset_id, &reset), (&attempt_id, &attempt)];
    for (number, (id, letter)) in held.into_iter().enumerate() {
        let token = if letter.link.is_empty() { String::new() } else { letter.token() };
        let (code, with) = (&letter.code, PASSWORD);
        let uses = [
            ("/api/v1/sign-up/proof", json!({ "proof_id": id, "code": code, "password": with })),
            ("/api/v1/sign-up/proof", json!({ "token": token, "password": with })),
            ("/api/v1/reset/complete", json!({ "reset_id": id, "code": code, "new_password": with })),
            ("/api/v1/reset/complete", json!({ "token": token, "new_password": with })),
            ("/api/v1/sign-in/code", json!({ "attempt_id": id, "code": code })),
        ];
        for (place, (path, body)) in uses.iter().enumerate() {
            if place / 2 != number {
                let answer = program.json("POST", path, body).await;
                assert_eq!(answer.status, 410, "{path} {body}");
                assert_no_step(&answer, path);
            }
        }
        for path in [format!("/verify?token={token}"), format!("/reset/new?token={token}")] {
            let own = path.starts_with("/verify") && number == 0 || path.starts_with("/reset") && number == 1;
            let status = program.get(&path).await.status;
            assert_eq!(status, if own { 200 } else { 410 }, "{path}");
        }
    }
    let step = json!({ "attempt_id": attempt_id, "code": attempt.code });
    assert_eq!(program.json("POST", "/api/v1/sign-in/code", &step).await.status, 200, "not used up");
}

/// Somebody else signs in in another tab, between the page that asked one person and their word: it was taken as the other's.
#[tokio::test]
async fn a_word_of_one_person_is_none_of_whoever_is_signed_in_by_then() {
    for (path, prompt, words) in [
        ("/authorize/consent", "consent", ["allow", "deny"]),
        ("/authorize/account", "select_account", ["continue", "other"]),
    ] {
        let app = TestApp::start().await;
        let wiki = Wiki::register(&app, json!({ "first_party": path == "/authorize/account" })).await;
        app.account(BEN, false).await;
        let mut browser = app.member(ANA).await;
        let asked = browser.get(&wiki.authorize(&[("prompt", prompt)])).await.location().to_owned();
        assert!(asked.starts_with(path), "{asked}");
        let shown = browser.get(&asked).await;
        assert!(shown.body.contains(ANA), "{}", shown.body);
        let (id, ana) = (shown.hidden("id"), shown.hidden("account"));
        browser.post("/sign-in", &[("email", BEN), ("password", PASSWORD)]).await;
        let send = async |browser: &mut Browser, account: &str, word: &str| {
            browser.post(path, &[("id", &id), ("account", account), ("choice", word)]).await
        };
        for account in [ana.as_str(), "", "x", ID] {
            for word in words {
                let anew = send(&mut browser, account, word).await;
                let case = format!("{path} {word} as {account:?}");
                assert_eq!((anew.status.as_u16(), anew.location()), (200, ""), "{case}");
                assert!(anew.body.contains(BEN) && !anew.body.contains(ANA), "{case}: {}", anew.body);
                assert!(anew.body.contains("Somebody else has signed in here meanwhile"), "{case}");
                assert!(browser.is_signed_in().await, "{case}");
                assert_eq!(
                    browser.get("/api/v1/account/apps").await.json(),
                    json!([]),
                    "{case}: nothing granted"
                );
            }
        }
        let anew = send(&mut browser, &ana, words[0]).await;
        let answer = send(&mut browser, &anew.hidden("account"), words[0]).await;
        let code = try_returned(&answer, "code").unwrap();
        let tokens = wiki.exchange(&app, &code).await.json();
        let person = userinfo(&app, tokens["access_token"].as_str().unwrap()).await;
        assert_eq!(person.text("email"), BEN, "{path}: as whom it was shown to");
    }
}
