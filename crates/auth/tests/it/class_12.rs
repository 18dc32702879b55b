//! Class 12: one path to a credential without the limit.

use std::sync::Arc;
use std::time::Duration;

use auth::{
    Context, Credential, Current, DeleteError, Evidence, EvidenceError, PasswordChangeError, ProveError,
    SecondStepError, SignInError, StepError, TooMany,
};

use crate::artefacts::{EVERY, mailed, show};
use crate::people::{browser, code, email, password};
use crate::world::{OTHER, PASSWORD, World};

/// Every path on which a password is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Path {
    SignIn,
    ChangePassword,
    DisableSecondStep,
    DeleteAccount,
    Prove,
}

const PATHS: [Path; 5] =
    [Path::SignIn, Path::ChangePassword, Path::DisableSecondStep, Path::DeleteAccount, Path::Prove];

#[derive(Debug, PartialEq, Eq)]
enum Tried {
    Right,
    Wrong,
    TooMany(Duration),
}

/// Somebody with ana's open session and her proof of address in hand, in a browser that never signed in to her account.
struct Stranger {
    world: World,
    current: Current,
    proof: Evidence,
}

impl Stranger {
    async fn new() -> Self {
        let world = World::with(|settings| settings.accounts.require_proof = false).await;
        world.sign_up("ana", PASSWORD, &browser(1)).await;
        let proof = world.mail("ana").await.link();
        let current = world.signed_in("ana", &browser(1)).await;
        Self { world, current, proof }
    }

    async fn tries(&self, path: Path, secret: &str) -> Tried {
        let (auth, here, typed) = (&self.world.auth, browser(9), password(secret));
        match path {
            Path::SignIn => match self.world.sign_in("ana", secret, &browser(8)).await {
                Ok(_) => Tried::Right,
                Err(SignInError::Incorrect) => Tried::Wrong,
                Err(SignInError::TooMany(TooMany { retry_after, .. })) => Tried::TooMany(retry_after),
                Err(SignInError::Fault(fault)) => panic!("{fault}"),
            },
            Path::ChangePassword => {
                match auth.change_password(&self.current, &typed, &password(OTHER), &here).await {
                    Ok(_) => Tried::Right,
                    Err(PasswordChangeError::WrongPassword) => Tried::Wrong,
                    Err(PasswordChangeError::TooMany(TooMany { retry_after, .. })) => {
                        Tried::TooMany(retry_after)
                    }
                    Err(other) => panic!("{other}"),
                }
            }
            Path::DisableSecondStep => {
                match auth.disable_second_step(&self.current, &typed, None, &here).await {
                    Ok(_) => Tried::Right,
                    Err(SecondStepError::WrongPassword) => Tried::Wrong,
                    Err(SecondStepError::TooMany(TooMany { retry_after, .. })) => Tried::TooMany(retry_after),
                    Err(other) => panic!("{other}"),
                }
            }
            Path::DeleteAccount => match auth.delete_account(&self.current, &typed, &here).await {
                Ok(()) => Tried::Right,
                Err(DeleteError::WrongPassword) => Tried::Wrong,
                Err(DeleteError::TooMany(TooMany { retry_after, .. })) => Tried::TooMany(retry_after),
                Err(other) => panic!("{other}"),
            },
            Path::Prove => match auth.prove_address(&self.proof, &Credential::Password(typed), &here).await {
                Ok(_) => Tried::Right,
                Err(ProveError::WrongPassword) => Tried::Wrong,
                Err(ProveError::TooMany(TooMany { retry_after, .. })) => Tried::TooMany(retry_after),
                Err(other) => panic!("{other}"),
            },
        }
    }
}

#[tokio::test]
async fn class_12_every_path_to_a_password_has_one_budget_and_is_never_locked() {
    for spent_on in PATHS {
        for asked in PATHS {
            let stranger = Stranger::new().await;
            for number in 0..10 {
                assert_eq!(stranger.tries(spent_on, "not it").await, Tried::Wrong, "{spent_on:?} {number}");
            }
            for secret in ["not it", PASSWORD] {
                let tried = stranger.tries(asked, secret).await;
                let Tried::TooMany(wait) = tried else { panic!("{spent_on:?} then {asked:?}: {tried:?}") };
                assert!(!wait.is_zero() && wait <= Duration::from_mins(1), "{wait:?}");
            }
            // Hours of failures later the right password still takes a minute at the most.
            for _ in 0..30 {
                stranger.world.turn(Duration::from_mins(1));
                assert_eq!(stranger.tries(spent_on, "not it").await, Tried::Wrong);
                assert!(matches!(stranger.tries(asked, PASSWORD).await, Tried::TooMany(_)));
            }
            stranger.world.turn(Duration::from_mins(1));
            assert_eq!(stranger.tries(asked, PASSWORD).await, Tried::Right, "{spent_on:?} then {asked:?}");
        }
    }
}

