//! The keys that sign tokens, and their exchange.

use std::collections::BTreeSet;
use std::time::Duration;

use auth::{KeyState, LONGEST_TOKEN, Limits, Rotation};
use oidc::Algorithm;
use serde_json::Value;

use crate::people::browser;
use crate::world::{PASSWORD, World};

const MINUTE: Duration = Duration::from_mins(1);
const DAY: Duration = Duration::from_hours(24);

/// The ids that are published.
fn published(world: &World) -> BTreeSet<String> {
    let set: Value = serde_json::from_str(&world.auth.keys().published()).unwrap();
    let ids = set["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned());
    ids.collect()
}

/// The id of the key that signed a token.
fn signer(token: &str) -> String {
    use base64::Engine as _;
    let header = token.split('.').next().unwrap();
    let header = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(header).unwrap();
    serde_json::from_slice::<Value>(&header).unwrap()["kid"].as_str().unwrap().to_owned()
}

async fn token(world: &World) -> String {
    world.session("ana", PASSWORD, &browser(1)).await.expose_jwt().to_owned()
}

#[tokio::test]
async fn a_next_key_is_published_before_it_signs_and_an_old_one_until_its_last_token_expired() {
    let world = World::new().await;
    world.account("ana", &browser(1)).await;
    let first = signer(&token(&world).await);
    let keys = world.auth.keys();
    let next = keys.rotate(Algorithm::EdDsa, Rotation::Gentle, world.auth.now()).await.unwrap().unwrap();
    assert_eq!(keys.rotate(Algorithm::EdDsa, Rotation::Gentle, world.auth.now()).await.unwrap(), None);
    assert_eq!(published(&world), BTreeSet::from([first.clone(), next.clone()]));
    world.turn_to_just_before(MINUTE * 15);
    let last = token(&world).await;
    assert_eq!(signer(&last), first, "published, and not yet signing");
    world.turn(Duration::from_micros(1));
    assert_eq!(signer(&token(&world).await), next);
    world.turn(MINUTE * 9);
    world.auth.check_token(&last).await.expect("a token of the old key");
    world.turn_to_just_before(LONGEST_TOKEN.saturating_sub(MINUTE * 9));
    let limits = Limits { key_rotation: DAY * 365, ..Limits::default() };
    keys.keep(&limits, world.auth.now()).await.unwrap();
    assert_eq!((published(&world).len(), world.count("retired_keys").await), (2, 0));
    world.turn(Duration::from_micros(1));
    keys.keep(&limits, world.auth.now()).await.unwrap();
    assert_eq!(published(&world), BTreeSet::from([next]));
    assert_eq!((world.count("signing_keys").await, world.count("retired_keys").await), (1, 1));
    world.turn_to_just_before((DAY * 90).saturating_sub(LONGEST_TOKEN));
    keys.keep(&limits, world.auth.now()).await.unwrap();
    assert_eq!(world.count("retired_keys").await, 1, "an app may keep somebody signed in for so long");
    world.turn(Duration::from_micros(1));
    keys.keep(&limits, world.auth.now()).await.unwrap();
    assert_eq!(world.count("retired_keys").await, 0);
}

#[tokio::test]
async fn keys_are_exchanged_on_a_schedule() {
    let world = World::new().await;
    let keys = world.auth.keys();
    let mut seen = BTreeSet::new();
    for _ in 0..(365 * 2) {
        seen.extend(published(&world));
        world.turn(DAY / 2);
        keys.keep(&Limits::default(), world.auth.now()).await.unwrap();
        let states: Vec<_> = keys.list(world.auth.now()).await.unwrap().iter().map(|key| key.state).collect();
        assert_eq!(states.iter().filter(|state| **state == KeyState::Signing).count(), 1, "{states:?}");
    }
    // One in each 90 days, and a quarter of an hour.
    assert_eq!(seen.len(), 5);
    assert!(world.count("signing_keys").await <= 2);
    assert!(world.count("retired_keys").await <= 2, "no table grows for ever");
}

#[tokio::test]
async fn tokens_of_a_compromised_key_are_worthless_at_once() {
    let world = World::new().await;
    world.account("ana", &browser(1)).await;
    let stolen = token(&world).await;
    world.auth.check_token(&stolen).await.unwrap();
    let keys = world.auth.keys();
    // One is on its way already: whoever has the database has it too.
    let next = keys.rotate(Algorithm::EdDsa, Rotation::Gentle, world.auth.now()).await.unwrap().unwrap();
    let fresh =
        keys.rotate(Algorithm::EdDsa, Rotation::Compromised, world.auth.now()).await.unwrap().unwrap();
    assert_ne!(fresh, next);
    assert_eq!(published(&world), BTreeSet::from([fresh.clone()]));
    assert!(world.auth.check_token(&stolen).await.is_err(), "even one that was checked before");
    assert_eq!(signer(&token(&world).await), fresh);
}

#[tokio::test]
async fn another_process_learns_of_an_exchange() {
    let world = World::new().await;
    let other = world.another_process().await;
    let next = other.keys().rotate(Algorithm::EdDsa, Rotation::Gentle, world.auth.now()).await.unwrap();
    assert!(!published(&world).contains(next.as_ref().unwrap()));
    world.auth.keys().refresh(world.auth.now()).await.unwrap();
    assert!(published(&world).contains(next.as_ref().unwrap()));
}

#[tokio::test]
async fn a_key_of_the_first_release_signs_on() {
    let world = World::new().await;
    world.account("ana", &browser(1)).await;
    let before = signer(&token(&world).await);
    world.tamper("UPDATE signing_keys SET signs_from = NULL").await;
    let world = world.restart().await;
    assert_eq!(signer(&token(&world).await), before);
    assert_eq!(world.count("signing_keys").await, 1);
}

#[tokio::test]
async fn every_algorithm_has_a_key_of_its_own() {
    let all = [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256];
    let world = World::with(|settings| settings.algorithms = all.to_vec()).await;
    let listed = world.auth.keys().list(world.auth.now()).await.unwrap();
    for algorithm in all {
        assert_eq!(listed.iter().filter(|key| key.algorithm == algorithm).count(), 1, "{algorithm}");
    }
    assert_eq!(published(&world).len(), 3);
    let world = world.restart().await;
    assert_eq!(world.count("signing_keys").await, 3, "none is made twice");
}

#[tokio::test]
async fn an_exchange_of_keys_is_in_the_trail() {
    let world = World::new().await;
    let (keys, now) = (world.auth.keys(), world.auth.now());
    let next = keys.rotate(Algorithm::Es256, Rotation::Gentle, now).await.unwrap().unwrap();
    assert_eq!(keys.rotate(Algorithm::Es256, Rotation::Gentle, now).await.unwrap(), None);
    let given = keys.rotate(Algorithm::EdDsa, Rotation::Compromised, now).await.unwrap().unwrap();
    let trail = world.auth.audit_trail();
    assert_eq!(trail.seal().await.unwrap(), 2);
    let entries = trail.newest(None, None, 10).await.unwrap();
    let told: Vec<_> = entries.iter().map(|entry| (entry.act.as_str(), entry.detail.as_str())).collect();
    let (next, given) = (format!("ES256 {next}"), format!("EdDSA {given}"));
    assert_eq!(told, [("give_up_signing_key", &*given), ("rotate_signing_key", &*next)]);
}
