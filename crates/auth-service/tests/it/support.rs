//! A whole server in process, on a database of its own, with a clock turned by hand and mail that can be read.

mod answer;
mod browser;
mod log;
mod telling;

pub(crate) use answer::{Answer, redact};
pub(crate) use browser::{Browser, authorized_form, form};
pub(crate) use log::Log;
pub(crate) use telling::apps_here;

use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use auth::{
    AccountSettings, Auth, Hasher, HasherSettings, Limits, Message, Parts, Processes, Random, Settings,
};
use auth_service::branding::Branding;
use auth_service::client_keys::ClientKeys;
use auth_service::mailbox::Mailbox;
use auth_service::{App, AppParts, Shortcuts};
use domain::{Clock, Timestamp};
use oidc::SigningKey;
use outbound::{EgressClient, EgressSettings};
use secrets::SecretString;
use secrets::sealing::{Keyring, Place, generate_key_text};
use serde_json::json;
use store::Store;
use store::ephemeral::Ephemeral;
use url::{Position, Url};

/// Long enough without a second step.
pub(crate) const PASSWORD: &str = "correct horse battery";
/// Long enough with a second step only.
pub(crate) const SHORT_PASSWORD: &str = "8letrs+x";
/// Another password that will do.
pub(crate) const OTHER_PASSWORD: &str = "staple of another kind";
/// The one app people are sent to.
pub(crate) const APP: &str = "https://app.example.com/protected";

/// What an operator decided.
#[derive(Clone)]
pub(crate) struct Setup {
    pub(crate) public_url: &'static str,
    pub(crate) reveal_accounts: bool,
    pub(crate) accounts: AccountSettings,
    pub(crate) limits: Limits,
    pub(crate) mailbox: Option<Mailbox>,
    pub(crate) trusted_proxies: Vec<ipnet::IpNet>,
    pub(crate) branding: Branding,
    pub(crate) algorithms: Vec<oidc::Algorithm>,
    pub(crate) egress: EgressSettings,
    /// Threads that hash, and how long somebody waits for one.
    pub(crate) hashing: (usize, Duration),
}

/// A server.
pub(crate) struct TestApp {
    pub(crate) app: App,
    pub(crate) router: Shortcuts,
    origin: String,
    clock: Arc<AtomicI64>,
    letters: Mutex<Vec<Letter>>,
    setup: Setup,
    key_text: SecretString,
    directory: Arc<tempfile::TempDir>,
}

/// A mail, as far as a test asks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Letter {
    pub(crate) to: String,
    pub(crate) kind: &'static str,
    pub(crate) code: String,
    pub(crate) link: String,
}

impl Letter {
    /// The path and query of its link.
    pub(crate) fn path(&self) -> String {
        let url = Url::parse(&self.link).unwrap();
        format!("{}?{}", url.path(), url.query().unwrap_or_default())
    }

    /// The secret in its link.
    pub(crate) fn token(&self) -> String {
        let url = Url::parse(&self.link).unwrap();
        url.query_pairs().find(|(name, _)| name == "token").unwrap().1.into_owned()
    }
}

impl TestApp {
    /// A server behind https, as an operator gets it by default.
    pub(crate) async fn start() -> Self {
        Self::with(|_| ()).await
    }

    /// A server with some other decisions.
    pub(crate) async fn with(decide: impl FnOnce(&mut Setup)) -> Self {
        let mut setup = Setup {
            public_url: "https://auth.example.com/",
            reveal_accounts: false,
            accounts: AccountSettings::default(),
            limits: Limits { network_sign_ups: 1_000, ..Limits::default() },
            mailbox: None,
            trusted_proxies: Vec::new(),
            branding: Branding::default(),
            // Making an RSA key takes a moment, and few tests ask for one.
            algorithms: vec![oidc::Algorithm::EdDsa],
            egress: EgressSettings::default(),
            hashing: (4, HasherSettings::default().longest_wait),
        };
        decide(&mut setup);
        let clock = Arc::new(AtomicI64::new(1_900_000_000_000_000));
        Self::on(Arc::new(tempfile::tempdir().unwrap()), setup, generate_key_text(), clock).await
    }