#[tokio::test]
async fn class_12_a_stranger_does_not_keep_the_owner_out() {
    let stranger = Stranger::new().await;
    for _ in 0..12 {
        stranger.tries(Path::SignIn, "not it").await;
    }
    let world = &stranger.world;
    world.session("ana", PASSWORD, &browser(1)).await;
    for _ in 0..10 {
        assert!(matches!(world.sign_in("ana", "not it", &browser(1)).await, Err(SignInError::Incorrect)));
    }
    let refused = world.sign_in("ana", PASSWORD, &browser(1)).await;
    assert!(matches!(refused, Err(SignInError::TooMany(_))), "a known browser has a budget too: {refused:?}");
}

/// Neither does one who shares the owner's network: an office, a school. (Their failures counted for her browser too.)
#[tokio::test]
async fn class_12_a_stranger_in_the_same_network_does_not_keep_the_owner_out() {
    let world = World::new().await;
    let own = browser(1);
    world.account_with_second_step("ana", &own).await;
    let stranger = Context { browser: Some([9; 32]), ..browser(1) };
    let failed = async |name: &str| world.sign_in(name, "not it", &stranger).await;
    for number in 0..100 {
        assert!(matches!(failed(&format!("nobody-{number}")).await, Err(SignInError::Incorrect)), "{number}");
    }
    let spent = failed("nobody").await;
    assert!(matches!(spent, Err(SignInError::TooMany(_))), "the network's budget is spent: {spent:?}");
    world.mails("ana").await;
    let attempt = world.attempt("ana", PASSWORD, &own).await;
    let code = world.mail("ana").await.code();
    world.auth.second_step(attempt, &code, None, &own).await.expect("her own browser");
}

