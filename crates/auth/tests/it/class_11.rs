//! Class 11: a step skipped, taken out of order, empty, or twice.

use auth::{Credential, Evidence, SignedIn, StepError};
use domain::ArtefactId;

use crate::artefacts::{Answer, EVERY, Purpose, mailed, show};
use crate::people::{browser, code, email, password, wrong};
use crate::world::{OTHER, PASSWORD, World};

#[tokio::test]
async fn class_11_nothing_and_nonsense_open_nothing() {
    let world = World::with(|settings| settings.limits.network_failures = 1_000).await;
    mailed(&world, Purpose::Prove).await;
    mailed(&world, Purpose::Step).await;
    let nobody = ArtefactId(auth::Random::system().opaque_id());
    let sessions = world.count("sessions").await;
    for purpose in EVERY {
        for text in ["", " ", "000000", "\0", "٠٠٠٠٠٠", "1e5", "null", &"0".repeat(10_000)] {
            let link = Evidence::Link { token: text.to_owned() };
            for evidence in [code(nobody, text), code(ArtefactId::from(uuid_nil()), text), link] {
                assert_eq!(show(&world, purpose, &evidence).await, Answer::Gone, "{purpose:?} {text:?}");
            }
        }
    }
    assert_eq!(world.count("sessions").await, sessions);
}

fn uuid_nil() -> uuid::Uuid {
    uuid::Uuid::nil()
}

#[tokio::test]
async fn class_11_an_empty_code_is_a_wrong_code() {
    for purpose in EVERY {
        let world = World::new().await;
        let artefact = mailed(&world, purpose).await;
        for (text, left) in [("", 4), (" ", 3), (&artefact.code[..5], 2)] {
            let answer = show(&world, purpose, &code(artefact.id, text)).await;
            assert_eq!(answer, Answer::Wrong(left), "{purpose:?} {text:?}");
        }
        // As mails wrap it, and people type it.
        let spaced = format!(" {} {} ", &artefact.code[..3], &artefact.code[3..]);
        assert_eq!(show(&world, purpose, &code(artefact.id, &spaced)).await, Answer::Good, "{purpose:?}");
    }
}

#[tokio::test]
async fn class_11_a_second_step_needs_its_own_first() {
    let world = World::new().await;
    world.account_with_second_step("ana", &browser(1)).await;
    let attempt = world.attempt("ana", PASSWORD, &browser(1)).await;
    let mailed = world.mail("ana").await.code();
    for elsewhere in [browser(2), auth::Context { browser: None, ..browser(1) }] {
        assert!(world.auth.pending_step(attempt, &elsewhere).await.unwrap().is_none());
        let refused = world.auth.second_step(attempt, &mailed, None, &elsewhere).await;
        assert!(matches!(refused, Err(StepError::Evidence(_))), "{refused:?}");
        assert!(world.auth.resend_code(attempt, &elsewhere).await.is_err());
    }
    let refused = world.auth.second_step(attempt, &mailed, Some(&email("eve")), &browser(1)).await;
    assert!(matches!(refused, Err(StepError::Evidence(_))), "another's address: {refused:?}");
    let another = world.attempt("ana", PASSWORD, &browser(1)).await;
    let other_code = world.mail("ana").await.code();
    if other_code != mailed {
        let refused = world.auth.second_step(another, &mailed, None, &browser(1)).await;
        assert!(matches!(refused, Err(StepError::Evidence(_))), "another attempt's code: {refused:?}");
    }
    world.auth.second_step(attempt, &mailed, Some(&email("ana")), &browser(1)).await.unwrap();
}

#[tokio::test]
async fn class_11_the_first_step_alone_opens_no_session() {
    let world = World::new().await;
    world.account_with_second_step("ana", &browser(1)).await;
    let before = world.count("sessions").await;
    let attempt = world.attempt("ana", PASSWORD, &browser(1)).await;
    let refused =
        world.auth.second_step(attempt, &wrong(&world.mail("ana").await.code()), None, &browser(1)).await;
    assert!(refused.is_err());
    assert_eq!(world.count("sessions").await, before);
}

