//! Class 5 of the security notes over many processes, on whatever database they share: a refresh token is used once.

use std::collections::BTreeSet;
use std::time::Duration;

use auth::ProtocolError;
use oidc::{ErrorCode, TokenResponse};
use tokio::task::JoinSet;

use crate::at_once::at_once;
use crate::in_app::InApp;
use crate::world::World;

const CONFIDENTIAL: &str = "client_secret_post";

fn next(response: &TokenResponse) -> String {
    response.refresh_token.as_ref().unwrap().expose().to_owned()
}

async fn first(app: &InApp) -> String {
    let code = app.code(&app.current).await;
    next(&app.by_code(&code).await.unwrap())
}

fn is_refused(answer: &Result<TokenResponse, ProtocolError>) -> bool {
    matches!(answer, Err(ProtocolError::Refused(error)) if error.code == ErrorCode::InvalidGrant)
}

/// What ten processes answer to one token that is shown to all at once.
async fn shown_to_ten(app: &InApp, token: &str) -> Vec<Result<TokenResponse, ProtocolError>> {
    let mut asking = JoinSet::new();
    for process in at_once(&app.world).await {
        asking.spawn(app.by_refresh_at(&process, token));
    }
    asking.join_all().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn class_05_ten_processes_make_one_successor_and_all_give_it() {
    let app = InApp::that_authenticates("ana", World::new().await, CONFIDENTIAL).await;
    let answers = shown_to_ten(&app, &first(&app).await).await;
    let successors: BTreeSet<_> = answers.iter().map(|answer| next(answer.as_ref().unwrap())).collect();
    assert_eq!(successors.len(), 1);
    assert_eq!(app.world.count("refresh_tokens").await, 2);
    let successor = successors.first().unwrap();
    app.by_refresh(successor).await.expect("it works");
}

/// What cannot prove that it lost the answer gets it once at most, and whoever came second has ended it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn class_05_of_a_public_client_that_asks_ten_processes_nothing_is_left() {
    let app = InApp::of("ana", World::new().await).await;
    let answers = shown_to_ten(&app, &first(&app).await).await;
    let won: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().ok()).map(next).collect();
    assert!(won.len() <= 1, "{}", won.len());
    assert!(answers.iter().filter(|answer| answer.is_err()).all(is_refused));
    for successor in won {
        assert!(is_refused(&app.by_refresh(&successor).await));
    }
}

/// Ten seconds, by the rows alone: at the process that gave it, at another, and after a restart.
#[tokio::test]
async fn class_05_a_family_ends_at_whatever_process_a_token_is_used_again() {
    for restarted in [false, true] {
        for (wait, lost) in [(Duration::from_secs(10), true), (Duration::from_micros(10_000_001), false)] {
            let mut app = InApp::that_authenticates("ana", World::new().await, CONFIDENTIAL).await;
            let token = first(&app).await;
            let successor = next(&app.by_refresh(&token).await.unwrap());
            if restarted {
                app.world = app.world.restart().await;
            }
            let other = app.world.another_process().await;
            app.world.turn(wait);
            let again = app.by_refresh_at(&other, &token).await;
            if lost {
                assert_eq!(next(&again.unwrap()), successor);
                app.by_refresh(&successor).await.unwrap();
            } else {
                assert!(is_refused(&again));
                assert!(is_refused(&app.by_refresh(&successor).await), "the whole family, everywhere");
            }
        }
    }
}