#[tokio::test]
async fn class_12_right_passwords_cost_nothing() {
    let world = World::new().await;
    world.account("ana", &browser(1)).await;
    for _ in 0..150 {
        world.session("ana", PASSWORD, &browser(2)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn class_12_many_at_once_do_not_pass_more_than_the_budget() {
    let world = Arc::new(World::new().await);
    world.account("ana", &browser(1)).await;
    for name in ["ana", "nobody"] {
        let tasks: Vec<_> = (0..64)
            .map(|_| {
                let world = world.clone();
                tokio::spawn(async move { world.sign_in(name, "not it", &browser(2)).await })
            })
            .collect();
        let (mut wrong, mut many) = (0, 0);
        for task in tasks {
            match task.await.unwrap() {
                Err(SignInError::Incorrect) => wrong += 1,
                Err(SignInError::TooMany(_)) => many += 1,
                other => panic!("{other:?}"),
            }
        }
        assert_eq!((wrong, many), (10, 54), "{name}");
    }
}

#[tokio::test]
async fn class_12_a_try_that_was_turned_away_costs_nothing_elsewhere() {
    let world = World::with(|settings| settings.limits.network_failures = 3).await;
    world.account_with_second_step("ana", &browser(1)).await;
    // Not hers: that has a budget of its own.
    let new = Context { browser: Some([3; 32]), ..browser(1) };
    let attempt = world.attempt("ana", PASSWORD, &new).await;
    let right = world.mail("ana").await.code();
    let crowd = Context { browser: None, ..browser(1) };
    for _ in 0..3 {
        assert!(world.sign_in("nobody", "not it", &crowd).await.is_err());
    }
    // The network is used up: the account's twenty guesses are not.
    for _ in 0..30 {
        let refused = world.auth.second_step(attempt, &right, None, &new).await;
        assert!(matches!(refused, Err(StepError::Evidence(EvidenceError::TooMany(_)))), "{refused:?}");
    }
    let elsewhere = Context { network: browser(2).network, ..new };
    world.auth.second_step(attempt, &right, None, &elsewhere).await.unwrap();
}

/// Whoever floods from one network must not use up what others may be sent, once that network has had its own.
#[tokio::test]
async fn class_12_a_mail_that_was_turned_away_costs_nothing_elsewhere() {
    let world = World::with(|settings| settings.limits.network_mails = 6).await;
    world.account("ana", &browser(1)).await;
    world.account("eve", &browser(2)).await;
    let eve = world.signed_in("eve", &browser(2)).await;
    let flood = browser(9);
    for number in 0..6 {
        world.auth.request_reset(&email(&format!("a{number}")), None, &flood).await.unwrap();
    }
    for _ in 0..10 {
        assert!(world.auth.request_reset(&email("ana"), None, &flood).await.is_err());
        assert!(world.auth.request_email_change(&eve, &email("ana"), &flood).await.is_err());
        assert!(world.auth.sign_up(crate::people::form("ana", OTHER), &flood).await.is_err());
    }
    // Ana's mail of the sign-up is one of the five.
    for _ in 0..4 {
        world.auth.request_reset(&email("ana"), None, &browser(3)).await.expect("her budget is her own");
    }
}

/// A change of address mails two people: where one has had enough, the other is not charged.
#[tokio::test]
async fn class_12_a_change_of_address_that_was_turned_away_costs_the_other_end_nothing() {
    let world = World::new().await;
    world.account("eve", &browser(2)).await;
    let eve = world.signed_in("eve", &browser(2)).await;
    for _ in 0..4 {
        world.auth.request_reset(&email("eve"), None, &browser(3)).await.unwrap();
    }
    for _ in 0..10 {
        assert!(world.auth.request_email_change(&eve, &email("ana"), &browser(3)).await.is_err());
    }
    for _ in 0..5 {
        world.auth.request_reset(&email("ana"), None, &browser(4)).await.expect("nothing was mailed to her");
    }
}

/// Whoever has found out the old password has signed in with it: their browser kept its own budget of tries at the new one.
#[tokio::test]
async fn class_12_a_new_password_forgets_the_browsers_that_knew_the_old_one() {
    for by_second_step in [false, true] {
        let world = World::new().await;
        let (own, thief) = (browser(1), browser(2));
        world.account("ana", &own).await;
        world.session("ana", PASSWORD, &thief).await;
        let current = world.signed_in("ana", &own).await;
        let (present, new) = (password(PASSWORD), password(OTHER));
        if by_second_step {
            world.auth.disable_second_step(&current, &present, Some(&new), &own).await.unwrap();
        } else {
            world.auth.change_password(&current, &present, &new, &own).await.unwrap();
        }
        let stranger = auth::Context { browser: Some([9; 32]), ..thief.clone() };
        for _ in 0..10 {
            assert!(world.sign_in("ana", "not it", &stranger).await.is_err());
        }
        let refused = world.sign_in("ana", OTHER, &thief).await;
        assert!(matches!(refused, Err(SignInError::TooMany(_))), "one budget with strangers: {refused:?}");
        world.session("ana", OTHER, &own).await;
    }
}

/// A stranger once kept anybody from a new password: five mails an hour to an address, whoever asked for them.
#[tokio::test]
async fn class_12_a_stranger_does_not_keep_the_owner_from_a_new_password() {
    let world = World::new().await;
    world.account("ana", &browser(1)).await;
    let current = world.signed_in("ana", &browser(1)).await;
    for _ in 0..4 {
        world.auth.request_reset(&email("ana"), None, &browser(9)).await.unwrap();
    }
    assert!(world.auth.request_reset(&email("ana"), None, &browser(9)).await.is_err());
    assert!(
        world.auth.request_reset(&email("ana"), None, &browser(2)).await.is_err(),
        "a browser that she never used"
    );
    for _ in 0..4 {
        world.auth.request_reset(&email("ana"), None, &browser(1)).await.expect("her own browser");
    }
    world
        .auth
        .request_email_change(&current, &email("ana.next"), &browser(1))
        .await
        .expect("and of this too");
    assert!(
        world.auth.request_reset(&email("ana"), None, &browser(1)).await.is_err(),
        "that has a bound too"
    );
}

/// What a limit turned away was in the log alone. One entry for each of a flood would be a way to fill the disk.
#[tokio::test]
async fn class_12_what_is_turned_away_is_in_the_trail_once_a_window() {
    for path in PATHS {
        let stranger = Stranger::new().await;
        for round in 1..=2 {
            for _ in 0..25 {
                stranger.tries(path, "not it").await;
            }
            assert_eq!(told(&stranger.world, "account").await, round, "{path:?}");
            stranger.world.turn(Duration::from_mins(15));
        }
    }
    for name in ["ana", "nobody"] {
        let world = World::with(|settings| settings.limits.network_mails = 8).await;
        world.account("ana", &browser(1)).await;
        let flood = browser(9);
        for _ in 0..20 {
            let _ = world.auth.request_reset(&email(name), None, &flood).await;
            let _ = world.auth.sign_up(crate::people::form(name, OTHER), &flood).await;
            for _ in 0..6 {
                let _ = world.auth.pending_reset_by_link("x", &flood).await;
            }
        }
        let expected = [("mails", 1), ("network", 1), ("sign-ups from the network", 0)];
        for (what, times) in expected {
            assert_eq!(told(&world, what).await, times, "{name}: {what}");
        }
    }
    let world = World::new().await;
    for number in 0..40 {
        let _ = world.auth.sign_up(crate::people::form(&format!("a{number}"), OTHER), &browser(9)).await;
    }
    assert_eq!(told(&world, "sign-ups from the network").await, 1);
    for purpose in EVERY {
        let world = World::with(|settings| settings.limits.second_step_guesses = 3).await;
        let artefact = mailed(&world, purpose).await;
        for _ in 0..10 {
            show(&world, purpose, &code(artefact.id, "no code")).await;
        }
        assert_eq!(told(&world, "guesses").await, 1, "{purpose:?}");
    }
    let world = World::new().await;
    world.account_with_second_step("ana", &browser(1)).await;
    for _ in 0..15 {
        let _ = world.sign_in("ana", PASSWORD, &browser(2)).await;
    }
    assert_eq!(told(&world, "second-step mails").await, 1);
}

/// How many entries tell that this budget was spent.
async fn told(world: &World, what: &str) -> i64 {
    let count = "SELECT count(*) FROM audit WHERE outcome = 'refused' AND actor IS NULL AND detail =";
    world.number(&format!("{count} 'too many tries: {what}'")).await
}
