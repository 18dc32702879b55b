//! What was mailed ends at the operator's word, whosever it is, whatever it is for.

use std::time::Duration;

use domain::Timestamp;
use store::artefacts::Artefact;
use uuid::Uuid;

use crate::artefacts::{Answer, EVERY, mailed, show};
use crate::people::{browser, email};
use crate::world::{PASSWORD, World};

/// More than are withdrawn at a time.
const MANY: u128 = 450;

#[tokio::test]
async fn every_code_and_link_that_was_mailed_ends_and_what_waits_to_be_mailed_is_wiped() {
    let world = World::new().await;
    let mut artefacts = Vec::new();
    for purpose in EVERY {
        artefacts.push(mailed(&world, purpose).await);
    }
    // Of each change of address there are two.
    let good = u64::try_from(EVERY.len() + 2).unwrap();
    assert_eq!(world.auth.mailed().await.unwrap(), good);
    // Mail that has not left, a notice among it, and a decoy.
    world.sign_up("late", PASSWORD, &browser(1)).await;
    world.sign_up("step", PASSWORD, &browser(1)).await;
    world.auth.request_reset(&email("nobody"), None, &browser(1)).await.unwrap();
    let mut tx = world.store.begin().await.unwrap();
    for number in 1..=MANY {
        store::artefacts::insert(&mut tx, &decoy(number, world.auth.now())).await.unwrap();
    }
    tx.commit().await.unwrap();
    let trail = world.auth.audit_trail();
    let told = world.auth.withdraw_mailed(&trail).await.unwrap();
    assert!(told > good, "{told}");

    for artefact in &artefacts {
        for evidence in artefact.forms() {
            assert_eq!(show(&world, artefact.purpose, &evidence).await, Answer::Gone, "{artefact:?}");
        }
    }
    for table in ["artefacts", "email_changes"] {
        assert_eq!(world.count(table).await, 0, "{table}");
    }
    let left = world.auth.take_mail(100).await.unwrap();
    let kinds: Vec<_> = left.iter().map(|delivery| format!("{:?}", delivery.mail.message)).collect();
    assert!(kinds.contains(&"already_registered".to_owned()), "a notice is sent: {kinds:?}");
    let carries = |kind: &String| {
        ["prove_address", "sign_in_code", "reset_password", "change_address"]
            .iter()
            .any(|one| kind.starts_with(one))
    };
    assert!(!kinds.iter().any(carries), "{kinds:?}");
    assert_eq!(world.number("SELECT count(*) FROM audit WHERE act = 'withdraw_mailed'").await, 1);

    // And whoever asks anew gets what is good.
    for delivery in &left {
        world.auth.delivered(delivery).await.unwrap();
    }
    world.auth.request_reset(&email("reset"), None, &browser(1)).await.unwrap();
    let link = world.mail("reset").await.link();
    assert_eq!(show(&world, artefacts[2].purpose, &link).await, Answer::Good);
}

fn decoy(number: u128, now: Timestamp) -> Artefact {
    let id = Uuid::from_u128(number);
    Artefact {
        id,
        purpose: "reset_password".to_owned(),
        user_id: None,
        link_hash: id.as_bytes().repeat(2),
        code_mac: vec![1; 32],
        tries_left: 5,
        browser_hash: None,
        payload: vec![1; 40],
        created_at: now.micros(),
        expires_at: now.plus(Duration::from_hours(1)).micros(),
    }
}
