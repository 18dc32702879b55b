//! The modules of the OpenID conformance suite's plans for providers, each played here as a test of its name. What each
//! module asks is in `docs/reference/conformance.md`, which names these tests.
//!
//! The requests are those of the modules, with PKCE besides: it is required of every client here.

mod back_channel_logout;
mod basic;
mod config;
mod rp_initiated_logout;

use std::collections::BTreeMap;

use oidc::{Algorithm, Expected, JwkSet, KeySet, at_hash};
use serde_json::{Value, json};

use crate::protocol::{CALLBACK, CHALLENGE, Wiki, claims, userinfo};
use crate::support::{Answer, Browser, PASSWORD, TestApp};

const ANA: &str = "ana@example.com";
const ISSUER: &str = "https://auth.example.com";
/// As the suite registers it.
const HOME: &str = "https://wiki.example.com/post_logout_redirect";

/// How the answer of the authorization endpoint comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// The Basic OP plan.
    Query,
    /// The Form Post OP plan: the same modules.
    FormPost,
}

/// A provider, a client of the suite, and a person with a browser.
struct Op {
    app: TestApp,
    client: Wiki,
    browser: Browser,
    mode: Mode,
}

/// The fields of an answer, as the callback gets them.
type Callback = BTreeMap<String, String>;

impl Op {
    async fn new(mode: Mode) -> Self {
        Self::with(mode, json!({})).await
    }

    /// With a client of other settings. Its ID tokens are signed by RS256, as a client's are that says nothing.
    async fn with(mode: Mode, changes: Value) -> Self {
        let app = TestApp::with(|setup| setup.algorithms = vec![Algorithm::EdDsa, Algorithm::Rs256]).await;
        let mut settings = json!({
            "id_token_signed_response_alg": "RS256", "first_party": false, "post_logout_redirect_uris": [HOME],
        });
        for (name, value) in changes.as_object().unwrap() {
            settings[name] = value.clone();
        }
        let client = Wiki::register(&app, settings).await;
        app.account(ANA, false).await;
        let browser = app.browser();
        Self { app, client, browser, mode }
    }

