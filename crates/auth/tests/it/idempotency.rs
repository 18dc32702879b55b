//! A request under an `Idempotency-Key` is done once: whoever sends it again, to whichever process, after whatever was cut off.

use std::time::Duration;

use auth::{Auth, Begun, Context, Current, Fault, IdempotencyError, IdempotentRequest, KeptAnswer};
use domain::{DisplayName, IdempotencyKey};
use tokio::task::JoinSet;

use crate::on_postgres::is_on_postgres;
use crate::people::{browser, email, password};
use crate::world::{PASSWORD, World};

const DAY: Duration = Duration::from_hours(24);
/// What tells one request from another.
const ONE: [u8; 32] = [1; 32];
const ANOTHER: [u8; 32] = [2; 32];

/// How each is answered.
pub(crate) fn answer() -> KeptAnswer {
    KeptAnswer { status: 200, body: "{\"message\":\"Changed, and this is how it is told.\"}".to_owned() }
}

async fn begin(
    auth: &Auth,
    current: &Current,
    key: &str,
    request: [u8; 32],
) -> Result<Begun, IdempotencyError> {
    auth.begin_idempotent(current, &IdempotencyKey::parse(key.as_bytes()).unwrap(), request).await
}

async fn first(auth: &Auth, current: &Current, key: &str) -> IdempotentRequest {
    match begin(auth, current, key, ONE).await.unwrap() {
        Begun::First(first) => first,
        Begun::Repeated(answer) => panic!("{key} was answered before: {answer:?}"),
    }
}

/// How a request is answered that is sent again.
pub(crate) async fn repeated(auth: &Auth, current: &Current, key: &str) -> KeptAnswer {
    match begin(auth, current, key, ONE).await.unwrap() {
        Begun::First(_) => panic!("{key} is not remembered"),
        Begun::Repeated(answer) => answer,
    }
}

fn told(request: &IdempotentRequest) -> Context {
    let KeptAnswer { status, body } = answer();
    Context { once: Some(request.answered(status, body)), ..browser(1) }
}

async fn rename(auth: &Auth, current: &Current, context: &Context) -> Result<(), Fault> {
    auth.change_profile(current, &DisplayName::parse("Ana").unwrap(), None, context).await
}

/// Something is done under a key.
pub(crate) async fn done_once(auth: &Auth, current: &Current, key: &str) {
    let request = first(auth, current, key).await;
    rename(auth, current, &told(&request)).await.unwrap();
}

/// How often it was done, by the trail.
async fn changes(world: &World) -> i64 {
    world.number("SELECT count(*) FROM audit WHERE act = 'change_profile' AND outcome = 'done'").await
}

/// Ana, signed in.
async fn ana() -> (World, Current) {
    let world = World::new().await;
    world.account("ana", &browser(1)).await;
    let current = world.signed_in("ana", &browser(1)).await;
    (world, current)
}

#[tokio::test]
async fn what_is_sent_again_is_answered_as_before_and_not_done_again() {
    let (world, ana) = ana().await;
    done_once(&world.auth, &ana, "key").await;
    for _ in 0..3 {
        assert_eq!(repeated(&world.auth, &ana, "key").await, answer());
    }
    assert_eq!((changes(&world).await, world.count("idempotency_keys").await), (1, 1));
    // By another session of hers, and after a restart.
    let elsewhere = world.signed_in("ana", &browser(2)).await;
    assert_eq!(repeated(&world.auth, &elsewhere, "key").await, answer());
    let world = world.restart().await;
    assert_eq!(repeated(&world.auth, &ana, "key").await, answer());
    done_once(&world.auth, &ana, "another").await;
    assert_eq!(changes(&world).await, 2);
}

#[tokio::test]
async fn a_key_is_of_one_request_and_of_one_account() {
    let (world, ana) = ana().await;
    done_once(&world.auth, &ana, "key").await;
    let refused = begin(&world.auth, &ana, "key", ANOTHER).await;
    assert!(matches!(refused, Err(IdempotencyError::AnotherRequest)), "{refused:?}");
    world.account("ben", &browser(2)).await;
    let ben = world.signed_in("ben", &browser(2)).await;
    done_once(&world.auth, &ben, "key").await;
    assert_eq!((changes(&world).await, world.count("idempotency_keys").await), (2, 2));
}

