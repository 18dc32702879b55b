//! A session is proved again.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::Notify;

use super::{ANA, MINUTE, Mood, SESSION, World, is_let_in, visitor};
use crate::support::Browser;

#[tokio::test]
async fn it_is_proved_again_after_five_minutes_and_not_before() {
    let world = World::start().await;
    let (mut visitor, mut person) = world.member().await;
    let asked = world.watch.asked("/token");
    let first = visitor.jar[SESSION].clone();
    for _ in 0..4 {
        world.provider.turn(MINUTE);
        assert!(is_let_in(&mut visitor).await);
    }
    assert_eq!((world.watch.asked("/token"), &visitor.jar[SESSION]), (asked, &first));
    let answer = person.post("/account/profile", &[("name", "Ana Ångström"), ("locale", "en")]).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    world.provider.turn(MINUTE);
    let answer = visitor.get("/protected").await;
    assert_eq!(answer.json()["name"], json!("Ana Ångström"), "and what is known of the person with it");
    assert_eq!((answer.cookies().len(), answer.header("cache-control")), (1, "no-store"));
    assert_eq!(world.watch.asked("/token"), asked + 1);
    assert_ne!(visitor.jar[SESSION], first);
    // And on and on, for as long as the session may last.
    for _ in 0..5 {
        world.provider.turn(Duration::from_hours(5 * 24));
        assert!(is_let_in(&mut visitor).await);
    }
    world.provider.turn(Duration::from_hours(5 * 24));
    assert!(!is_let_in(&mut visitor).await, "thirty days after it began");
}

/// Class 5 of the security notes: a refresh token is used once, whatever comes at a time.
#[tokio::test]
async fn class_05_many_requests_at_once_refresh_once_and_late_ones_get_the_same() {
    let world = World::start().await;
    let (visitor, _) = world.member().await;
    world.provider.turn(MINUTE * 6);
    let asked = world.watch.asked("/token");
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let mut copy = visitor.clone();
        asking.spawn(async move {
            assert!(is_let_in(&mut copy).await);
            copy.jar[SESSION].clone()
        });
    }
    asking.join_all().await;
    assert_eq!(world.watch.asked("/token"), asked + 1);
    // Those that were sent before the answer was there, and those of a browser that never saw it.
    world.provider.turn(Duration::from_secs(50));
    let mut late = visitor.clone();
    assert!(is_let_in(&mut late).await);
    assert_eq!(world.watch.asked("/token"), asked + 1);
    world.provider.turn(MINUTE * 6);
    assert!(is_let_in(&mut late).await, "the family lives");
    // An hour later it is reuse, which ends the family.
    world.provider.turn(Duration::from_hours(1));
    assert!(!is_let_in(&mut visitor.clone()).await);
    assert!(!is_let_in(&mut late).await);
}

/// Class 5: two processes of one app with the same cookie.
#[tokio::test]
async fn class_05_two_processes_may_refresh_at_once() {
    let world = World::start().await;
    let (mut here, _) = world.member().await;
    let mut there = visitor(&world.process(|_| ()));
    there.jar = here.jar.clone();
    world.provider.turn(MINUTE * 6);
    assert!(is_let_in(&mut here).await);
    world.provider.turn(Duration::from_secs(9));
    assert!(is_let_in(&mut there).await, "the server gives the same answer again for ten seconds");
    world.provider.turn(MINUTE * 6);
    assert!(is_let_in(&mut there).await);
}

