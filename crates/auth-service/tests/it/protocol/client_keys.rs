//! Apps that show who they are by a key, which they registered or publish.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::response::IntoResponse as _;
use axum::routing::get;
use oidc::{Algorithm, Jwk, JwkSet, SigningKey};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{Wiki, ask_by_key, ask_with, assertion};
use crate::support::{TestApp, apps_here};

#[tokio::test]
async fn an_app_proves_itself_by_a_key_once_with_each_assertion() {
    let app = TestApp::start().await;
    let key = SigningKey::generate(Algorithm::Es256).unwrap();
    let jwks = serde_json::to_value(JwkSet { keys: vec![key.public_jwk().clone()] }).unwrap();
    let changes = json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks": jwks });
    let wiki = Wiki::register(&app, changes).await;
    assert!(wiki.secret.is_none());
    let shown = |audience, key, jti| assertion(&app, "wiki", audience, key, jti);
    let good = shown("https://auth.example.com", &key, "1");
    assert_eq!(ask_with(&app, &good).await, "invalid_grant", "it is the app; the token is none");
    assert_eq!(ask_with(&app, &good).await, "invalid_client", "shown before");
    assert_eq!(ask_with(&app, &shown("https://evil.example", &key, "2")).await, "invalid_client");
    let strange = SigningKey::generate(Algorithm::Es256).unwrap();
    assert_eq!(ask_with(&app, &shown("https://auth.example.com", &strange, "3")).await, "invalid_client");
}

/// An app that publishes its keys, and how often it was asked for them.
async fn publisher(keys: Arc<Mutex<Vec<Jwk>>>) -> (String, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let publish = move || async move {
        count.fetch_add(1, Ordering::SeqCst);
        axum::Json(JwkSet { keys: keys.lock().unwrap().clone() })
    };
    let router = axum::Router::new().route("/jwks", get(publish));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (format!("http://{address}/jwks"), asked)
}

/// `jwks_uri`: asked when it has to be, and seldom.
#[tokio::test]
async fn an_app_publishes_its_keys_and_exchanges_them() {
    let app = TestApp::with(|setup| {
        setup.egress.allowed_networks = vec!["127.0.0.0/8".parse().unwrap()];
        setup.egress.plain_http_hosts = vec!["127.0.0.1".to_owned()];
    })
    .await;
    let [first, second] = [(); 2].map(|()| SigningKey::generate(Algorithm::Es256).unwrap());
    let published = Arc::new(Mutex::new(vec![first.public_jwk().clone()]));
    let (uri, asked) = publisher(published.clone()).await;
    let changes = json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": uri });
    Wiki::register(&app, changes).await;
    let jti = AtomicUsize::new(0);
    let ask = async |key: &SigningKey| {
        ask_by_key(&app, "wiki", key, &jti.fetch_add(1, Ordering::SeqCst).to_string()).await
    };
    for _ in 0..3 {
        assert_eq!(ask(&first).await, "invalid_grant", "it is the app; the token is none");
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1, "and what was fetched is remembered");
    published.lock().unwrap().push(second.public_jwk().clone());
    assert_eq!(ask(&second).await, "invalid_client", "it was asked a moment ago");
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    app.turn(std::time::Duration::from_secs(30));
    assert_eq!(ask(&second).await, "invalid_grant", "a key id that is not known makes it be asked again");
    assert_eq!((ask(&first).await, asked.load(Ordering::SeqCst)), ("invalid_grant".to_owned(), 2));
    published.lock().unwrap().remove(0);
    app.turn(std::time::Duration::from_mins(5));
    assert_eq!(ask(&first).await, "invalid_client", "a key that was taken back");
    assert_eq!((ask(&second).await, asked.load(Ordering::SeqCst)), ("invalid_grant".to_owned(), 3));
}

