//! Class 17: a scope or an audience that is not enforced. Each grant with what it may not have; each token where it is not
//! meant for.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::protocol::{Wiki, claims, returned, try_returned, userinfo};
use crate::support::{Browser, TestApp};

const ANA: &str = "ana@example.com";
const INVOICES: &str = "https://invoices.example.com/";
const MAILS: &str = "https://mails.example.com/";

async fn wiki(app: &TestApp) -> Wiki {
    let changes = json!({
        "scope": "openid profile email offline_access wiki:read wiki:write", "default_scope": "wiki:read",
        "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
        "resources": [INVOICES, MAILS],
    });
    Wiki::register(app, changes).await
}

async fn tokens(wiki: &Wiki, app: &TestApp, browser: &mut Browser, changes: &[(&str, &str)]) -> Value {
    let code = wiki.code(browser, changes).await;
    wiki.exchange(app, &code).await.json()
}

/// What each grant answers to each scope.
#[tokio::test]
async fn class_17_no_grant_gives_a_scope_that_the_client_may_not_have() {
    let app = TestApp::start().await;
    let wiki = wiki(&app).await;
    let mut browser = app.member(ANA).await;
    let granted =
        tokens(&wiki, &app, &mut browser, &[("scope", "openid email offline_access wiki:read")]).await;
    let mut refresh = granted["refresh_token"].as_str().unwrap().to_owned();
    for (scope, authorize, refreshed, own) in [
        ("wiki:read", Some("wiki:read"), Some("wiki:read"), Some("wiki:read")),
        ("wiki:write", Some("wiki:write"), None, Some("wiki:write")),
        ("openid", Some("openid"), Some("openid"), None),
        ("openid profile", Some("openid profile"), None, None),
        ("email", Some("email"), Some("email"), None),
        ("offline_access", Some("offline_access"), Some("offline_access"), None),
        ("admin", None, None, None),
        ("wiki:read admin", None, None, None),
        ("openid wiki", None, None, None),
        ("wiki:*", None, None, None),
        ("WIKI:READ", None, None, None),
        ("Openid", None, None, None),
        ("*", None, None, None),
        ("wiki:read  wiki:write", None, None, None),
        ("wiki:read\twiki:write", None, None, None),
        ("\"wiki:read\"", None, None, None),
        // Of OpenID Connect's own scopes one that is not served is passed over (Core section 3.1.2.1).
        ("openid address phone", Some("openid"), None, None),
    ] {
        let answer = browser.get(&wiki.authorize(&[("scope", scope)])).await;
        match authorize {
            Some(expected) => {
                let tokens = wiki.exchange(&app, &returned(&answer, "code")).await.json();
                assert_eq!(tokens["scope"], expected, "{scope:?} by code");
                let access = claims(tokens["access_token"].as_str().unwrap());
                assert_eq!(access["scope"], expected, "{scope:?} in the token");
            }
            None => assert_eq!(returned(&answer, "error"), "invalid_scope", "{scope:?} by code"),
        }
        let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str()), ("scope", scope)];
        let answer = wiki.ask(&app, "/token", &fields).await;
        match refreshed {
            Some(expected) => {
                assert_eq!(answer.text("scope"), expected, "{scope:?} by refresh");
                refresh = answer.text("refresh_token");
            }
            None => assert_eq!(answer.text("error"), "invalid_scope", "{scope:?} by refresh"),
        }
        let answer =
            wiki.ask(&app, "/token", &[("grant_type", "client_credentials"), ("scope", scope)]).await;
        match own {
            Some(expected) => assert_eq!(answer.text("scope"), expected, "{scope:?} by itself"),
            None => assert_eq!(answer.text("error"), "invalid_scope", "{scope:?} by itself"),
        }
    }
    // Less that was asked for once is not less for ever (RFC 6749 section 6), and never more.
    let whole = wiki.refresh(&app, &refresh).await;
    assert_eq!(whole.text("scope"), "openid email offline_access wiki:read");
}