#[tokio::test]
async fn while_the_first_is_under_way_the_same_process_says_so() {
    let (world, ana) = ana().await;
    let auth = (*world.auth).clone();
    let request = first(&auth, &ana, "key").await;
    let context = told(&request);
    for what in [ONE, ANOTHER] {
        let refused = begin(&auth, &ana, "key", what).await;
        assert!(matches!(refused, Err(IdempotencyError::UnderWay)), "{refused:?}");
    }
    // Another key is another's business.
    drop(first(&auth, &ana, "another").await);
    rename(&auth, &ana, &context).await.unwrap();
    drop(request);
    let refused = begin(&auth, &ana, "key", ONE).await;
    assert!(matches!(refused, Err(IdempotencyError::UnderWay)), "it has not been answered: {refused:?}");
    drop(context);
    assert_eq!(repeated(&auth, &ana, "key").await, answer());
}

/// Whoever hung up before it began has begun nothing.
#[tokio::test]
async fn what_was_given_up_is_free_at_once() {
    let (world, ana) = ana().await;
    let auth = (*world.auth).clone();
    drop(first(&auth, &ana, "key").await);
    done_once(&auth, &ana, "key").await;
    assert_eq!(changes(&world).await, 1);
}

#[tokio::test]
async fn of_two_processes_that_are_at_the_same_one_does_it_and_the_other_finds_how_that_is_answered() {
    let (world, ana) = ana().await;
    let (here, there) = (world.another_process().await, world.another_process().await);
    // Neither knows of the other.
    let (one, other) = (first(&here, &ana, "key").await, first(&there, &ana, "key").await);
    rename(&here, &ana, &told(&one)).await.unwrap();
    let late = rename(&there, &ana, &told(&other)).await;
    assert!(matches!(late, Err(Fault::DoneBefore)), "{late:?}");
    assert_eq!(there.kept_answer(&other).await.unwrap(), Some(answer()));
    assert_eq!(changes(&world).await, 1);
}

/// In whichever order the database lets them.
#[tokio::test]
async fn of_many_processes_at_once_one_does_it() {
    if !is_on_postgres() {
        return;
    }
    let (world, ana) = ana().await;
    let mut sent = Vec::new();
    for _ in 0..4 {
        let process = world.another_process().await;
        let request = first(&process, &ana, "key").await;
        sent.push((process, request));
    }
    let mut sending = JoinSet::new();
    for (process, request) in &sent {
        let (process, ana, context) = (process.clone(), ana.clone(), told(request));
        sending.spawn(async move { rename(&process, &ana, &context).await });
    }
    let outcomes = sending.join_all().await;
    let done = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    let found = outcomes.iter().filter(|outcome| matches!(outcome, Err(Fault::DoneBefore))).count();
    assert_eq!((done, found), (1, 3), "{outcomes:?}");
    for (process, request) in &sent {
        assert_eq!(process.kept_answer(request).await.unwrap(), Some(answer()));
    }
    assert_eq!(changes(&world).await, 1);
}

/// The mails, and the artefacts in them, are made once.
#[tokio::test]
async fn what_is_sent_by_mail_is_sent_once() {
    let (world, ana) = ana().await;
    let (here, there) = (world.another_process().await, world.another_process().await);
    let (one, other) = (first(&here, &ana, "key").await, first(&there, &ana, "key").await);
    here.request_email_change(&ana, &email("ana.new"), &told(&one)).await.unwrap();
    let late = there.request_email_change(&ana, &email("ana.new"), &told(&other)).await;
    assert!(late.is_err(), "{late:?}");
    world.mail("ana.new").await;
    world.mail("ana").await;
    assert_eq!(world.count("artefacts").await, 2);
}

/// Both are rolled back, as when a process is killed: the effect and the record are one.
#[tokio::test]
async fn what_was_cut_off_before_its_end_is_done_when_it_is_sent_again() {
    let (world, ana) = ana().await;
    let called = "SELECT count(*) FROM users WHERE name = 'Ana'";
    // The last thing that it writes.
    world.backend.refuse_rows("audit").await;
    let request = first(&world.auth, &ana, "key").await;
    assert!(rename(&world.auth, &ana, &told(&request)).await.is_err());
    drop(request);
    assert_eq!((world.count("idempotency_keys").await, world.number(called).await), (0, 0));
    world.backend.take_rows("audit").await;
    done_once(&world.auth, &ana, "key").await;
    assert_eq!((changes(&world).await, world.number(called).await), (1, 1));
    assert_eq!(repeated(&world.auth, &ana, "key").await, answer());
}

