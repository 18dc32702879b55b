//! How long things live.

use std::time::Duration;

use auth::{EmailChangeError, RecoverError, SignUpError, TokenError};

use crate::artefacts::{Answer, EVERY, Purpose, mailed, page, show};
use crate::people::{browser, email, form, password};
use crate::world::{OTHER, PASSWORD, World};

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);
const INSTANT: Duration = Duration::from_micros(1);

fn life(purpose: Purpose) -> Duration {
    match purpose {
        Purpose::Prove => DAY,
        Purpose::Step => MINUTE * 10,
        Purpose::Reset | Purpose::Old | Purpose::New => MINUTE * 30,
    }
}

#[tokio::test]
async fn an_artefact_lives_as_long_as_the_table_says() {
    for purpose in EVERY {
        for form in 0..2 {
            let world = World::new().await;
            let artefact = mailed(&world, purpose).await;
            let Some(evidence) = artefact.forms().nth(form) else { continue };
            world.turn_to_just_before(life(purpose));
            assert_eq!(show(&world, purpose, &evidence).await, Answer::Good, "{purpose:?} before");

            let world = World::new().await;
            let artefact = mailed(&world, purpose).await;
            let Some(evidence) = artefact.forms().nth(form) else { continue };
            world.turn(life(purpose));
            assert_eq!(show(&world, purpose, &evidence).await, Answer::Gone, "{purpose:?} after");
            if let Some(token) = &artefact.token {
                assert!(!page(&world, purpose, token).await, "{purpose:?}");
            }
        }
    }
}

#[tokio::test]
async fn an_unused_session_ends_after_seven_days_and_a_used_one_after_thirty() {
    let world = World::new().await;
    world.account("ana", &browser(1)).await;
    let idle = world.session("ana", PASSWORD, &browser(1)).await;
    let used = world.session("ana", PASSWORD, &browser(2)).await;
    world.turn_to_just_before(DAY * 7);
    assert!(world.current(&used).await.is_some());
    world.turn(INSTANT);
    assert!(world.current(&idle).await.is_none(), "idle for seven days");
    for _ in 0..3 {
        world.turn(DAY * 6);
        assert!(world.current(&used).await.is_some());
    }
    world.turn_to_just_before(DAY * 5);
    let current = world.current(&used).await.unwrap();
    let token = world.auth.renew_token(&current).unwrap();
    let token = secrets::ExposeSecret::expose_secret(&token);
    assert!(world.auth.check_token(token).await.is_ok());
    world.turn(INSTANT);
    assert!(world.current(&used).await.is_none(), "thirty days old");
    let refused = world.auth.check_token(token).await;
    assert!(matches!(refused, Err(TokenError::Invalid)), "a token outlives its session: {refused:?}");
}

#[tokio::test]
async fn a_token_is_good_for_ten_minutes_and_a_proof_fresh_for_as_long() {
    let world = World::new().await;
    world.account("ana", &browser(1)).await;
    let session = world.session("ana", PASSWORD, &browser(1)).await;
    world.turn_to_just_before(MINUTE * 10);
    assert!(world.auth.check_token(session.expose_jwt()).await.is_ok());
    world.turn(INSTANT);
    assert!(world.auth.check_token(session.expose_jwt()).await.is_err());
    let current = world.current(&session).await.unwrap();
    assert!(world.auth.is_fresh(&current));
    world.turn(INSTANT);
    assert!(!world.auth.is_fresh(&current));
}

/// What was tried longer ago than the window counts no more.
#[tokio::test]
async fn ten_failures_in_any_quarter_of_an_hour_then_one_a_minute() {
    let world = World::new().await;
    world.account("ana", &browser(1)).await;
    let wrong = async || world.sign_in("ana", OTHER, &browser(2)).await;
    let tries = async || {
        for number in 0.. {
            if let Err(auth::SignInError::TooMany(wait)) = wrong().await {
                assert!(wait.retry_after <= MINUTE, "{wait:?}");
                return number;
            }
        }
        0
    };
    assert_eq!(tries().await, 10);
    for _ in 0..14 {
        world.turn(MINUTE);
        assert_eq!(tries().await, 1, "one for each minute");
    }
    world.turn(MINUTE * 15);
    assert_eq!(tries().await, 10, "and all of them when a quarter of an hour has passed without one");
}

/// Nothing was made, and no mail went out, but after five tries the address was kept out for an hour.
#[tokio::test]
async fn what_failed_by_a_fault_of_ours_uses_nothing_up() {
    let world = World::new().await;
    world.account("ana", &browser(1)).await;
    let current = world.signed_in("ana", &browser(1)).await;
    world.backend.refuse_rows("audit").await;
    for _ in 0..25 {
        let auth = &world.auth;
        assert!(matches!(auth.sign_up(form("new", PASSWORD), &browser(1)).await, Err(SignUpError::Fault(_))));
        let reset = auth.request_reset(&email("ana"), None, &browser(1)).await;
        assert!(matches!(reset, Err(RecoverError::Fault(_))), "{reset:?}");
        let change = auth.request_email_change(&current, &email("moved"), &browser(1)).await;
        assert!(matches!(change, Err(EmailChangeError::Fault(_))), "{change:?}");
    }
    world.backend.take_rows("audit").await;
    for _ in 0..4 {
        world.sign_up("new", PASSWORD, &browser(1)).await;
        world.auth.request_reset(&email("ana"), None, &browser(1)).await.unwrap();
    }
    world.auth.request_email_change(&current, &email("moved"), &browser(1)).await.unwrap();
}

