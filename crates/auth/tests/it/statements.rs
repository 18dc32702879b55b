//! How often the database is asked: what each kind of sign-in takes, and what a warm check does not. Beginning and ending a transaction is
//! not counted, nor what asks by itself at times.

use auth::{Auth, Context, NewSession, SignIn, SignedIn};
use store::ephemeral::Ephemeral;

use crate::on_postgres::is_on_postgres;
use crate::people::{browser, email, password};
use crate::world::{PASSWORD, World};

/// One of several processes: what it ends it also has to tell the others.
async fn process(world: &World) -> Auth {
    world.one_of_several(Ephemeral::memory()).await
}

fn ask(replaces: Option<&NewSession>) -> SignIn {
    SignIn {
        email: email("ana"),
        password: password(PASSWORD),
        replaces: replaces.map(|session| session.id),
        return_to: None,
    }
}

async fn sign_in(auth: &Auth, replaces: Option<&NewSession>, context: &Context) -> NewSession {
    match auth.sign_in(ask(replaces), context).await.unwrap() {
        SignedIn::Session(session) => session,
        step @ SignedIn::SecondStep { .. } => panic!("no session: {step:?}"),
    }
}

/// Counts what is asked meanwhile.
async fn counted<T>(auth: &Auth, act: impl Future<Output = T>) -> (u64, T) {
    let before = auth.activity().statements;
    let done = act.await;
    (auth.activity().statements - before, done)
}

#[tokio::test]
async fn a_sign_in_takes_four_statements_and_a_warm_check_none() {
    if !is_on_postgres() {
        return;
    }
    let world = World::new().await;
    world.account("ana", &browser(1)).await;
    for auth in [&**world.auth, &process(&world).await] {
        for here in [browser(1), browser(2)] {
            let (asked, _session) = counted(auth, Box::pin(sign_in(auth, None, &here))).await;
            assert_eq!(asked, 4, "of the account, its session, its browser, and the trail");
        }
    }
    let session = world.session("ana", PASSWORD, &browser(1)).await;
    world.auth.check_token(session.expose_jwt()).await.unwrap();
    let (asked, ()) = counted(&world.auth, async {
        for _ in 0..100 {
            world.auth.check_token(session.expose_jwt()).await.unwrap();
        }
    })
    .await;
    assert_eq!(asked, 0);
}

#[tokio::test]
async fn to_prove_again_who_one_is_takes_four_statements_telling_others_included() {
    if !is_on_postgres() {
        return;
    }
    let world = World::new().await;
    world.account("ana", &browser(1)).await;
    for (auth, expected) in [(&**world.auth, 3), (&process(&world).await, 4)] {
        let old = sign_in(auth, None, &browser(1)).await;
        let (asked, new) = counted(auth, Box::pin(sign_in(auth, Some(&old), &browser(1)))).await;
        assert_eq!(asked, expected, "of the account, its session, the trail, and what others are told");
        assert!(auth.current(old.expose_token()).await.unwrap().is_none());
        assert!(auth.current(new.expose_token()).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn each_of_two_steps_takes_at_most_five_statements() {
    if !is_on_postgres() {
        return;
    }
    let world = World::new().await;
    world.account_with_second_step("ana", &browser(1)).await;
    for (auth, told) in [(&**world.auth, 0), (&process(&world).await, 1)] {
        let mut old = None;
        for expected in [5, 4 + told] {
            let (asked, step) = counted(auth, Box::pin(auth.sign_in(ask(old.as_ref()), &browser(1)))).await;
            let SignedIn::SecondStep { attempt } = step.unwrap() else { panic!("no second step") };
            assert_eq!(asked, 4, "of the account, its code, the mail, and the trail");
            let code = world.mail("ana").await.code();
            let (asked, stepped) =
                counted(auth, Box::pin(auth.second_step(attempt, &code, None, &browser(1)))).await;
            assert_eq!(
                asked, expected,
                "of the code twice, the session, the browser or others, and the trail"
            );
            old = Some(stepped.unwrap().session);
        }
    }
}

/// Nor is there a kind of refusal that costs more than what it refuses.
#[tokio::test]
async fn a_refusal_takes_at_most_four_statements() {
    if !is_on_postgres() {
        return;
    }
    let world = World::new().await;
    world.account_with_second_step("ana", &browser(1)).await;
    let auth = &**world.auth;
    let wrong = || SignIn { password: password("not it at all"), ..ask(None) };
    auth.sign_in(wrong(), &browser(1)).await.unwrap_err();
    let (asked, refused) = counted(auth, Box::pin(auth.sign_in(wrong(), &browser(1)))).await;
    refused.unwrap_err();
    assert_eq!(asked, 2, "of the account, and the trail");
    let attempt = world.attempt("ana", PASSWORD, &browser(1)).await;
    // No code is seven digits long.
    let (asked, refused) =
        counted(auth, Box::pin(auth.second_step(attempt, "1234567", None, &browser(1)))).await;
    refused.unwrap_err();
    assert_eq!(asked, 4, "of the code, its tries, whose it is, and the trail");
}
