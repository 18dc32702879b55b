//! `oidcc-basic-certification-test-plan`, and `oidcc-formpost-basic-certification-test-plan`, which has the same modules.

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use super::{ANA, Mode, Op};
use crate::protocol::{Wiki, claims, userinfo};

/// Each module, once with the answer in the query and once in a form.
macro_rules! modules {
    ($($module:ident),* $(,)?) => {
        mod query {
            $(#[tokio::test] async fn $module() { super::$module(super::Mode::Query).await; })*
        }
        mod form_post {
            $(#[tokio::test] async fn $module() { super::$module(super::Mode::FormPost).await; })*
        }
    };
}

modules! {
    oidcc_server, oidcc_response_type_missing, oidcc_idtoken_signature, oidcc_userinfo_get,
    oidcc_userinfo_post_header, oidcc_userinfo_post_body,
    oidcc_ensure_request_without_nonce_succeeds_for_code_flow, oidcc_scope_profile, oidcc_scope_email,
    oidcc_scope_address, oidcc_scope_phone, oidcc_scope_all, oidcc_ensure_other_scope_order_succeeds,
    oidcc_alternate_happy_flow, oidcc_display_page, oidcc_display_popup, oidcc_prompt_login,
    oidcc_prompt_none_not_logged_in, oidcc_prompt_none_logged_in, oidcc_max_age_1, oidcc_max_age_10000,
    oidcc_ensure_request_with_unknown_parameter_succeeds, oidcc_id_token_hint, oidcc_login_hint, oidcc_ui_locales,
    oidcc_claims_locales, oidcc_ensure_request_with_acr_values_succeeds, oidcc_codereuse, oidcc_codereuse_30seconds,
    oidcc_ensure_registered_redirect_uri, oidcc_ensure_post_request_succeeds, oidcc_server_client_secret_post,
    oidcc_request_uri_unsigned_supported_correctly_or_rejected_as_unsupported,
    oidcc_unsigned_request_object_supported_correctly_or_rejected_as_unsupported, oidcc_claims_essential,
    oidcc_ensure_request_object_with_redirect_uri, oidcc_refresh_token, oidcc_ensure_request_with_valid_pkce_succeeds,
}

async fn oidcc_server(mode: Mode) {
    let mut op = Op::new(mode).await;
    let tokens = op.flow(&[]).await;
    op.userinfo(&tokens).await;
}

/// The client is told, since it is certain where it is.
async fn oidcc_response_type_missing(mode: Mode) {
    let mut op = Op::new(mode).await;
    let callback = op.authorize(&[("response_type", "")]).await;
    assert_eq!((callback["error"].as_str(), callback["state"].as_str()), ("invalid_request", "the state"));
    assert!(!callback["error_description"].is_empty() && !callback.contains_key("code"));
}

/// RS256, with the `kid` of a published key.
async fn oidcc_idtoken_signature(mode: Mode) {
    let mut op = Op::new(mode).await;
    let tokens = op.flow(&[]).await;
    let header = tokens["id_token"].as_str().unwrap().split('.').next().unwrap();
    let header = claims(&format!(".{header}."));
    assert_eq!(header["alg"], "RS256");
    let set: Value = serde_json::from_str(&op.app.app.auth.keys().published()).unwrap();
    let key = set["keys"].as_array().unwrap().iter().find(|key| key["kid"] == header["kid"]).unwrap();
    assert_eq!((&key["kty"], &key["use"], &key["alg"]), (&json!("RSA"), &json!("sig"), &json!("RS256")));
}

async fn oidcc_userinfo_get(mode: Mode) {
    let mut op = Op::new(mode).await;
    let tokens = op.flow(&[]).await;
    let person = op.userinfo(&tokens).await;
    assert_eq!(person.as_object().unwrap().len(), 1, "openid alone is sub alone: {person}");
}

async fn oidcc_userinfo_post_header(mode: Mode) {
    let mut op = Op::new(mode).await;
    let tokens = op.flow(&[]).await;
    let bearer = format!("Bearer {}", tokens["access_token"].as_str().unwrap());
    let request = Request::post("/userinfo").header("authorization", bearer).body(Body::empty()).unwrap();
    let answer = op.app.program().send(request).await;
    assert_eq!(answer.json(), op.userinfo(&tokens).await);
}

async fn oidcc_userinfo_post_body(mode: Mode) {
    let mut op = Op::new(mode).await;
    let tokens = op.flow(&[]).await;
    let fields = [("access_token", tokens["access_token"].as_str().unwrap())];
    assert_eq!(op.app.program().post("/userinfo", &fields).await.json(), op.userinfo(&tokens).await);
}

async fn oidcc_ensure_request_without_nonce_succeeds_for_code_flow(mode: Mode) {
    let mut op = Op::new(mode).await;
    op.flow(&[("nonce", "")]).await;
}

async fn with_scope(mode: Mode, scope: &str) -> Value {
    let mut op = Op::new(mode).await;
    let tokens = op.flow(&[("scope", scope)]).await;
    op.userinfo(&tokens).await
}

async fn oidcc_scope_profile(mode: Mode) {
    let person = with_scope(mode, "openid profile").await;
    assert!(person["updated_at"].is_i64() && person["email"].is_null(), "{person}");
}

async fn oidcc_scope_email(mode: Mode) {
    let person = with_scope(mode, "openid email").await;
    assert_eq!((&person["email"], &person["email_verified"]), (&json!(ANA), &json!(true)));
}

/// Not served, and said so (`scopes_supported`): the suite skips it. Asked for all the same, it is passed over.
async fn oidcc_scope_address(mode: Mode) {
    assert!(with_scope(mode, "openid address").await["address"].is_null());
}

/// As `address`.
async fn oidcc_scope_phone(mode: Mode) {
    assert!(with_scope(mode, "openid phone").await["phone_number"].is_null());
}

/// As `address`: what is served of it is given.
async fn oidcc_scope_all(mode: Mode) {
    let person = with_scope(mode, "openid profile email address phone").await;
    assert!(person["updated_at"].is_i64() && person["email"] == ANA, "{person}");
}

async fn oidcc_ensure_other_scope_order_succeeds(mode: Mode) {
    assert_eq!(with_scope(mode, "email openid").await["email"], ANA);
}

/// The scopes in another order, and the parameters too.
async fn oidcc_alternate_happy_flow(mode: Mode) {
    let mut op = Op::new(mode).await;
    let mut fields = op.request(&[("scope", "email openid")]);
    fields.reverse();
    let asked = format!("/authorize?{}", serde_urlencoded::to_string(fields).unwrap());
    let answer = op.browser.get(&asked).await;
    let callback = op.finish(answer).await;
    let tokens = op.redeem(&callback, &[]).await;
    assert_eq!(op.userinfo(&tokens).await["email"], ANA);
}

async fn oidcc_display_page(mode: Mode) {
    Op::new(mode).await.flow(&[("display", "page")]).await;
}

async fn oidcc_display_popup(mode: Mode) {
    Op::new(mode).await.flow(&[("display", "popup")]).await;
}

/// The person signs in a second time, and the second ID token says so.
async fn again_with(mode: Mode, parameter: (&str, &str)) {
    let mut op = Op::new(mode).await;
    let first = op.flow(&[]).await;
    op.app.turn(Duration::from_secs(2));
    let asked = op.browser.get(&op.address(&[parameter])).await;
    assert!(asked.location().starts_with("/account/confirm"), "{parameter:?}: {}", asked.location());
    let callback = op.finish(asked).await;
    let second = op.redeem(&callback, &[]).await;
    let [first, second] = [first, second].map(|tokens| claims(tokens["id_token"].as_str().unwrap()));
    assert_eq!(first["sub"], second["sub"]);
    assert!(second["auth_time"].as_i64() > first["auth_time"].as_i64(), "{parameter:?}");
    assert_eq!(second["auth_time"], op.app.app.auth.now().seconds());
}

async fn oidcc_prompt_login(mode: Mode) {
    again_with(mode, ("prompt", "login")).await;
}

async fn oidcc_prompt_none_not_logged_in(mode: Mode) {
    let mut op = Op::new(mode).await;
    let callback = op.authorize(&[("prompt", "none")]).await;
    assert_eq!((callback["error"].as_str(), callback["state"].as_str()), ("login_required", "the state"));
    assert!(!callback.contains_key("code"));
}

async fn silently(mode: Mode, parameter: (&str, &str)) {
    let mut op = Op::new(mode).await;
    let first = op.flow(&[]).await;
    op.app.turn(Duration::from_secs(2));
    let answer = op.browser.get(&op.address(&[parameter])).await;
    let callback = op.callback(&answer).unwrap();
    let second = op.redeem(&callback, &[]).await;
    let [first, second] = [first, second].map(|tokens| claims(tokens["id_token"].as_str().unwrap()));
    assert_eq!((&first["sub"], &first["auth_time"]), (&second["sub"], &second["auth_time"]));
}

async fn oidcc_prompt_none_logged_in(mode: Mode) {
    silently(mode, ("prompt", "none")).await;
}

async fn oidcc_max_age_1(mode: Mode) {
    again_with(mode, ("max_age", "1")).await;
}

async fn oidcc_max_age_10000(mode: Mode) {
    silently(mode, ("max_age", "10000")).await;
}

async fn oidcc_ensure_request_with_unknown_parameter_succeeds(mode: Mode) {
    Op::new(mode).await.flow(&[("extra", "foobar")]).await;
}

async fn oidcc_id_token_hint(mode: Mode) {
    let mut op = Op::new(mode).await;
    let first = op.flow(&[]).await;
    let hint = first["id_token"].as_str().unwrap();
    let answer = op.browser.get(&op.address(&[("prompt", "none"), ("id_token_hint", hint)])).await;
    let callback = op.callback(&answer).unwrap();
    let second = op.redeem(&callback, &[]).await;
    let sub = |tokens: &Value| claims(tokens["id_token"].as_str().unwrap())["sub"].clone();
    assert_eq!(sub(&first), sub(&second));
}

async fn oidcc_login_hint(mode: Mode) {
    let mut op = Op::new(mode).await;
    let asked = op.browser.get(&op.address(&[("login_hint", "bob@example.com")])).await;
    let page = op.browser.get(asked.location()).await;
    assert!(page.body.contains("value=\"bob@example.com\""), "it stands in the field: {}", page.body);
    let callback = op.finish(asked).await;
    op.redeem(&callback, &[]).await;
}

async fn oidcc_ui_locales(mode: Mode) {
    let mut op = Op::new(mode).await;
    let asked = op.browser.get(&op.address(&[("ui_locales", "se de")])).await;
    assert_eq!(op.browser.get(asked.location()).await.language(), "de");
    let callback = op.finish(asked).await;
    op.redeem(&callback, &[]).await;
}

async fn oidcc_claims_locales(mode: Mode) {
    Op::new(mode).await.flow(&[("claims_locales", "se")]).await;
}

/// Of the values that discovery says are supported.
async fn oidcc_ensure_request_with_acr_values_succeeds(mode: Mode) {
    let mut op = Op::new(mode).await;
    let tokens = op.flow(&[("acr_values", "1 2")]).await;
    assert_eq!(claims(tokens["id_token"].as_str().unwrap())["acr"], "1");
}

async fn reused_after(mode: Mode, gap: Duration) {
    let mut op = Op::new(mode).await;
    let callback = op.authorize(&[]).await;
    let tokens = op.redeem(&callback, &[]).await;
    op.app.turn(gap);
    let again = op.client.exchange(&op.app, &callback["code"]).await;
    assert_eq!((again.status.as_u16(), again.text("error").as_str()), (400, "invalid_grant"));
    let access = tokens["access_token"].as_str().unwrap();
    assert_eq!(userinfo(&op.app, access).await.status, 401, "what it had issued is ended");
}

async fn oidcc_codereuse(mode: Mode) {
    reused_after(mode, Duration::ZERO).await;
}

async fn oidcc_codereuse_30seconds(mode: Mode) {
    reused_after(mode, Duration::from_secs(30)).await;
}

/// Shown to the person, and followed by nobody.
async fn oidcc_ensure_registered_redirect_uri(mode: Mode) {
    let mut op = Op::new(mode).await;
    let answer =
        op.browser.get(&op.address(&[("redirect_uri", "https://wiki.example.com/callback/foobar")])).await;
    assert_eq!((answer.status.as_u16(), answer.location()), (400, ""));
    assert!(
        answer.body.contains("redirect_uri") && !answer.body.contains("action=\"https://"),
        "{}",
        answer.body
    );
}

async fn oidcc_ensure_post_request_succeeds(mode: Mode) {
    let mut op = Op::new(mode).await;
    let body = serde_urlencoded::to_string(op.request(&[])).unwrap();
    let request = Request::post("/authorize")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("origin", "https://www.certification.example")
        .header("sec-fetch-site", "cross-site");
    let answer = op.browser.send(request.body(Body::from(body)).unwrap()).await;
    let callback = op.finish(answer).await;
    op.redeem(&callback, &[]).await;
}

async fn oidcc_server_client_secret_post(mode: Mode) {
    let mut op = Op::with(mode, json!({ "token_endpoint_auth_method": "client_secret_post" })).await;
    let callback = op.authorize(&[]).await;
    let secret = op.client.secret.clone().unwrap();
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", callback["code"].as_str()),
        ("redirect_uri", crate::protocol::CALLBACK),
        ("code_verifier", crate::protocol::VERIFIER),
        ("client_id", op.client.id.as_str()),
        ("client_secret", secret.as_str()),
    ];
    let answer = op.app.program().post("/token", &fields).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    op.check_id_token(&answer.text("id_token"));
}

async fn unsupported(mode: Mode, name: &str, value: &str) {
    let mut op = Op::new(mode).await;
    let callback = op.authorize(&[(name, value)]).await;
    assert_eq!(
        (callback["error"].clone(), callback["state"].as_str()),
        (format!("{name}_not_supported"), "the state")
    );
}

async fn oidcc_request_uri_unsigned_supported_correctly_or_rejected_as_unsupported(mode: Mode) {
    unsupported(mode, "request_uri", "https://www.certification.example/request.jwt").await;
}

/// `{"alg":"none"}`, and the claims of a request.
async fn oidcc_unsigned_request_object_supported_correctly_or_rejected_as_unsupported(mode: Mode) {
    unsupported(mode, "request", "eyJhbGciOiJub25lIn0.eyJzdGF0ZSI6ImFub3RoZXIifQ.").await;
}

/// `claims` is passed over (`claims_parameter_supported` is false): it succeeds, and `name` is for the scope `profile`.
async fn oidcc_claims_essential(mode: Mode) {
    let mut op = Op::new(mode).await;
    let wished = r#"{"userinfo":{"name":{"essential":true}}}"#;
    let tokens = op.flow(&[("claims", wished)]).await;
    assert!(op.userinfo(&tokens).await["name"].is_null());
}

/// The object is not read, so that nothing in it counts: the request is refused as a whole.
async fn oidcc_ensure_request_object_with_redirect_uri(mode: Mode) {
    unsupported(
        mode,
        "request",
        "eyJhbGciOiJub25lIn0.eyJyZWRpcmVjdF91cmkiOiJodHRwczovL2V2aWwuZXhhbXBsZS8ifQ.",
    )
    .await;
}

async fn oidcc_refresh_token(mode: Mode) {
    let mut op = Op::new(mode).await;
    let changes = [("scope", "openid offline_access"), ("prompt", "consent")];
    let first = op.flow(&changes).await;
    op.app.turn(Duration::from_secs(5));
    let refresh = first["refresh_token"].as_str().unwrap();
    assert!(refresh.bytes().all(|byte| (0x20..=0x7e).contains(&byte)), "RFC 6749 appendix A.17");
    let second = op.client.refresh(&op.app, refresh).await.json();
    assert_ne!(first["access_token"], second["access_token"]);
    op.userinfo(&second).await;
    let ids = [&first, &second].map(|tokens| op.check_id_token(tokens["id_token"].as_str().unwrap()));
    for same in ["iss", "sub", "aud", "auth_time", "azp"] {
        assert_eq!(ids[0][same], ids[1][same], "OpenID Connect Core section 12.2: {same}");
    }
    assert!(ids[1]["iat"].as_i64() > ids[0]["iat"].as_i64());
    let other = Wiki::register(&op.app, json!({ "client_id": "second" })).await;
    let stolen = other.refresh(&op.app, second["refresh_token"].as_str().unwrap()).await;
    assert_eq!((stolen.status.as_u16(), stolen.text("error").as_str()), (400, "invalid_grant"));
}

async fn oidcc_ensure_request_with_valid_pkce_succeeds(mode: Mode) {
    Op::new(mode).await.flow(&[]).await;
}
