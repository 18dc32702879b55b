//! Class 3: mailed links poisoned by a forwarded host. Every link begins with the configured public URL.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::{HeaderName, Request};
use serde_json::Value;

use crate::classes::class_12_lockout::{Speech, mails};
use crate::support::{TestApp, form};

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

/// What a path is sent, with the headers that came along.
fn request(path: &str, speech: Speech, body: &Value, headers: &[(&str, &str)]) -> Request<Body> {
    let mut request = match speech {
        Speech::Json => {
            let request = Request::post(path).header("content-type", "application/json");
            request.body(Body::from(body.to_string())).unwrap()
        }
        Speech::Form => {
            let fields = body.as_object().unwrap();
            let fields: Vec<_> =
                fields.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect();
            form(path, &fields)
        }
    };
    for (name, value) in headers {
        request.headers_mut().insert(HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
    }
    request
}

/// Whoever the proxy in front is, and whether or not it is trusted. By every path that makes a mail go out: the list of them is whole
/// by a test of class 12.
#[tokio::test]
async fn every_mailed_link_begins_with_the_public_url() {
    let mut linked = BTreeSet::new();
    for trusted in [vec![], vec!["127.0.0.0/8".parse().unwrap()]] {
        for (state, path, speech, body) in mails::all() {
            let app = TestApp::with(|setup| {
                setup.trusted_proxies.clone_from(&trusted);
                setup.limits.mails = 1_000;
                setup.limits.second_step_mails = 1_000;
            })
            .await;
            let (mut browser, id, _) = mails::prepare(&app, state).await;
            let body = serde_json::from_str(&body.to_string().replace("ID", &id)).unwrap();
            for headers in HOSTILE {
                let answer = browser.send(request(path, speech, &body, headers)).await;
                let letters = app.letters().await;
                assert!(!letters.is_empty(), "{path} {headers:?} mails nothing: {}", answer.body);
                for letter in letters.into_iter().filter(|letter| !letter.link.is_empty()) {
                    assert!(letter.link.starts_with("https://auth.example.com/"), "{headers:?} {letter:?}");
                    assert!(!letter.link.contains("evil"), "{headers:?} {letter:?}");
                    linked.insert((letter.kind, path));
                }
            }
        }
    }
    let kinds: BTreeSet<_> = linked.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, BTreeSet::from(["prove", "reset", "change old", "change new"]), "{linked:?}");
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
