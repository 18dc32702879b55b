//! Sign-ins under way: each is its own, is finished once, and only in the browser that began it.

use std::time::Duration;

use serde_json::json;

use super::{ANA, APP, SESSION, World, is_let_in, visitor};
use crate::support::{Answer, Browser};

/// A page that says what happened, and sets nobody's session.
fn is_refused(answer: &Answer, status: u16, words: &str) {
    assert_eq!((answer.status.as_u16(), answer.location()), (status, ""), "{}", answer.body);
    assert!(answer.body.contains(words) && answer.body.contains("href=\"/"), "{}", answer.body);
    assert!(!answer.cookies().iter().any(|cookie| cookie.starts_with(SESSION)), "{:?}", answer.cookies());
    assert_eq!(answer.header("cache-control"), "no-store");
}

const NOT_HERE: &str = "This sign-in cannot go on here";

#[tokio::test]
async fn two_tabs_both_work() {
    let world = World::start().await;
    let mut person = world.provider.member(ANA).await;
    let mut visitor = world.visitor();
    let first = world.to_provider(&mut visitor, &mut person, "/protected").await;
    let second = world.to_provider(&mut visitor, &mut person, "/deep/page").await;
    assert_eq!(visitor.get(&second).await.location(), "/deep/page");
    assert_eq!(visitor.get(&first).await.location(), "/protected");
    assert!(is_let_in(&mut visitor).await);
}

/// However many tabs begin, the cookies of a request stay few.
#[tokio::test]
async fn class_21_many_tabs_leave_few_cookies_and_the_newest_work() {
    let world = World::start().await;
    let mut person = world.provider.member(ANA).await;
    let mut visitor = world.visitor();
    let mut callbacks = Vec::new();
    for _ in 0..20 {
        world.provider.turn(Duration::from_secs(1));
        callbacks.push(world.to_provider(&mut visitor, &mut person, "/protected").await);
        assert!(visitor.jar.len() <= 6, "{}", visitor.jar.len());
    }
    is_refused(&visitor.get(&callbacks[0]).await, 400, NOT_HERE);
    for callback in callbacks.iter().rev().take(6) {
        assert_eq!(visitor.get(callback).await.location(), "/protected");
    }
    // Whoever sends a strange one of that name has it taken away first.
    let mut odd = world.visitor();
    for number in 0..9 {
        odd.jar.insert(format!("wiki-sign-in-strange{number}"), "x".to_owned());
    }
    odd.get("/protected").await;
    assert!(odd.jar.len() <= 6);
}

/// Class 8 of the security notes: an answer is used once.
#[tokio::test]
async fn class_08_an_answer_is_finished_once_and_its_replay_ends_nothing() {
    let world = World::start().await;
    let mut person = world.provider.member(ANA).await;
    let mut visitor = world.visitor();
    let callback = world.to_provider(&mut visitor, &mut person, "/protected").await;
    let copied = visitor.clone();
    assert_eq!(visitor.get(&callback).await.location(), "/protected");
    let asked = world.watch.asked("/token");
    is_refused(&visitor.get(&callback).await, 400, NOT_HERE);
    // Not even with the attempt's cookie, as a browser sends it that asks twice at once: were the code shown a second time,
    // the provider would end what came of the first.
    for _ in 0..3 {
        is_refused(&copied.clone().get(&callback).await, 400, NOT_HERE);
    }
    assert_eq!(world.watch.asked("/token"), asked);
    assert!(is_let_in(&mut visitor).await);
    world.provider.turn(Duration::from_mins(6));
    assert!(is_let_in(&mut visitor).await, "and it is proved again");
}

#[tokio::test]
async fn class_08_of_many_answers_at_once_one_is_finished() {
    let world = World::start().await;
    let mut person = world.provider.member(ANA).await;
    let mut visitor = world.visitor();
    let callback = world.to_provider(&mut visitor, &mut person, "/protected").await;
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (mut copy, callback) = (visitor.clone(), callback.clone());
        asking.spawn(async move { copy.get(&callback).await.status.as_u16() });
    }
    let mut statuses = asking.join_all().await;
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 400, 400, 400, 400, 400, 400, 400]);
}

