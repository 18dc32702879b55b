//! OpenID Connect, driven in process: an app, a person, and their browser.

mod authorize;
mod client_keys;
mod clients;
mod clocks;
mod code;
mod documents;
mod faults;
mod guides;
mod hints;
mod leftovers;
mod logout;
mod refresh;
mod tabs;
mod told;
mod warm;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use oidc::{Client, ClientAssertion, SigningKey};
use serde_json::{Value, json};

use crate::support::{Answer, Browser, TestApp, authorized_form};

/// Where the app is.
pub(crate) const CALLBACK: &str = "https://wiki.example.com/callback";
/// 43 letters: RFC 7636 appendix B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// An app, as a test plays it.
pub(crate) struct Wiki {
    pub(crate) id: String,
    pub(crate) secret: Option<String>,
}

impl Wiki {
    /// Registers an app of the operator's own, as a test wants it.
    pub(crate) async fn register(app: &TestApp, changes: Value) -> Self {
        let mut client = json!({
            "client_id": "wiki",
            "client_name": "Team wiki",
            "redirect_uris": [CALLBACK],
            "post_logout_redirect_uris": ["https://wiki.example.com/"],
            "scope": "openid profile email offline_access",
            "grant_types": ["authorization_code", "refresh_token"],
            "id_token_signed_response_alg": "EdDSA",
            "first_party": true,
        });
        for (name, value) in changes.as_object().unwrap() {
            client[name] = value.clone();
        }
        let client: Client = serde_json::from_value(client).unwrap();
        let auth = &app.app.auth;
        let secret = auth.clients().add(&client, auth.now()).await.unwrap();
        let secret = secret.map(|secret| secrets::ExposeSecret::expose_secret(&secret).to_owned());
        Self { id: client.client_id, secret }
    }

    /// An app of the configuration, as a server makes it known at each start, with what `changes` says of it.
    pub(crate) async fn declare(app: &TestApp, changes: &[(&str, Value)]) -> Self {
        let mut client = json!({
            "client_id": "wiki", "client_name": "Team wiki", "redirect_uris": [CALLBACK],
            "scope": "openid profile email offline_access", "token_endpoint_auth_method": "none",
            "grant_types": ["authorization_code", "refresh_token"], "first_party": true,
            "id_token_signed_response_alg": "EdDSA",
        });
        for (name, value) in changes {
            client[name] = value.clone();
        }
        let client: Client = serde_json::from_value(client).unwrap();
        let auth = &app.app.auth;
        let secret_overlap = auth::DeclaredClient::SECRET_OVERLAP;
        let declared = auth::DeclaredClient { client, secret: None, secret_overlap };
        auth.clients().declare(&[declared], auth.now()).await.unwrap();
        app.turn(std::time::Duration::from_secs(5));
        Self { id: "wiki".to_owned(), secret: None }
    }

    /// Where it sends people, with parameters of a test's own.
    pub(crate) fn authorize(&self, changes: &[(&str, &str)]) -> String {
        let mut fields = vec![
            ("client_id", self.id.as_str()),
            ("redirect_uri", CALLBACK),
            ("response_type", "code"),
            ("scope", "openid profile email offline_access"),
            ("state", "the state"),
            ("nonce", "the nonce"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        for (name, value) in changes {
            fields.retain(|(known, _)| known != name);
            if !value.is_empty() {
                fields.push((name, value));
            }
        }
        format!("/authorize?{}", serde_urlencoded::to_string(fields).unwrap())
    }

    pub(crate) fn basic(&self) -> String {
        format!(
            "Basic {}",
            STANDARD.encode(format!("{}:{}", self.id, self.secret.as_deref().unwrap_or_default()))
        )
    }

    /// Asks, with its secret if it has one.
    pub(crate) async fn ask(&self, app: &TestApp, path: &str, fields: &[(&str, &str)]) -> Answer {
        let mut program = app.program();
        match self.secret {
            Some(_) => program.send(authorized_form(path, &self.basic(), fields)).await,
            None => program.post(path, &[fields, &[("client_id", &self.id)]].concat()).await,
        }
    }

    pub(crate) async fn exchange(&self, app: &TestApp, code: &str) -> Answer {
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        self.ask(app, "/token", &fields).await
    }

    pub(crate) async fn refresh(&self, app: &TestApp, token: &str) -> Answer {
        self.ask(app, "/token", &[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }

    /// Signs in whoever is signed in: the tokens.
    pub(crate) async fn sign_in(&self, app: &TestApp, browser: &mut Browser) -> Value {
        let answer = browser.get(&self.authorize(&[])).await;
        let tokens = self.exchange(app, &returned(&answer, "code")).await;
        assert_eq!(tokens.status, 200, "{}", tokens.body);
        tokens.json()
    }

    /// Whoever is signed in lets it in, without a word if they may: the code.
    pub(crate) async fn code(&self, browser: &mut Browser, changes: &[(&str, &str)]) -> String {
        returned(&browser.get(&self.authorize(changes)).await, "code")
    }

    /// Whether a token is active, as the app is told.
    pub(crate) async fn is_active(&self, app: &TestApp, token: &str) -> bool {
        let answer = self.ask(app, "/introspect", &[("token", token)]).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()["active"] == true
    }
}

/// A parameter of the address that a browser is sent back to.
pub(crate) fn returned(answer: &Answer, name: &str) -> String {
    try_returned(answer, name).unwrap_or_else(|| panic!("no {name} in {} {}", answer.location(), answer.body))
}

pub(crate) fn try_returned(answer: &Answer, name: &str) -> Option<String> {
    let (uri, query) = answer.location().split_once('?')?;
    assert_eq!(uri, CALLBACK, "nobody is sent anywhere else");
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query).unwrap();
    pairs.into_iter().find(|(found, _)| found == name).map(|(_, value)| value)
}

/// The statement by which an app shows that it has a key (RFC 7523 section 3).
pub(crate) fn assertion(app: &TestApp, client: &str, audience: &str, key: &SigningKey, jti: &str) -> String {
    let now = app.app.auth.now().seconds();
    let claims = ClientAssertion {
        iss: client.to_owned(),
        sub: client.to_owned(),
        aud: audience.to_owned(),
        jti: jti.to_owned(),
        iat: now,
        exp: now + 60,
    };
    claims.sign(key).unwrap().expose().to_owned()
}

/// The error of whoever shows this and a refresh token that is none: `invalid_grant` if it is the app.
pub(crate) async fn ask_with(app: &TestApp, assertion: &str) -> String {
    let fields = [
        ("grant_type", "refresh_token"),
        ("refresh_token", "x"),
        ("client_assertion_type", oidc::CLIENT_ASSERTION_TYPE),
        ("client_assertion", assertion),
    ];
    app.program().post("/token", &fields).await.text("error")
}

/// The same, by a key.
pub(crate) async fn ask_by_key(app: &TestApp, client: &str, key: &SigningKey, jti: &str) -> String {
    ask_with(app, &assertion(app, client, "https://auth.example.com", key, jti)).await
}

/// What a token says, unverified.
pub(crate) fn claims(token: &str) -> Value {
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    serde_json::from_slice(&claims).unwrap()
}

pub(crate) async fn userinfo(app: &TestApp, token: &str) -> Answer {
    let mut request = axum::http::Request::get("/userinfo").body(axum::body::Body::empty()).unwrap();
    request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    app.program().send(request).await
}
