//! Several processes on one database and one Redis: what one ends, the others refuse within a second, whichever of the two is
//! away; where both are, they refuse what they cannot know. The Redis is a real one; a database is away once its process has
//! closed it.

use std::ops::Deref;
use std::sync::Arc;
use std::time::{Duration, Instant};

use auth::{Auth, Context, NewSession, Rotation, SignIn, SignedIn, TokenError};
use oidc::Algorithm;
use store::ephemeral::Ephemeral;
use tokio::task::JoinHandle;

use crate::people::{browser, email, password};
use crate::redis_server::RedisServer;
use crate::world::{PASSWORD, World};

/// What a revocation may take to be heard everywhere.
const SECOND: Duration = Duration::from_secs(1);
/// A test that waits for so long has failed.
const LONG: Duration = Duration::from_secs(20);
/// Much less than the default, so that a test sees it pass.
const STALENESS: Duration = Duration::from_millis(300);

/// A process that listens, until this is dropped.
struct Process {
    auth: Arc<Auth>,
    ephemeral: Ephemeral,
    hearing: JoinHandle<()>,
}

impl Process {
    async fn start(world: &World, ephemeral: Ephemeral) -> Self {
        let auth = Arc::new(world.one_of_several(ephemeral.clone()).await);
        let hears = auth.clone();
        let hearing = tokio::spawn(async move { hears.hear().await });
        let process = Self { auth, ephemeral, hearing };
        let begun = now();
        while !process.hears() {
            assert!(begun.elapsed() < LONG, "it hears nothing");
            tokio::task::yield_now().await;
        }
        process
    }

    async fn sign_in(&self, context: &Context) -> NewSession {
        let request =
            SignIn { email: email("ada"), password: password(PASSWORD), replaces: None, return_to: None };
        match self.auth.sign_in(request, context).await.unwrap() {
            SignedIn::Session(session) => session,
            step @ SignedIn::SecondStep { .. } => panic!("no session: {step:?}"),
        }
    }

    async fn sign_out(&self, session: &NewSession, context: &Context) {
        let current = self.auth.current(session.expose_token()).await.unwrap().unwrap();
        self.auth.sign_out(&current, context).await.unwrap();
    }

    async fn accepts(&self, session: &NewSession) -> bool {
        self.auth.check_token(session.expose_jwt()).await.is_ok()
    }

    /// Nothing but word of others makes it forget: the clock of these tests stands still, and the database is not asked.
    async fn knows(&self, session: &NewSession) {
        assert!(self.accepts(session).await);
    }

    /// The same all the time: what must not happen is watched for.
    async fn knows_for(&self, session: &NewSession, time: Duration) {
        let begun = now();
        while begun.elapsed() < time {
            self.knows(session).await;
            tokio::task::yield_now().await;
        }
    }

    /// Does not accept it at any time.
    async fn refuses_for(&self, session: &NewSession, time: Duration) {
        let begun = now();
        while begun.elapsed() < time {
            assert!(!self.accepts(session).await, "after {:?}", begun.elapsed());
            tokio::task::yield_now().await;
        }
    }

    /// How long it goes on to accept a session.
    async fn refuses(&self, session: &NewSession) -> Duration {
        let begun = now();
        while self.accepts(session).await {
            assert!(begun.elapsed() < LONG, "it is accepted on and on");
            tokio::task::yield_now().await;
        }
        begun.elapsed()
    }

    async fn has_lost_redis(&self) {
        let mut changes = self.ephemeral.health().unwrap().subscribe();
        tokio::time::timeout(LONG, changes.wait_for(Option::is_some)).await.unwrap().unwrap();
    }
}

impl Deref for Process {
    type Target = Auth;

    fn deref(&self) -> &Auth {
        &self.auth
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.hearing.abort();
    }
}

#[expect(clippy::disallowed_methods, reason = "a measurement of how long a revocation takes")]
fn now() -> Instant {
    Instant::now()
}

async fn world() -> World {
    world_with(Duration::from_secs(5)).await
}

async fn world_with(max_staleness: Duration) -> World {
    let world = World::with(|settings| settings.limits.max_staleness = max_staleness).await;
    world.account("ada", &browser(1)).await;
    world
}

async fn three(world: &World, redis: &RedisServer) -> [Process; 3] {
    [
        Process::start(world, redis.connect().await).await,
        Process::start(world, redis.connect().await).await,
        Process::start(world, redis.connect().await).await,
    ]
}

