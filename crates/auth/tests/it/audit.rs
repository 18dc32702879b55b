//! The trail of what was done: what is in it, in which order, and for how long.

use std::time::Duration;

use auth::{Link, VerifyError};

use crate::artefacts::{Purpose, mailed, show};
use crate::people::{browser, email, password};
use crate::world::{OTHER, PASSWORD, World};

/// A world whose trail has a dozen entries, all sealed.
pub(crate) async fn busy() -> World {
    let world = World::new().await;
    world.account("ana", &browser(1)).await;
    for _ in 0..5 {
        world.turn(Duration::from_hours(24));
        world.session("ana", PASSWORD, &browser(1)).await;
        world.turn(Duration::from_millis(1));
        let _ = world.sign_in("ana", "not it", &browser(2)).await;
    }
    seal(&world).await;
    world
}

pub(crate) async fn seal(world: &World) {
    while world.auth.audit_trail().seal().await.unwrap() > 0 {}
}

#[tokio::test]
async fn every_act_is_in_the_trail_and_the_trail_holds() {
    let world = busy().await;
    let trail = world.auth.audit_trail();
    let head = trail.verify(None).await.unwrap();
    assert_eq!((head.number, head.mac.len()), (12, 32));
    assert_eq!(trail.verify(Some(&head)).await.unwrap(), head);
    let entries = trail.newest(None, None, 100).await.unwrap();
    let acts: Vec<_> =
        entries.iter().rev().map(|entry| (entry.act.as_str(), entry.outcome.as_str())).collect();
    assert_eq!(acts[..2], [("sign_up", "done"), ("prove_address", "done")]);
    assert_eq!(acts.iter().filter(|act| **act == ("sign_in", "done")).count(), 5);
    assert_eq!(acts.iter().filter(|act| **act == ("sign_in", "refused")).count(), 5);
    assert!(entries.iter().all(|entry| entry.subject.is_some() && entry.support_id == "support"));
    assert_eq!(entries[0].network, "203.0.2.0/24");
    seal(&world).await;
    assert_eq!(trail.verify(None).await.unwrap().number, 12, "sealing twice adds nothing");
}

/// Entries of one millisecond were once sealed in the order of their random bits.
#[tokio::test]
async fn entries_are_sealed_in_the_order_they_were_written_whatever_the_clock_does() {
    let world = World::new().await;
    // Of several, each knows the order of its own.
    if world.auth.are_several() {
        return;
    }
    world.account("ana", &browser(1)).await;
    seal(&world).await;
    let before = world.auth.audit_trail().verify(None).await.unwrap().number;
    let mut expected = Vec::new();
    for round in 0..12 {
        let refused = round % 3 == 0;
        let secret = if refused { "not it at all" } else { PASSWORD };
        let _ = world.sign_in("ana", secret, &browser(1)).await;
        expected.push(if refused { "refused" } else { "done" });
        match round {
            5 => world.turn_back(Duration::from_hours(1)),
            8 => world.turn(Duration::from_hours(2)),
            _ => {}
        }
    }
    seal(&world).await;
    let trail = world.auth.audit_trail();
    assert_eq!(trail.verify(None).await.unwrap().number, before + 12);
    let entries = trail.newest(None, None, 12).await.unwrap();
    let sealed: Vec<_> = entries.iter().rev().map(|entry| entry.outcome.as_str()).collect();
    assert_eq!(sealed, expected);
}

const DAY: Duration = Duration::from_hours(24);

#[tokio::test]
async fn a_clock_that_jumps_forward_a_year_does_not_empty_the_trail() {
    let world = World::new().await;
    let trail = world.auth.audit_trail();
    world.account("ana", &browser(1)).await;
    for _ in 0..40 {
        world.turn(DAY);
        world.session("ana", PASSWORD, &browser(1)).await;
        seal(&world).await;
        assert_eq!(trail.prune(DAY * 60, world.auth.now()).await.unwrap(), 0);
    }
    let whole = world.count("audit").await;
    world.turn(DAY * 365);
    assert_eq!(trail.prune(DAY * 60, world.auth.now()).await.unwrap(), 0, "nobody used it since");
    world.session("ana", PASSWORD, &browser(1)).await;
    seal(&world).await;
    assert_eq!(trail.prune(DAY * 60, world.auth.now()).await.unwrap(), 8, "seven days and what began them");
    for _ in 0..22 {
        world.turn(Duration::from_hours(1));
        assert_eq!(trail.prune(DAY * 60, world.auth.now()).await.unwrap(), 0, "once a day");
    }
    world.turn_back(DAY * 366);
    world.session("ana", PASSWORD, &browser(1)).await;
    seal(&world).await;
    for _ in 0..3 {
        assert_eq!(trail.prune(DAY * 60, world.auth.now()).await.unwrap(), 0, "the clock is right again");
        world.turn(DAY);
    }
    assert_eq!(world.count("audit").await, whole + 2 - 8);
    trail.verify(None).await.unwrap();
}

