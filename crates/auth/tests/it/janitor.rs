//! What expires goes; what is needed stays.

use std::collections::BTreeMap;
use std::time::Duration;

use auth::{Credential, Next};
use store::changes::Change;
use store::key_holders::KeyHolder;

use crate::idempotency::done_once;
use crate::in_app::InApp;
use crate::people::{browser, email, password, wrong};
use crate::world::{PASSWORD, World};

const DAY: Duration = Duration::from_hours(24);
/// Tables that nothing is written to yet.
const NOT_FILLED: [&str; 2] = ["identities", "user_roles"];

async fn clean(world: &World) {
    while world.auth.clean().await.unwrap() > 0 {}
}

/// A day of a small installation, on which something of every kind begins and not all of it ends.
async fn day(app: &InApp, number: u32) {
    let (world, auth, here) = (&app.world, &app.world.auth, browser(1));
    world.sign_up(&format!("never{number}"), PASSWORD, &here).await;
    auth.request_reset(&email("nobody"), None, &here).await.unwrap();
    auth.request_reset(&email("ana"), None, &here).await.unwrap();
    let _ = world.sign_in("nobody", PASSWORD, &here).await;
    let attempt = world.attempt("step", PASSWORD, &here).await;
    let guess = wrong(&world.mail("step").await.code());
    assert!(auth.second_step(attempt, &guess, None, &here).await.is_err());
    let device = browser(u8::try_from(number % 200).unwrap());
    let current = world.signed_in("ana", &device).await;
    auth.request_email_change(&current, &email("ana.next"), &here).await.unwrap();
    done_once(auth, &current, &format!("day-{number}")).await;
    app.code(&current).await;
    assert!(matches!(app.asks(None).await, Next::SignIn { .. }));
    let tokens = app.by_code(&app.code(&current).await).await.unwrap();
    let renewed = app.by_refresh(tokens.refresh_token.unwrap().expose()).await.unwrap();
    auth.revoke(&app.client, &renewed.access_token, &here).await.unwrap();
    if number.is_multiple_of(2) {
        auth.sign_out(&current, &device).await.unwrap();
    }
    if number.is_multiple_of(4) {
        for notice in auth.take_notices(1).await.unwrap() {
            auth.told(notice.id).await.unwrap();
        }
    }
    if number.is_multiple_of(30) {
        let name = format!("gone{number}");
        world.account(&name, &here).await;
        let gone = world.signed_in(&name, &here).await;
        auth.delete_account(&gone, &password(PASSWORD), &here).await.unwrap();
    }
    let (id, now) = (current.id.0, auth.now());
    let mut tx = world.store.begin().await.unwrap();
    let what = "{}".to_owned();
    store::changes::insert(&mut tx, &Change { id, at: now.micros(), what }).await.unwrap();
    let holder = KeyHolder {
        process: id,
        opens: String::new(),
        seals: String::new(),
        seals_since: now.micros(),
        seen_at: now.micros(),
    };
    store::key_holders::put(&mut tx, &holder).await.unwrap();
    store::client_assertions::insert(&mut tx, "wiki", id.as_bytes(), now.plus(DAY)).await.unwrap();
    tx.commit().await.unwrap();
    world.post().await;
}

/// The night after it.
async fn night(app: &InApp) {
    let (world, auth) = (&app.world, &app.world.auth);
    world.turn(DAY);
    auth.keys().keep(&auth.settings().limits, auth.now()).await.unwrap();
    while auth.audit_trail().seal().await.unwrap() > 0 {}
    clean(world).await;
}

/// It went on until all was clean, and a stop waited for it.
#[tokio::test]
async fn a_round_ends_between_two_batches_when_it_is_told_to() {
    let world = World::new().await;
    world.account("ana", &browser(1)).await;
    world.auth.request_reset(&email("ana"), None, &browser(1)).await.unwrap();
    world.session("ana", PASSWORD, &browser(1)).await;
    world.turn(DAY * 500);
    let before = [world.count("artefacts").await, world.count("sessions").await];
    assert!(before.iter().all(|rows| *rows > 0), "{before:?}");
    let asked = std::cell::Cell::new(0);
    // The second batch is over before it begins.
    let told = || {
        asked.set(asked.get() + 1);
        true
    };
    world.auth.clean_until(told).await.unwrap();
    assert_eq!((asked.get(), world.count("artefacts").await), (1, 0));
    assert_eq!(world.count("sessions").await, before[1], "it waits for the next start");
    clean(&world).await;
    assert_eq!(world.count("sessions").await, 0);
}

