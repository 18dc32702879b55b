//! Somebody whom an app sends, and something that goes wrong on the way.

use std::time::Duration;

use auth::{AuthorizeError, Fault, Next};

use crate::in_app::{InApp, asked, sent, told};
use crate::people::browser;
use crate::world::World;

/// The app never heard of it, and the person was told to sign in at a page that knew nothing of the app.
#[tokio::test]
async fn whose_session_ends_on_the_way_is_as_if_nobody_were_signed_in() {
    let app = InApp::of("ana", World::new().await).await;
    // As a request knows it that looked for the session a moment before.
    app.world.auth.sign_out(&app.current, &browser(1)).await.unwrap();
    let next = app.asks(Some(&app.current)).await;
    assert!(matches!(next, Next::SignIn { again: false, .. }), "{next:?}");
    let silent = sent(&app.world.auth, Some(&app.current), "&prompt=none").await;
    assert!(told(&silent).contains("error=login_required"), "{}", told(&silent));
    assert_eq!(app.world.count("grants").await + app.world.count("consents").await, 0);
}

/// It was shown to the person, who sees nothing of it where the app asked silently.
#[tokio::test]
async fn an_app_that_asks_silently_is_told_of_a_fault_once_it_is_certain() {
    let app = InApp::of("ana", World::new().await).await;
    let context = browser(1);
    let busy = || Fault::Busy { retry_after: Duration::from_secs(1) };
    let corrupt = || Fault::Corrupt("a row of a test".to_owned());
    let faults: [(&dyn Fn() -> Fault, &str); 2] =
        [(&busy, "error=temporarily_unavailable"), (&corrupt, "error=server_error")];
    for (fault, error) in faults {
        let silent = asked("&prompt=none&state=s");
        let silent = app.world.auth.authorize(&silent, Err(fault()), None, &context).await.unwrap();
        assert!(told(&silent).starts_with("https://wiki.example.com/callback?"), "{}", told(&silent));
        for part in [error, "state=s", "iss=https", &context.support_id] {
            assert!(told(&silent).contains(part), "{part}: {}", told(&silent));
        }
        assert!(!told(&silent).contains("a+row"), "{}", told(&silent));
        let seen = app.world.auth.authorize(&asked(""), Err(fault()), None, &context).await;
        assert!(matches!(seen, Err(AuthorizeError::Fault(_))), "{seen:?}");
        // Of two nobody knows which is meant.
        let elsewhere = asked("&prompt=none&redirect_uri=https://evil.example/");
        let uncertain = app.world.auth.authorize(&elsewhere, Err(fault()), None, &context).await;
        assert!(matches!(uncertain, Err(AuthorizeError::Shown(_))), "{uncertain:?}");
    }
}
