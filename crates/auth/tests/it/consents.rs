//! What somebody has agreed to, and takes back, or was never asked, while they are let in.

use auth::{Current, DeclaredClient, Next, Ticket};
use oidc::Client;
use serde_json::json;
use store::Turn;

use crate::in_app::{HASH, sent, told};
use crate::people::browser;
use crate::world::World;

/// How often the clock is read until it is decided that a code is given, and its turn is waited for.
const DECIDED: u64 = 3;

fn wiki(first_party: bool) -> Client {
    serde_json::from_value(json!({
        "client_id": "wiki", "client_name": "Wiki", "redirect_uris": ["https://wiki.example.com/callback"],
        "scope": "openid", "token_endpoint_auth_method": "none", "first_party": first_party,
    }))
    .unwrap()
}

fn declared(first_party: bool) -> [DeclaredClient; 1] {
    let secret_overlap = DeclaredClient::SECRET_OVERLAP;
    [DeclaredClient { client: wiki(first_party), secret: None, secret_overlap }]
}

/// Somebody who is signed in, and an app of the configuration.
async fn begin(first_party: bool) -> (World, Current) {
    let world = World::new().await;
    world.account("ana", &browser(1)).await;
    let current = world.signed_in("ana", &browser(1)).await;
    world.auth.clients().declare(&declared(first_party), world.auth.now()).await.unwrap();
    (world, current)
}

/// They are asked, and agree.
async fn agree(world: &World, current: &Current, next: Next) {
    let Next::Consent(request) = next else { panic!("{next:?}") };
    let ticket = Ticket { request, hash: Some(HASH) };
    let next = world.auth.consent(ticket, current, &browser(1)).await.unwrap();
    assert!(told(&next).contains("code="), "{}", told(&next));
}

async fn rows(world: &World) -> (i64, i64) {
    (world.count("consents").await, world.count("grants").await)
}

/// Without a question to anybody it was written down once more.
#[tokio::test]
async fn a_consent_that_is_withdrawn_while_its_app_is_let_in_does_not_come_back() {
    let (world, current) = begin(false).await;
    for silently in [false, true] {
        agree(&world, &current, sent(&world.auth, Some(&current), "").await).await;
        let mut withdrawing = world.store.begin_in_turn(&[Turn::Account(current.user)]).await.unwrap();
        let decided = world.clock_read(DECIDED);
        let more = if silently { "&prompt=none" } else { "" };
        let letting_in = tokio::spawn(sent(&world.auth, Some(&current), more));
        decided.await;
        assert!(store::consents::delete(&mut withdrawing, current.user, "wiki").await.unwrap());
        store::grants::delete_of_client(&mut withdrawing, "wiki").await.unwrap();
        withdrawing.commit().await.unwrap();
        let next = letting_in.await.unwrap();
        assert_eq!(rows(&world).await, (0, 0), "{next:?}");
        if silently {
            assert!(told(&next).contains("error=consent_required"), "{}", told(&next));
        } else {
            agree(&world, &current, next).await;
            assert_eq!(rows(&world).await, (1, 1));
            world.auth.withdraw_consent(&current, "wiki", &browser(1)).await.unwrap();
        }
    }
}

/// What was to be answered waits on, for the person to be asked.
#[tokio::test]
async fn what_waits_is_not_lost_where_a_consent_is_withdrawn() {
    let (world, current) = begin(false).await;
    agree(&world, &current, sent(&world.auth, Some(&current), "").await).await;
    let next = sent(&world.auth, None, "").await;
    let Next::SignIn { request, .. } = next else { panic!("{next:?}") };
    let ticket = Ticket { request, hash: Some(HASH) };
    let mut withdrawing = world.store.begin_in_turn(&[Turn::Account(current.user)]).await.unwrap();
    // And once for the request that waits.
    let decided = world.clock_read(DECIDED + 1);
    let (auth, whose) = (world.auth.clone(), current.clone());
    let letting_in =
        tokio::spawn(
            async move { auth.continue_authorization(ticket, Some(&whose), &browser(1)).await.unwrap() },
        );
    decided.await;
    assert!(store::consents::delete(&mut withdrawing, current.user, "wiki").await.unwrap());
    withdrawing.commit().await.unwrap();
    let next = letting_in.await.unwrap();
    assert!(matches!(next, Next::Consent(same) if same == request), "{next:?}");
    agree(&world, &current, next).await;
}

/// A process that believed for a moment that the app does not ask wrote a consent, after which that person was never asked.
#[tokio::test]
async fn what_nobody_was_asked_is_no_consent_where_it_is_not_heard_yet_that_the_app_asks() {
    let (world, current) = begin(true).await;
    let unaware = world.auth.clone();
    assert!(told(&sent(&unaware, Some(&current), "").await).contains("code="));
    assert_eq!(rows(&world).await, (1, 1));
    let other = world.another_process().await;
    other.clients().declare(&declared(false), other.now()).await.unwrap();
    assert_eq!(rows(&world).await, (0, 0));
    let silent = sent(&unaware, Some(&current), "&prompt=none").await;
    assert!(told(&silent).contains("error=consent_required"), "{}", told(&silent));
    assert_eq!(rows(&world).await, (0, 0));
    agree(&world, &current, sent(&unaware, Some(&current), "").await).await;
    assert_eq!(rows(&world).await, (1, 1));
}

/// The same at the very moment: whoever is let in, and the configuration that is written down, take turns.
#[tokio::test]
async fn whoever_is_let_in_while_an_app_begins_to_ask_is_asked() {
    let (world, current) = begin(true).await;
    let unaware = world.auth.clone();
    assert!(told(&sent(&unaware, Some(&current), "").await).contains("code="));
    let mut declaring = world.store.begin_in_turn(&[Turn::Apps, Turn::App("wiki")]).await.unwrap();
    let decided = world.clock_read(DECIDED);
    let letting_in = tokio::spawn(sent(&unaware, Some(&current), ""));
    decided.await;
    store::consents::delete_of(&mut declaring, "wiki").await.unwrap();
    store::grants::delete_of_client(&mut declaring, "wiki").await.unwrap();
    let (settings, now) = (serde_json::to_string(&wiki(false)).unwrap(), world.auth.now());
    assert!(store::clients::set_settings(&mut declaring, "wiki", &settings, true, now).await.unwrap());
    declaring.commit().await.unwrap();
    let next = letting_in.await.unwrap();
    assert_eq!(rows(&world).await, (0, 0), "{next:?}");
    agree(&world, &current, next).await;
}