/// The most rows that each table had in each quarter of a year. Times are shorter than they are by default, so that all of them
/// have passed by the half of it.
#[tokio::test]
async fn a_year_of_use_leaves_the_tables_level() {
    let world = World::with(|settings| {
        settings.limits.audit_retention = DAY * 60;
        settings.limits.browser_retention = DAY * 60;
        settings.limits.key_rotation = DAY * 15;
        settings.limits.refresh_absolute = DAY * 45;
    })
    .await;
    world.account_with_second_step("step", &browser(1)).await;
    let app = InApp::of("ana", world).await;
    let tables = app.world.backend.tables().await;
    let mut quarters: Vec<BTreeMap<String, i64>> = vec![BTreeMap::new(); 4];
    for number in 0..364 {
        day(&app, number).await;
        if number == 302 {
            // What was never filled would be level too.
            for table in &tables {
                let rows = app.world.number(&format!("SELECT count(*) FROM {table}")).await;
                assert_eq!(rows == 0, NOT_FILLED.contains(&table.as_str()), "{table}: {rows}");
            }
        }
        night(&app).await;
        if number % 7 == 6 {
            let most = &mut quarters[usize::try_from(number / 91).unwrap()];
            for table in &tables {
                let rows = app.world.number(&format!("SELECT count(*) FROM {table}")).await;
                let before = most.entry(table.clone()).or_default();
                *before = rows.max(*before);
            }
        }
    }
    let (third, fourth) = (&quarters[2], &quarters[3]);
    for (table, most) in fourth {
        // A week more or less of what comes every day, at the ends of what is kept.
        assert!(*most <= third[table] + 7, "{table} grows: {quarters:?}");
        assert!(*most < 2_000, "{table}: {most}");
    }
    app.world.auth.audit_trail().verify(None).await.unwrap();
    app.world.session("ana", PASSWORD, &browser(1)).await;
}