#[tokio::test]
async fn of_what_was_not_done_nothing_is_kept() {
    let (world, ana) = ana().await;
    let auth = (*world.auth).clone();
    let request = first(&auth, &ana, "key").await;
    // There is none.
    assert!(!auth.cancel_email_change(&ana, &told(&request)).await.unwrap());
    assert!(!auth.withdraw_consent(&ana, "wiki", &told(&request)).await.unwrap());
    assert!(auth.request_email_change(&ana, &email("ana"), &told(&request)).await.is_err(), "her own");
    let long = Context { once: Some(request.answered(200, "x".repeat(4 * 1024 + 1))), ..browser(1) };
    let refused = rename(&auth, &ana, &long).await;
    assert!(matches!(refused, Err(Fault::Corrupt(_))), "{refused:?}");
    world.auth.sign_out(&ana, &browser(1)).await.unwrap();
    let refused = rename(&auth, &ana, &told(&request)).await;
    assert!(matches!(refused, Err(Fault::SessionEnded)), "{refused:?}");
    assert_eq!((changes(&world).await, world.count("idempotency_keys").await), (0, 0));
}

#[tokio::test]
async fn an_answer_is_kept_for_a_day_and_its_key_is_free_then() {
    let (world, ana) = ana().await;
    done_once(&world.auth, &ana, "key").await;
    world.turn_to_just_before(DAY);
    world.auth.clean().await.unwrap();
    assert_eq!(repeated(&world.auth, &ana, "key").await, answer());
    // Cleaned or not.
    world.turn(Duration::from_micros(1));
    done_once(&world.auth, &ana, "key").await;
    assert_eq!(repeated(&world.auth, &ana, "key").await, answer());
    assert_eq!((changes(&world).await, world.count("idempotency_keys").await), (2, 1));
    world.turn(DAY);
    while world.auth.clean().await.unwrap() > 0 {}
    assert_eq!(world.count("idempotency_keys").await, 0);
}

#[tokio::test]
async fn an_account_has_a_thousand_keys_and_no_more() {
    let (world, ana) = ana().await;
    world.account("ben", &browser(2)).await;
    let ben = world.signed_in("ben", &browser(2)).await;
    let now = world.auth.now();
    let mut tx = world.store.begin().await.unwrap();
    for number in 0..999_u32 {
        let hash = secrets::sha256(&number.to_be_bytes());
        let expires_at = now.plus(DAY + Duration::from_secs(number.into()));
        assert!(
            store::idempotency_keys::insert(&mut tx, &hash, ana.user, &[1], now, expires_at).await.unwrap()
        );
    }
    tx.commit().await.unwrap();
    done_once(&world.auth, &ana, "last").await;
    let refused = begin(&world.auth, &ana, "more", ONE).await;
    let Err(IdempotencyError::TooMany { retry_after }) = refused else { panic!("{refused:?}") };
    assert_eq!(retry_after, DAY);
    assert_eq!(repeated(&world.auth, &ana, "last").await, answer(), "what was done is told");
    done_once(&world.auth, &ben, "more").await;
    // The first is forgotten.
    world.turn(DAY);
    done_once(&world.auth, &ana, "more").await;
}

#[tokio::test]
async fn an_answer_is_bound_to_its_key() {
    let (world, ana) = ana().await;
    done_once(&world.auth, &ana, "one").await;
    world.turn(Duration::from_secs(1));
    done_once(&world.auth, &ana, "other").await;
    // Whoever can write to the database moves one's to the other's row.
    let move_it = "UPDATE idempotency_keys SET answer = (SELECT answer FROM idempotency_keys ORDER BY expires_at LIMIT 1)";
    assert_eq!(world.tamper(move_it).await, 2);
    assert_eq!(repeated(&world.auth, &ana, "one").await, answer());
    let moved = begin(&world.auth, &ana, "other", ONE).await;
    assert!(matches!(moved, Err(IdempotencyError::Fault(Fault::Sealed(_)))), "{moved:?}");
}

#[tokio::test]
async fn it_goes_with_its_account() {
    let (world, ana) = ana().await;
    done_once(&world.auth, &ana, "key").await;
    world.auth.delete_account(&ana, &password(PASSWORD), &browser(1)).await.unwrap();
    assert_eq!(world.count("idempotency_keys").await, 0);
}
