//! What the guides for apps (`docs/guide/apps`) say under "When it does not work" of Keyward's own answers.

use serde_json::json;

use super::{CALLBACK, Wiki, claims, returned, userinfo};
use crate::support::{TestApp, authorized_form};

const ANA: &str = "ana@example.com";

fn exchange() -> Vec<(&'static str, &'static str)> {
    vec![
        ("grant_type", "authorization_code"),
        ("code", "x"),
        ("redirect_uri", CALLBACK),
        ("code_verifier", super::VERIFIER),
    ]
}

#[tokio::test]
async fn redirect_uri_on_a_page_is_one_that_differs_by_slash_port_or_scheme() {
    let app = TestApp::start().await;
    let registered = "https://board.example.com";
    let changes = json!({ "client_id": "board", "redirect_uris": [CALLBACK, registered], "token_endpoint_auth_method": "none" });
    let wiki = Wiki::register(&app, changes).await;
    let mut browser = app.member(ANA).await;
    for uri in [
        "https://wiki.example.com/callback/",
        "https://wiki.example.com:8443/callback",
        "http://wiki.example.com/callback",
        "https://board.example.com/",
    ] {
        let page = browser.get(&wiki.authorize(&[("redirect_uri", uri)])).await;
        assert_eq!((page.status.as_u16(), page.location()), (400, ""), "{uri}");
        assert!(page.body.contains("redirect_uri"), "{uri}: {}", page.body);
    }
    let answer = browser.get(&wiki.authorize(&[("redirect_uri", registered)])).await;
    assert!(answer.location().starts_with("https://board.example.com?code="), "{}", answer.location());
}

#[tokio::test]
async fn code_challenge_at_the_callback_is_an_app_without_pkce() {
    let app = TestApp::start().await;
    let wiki = Wiki::register(&app, json!({})).await;
    let mut browser = app.member(ANA).await;
    let without = [("code_challenge", ""), ("code_challenge_method", "")];
    let answer = browser.get(&wiki.authorize(&without)).await;
    assert_eq!(returned(&answer, "error"), "invalid_request");
    assert!(returned(&answer, "error_description").contains("code_challenge"), "{}", answer.location());
}

#[tokio::test]
async fn invalid_client_is_another_secret_or_a_secret_in_another_place() {
    let app = TestApp::start().await;
    let header = Wiki::register(&app, json!({})).await;
    let in_form = json!({ "client_id": "form", "token_endpoint_auth_method": "client_secret_post" });
    let in_form = Wiki::register(&app, in_form).await;
    let public = json!({ "client_id": "public", "token_endpoint_auth_method": "none" });
    let public = Wiki::register(&app, public).await;
    let secret = |wiki: &Wiki| wiki.secret.clone().unwrap();
    let by_header = async |wiki: &Wiki| {
        app.program().send(authorized_form("/token", &wiki.basic(), &exchange())).await.text("error")
    };
    let by_form = async |id: &str, secret: Option<&str>| {
        let secret = secret.map(|secret| ("client_secret", secret));
        let fields: Vec<_> = exchange().into_iter().chain([("client_id", id)]).chain(secret).collect();
        app.program().post("/token", &fields).await.text("error")
    };
    // Whoever is known is told of the code.
    assert_eq!(by_header(&header).await, "invalid_grant");
    assert_eq!(by_form("form", Some(&secret(&in_form))).await, "invalid_grant");
    assert_eq!(by_form("public", None).await, "invalid_grant");
    let another = Wiki { id: "wiki".to_owned(), secret: Some(secret(&in_form)) };
    assert_eq!(by_header(&another).await, "invalid_client");
    assert_eq!(
        by_form("wiki", Some(&secret(&header))).await,
        "invalid_client",
        "the form, where it is the header"
    );
    assert_eq!(by_header(&in_form).await, "invalid_client", "the header, where it is the form");
    assert_eq!(by_form("wiki", None).await, "invalid_client", "a page, registered with a secret");
    let shown = Wiki { id: public.id, secret: Some("x".to_owned()) };
    assert_eq!(by_header(&shown).await, "invalid_client", "a secret, registered without");
}

#[tokio::test]
async fn name_and_address_are_at_userinfo_for_whoever_asks_and_gave_them() {
    let app = TestApp::start().await;
    let wiki = Wiki::register(&app, json!({})).await;
    let told = json!({ "client_id": "told", "claims_in_id_token": true });
    let told = Wiki::register(&app, told).await;
    let mut browser = app.member(ANA).await;
    let known = |claims: &serde_json::Value| (claims["name"].is_string(), claims["email"].is_string());
    for named in [false, true] {
        if named {
            browser.post("/account/profile", &[("name", "Ana"), ("language", "")]).await;
        }
        let tokens = wiki.sign_in(&app, &mut browser).await;
        assert_eq!(known(&claims(tokens["id_token"].as_str().unwrap())), (false, false));
        let person = userinfo(&app, tokens["access_token"].as_str().unwrap()).await.json();
        assert_eq!(known(&person), (named, true));
        let tokens = told.sign_in(&app, &mut browser).await;
        assert_eq!(known(&claims(tokens["id_token"].as_str().unwrap())), (named, true));
    }
    let code = wiki.code(&mut browser, &[("scope", "openid")]).await;
    let tokens = wiki.exchange(&app, &code).await.json();
    let person = userinfo(&app, tokens["access_token"].as_str().unwrap()).await.json();
    assert_eq!(known(&person), (false, false), "neither profile nor email was asked for");
}

#[tokio::test]
async fn ten_minutes_are_all_there_is_without_refresh() {
    let app = TestApp::start().await;
    let changes = json!({ "token_endpoint_auth_method": "none", "grant_types": ["authorization_code"] });
    let board = Wiki::register(&app, changes).await;
    let tokens = board.sign_in(&app, &mut app.member(ANA).await).await;
    assert_eq!((&tokens["expires_in"], &tokens["refresh_token"]), (&json!(600), &json!(null)));
}
