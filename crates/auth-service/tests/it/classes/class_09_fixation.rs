//! Class 9: session fixation, at every route that opens a session: it gives a token that nobody knew before, and the one that the
//! browser came with opens the account no more, or never did.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::classes::inventory::{every, sources};
use crate::support::{Answer, Browser, OTHER_PASSWORD, PASSWORD, TestApp};

const ANA: &str = "ana@example.com";
const EVE: &str = "eve@example.com";
const SESSION: &str = "__Host-keyward-session";

/// Every route that opens a session. `POST /api/v1/account/token` proves nothing, and renews the token of the one there is.
const OPEN: [&str; 14] = [
    "POST /account/confirm",
    "POST /account/email/confirm",
    "POST /account/password",
    "POST /account/second-step",
    "POST /api/v1/account/confirm",
    "POST /api/v1/account/email/confirm",
    "POST /api/v1/sign-in",
    "POST /api/v1/sign-in/code",
    "POST /login",
    "POST /sign-in",
    "POST /sign-in/code",
    "POST /verify-2fa",
    "PUT /api/v1/account/password",
    "PUT /api/v1/account/second-step",
];

/// Whose account a session opens.
async fn owner(app: &TestApp, session: &str) -> Option<String> {
    let mut thief = app.browser();
    thief.jar.insert(SESSION.to_owned(), session.to_owned());
    let answer = thief.get("/api/v1/account").await;
    (answer.status == 200).then(|| answer.text("email"))
}

/// What has been tried.
struct Tried<'a> {
    app: &'a TestApp,
    routes: BTreeSet<String>,
}

impl Tried<'_> {
    /// Asks a route that is to open a session, and looks what became of the one that the browser came with.
    async fn opens(&mut self, browser: &mut Browser, route: &str, body: &Value) -> Answer {
        let (method, path) = route.split_once(' ').unwrap();
        let before = browser.jar.get(SESSION).cloned();
        let answer = if path.starts_with("/api/") || ["/login", "/verify-2fa"].contains(&path) {
            browser.json(method, path, body).await
        } else {
            let fields = body.as_object().unwrap();
            let fields: Vec<_> =
                fields.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect();
            browser.post(path, &fields).await
        };
        if answer.opens_session() {
            self.routes.insert(route.to_owned());
            let after = &browser.jar[SESSION];
            assert_ne!(before.as_ref(), Some(after), "{route} keeps the session that the browser came with");
            assert_eq!(owner(self.app, after).await.as_deref(), Some(ANA), "{route}");
            if let Some(before) = before {
                let owner = owner(self.app, &before).await;
                assert_ne!(owner.as_deref(), Some(ANA), "{route}: what was there before opens the account");
            }
        }
        answer
    }
}

/// Takes the second step, if it is due, by the way that the first was taken.
async fn second_step(tried: &mut Tried<'_>, browser: &mut Browser, route: &str, first: &Answer) {
    let code = tried.app.letter(ANA).await.code;
    let (next, body) = match route {
        "POST /login" => (
            "POST /verify-2fa",
            json!({ "email": ANA, "loginAttemptId": first.text("loginAttemptId"), "2FACode": code }),
        ),
        "POST /api/v1/sign-in" | "POST /api/v1/account/confirm" => {
            ("POST /api/v1/sign-in/code", json!({ "attempt_id": first.text("attempt_id"), "code": code }))
        }
        _ => {
            let (_, id) = first.location().split_once("id=").unwrap();
            ("POST /sign-in/code", json!({ "id": id, "code": code }))
        }
    };
    let answer = tried.opens(browser, next, &body).await;
    assert!(answer.opens_session(), "{next} after {route}: {} {}", answer.status, answer.body);
}

/// Somebody has planted a session in the browser: their own that lives, one that has ended, one made up, or the owner's own.
#[tokio::test]
async fn class_09_no_session_that_was_there_before_is_the_one_that_is_signed_in_to() {
    for with_step in [false, true] {
        let app = TestApp::with(|setup| setup.limits.second_step_mails = 1_000).await;
        app.account(ANA, with_step).await;
        let eve = app.member(EVE).await;
        let mut ended = app.signed_in(EVE).await;
        let ended_session = ended.jar[SESSION].clone();
        assert_eq!(ended.post("/sign-out", &[]).await.status, 303);
        let mut tried = Tried { app: &app, routes: BTreeSet::new() };
        let mut own = None::<String>;
        for route in ["POST /sign-in", "POST /api/v1/sign-in", "POST /login"] {
            let planted = [
                Some(eve.jar[SESSION].clone()),
                Some(ended_session.clone()),
                Some("A".repeat(43)),
                own.clone(),
                None,
            ];
            for planted in planted {
                let mut browser = app.browser();
                browser.get("/sign-in").await;
                if let Some(planted) = planted {
                    browser.jar.insert(SESSION.to_owned(), planted);
                    browser.jar.insert("jwt".to_owned(), eve.jar["jwt"].clone());
                }
                let body = json!({ "email": ANA, "password": PASSWORD });
                let first = tried.opens(&mut browser, route, &body).await;
                assert_eq!(first.opens_session(), !with_step, "{route}: {}", first.body);
                if with_step {
                    second_step(&mut tried, &mut browser, route, &first).await;
                }
                own = Some(browser.jar[SESSION].clone());
            }
        }
        assert_eq!(owner(&app, &eve.jar[SESSION]).await.as_deref(), Some(EVE), "hers is hers still");
        let by_code = ["POST /api/v1/sign-in/code", "POST /sign-in/code", "POST /verify-2fa"];
        let by_password = ["POST /api/v1/sign-in", "POST /login", "POST /sign-in"];
        let expected = if with_step { by_code } else { by_password };
        assert_eq!(tried.routes, expected.map(str::to_owned).into());
    }
}

