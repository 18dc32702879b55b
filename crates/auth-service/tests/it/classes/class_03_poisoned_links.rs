//! Class 3: mailed links poisoned by a forwarded host. Every link begins with the configured public URL.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use crate::support::{Answer, Browser, PASSWORD, TestApp};

const ANA: &str = "ana@example.com";

const HOSTILE: [&[(&str, &str)]; 8] = [
    &[("host", "evil.example")],
    &[("host", "auth.example.com@evil.example")],
    &[("host", "auth.example.com:1234")],
    &[("x-forwarded-host", "evil.example"), ("x-forwarded-proto", "http")],
    &[("x-forwarded-host", "evil.example"), ("x-forwarded-port", "1234"), ("x-forwarded-prefix", "/evil")],
    &[("forwarded", "host=evil.example;proto=http;for=10.0.0.1")],
    &[("x-original-url", "//evil.example"), ("x-rewrite-url", "//evil.example")],
    &[("x-host", "evil.example"), ("x-http-host-override", "evil.example"), ("referer", "//evil.example")],
];

async fn post(browser: &mut Browser, path: &str, body: &Value, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::post(path).header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    browser.send(request.body(Body::from(body.to_string())).unwrap()).await
}

/// Whoever the proxy in front is, and whether or not it is trusted.
#[tokio::test]
async fn every_mailed_link_begins_with_the_public_url() {
    for trusted in [vec![], vec!["127.0.0.0/8".parse().unwrap()]] {
        let app = TestApp::with(|setup| {
            setup.trusted_proxies = trusted;
            setup.limits.mails = 1_000;
        })
        .await;
        let mut member = app.member(ANA).await;
        for (number, headers) in HOSTILE.into_iter().enumerate() {
            let new = format!("new{number}@example.com");
            let body = json!({ "email": new, "password": PASSWORD });
            let id = post(&mut app.program(), "/api/v1/sign-up", &body, headers).await.text("proof_id");
            let resend = json!({ "proof_id": id });
            post(&mut app.program(), "/api/v1/sign-up/proof/resend", &resend, headers).await;
            post(&mut app.program(), "/api/v1/reset", &json!({ "email": ANA }), headers).await;
            let change = json!({ "email": format!("moved{number}@example.com") });
            assert_eq!(post(&mut member, "/api/v1/account/email", &change, headers).await.status, 202);
            let letters = app.letters().await;
            assert_eq!(letters.len(), 5, "{letters:?}");
            for letter in letters {
                assert!(letter.link.starts_with("https://auth.example.com/"), "{headers:?} {letter:?}");
                assert!(!letter.link.contains("evil"), "{headers:?} {letter:?}");
            }
        }
    }
}

#[tokio::test]
async fn no_redirect_page_or_cookie_knows_the_host_that_was_asked() {
    let app = TestApp::start().await;
    for headers in HOSTILE {
        for path in ["/", "/sign-in", "/account", "/nothing", "/docs", "/openapi.json", "/api/v1/account"] {
            let mut request = Request::get(path);
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let answer = app.browser().send(request.body(Body::empty()).unwrap()).await;
            let whole = format!("{:?}{}", answer.headers, answer.body);
            assert!(!whole.contains("evil") && !whole.contains(":1234"), "{headers:?} {path}: {whole}");
            assert!(!whole.contains("Domain="), "{path}");
        }
    }
}

/// In development another name is refused outright: a page on the web may have a name that leads to this machine.
#[tokio::test]
async fn in_development_only_our_own_name_is_answered() {
    let app = TestApp::with(|setup| {
        setup.public_url = "http://localhost:3000/";
        setup.mailbox = Some(auth_service::mailbox::Mailbox::default());
    })
    .await;
    let ask = async |path: &str, host: &str| {
        app.browser().send(Request::get(path).header("host", host).body(Body::empty()).unwrap()).await
    };
    let (pages, documents) = (
        ["/", "/dev/mailbox", "/sign-in?return_to=/account", "//evil.example/"],
        ["/dev/mailbox.json", "/openapi.json", "/.well-known/jwks.json"],
    );
    for host in [
        "localhost",
        "localhost:3001",
        "evil.example:3000",
        "localhost.evil.example:3000",
        "localhost:3000@evil.example",
        "",
    ] {
        for path in pages.iter().chain(&documents) {
            assert_eq!(ask(path, host).await.status, 421, "{host} {path}");
        }
    }
    // The page once spoke of a damaged form.
    let page = ask("/sign-in", "evil.example:3000").await.body;
    assert!(page.contains("<h1>This is not our address</h1>"), "{page}");
    assert!(page.contains("href=\"http://localhost:3000/\"") && !page.contains("evil"), "{page}");
    for host in ["localhost:3000", "127.0.0.1:3000", "[::1]:3000"] {
        for path in documents {
            assert_eq!(ask(path, host).await.status, 200, "{host} {path}");
        }
        let body = serde_json::json!({ "token": "x" }).to_string();
        for (path, status) in [("/verify-token", 401), ("/api/v1/sign-in", 422)] {
            let request = Request::post(path).header("host", host).header("content-type", "application/json");
            let answer = app.program().send(request.body(body.clone().into()).unwrap()).await;
            assert_eq!(answer.status, status, "{host} {path}: programs on this machine ask so");
        }
    }
    for path in pages {
        // Every form there was refused, since it came from another origin.
        for host in ["127.0.0.1:3000", "[::1]:3000"] {
            let answer = ask(path, host).await;
            assert_eq!(answer.status, 307, "{host} {path}");
            assert_eq!(answer.location(), format!("http://localhost:3000{path}"));
        }
        assert_ne!(ask(path, "localhost:3000").await.status, 307, "{path}");
    }
}
