//! The way in and out, as a person goes it.

use auth::{Credential, EvidenceError, ProveError, SignInError, TokenError};

use crate::people::{browser, code, email, password};
use crate::world::{OTHER, PASSWORD, World};

#[tokio::test]
async fn from_sign_up_to_sign_out() {
    let world = World::new().await;
    let here = browser(1);
    let signed_up = world.sign_up("ana", PASSWORD, &here).await;
    assert!(signed_up.created);
    let pending = world.auth.pending_proof(signed_up.proof, &here).await.unwrap().unwrap();
    assert_eq!((pending.email, pending.same_browser), (email("ana"), true));
    let evidence = code(signed_up.proof, &world.mail("ana").await.code());
    let (proved, _) = world.auth.prove_address(&evidence, &Credential::Browser, &here).await.unwrap();
    assert_eq!(proved, email("ana"));

    let current = world.signed_in("ana", &here).await;
    assert_eq!((current.name.as_str(), &current.email), ("Name of ana", &email("ana")));
    assert_eq!(current.proofs.names(), ["pwd"]);
    world.auth.enable_second_step(&current, &here).await.unwrap();
    world.mails("ana").await;

    let attempt = world.attempt("ana", PASSWORD, &here).await;
    let mailed = world.mail("ana").await.code();
    let session = world.auth.second_step(attempt, &mailed, Some(&email("ana")), &here).await.unwrap().session;
    let current = world.current(&session).await.unwrap();
    assert_eq!(current.proofs.names(), ["pwd", "otp", "mfa"]);
    let checked = world.auth.check_token(session.expose_jwt()).await.unwrap();
    assert_eq!((checked.user, checked.session), (current.user, session.id));
    assert_eq!(checked.amr, ["pwd", "otp", "mfa"]);
    let renewed = world.auth.renew_token(&current).unwrap();

    world.auth.sign_out(&current, &here).await.unwrap();
    let tokens = [session.expose_jwt().to_owned(), secrets::ExposeSecret::expose_secret(&renewed).to_owned()];
    for token in &tokens {
        assert!(matches!(world.auth.check_token(token).await, Err(TokenError::Invalid)), "at once");
    }
    assert!(world.current(&session).await.is_none());
    let world = world.restart().await;
    for token in &tokens {
        assert!(matches!(world.auth.check_token(token).await, Err(TokenError::Invalid)), "after a restart");
    }
    assert!(world.current(&session).await.is_none());
}

#[tokio::test]
async fn a_session_and_its_token_outlive_a_restart() {
    let world = World::new().await;
    world.account("ana", &browser(1)).await;
    let session = world.session("ana", PASSWORD, &browser(1)).await;
    let world = world.restart().await;
    assert!(world.current(&session).await.is_some());
    assert!(world.auth.check_token(session.expose_jwt()).await.is_ok());
}

#[tokio::test]
async fn the_link_in_the_browser_that_signed_up_needs_one_press() {
    let world = World::new().await;
    world.sign_up("ana", PASSWORD, &browser(1)).await;
    let link = world.mail("ana").await;
    let token = link.token().unwrap();
    assert!(world.auth.pending_proof_by_link(&token, &browser(1)).await.unwrap().same_browser);
    world.auth.prove_address(&link.link(), &Credential::Browser, &browser(1)).await.unwrap();
    world.session("ana", PASSWORD, &browser(1)).await;
}

#[tokio::test]
async fn the_link_in_another_browser_asks_for_the_password() {
    let world = World::new().await;
    world.sign_up("ana", PASSWORD, &browser(1)).await;
    let link = world.mail("ana").await.link();
    for elsewhere in [browser(2), auth::Context { browser: None, ..browser(1) }] {
        let refused = world.auth.prove_address(&link, &Credential::Browser, &elsewhere).await;
        assert!(matches!(refused, Err(ProveError::OtherBrowser)), "{refused:?}");
        let wrong = Credential::Password(password(OTHER));
        let refused = world.auth.prove_address(&link, &wrong, &elsewhere).await;
        assert!(matches!(refused, Err(ProveError::WrongPassword)), "{refused:?}");
    }
    let right = Credential::Password(password(PASSWORD));
    world.auth.prove_address(&link, &right, &browser(2)).await.unwrap();
    let current = world.signed_in("ana", &browser(2)).await;
    assert_eq!(current.name, "Name of ana", "the account is what its maker wanted");
}