/// Class 16 of the security notes: state is of the browser, and nothing goes without it.
#[tokio::test]
async fn class_16_an_answer_is_good_in_the_browser_that_asked_and_as_it_was_given() {
    let world = World::start().await;
    let mut person = world.provider.member(ANA).await;
    let mut eve = world.provider.member("eve@example.com").await;
    let mut visitor = world.visitor();
    let callback = world.to_provider(&mut visitor, &mut person, "/protected").await;
    let of_eve = world.to_provider(&mut world.visitor(), &mut eve, "/protected").await;
    let parameters = |callback: &str| {
        let query = callback.split_once('?').unwrap().1.to_owned();
        serde_urlencoded::from_str::<Vec<(String, String)>>(&query).unwrap()
    };
    let with = |name: &str, value: Option<&str>| {
        let mut all = parameters(&callback);
        all.retain(|(known, _)| known != name);
        all.extend(value.map(|value| (name.to_owned(), value.to_owned())));
        format!("/auth/callback?{}", serde_urlencoded::to_string(all).unwrap())
    };
    let value = |callback: &str, wanted: &str| {
        parameters(callback).into_iter().find(|(name, _)| name == wanted).unwrap().1
    };
    let state = value(&callback, "state");
    let other_end = format!("{}x", &state[..state.len() - 1]);
    is_refused(&world.visitor().get(&callback).await, 400, NOT_HERE);
    for forged in [
        of_eve.clone(),
        with("state", None),
        with("state", Some("")),
        with("state", Some(&state[..8])),
        with("state", Some(&other_end)),
        with("state", Some(&format!("{state}x"))),
        with("state", Some("ä")),
        with("state", Some(&value(&of_eve, "state"))),
        with("iss", None),
        with("iss", Some("")),
        with("iss", Some("https://evil.example")),
        with("iss", Some(&format!("{}/", world.issuer))),
        format!("{callback}&state={state}"),
        format!("{callback}&iss=https://evil.example"),
        format!("/auth/callback?error=access_denied&state={other_end}&iss={}", world.issuer),
        format!("/auth/callback?error=access_denied&state={state}&iss=https://evil.example"),
        "/auth/callback".to_owned(),
        "/auth/callback?%zz".to_owned(),
        format!("/auth/callback?{}", "a=b&".repeat(60)),
    ] {
        is_refused(&visitor.get(&forged).await, 400, NOT_HERE);
    }
    assert_eq!(visitor.get(&callback).await.location(), "/protected", "no forgery took the attempt away");
}

/// What is sealed in one browser is of no use in another attempt.
#[tokio::test]
async fn class_16_attempts_do_not_stand_in_for_each_other() {
    let world = World::start().await;
    let mut person = world.provider.member(ANA).await;
    let mut visitor = world.visitor();
    let first = world.to_provider(&mut visitor, &mut person, "/protected").await;
    let names: Vec<_> = visitor.jar.keys().cloned().collect();
    world.to_provider(&mut visitor, &mut person, "/protected").await;
    let other = visitor.jar.keys().find(|name| **name != names[0]).unwrap().clone();
    let mut swapped = world.visitor();
    swapped.jar.insert(names[0].clone(), visitor.jar[&other].clone());
    is_refused(&swapped.get(&first).await, 400, NOT_HERE);
    let mut session = world.visitor();
    let (signed_in, _) = {
        let mut copy = visitor.clone();
        let answer = copy.get(&first).await;
        (copy, answer)
    };
    session.jar.insert(other, signed_in.jar[SESSION].clone());
    assert_eq!(session.get("/protected").await.status, 303);
}

#[tokio::test]
async fn a_sign_in_that_waited_for_an_hour_is_over() {
    let world = World::start().await;
    let mut person = world.provider.member(ANA).await;
    let mut visitor = world.visitor();
    let callback = world.to_provider(&mut visitor, &mut person, "/protected").await;
    let asked = world.watch.asked("/token");
    world.provider.turn(Duration::from_hours(1));
    is_refused(&visitor.get(&callback).await, 400, NOT_HERE);
    assert_eq!(world.watch.asked("/token"), asked);
}

#[tokio::test]
async fn whoever_says_no_is_told_so_and_can_begin_again() {
    let world = World::with(json!({ "first_party": false })).await;
    let mut person = world.provider.member(ANA).await;
    let mut visitor = world.visitor();
    let choose = async |visitor: &mut Browser, person: &mut Browser, choice: &str| {
        let to = visitor.get("/protected").await.location().strip_prefix(&world.issuer).unwrap().to_owned();
        let to = person.get(&to).await.location().to_owned();
        let id = person.get(&to).await.hidden("id");
        let answer = person.choose("/authorize/consent", &id, choice).await;
        answer.location().strip_prefix(APP).unwrap().to_owned()
    };
    let back = choose(&mut visitor, &mut person, "deny").await;
    let answer = visitor.get(&back).await;
    is_refused(&answer, 403, "You are not signed in");
    assert!(answer.body.contains("href=\"/auth/sign-in?return_to=%2Fprotected\""), "{}", answer.body);
    assert!(visitor.jar.is_empty(), "the attempt is over");
    is_refused(&visitor.get(&back).await, 400, NOT_HERE);
    let back = choose(&mut visitor, &mut person, "allow").await;
    assert_eq!(visitor.get(&back).await.location(), "/protected");
}

/// A code that the provider does not take: a minute old here.
#[tokio::test]
async fn a_code_that_is_worthless_signs_nobody_in() {
    let world = World::start().await;
    let mut person = world.provider.member(ANA).await;
    let mut visitor = world.visitor();
    let callback = world.to_provider(&mut visitor, &mut person, "/protected").await;
    world.provider.turn(Duration::from_mins(2));
    is_refused(&visitor.get(&callback).await, 502, "The sign-in did not succeed");
    assert!(!is_let_in(&mut visitor).await);
}

/// Over https both cookies are bound to the very host.
#[tokio::test]
async fn class_09_over_https_no_sibling_host_can_plant_a_cookie() {
    let world = World::start().await;
    let process = world.process(|settings| settings.app_url = "https://app.example.com".parse().unwrap());
    let answer = visitor(&process).get("/protected").await;
    let cookie = answer.cookies()[0].to_owned();
    assert!(cookie.starts_with("__Host-wiki-sign-in-"), "{cookie}");
    assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=3600"), "{cookie}");
    let cleared = visitor(&process).post("/auth/sign-out", &[]).await.cookies()[0].to_owned();
    assert_eq!(cleared, "__Host-wiki-session=; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=0");
}