#[tokio::test]
async fn class_11_recovery_opens_no_session_and_keeps_the_second_step() {
    let world = World::new().await;
    world.account_with_second_step("ana", &browser(1)).await;
    let stale = world.attempt("ana", PASSWORD, &browser(1)).await;
    let stale_code = world.mail("ana").await.code();
    world.auth.request_reset(&email("ana"), None, &browser(2)).await.unwrap();
    let link = world.mail("ana").await.link();
    world.auth.reset_password(&link, &password(OTHER), &browser(2)).await.unwrap();
    world.mails("ana").await;
    assert_eq!(world.count("sessions").await, 0);
    let refused = world.auth.second_step(stale, &stale_code, None, &browser(1)).await;
    assert!(matches!(refused, Err(StepError::Evidence(_))), "an attempt with the old password: {refused:?}");
    let signed_in = world.sign_in("ana", OTHER, &browser(2)).await.unwrap();
    assert!(matches!(signed_in, SignedIn::SecondStep { .. }), "{signed_in:?}");
}

#[tokio::test]
async fn class_11_another_password_withdraws_whatever_is_under_way() {
    for with_second_step_off in [false, true] {
        let world = World::new().await;
        world.account("ana", &browser(1)).await;
        let here = browser(1);
        let current = world.signed_in("ana", &here).await;
        let session = world.auth.enable_second_step(&current, &here).await.unwrap();
        let current = world.current(&session).await.unwrap();
        world.mails("ana").await;
        let attempt = world.attempt("ana", PASSWORD, &browser(6)).await;
        let mailed = world.mail("ana").await.code();
        world.auth.request_reset(&email("ana"), None, &browser(6)).await.unwrap();
        let reset = world.mail("ana").await.link();
        world.auth.request_email_change(&current, &email("eve"), &here).await.unwrap();
        let (old, new) = (world.mail("ana").await.link(), world.mail("eve").await.link());
        let (present, next) = (password(PASSWORD), password(OTHER));
        let session = if with_second_step_off {
            world.auth.disable_second_step(&current, &present, Some(&next), &here).await.unwrap()
        } else {
            world.auth.change_password(&current, &present, &next, &here).await.unwrap()
        };
        let current = world.current(&session).await.unwrap();
        let refused = world.auth.second_step(attempt, &mailed, None, &browser(6)).await;
        assert!(matches!(refused, Err(StepError::Evidence(_))), "{refused:?}");
        assert!(world.auth.reset_password(&reset, &present, &browser(6)).await.is_err());
        assert!(world.auth.email_change(&current).await.unwrap().is_none());
        for (side, link) in [(auth::Side::Old, old), (auth::Side::New, new)] {
            assert!(world.auth.confirm_email_change(side, &link, None, &browser(6)).await.is_err());
        }
        assert_eq!(world.count("artefacts").await, 0);
    }
}

#[tokio::test]
async fn class_11_an_address_moves_when_both_ends_agreed_and_not_before() {
    for first in [Purpose::Old, Purpose::New] {
        let world = World::new().await;
        let artefact = mailed(&world, first).await;
        let name = format!("{first:?}").to_lowercase();
        let current = world.signed_in(&name, &browser(1)).await;
        assert_eq!(show(&world, first, &artefact.by_code()).await, Answer::Good);
        assert_eq!(world.signed_in(&name, &browser(1)).await.email, email(&name), "{first:?} alone");
        assert!(world.auth.cancel_email_change(&current, &browser(1)).await.unwrap());
        assert!(!world.auth.cancel_email_change(&current, &browser(1)).await.unwrap(), "none is under way");
        assert!(world.auth.email_change(&current).await.unwrap().is_none());
        let (side, other) = match first {
            Purpose::Old => (auth::Side::New, format!("{name}.next")),
            _ => (auth::Side::Old, name.clone()),
        };
        let late = world.mail(&other).await.link();
        assert!(world.auth.confirm_email_change(side, &late, None, &browser(1)).await.is_err(), "given up");
    }
}

