//! Mail that cannot be sent is neither lost nor kept for ever.

use std::time::Duration;

use crate::people::{browser, email};
use crate::world::{PASSWORD, World};

const INSTANT: Duration = Duration::from_micros(1);

async fn with_mail() -> World {
    let world = World::new().await;
    world.sign_up("ana", PASSWORD, &browser(1)).await;
    world
}

async fn payloads(world: &World) -> i64 {
    world.number("SELECT count(*) FROM outbox WHERE payload IS NOT NULL").await
}

async fn states(world: &World) -> Vec<String> {
    let list = store::outbox::list(&mut world.store.read().await.unwrap(), 100).await.unwrap();
    list.into_iter().map(|mail| mail.state).collect()
}

#[tokio::test]
async fn a_mail_is_tried_again_after_twice_as_long_and_given_up_after_twelve() {
    let world = with_mail().await;
    let mut waits = Vec::new();
    for attempt in 1..=12 {
        let taken = world.auth.take_mail(10).await.unwrap();
        assert_eq!(taken.len(), 1, "try {attempt}");
        assert_eq!(taken[0].attempts, attempt);
        let wait = world.auth.put_off(&taken[0], "mailbox unavailable").await.unwrap();
        assert_eq!(world.auth.next_mail().await.unwrap(), wait);
        let Some(wait) = wait else { continue };
        waits.push(wait.as_secs());
        world.turn_to_just_before(wait);
        assert_eq!(world.auth.take_mail(10).await.unwrap().len(), 0, "too early after try {attempt}");
        world.turn(INSTANT);
    }
    assert_eq!(waits, [5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600]);
    assert_eq!(states(&world).await, ["failed"]);
    assert_eq!(payloads(&world).await, 0);
    world.turn(Duration::from_hours(2));
    assert_eq!(world.auth.take_mail(10).await.unwrap().len(), 0);
}

#[tokio::test]
async fn what_a_mail_carried_is_wiped_once_it_is_done_with() {
    for (state, given_up) in [("sent", false), ("failed", true)] {
        let world = with_mail().await;
        assert_eq!(payloads(&world).await, 1);
        let taken = world.auth.take_mail(10).await.unwrap();
        assert_eq!(payloads(&world).await, 1, "held, not sent");
        if given_up {
            world.auth.give_up(taken[0].id, "no such mailbox").await.unwrap();
        } else {
            world.auth.delivered(&taken[0]).await.unwrap();
        }
        assert_eq!(states(&world).await, [state]);
        assert_eq!(payloads(&world).await, 0);
        world.turn(Duration::from_mins(5));
        assert_eq!(world.auth.take_mail(10).await.unwrap().len(), 0, "{state}");
    }
}

#[tokio::test]
async fn a_mail_that_its_worker_forgot_comes_back() {
    let world = with_mail().await;
    let first = world.auth.take_mail(10).await.unwrap();
    assert_eq!(world.auth.take_mail(10).await.unwrap().len(), 0, "held by one worker");
    world.turn_to_just_before(Duration::from_mins(5));
    assert_eq!(world.auth.take_mail(10).await.unwrap().len(), 0);
    let world = world.restart().await;
    world.turn(INSTANT);
    let again = world.auth.take_mail(10).await.unwrap();
    assert_eq!((again.len(), again[0].id, again[0].attempts), (1, first[0].id, 2));
    assert_eq!(again[0].mail.to, email("ana").address());
}

/// What a stop cut short is due at the next start; what was put off keeps its time.
#[tokio::test]
async fn a_start_releases_what_a_worker_held_and_hurries_nothing_else() {
    let world = with_mail().await;
    world.sign_up("ben", PASSWORD, &browser(1)).await;
    let taken = world.auth.take_mail(10).await.unwrap();
    world.auth.put_off(&taken[1], "mailbox unavailable").await.unwrap();
    assert_eq!(world.auth.take_mail(10).await.unwrap().len(), 0);
    world.auth.release_mail().await.unwrap();
    let again = world.auth.take_mail(10).await.unwrap();
    assert_eq!((again.len(), again[0].id), (1, taken[0].id));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_workers_one_gets_each_mail() {
    let world = World::new().await;
    for number in 0..20 {
        world.sign_up(&format!("a{number}"), PASSWORD, &browser(1)).await;
    }
    let workers: Vec<_> = (0..8)
        .map(|_| {
            let auth = world.auth.clone();
            tokio::spawn(async move { auth.take_mail(5).await.unwrap() })
        })
        .collect();
    let mut ids = Vec::new();
    for worker in workers {
        ids.extend(worker.await.unwrap().into_iter().map(|delivery| delivery.id));
    }
    ids.sort_unstable();
    let taken = ids.len();
    ids.dedup();
    assert_eq!((taken, ids.len()), (20, 20));
}

#[tokio::test]
async fn a_mail_whose_code_is_dead_is_not_sent() {
    let world = World::new().await;
    for number in 0..3 {
        world.sign_up(&format!("a{number}"), PASSWORD, &browser(1)).await;
    }
    world.turn(Duration::from_hours(24));
    // However few a worker takes at once.
    for _ in 0..4 {
        let taken = world.auth.take_mail(1).await.unwrap();
        assert!(taken.is_empty(), "{taken:?}");
    }
    world.auth.clean().await.unwrap();
    assert_eq!(states(&world).await, ["expired"; 3]);
    assert_eq!(payloads(&world).await, 0);
}

#[tokio::test]
async fn a_mail_to_nobody_waits_as_any_mail_is_never_sent_and_leaves_nothing() {
    let world = World::new().await;
    world.auth.request_reset(&email("nobody"), None, &browser(1)).await.unwrap();
    // While it waits it is work to do like a mail: no work would show in how long the next request takes.
    assert_eq!(states(&world).await, ["queued"]);
    assert_eq!(world.auth.next_mail().await.unwrap(), Some(Duration::ZERO));
    // And while it is held: it is rendered as a mail is, and written as done with no sooner than one.
    let taken = world.auth.take_mail(10).await.unwrap();
    assert_eq!((taken.len(), taken[0].decoy), (1, true));
    assert_eq!(states(&world).await, ["queued"]);
    world.auth.delivered(&taken[0]).await.unwrap();
    assert!(states(&world).await.is_empty(), "it is listed no more");
    assert_eq!(world.number("SELECT count(*) FROM outbox WHERE state = 'decoy'").await, 1);
    assert_eq!(payloads(&world).await, 0);
    assert_eq!(world.auth.next_mail().await.unwrap(), None);
}

#[tokio::test]
async fn a_mail_that_was_tampered_with_is_given_up_and_stops_nobody() {
    let world = with_mail().await;
    world.sign_up("ben", PASSWORD, &browser(1)).await;
    // That of another: bytes by chance may name a key that is not here, and then it waits for that.
    world.tamper("UPDATE outbox SET payload = (SELECT payload FROM outbox ORDER BY id DESC LIMIT 1) WHERE id = (SELECT id FROM outbox ORDER BY id LIMIT 1)").await;
    assert_eq!(world.auth.take_mail(10).await.unwrap().len(), 1);
    let mut states = states(&world).await;
    states.sort();
    assert_eq!(states, ["failed", "queued"]);
}