/// It was told that it is not the app it says, and after fifty tries that it had guessed too often.
#[tokio::test]
async fn an_app_whose_keys_are_away_is_not_taken_for_somebody_who_guesses() {
    let app = TestApp::with(|setup| setup.egress = apps_here()).await;
    let key = SigningKey::generate(Algorithm::Es256).unwrap();
    let set = JwkSet { keys: vec![key.public_jwk().clone()] };
    let away = Arc::new(AtomicBool::new(true));
    let is_away = away.clone();
    let publish = move || async move {
        if is_away.load(Ordering::SeqCst) {
            return axum::http::StatusCode::BAD_GATEWAY.into_response();
        }
        axum::Json(set).into_response()
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}/jwks", listener.local_addr().unwrap());
    let router = axum::Router::new().route("/jwks", get(publish));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    Wiki::register(&app, json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": uri })).await;
    let jti = AtomicUsize::new(0);
    let ask = async |key: &SigningKey| {
        let jti = jti.fetch_add(1, Ordering::SeqCst).to_string();
        let assertion = assertion(&app, "wiki", "https://auth.example.com", key, &jti);
        let fields = [
            ("grant_type", "refresh_token"),
            ("refresh_token", "x"),
            ("client_assertion_type", oidc::CLIENT_ASSERTION_TYPE),
            ("client_assertion", &assertion),
        ];
        app.program().post("/token", &fields).await
    };
    for _ in 0..app.app.auth.settings().limits.network_failures + 10 {
        let answer = ask(&key).await;
        assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (503, "5"), "{}", answer.body);
        assert_eq!(answer.text("error"), "temporarily_unavailable");
        assert!(answer.text("error_description").contains("jwks_uri"), "{}", answer.body);
    }
    away.store(false, Ordering::SeqCst);
    app.turn(std::time::Duration::from_secs(5));
    assert_eq!(ask(&key).await.text("error"), "invalid_grant", "it is the app; the token is none");
    // What is known is believed meanwhile; of a key that may be new nobody can say.
    away.store(true, Ordering::SeqCst);
    app.turn(std::time::Duration::from_mins(6));
    assert_eq!(ask(&key).await.text("error"), "invalid_grant");
    let next = SigningKey::generate(Algorithm::Es256).unwrap();
    assert_eq!(ask(&next).await.text("error"), "temporarily_unavailable");
    away.store(false, Ordering::SeqCst);
    app.turn(std::time::Duration::from_secs(5));
    assert_eq!(ask(&next).await.text("error"), "invalid_client", "it is not the app's");
}

/// The address of somebody who publishes this.
async fn published(document: Value) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}/jwks", listener.local_addr().unwrap());
    let router = axum::Router::new().route("/jwks", get(move || async move { axum::Json(document) }));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    uri
}

/// RFC 7517 section 5: one key that could not be used kept the app out with all its others.
#[tokio::test]
async fn an_app_is_let_in_by_a_good_key_among_ones_that_cannot_be_used() {
    /// 1,024 bits: Wycheproof's `RS256_1024`.
    const SHORT: &str = "rJBIp6T1YK-RtPyvYqFFlcucqewSAA_IReSFchE8qyiQrbARqRlXWkB2DR8j_pJQnIpYELbQWZC5Cd0PTGAU8\
        rMbar2AW6zpmBbi7aQf17lUBdt8XI9M9rq7FPVQ1dDdUXm1SVH_9qqWhvMPR422SbfHBEzCAtzK0ANDRo6qz78";
    let app = TestApp::with(|setup| setup.egress = apps_here()).await;
    let key = SigningKey::generate(Algorithm::Es256).unwrap();
    let good = serde_json::to_value(key.public_jwk()).unwrap();
    let short = json!({ "kty": "RSA", "n": SHORT, "e": "AQAB", "kid": "short" });
    let halved = json!({ "kty": "EC", "crv": "P-256", "x": good["x"], "kid": "halved" });
    let uri = published(json!({ "keys": [short, halved, good] })).await;
    Wiki::register(&app, json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": uri })).await;
    assert_eq!(
        ask_by_key(&app, "wiki", &key, "1").await,
        "invalid_grant",
        "it is the app; the token is none"
    );
}

/// Its developer was sent to see whether the address is reached.
#[tokio::test]
async fn an_app_whose_key_set_is_refused_is_told_why() {
    let app = TestApp::with(|setup| setup.egress = apps_here()).await;
    let key = SigningKey::generate(Algorithm::Es256).unwrap();
    let good = serde_json::to_value(key.public_jwk()).unwrap();
    let mut private = good.clone();
    private["d"] = json!("AAAA");
    for (id, document, why) in [
        ("private", json!({ "keys": [private] }), "private member `d`"),
        ("repeated", json!({ "keys": [good, good] }), "the same `kid`"),
        ("none", json!([]), "member `keys`"),
    ] {
        let uri = published(document).await;
        let changes =
            json!({ "client_id": id, "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": uri });
        Wiki::register(&app, changes).await;
        // What was found is told again while the address is left alone.
        for jti in ["1", "2"] {
            let assertion = assertion(&app, id, "https://auth.example.com", &key, jti);
            let fields = [
                ("grant_type", "refresh_token"),
                ("refresh_token", "x"),
                ("client_assertion_type", oidc::CLIENT_ASSERTION_TYPE),
                ("client_assertion", &assertion),
            ];
            let answer = app.program().post("/token", &fields).await;
            assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (503, "5"), "{}", answer.body);
            let told = answer.text("error_description");
            assert!(told.contains("is refused") && told.contains(why), "{told}");
        }
    }
}
