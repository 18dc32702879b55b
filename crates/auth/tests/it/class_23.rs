//! Class 23: checked first, done later, and changed in between. A test holds the account's turn to write while a
//! sign-in is between its check of the password and its session, changes the account, and lets go.

use std::time::Duration;

use auth::{Auth, Context, Current, SignIn, SignInError, SignedIn};
use domain::{DisplayName, UserId};
use store::{Turn, Tx};

use crate::people::{browser, email, password};
use crate::world::{OTHER, PASSWORD, World};

/// A change of the account while somebody signs in to it.
#[derive(Clone, Copy, Debug)]
enum Change {
    Disabled,
    AnotherPassword,
    Deleted,
}

/// A hash of nothing that anybody knows.
const ANOTHER: &str =
    "$argon2id$v=19$m=64,t=1,p=1$CzBVep/E6Q4zWH2ix+wRNg$CzBVep/E6Q4zWH2ix+wRNluApcrvFDleg6jN8hc8YYY";

async fn apply(change: Change, tx: &mut Tx, auth: &Auth, user: UserId) {
    let now = auth.now();
    match change {
        Change::Disabled => store::users::set_disabled(tx, user, Some(now)).await.unwrap(),
        Change::AnotherPassword => store::passwords::set(tx, user, ANOTHER, now).await.unwrap(),
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
            let mut tx = world.store.look().await.unwrap();
            let user = UserId(store::emails::owner(&mut tx, &email("ana")).await.unwrap().unwrap().user_id);
            drop(tx);
            let mut tx = world.store.begin_in_turn(&[Turn::Account(user)]).await.unwrap();
            // It reads the clock for the limiter, and again once the password was found right.
            let halfway = world.clock_read(2);
            let auth = world.auth.clone();
            let signing_in = tokio::spawn(async move { sign_in(&auth, &browser(1)).await });
            halfway.await;
            apply(change, &mut tx, &world.auth, user).await;
            tx.commit().await.unwrap();
            let refused = signing_in.await.unwrap();
            let what = format!("{change:?}, second step {second_step}: {refused:?}");
            assert!(matches!(refused, Err(SignInError::Incorrect)), "{what}");
            assert_eq!(world.count("sessions").await + world.count("artefacts").await, 0, "{what}");
        }
    }
}

/// Every act of somebody signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    ChangeProfile,
    ChangePassword,
    EnableSecondStep,
    DisableSecondStep,
    DisableSecondStepWithNewPassword,
    RequestEmailChange,
    CancelEmailChange,
    EndSession,
    EndOtherSessions,
    DeleteAccount,
}

const ACTS: [Act; 10] = [
    Act::ChangeProfile,
    Act::ChangePassword,
    Act::EnableSecondStep,
    Act::DisableSecondStep,
    Act::DisableSecondStepWithNewPassword,
    Act::RequestEmailChange,
    Act::CancelEmailChange,
    Act::EndSession,
    Act::EndOtherSessions,
    Act::DeleteAccount,
];

impl Act {
    fn asks_for_the_password(self) -> bool {
        matches!(
            self,
            Self::ChangePassword
                | Self::DisableSecondStep
                | Self::DisableSecondStepWithNewPassword
                | Self::DeleteAccount
        )
    }

    /// Does it; whether it was done.
    async fn done(self, auth: &Auth, current: &Current) -> bool {
        let (here, present, new) = (browser(1), password(PASSWORD), password(OTHER));
        match self {
            Self::ChangeProfile => {
                let name = DisplayName::parse("Another").unwrap();
                auth.change_profile(current, &name, None, &here).await.is_ok()
            }
            Self::ChangePassword => auth.change_password(current, &present, &new, &here).await.is_ok(),
            Self::EnableSecondStep => auth.enable_second_step(current, &here).await.is_ok(),
            Self::DisableSecondStep => auth.disable_second_step(current, &present, None, &here).await.is_ok(),
            Self::DisableSecondStepWithNewPassword => {
                auth.disable_second_step(current, &present, Some(&new), &here).await.is_ok()
            }
            Self::RequestEmailChange => {
                auth.request_email_change(current, &email("next"), &here).await.is_ok()
            }
            Self::CancelEmailChange => auth.cancel_email_change(current, &here).await.unwrap_or(false),
            Self::EndSession => auth.end_session(current, current.id, &here).await.unwrap_or(false),
            Self::EndOtherSessions => auth.end_other_sessions(current, &here).await.is_ok(),
            Self::DeleteAccount => auth.delete_account(current, &present, &here).await.is_ok(),
        }
    }
}

