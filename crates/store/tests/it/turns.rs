//! Acts on one thing take turns, and acts on different things do not wait for each other.

use std::sync::Arc;
use std::time::Duration;

use domain::Timestamp;
use store::{Turn, installation};
use tokio::sync::Notify;

use crate::file::{File, NOW, add_user, email, user};
use crate::on_postgres::is_on_postgres;

/// A test that takes so long has failed.
const LONG: Duration = Duration::from_secs(30);

#[tokio::test]
async fn of_two_acts_on_one_thing_the_second_sees_what_the_first_did() {
    let file = File::new().await;
    let address = email("ana");
    let turn = [Turn::Address(address.normalized()), Turn::Account(user(1))];
    let mut first = file.store.begin_in_turn(&turn).await.unwrap();
    let store = file.store.clone();
    let second = tokio::spawn(async move {
        let address = email("ana");
        let mut tx = store.begin_in_turn(&[Turn::Address(address.normalized())]).await.unwrap();
        store::emails::owner(&mut tx, &address).await.unwrap()
    });
    // Nobody is in the way of an act on something else, where several can be.
    if is_on_postgres() {
        let turn = [Turn::Account(user(2))];
        let other = file.store.begin_in_turn(&turn);
        drop(tokio::time::timeout(LONG, other).await.unwrap().unwrap());
    }
    assert!(store::emails::owner(&mut first, &address).await.unwrap().is_none());
    add_user(&mut first, 1, "ana", None).await;
    first.commit().await.unwrap();
    let found = tokio::time::timeout(LONG, second).await.unwrap().unwrap();
    assert_eq!(found.unwrap().user_id, user(1).0);
}

#[tokio::test]
async fn acts_that_name_their_turns_in_another_order_do_not_wait_for_each_other() {
    let file = File::new().await;
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..40 {
        let store = file.store.clone();
        tasks.spawn(async move {
            let mut turns = [Turn::Account(user(1)), Turn::Account(user(2)), Turn::Keys];
            turns.rotate_left(number % 3);
            store.begin_in_turn(&turns).await.unwrap().commit().await.unwrap();
        });
    }
    tokio::time::timeout(LONG, tasks.join_all()).await.unwrap();
}

#[tokio::test]
async fn who_waits_for_an_act_is_woken_when_it_can_be_seen() {
    let file = File::new().await;
    let waiting = Arc::new(Notify::new());
    let mut given_up = file.store.begin().await.unwrap();
    given_up.wake(&waiting);
    drop(given_up);
    let mut tx = file.store.begin().await.unwrap();
    tx.wake(&waiting);
    installation::rp_id(&mut tx, "example.com", NOW).await.unwrap();
    let store = file.store.clone();
    let seen = tokio::spawn({
        let waiting = waiting.clone();
        async move {
            waiting.notified().await;
            let mut tx = store.begin().await.unwrap();
            installation::rp_id(&mut tx, "another.example", Timestamp(0)).await.unwrap()
        }
    });
    tokio::task::yield_now().await;
    tx.commit().await.unwrap();
    assert_eq!(tokio::time::timeout(LONG, seen).await.unwrap().unwrap(), "example.com");
}