/// Pruning once went up to the last entry that was old enough, over everything before it.
#[tokio::test]
async fn an_entry_written_while_the_clock_was_behind_takes_none_with_it() {
    let world = busy().await;
    world.turn_back(DAY * 5000);
    world.session("ana", PASSWORD, &browser(1)).await;
    world.turn(DAY * 5000);
    world.session("ana", PASSWORD, &browser(1)).await;
    seal(&world).await;
    assert_eq!(world.auth.audit_trail().prune(DAY * 400, world.auth.now()).await.unwrap(), 0);
}

#[tokio::test]
async fn pruning_leaves_a_trail_that_holds() {
    let world = busy().await;
    let trail = world.auth.audit_trail();
    let whole = trail.verify(None).await.unwrap();
    let now = world.auth.now();
    // Day 0 has two entries and each day after it two more.
    assert_eq!(trail.prune(Duration::from_hours(60), now).await.unwrap(), 6);
    assert_eq!(trail.verify(Some(&whole)).await.unwrap(), whole);
    let later = now.plus(DAY);
    assert_eq!(trail.prune(Duration::from_hours(60), later).await.unwrap(), 0);
    assert_eq!(trail.prune(Duration::ZERO, later).await.unwrap(), 5, "the newest entry is never pruned");
    assert_eq!(trail.verify(Some(&whole)).await.unwrap(), whole);
    let pruned = Link { number: 3, mac: vec![0; 32] };
    let seen = trail.verify(Some(&pruned)).await;
    assert!(matches!(seen, Err(VerifyError::Pruned { first: 11, expected: 3 })), "{seen:?}");
    world.session("ana", PASSWORD, &browser(1)).await;
    seal(&world).await;
    assert_eq!(trail.verify(Some(&whole)).await.unwrap().number, 13);
    assert_eq!(world.count("audit_checkpoints").await, 1);
    for column in ["number = number - 1", "mac = randomblob(32)", "at = at + 1", "signature = zeroblob(32)"] {
        world.tamper("CREATE TABLE kept AS SELECT * FROM audit_checkpoints").await;
        world.tamper(&format!("UPDATE audit_checkpoints SET {column}")).await;
        let seen = trail.verify(None).await;
        assert!(matches!(seen, Err(VerifyError::Checkpoint { .. })), "{column}: {seen:?}");
        world.tamper("DELETE FROM audit_checkpoints").await;
        world.tamper("INSERT INTO audit_checkpoints SELECT * FROM kept").await;
        world.tamper("DROP TABLE kept").await;
    }
    world.tamper("DELETE FROM audit_checkpoints").await;
    assert!(trail.verify(None).await.is_err(), "the beginning is missing and nothing says why");
}

#[tokio::test]
async fn a_deleted_account_leaves_a_trail_that_names_nobody() {
    let world = busy().await;
    let current = world.signed_in("ana", &browser(1)).await;
    world.turn(Duration::from_millis(1));
    world.auth.delete_account(&current, &password(PASSWORD), &browser(1)).await.unwrap();
    seal(&world).await;
    assert_eq!(world.auth.audit_trail().verify(None).await.unwrap().number, 14);
    assert_eq!((world.count("audit_people").await, world.count("users").await), (0, 0));
    let entries = world.auth.audit_trail().newest(None, None, 1).await.unwrap();
    assert_eq!(entries[0].act, "delete_account");
    let listed = world.auth.audit_trail().list(None, None, 100).await.unwrap();
    assert!(listed.iter().all(|listed| listed.address.is_none() && listed.sealed && !listed.exchanged));
    let leaks =
        "SELECT count(*) FROM audit WHERE detail LIKE '%@%' OR support_id LIKE '%@%' OR network LIKE '%@%'";
    assert_eq!(world.number(leaks).await, 0);
}

