//! `oidcc-backchannel-rp-initiated-logout-certification-test-plan`.

use std::time::Duration;

use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::routing::post;
use oidc::{JwkSet, KeySet, LogoutTokenRules};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::{HOME, ISSUER, Mode, Op, config};
use crate::protocol::claims;
use crate::support::apps_here;

#[tokio::test]
async fn oidcc_backchannel_logout_discovery_endpoint_verification() {
    let document = config::document().await;
    assert_eq!(document["backchannel_logout_supported"], json!(true));
    assert_eq!(document["backchannel_logout_session_supported"], json!(true));
}

#[tokio::test]
async fn oidcc_backchannel_rp_initiated_logout() {
    let (told, mut heard) = mpsc::unbounded_channel();
    let hear = move |headers: HeaderMap, body: Bytes| {
        let told = told.clone();
        async move {
            told.send((headers, body)).unwrap();
        }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}/backchannel_logout", listener.local_addr().unwrap());
    let router = axum::Router::new().route("/backchannel_logout", post(hear));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });

    let mut op = Op::with(Mode::Query, json!({ "backchannel_logout_uri": uri })).await;
    let tokens = op.flow(&[]).await;
    let id_token = claims(tokens["id_token"].as_str().unwrap());
    let telling = op.app.tell_apps(&apps_here());

    let hint = tokens["id_token"].as_str().unwrap();
    let fields = [("id_token_hint", hint), ("post_logout_redirect_uri", HOME), ("state", "s")];
    let answer =
        op.browser.get(&format!("/end-session?{}", serde_urlencoded::to_string(fields).unwrap())).await;
    assert_eq!(answer.location(), format!("{HOME}?state=s"));

    let (headers, body) = tokio::time::timeout(Duration::from_secs(30), heard.recv()).await.unwrap().unwrap();
    assert_eq!(headers["content-type"], "application/x-www-form-urlencoded");
    let form: Vec<(String, String)> = serde_urlencoded::from_bytes(&body).unwrap();
    assert_eq!(form.len(), 1, "nothing but the token");
    assert_eq!(form[0].0, "logout_token");
    let token = &form[0].1;
    let set = JwkSet::parse(op.app.app.auth.keys().published().as_bytes()).unwrap();
    let rules = LogoutTokenRules {
        issuer: ISSUER,
        client_id: "wiki",
        keys: &KeySet::from_jwk_set(&set).unwrap(),
        leeway_seconds: 0,
        now: op.app.app.auth.now().seconds(),
    };
    let logged_out = rules.verify(token).unwrap();
    assert_eq!(logged_out.subject.as_deref(), id_token["sub"].as_str());
    assert_eq!(logged_out.session_id.as_deref(), id_token["sid"].as_str());
    let said = claims(token);
    assert!(said["nonce"].is_null() && said["jti"].is_string() && said["iat"].is_i64(), "{said}");
    assert_eq!(said["events"], json!({ "http://schemas.openid.net/event/backchannel-logout": {} }));
    let header = claims(&format!(".{}.", token.split('.').next().unwrap()));
    assert_eq!((&header["alg"], &header["typ"]), (&json!("RS256"), &json!("logout+jwt")));

    let callback = op.authorize(&[("prompt", "none")]).await;
    assert_eq!(callback["error"], "login_required");
    telling.stop().await;
}
