//! Class 9: a session that keeps its id when its privilege changes.

use std::time::Duration;

use auth::{NewSession, SignIn, SignedIn, TokenError};

use crate::world::{OTHER, PASSWORD, World, browser, email, password};

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
    let old = world.session("ana", PASSWORD, &browser(1)).await;
    let current = world.current(&old).await.unwrap();
    world.auth.enable_second_step(&current, &browser(1)).await.unwrap();
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
    world.auth.request_reset(&email("ana"), &browser(2)).await.unwrap();
    let link = world.mail("ana").await.link();
    world.auth.reset_password(&link, &password(OTHER), &browser(2)).await.unwrap();
    let new = world.session("ana", OTHER, &browser(2)).await;
    assert_replaced(&world, &old, &new).await;
}
