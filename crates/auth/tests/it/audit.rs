//! The trail of what was done, and whoever would change it.

use std::time::Duration;

use auth::{Link, VerifyError};

use crate::artefacts::{Purpose, mailed, show};
use crate::people::{browser, email, password};
use crate::world::{OTHER, PASSWORD, World};

/// A world whose trail has a dozen entries, all sealed.
async fn busy() -> World {
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

async fn seal(world: &World) {
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

#[tokio::test]
async fn a_change_of_any_entry_in_any_column_is_seen() {
    let world = busy().await;
    let trail = world.auth.audit_trail();
    let head = trail.verify(None).await.unwrap();
    let columns = [
        ("id", "randomblob(16)"),
        ("at", "at + 1"),
        ("act", "'sign_out'"),
        ("outcome", "outcome || 'x'"),
        ("actor", "randomblob(16)"),
        ("subject", "randomblob(16)"),
        ("network", "'10.0.0.0/24'"),
        ("support_id", "''"),
        ("detail", "detail || 'x'"),
        ("mac", "randomblob(32)"),
        ("mac", "NULL"),
    ];
    for number in 1..=12 {
        for (column, value) in columns {
            world.tamper("DROP TABLE IF EXISTS kept").await;
            world.tamper("CREATE TABLE kept AS SELECT * FROM audit").await;
            let change = format!("UPDATE audit SET {column} = {value} WHERE number = {number}");
            assert_eq!(world.tamper(&change).await, 1);
            let seen = trail.verify(None).await;
            assert!(
                matches!(seen, Err(VerifyError::Changed { number: n }) if n == number),
                "{change}: {seen:?}"
            );
            world.tamper("DELETE FROM audit").await;
            world.tamper("INSERT INTO audit SELECT * FROM kept").await;
        }
    }
    assert_eq!(trail.verify(None).await.unwrap(), head);
}

#[tokio::test]
async fn a_missing_entry_is_seen() {
    for number in 1..=11 {
        let world = busy().await;
        world.tamper(&format!("DELETE FROM audit WHERE number = {number}")).await;
        let seen = world.auth.audit_trail().verify(None).await;
        assert!(matches!(seen, Err(VerifyError::Missing { number: n }) if n == number), "{seen:?}");
        // Closing the gap does not hide it.
        for later in number + 1..=12 {
            world.tamper(&format!("UPDATE audit SET number = {} WHERE number = {later}", later - 1)).await;
        }
        let seen = world.auth.audit_trail().verify(None).await;
        assert!(matches!(seen, Err(VerifyError::Changed { number: n }) if n == number), "{seen:?}");
    }
}

#[tokio::test]
async fn an_entry_too_many_is_seen() {
    let world = busy().await;
    world
        .tamper(
            "INSERT INTO audit SELECT randomblob(16), at, act, outcome, actor, subject, network, support_id, detail,
                 13, mac FROM audit WHERE number = 12",
        )
        .await;
    let seen = world.auth.audit_trail().verify(None).await;
    assert!(matches!(seen, Err(VerifyError::Changed { number: 13 })), "{seen:?}");
}

#[tokio::test]
async fn an_entry_that_no_act_wrote_is_not_sealed() {
    let world = busy().await;
    let trail = world.auth.audit_trail();
    let forge =
        "INSERT INTO audit SELECT randomblob(16), at, act, outcome, actor, subject, network, support_id,
                     'forged', NULL, mac FROM audit WHERE number = 12";
    world.tamper(forge).await;
    assert_eq!(trail.seal().await.unwrap(), 0);
    let seen = trail.verify(None).await;
    assert!(matches!(seen, Err(VerifyError::Forged { .. })), "{seen:?}");
    world.session("ana", PASSWORD, &browser(1)).await;
    assert_eq!(trail.seal().await.unwrap(), 1, "it stops nobody else's entry");
    world.tamper("DELETE FROM audit WHERE number IS NULL").await;
    assert_eq!(trail.verify(None).await.unwrap().number, 13);
}

#[tokio::test]
async fn an_entry_taken_out_of_the_chain_to_be_changed_is_not_sealed_again() {
    for number in [1, 12] {
        let world = busy().await;
        let trail = world.auth.audit_trail();
        let unseal = format!("UPDATE audit SET number = NULL, outcome = 'x' WHERE number >= {number}");
        world.tamper(&unseal).await;
        for mac in ["mac", "NULL", "zeroblob(32)"] {
            world.tamper(&format!("UPDATE audit SET mac = {mac} WHERE number IS NULL")).await;
            assert_eq!(trail.seal().await.unwrap(), 0, "{mac}");
            assert!(trail.verify(None).await.is_err(), "{mac}");
        }
    }
}

#[tokio::test]
async fn two_entries_in_each_others_place_are_seen() {
    let world = busy().await;
    for (from, to) in [(3, -1), (4, 3), (-1, 4)] {
        world.tamper(&format!("UPDATE audit SET number = {to} WHERE number = {from}")).await;
    }
    let seen = world.auth.audit_trail().verify(None).await;
    assert!(matches!(seen, Err(VerifyError::Changed { number: 3 })), "{seen:?}");
}

#[tokio::test]
async fn a_trail_cut_short_is_seen_by_whoever_knows_how_long_it_was() {
    let world = busy().await;
    let trail = world.auth.audit_trail();
    let head = trail.verify(None).await.unwrap();
    world.tamper("DELETE FROM audit WHERE number > 9").await;
    assert_eq!(trail.verify(None).await.unwrap().number, 9);
    let seen = trail.verify(Some(&head)).await;
    assert!(matches!(seen, Err(VerifyError::Truncated { head: 9, expected: 12 })), "{seen:?}");
}

#[tokio::test]
async fn another_key_does_not_verify() {
    let world = busy().await;
    let seen = auth::AuditTrail::new(world.store.clone(), [8; 32]).verify(None).await;
    assert!(matches!(seen, Err(VerifyError::Changed { number: 1 })), "{seen:?}");
}

#[tokio::test]
async fn a_history_written_anew_is_seen_by_whoever_kept_the_end_of_the_old() {
    let world = busy().await;
    let trail = world.auth.audit_trail();
    let kept = trail.verify(None).await.unwrap();
    world.session("ana", PASSWORD, &browser(1)).await;
    seal(&world).await;
    assert_eq!(trail.verify(Some(&kept)).await.unwrap().number, 13, "it went on from there");
    // Whoever holds database and key takes one entry out and has the rest sealed anew.
    let stolen = auth::AuditTrail::new(world.store.clone(), [7; 32]);
    world.tamper("DELETE FROM audit WHERE number = 4 OR number > 4").await;
    for _ in 0..9 {
        world.session("ana", PASSWORD, &browser(1)).await;
        world.turn(Duration::from_millis(1));
    }
    while stolen.seal().await.unwrap() > 0 {}
    assert_eq!(stolen.verify(None).await.unwrap().number, 12, "by itself it looks whole");
    let seen = stolen.verify(Some(&kept)).await;
    assert!(matches!(seen, Err(VerifyError::Rewritten { number: 12 })), "{seen:?}");
    let start = Link { number: 0, mac: Vec::new() };
    assert_eq!(stolen.verify(Some(&start)).await.unwrap().number, 12, "who kept nothing knows nothing");
}

#[tokio::test]
async fn a_page_of_forged_rows_does_not_keep_an_honest_entry_from_being_sealed() {
    let world = busy().await;
    let trail = world.auth.audit_trail();
    let forge = "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
                 INSERT INTO audit SELECT unhex(printf('%032x', i)), at, act, outcome, actor, subject, network,
                     support_id, 'forged', NULL, mac FROM n, audit WHERE number = 12";
    assert_eq!(world.tamper(forge).await, 501);
    assert_eq!(trail.seal().await.unwrap(), 0);
    world.session("ana", PASSWORD, &browser(1)).await;
    assert_eq!(trail.seal().await.unwrap(), 1);
    assert_eq!(world.number("SELECT count(*) FROM audit WHERE number = 13 AND detail != 'forged'").await, 1);
    // The last id there can be is looked at as well.
    world.tamper("DELETE FROM audit WHERE detail = 'forged' AND id != unhex(printf('%032x', 500))").await;
    world
        .tamper("UPDATE audit SET id = unhex('ffffffffffffffffffffffffffffffff') WHERE detail = 'forged'")
        .await;
    assert!(matches!(trail.verify(None).await, Err(VerifyError::Forged { .. })));
}

/// Entries of one millisecond were once sealed in the order of their random bits.
#[tokio::test]
async fn entries_are_sealed_in_the_order_they_were_written_whatever_the_clock_does() {
    let world = World::new().await;
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
    world.tamper("CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'full'); END").await;
    let auth = &world.auth;
    assert!(world.sign_in("ana", PASSWORD, &browser(1)).await.is_err());
    assert!(auth.sign_out(&current, &browser(1)).await.is_err());
    assert!(auth.request_reset(&email("ana"), &browser(1)).await.is_err());
    assert!(auth.enable_second_step(&current, &browser(1)).await.is_err());
    assert!(auth.delete_account(&current, &password(PASSWORD), &browser(1)).await.is_err());
    let change = auth.change_password(&current, &password(PASSWORD), &password(OTHER), &browser(1)).await;
    assert!(change.is_err());
    assert!(auth.sign_up(crate::people::form("ben", PASSWORD), &browser(1)).await.is_err());
    world.tamper("DROP TRIGGER full").await;
    assert_eq!((world.count("sessions").await, world.count("outbox").await), (sessions, mails));
    assert_eq!((world.count("users").await, world.count("artefacts").await), (1, 0));
    assert!(!world.signed_in("ana", &browser(1)).await.second_step);
}

#[tokio::test]
async fn what_is_not_done_is_not_recorded() {
    let world = World::new().await;
    let step = mailed(&world, Purpose::Step).await;
    let before = world.count("audit").await;
    world
        .tamper("CREATE TRIGGER full BEFORE INSERT ON sessions BEGIN SELECT RAISE(ABORT, 'full'); END")
        .await;
    show(&world, Purpose::Step, &step.by_code()).await;
    assert_eq!(world.count("audit").await, before);
    world.tamper("DROP TRIGGER full").await;
    assert_eq!(show(&world, Purpose::Step, &step.by_code()).await, crate::artefacts::Answer::Good);
    assert_eq!(world.count("audit").await, before + 1);
    show(&world, Purpose::Step, &step.by_code()).await;
    assert_eq!(world.count("audit").await, before + 1, "of two that take one step, one is in the trail");
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
        "INSERT INTO audit_checkpoints (number, mac, at, signature) VALUES (11, x'00', 0, x'00')";
    world.tamper(checkpoint).await;
    assert!(!world.auth.audit_trail().is_its_key().await.unwrap(), "nor does a forged beginning help");
}

/// Rows with a number that is before the trail begins were once read past: verified, they did not count, and listed, they
/// looked like any other.
#[tokio::test]
async fn a_row_numbered_before_the_trail_begins_is_seen_and_not_shown_as_sealed() {
    let columns = "randomblob(16), at, act, outcome, actor, subject, network, support_id, detail";
    for prune in [false, true] {
        for (number, mac) in [(0, "mac"), (-7, "NULL"), (i64::MIN, "mac"), (3, "mac")] {
            let world = busy().await;
            let trail = world.auth.audit_trail();
            if prune {
                assert_eq!(trail.prune(Duration::from_hours(60), world.auth.now()).await.unwrap(), 6);
            } else if number > 0 {
                continue;
            }
            let whole = trail.verify(None).await.unwrap();
            let copy =
                format!("INSERT INTO audit SELECT {columns}, {number}, {mac} FROM audit WHERE number = 9");
            assert_eq!(world.tamper(&copy).await, 1);
            let seen = trail.verify(None).await;
            assert!(matches!(seen, Err(VerifyError::Outside { number: n }) if n == number), "{seen:?}");
            let listed = trail.list(None, None, 100).await.unwrap();
            let (forged, rest) = listed.split_last().unwrap();
            assert_eq!((forged.entry.number, forged.sealed), (Some(number), false));
            assert!(rest.iter().all(|listed| listed.sealed));
            world.tamper(&format!("DELETE FROM audit WHERE number = {number}")).await;
            assert_eq!(trail.verify(None).await.unwrap(), whole);
        }
    }
}

#[tokio::test]
async fn what_is_listed_as_sealed_is_what_was_sealed() {
    let world = busy().await;
    let trail = world.auth.audit_trail();
    world.tamper("UPDATE audit SET outcome = 'done' WHERE number = 12").await;
    let copy =
        "INSERT INTO audit SELECT randomblob(16), at, act, outcome, actor, subject, network, support_id,
                    detail, 40, mac FROM audit WHERE number = 9";
    world.tamper(copy).await;
    let listed = trail.list(None, None, 3).await.unwrap();
    let sealed: Vec<_> = listed.iter().map(|listed| (listed.entry.number.unwrap(), listed.sealed)).collect();
    assert_eq!(sealed, [(40, false), (12, false), (11, true)]);
}

/// Two people in each other's place once stayed unseen: the entries were whole, and each named the other.
#[tokio::test]
async fn people_in_each_others_place_are_seen_and_not_named() {
    let world = busy().await;
    world.account("eve", &browser(3)).await;
    seal(&world).await;
    let trail = world.auth.audit_trail();
    let whole = trail.verify(None).await.unwrap();
    let address = async || trail.list(None, Some(2), 1).await.unwrap().remove(0).address;
    assert_eq!(address().await.as_deref(), Some("ana@example.com"));
    world.tamper("CREATE TABLE kept AS SELECT * FROM audit_people").await;
    for changed in [
        "SELECT pseudonym, (SELECT o.user_id FROM kept o WHERE o.user_id != kept.user_id), mac FROM kept",
        "SELECT pseudonym, user_id, NULL FROM kept",
        "SELECT k.pseudonym, k.user_id, o.mac FROM kept k JOIN kept o ON o.user_id != k.user_id",
    ] {
        world.tamper("DELETE FROM audit_people").await;
        world.tamper(&format!("INSERT INTO audit_people {changed}")).await;
        let seen = trail.verify(None).await;
        assert!(matches!(seen, Err(VerifyError::Person { .. })), "{changed}: {seen:?}");
        let listed = trail.list(None, None, 100).await.unwrap();
        assert!(listed.iter().all(|listed| listed.exchanged && listed.address.is_none()), "{changed}");
    }
    world.tamper("DELETE FROM audit_people").await;
    world.tamper("INSERT INTO audit_people SELECT * FROM kept").await;
    assert_eq!(trail.verify(None).await.unwrap(), whole);
    // Whoever has lost the key vouches anew, for what is there then.
    let other = auth::AuditTrail::new(world.store.clone(), [8; 32]);
    other.begin_anew(&auth::Random::system(), world.auth.now()).await.unwrap();
    other.verify(None).await.unwrap();
    assert_eq!(other.count_unproved().await.unwrap(), whole.number);
    assert!(other.list(None, Some(2), 1).await.unwrap().iter().all(|old| !old.sealed && !old.exchanged));
}

/// A value of a type that is never written once ended a verification as a fault of the database.
#[tokio::test]
async fn a_value_of_another_type_is_a_trail_that_does_not_hold() {
    for (change, named) in [
        ("UPDATE audit SET at = 'soon' WHERE number = 5", "entry 5"),
        ("UPDATE audit SET act = x'ff' WHERE number = 1", "entry 1"),
        ("UPDATE audit SET id = 'x' WHERE number = 12", "entry 12"),
        ("UPDATE audit SET mac = 7 WHERE number = 7", "entry 7"),
        ("UPDATE audit SET subject = x'00' WHERE number = 7", "entry 7"),
        ("UPDATE audit SET number = x'00' WHERE number = 12", "entry 12"),
        ("UPDATE audit SET number = -0.5 WHERE number = 12", "an entry numbered 0 or less"),
        ("UPDATE audit SET number = NULL, at = 'soon' WHERE number = 12", "an entry that waits to be sealed"),
        ("UPDATE audit_people SET mac = 7", "who a pseudonym is"),
        (
            "INSERT INTO audit_checkpoints (number, mac, at, signature) VALUES (3, x'00', 'soon', x'00')",
            "the beginning of the trail",
        ),
    ] {
        let world = busy().await;
        assert_eq!(world.tamper(change).await, 1, "{change}");
        let seen = world.auth.audit_trail().verify(None).await;
        assert!(
            matches!(&seen, Err(VerifyError::Unreadable { what }) if what == named),
            "{change}: {seen:?}"
        );
    }
}
