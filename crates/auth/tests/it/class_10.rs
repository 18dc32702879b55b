//! Class 10: an account taken over by whoever signed up with its address first.

use auth::{Context, Credential, NewSession, Settings, SignInError, SignUp, TokenError};

use crate::people::{browser, code, email, form, password};
use crate::world::{OTHER, PASSWORD, World};

/// Eve's browser, and the victim's.
fn eve() -> Context {
    browser(6)
}

fn victim() -> Context {
    browser(1)
}

fn lax(settings: &mut Settings) {
    settings.accounts.require_proof = false;
}

/// How the victim comes to own the address.
#[derive(Clone, Copy, Debug)]
enum Way {
    LinkAndNewPassword,
    SecondSignUpByCode,
    SecondSignUpByLink,
    Reset,
}

const WAYS: [Way; 4] =
    [Way::LinkAndNewPassword, Way::SecondSignUpByCode, Way::SecondSignUpByLink, Way::Reset];

async fn claim(world: &World, way: Way) {
    let auth = &world.auth;
    let first = world.mail("ana").await.link();
    match way {
        Way::LinkAndNewPassword => {
            let refused = auth.prove_address(&first, &Credential::Browser, &victim()).await;
            assert!(refused.is_err(), "a click alone activated a stranger's password");
            let fresh = Credential::NewPassword(password(OTHER));
            auth.prove_address(&first, &fresh, &victim()).await.unwrap();
        }
        Way::SecondSignUpByCode | Way::SecondSignUpByLink => {
            let mine = SignUp { name: "Ana".to_owned().try_into().unwrap(), ..form("ana", OTHER) };
            let proof = auth.sign_up(mine, &victim()).await.unwrap().proof;
            let mail = world.mail("ana").await;
            let evidence =
                if matches!(way, Way::SecondSignUpByCode) { code(proof, &mail.code()) } else { mail.link() };
            auth.prove_address(&evidence, &Credential::Browser, &victim()).await.unwrap();
        }
        Way::Reset => {
            auth.request_reset(&email("ana"), None, &victim()).await.unwrap();
            let link = world.mail("ana").await.link();
            auth.reset_password(&link, &password(OTHER), &victim()).await.unwrap();
        }
    }
}

/// Whatever Eve set up is gone, and the account is the victim's.
async fn assert_nothing_left(world: &World, way: Way, session: Option<&NewSession>) {
    let refused = world.sign_in("ana", PASSWORD, &eve()).await;
    assert!(matches!(refused, Err(SignInError::Incorrect)), "{way:?}: {refused:?}");
    if let Some(session) = session {
        assert!(world.current(session).await.is_none(), "{way:?}: Eve's session lives");
        let refused = world.auth.check_token(session.expose_jwt()).await;
        assert!(matches!(refused, Err(TokenError::Invalid)), "{way:?}: Eve's token holds");
    }
    assert_eq!(world.count("known_browsers").await, 0, "{way:?}");
    assert_eq!(world.count("artefacts").await, 0, "{way:?}: Eve's code is still good");
    assert_eq!(world.count("email_changes").await, 0, "{way:?}");
    let mine = world.session("ana", OTHER, &victim()).await;
    let current = world.current(&mine).await.unwrap();
    assert!(!current.second_step, "{way:?}");
    assert!(["", "Ana"].contains(&current.name.as_str()), "{way:?}: {}", current.name);
    assert_eq!(world.auth.count_sessions(&current).await.unwrap(), 1, "{way:?}");
}

#[tokio::test]
async fn class_10_whoever_proves_the_address_undoes_what_was_set_before() {
    for way in WAYS {
        let world = World::new().await;
        let planted = SignUp { second_step: true, ..form("ana", PASSWORD) };
        world.auth.sign_up(planted, &eve()).await.unwrap();
        claim(&world, way).await;
        assert_nothing_left(&world, way, None).await;
    }
}

#[tokio::test]
async fn class_10_so_it_is_where_unproved_addresses_may_sign_in() {
    for way in WAYS {
        let world = World::with(lax).await;
        world.sign_up("ana", PASSWORD, &eve()).await;
        let session = world.session("ana", PASSWORD, &eve()).await;
        world.auth.check_token(session.expose_jwt()).await.unwrap();
        let current = world.current(&session).await.unwrap();
        let session = world.auth.enable_second_step(&current, &eve()).await.unwrap();
        let current = world.current(&session).await.unwrap();
        world.auth.request_email_change(&current, &email("eve"), &eve()).await.unwrap();
        let agreed = world.mail("eve").await.link();
        world.auth.confirm_email_change(auth::Side::New, &agreed, None, &eve()).await.unwrap();
        // Of all the mails only the first is of use to the victim.
        world.mails("ana").await;
        if matches!(way, Way::LinkAndNewPassword) {
            world.auth.sign_up(form("ana", PASSWORD), &eve()).await.unwrap();
        } else {
            world.auth.request_reset(&email("ana"), None, &eve()).await.unwrap();
        }
        claim(&world, way).await;
        assert_nothing_left(&world, way, Some(&session)).await;
    }
}

