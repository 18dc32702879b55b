//! A server of a test's own, and helpers that speak as people do.

use std::ops::Deref;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use auth::{
    AccountSettings, Auth, Context, Credential, Current, Hasher, HasherSettings, Limits, Mail, Message,
    NewSession, Parts, Processes, Random, Settings, SignIn, SignInError, SignedIn, SignedUp,
};
use domain::{ArtefactId, Clock, Timestamp};
use secrets::SecretString;
use secrets::sealing::{Keyring, generate_key_text};
use store::Store;
use store::ephemeral::Ephemeral;
use tokio::sync::watch;

use crate::backend::Backend;
use crate::people::{Letter, email, form, password};

/// Long enough without a second step.
pub(crate) const PASSWORD: &str = "a long enough password";
/// Another one.
pub(crate) const OTHER: &str = "quite another password";

/// How many processes a server of a test is, where that is more than one.
pub(crate) const PROCESSES: &str = "KEYWARD_TEST_PROCESSES";

/// A server: one process, or several, of which each act asks the next. They hear nothing of each other, so that none believes its
/// memory of what lives; that they do hear is tested apart (`processes.rs`).
pub(crate) struct Servers {
    processes: Vec<Arc<Auth>>,
    asked: AtomicUsize,
}

impl Servers {
    pub(crate) fn are_several(&self) -> bool {
        self.processes.len() > 1
    }

    async fn stop(&self) {
        for process in &self.processes {
            process.stop().await;
        }
    }
}

impl Deref for Servers {
    type Target = Arc<Auth>;

    fn deref(&self) -> &Arc<Auth> {
        &self.processes[self.asked.fetch_add(1, Ordering::Relaxed) % self.processes.len()]
    }
}

