//! The example app on `keyward-client`, against the real provider: two hosts, two cookie jars, real HTTP between them.

mod attempts;
mod forged;
mod hostile;
mod journey;
mod keys;
mod logout;
mod provider_away;
mod renewal;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use keyward_client::{Clock, Identity, Keyward, KnowSignIn, Moment, RequireSignIn};
use oidc::{Algorithm, Client};
use secrets::SecretString;
use secrets::sealing::generate_key_text;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Notify;

use crate::support::{Answer, Browser, TestApp};

pub(crate) const ANA: &str = "ana@example.com";
/// The app, on a host of its own.
const APP: &str = "http://app.localhost:8000";
const SESSION: &str = "wiki-session";

/// How the provider behaves.
#[derive(Clone, Default)]
enum Mood {
    /// As it should.
    #[default]
    Fine,
    /// It answers everything with 503.
    Away,
    /// A proxy in front of it answers in its place, with this status.
    Hidden(u16),
    /// The proxy does so at this path alone.
    Lacking(&'static str, u16),
    /// It holds the next answers of this path back until it is told to go on, after the work is done.
    Holding(&'static str, Arc<Notify>, Arc<Notify>),
}

/// What the provider was asked, and how it behaves.
#[derive(Clone, Default)]
struct Watch(Arc<Mutex<(Mood, BTreeMap<String, u32>)>>);

impl Watch {
    fn becomes(&self, mood: Mood) {
        self.0.lock().unwrap().0 = mood;
    }

    /// How often it was asked at a path.
    fn asked(&self, path: &str) -> u32 {
        self.0.lock().unwrap().1.get(path).copied().unwrap_or_default()
    }
}

async fn watch(State(watch): State<Watch>, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let mood = {
        let mut seen = watch.0.lock().unwrap();
        *seen.1.entry(path.clone()).or_default() += 1;
        seen.0.clone()
    };
    match mood {
        Mood::Away => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Mood::Hidden(status) => blocked(status),
        Mood::Lacking(lacking, status) if lacking == path => blocked(status),
        Mood::Holding(held, reached, go_on) if held == path => {
            let response = next.run(request).await;
            reached.notify_one();
            go_on.notified().await;
            response
        }
        _ => next.run(request).await,
    }
}

fn blocked(status: u16) -> Response {
    (StatusCode::from_u16(status).unwrap(), "<h1>Blocked</h1>").into_response()
}

/// A provider, an app, and the key of its sessions.
pub(crate) struct World {
    pub(crate) provider: TestApp,
    watch: Watch,
    issuer: String,
    secret: SecretString,
    session_key: SecretString,
    app: Router,
}

impl World {
    async fn start() -> Self {
        Self::with(json!({})).await
    }

    /// The app registered as a test wants it.
    async fn with(changes: Value) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://localhost:{}", listener.local_addr().unwrap().port());
        let public_url: &'static str = Box::leak(format!("{issuer}/").into_boxed_str());
        let provider = TestApp::with(|setup| setup.public_url = public_url).await;
        let watch = Watch::default();
        let router =
            auth_service::router(provider.app.clone()).layer(from_fn_with_state(watch.clone(), self::watch));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let secret = register(&provider, changes).await;
        let session_key = generate_key_text();
        let mut world = Self { provider, watch, issuer, secret, session_key, app: Router::new() };
        world.app = world.process(|_| ());
        world
    }

    /// What this app has to know, with the provider's clock.
    fn settings(&self) -> keyward_client::Settings {
        let auth = self.provider.app.auth.clone();
        let secret = keyward_client::ClientAuthentication::Secret(self.secret.clone());
        keyward_client::Settings {
            id_token_algorithm: Algorithm::EdDsa,
            clock: Clock::new(move || Moment(auth.now().micros())),
            ..keyward_client::Settings::new(
                self.issuer.clone(),
                APP.parse().unwrap(),
                "wiki",
                secret,
                self.session_key.clone(),
            )
        }
    }

    /// A process of the app, with settings of a test's own.
    fn process(&self, change: impl FnOnce(&mut keyward_client::Settings)) -> Router {
        let mut settings = self.settings();
        change(&mut settings);
        app(&Keyward::new(settings).unwrap())
    }

    /// A browser as the app's host sees it.
    fn visitor(&self) -> Browser {
        visitor(&self.app)
    }

    /// Signs in: the person is known to the provider already. Gives the app's last answer.
    async fn sign_in(&self, visitor: &mut Browser, person: &mut Browser) -> Answer {
        let callback = self.to_provider(visitor, person, "/protected").await;
        let answer = visitor.get(&callback).await;
        assert_eq!((answer.status.as_u16(), answer.location()), (303, "/protected"), "{}", answer.body);
        answer
    }

    /// From a page of the app through the provider: the address that leads back.
    async fn to_provider(&self, visitor: &mut Browser, person: &mut Browser, page: &str) -> String {
        let to = visitor.get(page).await.location().to_owned();
        let path = to.strip_prefix(&self.issuer).unwrap_or_else(|| panic!("not to the provider: {to}"));
        let mut answer = person.get(path).await;
        // Where the app shows nothing of itself, the person says each time that it is the one they mean.
        if answer.location().starts_with("/authorize/consent") {
            let id = person.get(answer.location()).await.hidden("id");
            answer = person.choose("/authorize/consent", &id, "allow").await;
        }
        let back = answer.location().to_owned();
        back.strip_prefix(APP).unwrap_or_else(|| panic!("not to the app: {back}")).to_owned()
    }

    /// Signs out of the app: where that leads.
    async fn sign_out(&self, visitor: &mut Browser) -> Answer {
        let page = visitor.post("/auth/sign-out", &[]).await;
        assert_eq!(
            (page.status.as_u16(), page.header("refresh")),
            (200, "0; url=/auth/signed-out"),
            "{}",
            page.body
        );
        assert!(!visitor.jar.contains_key(SESSION));
        let answer = visitor.get("/auth/signed-out").await;
        assert!(visitor.jar.is_empty(), "{:?}", visitor.jar);
        answer
    }

    /// A visitor of the app, and their browser at the provider, signed in at both.
    async fn member(&self) -> (Browser, Browser) {
        let mut person = self.provider.member(ANA).await;
        let mut visitor = self.visitor();
        self.sign_in(&mut visitor, &mut person).await;
        (visitor, person)
    }
}

/// Registers the app at the provider: its secret.
async fn register(provider: &TestApp, changes: Value) -> SecretString {
    let mut client = json!({
        "client_id": "wiki",
        "client_name": "Team wiki",
        "redirect_uris": [format!("{APP}/auth/callback")],
        "post_logout_redirect_uris": [format!("{APP}/")],
        "scope": "openid profile email",
        "grant_types": ["authorization_code", "refresh_token"],
        "id_token_signed_response_alg": "EdDSA",
        "first_party": true,
    });
    for (name, value) in changes.as_object().unwrap() {
        client[name] = value.clone();
    }
    let client: Client = serde_json::from_value(client).unwrap();
    let auth = &provider.app.auth;
    let secret = auth.clients().add(&client, auth.now()).await.unwrap();
    secret.unwrap_or_else(|| SecretString::from(""))
}

/// An app with one page for those who are signed in.
fn app(keyward: &Keyward) -> Router {
    let shown = |who: Identity| async move {
        json!({
            "subject": who.subject, "name": who.name, "email": who.email, "verified": who.email_verified,
            "amr": who.amr, "acr": who.acr,
        })
        .to_string()
    };
    Router::new()
        .route("/protected", axum::routing::get(shown).post(shown))
        .route("/deep/{page}", axum::routing::get(shown))
        .route_layer(RequireSignIn::new(keyward))
        .route("/unguarded", axum::routing::get(shown))
        .merge(Router::new().route("/public", axum::routing::get(greet)).layer(KnowSignIn::new(keyward)))
        .merge(keyward.routes())
}

async fn greet(who: Option<Identity>) -> String {
    format!("Hello {}", who.and_then(|who| who.email).unwrap_or_else(|| "stranger".to_owned()))
}

fn visitor(app: &Router) -> Browser {
    Browser::new(app.clone(), "app.localhost:8000".to_owned(), Some(APP.to_owned()))
}

/// Whether the app lets them in.
async fn is_let_in(visitor: &mut Browser) -> bool {
    let answer = visitor.get("/protected").await;
    assert!(matches!(answer.status.as_u16(), 200 | 303), "{} {}", answer.status, answer.body);
    answer.status == 200
}

/// Tells a script from a person going to a page.
fn script(path: &str) -> Request<Body> {
    Request::get(path).header("sec-fetch-mode", "cors").body(Body::empty()).unwrap()
}

const MINUTE: Duration = Duration::from_mins(1);