#[tokio::test]
async fn what_cannot_be_recorded_is_not_done() {
    let world = World::new().await;
    world.account("ana", &browser(1)).await;
    let current = world.signed_in("ana", &browser(1)).await;
    let (sessions, mails) = (world.count("sessions").await, world.count("outbox").await);
    world.backend.refuse_rows("audit").await;
    let auth = &world.auth;
    assert!(world.sign_in("ana", PASSWORD, &browser(1)).await.is_err());
    assert!(auth.sign_out(&current, &browser(1)).await.is_err());
    assert!(auth.request_reset(&email("ana"), None, &browser(1)).await.is_err());
    assert!(auth.enable_second_step(&current, &browser(1)).await.is_err());
    assert!(auth.delete_account(&current, &password(PASSWORD), &browser(1)).await.is_err());
    let change = auth.change_password(&current, &password(PASSWORD), &password(OTHER), &browser(1)).await;
    assert!(change.is_err());
    assert!(auth.sign_up(crate::people::form("ben", PASSWORD), &browser(1)).await.is_err());
    world.backend.take_rows("audit").await;
    assert_eq!((world.count("sessions").await, world.count("outbox").await), (sessions, mails));
    assert_eq!((world.count("users").await, world.count("artefacts").await), (1, 0));
    assert!(!world.signed_in("ana", &browser(1)).await.second_step);
}

#[tokio::test]
async fn what_is_not_done_is_not_recorded() {
    let world = World::new().await;
    let step = mailed(&world, Purpose::Step).await;
    let before = world.count("audit").await;
    world.backend.refuse_rows("sessions").await;
    show(&world, Purpose::Step, &step.by_code()).await;
    assert_eq!(world.count("audit").await, before);
    world.backend.take_rows("sessions").await;
    assert_eq!(show(&world, Purpose::Step, &step.by_code()).await, crate::artefacts::Answer::Good);
    assert_eq!(world.count("audit").await, before + 1);
    show(&world, Purpose::Step, &step.by_code()).await;
    assert_eq!(world.count("audit").await, before + 1, "of two that take one step, one is in the trail");
}

/// They were told of as her own acts, or of as nobody's.
#[tokio::test]
async fn what_a_stranger_asks_for_is_not_said_to_be_the_owner_s_act_and_is_found_by_the_owner() {
    let world = World::new().await;
    world.account("ana", &browser(1)).await;
    let (auth, eve) = (&world.auth, browser(9));
    let decoy = world.sign_up("ana", OTHER, &eve).await.proof;
    auth.resend_proof(decoy, &eve).await.unwrap();
    let guess = crate::people::code(decoy, "000000");
    assert!(auth.prove_address(&guess, &auth::Credential::Browser, &eve).await.is_err());
    auth.request_reset(&email("ana"), None, &eve).await.unwrap();
    auth.request_reset(&email("nobody"), None, &eve).await.unwrap();
    seal(&world).await;
    let newest = auth.audit_trail().newest(None, None, 100).await.unwrap();
    let ana = newest.iter().find(|entry| entry.act == "prove_address" && entry.outcome == "done").unwrap();
    let ana = ana.subject.unwrap();
    let mut told: Vec<_> = newest
        .iter()
        .filter(|entry| entry.network == eve.network.to_string())
        .map(|entry| (&*entry.act, &*entry.outcome, entry.actor, entry.subject))
        .collect();
    // Of several processes, each knows the order of its own.
    told.sort_unstable();
    assert_eq!(
        told,
        [
            ("prove_address", "refused", None, Some(ana)),
            ("request_reset", "done", None, None),
            ("request_reset", "done", None, Some(ana)),
            ("resend_proof", "done", None, Some(ana)),
            ("sign_up", "done", None, Some(ana)),
        ]
    );
}

