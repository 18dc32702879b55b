//! Class 18: server-side request forgery by what an app registers: `jwks_uri`, which an assertion makes the server fetch,
//! and `backchannel_logout_uri`. Inner addresses are not asked, redirects not followed, long answers not read.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use auth_service::client_keys::ClientKeys;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::IntoResponse as _;
use axum::routing::any;
use oidc::{Algorithm, JwkSet, SigningKey};
use outbound::EgressClient;
use serde_json::json;
use tokio::net::TcpListener;

use crate::protocol::{Wiki, ask_by_key};
use crate::support::{TestApp, apps_here};

/// A server that counts who asks, and answers so.
async fn listener(
    answer: impl Fn() -> axum::response::Response + Clone + Send + Sync + 'static,
) -> (u16, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let router = axum::Router::new().fallback(any(move || {
        count.fetch_add(1, Ordering::SeqCst);
        let answer = answer.clone();
        async move { answer() }
    }));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (port, asked)
}

/// Every spelling of this machine, of private networks and of clouds' own addresses.
#[tokio::test]
async fn class_18_keys_are_not_fetched_from_inner_addresses() {
    let key = SigningKey::generate(Algorithm::Es256).unwrap();
    let set = JwkSet { keys: vec![key.public_jwk().clone()] };
    let (port, asked) = listener(move || axum::Json(set.clone()).into_response()).await;
    let app = TestApp::start().await;
    let mut clients = 0;
    for host in [
        "http://127.0.0.1",
        "http://localhost",
        "http://[::1]",
        "http://127.0.0.2",
        "http://sub.localhost",
        "https://127.0.0.1",
        "https://localhost",
        "https://[::1]",
        "https://[::ffff:7f00:1]",
        "https://0.0.0.0",
        "https://10.0.0.1",
        "https://172.16.0.1",
        "https://192.168.0.1",
        "https://100.64.0.1",
        "https://169.254.169.254",
        "https://[fd00:ec2::254]",
        "https://[fe80::1]",
        "https://[64:ff9b::7f00:1]",
        "https://[2002:7f00:1::]",
    ] {
        let id = format!("app-{clients}");
        clients += 1;
        let uri = format!("{host}:{port}/jwks");
        let changes =
            json!({ "client_id": id, "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": uri });
        Wiki::register(&app, changes).await;
        assert_eq!(ask_by_key(&app, &id, &key, "1").await, "temporarily_unavailable", "{uri}");
    }
    assert_eq!((clients, asked.load(Ordering::SeqCst)), (19, 0));
}

/// Odd spellings never get as far as to be registered.
#[test]
fn class_18_an_address_that_two_readers_read_in_two_ways_is_not_registered() {
    for uri in [
        "http://127.1/jwks",
        "https://2130706433/jwks",
        "https://0x7f.0.0.1/jwks",
        "https://0177.0.0.1/jwks",
        "http://example.com/jwks",
        "ftp://example.com/jwks",
        "file:///etc/passwd",
        "gopher://example.com/",
        "https://user@example.com/jwks",
        "https://example.com/jwks#x",
        "https://example.com./jwks",
        "//example.com/jwks",
        "https://EXAMPLE.com/jwks",
        "https://example.com/../jwks",
        "jwks",
        "",
    ] {
        for name in ["jwks_uri", "backchannel_logout_uri"] {
            let mut client = json!({
                "client_id": "app", "client_name": "App", "redirect_uris": ["https://app.example.com/"],
                "scope": "openid", "token_endpoint_auth_method": "private_key_jwt",
                "jwks_uri": "https://app.example.com/jwks",
            });
            client[name] = json!(uri);
            let client: oidc::Client = serde_json::from_value(client).unwrap();
            assert!(client.validate().is_err(), "{name} {uri}");
        }
    }
}

/// Answers that are no key set: redirects, errors, too much, private keys.
#[tokio::test]
async fn class_18_only_a_key_set_is_read_and_no_redirect_followed() {
    let key = SigningKey::generate(Algorithm::Es256).unwrap();
    let set = serde_json::to_value(JwkSet { keys: vec![key.public_jwk().clone()] }).unwrap();
    let good = set.clone();
    let (target, followed) = listener(move || axum::Json(good.clone()).into_response()).await;
    let app = TestApp::with(|setup| setup.egress = apps_here()).await;
    let to = format!("http://127.0.0.1:{target}/");
    let mut private = set.clone();
    private["keys"][0]["d"] = json!("AAAA");
    let mut answers: Vec<axum::response::Response> = Vec::new();
    for status in [301, 302, 303, 307, 308] {
        answers.push((StatusCode::from_u16(status).unwrap(), [(LOCATION, to.clone())]).into_response());
    }
    answers.push((StatusCode::CREATED, set.to_string()).into_response());
    answers.push((StatusCode::INTERNAL_SERVER_ERROR, set.to_string()).into_response());
    answers.push(private.to_string().into_response());
    answers.push("<html></html>".into_response());
    answers.push(format!("{set}{}", " ".repeat(300 * 1024)).into_response());
    answers.push(format!("{}{}", "[".repeat(10_000), "]".repeat(10_000)).into_response());
    let count = answers.len();
    let answers = Arc::new(std::sync::Mutex::new(answers));
    let (port, asked) = listener(move || answers.lock().unwrap().remove(0)).await;
    for number in 0..count {
        let id = format!("app-{number}");
        let uri = format!("http://127.0.0.1:{port}/{number}");
        let changes =
            json!({ "client_id": id, "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": uri });
        Wiki::register(&app, changes).await;
        assert_eq!(ask_by_key(&app, &id, &key, "1").await, "temporarily_unavailable", "answer {number}");
    }
    assert_eq!((asked.load(Ordering::SeqCst), followed.load(Ordering::SeqCst)), (count, 0));
    let changes =
        json!({ "client_id": "good", "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": to });
    Wiki::register(&app, changes).await;
    assert_eq!(ask_by_key(&app, "good", &key, "1").await, "invalid_grant", "the listener itself would do");
}

/// A crowd makes one request, and an address that fails is left alone for five seconds.
#[tokio::test]
async fn class_18_however_many_ask_an_address_is_asked_seldom() {
    let (port, asked) = listener(|| StatusCode::NOT_FOUND.into_response()).await;
    let keys = Arc::new(ClientKeys::new(EgressClient::new(&apps_here()).unwrap()));
    let uri = format!("http://127.0.0.1:{port}/jwks");
    let now = domain::Timestamp(1_900_000_000_000_000);
    for (later, times) in [(0, 1), (4, 1), (5, 2), (9, 2), (10, 3)] {
        let now = now.plus(std::time::Duration::from_secs(later));
        let tasks: Vec<_> = (0..20)
            .map(|number: u32| {
                let (keys, uri) = (keys.clone(), uri.clone());
                tokio::spawn(async move { keys.of(&uri, Some(&number.to_string()), now).await.is_err() })
            })
            .collect();
        for task in tasks {
            assert!(task.await.unwrap());
        }
        assert_eq!(asked.load(Ordering::SeqCst), times, "after {later} s");
    }
}
