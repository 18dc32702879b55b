//! Class 14: another's object by its id. Every kind of object of one person is put, by its id, into every route of another's that
//! takes an id, in that route's own shape: nothing is refused for how it is written, all of it for whose it is.

use serde_json::{Value, json};

use crate::classes::inventory::{documented, every, filled};
use crate::protocol::Wiki;
use crate::support::{Answer, Browser, OTHER_PASSWORD, PASSWORD, TestApp, form};

const ANA: &str = "ana@example.com";
const EVE: &str = "eve@example.com";

/// What a person has that has an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Account,
    Session,
    Attempt,
    Proof,
    Reset,
    /// Of an app, while its person signs in or consents.
    Request,
    /// That an app was let in.
    Consent,
}

/// How a route is sent an id: in its path, its query, a form, or a body of JSON.
enum Shape {
    Path,
    Query(&'static str),
    Form(&'static [(&'static str, &'static str)]),
    Json(Value),
}

/// Every route that takes an id, and how. `ID` stands for it; what goes with it is right, but for a code, which a stranger has to guess.
fn shapes() -> Vec<(&'static str, &'static str, Shape)> {
    let code = "123456";
    let proof = json!({ "proof_id": "ID", "code": code, "new_password": OTHER_PASSWORD });
    let reset = json!({ "reset_id": "ID", "code": code, "new_password": OTHER_PASSWORD });
    vec![
        ("DELETE", "/api/v1/account/apps/{client_id}", Shape::Path),
        ("DELETE", "/api/v1/account/sessions/{id}", Shape::Path),
        ("GET", "/authorize/account", Shape::Query("id")),
        ("GET", "/authorize/consent", Shape::Query("id")),
        ("GET", "/authorize/continue", Shape::Query("id")),
        ("GET", "/reset/code", Shape::Query("id")),
        ("GET", "/sign-in/code", Shape::Query("id")),
        ("GET", "/verify", Shape::Query("id")),
        ("POST", "/account/apps/withdraw", Shape::Form(&[("id", "ID")])),
        ("POST", "/account/sessions/end", Shape::Form(&[("id", "ID")])),
        ("POST", "/authorize/account", Shape::Form(&[("id", "ID"), ("choice", "continue")])),
        ("POST", "/authorize/consent", Shape::Form(&[("id", "ID"), ("choice", "allow")])),
        (
            "POST",
            "/reset/code",
            Shape::Form(&[("id", "ID"), ("code", "123456"), ("new_password", OTHER_PASSWORD)]),
        ),
        ("POST", "/sign-in/code", Shape::Form(&[("id", "ID"), ("code", "123456")])),
        ("POST", "/sign-in/code/resend", Shape::Form(&[("id", "ID")])),
        (
            "POST",
            "/verify",
            Shape::Form(&[("id", "ID"), ("code", "123456"), ("new_password", OTHER_PASSWORD)]),
        ),
        ("POST", "/verify/resend", Shape::Form(&[("id", "ID")])),
        ("POST", "/api/v1/reset/complete", Shape::Json(reset)),
        ("POST", "/api/v1/sign-in/code", Shape::Json(json!({ "attempt_id": "ID", "code": code }))),
        ("POST", "/api/v1/sign-in/code/resend", Shape::Json(json!({ "attempt_id": "ID" }))),
        ("POST", "/api/v1/sign-up/proof", Shape::Json(proof)),
        ("POST", "/api/v1/sign-up/proof/resend", Shape::Json(json!({ "proof_id": "ID" }))),
        (
            "POST",
            "/verify-2fa",
            Shape::Json(json!({ "email": ANA, "loginAttemptId": "ID", "2FACode": code })),
        ),
    ]
}

/// Pages and routes of the protocol that take no id: what stands for an object there is a secret (classes 2, 5, 7 and 8).
const WITHOUT_ID: [&str; 21] = [
    "/account/confirm",
    "/account/delete",
    "/account/email",
    "/account/email/cancel",
    "/account/email/confirm",
    "/account/password",
    "/account/profile",
    "/account/second-step",
    "/account/sessions/end-others",
    "/authorize",
    "/end-session",
    "/introspect",
    "/language",
    "/reset",
    "/reset/new",
    "/revoke",
    "/sign-in",
    "/sign-out",
    "/sign-up",
    "/token",
    "/userinfo",
];

/// How a stranger is answered who sends an id of this kind there.
fn answers(kind: Kind, method: &str, path: &str) -> &'static [u16] {
    match (kind, method, path) {
        // A guess at a code is a guess, by whomever: it is counted, and names nobody.
        (Kind::Proof, "POST", "/verify" | "/api/v1/sign-up/proof")
        | (Kind::Reset, "POST", "/reset/code" | "/api/v1/reset/complete")
        | (_, _, "/verify-2fa") => &[401],
        // The page on which a code is typed looks alike for every proof that is open, and for every reset, there or not.
        (Kind::Proof, "GET", "/verify") | (_, "GET", "/reset/code") => &[200],
        // What is not there to be ended is told to be ended, another's or nobody's.
        (_, "POST", "/account/sessions/end" | "/account/apps/withdraw") => &[303, 404],
        _ => &[404, 410],
    }
}

/// A person with one of each, and what shows whether somebody got at it.
struct Owner {
    browser: Browser,
    objects: Vec<(Kind, String)>,
    attempt: (Browser, String, String),
    proof: (Browser, String, String),
}

async fn owner(app: &TestApp) -> Owner {
    let wiki = Wiki::register(app, json!({ "first_party": false })).await;
    app.account(ANA, true).await;
    let mut browser = app.browser();
    browser.get("/sign-in").await;
    let attempt = begin(&mut browser).await;
    let code = app.letter(ANA).await.code;
    let answer = browser.post("/sign-in/code", &[("id", &attempt), ("code", &code)]).await;
    assert_eq!(answer.location(), "/account", "{}", answer.body);
    let session = browser.session_id().await;
    let account = browser.get("/api/v1/account").await.text("id");
    // One app is let in, and asks once more for all that it was given.
    let asked = browser.get(&wiki.authorize(&[])).await.location().to_owned();
    let consent = id_in(&asked);
    browser.choose("/authorize/consent", &consent, "allow").await;
    let apps = browser.get("/api/v1/account/apps").await;
    assert!(apps.body.contains("wiki"), "{}", apps.body);
    let request = id_in(browser.get(&wiki.authorize(&[("prompt", "consent")])).await.location());
    // A second step that is due, elsewhere.
    let mut desk = app.browser();
    desk.get("/sign-in").await;
    let attempt = begin(&mut desk).await;
    let code = app.letter(ANA).await.code;
    let mut new = app.browser();
    new.get("/sign-up").await;
    let fields = [("email", "ana.next@example.com"), ("password", PASSWORD)];
    let proof = id_in(new.post("/sign-up", &fields).await.location());
    let proving = app.letter("ana.next@example.com").await.code;
    let reset = id_in(desk.post("/reset", &[("email", ANA)]).await.location());
    app.letters().await;
    Owner {
        browser,
        objects: vec![
            (Kind::Account, account),
            (Kind::Session, session),
            (Kind::Attempt, attempt.clone()),
            (Kind::Proof, proof.clone()),
            (Kind::Reset, reset),
            (Kind::Request, request),
            (Kind::Consent, "wiki".to_owned()),
        ],
        attempt: (desk, attempt, code),
        proof: (new, proof, proving),
    }
}

/// Gives the password; the second step is due.
async fn begin(browser: &mut Browser) -> String {
    id_in(browser.post("/sign-in", &[("email", ANA), ("password", PASSWORD)]).await.location())
}

/// The id in the query of an address.
fn id_in(address: &str) -> String {
    let id = address.split("id=").nth(1).unwrap_or_else(|| panic!("no id: {address}"));
    id.split('&').next().unwrap().to_owned()
}

async fn send(browser: &mut Browser, method: &str, path: &str, shape: &Shape, id: &str) -> Answer {
    match shape {
        Shape::Path => browser.json(method, &filled(path, id), &json!({})).await,
        Shape::Query(name) => browser.get(&format!("{path}?{name}={id}")).await,
        Shape::Form(fields) => {
            let fields: Vec<_> =
                fields.iter().map(|(name, value)| (*name, if *value == "ID" { id } else { value })).collect();
            browser.send(form(path, &fields)).await
        }
        Shape::Json(body) => {
            let body: Value =
                serde_json::from_str(&body.to_string().replace("ID\"", &format!("{id}\""))).unwrap();
            browser.json(method, path, &body).await
        }
    }
}

#[tokio::test]
async fn no_route_reaches_another_persons_object() {
    let app = TestApp::with(|setup| setup.limits.network_failures = 10_000).await;
    let mut ana = owner(&app).await;
    let look = async |browser: &mut Browser| {
        let mut seen = Vec::new();
        for path in ["/api/v1/account", "/api/v1/account/sessions", "/api/v1/account/apps"] {
            seen.push(browser.get(path).await.body);
        }
        seen
    };
    let before = look(&mut ana.browser).await;
    app.account(EVE, false).await;
    let (mut eve, objects) = (app.signed_in(EVE).await, ana.objects.clone());
    for (kind, id) in &objects {
        for (method, path, shape) in shapes() {
            // A uuid is no name of an app, nor the other way round: there is nothing to read it as.
            if *kind == Kind::Consent
                && path != "/api/v1/account/apps/{client_id}"
                && path != "/account/apps/withdraw"
            {
                continue;
            }
            let answer = send(&mut eve, method, path, &shape, id).await;
            let what = format!("{kind:?} at {method} {path}");
            let expected = answers(*kind, method, path);
            assert!(expected.contains(&answer.status.as_u16()), "{what}: {} {}", answer.status, answer.body);
            assert!(
                !answer.body.contains("ana@") && !answer.body.contains("ana.next"),
                "{what}: {}",
                answer.body
            );
            assert!(!answer.opens_session(), "{what}");
        }
    }
    assert!(
        app.letters().await.iter().all(|letter| !letter.to.starts_with("ana")),
        "nobody is mailed anything"
    );
    assert!(eve.is_signed_in().await, "what was sent by a person who is signed in");
    assert_eq!(look(&mut ana.browser).await, before);
    let (mut desk, id, code) = ana.attempt;
    let answer = desk.post("/sign-in/code", &[("id", &id), ("code", &code)]).await;
    assert_eq!(answer.location(), "/account", "nothing was used up: {}", answer.body);
    let (mut new, id, code) = ana.proof;
    assert_eq!(new.post("/verify", &[("id", &id), ("code", &code)]).await.location(), "/sign-in");
}

/// A route that takes an id is in the table.
#[test]
fn the_table_of_routes_that_take_an_id_is_whole() {
    let table = shapes();
    let routes = every();
    for (method, path, _) in &table {
        let route = ((*method).to_owned(), (*path).to_owned());
        assert!(routes.contains(&route), "{method} {path} is no route any more");
    }
    let in_table =
        |method: &str, path: &str| table.iter().any(|(own, known, _)| (*own, *known) == (method, path));
    let described = documented();
    for (method, path) in routes.iter().filter(|route| route.0 != "GET" && !described.contains(route)) {
        let known = in_table(method, path);
        assert_ne!(known, WITHOUT_ID.contains(&path.as_str()), "{method} {path} is in one list");
    }
    let document = serde_json::to_value(auth_service::openapi()).unwrap();
    for (method, path) in described {
        let operation = &document["paths"][&path][method.to_lowercase()];
        let body = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].as_str();
        let schema = body.and_then(|name| document.pointer(name.trim_start_matches('#')));
        let takes_id = path.contains('{')
            || schema.is_some_and(|schema| {
                schema["properties"].as_object().unwrap().keys().any(|name| {
                    let name = name.to_lowercase();
                    name == "id" || name.ends_with("_id") || name.ends_with("attemptid")
                })
            });
        assert_eq!(takes_id, in_table(&method, &path), "{method} {path}");
    }
}

