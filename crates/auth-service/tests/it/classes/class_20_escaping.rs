//! Class 20: script on sign-in pages. Hostile names through a real sign-up show as text, and no answer allows a script.

use serde_json::json;

use crate::classes::inventory::{empty, every, filled};
use crate::markup::without_own_scripts;
use crate::support::{Answer, Browser, OTHER_PASSWORD, PASSWORD, TestApp};

const HOSTILE: [&str; 8] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' autofocus onfocus=alert(1) x='",
    "</title><svg onload=alert(1)>",
    "{{7*7}}${7*7}<%=7*7%>",
    "javascript:alert(1)",
    "<!--<textarea>",
    "&lt;script&gt;&#60;b&#62;",
];

const RATED: [&str; 6] =
    ["/sign-up", "/verify", "/reset/code", "/reset/new", "/account/password", "/account/second-step"];

/// What somebody may pass on the way to an app and back, in a window that the app has opened: it stays its opener's.
const ON_THE_WAY: [&str; 17] = [
    "/authorize",
    "/authorize/account",
    "/authorize/consent",
    "/authorize/continue",
    "/account/confirm",
    "/end-session",
    "/language",
    "/reset",
    "/reset/code",
    "/reset/new",
    "/sign-in",
    "/sign-in/code",
    "/sign-in/code/resend",
    "/sign-out",
    "/sign-up",
    "/verify",
    "/verify/resend",
];

fn opener_policy(path: &str) -> &'static str {
    if ON_THE_WAY.contains(&path) { "unsafe-none" } else { "same-origin" }
}

/// What would be markup if it were not text.
fn assert_is_text(answer: &Answer, place: &str) {
    let lower = without_own_scripts(&answer.body).to_lowercase();
    let policy = answer.header("content-security-policy");
    assert!(
        without_own_scripts(&answer.body) == answer.body || policy.contains("script-src 'self';"),
        "{place}"
    );
    let markup = ["<script", "<img src=x", "<svg onload", "<textarea", "<!--", "<b>"];
    for markup in markup.into_iter().chain(["href=\"javascript", "action=\"javascript", "src=\"javascript"]) {
        assert!(!lower.contains(markup), "{place} holds {markup}: {}", answer.body);
    }
    for tag in lower.split('<').skip(1).map(|rest| rest.split('>').next().unwrap()) {
        let outside_values: String = tag.split('"').step_by(2).collect();
        assert!(!outside_values.contains(" on"), "{place}: <{tag}>");
    }
}

fn assert_strict(answer: &Answer, place: &str) {
    let policy = answer.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none';"), "{place}: {policy}");
    // Where a new password is typed, our own scripts say how easy it is to guess.
    let path = place.split('?').next().unwrap();
    let policy =
        if RATED.contains(&path) { policy.replacen(" script-src 'self';", "", 1) } else { policy.to_owned() };
    for word in ["unsafe-inline", "unsafe-eval", "*", "data:", "blob:", "script-src"] {
        assert!(!policy.contains(word), "{place}: {policy}");
    }
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", opener_policy(path)),
        ("strict-transport-security", "max-age=63072000; includeSubDomains"),
    ] {
        assert_eq!(answer.header(name), value, "{place}");
    }
    assert!(!answer.header("cache-control").is_empty(), "{place}");
}

async fn all_pages(browser: &mut Browser, place: &str) {
    for path in [
        "/account",
        "/account/profile",
        "/account/email",
        "/account/password",
        "/account/second-step",
        "/account/sessions",
        "/account/delete",
        "/account/confirm",
    ] {
        let answer = browser.get(path).await;
        assert_eq!(answer.status, 200, "{place} {path}");
        assert_is_text(&answer, place);
    }
}

