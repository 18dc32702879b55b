//! Paths that make a mail go out.

use serde_json::{Value, json};

use super::{ANA, Speech, assert_too_many, send};
use crate::classes::inventory::every;
use crate::support::{Browser, PASSWORD, TestApp};

/// How things stand before a path is tried.
#[derive(Clone, Copy, Debug)]
pub(in crate::classes) enum State {
    /// Nobody has been here.
    Nobody,
    /// Somebody signed up and has not proved the address.
    Unproved,
    /// There is an account.
    Account,
    /// There is an account with a second step.
    SecondStep,
    /// Somebody gave the right password, and the code is due.
    CodeDue,
    /// Somebody is signed in.
    SignedIn,
    /// Somebody with a second step is signed in.
    SignedInWithCode,
}

/// Whatever makes a mail go out for the asking. `ID` stands for the id of the sign-up or of the attempt.
pub(in crate::classes) fn all() -> Vec<(State, &'static str, Speech, Value)> {
    use Speech::{Form, Json};
    let email = json!({ "email": ANA });
    let login = json!({ "email": ANA, "password": PASSWORD });
    let family = json!({ "email": ANA, "password": PASSWORD, "requires2FA": false });
    let id = json!({ "id": "ID" });
    let change = json!({ "email": "new@example.com" });
    let password = json!({ "password": PASSWORD });
    vec![
        (State::Nobody, "/sign-up", Form, login.clone()),
        (State::Nobody, "/api/v1/sign-up", Json, login.clone()),
        (State::Nobody, "/signup", Json, family),
        (State::Unproved, "/verify/resend", Form, id.clone()),
        (State::Unproved, "/api/v1/sign-up/proof/resend", Json, json!({ "proof_id": "ID" })),
        (State::Account, "/reset", Form, email.clone()),
        (State::Account, "/api/v1/reset", Json, email),
        (State::SecondStep, "/sign-in", Form, login.clone()),
        (State::SecondStep, "/api/v1/sign-in", Json, login.clone()),
        (State::SecondStep, "/login", Json, login),
        (State::CodeDue, "/sign-in/code/resend", Form, id),
        (State::CodeDue, "/api/v1/sign-in/code/resend", Json, json!({ "attempt_id": "ID" })),
        (State::SignedIn, "/account/email", Form, change.clone()),
        (State::SignedIn, "/api/v1/account/email", Json, change),
        (State::SignedInWithCode, "/account/confirm", Form, password.clone()),
        (State::SignedInWithCode, "/api/v1/account/confirm", Json, password),
    ]
}

/// Brings about a state: a browser in it, an id, and how many mails of the budget at hand that took.
pub(in crate::classes) async fn prepare(app: &TestApp, state: State) -> (Browser, String, usize) {
    let mut browser = app.browser();
    let login = json!({ "email": ANA, "password": PASSWORD });
    match state {
        State::Nobody => (browser, String::new(), 0),
        State::Unproved => {
            let answer = app.program().json("POST", "/api/v1/sign-up", &login).await;
            app.letter(ANA).await;
            (browser, answer.text("proof_id"), 1)
        }
        State::Account => {
            app.account(ANA, false).await;
            (browser, String::new(), 1)
        }
        State::SecondStep => {
            app.account(ANA, true).await;
            (browser, String::new(), 0)
        }
        State::CodeDue | State::SignedInWithCode => {
            app.account(ANA, true).await;
            let attempt = app.program().json("POST", "/api/v1/sign-in", &login).await.text("attempt_id");
            let code = app.letter(ANA).await.code;
            if matches!(state, State::SignedInWithCode) {
                let answer = browser.post("/sign-in/code", &[("id", &attempt), ("code", &code)]).await;
                assert!(answer.opens_session(), "{}", answer.body);
                // From then on it has a budget of its own.
                return (browser, attempt, 0);
            }
            (browser, attempt, 1)
        }
        // A browser that has signed in has a budget of its own.
        State::SignedIn => (app.member(ANA).await, String::new(), 0),
    }
}