#[tokio::test]
async fn the_link_in_another_browser_takes_a_new_password() {
    let world = World::new().await;
    world.sign_up("ana", PASSWORD, &browser(1)).await;
    let link = world.mail("ana").await.link();
    let weak = Credential::NewPassword(password("too short"));
    let refused = world.auth.prove_address(&link, &weak, &browser(2)).await;
    assert!(matches!(refused, Err(ProveError::Weak(_))), "{refused:?}");
    let fresh = Credential::NewPassword(password(OTHER));
    world.auth.prove_address(&link, &fresh, &browser(2)).await.unwrap();
    assert!(matches!(world.sign_in("ana", PASSWORD, &browser(2)).await, Err(SignInError::Incorrect)));
    world.session("ana", OTHER, &browser(2)).await;
}

#[tokio::test]
async fn an_unproved_address_cannot_sign_in_until_it_is_proved() {
    let world = World::new().await;
    let signed_up = world.sign_up("ana", PASSWORD, &browser(1)).await;
    let refused = world.sign_in("ana", PASSWORD, &browser(1)).await;
    assert!(matches!(refused, Err(SignInError::Incorrect)), "{refused:?}");
    assert_eq!(world.count("sessions").await, 0);
    let evidence = code(signed_up.proof, &world.mail("ana").await.code());
    world.auth.prove_address(&evidence, &Credential::Browser, &browser(1)).await.unwrap();
    world.session("ana", PASSWORD, &browser(1)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_sign_ups_of_one_address_at_one_instant_make_one_account() {
    let world = World::new().await;
    let tasks: Vec<_> = (1..=4)
        .map(|number| {
            let auth = world.auth.clone();
            tokio::spawn(async move {
                auth.sign_up(crate::people::form("ana", PASSWORD), &browser(number)).await.unwrap().created
            })
        })
        .collect();
    let mut created = Vec::new();
    for task in tasks {
        created.push(task.await.unwrap());
    }
    assert_eq!(created.iter().filter(|created| **created).count(), 1, "{created:?}");
    // What the others wrote belongs to nobody.
    while world.auth.clean().await.unwrap() > 0 {}
    assert_eq!((world.count("users").await, world.count("emails").await), (1, 1));
    assert_eq!((world.count("artefacts").await, world.count("outbox").await), (4, 4));
}

#[tokio::test]
async fn another_account_cannot_end_this_ones_session() {
    let world = World::new().await;
    world.account("ana", &browser(1)).await;
    world.account("eve", &browser(2)).await;
    let ana = world.session("ana", PASSWORD, &browser(1)).await;
    let eve = world.signed_in("eve", &browser(2)).await;
    assert!(!world.auth.end_session(&eve, ana.id, &browser(2)).await.unwrap());
    assert!(!world.auth.sign_out_by_token(eve.user, ana.id, &browser(2)).await.unwrap());
    let again = auth::SignIn {
        email: email("eve"),
        password: password(PASSWORD),
        replaces: Some(ana.id),
        return_to: None,
    };
    world.auth.sign_in(again, &browser(2)).await.unwrap();
    assert!(world.current(&ana).await.is_some());
    let gone = world.auth.pending_proof_by_link("", &browser(1)).await;
    assert!(matches!(gone, Err(EvidenceError::Gone)));
}

/// Whoever signed up on the way to an app, and opened the mail on another device, was sent there to a request that goes on in the
/// first alone: it "had expired".
#[tokio::test]
async fn an_app_s_request_goes_on_only_where_it_began() {
    let waiting = "/authorize/continue?id=0b1c2d3e-4f50-4111-8222-93a4b5c6d7e8";
    for (to, opens, expected) in [
        (waiting, browser(1), Some(waiting)),
        (waiting, browser(2), None),
        ("/account/apps", browser(2), Some("/account/apps")),
    ] {
        let world = World::new().await;
        let request = auth::SignUp { return_to: Some(to.to_owned()), ..crate::people::form("ana", PASSWORD) };
        world.auth.sign_up(request, &browser(1)).await.unwrap();
        let link = world.mail("ana").await.link();
        let credential = auth::Credential::Password(password(PASSWORD));
        let (_, led_to) = world.auth.prove_address(&link, &credential, &opens).await.unwrap();
        assert_eq!(led_to.as_deref(), expected, "{to}");
    }
}
