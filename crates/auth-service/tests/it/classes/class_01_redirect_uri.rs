//! Class 1: a redirect URI that is taken for another. Whatever is not the registered string, letter by letter, is shown to
//! the person and followed by nobody; at the token endpoint it is worth nothing.

use serde_json::json;

use crate::classes::spellings;
use crate::protocol::{CALLBACK, VERIFIER, Wiki, try_returned};
use crate::support::{Answer, TestApp};

const ANA: &str = "ana@example.com";
const WITH_QUERY: &str = "https://wiki.example.com/x?a=1&b=%20";
const LOOPBACK: [&str; 2] = ["http://127.0.0.1/native", "http://[::1]:8000/native"];
const DEVICE: &str = "com.example.wiki:/callback";

async fn wiki(app: &TestApp) -> Wiki {
    let uris = json!([CALLBACK, WITH_QUERY, DEVICE, LOOPBACK[0], LOOPBACK[1], "http://localhost/native"]);
    Wiki::register(app, json!({ "redirect_uris": uris })).await
}

/// Told on a page of ours, which leads nowhere else.
fn assert_shown(answer: &Answer, text: &str) {
    assert_eq!((answer.status.as_u16(), answer.location()), (400, ""), "{text:?}: {}", answer.body);
    assert!(answer.body.contains("class=\"support\""), "{text:?}");
    let policy = answer.header("content-security-policy");
    assert!(policy.contains("form-action 'self';"), "{text:?}: {policy}");
    assert!(!answer.body.contains("evil.example\""), "{text:?} is nothing that can be clicked");
}

#[tokio::test]
async fn class_01_no_other_spelling_of_a_redirect_uri_is_followed() {
    let app = TestApp::start().await;
    let wiki = wiki(&app).await;
    let mut browser = app.member(ANA).await;
    for registered in [CALLBACK, WITH_QUERY, DEVICE] {
        let good = browser.get(&wiki.authorize(&[("redirect_uri", registered)])).await;
        assert!(good.location().starts_with(registered), "{registered}: {}", good.location());
        for spelling in spellings::of(registered) {
            let answer = browser.get(&wiki.authorize(&[("redirect_uri", &spelling)])).await;
            assert_shown(&answer, &spelling);
        }
    }
}

/// RFC 8252 section 7.3: any port, of an address and not of a name; all else to the letter.
#[tokio::test]
async fn class_01_of_a_loopback_address_the_port_alone_is_free() {
    let app = TestApp::start().await;
    let wiki = wiki(&app).await;
    let mut browser = app.member(ANA).await;
    for good in [
        "http://127.0.0.1/native",
        "http://127.0.0.1:1/native",
        "http://127.0.0.1:65535/native",
        "http://[::1]/native",
        "http://[::1]:49152/native",
        "http://localhost/native",
    ] {
        let answer = browser.get(&wiki.authorize(&[("redirect_uri", good)])).await;
        assert!(answer.location().starts_with(&format!("{good}?code=")), "{good}: {}", answer.body);
    }
    let spelled = LOOPBACK.into_iter().flat_map(spellings::of);
    let others = [
        "http://localhost:8000/native",
        "http://127.0.0.1:0/native",
        "http://127.0.0.1:00080/native",
        "http://127.0.0.1:+80/native",
        "http://127.0.0.1:65536/native",
        "http://127.0.0.1:99999999999/native",
        "http://127.0.0.1:80:80/native",
        "http://127.0.0.1:80@evil.example/native",
        "http://127.0.0.1.evil.example/native",
        "http://127.0.0.2/native",
        "http://127.1/native",
        "http://2130706433/native",
        "http://0x7f.0.0.1/native",
        "http://0177.0.0.1/native",
        "http://[0:0:0:0:0:0:0:1]/native",
        "http://[::ffff:127.0.0.1]/native",
        "http://[::1%25lo]/native",
        "https://127.0.0.1/native",
    ];
    for other in spelled.chain(others.map(str::to_owned)) {
        // Of those that are made, some only add a port, which is free.
        let port = other.strip_prefix("http://127.0.0.1:").or(other.strip_prefix("http://[::1]:"));
        let port = port
            .and_then(|rest| rest.strip_suffix("/native"))
            .and_then(|port| (!port.starts_with(['0', '+'])).then(|| port.parse::<u16>().ok()).flatten());
        if port.is_none() && !["http://[::1]/native"].contains(&other.as_str()) {
            assert_shown(&browser.get(&wiki.authorize(&[("redirect_uri", &other)])).await, &other);
        }
    }
}

