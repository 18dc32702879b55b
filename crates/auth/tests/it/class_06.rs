//! Class 6: somebody disabled, and served all the same.

use std::time::Duration;

use auth::{RecoverError, SignInError, StepError, TokenError};

use crate::artefacts::{Answer, Purpose, mailed, show};
use crate::people::{browser, email};
use crate::world::{OTHER, PASSWORD, World};

#[tokio::test]
async fn class_06_no_way_in_is_open_to_a_disabled_account() {
    let world = World::new().await;
    let here = browser(1);
    world.account("ana", &here).await;
    let session = world.session("ana", PASSWORD, &here).await;
    let attempt = mailed(&world, Purpose::Step).await;
    world.set_disabled("ana", true).await;
    world.set_disabled("step", true).await;

    for (name, secret) in [("ana", PASSWORD), ("ana", OTHER), ("step", PASSWORD), ("step", OTHER)] {
        let refused = world.sign_in(name, secret, &here).await;
        assert!(matches!(refused, Err(SignInError::Incorrect)), "{name} with {secret}: {refused:?}");
    }
    assert!(world.current(&session).await.is_none());
    let refused = world.auth.check_token(session.expose_jwt()).await;
    assert!(matches!(refused, Err(TokenError::Invalid)), "{refused:?}");
    assert_eq!(show(&world, Purpose::Step, &attempt.by_code()).await, Answer::Gone);
    assert_eq!(world.mails("ana").await.len() + world.mails("step").await.len(), 0);
}

#[tokio::test]
async fn class_06_a_token_that_was_just_checked_is_refused_within_seconds() {
    let world = World::new().await;
    world.account("ana", &browser(1)).await;
    let session = world.session("ana", PASSWORD, &browser(1)).await;
    world.auth.check_token(session.expose_jwt()).await.unwrap();
    world.set_disabled("ana", true).await;
    world.turn(Duration::from_secs(5));
    let refused = world.auth.check_token(session.expose_jwt()).await;
    assert!(matches!(refused, Err(TokenError::Invalid)), "{refused:?}");
}

#[tokio::test]
async fn class_06_a_disabled_account_is_sent_nothing_and_told_nothing() {
    let world = World::new().await;
    let here = browser(1);
    world.account("ana", &here).await;
    let step = mailed(&world, Purpose::Step).await;
    world.set_disabled("ana", true).await;
    world.set_disabled("step", true).await;
    world.auth.request_reset(&email("ana"), None, &here).await.unwrap();
    assert_eq!(world.mails("ana").await.len(), 0);
    let refused = world.auth.resend_code(step.id, &here).await;
    assert!(matches!(refused, Err(StepError::Evidence(_))), "{refused:?}");
    assert_eq!(world.mails("step").await.len(), 0);
}

#[tokio::test]
async fn class_06_a_reset_that_was_under_way_opens_nothing() {
    let world = World::new().await;
    let here = browser(1);
    let reset = mailed(&world, Purpose::Reset).await;
    world.set_disabled("reset", true).await;
    let refused = world.auth.reset_password(&reset.by_code(), &crate::people::password(OTHER), &here).await;
    assert!(matches!(refused, Err(RecoverError::Evidence(_))), "{refused:?}");
    world.set_disabled("reset", false).await;
    world.session("reset", PASSWORD, &here).await;
}