/// A key that was given up was heard of from the database alone.
#[tokio::test]
async fn a_key_that_one_process_gives_up_signs_nothing_for_the_others_within_a_second() {
    let Some(redis) = RedisServer::start() else { return };
    let world = world().await;
    let [one, two, three] = three(&world, &redis).await;
    let session = one.sign_in(&browser(1)).await;
    for process in [&one, &two, &three] {
        process.knows(&session).await;
    }
    // The third hears it from the second, by Redis alone.
    three.stop().await;
    one.keys().rotate(Algorithm::EdDsa, Rotation::Compromised, world.auth.now()).await.unwrap();
    assert!(!one.accepts(&session).await);
    for process in [&two, &three] {
        let took = process.refuses(&session).await;
        assert!(took < SECOND, "{took:?}");
    }
    // What signs now is read.
    two.keys().refresh(world.auth.now()).await.unwrap();
    let session = two.sign_in(&browser(1)).await;
    two.knows(&session).await;
    assert_eq!(two.keys().published(), one.keys().published());
}

#[tokio::test]
async fn what_one_process_ends_the_others_refuse_within_a_second() {
    let Some(mut redis) = RedisServer::start() else { return };
    let world = world().await;
    let processes = three(&world, &redis).await;
    let [first, second, third] = &processes;
    let here = browser(1);
    for redis_is_dead in [false, true] {
        if redis_is_dead {
            redis.kill();
            for process in &processes {
                process.has_lost_redis().await;
            }
        }
        let (session, other) = (first.sign_in(&here).await, first.sign_in(&here).await);
        for process in &processes {
            process.knows(&session).await;
            process.knows(&other).await;
        }
        first.sign_out(&session, &here).await;
        assert!(!first.accepts(&session).await, "at once where it was ended");
        let (took, also) = tokio::join!(second.refuses(&session), third.refuses(&session));
        assert!(took < SECOND && also < SECOND, "Redis is dead: {redis_is_dead}: {took:?} {also:?}");
        for process in &processes {
            process.knows(&other).await;
        }
    }
}

#[tokio::test]
async fn both_steps_are_taken_while_redis_is_away_and_by_whichever_process() {
    let Some(mut redis) = RedisServer::start() else { return };
    let world = World::new().await;
    let here = browser(1);
    world.account_with_second_step("ada", &here).await;
    let [first, second, third] = three(&world, &redis).await;
    redis.kill();
    for process in [&first, &second, &third] {
        process.has_lost_redis().await;
    }
    let request =
        SignIn { email: email("ada"), password: password(PASSWORD), replaces: None, return_to: None };
    let SignedIn::SecondStep { attempt } = first.auth.sign_in(request, &here).await.unwrap() else {
        panic!("no second step")
    };
    let code = world.mail("ada").await.code();
    let session = second.second_step(attempt, &code, None, &here).await.unwrap().session;
    for process in [&first, &second, &third] {
        process.knows(&session).await;
    }
    let again = third.second_step(attempt, &code, None, &here).await;
    assert!(again.is_err(), "a code is a row, taken once: {again:?}");
}

#[tokio::test]
async fn the_database_is_away_and_redis_is_heard() {
    let Some(redis) = RedisServer::start() else { return };
    let world = world_with(STALENESS).await;
    let [first, second, third] = three(&world, &redis).await;
    let here = browser(1);
    let (session, other) = (first.sign_in(&here).await, first.sign_in(&here).await);
    second.knows(&session).await;
    second.knows(&other).await;
    second.stop().await;
    // Memory is older than it would be believed by itself, or was before the database went away.
    world.turn(Duration::from_mins(1));
    second.knows_for(&session, STALENESS * 3).await;
    let never_seen = third.sign_in(&here).await;
    let refused = second.check_token(never_seen.expose_jwt()).await;
    assert!(matches!(refused, Err(TokenError::Fault(auth::Fault::Store(_)))), "{refused:?}");
    first.sign_out(&session, &here).await;
    assert!(second.refuses(&session).await < SECOND);
    second.knows(&other).await;
}

/// An operator's command writes to the table and knows no Redis; whoever has lost the database hears of it all the same.
#[tokio::test]
async fn what_a_command_did_reaches_whoever_hears_redis_alone() {
    let Some(redis) = RedisServer::start() else { return };
    let world = world().await;
    let [first, second, _reader] = three(&world, &redis).await;
    let here = browser(1);
    let session = first.sign_in(&here).await;
    second.knows(&session).await;
    second.stop().await;
    first.hearing.abort();
    write_change(&world, &session, Duration::ZERO).await;
    assert!(second.refuses(&session).await < SECOND);
}

/// Rows become visible in the order of their commits, which is not that of their moments.
#[tokio::test]
async fn a_change_that_was_committed_late_is_heard() {
    let world = world().await;
    let process = Process::start(&world, Ephemeral::memory()).await;
    let here = browser(1);
    for late in [Duration::ZERO, Duration::from_secs(80)] {
        let session = process.sign_in(&here).await;
        process.knows(&session).await;
        world
            .tamper(&format!("UPDATE sessions SET expires_at = 0 WHERE hex(id) = '{}'", hex(&session)))
            .await;
        process.knows(&session).await;
        write_change(&world, &session, late).await;
        assert!(process.refuses(&session).await < SECOND, "{late:?}");
    }
}

