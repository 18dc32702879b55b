//! Acts of several processes at once, in whatever order the database lets them at the rows they are about.

use std::sync::Arc;
use std::time::Duration;

use auth::{Auth, KeyState, Limits, ProtocolError};
use domain::DisplayName;
use oidc::Algorithm;
use sqlx::postgres::PgConnection;
use tokio::task::JoinSet;

use crate::backend::Backend;
use crate::in_app::InApp;
use crate::on_postgres::is_on_postgres;
use crate::people::{browser, password};
use crate::world::{OTHER, PASSWORD, World};

/// A test that waits for so long has failed.
const LONG: Duration = Duration::from_secs(30);

impl InApp {
    async fn past(&self) -> PgConnection {
        let Backend::Full(database, _) = &self.world.backend else { unreachable!("on PostgreSQL") };
        database.past().await
    }

    /// Past the server: a transaction that did this, and holds what it locked until it is told to `ROLLBACK` or to `COMMIT`.
    async fn holding(&self, act: &str) -> PgConnection {
        let mut past = self.past().await;
        // Where others lock in the other order, it is not the one that is chosen.
        for said in ["SET deadlock_timeout = '60s'", "BEGIN", act] {
            sqlx::raw_sql(sqlx::AssertSqlSafe(said.to_owned())).execute(&mut past).await.unwrap();
        }
        past
    }

