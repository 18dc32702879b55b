//! Whatever ends what an app holds of a person puts word for the app in its outbox.

use auth::PersonAct;
use axum::http::StatusCode;
use serde_json::json;

use super::{Wiki, claims};
use crate::support::{Browser, OTHER_PASSWORD, PASSWORD, TestApp};

const ANA: &str = "ana@example.com";
const NEW: &str = "ana.maria@example.com";

/// The apps that are to be told, and of which session; each once.
async fn told(app: &TestApp) -> Vec<(String, String)> {
    let mut told = Vec::new();
    for delivery in app.app.auth.take_notices(100).await.unwrap() {
        let said = claims(delivery.token.expose());
        told.push((delivery.client_id, said["sid"].as_str().unwrap().to_owned()));
        app.app.auth.told(delivery.id).await.unwrap();
    }
    told.sort();
    told
}

async fn wiki(app: &TestApp, id: &str) -> Wiki {
    let changes =
        json!({ "client_id": id, "backchannel_logout_uri": "https://wiki.example.com/backchannel" });
    Wiki::register(app, changes).await
}

async fn sid_of(wiki: &Wiki, app: &TestApp, browser: &mut Browser) -> String {
    let tokens = wiki.sign_in(app, browser).await;
    claims(tokens["id_token"].as_str().unwrap())["sid"].as_str().unwrap().to_owned()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    SignOut,
    SignOutOfTheContract,
    One,
    Others,
    WithdrawnOnThePage,
    WithdrawnByTheApi,
    Address,
    Password,
    Reset,
    Deleted,
    Operator(PersonAct),
}

const ENDS: [End; 13] = [
    End::SignOut,
    End::SignOutOfTheContract,
    End::One,
    End::Others,
    End::WithdrawnOnThePage,
    End::WithdrawnByTheApi,
    End::Address,
    End::Password,
    End::Reset,
    End::Deleted,
    End::Operator(PersonAct::EndSessions),
    End::Operator(PersonAct::Disable),
    End::Operator(PersonAct::Delete),
];

/// What somebody signed in with `here` and `there` does, or the operator.
async fn end(end: End, app: &TestApp, here: &mut Browser, there: &mut Browser) {
    let answer = match end {
        End::SignOut => here.post("/sign-out", &[]).await,
        End::SignOutOfTheContract => here.json("POST", "/logout", &json!({})).await,
        End::One => {
            let id = there.session_id().await;
            here.post("/account/sessions/end", &[("id", &id)]).await
        }
        End::Address => {
            here.post("/account/email", &[("email", NEW)]).await;
            let (old, new) = (app.letter(ANA).await.code, app.letter(NEW).await.code);
            here.post("/account/email/confirm", &[("side", "old"), ("code", &old)]).await;
            here.post("/account/email/confirm", &[("side", "new"), ("code", &new)]).await
        }
        End::Operator(act) => {
            let trail = app.app.auth.audit_trail();
            assert!(app.app.auth.act_on_person(&trail, ANA, act).await.unwrap().1, "{act:?}");
            return;
        }
        End::Others => here.post("/account/sessions/end-others", &[]).await,
        End::WithdrawnOnThePage => here.post("/account/apps/withdraw", &[("id", "wiki")]).await,
        End::WithdrawnByTheApi => here.json("DELETE", "/api/v1/account/apps/wiki", &json!({})).await,
        End::Password => {
            let fields = [("current_password", PASSWORD), ("new_password", OTHER_PASSWORD)];
            here.post("/account/password", &fields).await
        }
        End::Reset => {
            here.post("/reset", &[("email", ANA)]).await;
            let token = app.letter(ANA).await.token();
            here.post("/reset/new", &[("token", &token), ("new_password", OTHER_PASSWORD)]).await
        }
        End::Deleted => here.post("/account/delete", &[("password", PASSWORD), ("confirm", "on")]).await,
    };
    let done = [StatusCode::SEE_OTHER, StatusCode::OK, StatusCode::NO_CONTENT];
    assert!(done.contains(&answer.status), "{end:?}: {} {}", answer.status, answer.body);
}

/// A consent that was withdrawn ended the app's tokens, and the app went on with its own session.
#[tokio::test]
async fn every_end_of_what_an_app_holds_puts_word_for_it() {
    for how in ENDS {
        let app = TestApp::start().await;
        let (wiki, notes) = (wiki(&app, "wiki").await, wiki(&app, "notes").await);
        // Signed out there, and the app still has what outlives the session.
        let mut away = app.member(ANA).await;
        let left = sid_of(&wiki, &app, &mut away).await;
        away.post("/sign-out", &[]).await;
        assert_eq!(told(&app).await, [("wiki".to_owned(), left.clone())], "{how:?}");
        let mut there = app.signed_in(ANA).await;
        let elsewhere = sid_of(&wiki, &app, &mut there).await;
        let mut here = app.signed_in(ANA).await;
        let present = sid_of(&wiki, &app, &mut here).await;
        sid_of(&wiki, &app, &mut here).await;
        sid_of(&notes, &app, &mut here).await;
        end(how, &app, &mut here, &mut there).await;
        let of = |id: &str, sid: &str| (id.to_owned(), sid.to_owned());
        let mut expected = match how {
            End::SignOut | End::SignOutOfTheContract => vec![of("wiki", &present), of("notes", &present)],
            End::One | End::Others | End::Address => vec![of("wiki", &elsewhere)],
            End::WithdrawnOnThePage | End::WithdrawnByTheApi => {
                vec![of("wiki", &present), of("wiki", &elsewhere), of("wiki", &left)]
            }
            End::Password => vec![of("wiki", &elsewhere), of("wiki", &left)],
            End::Reset | End::Deleted | End::Operator(_) => {
                vec![of("notes", &present), of("wiki", &present), of("wiki", &elsewhere), of("wiki", &left)]
            }
        };
        expected.sort();
        assert_eq!(told(&app).await, expected, "{how:?}");
    }
}

/// The operator has the app ask from now on: what it had without asking ends for everybody.
#[tokio::test]
async fn an_app_that_asks_from_now_on_is_told_of_everybody() {
    let app = TestApp::start().await;
    let backchannel = ("backchannel_logout_uri", json!("https://wiki.example.com/backchannel"));
    let wiki = Wiki::declare(&app, std::slice::from_ref(&backchannel)).await;
    let (mut ana, mut ben) = (app.member(ANA).await, app.member("ben@example.com").await);
    let mut expected = Vec::new();
    for browser in [&mut ana, &mut ben] {
        expected.push(("wiki".to_owned(), sid_of(&wiki, &app, browser).await));
        sid_of(&wiki, &app, browser).await;
    }
    expected.sort();
    Wiki::declare(&app, &[backchannel, ("first_party", json!(false))]).await;
    assert_eq!(told(&app).await, expected);
}
