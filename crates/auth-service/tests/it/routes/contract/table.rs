//! The table of the contract, as the guide prints it: each answer that it names is brought about here, and no other is.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Answer, Browser, PASSWORD, SHORT_PASSWORD, TestApp};

const ANA: &str = "ana@example.com";
const BEA: &str = "bea@example.com";
const GUIDE: &str = include_str!("../../../../../../docs/guide/json-api.md");

/// What the guide says of each route: the statuses that begin a clause of the last column.
fn promised() -> BTreeMap<String, BTreeSet<u16>> {
    let rows = GUIDE.lines().filter_map(|line| line.strip_prefix("| `POST "));
    rows.map(|row| {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        let statuses = cells[2].split(';').filter_map(|clause| clause.trim().get(..3)?.parse().ok());
        (cells[0].trim_matches('`').to_owned(), statuses.collect())
    })
    .collect()
}

/// What was answered so far.
#[derive(Default)]
struct Table(BTreeMap<String, BTreeSet<u16>>);

impl Table {
    /// Asks, and holds the answer to its line: the status, what is said, and whether a session is opened.
    async fn line(
        &mut self,
        who: &mut Browser,
        path: &str,
        body: Value,
        (status, said): (u16, &str),
    ) -> Answer {
        let answer = if body.is_null() {
            who.raw("POST", path, "", "").await
        } else {
            who.json("POST", path, &body).await
        };
        let (field, opens) = match (path, status) {
            ("/verify-token", 200) => ("sub", false),
            ("/login" | "/verify-2fa", 200) => ("message", true),
            (_, 200..300) => ("message", false),
            _ => ("error", false),
        };
        assert_eq!(answer.status, status, "{path} {body}: {}", answer.body);
        assert_eq!(answer.header("content-type"), "application/json", "{path} {body}");
        assert!(answer.text(field).contains(said), "{path} {body}: {}", answer.body);
        assert_eq!(answer.opens_session(), opens, "{path} {body}: {:?}", answer.cookies());
        self.0.entry(path.to_owned()).or_default().insert(status);
        answer
    }
}

/// A code that is not `code`.
fn another(code: &str) -> &'static str {
    if code == "000000" { "000001" } else { "000000" }
}

#[tokio::test]
async fn every_line_of_the_contract_holds() {
    let mut table = Table::default();
    signup(&mut table).await;
    login(&mut table).await;
    verify_2fa(&mut table).await;
    logout(&mut table).await;
    verify_token(&mut table).await;
    assert_eq!(table.0, promised(), "what is answered, and what the guide says of it");
}

async fn signup(table: &mut Table) {
    let path = "/signup";
    let body =
        |email: &str, password: &str| json!({ "email": email, "password": password, "requires2FA": false });
    for reveal_accounts in [false, true] {
        let app = TestApp::with(|setup| setup.reveal_accounts = reveal_accounts).await;
        let mut program = app.program();
        table.line(&mut program, path, body(ANA, PASSWORD), (201, "created")).await;
        let taken = if reveal_accounts { (409, "User already exists") } else { (201, "created") };
        table.line(&mut program, path, body(ANA, PASSWORD), taken).await;
        for wrong in [body("ana", PASSWORD), body(BEA, SHORT_PASSWORD), body(BEA, "")] {
            table.line(&mut program, path, wrong, (400, "Invalid credentials")).await;
        }
        let short = json!({ "email": BEA, "password": SHORT_PASSWORD, "requires2FA": true });
        table.line(&mut program, path, short, (201, "created")).await;
        for missing in ["email", "password", "requires2FA"] {
            let mut body = body(ANA, PASSWORD);
            body.as_object_mut().unwrap().remove(missing);
            table.line(&mut program, path, body, (422, missing)).await;
        }
        let malformed = json!({ "email": ANA, "password": PASSWORD, "requires2FA": "yes" });
        table.line(&mut program, path, malformed, (422, "requires2FA")).await;
    }
}

