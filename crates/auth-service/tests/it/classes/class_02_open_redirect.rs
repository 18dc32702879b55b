//! Class 2: open redirect at login and logout. The corpus at every place that says where to go on to.

use axum::body::Body;
use axum::http::Request;
use serde_json::json;

use crate::classes::inventory::{every, filled};
use crate::support::{APP, Answer, PASSWORD, TestApp, form};

const ANA: &str = "ana@example.com";

const CORPUS: [&str; 40] = [
    "//evil.example",
    "///evil.example",
    "////evil.example/%2f..",
    "/\\evil.example",
    "\\\\evil.example",
    "\\/evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "/\r\n/evil.example",
    "\t//evil.example",
    " //evil.example",
    "/ /evil.example",
    "https:evil.example",
    "https:/evil.example",
    "https://evil.example",
    "https://evil.example/account",
    "http://app.example.com/protected",
    "https://app.example.com",
    "https://app.example.com/",
    "https://app.example.com/protected/",
    "https://app.example.com/protected?x=1",
    "https://app.example.com/protected#x",
    "https://app.example.com/protected/..;/evil",
    "https://app.example.com/%2e%2e/protected",
    "https://app.example.com:443/protected",
    "https://app.example.com./protected",
    "https://APP.example.com/protected",
    "https://app.example.com@evil.example/protected",
    "https://evil.example\\@app.example.com/protected",
    "https://app.example.com.evil.example/protected",
    "https://app.example.com%00.evil.example/protected",
    "https://app.example.com/protected\r\nLocation: https://evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "/account/../..//evil.example",
    "/account/..%2f..%2f/evil.example",
    "/account?next=//evil.example",
    "/account\u{0}",
    "/\u{2028}/evil.example",
    "／／evil.example",
];

/// Where a browser that was sent to `location` from our origin ends up.
fn host_of(location: &str) -> String {
    let base = url::Url::parse("https://auth.example.com/sign-in").unwrap();
    base.join(location).unwrap().origin().ascii_serialization()
}

fn assert_stays(answer: &Answer, place: &str, text: &str) {
    assert!(answer.status.as_u16() < 500, "{place} {text:?}: {}", answer.status);
    if answer.status.is_redirection() {
        assert!(!answer.location().is_empty(), "{place} {text:?} leads nowhere");
        assert_eq!(host_of(answer.location()), "https://auth.example.com", "{place} {text:?}");
    }
    assert!(!answer.header("content-security-policy").contains("evil"), "{place} {text:?}");
    for attribute in ["href=\"", "action=\"", "value=\""] {
        for value in answer.body.split(attribute).skip(1).map(|rest| rest.split('"').next().unwrap()) {
            assert!(!value.contains("evil.example"), "{place} {text:?} keeps {value}");
        }
    }
}

#[tokio::test]
async fn no_place_that_says_where_to_go_leads_elsewhere() {
    let app = TestApp::with(|setup| setup.limits.account_failures = 10_000).await;
    app.account(ANA, false).await;
    let mut member = app.signed_in(ANA).await;
    for text in CORPUS {
        let encoded: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
        for path in ["/sign-in", "/sign-up", "/sign-out"] {
            let path = format!("{path}?return_to={encoded}");
            assert_stays(&app.browser().get(&path).await, &path, text);
        }
        let path = format!("/account/confirm?next={encoded}");
        assert_stays(&member.get(&path).await, &path, text);
        let path = format!("/sign-in?return_to={encoded}");
        assert_stays(&member.get(&path).await, &path, text);
        assert_eq!(member.get(&path).await.location(), "/account", "{text:?}");

        let mut browser = app.browser();
        let wrong = [("email", ANA), ("password", "wrong"), ("return_to", text)];
        assert_stays(&browser.post("/sign-in", &wrong).await, "a wrong password", text);
        let right = [("email", ANA), ("password", PASSWORD), ("return_to", text)];
        let answer = browser.post("/sign-in", &right).await;
        assert_eq!(answer.location(), "/account", "{text:?}");
        let answer = browser.post("/sign-out", &[("return_to", text)]).await;
        assert_eq!(answer.location(), "/signed-out", "{text:?}");
        let answer = app.browser().post("/language", &[("language", "de"), ("next", text)]).await;
        assert_eq!(answer.status, 303);
        assert_stays(&answer, "the language", text);
    }
    for text in CORPUS {
        let mut again = member.clone();
        let answer = again.post("/account/confirm", &[("password", PASSWORD), ("next", text)]).await;
        assert_eq!(answer.location(), "/account", "{text:?}");
        member = again;
    }
}

