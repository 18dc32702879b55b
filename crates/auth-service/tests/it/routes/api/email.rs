//! Moving the account to another address.

use insta::assert_snapshot;
use serde_json::json;

use crate::support::{PASSWORD, TestApp};

const ANA: &str = "ana@example.com";
const NEW: &str = "ana.maria@example.com";
const PATH: &str = "/api/v1/account/email";

#[tokio::test]
async fn both_ends_agree_by_code() {
    let app = TestApp::start().await;
    let mut browser = app.member(ANA).await;
    assert_eq!(browser.get(PATH).await.status, 404);
    let answer = browser.json("POST", PATH, &json!({ "email": NEW })).await;
    assert_snapshot!(answer.shown(), @r#"
    202 Accepted
    content-type: application/json
    {"message":"Both addresses have been sent a code: enter both."}
    "#);
    let (old, new) = (app.letter(ANA).await.code, app.letter(NEW).await.code);
    let confirm = "/api/v1/account/email/confirm";
    let answer = browser.json("POST", confirm, &json!({ "side": "new", "code": new })).await;
    assert_snapshot!(answer.shown(), @r#"
    200 OK
    content-type: application/json
    {"message":"Agreed: now the other address."}
    "#);
    assert_snapshot!(browser.get(PATH).await.shown(), @r#"
    200 OK
    content-type: application/json
    {"email":"ana.maria@example.com","new_confirmed":true,"old_confirmed":false}
    "#);
    let answer = browser.json("POST", confirm, &json!({ "side": "new", "code": new })).await;
    assert_eq!(answer.status, 410, "used");
    let answer = browser.json("POST", confirm, &json!({ "side": "old", "code": old })).await;
    assert_snapshot!(answer.shown(), @r#"
    200 OK
    content-type: application/json
    set-cookie: __Host-keyward-session=[token]; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=2592000
    set-cookie: jwt=[jwt]; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=600
    {"message":"The address is changed."}
    "#);
    assert_eq!(browser.get("/api/v1/account").await.text("email"), NEW);
    assert_eq!(app.letter(ANA).await.kind, "address changed");
    for (email, status) in [(ANA, 401), (NEW, 200)] {
        let login = json!({ "email": email, "password": PASSWORD });
        assert_eq!(app.program().json("POST", "/api/v1/sign-in", &login).await.status, status);
    }
}

/// Whoever reads the mail elsewhere has the link alone, as on the pages.
#[tokio::test]
async fn both_ends_agree_by_link_signed_in_or_not() {
    let app = TestApp::start().await;
    let mut browser = app.member(ANA).await;
    browser.json("POST", PATH, &json!({ "email": NEW })).await;
    let (old, new) = (app.letter(ANA).await.token(), app.letter(NEW).await.token());
    let confirm = "/api/v1/account/email/confirm";
    let mut program = app.program();
    for (body, status) in [
        (json!({ "side": "old", "token": new }), 410),
        (json!({ "side": "old", "code": "123456" }), 401),
        (json!({ "side": "old", "code": "123456", "token": old }), 422),
        (json!({ "side": "old" }), 422),
        (json!({ "side": "old", "token": "" }), 410),
    ] {
        assert_eq!(program.json("POST", confirm, &body).await.status, status, "{body}");
    }
    let answer = program.json("POST", confirm, &json!({ "side": "new", "token": new })).await;
    assert_snapshot!(answer.shown(), @r#"
    200 OK
    content-type: application/json
    {"message":"Agreed: now the other address."}
    "#);
    assert_eq!(
        program.json("POST", confirm, &json!({ "side": "new", "token": new })).await.status,
        410,
        "used"
    );
    let answer = browser.json("POST", confirm, &json!({ "side": "old", "token": old })).await;
    assert_snapshot!(answer.shown(), @r#"
    200 OK
    content-type: application/json
    set-cookie: __Host-keyward-session=[token]; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=2592000
    set-cookie: jwt=[jwt]; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=600
    {"message":"The address is changed."}
    "#);
    assert_eq!(browser.get("/api/v1/account").await.text("email"), NEW);
}

#[tokio::test]
async fn a_change_can_be_given_up() {
    let app = TestApp::start().await;
    let mut browser = app.member(ANA).await;
    browser.json("POST", PATH, &json!({ "email": NEW })).await;
    let old = app.letter(ANA).await.code;
    assert_snapshot!(browser.raw("DELETE", PATH, "", "").await.shown(), @r#"
    200 OK
    content-type: application/json
    {"message":"The address stays as it is."}
    "#);
    let confirm = json!({ "side": "old", "code": old });
    assert_eq!(browser.json("POST", "/api/v1/account/email/confirm", &confirm).await.status, 410);
    assert_eq!(browser.raw("DELETE", PATH, "", "").await.status, 404, "twice");
}

#[tokio::test]
async fn ones_own_address_and_a_strange_side_are_refused() {
    let app = TestApp::start().await;
    let mut browser = app.member(ANA).await;
    let answer = browser.json("POST", PATH, &json!({ "email": "ANA@example.com" })).await;
    assert_snapshot!(answer.shown(), @r#"
    422 Unprocessable Entity
    content-type: application/problem+json
    {"detail":"This is your address already.","errors":[{"code":"same","detail":"this is your address already","pointer":"/email"}],"status":422,"support_id":"[support-id]","title":"Some fields are not right","type":"/docs#problem-invalid"}
    "#);
    let confirm = json!({ "side": "both", "code": "123456" });
    let answer = browser.json("POST", "/api/v1/account/email/confirm", &confirm).await;
    assert_snapshot!(answer.shown(), @r#"
    422 Unprocessable Entity
    content-type: application/problem+json
    {"detail":"Unknown variant `both`, expected `old` or `new`.","errors":[{"code":"not_as_documented","detail":"unknown variant `both`, expected `old` or `new`","pointer":"/side"}],"status":422,"support_id":"[support-id]","title":"Some fields are not right","type":"/docs#problem-invalid"}
    "#);
}