#[tokio::test]
async fn class_10_signing_up_with_a_proved_address_changes_nothing() {
    let world = World::new().await;
    world.account("ana", &victim()).await;
    let signed_up = world.sign_up("ana", OTHER, &eve()).await;
    assert!(!signed_up.created);
    let mails = world.mails("ana").await;
    assert!(matches!(mails[..], [auth::Message::AlreadyRegistered]), "{mails:?}");
    for number in 0..5 {
        let evidence = code(signed_up.proof, &format!("{number:06}"));
        assert!(world.auth.prove_address(&evidence, &Credential::Browser, &eve()).await.is_err());
    }
    world.session("ana", PASSWORD, &victim()).await;
}

#[tokio::test]
async fn class_10_a_click_on_a_strangers_sign_up_does_not_activate_their_password() {
    let world = World::new().await;
    world.sign_up("ana", PASSWORD, &victim()).await;
    world.mail("ana").await;
    world.sign_up("ana", OTHER, &eve()).await;
    let strangers = world.mail("ana").await.link();
    let mine = Credential::Password(password(PASSWORD));
    for credential in [Credential::Browser, mine] {
        assert!(world.auth.prove_address(&strangers, &credential, &victim()).await.is_err());
    }
}

#[tokio::test]
async fn class_10_an_unproved_address_moves_to_whoever_proves_it() {
    let world = World::with(lax).await;
    world.sign_up("shared", PASSWORD, &eve()).await;
    let squatter = world.session("shared", PASSWORD, &eve()).await;
    world.auth.check_token(squatter.expose_jwt()).await.unwrap();
    world.mail("shared").await;
    world.account("ana", &victim()).await;
    let current = world.signed_in("ana", &victim()).await;
    world.auth.request_email_change(&current, &email("shared"), &victim()).await.unwrap();
    for (side, name) in [(auth::Side::Old, "ana"), (auth::Side::New, "shared")] {
        let link = world.mail(name).await.link();
        world.auth.confirm_email_change(side, &link, None, &victim()).await.unwrap();
    }
    assert!(world.current(&squatter).await.is_none());
    let refused = world.auth.check_token(squatter.expose_jwt()).await;
    assert!(matches!(refused, Err(TokenError::Invalid)), "the squatter's token still holds");
    let moved = world.session("shared", PASSWORD, &victim()).await;
    assert_eq!(moved.user, current.user);
    assert_eq!(world.count("users").await, 1);
}

#[tokio::test]
async fn class_10_a_proved_address_does_not_move() {
    let world = World::new().await;
    world.account("ana", &victim()).await;
    world.account("eve", &eve()).await;
    let current = world.signed_in("eve", &eve()).await;
    world.auth.request_email_change(&current, &email("ana"), &eve()).await.unwrap();
    let mails = world.mails("ana").await;
    assert!(matches!(mails[..], [auth::Message::AlreadyRegistered]), "{mails:?}");
    let link = world.mail("eve").await.link();
    world.auth.confirm_email_change(auth::Side::Old, &link, None, &eve()).await.unwrap();
    assert_eq!(world.signed_in("ana", &victim()).await.email, email("ana"));
    let state = world.auth.email_change(&current).await.unwrap().unwrap();
    assert!(state.old_proved && !state.new_proved);
}

#[tokio::test]
async fn class_10_whoever_took_an_address_does_not_withdraw_its_owners_mails() {
    for by_reset in [false, true] {
        let world = World::with(lax).await;
        world.sign_up("ana", PASSWORD, &eve()).await;
        let session = world.session("ana", PASSWORD, &eve()).await;
        let current = world.current(&session).await.unwrap();
        world.mails("ana").await;
        if by_reset {
            world.auth.request_reset(&email("ana"), None, &victim()).await.unwrap();
        } else {
            world.sign_up("ana", OTHER, &victim()).await;
        }
        let link = world.mail("ana").await.link();
        let (present, another) = (password(PASSWORD), password("one more password of Eve's"));
        world.auth.change_password(&current, &present, &another, &eve()).await.unwrap();
        if by_reset {
            world.auth.reset_password(&link, &password(OTHER), &victim()).await.unwrap();
        } else {
            world.auth.prove_address(&link, &Credential::Browser, &victim()).await.unwrap();
        }
        world.session("ana", OTHER, &victim()).await;
        assert_eq!(world.count("sessions").await, 1, "Eve's are gone");
    }
}
