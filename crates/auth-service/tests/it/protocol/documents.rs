//! What the server says of itself.

use std::time::Duration;

use auth::Rotation;
use axum::body::Body;
use axum::http::Request;
use axum::http::header::CONTENT_LENGTH;
use insta::assert_snapshot;
use oidc::{AccessToken, Algorithm, JwkSet, KeySet};
use serde_json::{Value, json};

use super::Wiki;
use crate::support::TestApp;

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "the whole document is looked at")]
async fn the_server_says_what_it_speaks() {
    let app = TestApp::start().await;
    let answer = app.program().get("/.well-known/openid-configuration").await;
    assert_eq!(answer.header("cache-control"), "public, max-age=300");
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    let pretty = serde_json::to_string_pretty(&answer.json()).unwrap();
    assert_snapshot!(pretty, @r#"
    {
      "acr_values_supported": [
        "1",
        "2"
      ],
      "authorization_endpoint": "https://auth.example.com/authorize",
      "authorization_response_iss_parameter_supported": true,
      "backchannel_logout_session_supported": true,
      "backchannel_logout_supported": true,
      "claims_parameter_supported": false,
      "claims_supported": [
        "iss",
        "sub",
        "aud",
        "exp",
        "iat",
        "auth_time",
        "nonce",
        "acr",
        "amr",
        "sid",
        "at_hash",
        "name",
        "locale",
        "updated_at",
        "email",
        "email_verified"
      ],
      "code_challenge_methods_supported": [
        "S256"
      ],
      "end_session_endpoint": "https://auth.example.com/end-session",
      "grant_types_supported": [
        "authorization_code",
        "refresh_token",
        "client_credentials"
      ],
      "id_token_signing_alg_values_supported": [
        "RS256",
        "ES256",
        "EdDSA"
      ],
      "introspection_endpoint": "https://auth.example.com/introspect",
      "introspection_endpoint_auth_methods_supported": [
        "client_secret_basic",
        "client_secret_post",
        "private_key_jwt"
      ],
      "introspection_endpoint_auth_signing_alg_values_supported": [
        "RS256",
        "ES256",
        "EdDSA"
      ],
      "issuer": "https://auth.example.com",
      "jwks_uri": "https://auth.example.com/.well-known/jwks.json",
      "prompt_values_supported": [
        "none",
        "login",
        "consent",
        "select_account"
      ],
      "request_parameter_supported": false,
      "request_uri_parameter_supported": false,
      "response_modes_supported": [
        "query",
        "form_post"
      ],
      "response_types_supported": [
        "code"
      ],
      "revocation_endpoint": "https://auth.example.com/revoke",
      "revocation_endpoint_auth_methods_supported": [
        "client_secret_basic",
        "client_secret_post",
        "private_key_jwt",
        "none"
      ],
      "revocation_endpoint_auth_signing_alg_values_supported": [
        "RS256",
        "ES256",
        "EdDSA"
      ],
      "scopes_supported": [
        "openid",
        "profile",
        "email",
        "offline_access"
      ],
      "subject_types_supported": [
        "public"
      ],
      "token_endpoint": "https://auth.example.com/token",
      "token_endpoint_auth_methods_supported": [
        "client_secret_basic",
        "client_secret_post",
        "private_key_jwt",
        "none"
      ],
      "token_endpoint_auth_signing_alg_values_supported": [
        "RS256",
        "ES256",
        "EdDSA"
      ],
      "ui_locales_supported": [
        "en",
        "de"
      ],
      "userinfo_endpoint": "https://auth.example.com/userinfo"
    }
    "#);
    let other = app.program().get("/.well-known/oauth-authorization-server").await;
    assert_eq!(answer.json(), other.json());
}

/// Only the very tag alone was known: a cache that keeps several documents, or weakens their tags, got the whole again.
#[tokio::test]
async fn whoever_has_a_document_is_not_sent_it_again() {
    let app = TestApp::start().await;
    let style = app.browser().get("/sign-in").await;
    let style = style.body.split("href=\"").find(|rest| rest.starts_with("/static/style.css")).unwrap();
    let style = style.split('"').next().unwrap();
    for path in ["/.well-known/openid-configuration", "/.well-known/jwks.json", style] {
        let answer = app.program().get(path).await;
        let tag = answer.header("etag").to_owned();
        let weak = format!("W/{tag}");
        let ask = async |known: &[&str]| {
            let ask = known.iter().fold(Request::get(path), |ask, known| ask.header("if-none-match", *known));
            app.program().send(ask.body(Body::empty()).unwrap()).await
        };
        let listed = format!("\"another, one\" , {weak}");
        for known in [&[tag.as_str()][..], &[&weak], &[&listed], &["*"], &["\"another\"", &tag]] {
            let again = ask(known).await;
            assert_eq!((again.status.as_u16(), again.body.as_str()), (304, ""), "{path} {known:?}");
            assert_eq!(again.header("etag"), tag, "{path}: RFC 9110 section 15.4.5");
            assert_eq!(again.header("cache-control"), answer.header("cache-control"), "{path}");
        }
        for other in ["\"another\"", tag.trim_matches('"'), "\"another\", *", ""] {
            assert_eq!(ask(&[other]).await.status, 200, "{path} {other:?}");
        }
    }
}

/// They are answered before the routes, and as the routes do, header by header.
#[tokio::test]
async fn a_document_is_what_the_routes_would_answer() {
    let app = TestApp::start().await;
    for path in [
        "/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server",
        "/.well-known/jwks.json",
    ] {
        let (mut at_once, mut whole) =
            (app.program().get(path).await, app.program_by_routes().get(path).await);
        // How long the body is says the connection, of whatever has no such header.
        for answer in [&mut at_once, &mut whole] {
            answer.headers.remove(CONTENT_LENGTH);
        }
        assert_eq!((at_once.status, at_once.status.as_u16()), (whole.status, 200), "{path}");
        assert_eq!((&at_once.headers, &at_once.body), (&whole.headers, &whole.body), "{path}");
    }
}

#[tokio::test]
async fn every_endpoint_it_names_is_there() {
    let app = TestApp::start().await;
    let document = app.program().get("/.well-known/openid-configuration").await.json();
    for (name, value) in document.as_object().unwrap() {
        if let Some(path) = value.as_str().and_then(|url| url.strip_prefix("https://auth.example.com/")) {
            let answer = app.program().get(&format!("/{path}")).await;
            assert_ne!(answer.status, 404, "{name}");
        }
    }
}

#[tokio::test]
async fn there_is_a_key_for_every_algorithm_it_names() {
    let all = vec![Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256];
    let app = TestApp::with(|setup| setup.algorithms = all).await;
    let document = app.program().get("/.well-known/openid-configuration").await.json();
    let keys = app.program().get("/.well-known/jwks.json").await.json();
    let algorithms: Vec<&Value> = keys["keys"].as_array().unwrap().iter().map(|key| &key["alg"]).collect();
    for named in document["id_token_signing_alg_values_supported"].as_array().unwrap() {
        assert!(algorithms.contains(&named), "{named}");
    }
}

/// A cache of the key set that believes `Cache-Control` and nothing else: an unknown key does not make it look again.
struct Cached {
    keys: KeySet,
    until: i64,
}

impl Cached {
    async fn fetch(app: &TestApp) -> Self {
        let answer = app.program().get("/.well-known/jwks.json").await;
        let life: i64 =
            answer.header("cache-control").strip_prefix("public, max-age=").unwrap().parse().unwrap();
        let set = JwkSet::parse(answer.body.as_bytes()).unwrap();
        Self { keys: KeySet::from_jwk_set(&set).unwrap(), until: app.app.auth.now().seconds() + life }
    }
}

/// Whenever it looked last before an exchange, it knows the key of every token that holds, through the exchange and after.
#[tokio::test]
async fn whoever_keeps_the_key_set_for_as_long_as_it_says_knows_every_key() {
    const ISSUER: &str = "https://auth.example.com";
    let app = TestApp::start().await;
    let changes = json!({ "grant_types": ["client_credentials"], "scope": "read", "redirect_uris": [] });
    let robot = Wiki::register(&app, changes).await;
    let (mut caches, mut tokens, mut signed_by) = (Vec::new(), Vec::new(), std::collections::BTreeSet::new());
    for minute in 0..100 {
        let now = app.app.auth.now();
        if minute < 5 {
            caches.push(Cached::fetch(&app).await);
        }
        if minute == 5 {
            app.app.auth.keys().rotate(Algorithm::EdDsa, Rotation::Gentle, now).await.unwrap().unwrap();
        }
        app.app.auth.keys().keep(&app.app.auth.settings().limits, now).await.unwrap();
        let answer = robot.ask(&app, "/token", &[("grant_type", "client_credentials")]).await.json();
        let life = answer["expires_in"].as_i64().unwrap();
        tokens.push((answer["access_token"].as_str().unwrap().to_owned(), now.seconds() + life));
        tokens.retain(|(_, until)| now.seconds() < *until);
        for cache in &mut caches {
            if cache.until <= now.seconds() {
                *cache = Cached::fetch(&app).await;
            }
            for (token, _) in &tokens {
                let read = AccessToken::verify(token, &cache.keys, ISSUER, ISSUER, 0, now.seconds());
                assert!(read.is_ok(), "minute {minute}: {read:?}");
                signed_by.insert(token.split('.').next().unwrap().to_owned());
            }
        }
        app.turn(Duration::from_mins(1));
    }
    assert_eq!(signed_by.len(), 2, "one key after the other");
    let published = app.program().get("/.well-known/jwks.json").await.json();
    assert_eq!(published["keys"].as_array().unwrap().len(), 1, "the old one is gone");
}

#[tokio::test]
async fn pages_of_other_origins_may_ask_what_needs_no_cookie() {
    let app = TestApp::start().await;
    for path in
        ["/token", "/userinfo", "/revoke", "/.well-known/openid-configuration", "/.well-known/jwks.json"]
    {
        let preflight = Request::options(path)
            .header("origin", "https://spa.example.com")
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization");
        let answer = app.program().send(preflight.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, 204, "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), "*", "{path}");
        assert!(answer.header("access-control-allow-headers").contains("authorization"), "{path}");
        assert!(answer.headers.get("access-control-allow-credentials").is_none(), "{path}");
        if path.starts_with("/.well-known/") {
            continue;
        }
        let ask = Request::post(path)
            .header("origin", "https://spa.example.com")
            .header("sec-fetch-site", "cross-site");
        let answer = app.program().send(ask.body(Body::empty()).unwrap()).await;
        assert_ne!(answer.status, 403, "{path}");
    }
    for path in ["/introspect", "/api/v1/account", "/authorize", "/sign-in", "/verify-token"] {
        let answer = app.program().get(path).await;
        assert!(answer.headers.get("access-control-allow-origin").is_none(), "{path}");
    }
}
