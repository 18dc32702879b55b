//! Cross-site requests: every unsafe route, whoever is signed in, refuses what a page of another site sends.

use axum::body::Body;
use axum::http::Request;

use crate::classes::inventory::{Route, empty, every, filled};
use crate::support::{Answer, Browser, TestApp};

const FOREIGN: [(&str, &str); 9] = [
    ("origin", "https://evil.example"),
    ("origin", "https://app.example.com"),
    ("origin", "http://auth.example.com"),
    ("origin", "https://auth.example.com.evil.example"),
    ("origin", "null"),
    ("origin", ""),
    ("sec-fetch-site", "same-site"),
    ("sec-fetch-site", "cross-site"),
    ("sec-fetch-site", ""),
];

/// What apps ask from pages and servers of their own. None of it is authorised by a cookie.
const OF_APPS: [&str; 6] = ["/authorize", "/end-session", "/introspect", "/revoke", "/token", "/userinfo"];

fn unsafe_routes() -> Vec<Route> {
    let of_people = |path: &String| !OF_APPS.contains(&path.as_str());
    let routes: Vec<_> =
        every().into_iter().filter(|(method, path)| method != "GET" && of_people(path)).collect();
    assert!(routes.len() > 40, "{}", routes.len());
    routes
}

async fn send(browser: &mut Browser, route: &Route, headers: &[(&str, &str)]) -> Answer {
    let path = filled(&route.1, "0190163d-8694-739b-aea5-966c26f8ad91");
    let (content_type, body) = empty(&route.1);
    let mut request = Request::builder().method(route.0.as_str()).uri(path);
    request = request.header("content-type", content_type);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    browser.send(request.body(Body::from(body)).unwrap()).await
}

#[tokio::test]
async fn every_unsafe_route_refuses_every_foreign_origin() {
    let app = TestApp::start().await;
    let mut browser = app.member("ana@example.com").await;
    for route in unsafe_routes() {
        for header in FOREIGN {
            let answer = send(&mut browser, &route, &[header]).await;
            assert_eq!(answer.status, 403, "{route:?} {header:?} {}", answer.body);
            assert!(answer.cookies().is_empty(), "{route:?} {header:?}");
        }
        let two = [("origin", "https://auth.example.com"), ("origin", "https://evil.example")];
        assert_eq!(send(&mut browser, &route, &two).await.status, 403, "{route:?}");
    }
    assert!(browser.is_signed_in().await);
}

#[tokio::test]
async fn our_own_origin_and_no_browser_at_all_pass() {
    let app = TestApp::start().await;
    for route in unsafe_routes() {
        assert_ne!(send(&mut app.browser(), &route, &[]).await.status, 403, "{route:?}");
        assert_ne!(send(&mut app.program(), &route, &[]).await.status, 403, "{route:?}");
    }
}

/// A link on another site leads to our pages: only what changes something is refused.
#[tokio::test]
async fn a_link_from_elsewhere_opens_a_page() {
    let app = TestApp::start().await;
    for path in ["/", "/sign-in", "/sign-up", "/sign-out"] {
        let request = Request::get(path).header("sec-fetch-site", "cross-site").body(Body::empty());
        assert_eq!(app.browser().send(request.unwrap()).await.status, 200, "{path}");
    }
}

/// With or without a session of whoever's browser it is: nothing is different, and nothing is done.
#[tokio::test]
async fn what_is_open_to_other_origins_reads_no_cookie() {
    let app = TestApp::start().await;
    let foreign = [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")];
    for path in OF_APPS {
        let route = ("POST".to_owned(), path.to_owned());
        let mut member = app.member(&format!("{}@example.com", &path[1..])).await;
        let with = send(&mut member, &route, &foreign).await;
        let without = send(&mut app.program(), &route, &foreign).await;
        assert_eq!((with.status, with.location()), (without.status, without.location()), "{path}");
        assert!(with.cookies().is_empty() && without.cookies().is_empty(), "{path}");
        assert!(member.is_signed_in().await, "{path}");
    }
}
