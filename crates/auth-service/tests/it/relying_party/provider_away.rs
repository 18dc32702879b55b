//! The provider cannot be reached, and is back.

use std::time::Duration;

use super::{ANA, APP, MINUTE, Mood, SESSION, World, is_let_in, visitor};

#[tokio::test]
async fn a_session_is_served_until_it_is_ten_minutes_old_and_nobody_is_signed_out() {
    let world = World::start().await;
    let (mut visitor, _) = world.member().await;
    world.watch.becomes(Mood::Away);
    let asked = world.watch.asked("/token");
    for minutes in 0..10 {
        assert!(is_let_in(&mut visitor).await, "{minutes} minutes old");
        world.provider.turn(MINUTE);
    }
    assert_eq!(world.watch.asked("/token"), asked + 5, "from the fifth minute on");
    world.provider.turn(MINUTE);
    let answer = visitor.get("/protected").await;
    insta::assert_snapshot!(answer.shown(), @r#"
    503 Service Unavailable
    content-type: text/html; charset=utf-8
    retry-after: 30
    <!doctype html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>Sign-in cannot be checked just now</title>
    </head>
    <body>
    <main>
    <h1>Sign-in cannot be checked just now</h1>
    <p>The sign-in server does not answer, so this page stays closed. Nothing is lost: try again in a few seconds.</p>
    <p><a href="/protected">Try again</a></p>
    <p><a href="/">To the start</a></p>
    </main>
    </body>
    </html>
    "#);
    assert_eq!(answer.header("cache-control"), "no-store");
    // A script, and a form, are told the same: nothing is lost.
    assert_eq!(visitor.send(super::script("/protected")).await.status, 503);
    assert_eq!(visitor.post("/protected", &[("a", "b")]).await.status, 503);
    assert!(visitor.jar.contains_key(SESSION));
    world.watch.becomes(Mood::Fine);
    world.provider.turn(MINUTE);
    assert!(is_let_in(&mut visitor).await);
}

#[tokio::test]
async fn a_provider_that_is_away_is_not_hammered() {
    let world = World::start().await;
    let (visitor, _) = world.member().await;
    world.watch.becomes(Mood::Away);
    world.provider.turn(MINUTE * 11);
    let asked = world.watch.asked("/token");
    for _ in 0..50 {
        let answer = visitor.clone().get("/protected").await;
        assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (503, "1"));
    }
    assert_eq!(world.watch.asked("/token"), asked + 1);
    let mut times = 0;
    for _ in 0..60 {
        world.provider.turn(Duration::from_secs(1));
        visitor.clone().get("/protected").await;
        times = world.watch.asked("/token") - asked - 1;
    }
    assert!((4..=6).contains(&times), "in a minute: {times}");
    // Another person's session waits too, since it is the same server.
    world.watch.becomes(Mood::Fine);
    world.provider.turn(Duration::from_secs(30));
    assert!(is_let_in(&mut visitor.clone()).await);
}

/// What a proxy says in its place, and a secret that is no longer the app's, are no sign-outs either.
#[tokio::test]
async fn only_the_provider_signs_anybody_out() {
    let world = World::start().await;
    let (visitor, _) = world.member().await;
    for status in [200, 204, 400, 401, 403, 404, 429, 500, 502] {
        world.watch.becomes(Mood::Hidden(status));
        world.provider.turn(MINUTE * 6);
        assert!(matches!(visitor.clone().get("/protected").await.status.as_u16(), 200 | 503), "{status}");
    }
    world.watch.becomes(Mood::Fine);
    let auth = &world.provider.app.auth;
    let secret = auth.clients().rotate_secret("wiki", Duration::ZERO, auth.now()).await.unwrap();
    world.provider.turn(MINUTE);
    assert_eq!(visitor.clone().get("/protected").await.status, 503);
    let process = world.process(|settings| {
        settings.authentication = keyward_client::ClientAuthentication::Secret(secret);
    });
    let mut mended = super::visitor(&process);
    mended.jar = visitor.jar.clone();
    assert!(is_let_in(&mut mended).await);
}

#[tokio::test]
async fn nobody_signs_in_meanwhile_and_the_page_says_when_to_come_back() {
    let world = World::start().await;
    let mut person = world.provider.member(ANA).await;
    world.watch.becomes(Mood::Away);
    let mut early = world.visitor();
    for path in ["/protected", "/auth/sign-in"] {
        let answer = early.get(path).await;
        assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (503, "1"), "{path}");
        assert!(answer.cookies().is_empty());
    }
    world.watch.becomes(Mood::Fine);
    world.provider.turn(Duration::from_secs(1));
    world.sign_in(&mut early, &mut person).await;
    // What was known before serves on; the code cannot be redeemed, though.
    let mut late = world.visitor();
    let callback = world.to_provider(&mut late, &mut person, "/protected").await;
    world.watch.becomes(Mood::Away);
    assert_eq!(late.get("/protected").await.status, 303);
    assert_eq!(late.get(&callback).await.status, 503);
}

#[tokio::test]
async fn a_sign_out_ends_the_session_here_and_says_that_it_may_go_on_there() {
    let world = World::start().await;
    let (mut here, _) = world.member().await;
    // A process that was just started knows nothing of the provider yet.
    let process = world.process(|_| ());
    let mut there = visitor(&process);
    there.jar = here.jar.clone();
    world.watch.becomes(Mood::Away);
    let copied = there.clone();
    let answer = world.sign_out(&mut there).await;
    assert_eq!(answer.status, 503);
    assert!(answer.body.contains("You are signed out of this app only"), "{}", answer.body);
    assert!(there.jar.is_empty());
    world.watch.becomes(Mood::Fine);
    world.provider.turn(Duration::from_secs(1));
    assert!(!is_let_in(&mut copied.clone()).await, "a copy of the cookie is of no use in this process");
    let answer = world.sign_out(&mut here).await;
    assert!(
        answer.location().starts_with(&format!("{}/end-session?", world.issuer)),
        "{}",
        answer.location()
    );
}

/// The app asks elsewhere than where people are sent.
#[tokio::test]
async fn an_internal_address_is_asked_and_people_are_sent_to_the_public_one() {
    let world = World::start().await;
    let internal = world.issuer.replace("localhost", "127.0.0.1");
    let mut person = world.provider.member(ANA).await;
    let process = world.process(|settings| settings.internal_url = Some(internal.parse().unwrap()));
    let mut visitor = visitor(&process);
    world.sign_in(&mut visitor, &mut person).await;
    assert!(is_let_in(&mut visitor).await);
    assert!(visitor.get("/auth/sign-in").await.location().starts_with(&world.issuer));
    let wrong = world.process(|settings| settings.internal_url = Some("http://127.0.0.1:9".parse().unwrap()));
    assert_eq!(
        super::visitor(&wrong).get("/protected").await.status,
        503,
        "{APP} asks there and nowhere else"
    );
}