const BUDGET: usize = 2;

async fn small() -> TestApp {
    TestApp::with(|setup| {
        setup.limits.mails = 2;
        setup.limits.second_step_mails = 2;
    })
    .await
}

#[tokio::test]
async fn every_path_that_mails_is_bounded() {
    for (state, path, speech, body) in all() {
        let app = small().await;
        let (mut browser, id, mut sent) = prepare(&app, state).await;
        let body: Value = serde_json::from_str(&body.to_string().replace("ID", &id)).unwrap();
        loop {
            let answer = send(&mut browser, "POST", path, speech, &body).await;
            let letters = app.letters().await.into_iter().filter(|letter| letter.to == ANA).count();
            if sent == BUDGET {
                assert_too_many(&answer, path, 3_600);
                assert_eq!(letters, 0, "{state:?} {path}: refused, and mailed all the same");
                break;
            }
            assert_eq!(letters, 1, "{state:?} {path}: {} {}", answer.status, answer.body);
            sent += letters;
        }
    }
}

/// Somebody with an account could otherwise have mail sent to anybody.
#[tokio::test]
async fn so_is_the_mail_to_the_address_that_an_account_would_move_to() {
    for (path, speech) in [("/account/email", Speech::Form), ("/api/v1/account/email", Speech::Json)] {
        let app = small().await;
        let mut browser = app.member(ANA).await;
        let new = json!({ "email": "new@example.com" });
        for _ in 0..BUDGET {
            assert_eq!(app.program().json("POST", "/api/v1/reset", &new).await.status, 202);
        }
        assert_too_many(&send(&mut browser, "POST", path, speech, &new).await, path, 3_600);
        assert!(app.letters().await.is_empty());
    }
}

/// Unsafe routes that tell the owner what was done, which took a password, a code or a link.
const NOTICES: [&str; 11] = [
    "DELETE /api/v1/account",
    "POST /account/delete",
    "POST /account/email/confirm",
    "POST /account/password",
    "POST /account/second-step",
    "POST /api/v1/account/email/confirm",
    "POST /api/v1/reset/complete",
    "POST /reset/code",
    "POST /reset/new",
    "PUT /api/v1/account/password",
    "PUT /api/v1/account/second-step",
];

/// Unsafe routes that mail nothing.
const SILENT: [&str; 29] = [
    "DELETE /api/v1/account/apps/{client_id}",
    "DELETE /api/v1/account/email",
    "DELETE /api/v1/account/sessions",
    "DELETE /api/v1/account/sessions/{id}",
    "PATCH /api/v1/account",
    "POST /account/apps/withdraw",
    "POST /account/email/cancel",
    "POST /account/profile",
    "POST /account/sessions/end",
    "POST /account/sessions/end-others",
    "POST /api/v1/account/token",
    "POST /api/v1/sign-in/code",
    "POST /api/v1/sign-out",
    "POST /api/v1/sign-up/proof",
    "POST /authorize",
    "POST /authorize/account",
    "POST /authorize/consent",
    "POST /end-session",
    "POST /introspect",
    "POST /language",
    "POST /logout",
    "POST /revoke",
    "POST /sign-in/code",
    "POST /sign-out",
    "POST /token",
    "POST /userinfo",
    "POST /verify",
    "POST /verify-2fa",
    "POST /verify-token",
];

/// A new route has to come into one of the lists: it mails for the asking, tells the owner, or mails nothing.
#[test]
fn the_lists_of_paths_that_mail_are_whole() {
    let mut known: Vec<_> = NOTICES.into_iter().chain(SILENT).map(ToOwned::to_owned).collect();
    known.extend(all().into_iter().map(|(_, path, ..)| format!("POST {path}")));
    let routes: Vec<_> = every()
        .into_iter()
        .filter(|(method, _)| method != "GET")
        .map(|(method, path)| format!("{method} {path}"))
        .collect();
    for route in &routes {
        assert!(known.contains(route), "{route} is in no list");
    }
    for route in &known {
        assert!(routes.contains(route), "{route} is no route any more");
    }
}