#[tokio::test]
async fn mails_and_sign_ups_an_hour() {
    let world = World::new().await;
    for _ in 0..5 {
        world.auth.sign_up(form("ana", PASSWORD), &browser(1)).await.unwrap();
    }
    assert!(world.auth.sign_up(form("ana", PASSWORD), &browser(2)).await.is_err(), "mails to one address");
    for number in 0..15 {
        world.auth.sign_up(form(&format!("a{number}"), PASSWORD), &browser(1)).await.unwrap();
    }
    assert!(world.auth.sign_up(form("another", PASSWORD), &browser(1)).await.is_err(), "from one network");
    world.auth.sign_up(form("another", PASSWORD), &browser(3)).await.unwrap();
    world.turn(HOUR);
    world.auth.sign_up(form("ana", PASSWORD), &browser(1)).await.unwrap();
}

#[tokio::test]
async fn second_step_mails_are_counted_apart() {
    let world = World::new().await;
    world.account_with_second_step("ana", &browser(1)).await;
    for _ in 0..4 {
        world.auth.request_reset(&email("ana"), None, &browser(2)).await.unwrap();
    }
    assert!(world.auth.request_reset(&email("ana"), None, &browser(2)).await.is_err());
    for _ in 0..10 {
        world.attempt("ana", PASSWORD, &browser(1)).await;
    }
    let refused = world.sign_in("ana", PASSWORD, &browser(1)).await;
    assert!(matches!(refused, Err(auth::SignInError::TooMany(_))), "{refused:?}");
}

#[tokio::test]
async fn a_short_password_needs_a_second_step_and_a_long_one_to_live_without() {
    let world = World::new().await;
    assert!(world.auth.sign_up(form("ana", "ate-gate"), &browser(1)).await.is_err());
    let short = auth::SignUp { second_step: true, ..form("ana", "ate-gate") };
    world.auth.sign_up(short, &browser(1)).await.unwrap();
    let link = world.mail("ana").await.link();
    world.auth.prove_address(&link, &auth::Credential::Browser, &browser(1)).await.unwrap();
    let attempt = world.attempt("ana", "ate-gate", &browser(1)).await;
    let code = world.mail("ana").await.code();
    let session = world.auth.second_step(attempt, &code, None, &browser(1)).await.unwrap().session;
    let current = world.current(&session).await.unwrap();
    let present = password("ate-gate");
    let refused = world.auth.disable_second_step(&current, &present, None, &browser(1)).await;
    assert!(matches!(refused, Err(auth::SecondStepError::Weak(_))), "{refused:?}");
    let new = password(OTHER);
    world.auth.disable_second_step(&current, &present, Some(&new), &browser(1)).await.unwrap();
    world.session("ana", OTHER, &browser(1)).await;
}

#[tokio::test]
async fn mails_an_hour_from_one_network() {
    let world = World::new().await;
    for number in 0..50 {
        world.auth.request_reset(&email(&format!("a{number}")), None, &browser(1)).await.unwrap();
    }
    let refused = world.auth.request_reset(&email("one.more"), None, &browser(1)).await;
    assert!(matches!(refused, Err(auth::RecoverError::TooMany(_))), "{refused:?}");
    assert_eq!(world.count("artefacts").await, 50, "and nothing is written");
    world.auth.request_reset(&email("one.more"), None, &browser(2)).await.unwrap();
    world.turn(HOUR);
    world.auth.request_reset(&email("one.more"), None, &browser(1)).await.unwrap();
}

/// A password made of the address was taken before, with a dot or a year put to it, and so was the present one as a new one.
#[tokio::test]
async fn a_password_is_neither_what_everybody_knows_of_the_account_nor_the_present_one() {
    let world = World::new().await;
    for made in ["maria.lopez@example.com1", "maria.lopez-2026", "Acme Wiki, 2026", "example.com-2026"] {
        let refused = world.auth.sign_up(form("maria.lopez", made), &browser(1)).await;
        let weak = matches!(refused, Err(auth::SignUpError::Weak(domain::Weakness::Contextual)));
        assert!(weak, "{made}: {refused:?}");
    }
    world.account("ana", &browser(1)).await;
    let current = world.signed_in("ana", &browser(1)).await;
    let present = password(PASSWORD);
    let refused = world.auth.change_password(&current, &present, &present, &browser(1)).await;
    let unchanged = matches!(refused, Err(auth::PasswordChangeError::Weak(domain::Weakness::Unchanged)));
    assert!(unchanged, "{refused:?}");
    let wrong = password(OTHER);
    let refused = world.auth.change_password(&current, &wrong, &wrong, &browser(1)).await;
    assert!(matches!(refused, Err(auth::PasswordChangeError::WrongPassword)), "{refused:?}");
    let refused = world.auth.disable_second_step(&current, &present, Some(&present), &browser(1)).await;
    let unchanged = matches!(refused, Err(auth::SecondStepError::Weak(domain::Weakness::Unchanged)));
    assert!(unchanged, "{refused:?}");
    assert_eq!(world.mails("ana").await.len(), 0, "and nobody is told that it has changed");
}
