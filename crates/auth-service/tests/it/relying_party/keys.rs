//! The provider's keys change while the app runs.

use std::time::Duration;

use auth::Rotation;
use oidc::Algorithm;

use super::{ANA, MINUTE, Mood, World, is_let_in};

const KEYS: &str = "/.well-known/jwks.json";

#[tokio::test]
async fn a_key_that_was_exchanged_is_found_and_old_ones_serve_on() {
    let world = World::start().await;
    let (mut visitor, mut person) = world.member().await;
    assert_eq!(world.watch.asked(KEYS), 1);
    let auth = &world.provider.app.auth;
    for rotation in [Rotation::Gentle, Rotation::Compromised] {
        auth.keys().rotate(Algorithm::EdDsa, rotation, auth.now()).await.unwrap();
        world.provider.turn(Duration::from_mins(16));
        assert!(is_let_in(&mut visitor).await, "refreshed");
        world.sign_in(&mut world.visitor(), &mut person).await;
    }
    let asked = world.watch.asked(KEYS);
    assert!(asked <= 3, "{asked}");
}

/// A key that is given up at once signs at once: the app finds it at its next token.
#[tokio::test]
async fn an_unknown_key_is_asked_for_once() {
    let world = World::start().await;
    let (_, mut person) = world.member().await;
    let auth = &world.provider.app.auth;
    auth.keys().rotate(Algorithm::EdDsa, Rotation::Compromised, auth.now()).await.unwrap();
    world.provider.turn(Duration::from_secs(10));
    for _ in 0..3 {
        world.sign_in(&mut world.visitor(), &mut person).await;
    }
    assert_eq!(world.watch.asked(KEYS), 2);
}

/// Anybody may post what names a key that is nowhere.
#[tokio::test]
async fn class_21_unknown_keys_do_not_make_the_app_ask_and_ask() {
    let world = World::start().await;
    let (mut visitor, _) = world.member().await;
    let own = oidc::SigningKey::generate(Algorithm::EdDsa).unwrap();
    let token = own.sign("logout+jwt", &serde_json::json!({ "iss": world.issuer })).unwrap();
    let asked = world.watch.asked(KEYS);
    for _ in 0..20 {
        let answer = visitor.post("/auth/backchannel-logout", &[("logout_token", &token)]).await;
        assert_eq!(answer.status, 400);
    }
    assert_eq!(world.watch.asked(KEYS), asked, "they were fetched a moment ago");
    world.provider.turn(Duration::from_secs(6));
    for _ in 0..20 {
        visitor.post("/auth/backchannel-logout", &[("logout_token", &token)]).await;
    }
    assert_eq!(world.watch.asked(KEYS), asked + 1);
    assert!(is_let_in(&mut visitor).await);
}

/// What came of the refresh token could not be read, and was thrown away: used again later it was reuse.
#[tokio::test]
async fn a_fresh_process_without_keys_exchanges_no_refresh_token() {
    let world = World::start().await;
    let (here, _) = world.member().await;
    let mut there = super::visitor(&world.process(|_| ()));
    there.jar = here.jar.clone();
    let asked = world.watch.asked("/token");
    for (status, shown) in [(503, 200), (200, 503), (404, 503)] {
        world.watch.becomes(Mood::Lacking(KEYS, status));
        world.provider.turn(MINUTE * 6);
        assert_eq!(there.get("/protected").await.status, shown, "{status}");
    }
    assert_eq!(world.watch.asked("/token"), asked);
    world.watch.becomes(Mood::Fine);
    world.provider.turn(MINUTE);
    assert!(is_let_in(&mut there).await);
    assert_eq!(world.watch.asked("/token"), asked + 1);
}

/// Its refresh token is exchanged by then: without the next one the session would be over.
#[tokio::test]
async fn a_new_key_while_the_key_set_is_away_ends_no_session() {
    let world = World::start().await;
    let (mut visitor, mut person) = world.member().await;
    let answer = person.post("/account/profile", &[("name", "Ana Ångström"), ("locale", "en")]).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    let auth = &world.provider.app.auth;
    auth.keys().rotate(Algorithm::EdDsa, Rotation::Compromised, auth.now()).await.unwrap();
    for status in [503, 200, 404] {
        world.watch.becomes(Mood::Lacking(KEYS, status));
        world.provider.turn(MINUTE * 6);
        let answer = visitor.get("/protected").await;
        assert_eq!(answer.status, 200, "{status}: {}", answer.body);
        assert_ne!(answer.json()["name"], "Ana Ångström", "what nobody can verify is not believed");
    }
    world.watch.becomes(Mood::Fine);
    world.provider.turn(MINUTE * 6);
    assert_eq!(visitor.get("/protected").await.json()["name"], "Ana Ångström");
}

/// Nobody knows yet whether it is good: it is not refused.
#[tokio::test]
async fn a_logout_token_by_an_unknown_key_waits_for_a_key_set_that_is_away() {
    let world = World::start().await;
    let (mut visitor, _) = world.member().await;
    let own = oidc::SigningKey::generate(Algorithm::EdDsa).unwrap();
    let token = own.sign("logout+jwt", &serde_json::json!({ "iss": world.issuer })).unwrap();
    world.provider.turn(Duration::from_secs(6));
    world.watch.becomes(Mood::Lacking(KEYS, 503));
    let asked = world.watch.asked(KEYS);
    for _ in 0..20 {
        let answer = visitor.post("/auth/backchannel-logout", &[("logout_token", &token)]).await;
        assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (503, "5"));
    }
    assert_eq!(world.watch.asked(KEYS), asked + 1);
    world.watch.becomes(Mood::Fine);
    world.provider.turn(MINUTE);
    let answer = visitor.post("/auth/backchannel-logout", &[("logout_token", &token)]).await;
    assert_eq!(answer.status, 400);
}

/// Only what the app is registered with is believed, whatever keys the provider has.
#[tokio::test]
async fn class_07_another_algorithm_than_the_registered_is_refused() {
    let world = World::start().await;
    let process = world.process(|settings| settings.id_token_algorithm = Algorithm::Rs256);
    let mut person = world.provider.member(ANA).await;
    let mut visitor = super::visitor(&process);
    let callback = world.to_provider(&mut visitor, &mut person, "/protected").await;
    assert_eq!(visitor.get(&callback).await.status, 502);
}
