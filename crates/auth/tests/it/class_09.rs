//! Class 9: a session that keeps its id when its privilege changes.

use std::time::Duration;

use auth::{NewSession, Progress, Side, SignIn, SignedIn, TokenError};

use crate::people::{browser, email, password};
use crate::world::{OTHER, PASSWORD, World};

async fn assert_replaced(world: &World, old: &NewSession, new: &NewSession) {
    assert_ne!(old.id, new.id);
    assert_ne!(old.expose_token(), new.expose_token());
    assert_ne!(old.expose_jwt(), new.expose_jwt());
    assert!(world.current(old).await.is_none(), "the old session still opens");
    let refused = world.auth.check_token(old.expose_jwt()).await;
    assert!(matches!(refused, Err(TokenError::Invalid)), "the old token still holds: {refused:?}");
    assert!(world.current(new).await.is_some());
    assert!(world.auth.check_token(new.expose_jwt()).await.is_ok());
}

fn again(old: &NewSession) -> SignIn {
    SignIn { email: email("ana"), password: password(PASSWORD), replaces: Some(old.id), return_to: None }
}

#[tokio::test]
async fn class_09_proving_again_who_one_is_makes_a_new_session() {
    let world = World::new().await;
    world.account("ana", &browser(1)).await;
    let old = world.session("ana", PASSWORD, &browser(1)).await;
    world.auth.check_token(old.expose_jwt()).await.unwrap();
    world.turn(Duration::from_mins(11));
    let current = world.current(&old).await.unwrap();
    assert!(!world.auth.is_fresh(&current));
    let SignedIn::Session(new) = world.auth.sign_in(again(&old), &browser(1)).await.unwrap() else {
        panic!("no session");
    };
    assert_replaced(&world, &old, &new).await;
    assert!(world.auth.is_fresh(&world.current(&new).await.unwrap()));
}

#[tokio::test]
async fn class_09_the_second_step_makes_a_new_session() {
    let world = World::new().await;
    world.account("ana", &browser(1)).await;
    let first = world.session("ana", PASSWORD, &browser(1)).await;
    let current = world.current(&first).await.unwrap();
    let old = world.auth.enable_second_step(&current, &browser(1)).await.unwrap();
    world.mails("ana").await;
    let SignedIn::SecondStep { attempt } = world.auth.sign_in(again(&old), &browser(1)).await.unwrap() else {
        panic!("no second step");
    };
    assert!(world.current(&old).await.is_some(), "half a proof replaces nothing");
    let code = world.mail("ana").await.code();
    let new = world.auth.second_step(attempt, &code, None, &browser(1)).await.unwrap().session;
    assert_replaced(&world, &old, &new).await;
}

#[tokio::test]
async fn class_09_another_password_makes_a_new_session_and_ends_the_others() {
    let world = World::new().await;
    world.account("ana", &browser(1)).await;
    let elsewhere = world.session("ana", PASSWORD, &browser(2)).await;
    let old = world.session("ana", PASSWORD, &browser(1)).await;
    for session in [&elsewhere, &old] {
        world.auth.check_token(session.expose_jwt()).await.unwrap();
    }
    let current = world.current(&old).await.unwrap();
    let change =
        world.auth.change_password(&current, &password(PASSWORD), &password(OTHER), &browser(1)).await;
    let new = change.unwrap();
    assert_replaced(&world, &old, &new).await;
    assert_replaced(&world, &elsewhere, &new).await;
    assert_eq!(world.count("sessions").await, 1);
}

#[tokio::test]
async fn class_09_a_reset_ends_every_session() {
    let world = World::new().await;
    world.account("ana", &browser(1)).await;
    let old = world.session("ana", PASSWORD, &browser(1)).await;
    world.auth.check_token(old.expose_jwt()).await.unwrap();
    world.auth.request_reset(&email("ana"), None, &browser(2)).await.unwrap();
    let link = world.mail("ana").await.link();
    world.auth.reset_password(&link, &password(OTHER), &browser(2)).await.unwrap();
    let new = world.session("ana", OTHER, &browser(2)).await;
    assert_replaced(&world, &old, &new).await;
}

