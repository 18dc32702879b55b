//! What a server does beside requests: the trail is sealed, what has expired goes, keys are exchanged.

use std::time::{Duration, Instant};

use auth_service::background::{self, Sender, Transport};
use auth_service::branding::Branding;
use auth_service::mailbox::Mailbox;
use domain::Email;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::support::{PASSWORD, TestApp};

const DAY: Duration = Duration::from_hours(24);
/// Longer than anything here takes on a busy machine.
const LONG: Duration = Duration::from_secs(20);

/// Of these a round takes few.
const MANY_CHANGES: usize = 10_000;

/// What goes on beside the requests of `app`; ends with the value.
struct Work {
    stop: watch::Sender<bool>,
    set: JoinSet<()>,
}

impl Work {
    fn start(app: &TestApp) -> Self {
        let (stop, told) = watch::channel(false);
        let sender = Sender { address: "no-reply@example.com".to_owned(), name: "Keyward".to_owned() };
        let transport = Transport::Mailbox(Mailbox::default());
        let set = background::start(&app.app.auth, transport, sender, &Branding::default(), None, &told);
        Self { stop, set }
    }

    async fn end(self) {
        self.stop.send(true).unwrap();
        tokio::time::timeout(LONG, self.set.join_all()).await.unwrap();
    }
}

/// Asks again and again until it is so; says how long that took.
#[expect(clippy::disallowed_methods, reason = "how long the act waits is what is measured")]
async fn until(what: &str, mut so: impl AsyncFnMut() -> bool) -> Duration {
    let asked = Instant::now();
    let waited = async {
        while !so().await {
            tokio::task::yield_now().await;
        }
    };
    assert!(tokio::time::timeout(LONG, waited).await.is_ok(), "not in {} s: {what}", LONG.as_secs());
    asked.elapsed()
}

async fn sign_up(app: &TestApp, email: &str) {
    let body = json!({ "email": email, "password": PASSWORD, "second_step": false });
    let answer = app.program().json("POST", "/api/v1/sign-up", &body).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
}

#[tokio::test]
async fn an_act_is_chained_into_the_trail_within_a_second() {
    let app = TestApp::start().await;
    let work = Work::start(&app);
    let trail = app.app.auth.audit_trail();
    let mut times = Vec::new();
    for number in 1..=3 {
        sign_up(&app, &format!("person{number}@example.com")).await;
        let sealed = async || trail.newest(None, None, 10).await.unwrap().len() == number;
        times.push(until("the entry has its number", sealed).await);
    }
    // The quickest: of a machine that is busy with something else nothing is said.
    assert!(times.iter().min().unwrap() < &Duration::from_secs(1), "{times:?}");
    assert_eq!(trail.verify(None).await.unwrap().number, 3);
    work.end().await;
}

/// Round followed upon round while there was much to clean, and a stop was not heard before all of it was.
#[tokio::test]
async fn a_stop_is_heard_while_there_is_much_to_clean() {
    let app = TestApp::start().await;
    let (store, now) = (app.store().await, app.app.auth.now());
    let mut tx = store.begin().await.unwrap();
    for number in 0..MANY_CHANGES {
        let id = uuid::Uuid::from_u128(number as u128);
        let change = store::changes::Change { id, at: now.micros(), what: "{}".to_owned() };
        store::changes::insert(&mut tx, &change).await.unwrap();
    }
    tx.commit().await.unwrap();
    app.turn(DAY);
    let left = async || {
        let mut tx = store.look().await.unwrap();
        store::changes::since(&mut tx, now).await.unwrap().len()
    };
    let work = Work::start(&app);
    until("it is at it", async || left().await < MANY_CHANGES).await;
    work.end().await;
    assert!(left().await > 0, "the rest waits for the next start");
}

#[tokio::test]
async fn an_account_that_nobody_proved_is_cleaned_away() {
    let app = TestApp::start().await;
    sign_up(&app, "ana@example.com").await;
    app.account("ben@example.com", false).await;
    let store = app.store().await;
    let exists = async |email: &str| {
        let email = Email::parse(email).unwrap();
        store::emails::owner(&mut store.read().await.unwrap(), &email).await.unwrap().is_some()
    };
    assert!(exists("ana@example.com").await);
    app.turn(DAY * 7 + Duration::from_micros(1));
    let work = Work::start(&app);
    until("the account is gone", async || !exists("ana@example.com").await).await;
    assert!(exists("ben@example.com").await, "who proved it keeps it");
    work.end().await;
}

#[tokio::test]
async fn a_key_whose_time_has_come_is_exchanged() {
    let app = TestApp::start().await;
    let published = || {
        let set: Value = serde_json::from_str(&app.app.auth.keys().published()).unwrap();
        set["keys"].as_array().unwrap().len()
    };
    assert_eq!(published(), 1);
    app.turn(app.app.auth.settings().limits.key_rotation);
    let work = Work::start(&app);
    until("the next key is published", async || published() == 2).await;
    work.end().await;
}
