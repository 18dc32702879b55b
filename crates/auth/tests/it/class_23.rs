//! Class 23: checked first, done later, and changed in between. A test holds the database's one place to write while a
//! sign-in is between its check of the password and its session, changes the account, and lets go.

use auth::{Auth, Context, SignIn, SignInError, SignedIn};
use domain::UserId;
use store::Tx;

use crate::world::{PASSWORD, World, browser, email, password};

/// A change of the account while somebody signs in to it.
#[derive(Clone, Copy, Debug)]
enum Change {
    Disabled,
    AnotherPassword,
    Deleted,
}

async fn apply(change: Change, tx: &mut Tx, auth: &Auth, user: UserId) {
    let now = auth.now();
    match change {
        Change::Disabled => store::users::set_disabled(tx, user, Some(now)).await.unwrap(),
        Change::AnotherPassword => store::passwords::set(tx, user, "another", now).await.unwrap(),
        Change::Deleted => assert!(store::users::delete(tx, user).await.unwrap()),
    }
}

async fn sign_in(auth: &Auth, context: &Context) -> Result<SignedIn, SignInError> {
    let request =
        SignIn { email: email("ana"), password: password(PASSWORD), replaces: None, return_to: None };
    auth.sign_in(request, context).await
}

#[tokio::test]
async fn class_23_an_account_changed_during_a_sign_in_does_not_let_it_through() {
    for change in [Change::Disabled, Change::AnotherPassword, Change::Deleted] {
        for second_step in [false, true] {
            let world = World::new().await;
            if second_step {
                world.account_with_second_step("ana", &browser(1)).await;
            } else {
                world.account("ana", &browser(1)).await;
            }
            world.tamper("DELETE FROM sessions").await;
            let mut tx = world.store.begin().await.unwrap();
            let user = UserId(store::emails::owner(&mut tx, &email("ana")).await.unwrap().unwrap().user_id);
            let before = world.clock_reads();
            let auth = world.auth.clone();
            let signing_in = tokio::spawn(async move { sign_in(&auth, &browser(1)).await });
            // It reads the clock for the limiter, and again once the password was found right.
            while world.clock_reads() < before + 2 {
                tokio::task::yield_now().await;
            }
            apply(change, &mut tx, &world.auth, user).await;
            tx.commit().await.unwrap();
            let refused = signing_in.await.unwrap();
            let what = format!("{change:?}, second step {second_step}: {refused:?}");
            assert!(matches!(refused, Err(SignInError::Incorrect)), "{what}");
            assert_eq!(world.count("sessions").await + world.count("artefacts").await, 0, "{what}");
        }
    }
}
