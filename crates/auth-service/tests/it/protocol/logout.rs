//! Signing out, asked for by an app, and telling apps of it.

use std::time::Duration;

use axum::Form;
use axum::routing::post;
use oidc::{JwkSet, KeySet, LogoutTokenRules};
use outbound::EgressSettings;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::{Wiki, claims};
use crate::support::{TestApp, apps_here};

const ANA: &str = "ana@example.com";
const HOME: &str = "https://wiki.example.com/";

fn end_session(fields: &[(&str, &str)]) -> String {
    format!("/end-session?{}", serde_urlencoded::to_string(fields).unwrap())
}

#[tokio::test]
async fn an_app_that_means_this_session_signs_out_without_a_question() {
    let app = TestApp::start().await;
    let wiki = Wiki::register(&app, json!({})).await;
    let mut browser = app.member(ANA).await;
    let tokens = wiki.sign_in(&app, &mut browser).await;
    let hint = tokens["id_token"].as_str().unwrap();
    let fields = [("id_token_hint", hint), ("post_logout_redirect_uri", HOME), ("state", "a b")];
    let answer = browser.get(&end_session(&fields)).await;
    assert_eq!((answer.status.as_u16(), answer.location()), (303, "https://wiki.example.com/?state=a+b"));
    assert!(!browser.is_signed_in().await);
    let answer = browser.get(&end_session(&fields)).await;
    assert_eq!(answer.location(), "https://wiki.example.com/?state=a+b", "nobody is signed in: straight on");
}

/// Class 2, and that no link signs anybody out.
#[tokio::test]
async fn class_02_anybody_else_asks_first_and_nobody_is_sent_to_a_strangers_address() {
    let app = TestApp::start().await;
    let wiki = Wiki::register(&app, json!({})).await;
    let mut eve = app.member("eve@example.com").await;
    let of_eve = wiki.sign_in(&app, &mut eve).await;
    let of_eve = of_eve["id_token"].as_str().unwrap();
    let mut browser = app.member(ANA).await;
    for fields in [
        vec![],
        vec![("client_id", "wiki"), ("post_logout_redirect_uri", HOME)],
        vec![("id_token_hint", of_eve), ("post_logout_redirect_uri", HOME)],
        vec![("id_token_hint", "nonsense"), ("client_id", "wiki")],
    ] {
        let answer = browser.get(&end_session(&fields)).await;
        assert_eq!(answer.status, 200, "{fields:?}");
        assert!(browser.is_signed_in().await, "{fields:?}");
    }
    for uri in [
        "https://evil.example/",
        "https://wiki.example.com",
        "https://wiki.example.com/?x",
        "//evil.example",
        "javascript:alert(1)",
    ] {
        let fields = [("client_id", "wiki"), ("post_logout_redirect_uri", uri)];
        let answer = browser.get(&end_session(&fields)).await;
        assert_eq!((answer.status.as_u16(), answer.location()), (400, ""), "{uri}");
        assert!(answer.body.contains("<h1>This app cannot sign you out</h1>"), "{}", answer.body);
        let request = serde_urlencoded::to_string(fields).unwrap();
        let forged = browser.post("/sign-out", &[("request", &request)]).await;
        assert_eq!((forged.status.as_u16(), forged.location()), (400, ""), "{uri}");
        browser = app.signed_in(ANA).await;
    }
    let page = browser.get(&end_session(&[("client_id", "wiki"), ("post_logout_redirect_uri", HOME)])).await;
    assert!(page.header("content-security-policy").contains("form-action 'self' https://wiki.example.com;"));
    let request = page.hidden("request").replace("&#38;", "&");
    let answer = browser.post("/sign-out", &[("request", &request)]).await;
    assert_eq!(answer.location(), HOME);
    assert!(!browser.is_signed_in().await);
}

/// An app that hears: what it was told, in order.
async fn listener() -> (String, mpsc::UnboundedReceiver<String>) {
    #[derive(serde::Deserialize)]
    struct Told {
        logout_token: String,
    }
    let (told, heard) = mpsc::unbounded_channel();
    let hear = move |Form(body): Form<Told>| {
        let told = told.clone();
        async move {
            told.send(body.logout_token).unwrap();
        }
    };
    let router = axum::Router::new().route("/backchannel", post(hear));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (format!("http://{address}/backchannel"), heard)
}