#[tokio::test]
async fn class_09_every_change_of_privilege_gives_a_session_of_its_own() {
    let mut routes = BTreeSet::new();
    let password = json!({ "password": PASSWORD });
    let change = json!({ "current_password": PASSWORD, "new_password": OTHER_PASSWORD });
    for (route, body) in [
        ("POST /account/confirm", &password),
        ("POST /api/v1/account/confirm", &password),
        ("POST /account/password", &change),
        ("PUT /api/v1/account/password", &change),
        ("POST /account/second-step", &json!({ "second_step": "on" })),
        ("PUT /api/v1/account/second-step", &json!({ "enabled": true })),
    ] {
        let app = TestApp::start().await;
        let mut browser = app.member(ANA).await;
        let mut tried = Tried { app: &app, routes: BTreeSet::new() };
        let answer = tried.opens(&mut browser, route, body).await;
        assert!(answer.opens_session(), "{route}: {} {}", answer.status, answer.body);
        // And off again, which asks for the password.
        match route {
            "POST /account/second-step" => {
                let off = json!({ "second_step": "off", "current_password": PASSWORD });
                assert!(tried.opens(&mut browser, route, &off).await.opens_session(), "{route} off");
            }
            "PUT /api/v1/account/second-step" => {
                let off = json!({ "enabled": false, "password": PASSWORD });
                assert!(tried.opens(&mut browser, route, &off).await.opens_session(), "{route} off");
            }
            _ => {}
        }
        routes.append(&mut tried.routes);
    }
    for route in ["POST /account/email/confirm", "POST /api/v1/account/email/confirm"] {
        let app = TestApp::start().await;
        // The account is the same under its new address: it is looked up by the one that it has then.
        let mut browser = app.member("old@example.com").await;
        let mut tried = Tried { app: &app, routes: BTreeSet::new() };
        let answer = browser.json("POST", "/api/v1/account/email", &json!({ "email": ANA })).await;
        assert_eq!(answer.status, 202);
        let (old, new) = (app.letter("old@example.com").await.code, app.letter(ANA).await.code);
        let first = tried.opens(&mut browser, route, &json!({ "side": "old", "code": old })).await;
        assert!(!first.opens_session(), "half of it changes nothing");
        let last = tried.opens(&mut browser, route, &json!({ "side": "new", "code": new })).await;
        assert!(last.opens_session(), "{route}: {} {}", last.status, last.body);
        routes.append(&mut tried.routes);
    }
    // With the three ways to sign in and the three second steps of the test above.
    let above =
        ["sign-in", "sign-in/code"].map(|end| [format!("POST /{end}"), format!("POST /api/v1/{end}")]);
    routes.extend(above.into_iter().flatten().chain(["POST /login", "POST /verify-2fa"].map(str::to_owned)));
    assert_eq!(routes, OPEN.map(str::to_owned).into());
}

/// A route that opens a session, and that is not in the list, stands in one of these files, or in a new one.
#[test]
fn class_09_the_list_of_routes_that_open_a_session_is_whole() {
    let all = every();
    for route in OPEN {
        let (method, path) = route.split_once(' ').unwrap();
        assert!(all.contains(&(method.to_owned(), path.to_owned())), "{route} is no route any more");
    }
    let calls: Vec<_> = sources()
        .into_iter()
        .map(|(file, source)| {
            (file, source.matches(" set_session(").count() - source.matches("fn set_session(").count())
        })
        .filter(|(_, calls)| *calls > 0)
        .collect();
    let known = [
        // Password; second step on, and off; the address.
        ("api/account.rs", 4),
        // Whatever signs in or proves again who one is.
        ("api/sign_in.rs", 1),
        ("contract.rs", 2),
        ("pages/credentials.rs", 3),
        ("pages/email.rs", 1),
        ("pages/sign_in.rs", 1),
    ];
    assert_eq!(
        calls,
        known.map(|(file, calls)| (file.to_owned(), calls)),
        "try a new one above, and count it here"
    );
}
