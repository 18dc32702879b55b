//! How often the database is asked: what a sign-in takes, and what a warm check does not.

use crate::on_postgres::is_on_postgres;
use crate::people::browser;
use crate::world::{PASSWORD, World};

#[tokio::test]
async fn a_sign_in_takes_four_statements_and_a_warm_check_none() {
    if !is_on_postgres() {
        return;
    }
    let world = World::new().await;
    world.account("ana", &browser(1)).await;
    let before = world.store.statements();
    let session = world.session("ana", PASSWORD, &browser(1)).await;
    assert_eq!(
        world.store.statements() - before,
        4,
        "of the account, its session, its browser, and the trail"
    );
    world.auth.check_token(session.expose_jwt()).await.unwrap();
    let before = world.store.statements();
    for _ in 0..100 {
        world.auth.check_token(session.expose_jwt()).await.unwrap();
    }
    assert_eq!(world.store.statements(), before);
}