#[tokio::test]
async fn apps_are_told_that_a_session_has_ended() {
    let app = TestApp::start().await;
    let (uri, mut heard) = listener().await;
    let wiki = Wiki::register(&app, json!({ "backchannel_logout_uri": uri })).await;
    let silent = Wiki::register(&app, json!({ "client_id": "silent" })).await;
    let mut browser = app.member(ANA).await;
    let tokens = wiki.sign_in(&app, &mut browser).await;
    wiki.sign_in(&app, &mut browser).await;
    silent.sign_in(&app, &mut browser).await;
    let id_token = claims(tokens["id_token"].as_str().unwrap());
    let telling = app.tell_apps(&apps_here());
    browser.post("/sign-out", &[]).await;
    let token = tokio::time::timeout(Duration::from_secs(30), heard.recv()).await.unwrap().unwrap();
    let keys = JwkSet::parse(app.app.auth.keys().published().as_bytes()).unwrap();
    let rules = LogoutTokenRules {
        issuer: "https://auth.example.com",
        client_id: "wiki",
        keys: &KeySet::from_jwk_set(&keys).unwrap(),
        leeway_seconds: 0,
        now: app.app.auth.now().seconds(),
    };
    let logged_out = rules.verify(&token).unwrap();
    assert_eq!(logged_out.session_id.as_deref(), id_token["sid"].as_str());
    assert_eq!(logged_out.subject.as_deref(), id_token["sub"].as_str());
    telling.stop().await;
    assert!(heard.try_recv().is_err(), "told once of one session, however often it signed in by it");
}

/// Found by Authlib and openid-client: they give their refresh token up, and are signed in to all the same.
#[tokio::test]
async fn an_app_that_gave_its_tokens_up_is_told_too() {
    let app = TestApp::start().await;
    let changes = json!({
        "backchannel_logout_uri": "https://wiki.example.com/backchannel",
        "grant_types": ["authorization_code", "refresh_token"],
    });
    let wiki = Wiki::register(&app, changes).await;
    let mut browser = app.member(ANA).await;
    let tokens = wiki.sign_in(&app, &mut browser).await;
    let refresh_token = tokens["refresh_token"].as_str().unwrap();
    wiki.ask(&app, "/revoke", &[("token", refresh_token)]).await;
    assert_eq!(wiki.refresh(&app, refresh_token).await.text("error"), "invalid_grant");
    assert!(!wiki.is_active(&app, tokens["access_token"].as_str().unwrap()).await);
    assert!(app.app.auth.next_notice().await.unwrap().is_none());
    browser.post("/sign-out", &[]).await;
    assert!(app.app.auth.next_notice().await.unwrap().is_some(), "word for the app waits");
}

/// Somebody signed in to an app, and out: word for the app waits. What the app is told comes from the channel.
async fn signed_out_of_an_app_that_hears(app: &TestApp) -> mpsc::UnboundedReceiver<String> {
    let (uri, heard) = listener().await;
    let wiki = Wiki::register(app, json!({ "backchannel_logout_uri": uri })).await;
    let mut browser = app.member(ANA).await;
    wiki.sign_in(app, &mut browser).await;
    browser.post("/sign-out", &[]).await;
    heard
}

/// Class 18: an app's address is no way into the network.
#[tokio::test]
async fn class_18_an_address_of_the_inner_network_is_not_asked() {
    let app = TestApp::start().await;
    let mut heard = signed_out_of_an_app_that_hears(&app).await;
    let telling = app.tell_apps(&EgressSettings::default());
    let put_off = async {
        while app.app.auth.next_notice().await.unwrap().is_none_or(|due| due.is_zero()) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), put_off).await.expect("it is tried and put off");
    telling.stop().await;
    assert!(heard.try_recv().is_err());
}

