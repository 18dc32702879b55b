//! Passwords that are known from breaches: refused wherever one is set, and asked about after a limit or a credential, and once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use auth::{
    Auth, Breaches, Credential, PasswordChangeError, ProveError, RecoverError, SecondStepError, SignUpError,
};
use domain::Weakness;
use secrets::legacy::{Digest, digest};

use crate::people::{browser, email, form, password};
use crate::world::{OTHER, PASSWORD, World};

/// What the service knows.
const BREACHED: &str = "a breached long password";

/// Another process of the server, which asks a service that knows [`BREACHED`]; and how often that was asked.
async fn asking(world: &World) -> (Auth, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = asked.clone();
    let hex = digest(Digest::Sha1, &[BREACHED.as_bytes()])
        .iter()
        .fold(String::new(), |hex, byte| hex + &format!("{byte:02X}"));
    let breaches = Breaches::new(move |told| {
        counted.fetch_add(1, Ordering::SeqCst);
        let answer = if hex.starts_with(&told) { format!("{}:3\r\n", &hex[5..]) } else { String::new() };
        Box::pin(async move { Ok(answer) })
    });
    (world.start_again().await.unwrap().with_breaches(breaches), asked)
}

/// Issue 5: the service was asked before any limit was, so that whoever liked could have it asked without end.
#[tokio::test]
async fn the_limits_are_asked_before_the_service_is() {
    let world = World::with(|settings| settings.limits.network_sign_ups = 3).await;
    let (auth, asked) = asking(&world).await;
    let asked = || asked.load(Ordering::SeqCst);
    let here = browser(1);
    let weak = auth.sign_up(form("ana", BREACHED), &here).await;
    assert!(matches!(weak, Err(SignUpError::Weak(Weakness::Breached))), "{weak:?}");
    assert_eq!((asked(), world.count("users").await), (1, 0));
    // The answer is kept, and who was refused may take another.
    let weak = auth.sign_up(form("ana", BREACHED), &here).await;
    assert!(matches!(weak, Err(SignUpError::Weak(Weakness::Breached))), "{weak:?}");
    assert_eq!(asked(), 1);
    auth.sign_up(form("ana", PASSWORD), &here).await.unwrap();
    assert_eq!(asked(), 2);
    // What the policy refuses is nobody's to ask about; nor is anything, once the limit is reached.
    let short = auth.sign_up(form("bea", "short"), &here).await;
    assert!(matches!(short, Err(SignUpError::Weak(Weakness::TooShort { .. }))), "{short:?}");
    let late = auth.sign_up(form("bea", OTHER), &here).await;
    assert!(matches!(late, Err(SignUpError::TooMany(_))), "{late:?}");
    assert_eq!(asked(), 2);
}

#[tokio::test]
async fn a_breached_password_is_refused_wherever_one_is_set_and_strangers_have_nothing_asked() {
    let world = World::new().await;
    let here = browser(1);
    world.account_with_second_step("ana", &here).await;
    world.account("bea", &here).await;
    let (auth, asked) = asking(&world).await;
    let asked = || asked.load(Ordering::SeqCst);
    let (breached, wrong) = (password(BREACHED), password(OTHER));

    let current = world.signed_in("bea", &here).await;
    let changed = auth.change_password(&current, &wrong, &breached, &here).await;
    assert!(matches!(changed, Err(PasswordChangeError::WrongPassword)), "{changed:?}");
    assert_eq!(asked(), 0);
    let changed = auth.change_password(&current, &password(PASSWORD), &breached, &here).await;
    assert!(matches!(changed, Err(PasswordChangeError::Weak(Weakness::Breached))), "{changed:?}");
    assert_eq!(asked(), 1);

    let current = auth.enable_second_step(&current, &here).await.unwrap();
    let current = world.current(&current).await.unwrap();
    let (auth, asked_anew) = asking(&world).await;
    let disabled = auth.disable_second_step(&current, &wrong, Some(&breached), &here).await;
    assert!(matches!(disabled, Err(SecondStepError::WrongPassword)), "{disabled:?}");
    assert_eq!(asked_anew.load(Ordering::SeqCst), 0);
    let disabled = auth.disable_second_step(&current, &password(PASSWORD), Some(&breached), &here).await;
    assert!(matches!(disabled, Err(SecondStepError::Weak(Weakness::Breached))), "{disabled:?}");
    assert_eq!(asked_anew.load(Ordering::SeqCst), 1);

    let (auth, asked_anew) = asking(&world).await;
    world.mails("ana").await;
    auth.request_reset(&email("ana"), None, &here).await.unwrap();
    let link = world.mail("ana").await.link();
    let stranger = auth::Evidence::Link { token: "a".repeat(43) };
    let reset = auth.reset_password(&stranger, &breached, &here).await;
    assert!(matches!(reset, Err(RecoverError::Evidence(_))), "{reset:?}");
    assert_eq!(asked_anew.load(Ordering::SeqCst), 0);
    let reset = auth.reset_password(&link, &breached, &here).await;
    assert!(matches!(reset, Err(RecoverError::Weak(Weakness::Breached))), "{reset:?}");
    auth.reset_password(&link, &wrong, &here).await.unwrap();

    world.sign_up("cleo", PASSWORD, &here).await;
    let link = world.mail("cleo").await.link();
    let fresh = Credential::NewPassword(breached);
    let proved = auth.prove_address(&link, &fresh, &browser(2)).await;
    assert!(matches!(proved, Err(ProveError::Weak(Weakness::Breached))), "{proved:?}");
    let fresh = Credential::NewPassword(wrong);
    auth.prove_address(&link, &fresh, &browser(2)).await.unwrap();
}