async fn login(table: &mut Table) {
    let path = "/login";
    let body = |email: &str, password: &str| json!({ "email": email, "password": password });
    let app = TestApp::start().await;
    let mut program = app.program();
    let unproved = json!({ "email": ANA, "password": PASSWORD, "requires2FA": false });
    assert_eq!(program.json("POST", "/signup", &unproved).await.status, 201);
    table.line(&mut program, path, body(ANA, PASSWORD), (401, "Incorrect credentials")).await;
    let proof = json!({ "token": app.letter(ANA).await.token(), "password": PASSWORD });
    assert_eq!(program.json("POST", "/api/v1/sign-up/proof", &proof).await.status, 200);
    table.line(&mut program, path, body(ANA, PASSWORD), (200, "Login successful")).await;
    app.account(BEA, true).await;
    let due = table.line(&mut program, path, body(BEA, PASSWORD), (206, "2FA required")).await;
    assert!(uuid::Uuid::parse_str(&due.text("loginAttemptId")).is_ok(), "{}", due.body);
    for wrong in [body("ana", PASSWORD), body(ANA, "")] {
        table.line(&mut program, path, wrong, (400, "Invalid credentials")).await;
    }
    for wrong in [body(ANA, "not it"), body("nobody@example.com", PASSWORD)] {
        table.line(&mut program, path, wrong, (401, "Incorrect credentials")).await;
    }
    for (wrong, place) in [
        (json!({ "email": ANA }), "/password"),
        (json!({ "password": PASSWORD }), "/email"),
        (json!({ "email": 1, "password": PASSWORD }), "/email"),
    ] {
        table.line(&mut program, path, wrong, (422, place)).await;
    }
}

async fn verify_2fa(table: &mut Table) {
    let path = "/verify-2fa";
    let app = TestApp::start().await;
    app.account(ANA, true).await;
    app.account(BEA, true).await;
    let mut program = app.program();
    let begin = async |email: &str| {
        let login = json!({ "email": email, "password": PASSWORD });
        let attempt = app.program().json("POST", "/login", &login).await.text("loginAttemptId");
        (attempt, app.letter(email).await.code)
    };
    let body = |email: &str, attempt: &str, code: &str| json!({ "email": email, "loginAttemptId": attempt, "2FACode": code });
    let (attempt, code) = begin(ANA).await;
    let (other, other_code) = begin(BEA).await;
    for wrong in [body("ana", &attempt, &code), body(ANA, "x", &code), body(ANA, &attempt, "12345")] {
        table.line(&mut program, path, wrong, (400, "Invalid credentials")).await;
    }
    for wrong in [
        body(ANA, &attempt, another(&code)),
        body(ANA, &other, &other_code),
        body(BEA, &attempt, &code),
        body(ANA, uuid::Uuid::nil().to_string().as_str(), &code),
    ] {
        table.line(&mut program, path, wrong, (401, "Incorrect credentials")).await;
    }
    for missing in ["email", "loginAttemptId", "2FACode"] {
        let mut body = body(ANA, &attempt, &code);
        body.as_object_mut().unwrap().remove(missing);
        table.line(&mut program, path, body, (422, missing)).await;
    }
    table.line(&mut program, path, body(ANA, &attempt, &code), (200, "Login successful")).await;
    let used = body(ANA, &attempt, &code);
    table.line(&mut program, path, used, (401, "Incorrect credentials")).await;
    app.turn(Duration::from_mins(10));
    let expired = body(BEA, &other, &other_code);
    table.line(&mut program, path, expired, (401, "Incorrect credentials")).await;
}

async fn logout(table: &mut Table) {
    let path = "/logout";
    let app = TestApp::start().await;
    let mut program = app.member(ANA).await;
    let mut copy = program.clone();
    let mut answers = vec![table.line(&mut program, path, Value::Null, (200, "Logout successful")).await];
    assert!(!copy.is_signed_in().await, "it has ended, and is not only forgotten");
    answers.push(table.line(&mut program, path, Value::Null, (400, "Missing auth token")).await);
    answers.push(table.line(&mut copy, path, Value::Null, (401, "Invalid auth token")).await);
    for answer in answers {
        for name in ["__Host-keyward-session=;", "jwt=;"] {
            let cleared = |cookie: &&str| cookie.starts_with(name) && cookie.ends_with("Max-Age=0");
            assert!(answer.cookies().iter().any(cleared), "{name} {:?}", answer.cookies());
        }
    }
}

async fn verify_token(table: &mut Table) {
    let path = "/verify-token";
    let app = TestApp::start().await;
    let mut browser = app.member(ANA).await;
    let mut program = app.program();
    let body = |token: &str| json!({ "token": token });
    let live = browser.jar["jwt"].clone();
    table.line(&mut program, path, body(&live), (200, "-")).await;
    table.line(&mut program, path, body("x"), (401, "Invalid auth token")).await;
    for wrong in [json!({}), json!({ "token": 1 })] {
        table.line(&mut program, path, wrong, (422, "/token")).await;
    }
    app.turn(Duration::from_mins(10));
    table.line(&mut program, path, body(&live), (401, "Invalid auth token")).await;
    assert_eq!(browser.json("POST", "/api/v1/account/token", &json!({})).await.status, 200);
    let renewed = browser.jar["jwt"].clone();
    table.line(&mut program, path, body(&renewed), (200, "-")).await;
    browser.post("/sign-out", &[]).await;
    table.line(&mut program, path, body(&renewed), (401, "Invalid auth token")).await;
}