#[tokio::test]
async fn hostile_names_through_a_real_sign_up_are_text_everywhere() {
    let app = TestApp::start().await;
    for (number, name) in HOSTILE.into_iter().enumerate() {
        let email = format!("n'o`{{{number}}}&x=y@example.com");
        let mut browser = app.browser();
        browser.get("/sign-up").await;
        let bad = [("name", name), ("email", name), ("password", PASSWORD), ("return_to", name)];
        let answer = browser.post("/sign-up", &bad).await;
        assert_eq!(answer.status, 422);
        assert_is_text(&answer, name);
        let good = [("name", name), ("email", &email), ("password", PASSWORD)];
        let next = browser.post("/sign-up", &good).await.location().to_owned();
        assert_is_text(&browser.get(&next).await, name);
        let token = app.letter(&email).await.token();
        assert_eq!(browser.post("/verify", &[("token", &token)]).await.status, 303);
        let answer = browser.post("/sign-in", &[("email", &email), ("password", PASSWORD)]).await;
        assert_eq!(answer.location(), "/account", "{}", answer.body);
        all_pages(&mut browser, name).await;
        let profile = [("name", name), ("language", name)];
        assert_is_text(&browser.post("/account/profile", &profile).await, name);
        let password = [("current_password", name), ("new_password", OTHER_PASSWORD)];
        assert_is_text(&browser.post("/account/password", &password).await, name);
        assert_is_text(&browser.post("/account/email", &[("email", name)]).await, name);
    }
}

#[tokio::test]
async fn hostile_addresses_and_headers_are_text() {
    let app = TestApp::start().await;
    for name in HOSTILE {
        let encoded: String = url::form_urlencoded::byte_serialize(name.as_bytes()).collect();
        for path in [
            format!("/{encoded}"),
            format!("/sign-in?notice={encoded}&return_to={encoded}"),
            format!("/verify?id={encoded}"),
            format!("/verify?token={encoded}"),
            format!("/reset/new?token={encoded}"),
            format!("/account/email/confirm?side={encoded}&token={encoded}"),
            format!("/sign-in?x={encoded}&x={encoded}"),
        ] {
            let answer = app.browser().get(&path).await;
            assert_is_text(&answer, name);
            assert_strict(&answer, &path);
        }
    }
    let mut browser = app.member("ana@example.com").await;
    for name in HOSTILE {
        let login = json!({ "email": "ana@example.com", "password": PASSWORD }).to_string();
        let request = axum::http::Request::post("/login")
            .header("content-type", "application/json")
            .header("user-agent", name)
            .header("accept-language", name)
            .body(login.into())
            .unwrap();
        assert_eq!(app.program().send(request).await.status, 200, "{name}");
    }
    assert_is_text(&browser.get("/account/sessions").await, "a user agent");
}

#[tokio::test]
async fn no_answer_of_any_route_allows_a_script_of_others() {
    let app = TestApp::start().await;
    let id = "0190163d-8694-739b-aea5-966c26f8ad91";
    for (method, path) in every() {
        let (content_type, body) = empty(&path);
        for mut browser in [app.browser(), app.program()] {
            let answer = browser.raw(&method, &filled(&path, id), content_type, body).await;
            assert_strict(&answer, &path);
            let answer = browser.raw("DELETE", &filled(&path, id), "text/plain", "x").await;
            assert_strict(&answer, &path);
        }
    }
    assert_strict(&app.browser().get("/nothing").await, "/nothing");
    let large = vec![b'a'; 100_000];
    assert_strict(&app.browser().raw("POST", "/sign-in", "", large).await, "/sign-in?with a large body");
}

/// One answer that is none, and be it a redirect, cuts the window off from its opener for good.
#[tokio::test]
async fn a_window_stays_its_openers_on_the_way_to_an_app_and_nowhere_else() {
    let app = TestApp::start().await;
    for mut browser in [app.browser(), app.member("ana@example.com").await] {
        let routes = every();
        for path in ON_THE_WAY {
            assert!(routes.iter().any(|(_, route)| route == path), "{path}");
        }
        for (method, path) in routes {
            let (content_type, body) = empty(&path);
            let answer = browser.clone().raw(&method, &filled(&path, "x"), content_type, body).await;
            assert_eq!(answer.header("cross-origin-opener-policy"), opener_policy(&path), "{method} {path}");
        }
        for other in ["/authorizex", "/sign-in-x", "/account/confirm/x", "/nowhere", "/sign-upx"] {
            assert_eq!(
                browser.get(other).await.header("cross-origin-opener-policy"),
                "same-origin",
                "{other}"
            );
        }
    }
}