/// A parameter that is there twice, or by another name, is none.
#[tokio::test]
async fn class_01_a_polluted_request_is_not_answered_elsewhere() {
    let app = TestApp::start().await;
    let wiki = wiki(&app).await;
    let mut browser = app.member(ANA).await;
    let good = wiki.authorize(&[]);
    let without = wiki.authorize(&[("redirect_uri", "")]);
    let (encoded, evil) =
        ("redirect_uri=https%3A%2F%2Fwiki.example.com%2Fcallback", "redirect_uri=https%3A%2F%2Fevil.example");
    for polluted in [
        format!("{good}&{evil}"),
        format!("{good}&{encoded}"),
        format!("{good}&redirect_uri="),
        format!("{without}&{evil}&{encoded}"),
        format!("{without}&redirect%5Furi=https%3A%2F%2Fevil.example&{encoded}"),
        format!("{without}&redirect_uri[]=https%3A%2F%2Fwiki.example.com%2Fcallback"),
        format!("{without}&redirect_uri%00=https%3A%2F%2Fwiki.example.com%2Fcallback"),
        format!("{without}&Redirect_Uri=https%3A%2F%2Fwiki.example.com%2Fcallback"),
        format!("{without}&+redirect_uri=https%3A%2F%2Fwiki.example.com%2Fcallback"),
        format!("{without};redirect_uri=https%3A%2F%2Fwiki.example.com%2Fcallback"),
        format!("{without}&redirect_uri=https%3A%2F%2Fwiki.example.com%2Fcallback%2"),
        format!("{without}&redirect_uri=https%3A%2F%2Fwiki.example.com%2Fcallback%FF"),
        format!("{good}&client_id=wiki"),
        format!("{good}&client_id=theirs"),
        without.clone(),
        "/authorize".to_owned(),
        "/authorize?client_id=wiki".to_owned(),
    ] {
        assert_shown(&browser.get(&polluted).await, &polluted);
    }
    // By POST too, which goes on by GET.
    let form = format!("{}&{evil}", good.split_once('?').unwrap().1);
    let answer = browser.raw("POST", "/authorize", "application/x-www-form-urlencoded", form).await;
    assert!(answer.location().starts_with("/authorize?"), "{}", answer.location());
    assert_shown(&browser.get(answer.location()).await, "by POST");
    // Whatever else is there twice is told to the app, at the address that is certain.
    let answer = browser.get(&format!("{good}&scope=openid")).await;
    assert_eq!(try_returned(&answer, "error").as_deref(), Some("invalid_request"));
    assert!(try_returned(&answer, "code").is_none());
}

/// RFC 6749 section 4.1.3: a code is redeemed with the very address that it was sent to.
#[tokio::test]
async fn class_01_a_code_is_not_redeemed_with_another_spelling() {
    let app = TestApp::start().await;
    let wiki = wiki(&app).await;
    let mut browser = app.member(ANA).await;
    let spelled = spellings::of(CALLBACK);
    let registered = [WITH_QUERY, LOOPBACK[0], "http://127.0.0.1:8000/native", ""].map(str::to_owned);
    for other in registered.into_iter().chain(spelled.into_iter().step_by(23)) {
        let code = wiki.code(&mut browser, &[]).await;
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", &other),
            ("code_verifier", VERIFIER),
        ];
        let answer = wiki.ask(&app, "/token", &fields).await;
        let error = if other.is_empty() { "invalid_request" } else { "invalid_grant" };
        assert_eq!((answer.status.as_u16(), answer.text("error").as_str()), (400, error), "{other:?}");
    }
    // The port too is the one that was asked with.
    let first = browser.get(&wiki.authorize(&[("redirect_uri", "http://127.0.0.1:8001/native")])).await;
    let code = first.location().split("code=").nth(1).unwrap().split('&').next().unwrap();
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", "http://127.0.0.1:8002/native"),
        ("code_verifier", VERIFIER),
    ];
    assert_eq!(wiki.ask(&app, "/token", &fields).await.text("error"), "invalid_grant");
}