/// It was given up after forty minutes, whatever was said.
#[tokio::test]
async fn an_app_that_is_back_after_two_hours_is_told() {
    let app = TestApp::start().await;
    let mut heard = signed_out_of_an_app_that_hears(&app).await;
    let auth = &app.app.auth;
    let (signed_out, hour) = (auth.now(), Duration::from_hours(1));
    let mut longest = Duration::ZERO;
    while auth.now().since(signed_out) < hour * 2 {
        let [delivery] = &auth.take_notices(10).await.unwrap()[..] else { panic!("it is not due") };
        let wait = auth.put_off_notice(delivery, "it does not answer").await.unwrap().expect("not given up");
        assert_eq!(auth.next_notice().await.unwrap(), Some(wait));
        longest = longest.max(wait);
        app.turn(wait);
    }
    assert!(longest > hour / 2 && longest <= hour, "{longest:?}");
    let telling = app.tell_apps(&apps_here());
    tokio::time::timeout(Duration::from_secs(30), heard.recv()).await.unwrap().unwrap();
    telling.stop().await;
    assert_eq!(auth.next_notice().await.unwrap(), None);
}

/// An expired notice was taken by nobody, and still waited for: whoever sends them never slept.
#[tokio::test]
async fn a_notice_is_of_use_for_a_day_and_nobody_waits_for_it_any_longer() {
    let app = TestApp::start().await;
    let wiki =
        Wiki::register(&app, json!({ "backchannel_logout_uri": "https://wiki.example.com/told" })).await;
    let mut browser = app.member(ANA).await;
    wiki.sign_in(&app, &mut browser).await;
    browser.post("/sign-out", &[]).await;
    let auth = &app.app.auth;
    let (signed_out, day) = (auth.now(), Duration::from_hours(24));
    loop {
        let [delivery] = &auth.take_notices(10).await.unwrap()[..] else { panic!("it is not due") };
        match auth.put_off_notice(delivery, "it does not answer").await.unwrap() {
            Some(wait) => app.turn(wait),
            None => break,
        }
    }
    assert!(auth.now().since(signed_out) >= Duration::from_hours(23), "the last try");
    assert_eq!(auth.next_notice().await.unwrap(), None);
    // One that nobody could take while the server was off.
    let mut browser = app.signed_in(ANA).await;
    wiki.sign_in(&app, &mut browser).await;
    browser.post("/sign-out", &[]).await;
    app.turn(day);
    assert!(auth.take_notices(10).await.unwrap().is_empty());
    assert_eq!(auth.next_notice().await.unwrap(), None, "before it is cleaned away, too");
}

/// A notice that a kill cut waited for the minute of its claim; one that is put off keeps its time.
#[tokio::test]
async fn a_notice_that_a_kill_cut_goes_out_at_the_next_start() {
    let app = TestApp::start().await;
    let (uri, mut heard) = listener().await;
    let wiki = Wiki::register(&app, json!({ "backchannel_logout_uri": uri })).await;
    let notes = Wiki::register(&app, json!({ "client_id": "notes", "backchannel_logout_uri": uri })).await;
    let mut browser = app.member(ANA).await;
    wiki.sign_in(&app, &mut browser).await;
    notes.sign_in(&app, &mut browser).await;
    browser.post("/sign-out", &[]).await;
    let auth = &app.app.auth;
    let first = auth.take_notices(10).await.unwrap();
    for delivery in &first {
        auth.put_off_notice(delivery, "it answered 502").await.unwrap();
    }
    // One whose first try had failed, too.
    app.turn(Duration::from_secs(5));
    let held = auth.take_notices(1).await.unwrap();
    assert_eq!((first.len(), held.len()), (2, 1));
    let late = auth.take_notices(1).await.unwrap();
    let put_off = auth.put_off_notice(&late[0], "it answered 502").await.unwrap();
    assert!(put_off.is_some_and(|wait| !wait.is_zero()));

    let app = app.restart().await;
    assert!(app.app.auth.take_notices(10).await.unwrap().is_empty(), "held by one that is no more");
    let telling = app.tell_apps(&apps_here());
    let token = tokio::time::timeout(Duration::from_secs(30), heard.recv()).await.unwrap().unwrap();
    assert_eq!(claims(&token)["aud"], held[0].client_id);
    telling.stop().await;
    assert!(heard.try_recv().is_err(), "the other waits its time");
    app.turn(put_off.unwrap());
    assert_eq!(app.app.auth.take_notices(10).await.unwrap()[0].client_id, late[0].client_id);
}
