//! Class 14: another's object by its id: what stands between a person and an app is theirs alone. Somebody else who knows
//! every id of it reaches none of it, at no route; nor does another app.

use serde_json::json;

use crate::classes::inventory::{every, filled};
use crate::protocol::{Wiki, try_returned};
use crate::support::{TestApp, form};

const ANA: &str = "ana@example.com";
const EVE: &str = "eve@example.com";

#[tokio::test]
async fn class_14_nobody_reaches_what_another_person_and_an_app_have() {
    let app = TestApp::start().await;
    let wiki = Wiki::register(&app, json!({})).await;
    let mut ana = app.member(ANA).await;
    let tokens = wiki.sign_in(&app, &mut ana).await;
    let code = wiki.code(&mut ana, &[]).await;
    let waiting = ana.get(&wiki.authorize(&[("prompt", "consent")])).await;
    let waiting = waiting.location().split("id=").nth(1).unwrap().to_owned();
    let jti =
        crate::protocol::claims(tokens["access_token"].as_str().unwrap())["jti"].as_str().unwrap().to_owned();
    let grant = jti.split('.').next().unwrap().to_owned();
    let subject =
        crate::protocol::claims(tokens["id_token"].as_str().unwrap())["sub"].as_str().unwrap().to_owned();
    let before = ana.get("/account/apps").await.body;
    app.account(EVE, false).await;
    let own = app.signed_in(EVE).await.get("/api/v1/account").await.text("id");
    for id in [&waiting, &grant, &subject, &jti, "wiki"] {
        for (method, path) in every() {
            let mut eve = app.signed_in(EVE).await;
            for choice in ["allow", "continue", "deny", "other"] {
                let fields = [
                    ("id", id),
                    ("client_id", "wiki"),
                    ("user_id", subject.as_str()),
                    ("sub", &subject),
                    ("session_id", id),
                    ("account", &own),
                    ("choice", choice),
                    ("code", &code),
                ];
                let query = serde_urlencoded::to_string(fields).unwrap();
                let answer = match (method.as_str(), path.starts_with("/api/")) {
                    (_, true) => {
                        let body = json!({ "id": id, "user_id": subject, "client_id": "wiki" });
                        eve.json(&method, &filled(&path, id), &body).await
                    }
                    ("POST", _) => eve.send(form(&path, &fields)).await,
                    _ => eve.get(&format!("{path}?{query}")).await,
                };
                assert!(answer.status.as_u16() < 500, "{method} {path} {id}: {}", answer.status);
                assert!(!answer.body.contains(ANA), "{method} {path} {id}");
                assert!(!answer.location().starts_with("https://"), "{method} {path} {id}");
                // Only what has a choice is asked with each.
                if !path.starts_with("/authorize") {
                    break;
                }
            }
        }
    }
    assert_eq!(ana.get("/account/apps").await.body, before, "what she let in is as it was");
    let answer = ana.choose("/authorize/consent", &waiting, "allow").await;
    assert!(try_returned(&answer, "code").is_some(), "her request waits still: {}", answer.body);
    assert_eq!(wiki.exchange(&app, &code).await.status, 200);
    assert!(wiki.is_active(&app, tokens["access_token"].as_str().unwrap()).await);
    assert_eq!(wiki.refresh(&app, tokens["refresh_token"].as_str().unwrap()).await.status, 200);
}

/// Another app, with its own good secret, and everything that the first one holds.
#[tokio::test]
async fn class_14_another_app_reaches_nothing_of_the_first() {
    let app = TestApp::start().await;
    let wiki = Wiki::register(&app, json!({ "resources": ["https://api.example.com/"] })).await;
    let eve = Wiki::register(&app, json!({ "client_id": "eve", "claims_in_id_token": true })).await;
    let mut ana = app.member(ANA).await;
    let tokens = wiki.sign_in(&app, &mut ana).await;
    for name in ["access_token", "refresh_token", "id_token"] {
        let token = tokens[name].as_str().unwrap();
        let told = eve.ask(&app, "/introspect", &[("token", token)]).await;
        assert_eq!(told.json(), json!({ "active": false }), "{name}");
        // RFC 7009 section 2.1. An ID token is nothing that could be revoked.
        let refused = eve.ask(&app, "/revoke", &[("token", token)]).await;
        match name {
            "id_token" => assert_eq!(refused.status, 200),
            _ => assert_eq!(
                (refused.status.as_u16(), refused.text("error").as_str()),
                (400, "invalid_grant"),
                "{name}"
            ),
        }
    }
    assert!(wiki.is_active(&app, tokens["access_token"].as_str().unwrap()).await, "and not done");
    // With an ID token of the first app it is told nothing, and signs nobody out under its own name.
    let hint = tokens["id_token"].as_str().unwrap();
    let asked = eve.authorize(&[("id_token_hint", hint), ("prompt", "none")]);
    assert_eq!(try_returned(&ana.get(&asked).await, "error").as_deref(), Some("invalid_request"));
    let asked = serde_urlencoded::to_string([("id_token_hint", hint), ("client_id", "eve")]).unwrap();
    assert_eq!(ana.get(&format!("/end-session?{asked}")).await.status, 400);
    assert!(ana.is_signed_in().await);
    // A code or refresh token that it has got hold of gives it nothing, and is spent: it was stolen.
    let code = wiki.code(&mut ana, &[]).await;
    assert_eq!(eve.exchange(&app, &code).await.text("error"), "invalid_grant");
    assert_eq!(wiki.exchange(&app, &code).await.text("error"), "invalid_grant");
    let refresh = tokens["refresh_token"].as_str().unwrap();
    assert_eq!(eve.refresh(&app, refresh).await.text("error"), "invalid_grant");
    assert_eq!(wiki.refresh(&app, refresh).await.text("error"), "invalid_grant");
}