/// A browser that goes elsewhere in the middle of it loses the answer, and the session with it once.
#[tokio::test]
async fn class_05_a_request_that_is_given_up_does_not_lose_the_answer() {
    let world = World::start().await;
    let (visitor, _) = world.member().await;
    world.provider.turn(MINUTE * 6);
    let (reached, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    world.watch.becomes(Mood::Holding("/token", reached.clone(), go_on.clone()));
    let mut given_up = visitor.clone();
    let request = tokio::spawn(async move { given_up.get("/protected").await });
    reached.notified().await;
    request.abort();
    assert!(request.await.unwrap_err().is_cancelled());
    world.watch.becomes(Mood::Fine);
    let asked = world.watch.asked("/token");
    let mut again = visitor.clone();
    let waiting = tokio::spawn(async move { is_let_in(&mut again).await });
    go_on.notify_one();
    assert!(waiting.await.unwrap());
    assert_eq!(world.watch.asked("/token"), asked);
}

/// Class 6 of the security notes: a sign-out of which the app was not told ends here, within ten minutes.
#[tokio::test]
async fn class_06_a_sign_out_that_was_missed_ends_within_ten_minutes() {
    for ended_by in ["/sign-out", "/account/sessions/end-others", "disabled", "withdrawn"] {
        let world = World::start().await;
        let (mut visitor, mut person) = world.member().await;
        match ended_by {
            "/sign-out" => drop(person.post("/sign-out", &[]).await),
            "disabled" => {
                let user = person.get("/api/v1/account").await.text("id").parse().unwrap();
                let store = world.provider.store().await;
                let mut tx = store.begin().await.unwrap();
                let now = world.provider.app.auth.now();
                store::users::set_disabled(&mut tx, user, Some(now)).await.unwrap();
                tx.commit().await.unwrap();
            }
            "withdrawn" => {
                let answer = person.post("/account/apps/withdraw", &[("id", "wiki")]).await;
                assert_eq!(answer.status, 303, "{}", answer.body);
            }
            path => {
                let mut elsewhere = world.provider.signed_in(ANA).await;
                assert_eq!(elsewhere.post(path, &[]).await.status, 303);
            }
        }
        world.provider.turn(MINUTE * 4);
        assert!(is_let_in(&mut visitor).await, "{ended_by}: nobody was told");
        world.provider.turn(MINUTE);
        assert!(!is_let_in(&mut visitor).await, "{ended_by}");
        assert!(!is_let_in(&mut visitor.clone()).await, "{ended_by}, and stays so");
    }
}

/// Without refresh tokens there is no way to ask but by the person.
#[tokio::test]
async fn an_app_without_refresh_asks_by_the_person_every_ten_minutes() {
    let world = World::with(json!({ "grant_types": ["authorization_code"] })).await;
    let (mut visitor, mut person) = world.member().await;
    world.provider.turn(MINUTE * 9);
    assert!(is_let_in(&mut visitor).await);
    world.provider.turn(MINUTE);
    world.sign_in(&mut visitor, &mut person).await;
    assert!(is_let_in(&mut visitor).await, "who notices nothing of it");
}

/// What the operator took from the app is no outage: everybody was shown 503 for ever, and each try made all others wait
/// for longer.
#[tokio::test]
async fn who_cannot_be_renewed_signs_in_again_and_holds_nobody_up() {
    let taken = [("grant_types", json!(["authorization_code"])), ("scope", json!("another"))];
    for (name, value) in taken {
        let world = World::start().await;
        let (mut visitor, mut person) = world.member().await;
        let mut second = world.visitor();
        world.sign_in(&mut second, &mut person).await;
        let provider = &world.provider;
        let store = provider.store().await;
        let mut tx = store.begin().await.unwrap();
        let client = store::clients::find(&mut tx, "wiki").await.unwrap().unwrap();
        let mut settings: serde_json::Value = serde_json::from_str(&client.settings).unwrap();
        settings[name] = value;
        let (settings, now) = (settings.to_string(), provider.app.auth.now());
        assert!(store::clients::set_settings(&mut tx, "wiki", &settings, false, now).await.unwrap());
        tx.commit().await.unwrap();
        provider.turn(MINUTE * 11);
        for who in [&mut visitor, &mut second] {
            assert!(!is_let_in(who).await, "{name}: led to sign in, and not told to wait");
        }
        if name == "grant_types" {
            world.sign_in(&mut visitor, &mut person).await;
            assert!(is_let_in(&mut visitor).await);
            provider.turn(MINUTE * 9);
            assert!(is_let_in(&mut visitor).await, "by what it may have still");
        }
    }
}

/// A clock that was set back makes no session longer.
#[tokio::test]
async fn a_session_from_the_future_is_proved_again() {
    let world = World::start().await;
    let early = world.process(|settings| {
        let auth = world.provider.app.auth.clone();
        settings.clock =
            keyward_client::Clock::new(move || keyward_client::Moment(auth.now().micros() - 3_600_000_000));
        settings.leeway = Duration::from_hours(2);
    });
    let (here, _) = world.member().await;
    let mut there: Browser = visitor(&early);
    there.jar = here.jar.clone();
    let asked = world.watch.asked("/token");
    assert!(is_let_in(&mut there).await, "within the leeway");
    assert_eq!(world.watch.asked("/token"), asked);
    let strict = world.process(|settings| {
        let auth = world.provider.app.auth.clone();
        settings.clock =
            keyward_client::Clock::new(move || keyward_client::Moment(auth.now().micros() - 120_000_000));
    });
    let mut there: Browser = visitor(&strict);
    there.jar = here.jar.clone();
    there.get("/protected").await;
    assert_eq!(world.watch.asked("/token"), asked + 1);
}