/// Issue 5: an operator who took the second step away left a password of eight characters alone.
#[tokio::test]
async fn class_11_a_password_that_is_long_enough_behind_a_second_step_only_is_never_alone() {
    const SHORT: &str = "q7Vd-kx2";
    let world = World::new().await;
    let here = browser(1);
    let mut form = crate::people::form("ana", SHORT);
    form.second_step = true;
    world.auth.sign_up(form, &here).await.unwrap();
    let link = world.mail("ana").await.link();
    world.auth.prove_address(&link, &Credential::Browser, &here).await.unwrap();
    world.account_with_second_step("bea", &here).await;
    let trail = world.auth.audit_trail();
    for name in ["ana", "bea"] {
        let reset = auth::PersonAct::ResetSecondStep;
        assert!(world.auth.act_on_person(&trail, email(name).address(), reset).await.unwrap().1);
        world.mails(name).await;
    }
    // One that is long enough alone is.
    world.session("bea", PASSWORD, &here).await;
    assert!(world.mails("bea").await.is_empty());
    // The other has a code asked for, however often, until its owner has set another.
    let mut current = None;
    for _ in 0..2 {
        let attempt = world.attempt("ana", SHORT, &here).await;
        let code = world.mail("ana").await.code();
        let stepped = world.auth.second_step(attempt, &code, None, &here).await.unwrap();
        current = world.current(&stepped.session).await;
    }
    let current = current.unwrap();
    let (present, short) = (password(SHORT), password("w3-Rzm8p"));
    let refused = world.auth.change_password(&current, &present, &short, &here).await;
    let Err(auth::PasswordChangeError::Weak(domain::Weakness::TooShort { minimum: 15 })) = refused else {
        panic!("{refused:?}");
    };
    world.auth.change_password(&current, &present, &password(PASSWORD), &here).await.unwrap();
    world.session("ana", PASSWORD, &here).await;
}

#[tokio::test]
async fn class_11_proving_twice_changes_nothing_the_second_time() {
    let world = World::new().await;
    world.sign_up("ana", PASSWORD, &browser(1)).await;
    let first = world.mail("ana").await.link();
    world.sign_up("ana", OTHER, &browser(6)).await;
    let second = world.mail("ana").await.link();
    world.auth.prove_address(&first, &Credential::Browser, &browser(1)).await.unwrap();
    let fresh = Credential::NewPassword(password(OTHER));
    for credential in [Credential::Browser, fresh] {
        assert!(world.auth.prove_address(&second, &credential, &browser(6)).await.is_err());
    }
    world.session("ana", PASSWORD, &browser(1)).await;
}

#[tokio::test]
async fn class_11_a_password_alone_makes_no_session_behind_a_second_step_fresh() {
    let world = World::new().await;
    world.account_with_second_step("ana", &browser(1)).await;
    let attempt = world.attempt("ana", PASSWORD, &browser(1)).await;
    let code = world.mail("ana").await.code();
    let session = world.auth.second_step(attempt, &code, None, &browser(1)).await.unwrap().session;
    let before = world.current(&session).await.unwrap();
    world.turn(std::time::Duration::from_mins(9));
    let (present, new) = (password(PASSWORD), password(OTHER));
    let session = world.auth.change_password(&before, &present, &new, &browser(1)).await.unwrap();
    let after = world.current(&session).await.unwrap();
    assert_eq!(
        (after.proved_at, &after.proofs),
        (before.proved_at, &before.proofs),
        "nothing was proved anew"
    );
    world.turn(std::time::Duration::from_mins(2));
    let refused = world.auth.change_password(&after, &new, &present, &browser(1)).await;
    assert!(matches!(refused, Err(auth::PasswordChangeError::NotFresh)), "{refused:?}");
}

#[tokio::test]
async fn class_11_a_reset_does_not_leave_a_short_password_alone() {
    let world = World::new().await;
    world.account_with_second_step("ana", &browser(1)).await;
    world.auth.request_reset(&email("ana"), None, &browser(2)).await.unwrap();
    let link = world.mail("ana").await.link();
    let owner =
        store::emails::owner(&mut world.store.look().await.unwrap(), &email("ana")).await.unwrap().unwrap();
    // Written and not committed before the reset begins, which then has to wait here: begun later, or not in the account's turn, it
    // could come too late.
    let turn = [store::Turn::Account(owner.user_id.into())];
    let mut tx = world.store.begin_in_turn(&turn).await.unwrap();
    store::users::set_second_step(&mut tx, owner.user_id.into(), false, world.auth.now()).await.unwrap();
    // It reads the clock for the link and its limit, and again when it begins to write.
    let halfway = world.clock_read(2);
    let auth = world.auth.clone();
    let resetting =
        tokio::spawn(
            async move { auth.reset_password(&link, &password("short and 2nd"), &browser(2)).await },
        );
    halfway.await;
    tx.commit().await.unwrap();
    assert!(resetting.await.unwrap().is_err());
    world.session("ana", PASSWORD, &browser(1)).await;
}