/// An app that asks for nothing could not be refused anything. (It was let in, and its people never asked.)
#[tokio::test]
async fn class_17_nobody_is_signed_in_by_an_app_without_consent_whatever_it_asks_for() {
    let app = TestApp::start().await;
    let changes = json!({ "client_id": "theirs", "first_party": false, "scope": "openid email" });
    let theirs = Wiki::register(&app, changes).await;
    let mut browser = app.member(ANA).await;
    let silently = async |browser: &mut Browser, scope: &str| {
        let answer = browser.get(&theirs.authorize(&[("scope", scope), ("prompt", "none")])).await;
        (try_returned(&answer, "code").is_some(), try_returned(&answer, "error").unwrap_or_default())
    };
    let nothing = ["", "phone", "address phone", "offline_access"];
    let refused = (false, "invalid_scope".to_owned());
    for scope in nothing {
        assert_eq!(silently(&mut browser, scope).await, refused, "{scope:?}");
    }
    assert_eq!(silently(&mut browser, "openid").await, (false, "consent_required".to_owned()));
    let asked = browser.get(&theirs.authorize(&[("scope", "openid email")])).await;
    let id = browser.get(asked.location()).await.hidden("id");
    browser.post("/authorize/consent", &[("id", &id), ("choice", "allow")]).await;
    assert_eq!(silently(&mut browser, "openid").await, (true, String::new()));
    for scope in nothing {
        assert_eq!(silently(&mut browser, scope).await, refused, "{scope:?}");
    }
    browser.post("/account/apps/withdraw", &[("id", "theirs")]).await;
    for scope in ["openid", "email", "openid email"] {
        assert_eq!(silently(&mut browser, scope).await, (false, "consent_required".to_owned()), "{scope:?}");
    }
}

/// What a person agreed to is what is given, and more is asked for.
#[tokio::test]
async fn class_17_consent_to_less_is_not_consent_to_more() {
    let app = TestApp::start().await;
    let changes = json!({ "client_id": "theirs", "first_party": false, "scope": "openid email profile" });
    let theirs = Wiki::register(&app, changes).await;
    let mut browser = app.member(ANA).await;
    let asked = browser.get(&theirs.authorize(&[("scope", "openid email")])).await;
    let id = browser.get(asked.location()).await.hidden("id");
    browser.post("/authorize/consent", &[("id", &id), ("choice", "allow")]).await;
    for (scope, silent) in [
        ("openid", true),
        ("openid email", true),
        ("email", true),
        ("openid profile", false),
        ("openid email profile", false),
    ] {
        let answer = browser.get(&theirs.authorize(&[("scope", scope), ("prompt", "none")])).await;
        assert_eq!(try_returned(&answer, "code").is_some(), silent, "{scope}");
        assert_eq!(
            try_returned(&answer, "error").as_deref(),
            (!silent).then_some("consent_required"),
            "{scope}"
        );
    }
}

/// A resource is somebody else's server: an app that may use one in a person's name has not been let in to another. (It was:
/// consent knew scopes alone.)
#[tokio::test]
async fn class_17_consent_to_one_resource_is_not_consent_to_another() {
    let app = TestApp::start().await;
    let changes = json!({
        "client_id": "theirs", "first_party": false, "scope": "openid email", "resources": [INVOICES, MAILS],
    });
    let theirs = Wiki::register(&app, changes).await;
    let mut browser = app.member(ANA).await;
    let ask = |resource: &'static str, more: &'static str| {
        let named: &[_] = if resource.is_empty() { &[] } else { &[("resource", resource)] };
        let prompt: &[_] = if more.is_empty() { &[] } else { &[("prompt", more)] };
        theirs.authorize(&[&[("scope", "openid")], named, prompt].concat())
    };
    let mut silent = Vec::new();
    for resource in ["", INVOICES, MAILS] {
        let asked = browser.get(&ask(resource, "")).await;
        let page = browser.get(asked.location()).await;
        assert_eq!(
            page.body.contains(&format!("<code>{resource}</code>")),
            !resource.is_empty(),
            "{resource}"
        );
        browser.post("/authorize/consent", &[("id", &page.hidden("id")), ("choice", "allow")]).await;
        silent.push(resource);
        for other in ["", INVOICES, MAILS] {
            let answer = browser.get(&ask(other, "none")).await;
            let expected = (!silent.contains(&other)).then_some("consent_required");
            assert_eq!(try_returned(&answer, "error").as_deref(), expected, "{other:?} after {silent:?}");
        }
    }
    let listed = browser.get("/api/v1/account/apps").await.json();
    assert_eq!((&listed[0]["scope"], &listed[0]["resources"]), (&json!("openid"), &json!([INVOICES, MAILS])));
    let page = browser.get("/account/apps").await;
    assert!(page.body.contains(INVOICES) && page.body.contains(MAILS));
    browser.post("/account/apps/withdraw", &[("id", "theirs")]).await;
    let answer = browser.get(&ask(MAILS, "none")).await;
    assert_eq!(try_returned(&answer, "error").as_deref(), Some("consent_required"));
}