/// A server with what it stands on, its clock, and the mail it sent.
pub(crate) struct World {
    pub(crate) auth: Servers,
    pub(crate) store: Store,
    /// Those of the other processes.
    other_stores: Vec<Store>,
    pub(crate) backend: Backend,
    clock: Arc<AtomicI64>,
    clock_reads: watch::Sender<u64>,
    key_text: SecretString,
    settings: Settings,
    inbox: Mutex<Vec<Mail>>,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(|_| ()).await
    }

    /// One whose operator decided otherwise.
    pub(crate) async fn with(decide: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings {
            public_url: "https://id.example.com".parse().unwrap(),
            product: "Acme Wiki".to_owned(),
            return_to: Vec::new(),
            algorithms: vec![oidc::Algorithm::EdDsa],
            accounts: AccountSettings::default(),
            limits: Limits::default(),
        };
        decide(&mut settings);
        let clock = Arc::new(AtomicI64::new(1_800_000_000_000_000));
        Self::start(Backend::new().await, clock, generate_key_text(), settings).await
    }

    async fn start(
        backend: Backend,
        clock: Arc<AtomicI64>,
        key_text: SecretString,
        settings: Settings,
    ) -> Self {
        let store = backend.store().await;
        let clock_reads = watch::Sender::new(0);
        let several = std::env::var(PROCESSES).ok().and_then(|number| number.parse().ok());
        let (mut processes, mut other_stores) = (Vec::new(), Vec::new());
        for number in 0..several.unwrap_or(1) {
            let store = if number == 0 {
                store.clone()
            } else {
                let other = backend.store().await;
                other_stores.push(other.clone());
                other
            };
            let ticking = ticking(clock.clone(), clock_reads.clone());
            let mut parts = parts(store, backend.ephemeral().await, ticking, &key_text, settings.clone());
            if several.is_some() {
                parts.processes = Processes::Several;
            }
            processes.push(Arc::new(Auth::start(parts).await.unwrap()));
        }
        let auth = Servers { processes, asked: AtomicUsize::new(0) };
        let inbox = Mutex::default();
        Self { auth, store, other_stores, backend, clock, clock_reads, key_text, settings, inbox }
    }

    /// No process of it is connected any more.
    pub(crate) async fn disconnect(&self) {
        for store in self.other_stores.iter().chain([&self.store]) {
            store.close().await;
        }
    }

    /// Another process on the same database, with the same clock.
    pub(crate) async fn another_process(&self) -> Arc<Auth> {
        let (store, ephemeral) = (self.backend.store().await, self.backend.ephemeral().await);
        let ticking = ticking(self.clock.clone(), watch::Sender::new(0));
        let parts = parts(store, ephemeral, ticking, &self.key_text, self.settings.clone());
        Arc::new(Auth::start(parts).await.unwrap())
    }

    /// What the start of another one comes to that hashes in this way.
    pub(crate) async fn another_that_hashes(&self, hasher: Hasher) -> Result<Auth, auth::Fault> {
        let (store, ephemeral) = (self.backend.store().await, self.backend.ephemeral().await);
        let ticking = ticking(self.clock.clone(), watch::Sender::new(0));
        let parts = parts(store, ephemeral, ticking, &self.key_text, self.settings.clone());
        Auth::start(Parts { hasher, ..parts }).await
    }

    /// The same, one that knows it is not alone, and hears of others by `ephemeral`.
    pub(crate) async fn one_of_several(&self, ephemeral: Ephemeral) -> Auth {
        let store = self.backend.store().await;
        let ticking = ticking(self.clock.clone(), watch::Sender::new(0));
        let parts = parts(store, ephemeral, ticking, &self.key_text, self.settings.clone());
        Auth::start(Parts { processes: Processes::Several, ..parts }).await.unwrap()
    }

    /// The text of the key that seals.
    pub(crate) fn key_text(&self) -> SecretString {
        self.key_text.clone()
    }

    /// What the start of another process on the same database comes to, one that holds these keys.
    pub(crate) async fn process_with(
        &self,
        processes: Processes,
        key: &SecretString,
        older: &[SecretString],
    ) -> Result<Arc<Auth>, auth::Fault> {
        let (store, ephemeral) = (self.backend.store().await, self.backend.ephemeral().await);
        let ticking = ticking(self.clock.clone(), watch::Sender::new(0));
        let parts = parts(store, ephemeral, ticking, key, self.settings.clone());
        let keyring = Keyring::from_text(key, older).unwrap();
        Ok(Arc::new(Auth::start(Parts { processes, keyring, ..parts }).await?))
    }

    /// What a start on the same database comes to.
    pub(crate) async fn start_again(&self) -> Result<Auth, auth::Fault> {
        let ticking = ticking(self.clock.clone(), watch::Sender::new(0));
        let ephemeral = self.backend.ephemeral().await;
        Auth::start(parts(self.store.clone(), ephemeral, ticking, &self.key_text, self.settings.clone()))
            .await
    }

    /// Stops the server and starts another on the same database.
    pub(crate) async fn restart(self) -> Self {
        self.auth.stop().await;
        Self::start(self.backend, self.clock, self.key_text, self.settings).await
    }

    pub(crate) fn turn(&self, duration: Duration) {
        let micros = i64::try_from(duration.as_micros()).unwrap();
        self.clock.fetch_add(micros, Ordering::SeqCst);
    }

    /// Turns the clock back, as somebody may who sets it.
    pub(crate) fn turn_back(&self, duration: Duration) {
        self.clock.fetch_sub(i64::try_from(duration.as_micros()).unwrap(), Ordering::SeqCst);
    }

    /// Turns the clock to the last instant at which `duration` has not passed.
    pub(crate) fn turn_to_just_before(&self, duration: Duration) {
        self.turn(duration.saturating_sub(Duration::from_micros(1)));
    }

    /// Resolves once the clock has been read `more` times from now on: how far a use case has got, while another task holds
    /// it up. Ask for it before the use case begins.
    pub(crate) fn clock_read(&self, more: u64) -> impl Future<Output = ()> + use<> {
        let mut reads = self.clock_reads.subscribe();
        let enough = *reads.borrow() + more;
        async move {
            let read = reads.wait_for(|reads| *reads >= enough);
            let read = tokio::time::timeout(Duration::from_mins(1), read).await;
            assert!(read.is_ok(), "it does not get that far");
        }
    }

    /// Rows of a table, that of nobody apart (`users::NOBODY`).
    pub(crate) async fn count(&self, table: &'static str) -> i64 {
        let of_nobody = i64::from(["users", "emails", "passwords", "audit_people"].contains(&table));
        self.number(&format!("SELECT count(*) FROM {table}")).await - of_nobody
    }

    pub(crate) async fn number(&self, sql: &str) -> i64 {
        self.backend.number(sql).await
    }

    /// Does what no use case does; says how many rows it touched.
    pub(crate) async fn tamper(&self, sql: &str) -> u64 {
        self.backend.tamper(sql).await
    }

    /// Takes what the outbox holds, as sent.
    pub(crate) async fn post(&self) {
        for delivery in self.auth.take_mail(1000).await.unwrap() {
            self.auth.delivered(&delivery).await.unwrap();
            if !delivery.decoy {
                self.inbox.lock().unwrap().push(delivery.mail);
            }
        }
    }

    /// What was sent to this person since last asked.
    pub(crate) async fn mails(&self, name: &str) -> Vec<Message> {
        self.post().await;
        let address = email(name);
        let mut inbox = self.inbox.lock().unwrap();
        let (theirs, others) = inbox.drain(..).partition(|mail| mail.to == address.address());
        *inbox = others;
        let theirs: Vec<Mail> = theirs;
        theirs.into_iter().map(|mail| mail.message).collect()
    }

    /// The one mail that was sent to this person since last asked.
    pub(crate) async fn mail(&self, name: &str) -> Letter {
        let mut mails = self.mails(name).await;
        assert_eq!(mails.len(), 1, "{name} got {mails:?}");
        Letter(mails.remove(0))
    }

    pub(crate) async fn sign_up(&self, name: &str, secret: &str, context: &Context) -> SignedUp {
        self.auth.sign_up(form(name, secret), context).await.unwrap()
    }

    /// An account that was signed up and proved in this browser.
    pub(crate) async fn account(&self, name: &str, context: &Context) {
        self.sign_up(name, PASSWORD, context).await;
        let link = self.mail(name).await.link();
        self.auth.prove_address(&link, &Credential::Browser, context).await.unwrap();
    }

    /// The same, with a second step.
    pub(crate) async fn account_with_second_step(&self, name: &str, context: &Context) {
        self.account(name, context).await;
        let current = self.signed_in(name, context).await;
        self.auth.enable_second_step(&current, context).await.unwrap();
        self.mails(name).await;
    }

    pub(crate) async fn sign_in(
        &self,
        name: &str,
        secret: &str,
        context: &Context,
    ) -> Result<SignedIn, SignInError> {
        let request =
            SignIn { email: email(name), password: password(secret), replaces: None, return_to: None };
        self.auth.sign_in(request, context).await
    }

    /// Signs in where no second step is due.
    pub(crate) async fn session(&self, name: &str, secret: &str, context: &Context) -> NewSession {
        match self.sign_in(name, secret, context).await.unwrap() {
            SignedIn::Session(session) => session,
            step @ SignedIn::SecondStep { .. } => panic!("no session: {step:?}"),
        }
    }

    /// Signs in as far as the second step.
    pub(crate) async fn attempt(&self, name: &str, secret: &str, context: &Context) -> ArtefactId {
        match self.sign_in(name, secret, context).await.unwrap() {
            SignedIn::SecondStep { attempt } => attempt,
            session @ SignedIn::Session(_) => panic!("no second step: {session:?}"),
        }
    }

    pub(crate) async fn current(&self, session: &NewSession) -> Option<Current> {
        self.auth.current(session.expose_token()).await.unwrap()
    }

    pub(crate) async fn signed_in(&self, name: &str, context: &Context) -> Current {
        self.current(&self.session(name, PASSWORD, context).await).await.unwrap()
    }

    /// An operator disables an account, or enables it again.
    pub(crate) async fn set_disabled(&self, name: &str, disabled: bool) {
        let mut tx = self.store.begin().await.unwrap();
        let owner = store::emails::owner(&mut tx, &email(name)).await.unwrap().unwrap();
        let at = disabled.then(|| self.auth.now());
        store::users::set_disabled(&mut tx, owner.user_id.into(), at).await.unwrap();
        tx.commit().await.unwrap();
    }
}

fn ticking(clock: Arc<AtomicI64>, reads: watch::Sender<u64>) -> Clock {
    Clock::new(move || {
        reads.send_modify(|reads| *reads += 1);
        Timestamp(clock.load(Ordering::SeqCst))
    })
}

fn parts(
    store: Store,
    ephemeral: Ephemeral,
    clock: Clock,
    key_text: &SecretString,
    settings: Settings,
) -> Parts {
    let weak = HasherSettings { memory_kib: 64, iterations: 1, ..HasherSettings::default() };
    Parts {
        processes: Processes::One,
        store,
        ephemeral,
        keyring: Keyring::from_text(key_text, &[]).unwrap(),
        audit_key: [7; 32],
        hasher: Hasher::new(&weak, 4, Random::system()).unwrap(),
        clock,
        random: Random::system(),
        settings,
    }
}
