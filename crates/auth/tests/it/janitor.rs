//! What expires goes; what is needed stays.

use std::time::Duration;

use auth::Credential;

use crate::world::{PASSWORD, World, browser, email, wrong};

const DAY: Duration = Duration::from_hours(24);
const TABLES: [&str; 10] = [
    "users",
    "emails",
    "passwords",
    "sessions",
    "known_browsers",
    "artefacts",
    "email_changes",
    "outbox",
    "audit_people",
    "audit_checkpoints",
];

async fn clean(world: &World) {
    while world.auth.clean().await.unwrap() > 0 {}
}

/// A day of a small installation.
async fn day(world: &World, number: u32) {
    let here = browser(1);
    world.sign_up(&format!("never{number}"), PASSWORD, &here).await;
    world.auth.request_reset(&email("nobody"), &here).await.unwrap();
    world.auth.request_reset(&email("ana"), &here).await.unwrap();
    let current = world.signed_in("ana", &here).await;
    world.auth.request_email_change(&current, &email("ana.next"), &here).await.unwrap();
    let attempt = world.attempt("step", PASSWORD, &here).await;
    let guess = wrong(&world.mail("step").await.code());
    assert!(world.auth.second_step(attempt, &guess, None, &here).await.is_err());
    let _ = world.sign_in("nobody", PASSWORD, &here).await;
    world.post().await;
    world.turn(DAY);
    while world.auth.audit_trail().seal().await.unwrap() > 0 {}
    clean(world).await;
}

#[tokio::test]
async fn weeks_of_use_leave_the_tables_level() {
    let world = World::with(|settings| settings.limits.audit_retention = DAY * 10).await;
    world.account("ana", &browser(1)).await;
    world.account_with_second_step("step", &browser(1)).await;
    let mut sizes = Vec::new();
    for number in 0..35 {
        day(&world, number).await;
        if number >= 20 && number % 7 == 6 {
            let mut size = Vec::new();
            for table in TABLES.into_iter().chain(["audit"]) {
                size.push((table, world.count(table).await));
            }
            sizes.push(size);
        }
    }
    assert_eq!(sizes.len(), 3);
    assert!(sizes.windows(2).all(|pair| pair[0] == pair[1]), "{sizes:?}");
    assert!(sizes[0].iter().all(|(_, rows)| *rows < 120), "{:?}", sizes[0]);
    world.auth.audit_trail().verify(None).await.unwrap();
    world.session("ana", PASSWORD, &browser(1)).await;
}

#[tokio::test]
async fn an_account_that_nobody_proved_goes_after_a_week_and_its_address_is_free() {
    let world = World::new().await;
    world.sign_up("ana", PASSWORD, &browser(1)).await;
    world.turn(DAY * 7);
    clean(&world).await;
    assert_eq!(world.count("users").await, 1);
    world.turn(Duration::from_micros(1));
    clean(&world).await;
    assert_eq!(world.count("users").await + world.count("audit_people").await, 0);
    assert!(world.sign_up("ana", PASSWORD, &browser(1)).await.created);
}

#[tokio::test]
async fn an_account_whose_proof_is_on_its_way_stays() {
    let world = World::new().await;
    world.sign_up("ana", PASSWORD, &browser(1)).await;
    world.turn(DAY * 7);
    world.mails("ana").await;
    world.sign_up("ana", PASSWORD, &browser(1)).await;
    let link = world.mail("ana").await.link();
    world.turn(Duration::from_mins(1));
    clean(&world).await;
    world.auth.prove_address(&link, &Credential::Browser, &browser(1)).await.unwrap();
    world.session("ana", PASSWORD, &browser(1)).await;
}

#[tokio::test]
async fn where_unproved_addresses_may_sign_in_none_is_cleaned_away() {
    let world = World::with(|settings| settings.accounts.require_proof = false).await;
    world.sign_up("ana", PASSWORD, &browser(1)).await;
    world.turn(DAY * 60);
    clean(&world).await;
    world.session("ana", PASSWORD, &browser(1)).await;
}