/// The claims of each scope, at userinfo and in the ID token of a client that wants them there.
#[tokio::test]
async fn class_17_a_claim_is_told_by_its_scope_alone() {
    let app = TestApp::start().await;
    let wiki = wiki(&app).await;
    let changes = json!({ "client_id": "frame", "claims_in_id_token": true });
    let frame = Wiki::register(&app, changes).await;
    let mut browser = app.member(ANA).await;
    browser.post("/account/profile", &[("name", "Ana Lopez"), ("language", "de")]).await;
    let (profile, email) = (["name", "locale", "updated_at"], ["email", "email_verified"]);
    for scope in ["openid", "openid profile", "openid email", "openid profile email", "profile email"] {
        let mut expected: BTreeSet<&str> = BTreeSet::new();
        expected.extend(profile.into_iter().filter(|_| scope.contains("profile")));
        expected.extend(email.into_iter().filter(|_| scope.contains("email")));
        let told = |claims: &Value| -> BTreeSet<String> {
            let members = claims.as_object().unwrap().keys().cloned();
            members.filter(|name| profile.contains(&&**name) || email.contains(&&**name)).collect()
        };
        for client in [&wiki, &frame] {
            let tokens = tokens(client, &app, &mut browser, &[("scope", scope)]).await;
            let answer = userinfo(&app, tokens["access_token"].as_str().unwrap()).await;
            if !scope.contains("openid") {
                assert_eq!(
                    (answer.status.as_u16(), answer.text("error").as_str()),
                    (403, "insufficient_scope")
                );
                assert!(answer.header("www-authenticate").contains("scope=\"openid\""));
                assert!(tokens["id_token"].is_null(), "no ID token without openid");
                continue;
            }
            let person = answer.json();
            let names: BTreeSet<String> = expected.iter().map(|name| (*name).to_owned()).collect();
            assert_eq!(told(&person), names, "{scope}");
            let in_token = told(&claims(tokens["id_token"].as_str().unwrap()));
            let wanted = if client.id == "frame" { names } else { BTreeSet::new() };
            assert_eq!(in_token, wanted, "{scope} in the ID token of {}", client.id);
            assert!(told(&claims(tokens["access_token"].as_str().unwrap())).is_empty());
        }
    }
}

