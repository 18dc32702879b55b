//! Class 12, of sign-ups: two who sign up by one address do not keep each other out, and guess no oftener for it.

use auth::{Credential, EvidenceError, ProveError};

use crate::people::{browser, code};
use crate::world::{OTHER, PASSWORD, World};

/// Whoever signs up by an address first, and guesses, kept its owner out for an hour, who had the right code in their hands.
#[tokio::test]
async fn class_12_a_stranger_s_guesses_do_not_keep_out_whoever_signs_up() {
    let world = World::new().await;
    for number in 0..4 {
        let eve = browser(10 + number);
        let id = world.sign_up("ana", OTHER, &eve).await.proof;
        for _ in 0..5 {
            let guessed = world.auth.prove_address(&code(id, "no code"), &Credential::Browser, &eve).await;
            let wrong = matches!(guessed, Err(ProveError::Evidence(EvidenceError::WrongCode { .. })));
            assert!(wrong, "{guessed:?}");
        }
    }
    world.mails("ana").await;
    let own = browser(1);
    let id = world.sign_up("ana", PASSWORD, &own).await.proof;
    let right = world.mail("ana").await.code();
    world.auth.prove_address(&code(id, &right), &Credential::Browser, &own).await.expect("her own code");
    world.session("ana", PASSWORD, &own).await;
}

/// A browser of one's own gives no more guesses than the mails that it can ask for.
#[tokio::test]
async fn class_12_guesses_at_a_sign_up_are_bounded_over_all_browsers() {
    let world = World::new().await;
    let mut guesses = 0;
    for number in 0..30 {
        let eve = browser(10 + number);
        let Ok(signed_up) = world.auth.sign_up(crate::people::form("ana", OTHER), &eve).await else {
            continue;
        };
        for _ in 0..10 {
            let guess = code(signed_up.proof, "no code");
            match world.auth.prove_address(&guess, &Credential::Browser, &eve).await {
                Err(ProveError::Evidence(EvidenceError::WrongCode { .. })) => guesses += 1,
                refused => assert!(refused.is_err()),
            }
        }
    }
    assert_eq!(guesses, 25, "five mails an hour, five tries each");
}
