//! Class 16: PKCE that can be left out or turned down, `state` and `nonce` that do not come back as they were. PKCE with
//! S256 is required of every client; what is absent is refused. `state` and `nonce` are the client's own to check: they
//! come back unchanged, or not at all.

use serde_json::json;

use crate::protocol::{CALLBACK, CHALLENGE, VERIFIER, Wiki, claims, returned, try_returned};
use crate::support::{Browser, TestApp};

/// Every kind of client there is: confidential or not, the operator's own or not.
async fn every_client(app: &TestApp) -> Vec<Wiki> {
    let mut clients = Vec::new();
    for method in ["client_secret_basic", "none"] {
        for first_party in [true, false] {
            let id = format!("{}-{first_party}", method.replace('_', "-"));
            let changes = json!({
                "client_id": id, "token_endpoint_auth_method": method, "first_party": first_party,
                "redirect_uris": [CALLBACK, "http://127.0.0.1/native"],
            });
            clients.push(Wiki::register(app, changes).await);
        }
    }
    clients
}

#[tokio::test]
async fn class_16_no_request_without_s256_gets_a_code() {
    let app = TestApp::start().await;
    let clients = every_client(&app).await;
    let mut browser = app.member("ana@example.com").await;
    let long = "a".repeat(44);
    let padded = format!("{CHALLENGE}=");
    let stray = format!("{}N", &CHALLENGE[..42]);
    for client in &clients {
        for prompt in ["", "none", "consent", "login"] {
            for (challenge, method) in [
                ("", ""),
                ("", "S256"),
                ("", "plain"),
                (CHALLENGE, ""),
                (CHALLENGE, "plain"),
                (CHALLENGE, "s256"),
                (CHALLENGE, "S256 "),
                (CHALLENGE, "S512"),
                (CHALLENGE, "none"),
                (VERIFIER, "plain"),
                ("short", "S256"),
                (&long, "S256"),
                (&padded, "S256"),
                (&stray, "S256"),
                ("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw+cM", "S256"),
            ] {
                let changes =
                    [("code_challenge", challenge), ("code_challenge_method", method), ("prompt", prompt)];
                let answer = browser.get(&client.authorize(&changes)).await;
                let case = format!("{} {challenge} {method} {prompt}", client.id);
                assert_eq!(returned(&answer, "error"), "invalid_request", "{case}");
                assert!(try_returned(&answer, "code").is_none(), "{case}");
            }
        }
        let twice = format!("{}&code_challenge={CHALLENGE}", client.authorize(&[]));
        assert_eq!(returned(&browser.get(&twice).await, "error"), "invalid_request");
        let twice = format!("{}&code_challenge_method=plain", client.authorize(&[]));
        assert_eq!(returned(&browser.get(&twice).await, "error"), "invalid_request");
    }
}

async fn code(client: &Wiki, browser: &mut Browser) -> String {
    let answer = browser.get(&client.authorize(&[])).await;
    if answer.location().starts_with("https://") {
        return returned(&answer, "code");
    }
    let id = browser.get(answer.location()).await.hidden("id");
    returned(&browser.choose("/authorize/consent", &id, "allow").await, "code")
}

#[tokio::test]
async fn class_16_no_code_is_redeemed_without_its_verifier() {
    let app = TestApp::start().await;
    let clients = every_client(&app).await;
    let mut browser = app.member("ana@example.com").await;
    let (short, long) = ("a".repeat(42), "a".repeat(129));
    let other = "a".repeat(43);
    let upper = VERIFIER.to_uppercase();
    for client in &clients {
        for (verifier, error) in [
            ("", "invalid_request"),
            (short.as_str(), "invalid_request"),
            (&long, "invalid_request"),
            ("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk=", "invalid_request"),
            ("dBjftJeZ4CVP-mB92K27uhbUJU1p1r wW1gFWFOEjXk", "invalid_request"),
            (CHALLENGE, "invalid_grant"),
            (&other, "invalid_grant"),
            (&upper, "invalid_grant"),
        ] {
            let code = code(client, &mut browser).await;
            let fields = [
                ("grant_type", "authorization_code"),
                ("code", code.as_str()),
                ("redirect_uri", CALLBACK),
                ("code_verifier", verifier),
            ];
            let answer = client.ask(&app, "/token", &fields).await;
            assert_eq!(answer.text("error"), error, "{} {verifier}", client.id);
            assert!(answer.json()["access_token"].is_null());
        }
        let code = code(client, &mut browser).await;
        assert_eq!(client.exchange(&app, &code).await.status, 200, "{}: and with it it is", client.id);
    }
}

/// What a client sends to recognise its own request comes back to the letter, in success and in error.
#[tokio::test]
async fn class_16_state_and_nonce_come_back_unchanged_or_not_at_all() {
    let app = TestApp::start().await;
    let wiki = Wiki::register(&app, json!({})).await;
    let mut browser = app.member("ana@example.com").await;
    let long = "s".repeat(4096);
    for text in ["x", " ", "a b+c%20&=?#/\\", "<\"'>", "ünïcode ✓", "null", &long] {
        let answer = browser.get(&wiki.authorize(&[("state", text), ("nonce", text)])).await;
        assert_eq!(returned(&answer, "state"), text);
        let tokens = wiki.exchange(&app, &returned(&answer, "code")).await.json();
        assert_eq!(claims(tokens["id_token"].as_str().unwrap())["nonce"], text);
        let refused = browser.get(&wiki.authorize(&[("state", text), ("scope", "admin")])).await;
        assert_eq!(returned(&refused, "state"), text);
    }
    let answer = browser.get(&wiki.authorize(&[("state", ""), ("nonce", "")])).await;
    assert_eq!(try_returned(&answer, "state"), None, "none is invented");
    let tokens = wiki.exchange(&app, &returned(&answer, "code")).await.json();
    assert!(claims(tokens["id_token"].as_str().unwrap())["nonce"].is_null());
    let too_long = "s".repeat(4097);
    for (name, text) in
        [("state", "a\nb"), ("state", "a\0b"), ("nonce", "a\rb"), ("state", &too_long), ("nonce", &too_long)]
    {
        let answer = browser.get(&wiki.authorize(&[(name, text)])).await;
        assert_eq!(returned(&answer, "error"), "invalid_request", "{name}");
        assert_eq!(try_returned(&answer, "state").is_none(), name == "state", "{name}");
    }
}
