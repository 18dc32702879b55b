//! Class 17: a scope or an audience that is not enforced: what an operator takes from a client is taken from what it holds
//! already, at every grant, and from what is on its way.

use std::time::Duration;

use serde_json::{Value, json};

use crate::protocol::{CALLBACK, Wiki, claims, returned, try_returned};
use crate::support::{Browser, TestApp};

const ANA: &str = "ana@example.com";
const API: &str = "https://api.example.com/";

/// An app of the configuration, as it was.
fn wide() -> Value {
    json!({
        "client_id": "wiki", "client_name": "Team wiki", "redirect_uris": [CALLBACK],
        "scope": "openid profile email offline_access wiki:read", "token_endpoint_auth_method": "none",
        "grant_types": ["authorization_code", "refresh_token"], "resources": [API], "first_party": true,
        "id_token_signed_response_alg": "EdDSA",
    })
}

async fn declare(app: &TestApp, described: Value) -> Wiki {
    let client = serde_json::from_value(described).unwrap();
    let secret_overlap = auth::DeclaredClient::SECRET_OVERLAP;
    let declared = [auth::DeclaredClient { client, secret: None, secret_overlap }];
    app.app.auth.clients().declare(&declared, app.app.auth.now()).await.unwrap();
    app.turn(Duration::from_secs(1));
    Wiki { id: "wiki".to_owned(), secret: None }
}

/// What a client held before it was narrowed.
struct Held {
    app: TestApp,
    wiki: Wiki,
    browser: Browser,
    code: String,
    refresh: String,
    /// A request that waits for the person.
    waiting: String,
    /// To whom its page was shown.
    account: String,
}

impl Held {
    async fn new(asked: &[(&str, &str)]) -> Self {
        let app = TestApp::start().await;
        let wiki = declare(&app, wide()).await;
        let mut browser = app.member(ANA).await;
        let code = wiki.code(&mut browser, asked).await;
        let tokens = wiki.exchange(&app, &code).await.json();
        let refresh = tokens["refresh_token"].as_str().unwrap().to_owned();
        let code = wiki.code(&mut browser, asked).await;
        let waits = [asked, &[("prompt", "select_account")]].concat();
        let page = browser.get(&wiki.authorize(&waits)).await.location().to_owned();
        let page = browser.get(&page).await;
        let (waiting, account) = (page.hidden("id"), page.hidden("account"));
        Self { app, wiki, browser, code, refresh, waiting, account }
    }

    async fn narrow(&self, name: &str, value: Value) {
        let mut described = wide();
        described[name] = value;
        declare(&self.app, described).await;
    }

    /// What the code, the refresh token, and the request that waits give now: scope and audience, or the error.
    async fn gives(mut self) -> [String; 3] {
        let told = |answer: Value| match answer["access_token"].as_str() {
            Some(access) => format!("{} for {}", answer["scope"].as_str().unwrap(), claims(access)["aud"]),
            None => answer["error"].as_str().unwrap().to_owned(),
        };
        let by_code = told(self.wiki.exchange(&self.app, &self.code).await.json());
        let by_refresh = told(self.wiki.refresh(&self.app, &self.refresh).await.json());
        let fields =
            [("id", self.waiting.as_str()), ("account", self.account.as_str()), ("choice", "continue")];
        let answer = self.browser.post("/authorize/account", &fields).await;
        let by_waiting = match answer.status.as_u16() {
            303 if try_returned(&answer, "code").is_some() => {
                told(self.wiki.exchange(&self.app, &returned(&answer, "code")).await.json())
            }
            303 => returned(&answer, "error"),
            status => format!("{status}, shown"),
        };
        [by_code, by_refresh, by_waiting]
    }
}

#[tokio::test]
async fn class_17_what_is_taken_from_a_client_is_taken_from_what_it_holds() {
    let (all, issuer) = ("openid profile email offline_access", "\"https://auth.example.com\"");
    let here = |scope: &str| format!("{scope} for {issuer}");
    let there = format!("{all} for \"{API}\"");
    let nothing = [("", "")];
    let for_api = [("resource", API)];
    let wiki_only = [("scope", "wiki:read")];
    let cases = [
        (&nothing, "client_name", json!("Wiki"), [(); 3].map(|()| here(all))),
        (&for_api, "client_name", json!("Wiki"), [(); 3].map(|()| there.clone())),
        (&nothing, "scope", json!("openid email"), [(); 3].map(|()| here("openid email"))),
        (
            &wiki_only,
            "scope",
            json!("openid email"),
            ["invalid_scope", "invalid_scope", "400, shown"].map(str::to_owned),
        ),
        (&for_api, "resources", json!([]), [(); 3].map(|()| "invalid_target".to_owned())),
        // Nobody is sent where the app is no longer, and what it held by then is its own all the same.
        (
            &nothing,
            "redirect_uris",
            json!(["https://wiki.example.com/new"]),
            [here(all), here(all), "400, shown".to_owned()],
        ),
        (
            &nothing,
            "grant_types",
            json!(["authorization_code"]),
            [here(all), "unauthorized_client".to_owned(), here(all)],
        ),
    ];
    for (asked, name, value, expected) in cases {
        let asked: Vec<_> = asked.iter().copied().filter(|(name, _)| !name.is_empty()).collect();
        let held = Held::new(&asked).await;
        held.narrow(name, value.clone()).await;
        assert_eq!(held.gives().await, expected, "{asked:?}, then {name} {value}");
    }
}

/// The person's no goes nowhere either, and no page lets a form end there.
#[tokio::test]
async fn class_17_no_answer_goes_where_the_app_is_no_longer() {
    let held = Held::new(&[]).await;
    let mut browser = held.browser.clone();
    let asked = browser.get(&held.wiki.authorize(&[("prompt", "consent")])).await.location().to_owned();
    let page = browser.get(&asked).await;
    let (id, account) = (page.hidden("id"), page.hidden("account"));
    held.narrow("redirect_uris", json!(["https://wiki.example.com/new"])).await;
    let page = browser.get(&asked).await;
    assert_eq!(page.status, 410, "{}", page.body);
    assert!(!page.header("content-security-policy").contains("wiki.example.com"));
    for choice in ["deny", "allow"] {
        let fields = [("id", id.as_str()), ("account", account.as_str()), ("choice", choice)];
        let answer = browser.post("/authorize/consent", &fields).await;
        assert_eq!((answer.status.as_u16(), answer.location()), (400, ""), "{choice}");
    }
    assert_eq!(browser.get(&format!("/authorize/continue?id={id}")).await.status, 400);
}

/// What outlives the session does so by `offline_access`, for as long as the client may have that.
#[tokio::test]
async fn class_17_without_offline_access_nothing_outlives_the_session_any_more() {
    let mut held = Held::new(&[]).await;
    held.narrow("scope", json!("openid profile email")).await;
    let answer = held.wiki.refresh(&held.app, &held.refresh).await.json();
    let refresh = answer["refresh_token"].as_str().expect("the session goes on");
    held.browser.post("/sign-out", &[]).await;
    assert_eq!(held.wiki.refresh(&held.app, refresh).await.text("error"), "invalid_grant");
}
