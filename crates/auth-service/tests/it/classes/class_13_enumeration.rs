//! Class 13: accounts enumerated. Sign-in, sign-up and reset, by page, API and contract, answer alike for an address that
//! has an account and for one that has none. (Whether the time they take tells is asked by `scripts/rehearse timing`.)

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::classes::inventory::{documented, pages};
use crate::support::{Answer, Browser, OTHER_PASSWORD, TestApp};

const KNOWN: &str = "ana@example.com";
const UNKNOWN: &str = "bob@example.com";
const UNPROVED: &str = "eve@example.com";

/// What an answer tells, the address itself and what is drawn anew left out.
fn told(answer: &Answer, email: &str) -> String {
    let mut names: Vec<_> = answer.headers.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    format!("{}\n{names:?}", answer.shown()).replace(email, "[email]")
}

/// The body of a request about an address.
type Body<'a> = &'a dyn Fn(&str) -> Value;

async fn prepared() -> TestApp {
    let app = TestApp::with(|setup| setup.limits.mails = 1_000).await;
    app.account(KNOWN, false).await;
    let body = json!({ "email": UNPROVED, "password": "correct horse battery" });
    assert_eq!(app.program().json("POST", "/api/v1/sign-up", &body).await.status, 201);
    app
}

#[tokio::test]
async fn programs_are_told_the_same() {
    let app = prepared().await;
    let body = |email: &str| json!({ "email": email, "password": OTHER_PASSWORD });
    let contract = |email: &str| json!({ "email": email, "password": OTHER_PASSWORD, "requires2FA": false });
    let reset = |email: &str| json!({ "email": email });
    let cases: [(&str, Body<'_>); 6] = [
        ("/api/v1/sign-in", &body),
        ("/login", &body),
        ("/api/v1/sign-up", &body),
        ("/signup", &contract),
        ("/api/v1/reset", &reset),
        (
            "/verify-2fa",
            &|email| json!({ "email": email, "loginAttemptId": "0190163d-8694-739b-aea5-966c26f8ad91", "2FACode": "123456" }),
        ),
    ];
    for (path, body) in cases {
        let mut all = Vec::new();
        for email in [KNOWN, UNKNOWN, UNPROVED] {
            all.push(told(&app.program().json("POST", path, &body(email)).await, email));
        }
        assert_eq!(all[0], all[1], "{path}");
        assert_eq!(all[0], all[2], "{path}");
    }
}

#[tokio::test]
async fn people_are_shown_the_same() {
    let app = prepared().await;
    for (path, fields) in [
        ("/sign-in", &[("password", OTHER_PASSWORD)][..]),
        ("/sign-up", &[("password", OTHER_PASSWORD), ("name", "N")]),
        ("/reset", &[]),
    ] {
        let mut all = Vec::new();
        for email in [KNOWN, UNKNOWN, UNPROVED] {
            let mut browser = app.browser();
            browser.get(path).await;
            let answer = browser.post(path, &[fields, &[("email", email)]].concat()).await;
            let mut said = told(&answer, email);
            if answer.status == 303 {
                // The next page, a wrong code there, and another mail.
                let next = answer.location().to_owned();
                let id = next.split("id=").nth(1).unwrap().to_owned();
                said += &told(&browser.get(&next).await, email);
                let action = next.split('?').next().unwrap();
                let guess = [("id", &*id), ("code", "000000"), ("new_password", OTHER_PASSWORD)];
                said += &told(&browser.post(action, &guess).await, email);
                if path == "/sign-up" {
                    said += &told(&browser.post("/verify/resend", &[("id", &id)]).await, email);
                }
            }
            all.push(said);
        }
        assert_eq!(all[0], all[1], "{path}");
        assert_eq!(all[0], all[2], "{path}");
    }
}

/// The eleventh failure is told alike, too.
#[tokio::test]
async fn limits_are_the_same() {
    let app = prepared().await;
    let mut all = Vec::new();
    for email in [KNOWN, UNKNOWN, UNPROVED] {
        let mut statuses = Vec::new();
        for _ in 0..12 {
            let body = json!({ "email": email, "password": OTHER_PASSWORD });
            statuses.push(told(&app.program().json("POST", "/login", &body).await, email));
        }
        all.push(statuses);
    }
    assert_eq!(all[0], all[1]);
    assert_eq!(all[0], all[2]);
}

/// A stranger signs the address up with a password of their own, and signs in with it, by every way there is.
#[tokio::test]
async fn a_sign_in_after_a_sign_up_is_told_the_same() {
    for sign_up in ["/sign-up", "/api/v1/sign-up", "/signup"] {
        for sign_in in ["/sign-in", "/api/v1/sign-in", "/login"] {
            let app = prepared().await;
            let mut all = Vec::new();
            for email in [KNOWN, UNKNOWN, UNPROVED] {
                let mut stranger = app.program();
                let answer = send(&mut stranger, sign_up, email).await;
                assert!([201, 303].contains(&answer.status.as_u16()), "{sign_up}: {}", answer.body);
                app.letters().await;
                let mut said = Vec::new();
                for _ in 0..12 {
                    let answer = send(&mut stranger, sign_in, email).await;
                    assert!(!answer.opens_session());
                    said.push(told(&answer, email));
                }
                said.push(format!("{} mails", app.letters().await.len()));
                all.push(said);
            }
            assert_eq!(all[0], all[1], "{sign_up}, {sign_in}");
            assert_eq!(all[0], all[2], "{sign_up}, {sign_in}");
        }
    }
}

/// Sends an address and a password of the stranger's own, in the form that the path takes.
async fn send(stranger: &mut Browser, path: &str, email: &str) -> Answer {
    match path {
        "/sign-up" | "/sign-in" => {
            stranger.post(path, &[("email", email), ("password", OTHER_PASSWORD)]).await
        }
        "/signup" => {
            let body = json!({ "email": email, "password": OTHER_PASSWORD, "requires2FA": false });
            stranger.json("POST", path, &body).await
        }
        _ => stranger.json("POST", path, &json!({ "email": email, "password": OTHER_PASSWORD })).await,
    }
}

/// An operation, or a form, that takes an address is asked above or below about one that is known and one that is not.
#[tokio::test]
async fn whatever_takes_an_address_is_asked() {
    let document = serde_json::to_value(auth_service::openapi()).unwrap();
    let takes_address = |method: &str, path: &str| {
        let operation = &document["paths"][path][method.to_lowercase()];
        let schema = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].as_str();
        let schema = schema.and_then(|name| document.pointer(name.trim_start_matches('#')));
        schema.is_some_and(|schema| schema["properties"].get("email").is_some())
    };
    let operations: Vec<_> = documented()
        .into_iter()
        .filter(|(method, path)| takes_address(method, path))
        .map(|(_, path)| path)
        .collect();
    let asked = [
        "/api/v1/account/email",
        "/api/v1/reset",
        "/api/v1/sign-in",
        "/api/v1/sign-up",
        "/login",
        "/signup",
        "/verify-2fa",
    ];
    assert_eq!(operations.into_iter().collect::<BTreeSet<_>>(), asked.map(str::to_owned).into());

    let app = prepared().await;
    let mut member = app.member("member@example.com").await;
    let mut forms = BTreeSet::new();
    for (_, path) in pages().into_iter().filter(|(method, _)| method == "GET") {
        for page in [app.browser().get(&path).await, member.get(&path).await] {
            for form in page.body.split("<form ").skip(1).filter(|form| form.contains(" name=\"email\"")) {
                forms.insert(form.split("action=\"").nth(1).unwrap().split('"').next().unwrap().to_owned());
            }
        }
    }
    let asked = ["/account/email", "/reset", "/sign-in", "/sign-up"];
    assert_eq!(forms, asked.map(str::to_owned).into());
}

