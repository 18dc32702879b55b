//! Class 12: no code is guessed at without the limit.

use std::sync::Arc;
use std::time::Duration;

use auth::{Evidence, EvidenceError, RecoverError, SignInError, StepError};
use domain::ArtefactId;

use crate::artefacts::{Answer, EVERY, Purpose, mailed, show};
use crate::people::{browser, code, email, password, wrong};
use crate::world::{OTHER, PASSWORD, World};

#[tokio::test]
async fn class_12_a_code_takes_five_guesses() {
    for purpose in EVERY {
        let world = World::new().await;
        let artefact = mailed(&world, purpose).await;
        let guess = code(artefact.id, &wrong(&artefact.code));
        for left in (0..5).rev() {
            assert_eq!(show(&world, purpose, &guess).await, Answer::Wrong(left), "{purpose:?}");
        }
        assert_eq!(show(&world, purpose, &artefact.by_code()).await, Answer::Gone, "{purpose:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn class_12_guesses_at_once_are_counted_one_by_one() {
    for purpose in EVERY {
        let world = Arc::new(World::new().await);
        let artefact = mailed(&world, purpose).await;
        let guess = code(artefact.id, &wrong(&artefact.code));
        let tasks: Vec<_> = (0..16)
            .map(|_| {
                let (world, guess) = (world.clone(), guess.clone());
                tokio::spawn(async move { show(&world, purpose, &guess).await })
            })
            .collect();
        let mut looked_at = 0;
        for task in tasks {
            looked_at += usize::from(matches!(task.await.unwrap(), Answer::Wrong(_)));
        }
        assert_eq!(looked_at, 5, "{purpose:?}");
    }
}

#[tokio::test]
async fn class_12_guessing_at_codes_and_links_uses_up_the_network() {
    for purpose in EVERY {
        for by_link in [false, true] {
            // A second step takes no link.
            if by_link && purpose == Purpose::Step {
                continue;
            }
            let by_code = |text: &str| code(ArtefactId(auth::Random::system().opaque_id()), text);
            let world = World::new().await;
            for number in 0..100 {
                let text = format!("{number:06}");
                let evidence = if by_link { Evidence::Link { token: text } } else { by_code(&text) };
                assert_eq!(show(&world, purpose, &evidence).await, Answer::Gone, "{purpose:?} {number}");
            }
            let link = Evidence::Link { token: String::new() };
            let one_more = if purpose == Purpose::Step { by_code("123456") } else { link };
            assert_eq!(show(&world, purpose, &one_more).await, Answer::TooMany, "{purpose:?}");
            let refused = world.sign_in("ana", PASSWORD, &browser(1)).await;
            assert!(matches!(refused, Err(SignInError::TooMany(_))), "one budget for all: {refused:?}");
            world.turn(Duration::from_mins(15));
            assert_eq!(show(&world, purpose, &one_more).await, Answer::Gone);
        }
    }
}

#[tokio::test]
async fn class_12_second_steps_are_counted_over_all_attempts() {
    let world = World::new().await;
    world.account_with_second_step("ana", &browser(1)).await;
    for _ in 0..4 {
        let attempt = world.attempt("ana", PASSWORD, &browser(2)).await;
        let guess = wrong(&world.mail("ana").await.code());
        for _ in 0..5 {
            let refused = world.auth.second_step(attempt, &guess, None, &browser(2)).await;
            assert!(matches!(refused, Err(StepError::Evidence(_))), "{refused:?}");
        }
    }
    let attempt = world.attempt("ana", PASSWORD, &browser(3)).await;
    let right = world.mail("ana").await.code();
    let refused = world.auth.second_step(attempt, &right, Some(&email("ana")), &browser(3)).await;
    let too_many = matches!(refused, Err(StepError::Evidence(EvidenceError::TooMany(_))));
    assert!(too_many, "a new attempt, another network: {refused:?}");
    world.turn(Duration::from_hours(1));
    let attempt = world.attempt("ana", PASSWORD, &browser(3)).await;
    let right = world.mail("ana").await.code();
    world.auth.second_step(attempt, &right, None, &browser(3)).await.unwrap();
}

/// Whoever knew the password could once spend the mails and guesses of the second step, and the owner waited for an hour.
#[tokio::test]
async fn class_12_a_stranger_does_not_keep_the_owner_out_at_the_second_step() {
    let world = World::new().await;
    let (own, stranger) = (browser(1), browser(9));
    world.account_with_second_step("ana", &own).await;
    for _ in 0..4 {
        let attempt = world.attempt("ana", PASSWORD, &stranger).await;
        for _ in 0..5 {
            assert!(world.auth.second_step(attempt, "no code", None, &stranger).await.is_err());
        }
    }
    let mut attempt = None;
    for _ in 4..10 {
        attempt = Some(world.attempt("ana", PASSWORD, &stranger).await);
    }
    let spent = world.sign_in("ana", PASSWORD, &stranger).await;
    assert!(matches!(spent, Err(SignInError::TooMany(_))), "no more mails: {spent:?}");
    let spent = world.auth.second_step(attempt.unwrap(), "no code", None, &stranger).await;
    let too_many = matches!(spent, Err(StepError::Evidence(EvidenceError::TooMany(_))));
    assert!(too_many, "no more guesses: {spent:?}");
    world.mails("ana").await;

    let attempt = world.attempt("ana", PASSWORD, &own).await;
    world.mails("ana").await;
    world.auth.resend_code(attempt, &own).await.expect("another mail");
    let right = world.mail("ana").await.code();
    let guessed = world.auth.second_step(attempt, &wrong(&right), None, &own).await;
    assert!(matches!(guessed, Err(StepError::Evidence(EvidenceError::WrongCode { .. }))), "{guessed:?}");
    world.auth.second_step(attempt, &right, None, &own).await.expect("her own browser");

    // It has a bound too.
    for _ in 2..10 {
        world.attempt("ana", PASSWORD, &own).await;
    }
    let refused = world.sign_in("ana", PASSWORD, &own).await;
    assert!(matches!(refused, Err(SignInError::TooMany(_))), "{refused:?}");
}

#[tokio::test]
async fn class_12_guesses_at_mailed_codes_are_counted_over_all_mails() {
    let world = World::with(|settings| settings.limits.mails = 100).await;
    world.account("ana", &browser(1)).await;
    for name in ["ana", "nobody"] {
        let mut guesses = 0;
        let refused = loop {
            // A new mail for every five guesses, each from a network of its own.
            let context = browser(10 + guesses / 5);
            let id = world.auth.request_reset(&email(name), None, &context).await.unwrap();
            let guess = code(id, "no code");
            let answered = world.auth.reset_password(&guess, &password(OTHER), &context).await;
            if !matches!(answered, Err(RecoverError::Evidence(EvidenceError::WrongCode { .. }))) {
                break answered;
            }
            guesses += 1;
        };
        assert!(matches!(refused, Err(RecoverError::Evidence(EvidenceError::TooMany(_)))), "{refused:?}");
        assert_eq!(guesses, 20, "{name}");
    }
    world.mails("ana").await;
    let context = browser(90);
    world.auth.request_reset(&email("ana"), None, &context).await.unwrap();
    let link = world.mail("ana").await.link();
    world.auth.reset_password(&link, &password(OTHER), &context).await.expect("a link is not answered at");
}