    /// The parameters of the suite's request, with those of a module.
    fn request(&self, changes: &[(&str, &str)]) -> Vec<(String, String)> {
        let mut fields = vec![
            ("client_id", self.client.id.as_str()),
            ("redirect_uri", CALLBACK),
            ("scope", "openid"),
            ("state", "the state"),
            ("nonce", "the nonce"),
            ("response_type", "code"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        if self.mode == Mode::FormPost {
            fields.push(("response_mode", "form_post"));
        }
        for (name, value) in changes {
            fields.retain(|(known, _)| known != name);
            if !value.is_empty() {
                fields.push((name, value));
            }
        }
        fields.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    fn address(&self, changes: &[(&str, &str)]) -> String {
        format!("/authorize?{}", serde_urlencoded::to_string(self.request(changes)).unwrap())
    }

    async fn authorize(&mut self, changes: &[(&str, &str)]) -> Callback {
        let answer = self.browser.get(&self.address(changes)).await;
        self.finish(answer).await
    }

    /// Does what the pages ask, until the app is answered.
    async fn finish(&mut self, mut answer: Answer) -> Callback {
        for _ in 0..8 {
            if let Some(callback) = self.callback(&answer) {
                return callback;
            }
            let to = answer.location().to_owned();
            let (path, _) = to.split_once('?').unwrap_or((&to, ""));
            answer = match path {
                "/sign-in" => {
                    let return_to = self.browser.get(&to).await.hidden("return_to");
                    let fields = [("email", ANA), ("password", PASSWORD), ("return_to", &return_to)];
                    self.browser.post("/sign-in", &fields).await
                }
                "/account/confirm" => {
                    let next = self.browser.get(&to).await.hidden("next");
                    self.browser.post("/account/confirm", &[("password", PASSWORD), ("next", &next)]).await
                }
                "/authorize/consent" => {
                    let id = self.browser.get(&to).await.hidden("id");
                    self.browser.choose("/authorize/consent", &id, "allow").await
                }
                "/authorize/continue" | "/authorize" => self.browser.get(&to).await,
                other => panic!("{other}: {} {}", answer.status, answer.body),
            };
        }
        panic!("there is no end to it: {}", answer.location())
    }

    /// The answer, if it is the app's; in the mode that was asked for, and in no other.
    fn callback(&self, answer: &Answer) -> Option<Callback> {
        let fields: Callback = match self.mode {
            Mode::Query => {
                let query = answer.location().strip_prefix(CALLBACK)?.strip_prefix('?')?;
                serde_urlencoded::from_str(query).unwrap()
            }
            Mode::FormPost => {
                let form = answer.body.split(&format!("action=\"{CALLBACK}\"")).nth(1)?;
                assert!(answer.body.contains("method=\"post\"") && answer.location().is_empty());
                let names = form.split("type=\"hidden\" name=\"").skip(1);
                names
                    .map(|field| field.split('"').next().unwrap().to_owned())
                    .map(|name| {
                        let value = answer.hidden(&name);
                        (name, value)
                    })
                    .collect()
            }
        };
        assert_eq!(fields.get("iss").map(String::as_str), Some(ISSUER), "RFC 9207: {fields:?}");
        Some(fields)
    }

    /// A flow to its end: what the token endpoint answers, everything about it checked.
    async fn flow(&mut self, changes: &[(&str, &str)]) -> Value {
        let callback = self.authorize(changes).await;
        self.redeem(&callback, changes).await
    }

    async fn redeem(&self, callback: &Callback, changes: &[(&str, &str)]) -> Value {
        assert!(!callback.contains_key("error"), "{callback:?}");
        assert_eq!(callback["state"], "the state");
        let answer = self.client.exchange(&self.app, &callback["code"]).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(answer.header("cache-control"), "no-store");
        let tokens = answer.json();
        assert_eq!(tokens["token_type"], "Bearer");
        assert!(tokens["expires_in"].as_u64().unwrap() > 0);
        let sent_nonce = !changes.iter().any(|(name, value)| *name == "nonce" && value.is_empty());
        let id_token = self.check_id_token(tokens["id_token"].as_str().unwrap());
        assert_eq!(id_token["nonce"], if sent_nonce { json!("the nonce") } else { Value::Null });
        let access = oidc::Secret::new(tokens["access_token"].as_str().unwrap());
        assert_eq!(id_token["at_hash"], at_hash(&access, Algorithm::Rs256));
        tokens
    }

    /// OpenID Connect Core section 3.1.3.7, by the published keys.
    fn check_id_token(&self, token: &str) -> Value {
        let set = JwkSet::parse(self.app.app.auth.keys().published().as_bytes()).unwrap();
        let keys = KeySet::from_jwk_set(&set).unwrap();
        let expected = Expected { typ: "JWT", issuer: ISSUER, audience: &self.client.id, leeway_seconds: 0 };
        let now = self.app.app.auth.now().seconds();
        let claims = keys.verify::<Value>(token, &expected, now).unwrap().claims;
        assert!(claims["sub"].as_str().is_some_and(|sub| (1..=255).contains(&sub.len())), "{claims}");
        for seconds in ["exp", "iat", "auth_time"] {
            assert!(claims[seconds].is_i64(), "{seconds}: {claims}");
        }
        claims
    }

    /// What userinfo says, which has to be of the same person.
    async fn userinfo(&self, tokens: &Value) -> Value {
        let answer = userinfo(&self.app, tokens["access_token"].as_str().unwrap()).await;
        assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "application/json"));
        let person = answer.json();
        assert_eq!(person["sub"], claims(tokens["id_token"].as_str().unwrap())["sub"]);
        person
    }
}