    async fn on(
        directory: Arc<tempfile::TempDir>,
        setup: Setup,
        key_text: SecretString,
        clock: Arc<AtomicI64>,
    ) -> Self {
        let path = directory.path().join("keyward.sqlite");
        let auth = start(&setup, &path, &key_text, clock.clone()).await;
        let app = App::new(AppParts {
            auth: Arc::new(auth),
            branding: setup.branding.clone(),
            trusted_proxies: setup.trusted_proxies.clone(),
            reveal_accounts: setup.reveal_accounts,
            mailbox: setup.mailbox.clone(),
            client_keys: ClientKeys::new(EgressClient::new(&setup.egress).unwrap()),
        });
        let router = Shortcuts::new(app.clone());
        let origin = app.public_url().origin().ascii_serialization();
        Self { app, router, origin, clock, letters: Mutex::default(), setup, key_text, directory }
    }

    /// The server stops, and another starts on the same data. Browsers and programs have to be told of it by
    /// [`Browser::meet`].
    pub(crate) async fn restart(self) -> Self {
        self.app.auth.stop().await;
        drop((self.app, self.router));
        Self::on(self.directory, self.setup, self.key_text, self.clock).await
    }

    /// Another process on the same data, with the same clock.
    pub(crate) async fn another_process(&self) -> Self {
        Self::on(self.directory.clone(), self.setup.clone(), self.key_text.clone(), self.clock.clone()).await
    }

    /// Another process on the same data, on a machine whose clock is ahead of this one's, and stands still.
    pub(crate) async fn another_process_ahead(&self, by: Duration) -> Self {
        let now = self.app.auth.now().plus(by);
        let clock = Arc::new(AtomicI64::new(now.micros()));
        Self::on(self.directory.clone(), self.setup.clone(), self.key_text.clone(), clock).await
    }

    /// The server's own private key of an algorithm, as somebody has it who has the database and the key to it.
    pub(crate) async fn private_key(&self, algorithm: oidc::Algorithm) -> SigningKey {
        let rows = store::signing_keys::list(&mut self.store().await.read().await.unwrap()).await.unwrap();
        let row = rows.into_iter().find(|row| row.algorithm == algorithm.name()).unwrap();
        let place = Place { table: "signing_keys", column: "private_key", row: row.kid.as_bytes() };
        let keyring = Keyring::from_text(&self.key_text, &[]).unwrap();
        SigningKey::from_pkcs8(algorithm, &keyring.open(&place, &row.private_key).unwrap()).unwrap()
    }

    /// Lets time pass.
    pub(crate) fn turn(&self, by: Duration) {
        self.clock.fetch_add(i64::try_from(by.as_micros()).unwrap(), Ordering::SeqCst);
    }

    /// Its database, opened beside it.
    pub(crate) async fn store(&self) -> Store {
        Store::open(&self.directory.path().join("keyward.sqlite")).await.unwrap()
    }

    /// As a `Host` header says it.
    fn host(&self) -> String {
        self.app.public_url()[Position::BeforeHost..Position::AfterPort].to_owned()
    }

    /// A browser that was never here.
    pub(crate) fn browser(&self) -> Browser {
        Browser::new(self.router.clone(), self.host(), Some(self.origin.clone()))
    }

    /// A program: it keeps cookies, and sends none of the headers that browsers send.
    pub(crate) fn program(&self) -> Browser {
        Browser::new(self.router.clone(), self.host(), None)
    }

    /// The same, which nothing is answered before its request is at a route.
    pub(crate) fn program_by_routes(&self) -> Browser {
        Browser::new(auth_service::router(self.app.clone()), self.host(), None)
    }