#[tokio::test]
async fn who_hears_neither_refuses_after_the_longest_staleness() {
    let Some(mut redis) = RedisServer::start() else { return };
    let world = world_with(STALENESS).await;
    let [first, second, _] = three(&world, &redis).await;
    let session = first.sign_in(&browser(1)).await;
    second.knows(&session).await;
    second.stop().await;
    redis.kill();
    let took = second.refuses(&session).await;
    assert!(took < STALENESS + SECOND, "{took:?}");
    let refused = second.check_token(session.expose_jwt()).await;
    assert!(
        matches!(refused, Err(TokenError::Fault(auth::Fault::Store(_)))),
        "it may come back: {refused:?}"
    );
    // What was said meanwhile it has not heard.
    redis.restart();
    let mut changes = second.ephemeral.health().unwrap().subscribe();
    tokio::time::timeout(LONG, changes.wait_for(Option::is_none)).await.unwrap().unwrap();
    second.refuses_for(&session, STALENESS * 2).await;
    assert!(first.accepts(&session).await, "whoever has the database asks it");
}

#[tokio::test]
async fn with_no_staleness_allowed_memory_is_believed_while_redis_is_heard_alone() {
    let Some(mut redis) = RedisServer::start() else { return };
    let world = world_with(Duration::ZERO).await;
    let process = Process::start(&world, redis.connect().await).await;
    let session = process.sign_in(&browser(1)).await;
    process.knows(&session).await;
    world.tamper(&format!("UPDATE sessions SET expires_at = 0 WHERE hex(id) = '{}'", hex(&session))).await;
    process.knows(&session).await;
    redis.kill();
    process.has_lost_redis().await;
    assert!(!process.accepts(&session).await, "the database is asked each time");
}

#[tokio::test]
async fn who_stops_to_listen_believes_its_memory_no_more() {
    let world = world().await;
    let process = Process::start(&world, Ephemeral::memory()).await;
    let session = process.sign_in(&browser(1)).await;
    process.knows(&session).await;
    world.tamper(&format!("UPDATE sessions SET expires_at = 0 WHERE hex(id) = '{}'", hex(&session))).await;
    process.knows(&session).await;
    process.hearing.abort();
    assert!(process.refuses(&session).await < STALENESS, "it does not wait for anything");
}

#[tokio::test]
async fn a_command_that_changes_an_app_tells_of_it() {
    let world = world().await;
    let text = r#"{"client_id": "wiki", "client_name": "Wiki", "scope": "openid",
                   "redirect_uris": ["https://wiki.example.com/callback"]}"#;
    let client: oidc::Client = serde_json::from_str(text).unwrap();
    let (register, now) = (world.auth.clients(), world.auth.now());
    register.add(&client, now).await.unwrap();
    assert_eq!(world.count("changes").await, 0, "nobody remembers an app that is new");
    register.rotate_secret("wiki", Duration::ZERO, now).await.unwrap();
    assert_eq!(world.count("changes").await, 1);
    register.remove("wiki", now).await.unwrap();
    assert_eq!(world.count("changes").await, 2);
}

/// A lone process tells nobody, and pays for nobody.
#[tokio::test]
async fn a_lone_process_writes_no_changes() {
    let world = world().await;
    let here = browser(1);
    let current = world.signed_in("ada", &here).await;
    world.auth.sign_out(&current, &here).await.unwrap();
    assert_eq!(world.count("changes").await, 0);
}

#[tokio::test]
async fn changes_that_everybody_has_read_are_cleaned_away() {
    let world = world().await;
    let process = Process::start(&world, Ephemeral::memory()).await;
    let here = browser(1);
    let session = process.sign_in(&here).await;
    process.sign_out(&session, &here).await;
    assert_eq!(world.count("changes").await, 1);
    world.turn(Duration::from_mins(59));
    process.clean().await.unwrap();
    assert_eq!(world.count("changes").await, 1);
    world.turn(Duration::from_mins(2));
    process.clean().await.unwrap();
    assert_eq!(world.count("changes").await, 0);
}

/// Writes that a session has ended, as at a moment so long ago.
async fn write_change(world: &World, session: &NewSession, late: Duration) {
    let id = uuid::Uuid::from_u128(u128::from(late.subsec_nanos()) << 64 | session.id.0.as_u128() >> 1);
    let what = serde_json::json!({ "id": id, "ids": [session.id.0] }).to_string();
    let mut tx = world.store.begin().await.unwrap();
    let row = store::changes::Change { id, at: world.auth.now().minus(late).micros(), what };
    store::changes::insert(&mut tx, &row).await.unwrap();
    store::sessions::delete(&mut tx, session.user, session.id).await.unwrap();
    tx.commit().await.unwrap();
}

fn hex(session: &NewSession) -> String {
    session.id.0.simple().to_string().to_uppercase()
}
