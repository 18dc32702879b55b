//! Whoever would change the trail of what was done.

use std::time::Duration;

use auth::{Link, VerifyError};

use crate::audit::{busy, seal};
use crate::people::browser;
use crate::world::PASSWORD;

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
        match number {
            // All of it is changed then, as if it were under another key.
            1 => assert!(matches!(seen, Err(VerifyError::NeitherEnd)), "{seen:?}"),
            _ => {
                assert!(matches!(seen, Err(VerifyError::Changed { number: n }) if n == number), "{seen:?}");
            }
        }
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
    assert!(matches!(seen, Err(VerifyError::NeitherEnd)), "{seen:?}");
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
    let people = "SELECT * FROM audit_people WHERE user_id IN (SELECT id FROM users WHERE created_at > 0)";
    world.tamper(&format!("CREATE TABLE kept AS {people}")).await;
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
    if crate::on_postgres::is_on_postgres() {
        // There a column holds values of its type alone.
        return;
    }
    for (change, named) in [
        ("UPDATE audit SET at = 'soon' WHERE number = 5", "entry 5"),
        ("UPDATE audit SET act = x'ff' WHERE number = 1", "entry 1"),
        ("UPDATE audit SET id = 'x' WHERE number = 12", "entry 12"),
        ("UPDATE audit SET mac = 7 WHERE number = 7", "entry 7"),
        ("UPDATE audit SET subject = x'00' WHERE number = 7", "entry 7"),
        ("UPDATE audit SET number = x'00' WHERE number = 12", "entry 12"),
        ("UPDATE audit SET number = -0.5 WHERE number = 12", "an entry numbered 0 or less"),
        ("UPDATE audit SET number = NULL, at = 'soon' WHERE number = 12", "an entry that waits to be sealed"),
        (
            "UPDATE audit_people SET mac = 7 WHERE user_id IN (SELECT id FROM users WHERE created_at > 0)",
            "who a pseudonym is",
        ),
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
