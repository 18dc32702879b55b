//! Class 14: another's object by its id. Each authenticated route, given everything that is somebody else's.

use serde_json::json;

use crate::classes::inventory::{every, filled};
use crate::support::{OTHER_PASSWORD, PASSWORD, TestApp, form};

const ANA: &str = "ana@example.com";
const EVE: &str = "eve@example.com";

#[tokio::test]
async fn no_route_reaches_another_persons_session() {
    let app = TestApp::start().await;
    let mut ana = app.member(ANA).await;
    let id = ana.session_id().await;
    let before = (ana.get("/api/v1/account").await.body, ana.get("/api/v1/account/sessions").await.body);
    app.account(EVE, false).await;
    for (method, path) in every() {
        let mut eve = app.signed_in(EVE).await;
        let with_id = format!("{}?id={id}&session={id}&session_id={id}", filled(&path, &id));
        let answer = if path.starts_with("/api/") {
            let body = json!({ "id": id, "session_id": id });
            eve.json(&method, &with_id, &body).await
        } else if method == "POST" {
            eve.send(form(&with_id, &[("id", &id), ("session_id", &id)])).await
        } else {
            eve.get(&with_id).await
        };
        assert!(!answer.body.contains(ANA), "{method} {path}: {}", answer.body);
        if path.contains("id}") || path == "/account/sessions/end" {
            assert_eq!(answer.status, 404, "{method} {path}");
        }
        assert!(answer.status.as_u16() < 500, "{method} {path}: {}", answer.status);
    }
    let after = (ana.get("/api/v1/account").await.body, ana.get("/api/v1/account/sessions").await.body);
    assert_eq!(before, after);
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
