//! A provider that lies: a double that answers whatever a test puts there, with a key that the app takes for the provider's.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use aws_lc_rs::signature::Ed25519KeyPair;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keyward_client::{ClientAuthentication, Clock, Keyward, Moment, Settings};
use oidc::{Algorithm, SigningKey};
use secrets::sealing::generate_key_text;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{SESSION, app, visitor};
use crate::support::{Answer, Browser};

pub(super) const NOW: i64 = 1_900_000_000;

struct Given {
    status: u16,
    header: Option<(&'static str, String)>,
    body: Vec<u8>,
}

type Answers = Arc<Mutex<(BTreeMap<String, Given>, Vec<String>)>>;

/// The double.
pub(super) struct Double {
    pub(super) issuer: String,
    pub(super) key: SigningKey,
    answers: Answers,
    pub(super) app: Router,
    /// In Unix seconds, also to the app.
    now: Arc<AtomicI64>,
}

async fn answer(State(answers): State<Answers>, request: Request) -> Response {
    let mut answers = answers.lock().unwrap();
    let path = request.uri().path().to_owned();
    answers.1.push(path.clone());
    let Some(given) = answers.0.get(&path) else { return StatusCode::NOT_FOUND.into_response() };
    let status = StatusCode::from_u16(given.status).unwrap();
    let mut response = (status, given.body.clone()).into_response();
    if let Some((name, value)) = &given.header {
        response.headers_mut().insert(HeaderName::from_static(name), value.parse().unwrap());
    }
    response
}

impl Double {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://localhost:{}", listener.local_addr().unwrap().port());
        let answers = Answers::default();
        let router = Router::new().fallback(answer).with_state(answers.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let key = SigningKey::generate(Algorithm::EdDsa).unwrap();
        let now = Arc::new(AtomicI64::new(NOW));
        let mut double = Self { issuer, key, answers, app: Router::new(), now };
        double.app = double.process();
        double.answer("/.well-known/openid-configuration", &double.metadata());
        double.answer("/jwks", &json!({ "keys": [double.key.public_jwk()] }));
        double.answer(
            "/userinfo",
            &json!({ "sub": "ada", "email": "ada@example.com", "email_verified": true }),
        );
        double
    }

    /// A process of the app that knows nothing of the provider yet.
    pub(super) fn process(&self) -> Router {
        let secret = ClientAuthentication::Secret(generate_key_text());
        let hand = self.now.clone();
        let settings = Settings {
            id_token_algorithm: Algorithm::EdDsa,
            clock: Clock::new(move || Moment(hand.load(Ordering::SeqCst) * 1_000_000)),
            ..Settings::new(
                self.issuer.clone(),
                super::APP.parse().unwrap(),
                "wiki",
                secret,
                generate_key_text(),
            )
        };
        app(&Keyward::new(settings).unwrap())
    }

    pub(super) fn now(&self) -> i64 {
        self.now.load(Ordering::SeqCst)
    }

    pub(super) fn turn(&self, seconds: i64) {
        self.now.fetch_add(seconds, Ordering::SeqCst);
    }

    pub(super) fn metadata(&self) -> Value {
        let at = |path: &str| format!("{}{path}", self.issuer);
        json!({
            "issuer": self.issuer, "authorization_endpoint": at("/authorize"), "token_endpoint": at("/token"),
            "userinfo_endpoint": at("/userinfo"), "jwks_uri": at("/jwks"), "end_session_endpoint": at("/end"),
            "code_challenge_methods_supported": ["S256"], "authorization_response_iss_parameter_supported": true,
        })
    }

    pub(super) fn answer(&self, path: &str, body: &Value) {
        self.give(path, Given { status: 200, header: None, body: body.to_string().into_bytes() });
    }

    fn give(&self, path: &str, given: Given) {
        self.answers.lock().unwrap().0.insert(path.to_owned(), given);
    }

    /// What it was asked, in order.
    fn asked(&self) -> Vec<String> {
        self.answers.lock().unwrap().1.clone()
    }

    pub(super) fn header(&self, typ: &str) -> Value {
        json!({ "alg": "EdDSA", "kid": self.key.kid(), "typ": typ })
    }

