//! Class 8: a one-time artefact used twice, or elsewhere.

use std::sync::Arc;
use std::time::Duration;

use auth::ProtocolError;
use tokio::task::JoinSet;

use crate::artefacts::{Answer, EVERY, mailed, page, show};
use crate::at_once::at_once;
use crate::in_app::InApp;
use crate::world::World;

#[tokio::test]
async fn class_08_every_artefact_is_refused_at_every_place_but_its_own() {
    let world = World::new().await;
    let mut all = Vec::new();
    for purpose in EVERY {
        all.push(mailed(&world, purpose).await);
    }
    for artefact in &all {
        for elsewhere in EVERY.into_iter().filter(|place| *place != artefact.purpose) {
            for evidence in artefact.forms() {
                let answer = show(&world, elsewhere, &evidence).await;
                assert_eq!(answer, Answer::Gone, "{artefact:?} at {elsewhere:?} as {evidence:?}");
            }
            if let Some(token) = &artefact.token {
                assert!(!page(&world, elsewhere, token).await, "{artefact:?} at the page of {elsewhere:?}");
            }
        }
    }
    // None of that cost the owners anything.
    for artefact in &all {
        if let Some(token) = &artefact.token {
            assert!(page(&world, artefact.purpose, token).await, "{artefact:?}");
            assert!(page(&world, artefact.purpose, token).await, "looking uses nothing up: {artefact:?}");
        }
        let answer = show(&world, artefact.purpose, &artefact.by_code()).await;
        assert_eq!(answer, Answer::Good, "{artefact:?}");
    }
}

#[tokio::test]
async fn class_08_a_code_is_good_for_its_own_artefact_only() {
    let world = World::new().await;
    for purpose in EVERY {
        let artefact = mailed(&world, purpose).await;
        for other in EVERY.into_iter().filter(|other| *other != purpose) {
            let other_world = World::new().await;
            let foreign = mailed(&other_world, other).await;
            if foreign.code == artefact.code {
                continue;
            }
            let answer = show(&world, purpose, &crate::people::code(artefact.id, &foreign.code)).await;
            assert!(matches!(answer, Answer::Wrong(_)), "{answer:?}");
        }
    }
}

#[tokio::test]
async fn class_08_nothing_is_good_twice() {
    for purpose in EVERY {
        for form in 0..2 {
            let world = World::new().await;
            let artefact = mailed(&world, purpose).await;
            let Some(evidence) = artefact.forms().nth(form) else { continue };
            assert_eq!(show(&world, purpose, &evidence).await, Answer::Good, "{artefact:?}");
            // Neither in the form it was used in nor in the other one.
            for evidence in artefact.forms() {
                assert_eq!(show(&world, purpose, &evidence).await, Answer::Gone, "{artefact:?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn class_08_of_sixteen_at_once_one_wins() {
    for purpose in EVERY {
        for form in 0..2 {
            let world = Arc::new(World::new().await);
            let artefact = mailed(&world, purpose).await;
            let Some(evidence) = artefact.forms().nth(form) else { continue };
            let tasks: Vec<_> = (0..16)
                .map(|_| {
                    let (world, evidence) = (world.clone(), evidence.clone());
                    tokio::spawn(async move { show(&world, purpose, &evidence).await })
                })
                .collect();
            let mut answers = Vec::new();
            for task in tasks {
                answers.push(task.await.unwrap());
            }
            let won = answers.iter().filter(|answer| **answer == Answer::Good).count();
            let gone = answers.iter().filter(|answer| **answer == Answer::Gone).count();
            assert_eq!((won, gone), (1, 15), "{purpose:?} in form {form}: {answers:?}");
        }
    }
}

/// A code of an app, shown to ten processes at once: one takes it, and what that one gave ends, since it was shown twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn class_08_of_ten_processes_one_takes_a_code_of_an_app() {
    let app = InApp::of("ana", World::new().await).await;
    let code = app.code(&app.current).await;
    let mut asking = JoinSet::new();
    for process in at_once(&app.world).await {
        asking.spawn(app.by_code_at(&process, &code));
    }
    let (won, refused): (Vec<_>, Vec<_>) = asking.join_all().await.into_iter().partition(Result::is_ok);
    assert_eq!((won.len(), refused.len()), (1, 9));
    assert!(refused.iter().all(|answer| matches!(answer, Err(ProtocolError::Refused(_)))), "{refused:?}");
    for tokens in won.into_iter().flatten() {
        app.world.auth.userinfo(&tokens.access_token).await.expect_err("it is ended");
        app.by_refresh(tokens.refresh_token.unwrap().expose()).await.expect_err("it is ended");
    }
}

/// A used code was forgotten after a day, and whoever showed it later ended nothing.
#[tokio::test]
async fn class_08_a_used_code_is_known_as_long_as_what_came_of_it_lives() {
    let app = InApp::of("ana", World::new().await).await;
    let code = app.code(&app.current).await;
    let mut tokens = app.by_code(&code).await.unwrap();
    // The limits of a session are not what this is about: its app renews what it holds every day, and the person is there.
    for _ in 0..5 {
        app.world.turn(Duration::from_hours(24));
        while app.world.auth.clean().await.unwrap() > 0 {}
        tokens = app.by_refresh(tokens.refresh_token.unwrap().expose()).await.unwrap();
    }
    app.world.auth.userinfo(&tokens.access_token).await.unwrap();
    app.by_code(&code).await.expect_err("it was used");
    app.world.auth.userinfo(&tokens.access_token).await.expect_err("it is ended");
    app.by_refresh(tokens.refresh_token.unwrap().expose()).await.expect_err("it is ended");
}

#[tokio::test]
async fn class_08_a_resent_code_makes_the_first_worthless() {
    let world = World::new().await;
    let here = crate::people::browser(1);
    let proof = mailed(&world, crate::artefacts::Purpose::Prove).await;
    let step = mailed(&world, crate::artefacts::Purpose::Step).await;
    world.auth.resend_proof(proof.id, &here).await.unwrap();
    world.auth.resend_code(step.id, &here).await.unwrap();
    for (artefact, name) in [(proof, "prove"), (step, "step")] {
        let again = world.mail(name).await;
        for evidence in artefact.forms() {
            assert_ne!(show(&world, artefact.purpose, &evidence).await, Answer::Good, "{artefact:?}");
        }
        let evidence = crate::people::code(artefact.id, &again.code());
        assert_eq!(show(&world, artefact.purpose, &evidence).await, Answer::Good, "{artefact:?}");
    }
}