/// Everything an act could have changed.
async fn picture(world: &World) -> Vec<i64> {
    let mut counts = Vec::new();
    for sql in [
        "SELECT count(*) FROM users WHERE second_step",
        "SELECT count(*) FROM users WHERE name = 'Another'",
        "SELECT count(*) FROM users",
        "SELECT count(*) FROM sessions",
        "SELECT count(*) FROM email_changes",
        "SELECT count(*) FROM artefacts",
        "SELECT count(*) FROM outbox",
        "SELECT count(*) FROM audit WHERE outcome = 'done'",
    ] {
        counts.push(world.number(sql).await);
    }
    counts
}

async fn world_with_a_change_under_way() -> (World, Current) {
    let world = World::new().await;
    world.account("ana", &browser(1)).await;
    world.session("ana", PASSWORD, &browser(2)).await;
    let current = world.signed_in("ana", &browser(1)).await;
    world.auth.request_email_change(&current, &email("elsewhere"), &browser(1)).await.unwrap();
    (world, current)
}

#[tokio::test]
async fn class_23_every_act_is_done_for_somebody_who_is_still_signed_in() {
    for act in ACTS {
        let (world, current) = world_with_a_change_under_way().await;
        assert!(act.done(&world.auth, &current).await, "{act:?}");
    }
}

#[tokio::test]
async fn class_23_whose_session_ended_since_the_check_of_the_cookie_does_nothing_more() {
    for act in ACTS {
        for (what, change) in [
            ("signed out", "DELETE FROM sessions WHERE device = 'browser 1'"),
            ("disabled", "UPDATE users SET disabled_at = 1"),
            ("idle", "UPDATE sessions SET used_at = 1"),
            ("expired", "UPDATE sessions SET expires_at = 1"),
            ("deleted", "DELETE FROM users"),
        ] {
            let (world, current) = world_with_a_change_under_way().await;
            world.tamper(change).await;
            let before = picture(&world).await;
            assert!(!act.done(&world.auth, &current).await, "{act:?}, {what}");
            assert_eq!(picture(&world).await, before, "{act:?}, {what}");
        }
    }
}

#[tokio::test]
async fn class_23_a_password_changed_during_its_check_does_not_authorise() {
    for act in ACTS.into_iter().filter(|act| act.asks_for_the_password()) {
        let (world, current) = world_with_a_change_under_way().await;
        let before = picture(&world).await;
        let mut tx = world.store.begin_in_turn(&[Turn::Account(current.user)]).await.unwrap();
        // It reads the clock for the limiter, and again when it begins to write.
        let halfway = world.clock_read(2);
        let (auth, asked) = (world.auth.clone(), current.clone());
        let acting = tokio::spawn(async move { act.done(&auth, &asked).await });
        halfway.await;
        apply(Change::AnotherPassword, &mut tx, &world.auth, current.user).await;
        tx.commit().await.unwrap();
        assert!(!acting.await.unwrap(), "{act:?}");
        assert_eq!(picture(&world).await, before, "{act:?}");
    }
}

#[tokio::test]
async fn class_23_a_request_dropped_while_it_commits_leaves_no_session_in_memory() {
    for drop_after in 0..40 {
        let world = World::new().await;
        world.account("ana", &browser(1)).await;
        let session = world.session("ana", PASSWORD, &browser(1)).await;
        let current = world.current(&session).await.unwrap();
        world.auth.check_token(session.expose_jwt()).await.unwrap();
        {
            // The browser hangs up after so many steps of the request.
            let here = browser(1);
            let mut signing_out = std::pin::pin!(world.auth.sign_out(&current, &here));
            for _ in 0..drop_after {
                let step =
                    std::future::poll_fn(|task| std::task::Poll::Ready(signing_out.as_mut().poll(task)));
                if step.await.is_ready() {
                    break;
                }
                tokio::task::yield_now().await;
            }
        }
        // Whoever writes next does so after it.
        drop(world.store.begin_in_turn(&[Turn::Account(current.user)]).await.unwrap());
        let lives = world.count("sessions").await == 1;
        // Whoever commits forgets the session right after, in a task of its own.
        let believed = async { while world.auth.check_token(session.expose_jwt()).await.is_ok() != lives {} };
        let believed = tokio::time::timeout(Duration::from_secs(30), believed).await;
        assert!(believed.is_ok(), "dropped after {drop_after} steps: lives {lives}, believed otherwise");
    }
}
