//! The app hears of sign-outs (OpenID Connect Back-Channel Logout), by the real provider's own notices.

use std::time::Duration;

use serde_json::json;
use tokio::net::TcpListener;

use super::{ANA, MINUTE, World, is_let_in};
use crate::support::apps_here;

/// A world whose app can be told of sign-outs.
async fn start() -> World {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}/auth/backchannel-logout", listener.local_addr().unwrap());
    let world = World::with(json!({ "backchannel_logout_uri": uri })).await;
    let app = world.app.clone();
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    world
}

/// The provider tells what it has to tell, as it does in the background.
async fn tell(world: &World) {
    let telling = world.provider.tell_apps(&apps_here());
    let auth = &world.provider.app.auth;
    let all = async {
        while auth.next_notice().await.unwrap().is_some() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), all).await.unwrap();
    telling.stop().await;
}

#[tokio::test]
async fn a_sign_out_at_the_provider_ends_the_session_at_once_and_no_other() {
    let world = start().await;
    let (mut visitor, mut person) = world.member().await;
    let mut phone = world.provider.signed_in(ANA).await;
    let mut at_phone = world.visitor();
    world.sign_in(&mut at_phone, &mut phone).await;
    let mut eve = world.provider.member("eve@example.com").await;
    let mut of_eve = world.visitor();
    world.sign_in(&mut of_eve, &mut eve).await;

    person.post("/sign-out", &[]).await;
    tell(&world).await;
    let copied = visitor.clone();
    assert!(!is_let_in(&mut visitor).await);
    assert!(is_let_in(&mut at_phone).await && is_let_in(&mut of_eve).await);
    world.provider.turn(MINUTE * 6);
    assert!(!is_let_in(&mut copied.clone()).await, "and stays ended, when it would be proved again");
    assert!(is_let_in(&mut at_phone).await && is_let_in(&mut of_eve).await);

    // Whoever signs in again is in again.
    world.provider.turn(Duration::from_micros(1));
    let mut person = world.provider.signed_in(ANA).await;
    world.sign_in(&mut visitor, &mut person).await;
    assert!(is_let_in(&mut visitor).await);
    let id = phone.session_id().await;
    assert_eq!(person.post("/account/sessions/end", &[("id", &id)]).await.status, 303);
    tell(&world).await;
    assert!(!is_let_in(&mut at_phone).await, "`end this session` reaches the app too");
    assert!(is_let_in(&mut visitor).await);
}

/// A process remembers what it was told for as long as it lives. (A restart brought sessions back that had ended.)
#[tokio::test]
async fn a_sign_out_that_another_process_heard_of_holds_after_a_restart() {
    let world = start().await;
    let (mut visitor, mut person) = world.member().await;
    let mut phone = world.provider.signed_in(ANA).await;
    let mut at_phone = world.visitor();
    world.sign_in(&mut at_phone, &mut phone).await;
    person.post("/sign-out", &[]).await;
    tell(&world).await;
    assert!(!is_let_in(&mut visitor.clone()).await);
    world.provider.turn(Duration::from_secs(1));
    let restarted = world.process(|_| ());
    for (browser, is_in) in [(&mut visitor, false), (&mut at_phone, true)] {
        let mut anew = super::visitor(&restarted);
        anew.jar = browser.jar.clone();
        assert_eq!(is_let_in(&mut anew).await, is_in);
        let asked = world.watch.asked("/token");
        assert_eq!(is_let_in(&mut anew).await, is_in);
        assert_eq!(world.watch.asked("/token"), asked, "what was proved since is believed again");
    }
}

/// Signing out of the app ends every session of the app that came of that session at the provider, in any browser's copy.
#[tokio::test]
async fn a_sign_out_by_the_app_comes_back_to_it() {
    let world = start().await;
    let (mut visitor, mut person) = world.member().await;
    let mut tab = world.visitor();
    world.sign_in(&mut tab, &mut person).await;
    let to = world.sign_out(&mut visitor).await.location().strip_prefix(&world.issuer).unwrap().to_owned();
    assert_eq!(person.get(&to).await.status, 303);
    tell(&world).await;
    assert!(!is_let_in(&mut tab).await);
    world.provider.turn(Duration::from_micros(1));
    let mut person = world.provider.signed_in(ANA).await;
    world.sign_in(&mut tab, &mut person).await;
    assert!(is_let_in(&mut tab).await);
}

/// A person who stays signed in at the provider is in the app again without a question, though signed out of it.
#[tokio::test]
async fn somebody_who_calls_a_sign_out_off_is_not_locked_out() {
    let world = World::start().await;
    let (mut visitor, mut person) = world.member().await;
    world.sign_out(&mut visitor).await;
    assert!(!is_let_in(&mut visitor).await);
    world.provider.turn(Duration::from_micros(1));
    world.sign_in(&mut visitor, &mut person).await;
    assert!(is_let_in(&mut visitor).await, "the same session of the provider, proved after the sign-out");
}

#[tokio::test]
async fn an_app_whose_access_is_withdrawn_lets_nobody_in_any_more() {
    let world = start().await;
    let (mut visitor, mut person) = world.member().await;
    assert!(is_let_in(&mut visitor).await);
    assert_eq!(person.post("/account/apps/withdraw", &[("id", "wiki")]).await.status, 303);
    tell(&world).await;
    assert!(!is_let_in(&mut visitor).await);
    assert!(person.is_signed_in().await, "at Keyward they are signed in");
}