#[tokio::test]
async fn class_09_switching_the_second_step_makes_a_new_session() {
    let world = World::new().await;
    world.account("ana", &browser(1)).await;
    let elsewhere = world.session("ana", PASSWORD, &browser(2)).await;
    let old = world.session("ana", PASSWORD, &browser(1)).await;
    world.turn(Duration::from_mins(5));
    for session in [&elsewhere, &old] {
        world.auth.check_token(session.expose_jwt()).await.unwrap();
    }
    let before = world.current(&old).await.unwrap();
    let on = world.auth.enable_second_step(&before, &browser(1)).await.unwrap();
    assert_replaced(&world, &old, &on).await;
    let current = world.current(&on).await.unwrap();
    assert_eq!(current.proved_at, before.proved_at, "a switch proves nothing anew");
    assert_eq!(on.expires_at, old.expires_at, "nor is it a way to live for ever");
    let present = password(PASSWORD);
    let off = world.auth.disable_second_step(&current, &present, None, &browser(1)).await.unwrap();
    assert_replaced(&world, &on, &off).await;
    assert!(world.current(&elsewhere).await.is_some(), "the password is the same");
    let current = world.current(&off).await.unwrap();
    let new = password(OTHER);
    let last = world.auth.disable_second_step(&current, &present, Some(&new), &browser(1)).await.unwrap();
    assert_replaced(&world, &off, &last).await;
    assert_replaced(&world, &elsewhere, &last).await;
    assert_eq!(world.count("sessions").await, 1);
}

#[tokio::test]
async fn class_09_a_moved_account_ends_every_session_but_whoever_moved_it() {
    for stays in [false, true] {
        let world = World::new().await;
        world.account("ana", &browser(1)).await;
        let elsewhere = world.session("ana", PASSWORD, &browser(2)).await;
        let here = world.session("ana", PASSWORD, &browser(1)).await;
        for session in [&elsewhere, &here] {
            world.auth.check_token(session.expose_jwt()).await.unwrap();
        }
        let current = world.current(&here).await.unwrap();
        world.auth.request_email_change(&current, &email("ben"), &browser(1)).await.unwrap();
        let (old, new) = (world.mail("ana").await.link(), world.mail("ben").await.link());
        let first = world.auth.confirm_email_change(Side::Old, &old, Some(&current), &browser(1)).await;
        assert!(matches!(first, Ok(Progress::Waiting)), "{first:?}");
        assert!(world.current(&here).await.is_some() && world.current(&elsewhere).await.is_some());
        let signed_in = stays.then_some(&current);
        let moved = world.auth.confirm_email_change(Side::New, &new, signed_in, &browser(1)).await.unwrap();
        let Progress::Done { address, session } = moved else { panic!("{moved:?}") };
        assert_eq!(address, email("ben"));
        assert_eq!(session.is_some(), stays);
        let next = match session {
            Some(session) => session,
            None => match world.sign_in("ben", PASSWORD, &browser(1)).await.unwrap() {
                SignedIn::Session(session) => session,
                step @ SignedIn::SecondStep { .. } => panic!("{step:?}"),
            },
        };
        assert_replaced(&world, &here, &next).await;
        assert_replaced(&world, &elsewhere, &next).await;
        assert_eq!(world.count("sessions").await, 1);
    }
}

#[tokio::test]
async fn class_09_a_stranger_signed_in_where_a_link_is_opened_gets_no_session_of_the_account() {
    let world = World::new().await;
    world.account("ana", &browser(1)).await;
    world.account("eve", &browser(3)).await;
    let (ana, eve) = (world.signed_in("ana", &browser(1)).await, world.signed_in("eve", &browser(3)).await);
    world.auth.request_email_change(&ana, &email("ben"), &browser(1)).await.unwrap();
    let (old, new) = (world.mail("ana").await.link(), world.mail("ben").await.link());
    for (side, link) in [(Side::Old, old), (Side::New, new)] {
        let progress = world.auth.confirm_email_change(side, &link, Some(&eve), &browser(3)).await.unwrap();
        assert!(matches!(progress, Progress::Waiting | Progress::Done { session: None, .. }), "{progress:?}");
    }
    assert_eq!(world.number("SELECT count(*) FROM sessions").await, 1, "eve's own");
}