#[tokio::test]
async fn a_second_step_and_a_proof_keep_only_what_is_known() {
    let app = TestApp::with(|setup| {
        setup.limits.second_step_mails = 1_000;
        setup.limits.mails = 1_000;
    })
    .await;
    app.account(ANA, true).await;
    for (number, text) in CORPUS.into_iter().chain([APP]).enumerate() {
        let mut browser = app.browser();
        browser.get("/sign-in").await;
        let fields = [("email", ANA), ("password", PASSWORD), ("return_to", text)];
        let next = browser.post("/sign-in", &fields).await.location().to_owned();
        assert_stays(&browser.get(&next).await, &next, text);
        let code = app.letter(ANA).await.code;
        let id = next.split("id=").nth(1).unwrap();
        let answer = browser.post("/sign-in/code", &[("id", id), ("code", &code)]).await;
        assert_eq!(answer.location(), if text == APP { APP } else { "/account" }, "{text:?}");

        let email = format!("n{number}@example.com");
        let fields = [("email", email.as_str()), ("password", PASSWORD), ("return_to", text)];
        let next = browser.post("/sign-up", &fields).await.location().to_owned();
        let token = app.letter(&email).await.token();
        let answer = browser.post("/verify", &[("token", &token)]).await;
        assert!(!answer.location().contains("evil"), "{next} {text:?} {}", answer.location());
        assert_eq!(answer.location().contains("return_to="), text == APP, "{text:?}");
    }
}

#[tokio::test]
async fn a_known_app_is_reached_and_its_pages_form_may_end_there() {
    let app = TestApp::start().await;
    app.account(ANA, false).await;
    let mut browser = app.browser();
    let page = browser.get(&format!("/sign-in?return_to={APP}")).await;
    assert!(page.header("content-security-policy").contains("form-action 'self' https://app.example.com;"));
    let fields = [("email", ANA), ("password", PASSWORD), ("return_to", APP)];
    assert_eq!(browser.post("/sign-in", &fields).await.location(), APP);
    assert_eq!(browser.post("/sign-out", &[("return_to", APP)]).await.location(), APP);
}

/// By whatever name anybody may say where to go on to.
const NAMES: [&str; 12] = [
    "return_to",
    "next",
    "redirect_uri",
    "post_logout_redirect_uri",
    "redirect_url",
    "return_url",
    "continue",
    "url",
    "to",
    "target",
    "rd",
    "r",
];

/// Every route there is, asked by somebody signed in and by nobody, with each name in the address, in the form, or as `Referer`: one
/// that is added is tried too.
#[tokio::test]
async fn no_route_leads_elsewhere_whatever_it_is_told() {
    let app = TestApp::with(|setup| {
        setup.limits.account_failures = 10_000;
        setup.limits.network_failures = 1_000_000;
        setup.limits.mails = 10_000;
    })
    .await;
    app.account(ANA, false).await;
    let (mut led, nobody) = (0, app.browser());
    for (method, path) in every() {
        let member = app.signed_in(ANA).await;
        let path = filled(&path, "0190163d-8694-739b-aea5-966c26f8ad91");
        for text in ["https://evil.example/", "//evil.example", "/\\evil.example", "https:evil.example"] {
            let told = NAMES.map(|name| (name, text));
            let query = serde_urlencoded::to_string(told).unwrap();
            let fields = [&told[..], &[("email", ANA), ("password", PASSWORD), ("language", "de")]].concat();
            for who in [&nobody, &member] {
                let asked = format!("{path}?{query}");
                let mut answers = vec![who.clone().raw(&method, &asked, "", "").await];
                if method == "POST" {
                    answers.push(who.clone().send(form(&path, &fields)).await);
                    answers.push(who.clone().send(form(&asked, &fields)).await);
                }
                let referred = Request::builder().method(&*method).uri(&path).header("referer", text);
                answers.push(who.clone().send(referred.body(Body::empty()).unwrap()).await);
                for answer in answers {
                    led += usize::from(answer.status.is_redirection());
                    assert_stays(&answer, &format!("{method} {path}"), text);
                }
            }
        }
    }
    assert!(led > 200, "{led}");
}

/// A parameter given twice is refused, whichever of them is good.
#[tokio::test]
async fn a_polluted_parameter_is_refused() {
    let app = TestApp::start().await;
    for path in [
        format!("/sign-in?return_to={APP}&return_to=https://evil.example"),
        format!("/sign-out?return_to=https://evil.example&return_to={APP}"),
        "/account/confirm?next=/account&next=//evil.example".to_owned(),
    ] {
        let answer = app.member(&format!("m{}@example.com", path.len())).await.get(&path).await;
        assert_eq!(answer.status, 400, "{path}");
    }
    let body = format!("email={ANA}&password=x&return_to={APP}&return_to=https://evil.example");
    let answer = app.browser().raw("POST", "/sign-in", "application/x-www-form-urlencoded", body).await;
    assert_eq!(answer.status, 400);
    let body = json!({ "email": ANA, "password": PASSWORD, "return_to": "https://evil.example" });
    assert_eq!(app.program().json("POST", "/api/v1/sign-in", &body).await.status, 422);
}