    /// All mail that waits to be sent, oldest first.
    pub(crate) async fn letters(&self) -> Vec<Letter> {
        let deliveries = self.app.auth.take_mail(100).await.unwrap();
        let mut letters = self.letters.lock().unwrap().split_off(0);
        for delivery in deliveries {
            self.app.auth.delivered(&delivery).await.unwrap();
            if !delivery.decoy {
                letters.push(read(&delivery.mail.to, delivery.mail.message));
            }
        }
        letters
    }

    /// The one mail to `address` since it was last asked for.
    pub(crate) async fn letter(&self, address: &str) -> Letter {
        let (mut own, others): (Vec<_>, Vec<_>) =
            self.letters().await.into_iter().partition(|letter| letter.to == address);
        self.letters.lock().unwrap().extend(others);
        assert_eq!(own.len(), 1, "mails to {address}: {own:?}");
        own.remove(0)
    }

    /// An account with a proved address, made by a program.
    pub(crate) async fn account(&self, email: &str, second_step: bool) {
        let body = json!({ "email": email, "password": PASSWORD, "second_step": second_step });
        let mut program = self.program();
        let answer = program.json("POST", "/api/v1/sign-up", &body).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        let token = self.letter(email).await.token();
        let body = json!({ "token": token, "password": PASSWORD });
        let answer = program.json("POST", "/api/v1/sign-up/proof", &body).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }

    /// A browser in which the owner of a new account is signed in.
    pub(crate) async fn member(&self, email: &str) -> Browser {
        self.account(email, false).await;
        self.signed_in(email).await
    }

    /// A browser in which the owner of an account signs in.
    pub(crate) async fn signed_in(&self, email: &str) -> Browser {
        let mut browser = self.browser();
        browser.get("/sign-in").await;
        let answer = browser.post("/sign-in", &[("email", email), ("password", PASSWORD)]).await;
        assert_eq!(answer.location(), "/account", "{}", answer.body);
        browser
    }
}

async fn start(setup: &Setup, path: &Path, key_text: &SecretString, clock: Arc<AtomicI64>) -> Auth {
    let (threads, longest_wait) = setup.hashing;
    let weak = HasherSettings { memory_kib: 64, iterations: 1, longest_wait, ..HasherSettings::default() };
    let random = Random::system();
    Auth::start(Parts {
        processes: Processes::One,
        store: Store::open(path).await.unwrap(),
        ephemeral: Ephemeral::memory(),
        keyring: Keyring::from_text(key_text, &[]).unwrap(),
        audit_key: [7; 32],
        hasher: Hasher::new(&weak, threads, random.clone()).unwrap(),
        clock: Clock::new(move || Timestamp(clock.load(Ordering::SeqCst))),
        random,
        settings: Settings {
            public_url: Url::parse(setup.public_url).unwrap(),
            product: "Keyward".to_owned(),
            return_to: vec![Url::parse(APP).unwrap()],
            algorithms: setup.algorithms.clone(),
            accounts: setup.accounts.clone(),
            limits: setup.limits.clone(),
        },
    })
    .await
    .unwrap()
}

fn read(to: &str, message: Message) -> Letter {
    let of = |kind, code, link| Letter { to: to.to_owned(), kind, code, link };
    let none = String::new;
    match message {
        Message::ProveAddress { code, link, .. } => of("prove", code.unwrap_or_default(), link),
        Message::AlreadyRegistered => of("registered", none(), none()),
        Message::SignInCode { code, .. } => of("code", code, none()),
        Message::ResetPassword { code, link, .. } => of("reset", code, link),
        Message::ChangeAddressOld { code, link, .. } => of("change old", code, link),
        Message::ChangeAddressNew { code, link, .. } => of("change new", code, link),
        Message::AddressChanged { .. } => of("address changed", none(), none()),
        Message::PasswordChanged { .. } => of("password changed", none(), none()),
        Message::SecondStepChanged { .. } => of("second step changed", none(), none()),
        Message::AccountDeleted => of("deleted", none(), none()),
        Message::AccountDisabled => of("disabled", none(), none()),
        Message::AccountEnabled => of("enabled", none(), none()),
        Message::SessionsEnded => of("sessions ended", none(), none()),
    }
}