/// Whoever moves their account to a taken address sees what they would see of a free one.
#[tokio::test]
async fn a_change_of_address_is_told_the_same_by_the_form() {
    let app = prepared().await;
    let mut all = Vec::new();
    for (own, email) in [("d1@example.com", KNOWN), ("d2@example.com", UNKNOWN), ("d3@example.com", UNPROVED)]
    {
        let mut browser = app.member(own).await;
        let mut said = told(&browser.post("/account/email", &[("email", email)]).await, email);
        said += &told(&browser.get("/account/email").await, email);
        let guess = [("side", "new"), ("code", "000000")];
        said += &told(&browser.post("/account/email/confirm", &guess).await, email);
        all.push(said.replace(own, "[own]"));
    }
    assert_eq!(all[0], all[1]);
    assert_eq!(all[0], all[2]);
}

/// And by the API.
#[tokio::test]
async fn a_change_of_address_is_told_the_same() {
    let app = prepared().await;
    let mut all = Vec::new();
    for (own, email) in [("d1@example.com", KNOWN), ("d2@example.com", UNKNOWN), ("d3@example.com", UNPROVED)]
    {
        let mut browser = app.member(own).await;
        let path = "/api/v1/account/email";
        let mut said = told(&browser.json("POST", path, &json!({ "email": email })).await, email);
        said += &told(&browser.get(path).await, email);
        let guess = json!({ "side": "new", "code": "000000" });
        said += &told(&browser.json("POST", "/api/v1/account/email/confirm", &guess).await, email);
        all.push(said);
    }
    assert_eq!(all[0], all[1]);
    assert_eq!(all[0], all[2]);
}