    pub(super) fn id_claims(&self, nonce: &str) -> Value {
        let now = self.now();
        json!({
            "iss": self.issuer, "sub": "ada", "aud": "wiki", "exp": now + 300, "iat": now, "auth_time": now,
            "nonce": nonce, "sid": "s",
        })
    }

    /// The two texts, properly signed: whatever is refused is refused for what it says.
    pub(super) fn signed(&self, header: &str, claims: &str) -> String {
        let pair = Ed25519KeyPair::from_pkcs8(&self.key.to_pkcs8().unwrap()).unwrap();
        let message = format!("{}.{}", encode(header), encode(claims));
        let signature = encode(pair.sign(message.as_bytes()));
        format!("{message}.{signature}")
    }

    /// Goes there and back; `tokens` makes the token endpoint's answer for a nonce.
    pub(super) async fn sign_in(&self, visitor: &mut Browser, tokens: impl FnOnce(&str) -> Value) -> Answer {
        let begun = visitor.get("/protected").await;
        let parameters: BTreeMap<String, String> =
            serde_urlencoded::from_str(begun.location().split_once('?').unwrap().1).unwrap();
        self.answer("/token", &tokens(&parameters["nonce"]));
        let answer = [("code", "c"), ("state", &parameters["state"]), ("iss", &self.issuer)];
        visitor.get(&format!("/auth/callback?{}", serde_urlencoded::to_string(answer).unwrap())).await
    }

    /// The token endpoint's answer with this ID token.
    pub(super) fn tokens(id_token: &str) -> Value {
        json!({
            "access_token": "access", "token_type": "Bearer", "expires_in": 600, "id_token": id_token,
            "refresh_token": "refresh",
        })
    }

    /// What comes of a sign-in with this ID token.
    pub(super) async fn accepts(&self, id_token: impl FnOnce(&str) -> String) -> bool {
        let mut visitor = visitor(&self.app);
        let answer = self.sign_in(&mut visitor, |nonce| Self::tokens(&id_token(nonce))).await;
        let let_in = visitor.jar.contains_key(SESSION);
        assert_eq!(answer.status.as_u16(), if let_in { 303 } else { 502 }, "{}", answer.body);
        assert!(let_in || answer.body.contains("The sign-in did not succeed"));
        let_in
    }