/// An attempt to sign in that a browser began goes on in that browser only.
#[tokio::test]
async fn what_one_browser_began_another_does_not_finish() {
    let app = TestApp::start().await;
    app.account(ANA, true).await;
    let mut ana = app.browser();
    ana.get("/sign-in").await;
    let answer = ana.post("/sign-in", &[("email", ANA), ("password", PASSWORD)]).await;
    let attempt = answer.location().to_owned();
    let id = attempt.split("id=").nth(1).unwrap().to_owned();
    let code = app.letter(ANA).await.code;

    let mut eve = app.member(EVE).await;
    assert_eq!(eve.get(&attempt).await.status, 410);
    assert_eq!(eve.post("/sign-in/code", &[("id", &id), ("code", &code)]).await.status, 410);
    assert_eq!(eve.post("/sign-in/code/resend", &[("id", &id)]).await.status, 410);
    let body = json!({ "attempt_id": id, "code": code });
    assert_eq!(eve.json("POST", "/api/v1/sign-in/code", &body).await.status, 410);
    let body = json!({ "email": ANA, "loginAttemptId": id, "2FACode": code });
    assert_eq!(eve.json("POST", "/verify-2fa", &body).await.status, 401);

    let answer = ana.post("/sign-in/code", &[("id", &id), ("code", &code)]).await;
    assert_eq!(answer.location(), "/account", "nothing was used up");
}