    /// Waits until so many wait for rows or turns of others.
    async fn wait_for_waiting(&self, number: i64) {
        let waits = "SELECT count(*) FROM pg_stat_activity
                     WHERE datname = current_database() AND wait_event_type = 'Lock'";
        let mut past = self.past().await;
        let waiting = async {
            while sqlx::query_scalar::<_, i64>(waits).fetch_one(&mut past).await.unwrap() < number {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(LONG, waiting).await.unwrap();
    }

    /// How often the server had to choose one of two that waited for each other.
    async fn deadlocks(&self) -> i64 {
        // What a connection has counted is there once it is gone.
        self.world.disconnect().await;
        let connected = "SELECT count(*) FROM pg_stat_activity
                         WHERE datname = current_database() AND application_name = 'keyward'";
        let mut past = self.past().await;
        let gone = async {
            while sqlx::query_scalar::<_, i64>(connected).fetch_one(&mut past).await.unwrap() > 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(LONG, gone).await.unwrap();
        let asked = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
        sqlx::query_scalar(asked).fetch_one(&mut past).await.unwrap()
    }
}

/// The exchange held the code and waited for the grant; the change of password held the grant, and waited for the code.
#[tokio::test]
async fn who_exchanges_a_code_and_who_changes_the_password_do_not_wait_for_each_other() {
    if !is_on_postgres() {
        return;
    }
    let app = InApp::of("ana", World::new().await).await;
    // Of another session, which the change of password ends.
    let other = app.world.signed_in("ana", &browser(1)).await;
    let code = app.code(&other).await;
    let mut held = app.holding("SELECT hash FROM authorization_codes FOR UPDATE").await;
    let exchanging = tokio::spawn(app.by_code(&code));
    app.wait_for_waiting(1).await;
    let (auth, current) = (app.world.auth.clone(), app.current.clone());
    let changing = tokio::spawn(async move {
        auth.change_password(&current, &password(PASSWORD), &password(OTHER), &browser(1)).await.map(drop)
    });
    app.wait_for_waiting(2).await;
    sqlx::query("ROLLBACK").execute(&mut held).await.unwrap();
    let exchanged = tokio::time::timeout(LONG, exchanging).await.unwrap().unwrap().unwrap();
    tokio::time::timeout(LONG, changing).await.unwrap().unwrap().unwrap();
    let token = exchanged.refresh_token.unwrap();
    let refused = app.by_refresh(token.expose()).await.unwrap_err();
    assert!(
        matches!(refused, ProtocolError::Refused(_)),
        "what the old password opened is closed: {refused:?}"
    );
    assert_eq!(app.deadlocks().await, 0);
}

/// The refresh held the grant and waited for the session; the deletion held the session, and waited for the grant.
#[tokio::test]
async fn who_refreshes_and_who_deletes_the_account_do_not_wait_for_each_other() {
    if !is_on_postgres() {
        return;
    }
    let app = InApp::of("ana", World::new().await).await;
    let code = app.code(&app.current).await;
    let token = app.by_code(&code).await.unwrap().refresh_token.unwrap();
    // Its session is used anew.
    app.world.turn(Duration::from_mins(2));
    let mut held = app.holding("SELECT hash FROM refresh_tokens FOR UPDATE").await;
    let refreshing = tokio::spawn(app.by_refresh(token.expose()));
    app.wait_for_waiting(1).await;
    let (auth, current) = (app.world.auth.clone(), app.current.clone());
    let deleting =
        tokio::spawn(async move { auth.delete_account(&current, &password(PASSWORD), &browser(1)).await });
    app.wait_for_waiting(2).await;
    sqlx::query("ROLLBACK").execute(&mut held).await.unwrap();
    tokio::time::timeout(LONG, refreshing).await.unwrap().unwrap().unwrap();
    tokio::time::timeout(LONG, deleting).await.unwrap().unwrap().unwrap();
    assert_eq!(app.world.count("grants").await + app.world.count("sessions").await, 0);
    assert_eq!(app.deadlocks().await, 0);
}

/// An app whose code is of a session that is ending is told that it is worth nothing, and no more.
#[tokio::test]
async fn an_exchange_that_comes_too_late_is_refused() {
    if !is_on_postgres() {
        return;
    }
    let app = InApp::of("ana", World::new().await).await;
    let other = app.world.signed_in("ana", &browser(1)).await;
    let code = app.code(&other).await;
    let mut held = app.holding("DELETE FROM grants").await;
    let exchanging = tokio::spawn(app.by_code(&code));
    app.wait_for_waiting(1).await;
    sqlx::query("COMMIT").execute(&mut held).await.unwrap();
    let refused = tokio::time::timeout(LONG, exchanging).await.unwrap().unwrap().unwrap_err();
    assert!(matches!(refused, ProtocolError::Refused(_)), "{refused:?}");
}

/// Where acts wait for each other all the same, the database chooses one, and that one is done again.
#[tokio::test]
async fn an_act_that_was_given_up_for_another_is_done_again() {
    if !is_on_postgres() {
        return;
    }
    let app = InApp::of("ana", World::new().await).await;
    let code = app.code(&app.current).await;
    // Somebody past the server takes rows in the other order.
    let mut held = app.holding("SELECT hash FROM authorization_codes FOR UPDATE").await;
    let exchanging = tokio::spawn(app.by_code(&code));
    app.wait_for_waiting(1).await;
    sqlx::query("SELECT id FROM grants FOR UPDATE").fetch_all(&mut held).await.unwrap();
    sqlx::query("COMMIT").execute(&mut held).await.unwrap();
    tokio::time::timeout(LONG, exchanging).await.unwrap().unwrap().unwrap();
    assert_eq!(app.deadlocks().await, 1);
}

#[tokio::test]
async fn ten_processes_that_start_at_once_make_one_key_and_exchange_it_once() {
    let world = World::new().await;
    world.tamper("DELETE FROM signing_keys").await;
    let ten = at_once(&world).await;
    assert_eq!(world.count("signing_keys").await, 1);
    let first = ten[0].keys().published();
    assert!(ten.iter().all(|process| process.keys().published() == first));
    let limits = Limits::default();
    world.turn(limits.key_rotation);
    let mut keeping = JoinSet::new();
    for process in &ten {
        let (process, limits) = (process.clone(), limits.clone());
        keeping.spawn(async move { process.keys().keep(&limits, process.now()).await.unwrap() });
    }
    keeping.join_all().await;
    let listed = ten[0].keys().list(world.auth.now()).await.unwrap();
    let states: Vec<_> = listed.iter().map(|key| (key.algorithm, key.state)).collect();
    assert_eq!(states, [(Algorithm::EdDsa, KeyState::Next), (Algorithm::EdDsa, KeyState::Signing)]);
    let mut told = Vec::new();
    for process in &ten {
        process.keys().refresh(process.now()).await.unwrap();
        told.push(process.keys().published());
    }
    assert!(told.iter().all(|one| *one == told[0] && one.matches("\"kid\"").count() == 2));
}

#[tokio::test]
async fn entries_that_ten_processes_seal_while_they_are_written_are_one_chain() {
    let world = World::new().await;
    world.account("ana", &browser(1)).await;
    let current = world.signed_in("ana", &browser(1)).await;
    let name = DisplayName::parse("Ana").unwrap();
    let mut acts = JoinSet::new();
    for process in at_once(&world).await {
        let (current, name) = (current.clone(), name.clone());
        acts.spawn(async move {
            for _ in 0..10 {
                process.change_profile(&current, &name, None, &browser(1)).await.unwrap();
                process.audit_trail().seal().await.unwrap();
            }
        });
    }
    acts.join_all().await;
    while world.auth.audit_trail().seal().await.unwrap() > 0 {}
    let link = world.auth.audit_trail().verify(None).await.unwrap();
    assert_eq!(
        (link.number, world.auth.audit_trail().count_waiting().await.unwrap()),
        (world.count("audit").await, 0)
    );
    assert!(link.number >= 100, "{}", link.number);
}

/// Ten processes on this database, started together.
pub(crate) async fn at_once(world: &World) -> Vec<Arc<Auth>> {
    let mut ten = Vec::new();
    let starts = (0..10).map(|_| world.another_process());
    for start in starts.map(Box::pin) {
        ten.push(start);
    }
    join_all(ten).await
}

/// All of them side by side, in this task: they borrow the world.
async fn join_all<F: Future + Unpin>(mut all: Vec<F>) -> Vec<F::Output> {
    let mut done: Vec<Option<F::Output>> = all.iter().map(|_| None).collect();
    std::future::poll_fn(|task| {
        for (one, done) in all.iter_mut().zip(&mut done) {
            if done.is_none()
                && let std::task::Poll::Ready(output) = std::pin::Pin::new(one).poll(task)
            {
                *done = Some(output);
            }
        }
        if done.iter().all(Option::is_some) { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    done.into_iter().flatten().collect()
}