/// It vanished without a word: by the janitor, or when somebody else proved its address.
#[tokio::test]
async fn the_end_of_an_account_that_was_never_proved_is_in_the_trail() {
    let week = std::time::Duration::from_hours(24 * 7 + 1);
    let ends = "SELECT count(*) FROM audit WHERE act = 'delete_account' AND outcome = 'done' AND subject IS NOT NULL";
    let world = World::new().await;
    world.account("ana", &browser(1)).await;
    world.sign_up("never", PASSWORD, &browser(1)).await;
    // What stands beside a sign-up by a taken address is nobody's.
    world.sign_up("ana", PASSWORD, &browser(2)).await;
    world.turn(week);
    while world.auth.clean().await.unwrap() > 0 {}
    assert_eq!(world.number(&format!("{ends} AND actor IS NULL AND network = 'server'")).await, 1);
    assert_eq!(world.number(ends).await, 1);

    world.sign_up("shared", PASSWORD, &browser(2)).await;
    let current = world.signed_in("ana", &browser(1)).await;
    world.mails("shared").await;
    world.auth.request_email_change(&current, &email("shared"), &browser(1)).await.unwrap();
    for (side, name) in [(auth::Side::Old, "ana"), (auth::Side::New, "shared")] {
        let link = world.mail(name).await.link();
        world.auth.confirm_email_change(side, &link, None, &browser(1)).await.unwrap();
    }
    assert_eq!(world.number(&format!("{ends} AND actor IS NOT NULL AND actor <> subject")).await, 1);
    seal(&world).await;
    world.auth.audit_trail().verify(None).await.unwrap();
}

#[tokio::test]
async fn every_refusal_of_a_credential_is_recorded() {
    let world = World::with(|settings| settings.accounts.require_proof = false).await;
    let here = browser(1);
    world.sign_up("ana", PASSWORD, &here).await;
    let proof = world.mail("ana").await.link();
    let current = world.signed_in("ana", &here).await;
    let (auth, not_it) = (&world.auth, password("not it"));
    let prove = auth.prove_address(&proof, &auth::Credential::Password(not_it.clone()), &here).await;
    assert!(prove.is_err());
    assert!(world.sign_in("ana", "not it", &here).await.is_err());
    assert!(auth.change_password(&current, &not_it, &password(OTHER), &here).await.is_err());
    assert!(auth.disable_second_step(&current, &not_it, None, &here).await.is_err());
    assert!(auth.delete_account(&current, &not_it, &here).await.is_err());
    let refused =
        "SELECT count(*) FROM audit WHERE outcome = 'refused' AND detail = 'password' AND actor IS NULL
                   AND subject IS NOT NULL";
    assert_eq!(world.number(refused).await, 5);
    for purpose in crate::artefacts::EVERY {
        let world = World::new().await;
        let artefact = mailed(&world, purpose).await;
        let codes = "SELECT count(*) FROM audit WHERE outcome = 'refused' AND detail = 'code'
                     AND actor IS NULL AND subject IS NOT NULL";
        assert_eq!(world.number(codes).await, 0, "{purpose:?}");
        show(&world, purpose, &crate::people::code(artefact.id, "no code")).await;
        assert_eq!(world.number(codes).await, 1, "{purpose:?}");
    }
}

#[tokio::test]
async fn another_key_does_not_go_on_with_the_trail() {
    let world = busy().await;
    assert!(world.auth.audit_trail().is_its_key().await.unwrap());
    let other = auth::AuditTrail::new(world.store.clone(), [8; 32]);
    assert!(!other.is_its_key().await.unwrap());
    let before = world.auth.audit_trail().verify(None).await.unwrap();
    let number = other.begin_anew(&auth::Random::system(), world.auth.now()).await.unwrap();
    assert_eq!(number, before.number);
    assert!(other.is_its_key().await.unwrap());
    assert_eq!(other.verify(None).await.unwrap().number, before.number + 1, "the entry that says so");
    assert_eq!(other.newest(None, None, 100).await.unwrap().len(), usize::try_from(number + 1).unwrap());
    assert!(!world.auth.audit_trail().is_its_key().await.unwrap(), "there is no way back");
}

#[tokio::test]
async fn any_key_is_that_of_an_empty_trail_and_a_pruned_one_knows_its_own() {
    let world = World::new().await;
    let other = auth::AuditTrail::new(world.store.clone(), [8; 32]);
    assert!(other.is_its_key().await.unwrap());
    let world = busy().await;
    world.tamper("DELETE FROM audit WHERE number IS NOT NULL AND number < 12").await;
    let checkpoint =
        "INSERT INTO audit_checkpoints (number, mac, at, signature) VALUES (11, zeroblob(1), 0, zeroblob(1))";
    world.tamper(checkpoint).await;
    assert!(!world.auth.audit_trail().is_its_key().await.unwrap(), "nor does a forged beginning help");
}
