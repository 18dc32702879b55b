//! `POST /signup`

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{OTHER_PASSWORD, PASSWORD, SHORT_PASSWORD, TestApp};

fn body(email: &str, password: &str, requires_2fa: bool) -> Value {
    json!({ "email": email, "password": password, "requires2FA": requires_2fa })
}

#[tokio::test]
async fn a_new_address_is_201() {
    let app = TestApp::start().await;
    let answer = app.program().json("POST", "/signup", &body("ana@example.com", PASSWORD, false)).await;
    assert_snapshot!(answer.shown(), @r#"
    201 Created
    content-type: application/json
    {"message":"User created successfully!"}
    "#);
    // No id is told, so there is nowhere to type a code: the link is all.
    let letter = app.letter("ana@example.com").await;
    assert_eq!((letter.kind, letter.code.as_str()), ("prove", ""));
    let proof = json!({ "token": letter.token(), "password": PASSWORD });
    assert_eq!(app.program().json("POST", "/api/v1/sign-up/proof", &proof).await.status, 200);
}

#[tokio::test]
async fn a_short_password_will_do_with_a_second_step_only() {
    let app = TestApp::start().await;
    let mut program = app.program();
    let answer = program.json("POST", "/signup", &body("ana@example.com", SHORT_PASSWORD, true)).await;
    assert_eq!(answer.status, 201);
    let answer = program.json("POST", "/signup", &body("bob@example.com", SHORT_PASSWORD, false)).await;
    assert_snapshot!(answer.shown(), @r#"
    400 Bad Request
    content-type: application/json
    {"error":"Invalid credentials"}
    "#);
}

#[tokio::test]
async fn an_invalid_email_or_password_is_400() {
    let app = TestApp::start().await;
    for (email, password) in [
        ("", PASSWORD),
        ("ana", PASSWORD),
        ("ana@", PASSWORD),
        ("@example.com", PASSWORD),
        ("ana@example", PASSWORD),
        ("ana@example.com", ""),
        ("ana@example.com", "fourteen chars"),
        ("someone.long@example.com", "someone.long@example.com"),
    ] {
        let answer = app.program().json("POST", "/signup", &body(email, password, false)).await;
        assert_eq!((answer.status.as_u16(), answer.text("error").as_str()), (400, "Invalid credentials"));
    }
    assert!(app.letters().await.is_empty());
}

#[tokio::test]
async fn a_taken_address_is_201_and_its_owner_is_told() {
    let app = TestApp::start().await;
    app.account("ana@example.com", false).await;
    let known = app.program().json("POST", "/signup", &body("Ana@example.com", OTHER_PASSWORD, false)).await;
    let unknown =
        app.program().json("POST", "/signup", &body("bob@example.com", OTHER_PASSWORD, false)).await;
    assert_eq!(known.shown(), unknown.shown());
    assert_eq!(app.letter("Ana@example.com").await.kind, "registered");
}

#[tokio::test]
async fn a_taken_address_is_409_where_accounts_are_revealed() {
    let app = TestApp::with(|setup| setup.reveal_accounts = true).await;
    let mut program = app.program();
    let answer = program.json("POST", "/signup", &body("ana@example.com", PASSWORD, false)).await;
    assert_eq!(answer.status, 201);
    let answer = program.json("POST", "/signup", &body("ana@example.com", PASSWORD, false)).await;
    assert_snapshot!(answer.shown(), @r#"
    409 Conflict
    content-type: application/json
    {"error":"User already exists"}
    "#);
}

#[tokio::test]
async fn two_sign_ups_at_the_same_instant_make_one_account() {
    let app = TestApp::with(|setup| {
        setup.reveal_accounts = true;
        setup.limits.mails = 100;
    })
    .await;
    let mut tries = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let mut program = app.program();
        tries.spawn(async move {
            program.json("POST", "/signup", &body("ana@example.com", PASSWORD, false)).await.status.as_u16()
        });
    }
    let mut statuses = tries.join_all().await;
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409, 409, 409, 409, 409]);
}

#[tokio::test]
async fn too_many_from_one_network_is_429() {
    let app = TestApp::with(|setup| setup.limits.network_sign_ups = 1).await;
    let mut program = app.program();
    program.json("POST", "/signup", &body("ana@example.com", PASSWORD, false)).await;
    let answer = program.json("POST", "/signup", &body("bob@example.com", PASSWORD, false)).await;
    assert_snapshot!(answer.shown(), @r#"
    429 Too Many Requests
    content-type: application/json
    retry-after: 3600
    {"error":"Too many tries"}
    "#);
}