/// Who cleans a table.
#[derive(Debug, PartialEq)]
enum Cleaned {
    /// The janitor: what is there has a time to go, whoever it belongs to.
    ByTime,
    /// The same, but something of it always stays: keys are exchanged, and a trail has an end. That it is level shows in a year.
    AllButTheLast,
    /// It goes with a row of this table.
    With(&'static str),
    /// A row stays until somebody removes it.
    Never,
}

/// Every table. Accounts stay until their owners or an operator delete them; those that nobody proves go after a week, which has
/// tests of its own below.
const OWNERS: [(&str, Cleaned); 28] = [
    ("artefacts", Cleaned::ByTime),
    ("audit", Cleaned::AllButTheLast),
    ("audit_checkpoints", Cleaned::AllButTheLast),
    ("audit_people", Cleaned::With("users")),
    ("authorization_codes", Cleaned::With("grants")),
    ("authorization_requests", Cleaned::ByTime),
    ("changes", Cleaned::ByTime),
    ("client_assertions", Cleaned::ByTime),
    ("clients", Cleaned::Never),
    ("consents", Cleaned::With("users")),
    ("email_changes", Cleaned::ByTime),
    ("emails", Cleaned::With("users")),
    ("grants", Cleaned::ByTime),
    ("idempotency_keys", Cleaned::ByTime),
    ("identities", Cleaned::With("users")),
    ("installation", Cleaned::Never),
    ("key_holders", Cleaned::ByTime),
    ("known_browsers", Cleaned::ByTime),
    ("logout_notices", Cleaned::ByTime),
    ("outbox", Cleaned::ByTime),
    ("passwords", Cleaned::With("users")),
    ("refresh_tokens", Cleaned::ByTime),
    ("release", Cleaned::Never),
    ("retired_keys", Cleaned::AllButTheLast),
    ("revoked_tokens", Cleaned::ByTime),
    ("sessions", Cleaned::ByTime),
    ("signing_keys", Cleaned::AllButTheLast),
    ("user_roles", Cleaned::With("users")),
];

/// A table that is added is found here without anybody who cleans it.
#[tokio::test]
async fn every_table_has_somebody_who_cleans_it() {
    let world = World::new().await;
    world.account_with_second_step("step", &browser(1)).await;
    let app = InApp::of("ana", world).await;
    let world = &app.world;
    let known: Vec<_> = OWNERS.iter().map(|(table, _)| *table).chain(["users"]).collect();
    for table in world.backend.tables().await {
        assert!(known.contains(&table.as_str()), "{table}: who cleans it?");
    }
    for number in 1..=2 {
        day(&app, number).await;
        world.turn(DAY);
    }
    for (table, cleaned) in &OWNERS {
        let rows = format!("SELECT count(*) FROM {table}");
        if *cleaned == Cleaned::ByTime {
            assert!(world.number(&rows).await > 0, "{table} was never filled");
        }
        if let Cleaned::With(parent) = cleaned {
            let going = world.backend.going_with(parent).await;
            assert!(going.iter().any(|going| going == table), "{table} does not go with {parent}: {going:?}");
        }
    }
    world.turn(DAY * 1_000);
    clean(world).await;
    // What expired as it was cleaned away is mail by now, and goes as mail does.
    world.turn(DAY * 1_000);
    clean(world).await;
    for (table, _) in OWNERS.iter().filter(|(_, cleaned)| *cleaned == Cleaned::ByTime) {
        assert_eq!(world.number(&format!("SELECT count(*) FROM {table}")).await, 0, "{table}");
    }
    // Nobody's account went with it.
    world.auth.keys().keep(&world.auth.settings().limits, world.auth.now()).await.unwrap();
    world.session("ana", PASSWORD, &browser(1)).await;
}

/// Whichever way an account goes, no row says any more that it was its own.
#[tokio::test]
async fn nothing_of_an_account_that_is_gone_is_left_behind() {
    let world = World::new().await;
    world.account_with_second_step("step", &browser(1)).await;
    let app = InApp::of("ana", world).await;
    let world = &app.world;
    day(&app, 1).await;
    world.turn(Duration::from_hours(1));
    let ana = world.signed_in("ana", &browser(1)).await;
    world.sign_up("ben", PASSWORD, &browser(2)).await;
    // What no use case writes yet.
    for name in ["ana", "ben"] {
        let of = format!("FROM emails WHERE normalized = '{name}@example.com'");
        let identity = format!(
            "INSERT INTO identities (issuer, subject, user_id, linked_at)
             SELECT 'https://id.example.com', '{name}', user_id, 1 {of}"
        );
        let role =
            format!("INSERT INTO user_roles (user_id, role, granted_at) SELECT user_id, 'admin', 1 {of}");
        assert_eq!(world.tamper(&identity).await + world.tamper(&role).await, 2, "{name}");
    }
    let id = format!("{:X}", ana.user.0.simple());
    let tables = world.backend.of_people().await;
    assert!(tables.len() >= 11, "{tables:?}");
    let going = world.backend.going_with("users").await;
    for table in &tables {
        assert!(going.contains(table), "{table} says whose a row is, and does not go with them");
        let rows = format!("SELECT count(*) FROM {table} WHERE hex(user_id) = '{id}'");
        assert!(world.number(&rows).await > 0, "{table} was never filled");
    }
    world.auth.delete_account(&ana, &password(PASSWORD), &browser(1)).await.unwrap();
    // Nobody proves the other's address.
    world.turn(DAY * 8);
    clean(world).await;
    for table in &tables {
        let rows = format!(
            "SELECT count(*) FROM {table} WHERE hex(user_id) = '{id}' OR user_id NOT IN (SELECT id FROM users)"
        );
        assert_eq!(world.number(&rows).await, 0, "{table}");
    }
    for table in ["identities", "user_roles"] {
        assert_eq!(world.number(&format!("SELECT count(*) FROM {table}")).await, 0, "{table}");
    }
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