/// RFC 8707: one audience, that was asked for and may be; by each grant.
#[tokio::test]
async fn class_17_a_token_is_for_one_resource_that_was_granted() {
    let app = TestApp::start().await;
    let wiki = wiki(&app).await;
    let mut browser = app.member(ANA).await;
    let audience = |tokens: &Value| claims(tokens["access_token"].as_str().unwrap())["aud"].clone();
    for foreign in
        ["https://other.example.com/", "https://invoices.example.com", "invoices", "", "/", "urn:x#y"]
    {
        let answer = browser.get(&wiki.authorize(&[("resource", foreign)])).await;
        let own = [("grant_type", "client_credentials"), ("resource", foreign)];
        let own = wiki.ask(&app, "/token", &own).await.json();
        if foreign.is_empty() {
            assert!(try_returned(&answer, "code").is_some());
            assert_eq!(audience(&own), "https://auth.example.com");
            continue;
        }
        assert_eq!(returned(&answer, "error"), "invalid_target", "{foreign}");
        assert_eq!(own["error"], "invalid_target", "{foreign}");
    }
    // Granted one: that one, asked for again or not; never the other, by code or by refresh.
    let ask = async |grant: &[(&str, &str)], resource: &str| {
        let fields = [grant, &[("resource", resource)]].concat();
        wiki.ask(&app, "/token", &fields).await.json()
    };
    let exchange = |code: String| {
        vec![
            ("grant_type", "authorization_code".to_owned()),
            ("code", code),
            ("redirect_uri", crate::protocol::CALLBACK.to_owned()),
            ("code_verifier", crate::protocol::VERIFIER.to_owned()),
        ]
    };
    for (resource, expected) in [("", Some(INVOICES)), (INVOICES, Some(INVOICES)), (MAILS, None)] {
        let fields = exchange(wiki.code(&mut browser, &[("resource", INVOICES)]).await);
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let tokens = ask(&fields, resource).await;
        match expected {
            Some(expected) => {
                assert_eq!(audience(&tokens), expected);
                let refresh = tokens["refresh_token"].as_str().unwrap();
                let again = [("grant_type", "refresh_token"), ("refresh_token", refresh)];
                assert_eq!(ask(&again, MAILS).await["error"], "invalid_target", "by refresh");
                assert_eq!(audience(&ask(&again, resource).await), expected, "by refresh");
            }
            None => assert_eq!(tokens["error"], "invalid_target"),
        }
    }
    // Granted two: each by itself, never both at once.
    let both =
        format!("{}&resource=https%3A%2F%2Fmails.example.com%2F", wiki.authorize(&[("resource", INVOICES)]));
    for (resource, expected) in [(INVOICES, Some(INVOICES)), (MAILS, Some(MAILS)), ("", None)] {
        let fields = exchange(returned(&browser.get(&both).await, "code"));
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let tokens = ask(&fields, resource).await;
        match expected {
            Some(expected) => assert_eq!(audience(&tokens), expected),
            None => assert_eq!(tokens["error"], "invalid_target"),
        }
    }
}

/// A token at the wrong place, and asked about by a client that it is none of the business of.
#[tokio::test]
async fn class_17_a_token_is_told_of_to_its_client_and_its_resource_alone() {
    let app = TestApp::start().await;
    let wiki = wiki(&app).await;
    let api = |id: &str, resource: &str| {
        json!({
            "client_id": id, "redirect_uris": [], "post_logout_redirect_uris": [], "scope": "x",
            "grant_types": ["client_credentials"], "resources": [resource],
        })
    };
    let invoices = Wiki::register(&app, api("invoices", INVOICES)).await;
    let mails = Wiki::register(&app, api("mails", MAILS)).await;
    let public =
        Wiki::register(&app, json!({ "client_id": "page", "token_endpoint_auth_method": "none" })).await;
    let mut browser = app.member(ANA).await;
    let for_invoices = tokens(&wiki, &app, &mut browser, &[("resource", INVOICES)]).await;
    let for_us = tokens(&wiki, &app, &mut browser, &[]).await;
    for (tokens, of_wiki, of_invoices, of_mails, at_userinfo) in
        [(&for_invoices, true, true, false, 401), (&for_us, true, false, false, 200)]
    {
        let access = tokens["access_token"].as_str().unwrap();
        assert_eq!(wiki.is_active(&app, access).await, of_wiki);
        assert_eq!(invoices.is_active(&app, access).await, of_invoices);
        assert_eq!(mails.is_active(&app, access).await, of_mails);
        assert_eq!(userinfo(&app, access).await.status, at_userinfo);
        let asked = public.ask(&app, "/introspect", &[("token", access)]).await;
        assert_eq!((asked.status.as_u16(), asked.text("error").as_str()), (401, "invalid_client"));
        // What is not its own it does not revoke either, be it the resource's.
        for stranger in [&invoices, &mails, &public] {
            let refused = stranger.ask(&app, "/revoke", &[("token", access)]).await;
            assert_eq!((refused.status.as_u16(), refused.text("error").as_str()), (400, "invalid_grant"));
        }
        assert!(wiki.is_active(&app, access).await);
    }
    // A refresh token is no access token to anybody, though it were shown with a hint that says so.
    let refresh = for_us["refresh_token"].as_str().unwrap();
    for hint in ["access_token", "refresh_token", "x"] {
        let answer = wiki.ask(&app, "/introspect", &[("token", refresh), ("token_type_hint", hint)]).await;
        assert_eq!(answer.json(), json!({ "active": false }), "{hint}");
    }
}