/// A code of a new password is good wherever its mail is read: it opens no session. A proof of address in another browser than
/// the one that signed up needs the password of the sign-up, or sets a new one.
#[tokio::test]
async fn what_a_mail_alone_opens_elsewhere_is_no_session_and_no_password_of_others() {
    let app = TestApp::start().await;
    let mut ana = app.browser();
    let answer = ana.post("/sign-up", &[("email", ANA), ("password", PASSWORD)]).await;
    let proof = answer.location().split("id=").nth(1).unwrap().to_owned();
    let letter = app.letter(ANA).await;
    let mut elsewhere = app.browser();
    let answer = elsewhere.post("/verify", &[("token", &letter.token())]).await;
    assert_ne!(answer.status, 303, "a click alone activates nobody's password: {}", answer.body);
    assert_eq!(app.browser().post("/verify/resend", &[("id", &proof)]).await.status, 410);
    let body = json!({ "token": letter.token(), "password": PASSWORD });
    assert_eq!(elsewhere.json("POST", "/api/v1/sign-up/proof", &body).await.status, 200);
    let reset = ana.json("POST", "/api/v1/reset", &json!({ "email": ANA })).await.text("reset_id");
    let code = app.letter(ANA).await.code;
    let body = json!({ "reset_id": reset, "code": code, "new_password": OTHER_PASSWORD });
    let answer = elsewhere.json("POST", "/api/v1/reset/complete", &body).await;
    assert_eq!((answer.status.as_u16(), answer.opens_session()), (200, false), "{}", answer.body);
}

#[tokio::test]
async fn a_change_of_address_is_confirmed_by_its_own_account() {
    let app = TestApp::start().await;
    let mut ana = app.member(ANA).await;
    let mut eve = app.member(EVE).await;
    ana.post("/account/email", &[("email", "new@example.com")]).await;
    let code = app.letter("new@example.com").await.code;
    let body = json!({ "side": "new", "code": code });
    assert_eq!(eve.json("POST", "/api/v1/account/email/confirm", &body).await.status, 410);
    assert_eq!(eve.json("DELETE", "/api/v1/account/email", &json!({})).await.status, 404);
    assert_eq!(ana.get("/api/v1/account/email").await.status, 200, "still under way");
}