    /// What comes of a sign-in with these claims set otherwise, or left out, properly signed.
    async fn accepts_claim(&self, name: &str, value: Option<Value>) -> bool {
        self.accepts(|nonce| {
            let mut claims = self.id_claims(nonce);
            set(&mut claims, name, value);
            self.signed(&self.header("JWT").to_string(), &claims.to_string())
        })
        .await
    }
}

pub(super) fn set(claims: &mut Value, name: &str, value: Option<Value>) {
    let members = claims.as_object_mut().unwrap();
    match value {
        Some(value) => members.insert(name.to_owned(), value),
        None => members.remove(name),
    };
}

pub(super) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

#[tokio::test]
async fn the_double_is_believed_when_it_does_not_lie() {
    let double = Double::start().await;
    assert!(double.accepts_claim("sid", Some(json!("s"))).await);
    let hash = oidc::at_hash(&oidc::Secret::new("access"), Algorithm::EdDsa);
    for (name, value) in [
        ("at_hash", Some(json!(hash))),
        ("sid", None),
        ("auth_time", None),
        ("azp", Some(json!("wiki"))),
        ("aud", Some(json!(["wiki"]))),
        ("exp", Some(json!(NOW - 59))),
        ("iat", Some(json!(NOW + 60))),
    ] {
        assert!(double.accepts_claim(name, value.clone()).await, "{name} {value:?}");
    }
}

/// OpenID Connect Core section 3.1.3.7, and class 16.
#[tokio::test]
async fn class_16_every_claim_of_an_id_token_counts() {
    let double = Double::start().await;
    for (name, value) in [
        ("iss", Some(json!("https://evil.example"))),
        ("iss", Some(json!(format!("{}/", double.issuer)))),
        ("iss", None),
        ("aud", Some(json!("other"))),
        ("aud", Some(json!(["wiki", "other"]))),
        ("aud", None),
        ("azp", Some(json!("other"))),
        ("exp", Some(json!(NOW - 60))),
        ("exp", None),
        ("iat", Some(json!(NOW + 61))),
        ("iat", None),
        ("nbf", Some(json!(NOW + 61))),
        ("nonce", Some(json!("another"))),
        ("nonce", Some(json!(""))),
        ("nonce", None),
        ("at_hash", Some(json!("77QmUPtjPfzWtF2AnpK9RQ"))),
        ("sub", Some(json!(""))),
        ("sub", None),
        ("sub", Some(json!("s".repeat(256)))),
    ] {
        assert!(!double.accepts_claim(name, value.clone()).await, "{name} {value:?}");
    }
    // And an access token that was swapped for another person's.
    double.answer("/userinfo", &json!({ "sub": "eve", "email": "eve@example.com" }));
    assert!(!double.accepts_claim("sid", None).await);
    double.answer("/userinfo", &json!({ "email": "ada@example.com" }));
    assert!(!double.accepts_claim("sid", None).await);
}

/// Class 18 of the security notes: no metadata leads the app, and what it sends, elsewhere.
#[tokio::test]
async fn class_18_metadata_that_leads_elsewhere_is_refused_and_nobody_else_is_asked() {
    let double = Double::start().await;
    let other = Double::start().await;
    let port = double.issuer.rsplit_once(':').unwrap().1;
    for endpoint in
        ["authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint", "end_session_endpoint"]
    {
        for address in [
            format!("{}/x", other.issuer),
            "https://evil.example/x".to_owned(),
            "http://169.254.169.254/latest/meta-data".to_owned(),
            format!("{}.evil.example/x", double.issuer),
            format!("{}@evil.example/x", double.issuer),
            format!("http://localhost:{port}0/x"),
            "file:///etc/passwd".to_owned(),
            "/relative".to_owned(),
        ] {
            let mut metadata = double.metadata();
            metadata[endpoint] = json!(address);
            double.answer("/.well-known/openid-configuration", &metadata);
            let answer = visitor(&double.process()).get("/protected").await;
            assert_eq!((answer.status.as_u16(), answer.location()), (502, ""), "{endpoint} {address}");
        }
    }
    assert!(other.asked().is_empty());
    let asked = double.asked();
    assert!(asked.iter().all(|path| path == "/.well-known/openid-configuration"), "{asked:?}");
}

#[tokio::test]
async fn class_18_a_redirect_is_not_followed_and_no_answer_is_read_without_end() {
    let double = Double::start().await;
    let other = Double::start().await;
    let fine = json!({ "keys": [double.key.public_jwk()] }).to_string().into_bytes();
    for path in ["/.well-known/openid-configuration", "/jwks", "/userinfo"] {
        let right = match path {
            "/jwks" => fine.clone(),
            "/userinfo" => json!({ "sub": "ada" }).to_string().into_bytes(),
            _ => double.metadata().to_string().into_bytes(),
        };
        let elsewhere = Some(("location", format!("{}{path}", other.issuer)));
        for wrong in [
            Given { status: 302, header: elsewhere.clone(), body: Vec::new() },
            Given { status: 307, header: elsewhere, body: right.clone() },
            Given { status: 500, header: None, body: right.clone() },
            Given { status: 204, header: None, body: Vec::new() },
            Given { status: 200, header: None, body: vec![b' '; 300 * 1024] },
            Given { status: 200, header: None, body: b"{".to_vec() },
            Given { status: 200, header: None, body: b"[]".to_vec() },
        ] {
            double.give(path, wrong);
            let mut visitor = visitor(&double.process());
            let begun = visitor.get("/protected").await;
            if begun.status == 303 {
                let tokens = |nonce: &str| {
                    let claims = double.id_claims(nonce).to_string();
                    Double::tokens(&double.signed(&double.header("JWT").to_string(), &claims))
                };
                let answer = double.sign_in(&mut visitor, tokens).await;
                assert!(matches!(answer.status.as_u16(), 502 | 503), "{path}: {}", answer.status);
            } else {
                assert!(matches!(begun.status.as_u16(), 502 | 503), "{path}: {}", begun.status);
            }
            assert!(!visitor.jar.contains_key(SESSION), "{path}");
        }
        double.give(path, Given { status: 200, header: None, body: right });
    }
    assert!(other.asked().is_empty());
}

#[tokio::test]
async fn metadata_of_another_issuer_or_without_pkce_is_refused() {
    let double = Double::start().await;
    for (name, value) in [
        ("issuer", Some(json!(format!("{}/", double.issuer)))),
        ("issuer", Some(json!("https://evil.example"))),
        ("issuer", None),
        ("code_challenge_methods_supported", Some(json!(["plain"]))),
        ("code_challenge_methods_supported", None),
        ("token_endpoint", None),
        ("jwks_uri", None),
    ] {
        let mut metadata = double.metadata();
        set(&mut metadata, name, value.clone());
        double.answer("/.well-known/openid-configuration", &metadata);
        assert_eq!(visitor(&double.process()).get("/protected").await.status, 502, "{name} {value:?}");
    }
}

#[tokio::test]
async fn what_the_token_endpoint_may_not_answer() {
    let double = Double::start().await;
    let good = |nonce: &str| {
        Double::tokens(
            &double.signed(&double.header("JWT").to_string(), &double.id_claims(nonce).to_string()),
        )
    };
    for (name, value) in [
        ("id_token", None),
        ("id_token", Some(json!(7))),
        ("access_token", None),
        ("token_type", Some(json!("DPoP"))),
        ("error", Some(json!("invalid_client"))),
        ("refresh_token", Some(json!("r".repeat(4000)))),
    ] {
        let mut visitor = visitor(&double.app);
        let answer = double
            .sign_in(&mut visitor, |nonce| {
                let mut tokens = good(nonce);
                set(&mut tokens, name, value.clone());
                tokens
            })
            .await;
        assert_eq!(answer.status, 502, "{name} {value:?}");
        assert!(!visitor.jar.contains_key(SESSION), "{name} {value:?}");
    }
    // An ID token that has no room goes, and the session stays; a name is cut.
    let name = "Ä".repeat(1000);
    let mut visitor = visitor(&double.app);
    let long = |nonce: &str| {
        let mut claims = double.id_claims(nonce);
        set(&mut claims, "name", Some(json!(name)));
        set(&mut claims, "padding", Some(json!("p".repeat(2000))));
        Double::tokens(&double.signed(&double.header("JWT").to_string(), &claims.to_string()))
    };
    assert_eq!(double.sign_in(&mut visitor, long).await.status, 303);
    assert!(visitor.jar[SESSION].len() < 1000, "{}", visitor.jar[SESSION].len());
    assert_eq!(visitor.get("/protected").await.text("name"), "Ä".repeat(100));
    visitor.post("/auth/sign-out", &[]).await;
    let out = visitor.get("/auth/signed-out").await;
    assert!(out.location().starts_with(&format!("{}/end?", double.issuer)), "{}", out.location());
    assert!(!out.location().contains("id_token_hint"), "the person is asked, then");
}

/// Class 20 of the security notes: a hostile name is a text.
#[tokio::test]
async fn class_20_a_hostile_name_is_shown_as_a_text() {
    let double = Double::start().await;
    let hostile = "<script>alert(1)</script>\"'&";
    double.answer("/userinfo", &json!({ "sub": "ada", "name": hostile, "email": "<b>@example.com" }));
    let example = app_service::router(&app_service::Settings {
        app_url: super::APP.parse().unwrap(),
        issuer: double.issuer.clone(),
        internal_auth_url: None,
        client_id: "wiki".to_owned(),
        client_secret: generate_key_text(),
        session_key: generate_key_text(),
    });
    // The example app has the system's clock, and RS256.
    let key = SigningKey::generate(Algorithm::Rs256).unwrap();
    double.answer("/jwks", &json!({ "keys": [key.public_jwk()] }));
    let now = keyward_now();
    let mut visitor = visitor(&example.unwrap());
    let tokens = |nonce: &str| {
        let mut claims = double.id_claims(nonce);
        set(&mut claims, "iat", Some(json!(now)));
        set(&mut claims, "exp", Some(json!(now + 300)));
        Double::tokens(&key.sign("JWT", &claims).unwrap())
    };
    assert_eq!(double.sign_in(&mut visitor, tokens).await.status, 303);
    let page = visitor.get("/protected").await;
    assert!(
        page.body.contains("&#60;script&#62;alert(1)") && !page.body.contains("<script>"),
        "{}",
        page.body
    );
}

fn keyward_now() -> i64 {
    auth_service::server::system_clock().now().seconds()
}
