//! What any route may answer: problem details (RFC 9457) with a support id.

use axum::body::{Body, Bytes};
use axum::http::Request;
use http_body_util::{BodyExt as _, Full, Limited};
use insta::assert_snapshot;
use serde_json::json;

use crate::support::{PASSWORD, TestApp};

const PATH: &str = "/api/v1/sign-in";

#[tokio::test]
async fn nobody_is_signed_in() {
    let app = TestApp::start().await;
    assert_snapshot!(app.program().get("/api/v1/account").await.shown(), @r#"
    401 Unauthorized
    content-type: application/problem+json
    {"detail":"Sign in first.","status":401,"support_id":"[support-id]","title":"Nobody is signed in","type":"/docs#problem-unauthenticated"}
    "#);
}

#[tokio::test]
async fn there_is_no_such_route_or_method() {
    let app = TestApp::start().await;
    assert_snapshot!(app.program().get("/api/v1/nothing").await.shown(), @r#"
    404 Not Found
    content-type: application/problem+json
    {"detail":"There is nothing at this address: check it for a slip.","status":404,"support_id":"[support-id]","title":"Not found","type":"/docs#problem-not-found"}
    "#);
    assert_snapshot!(app.program().get(PATH).await.shown(), @r#"
    405 Method Not Allowed
    content-type: application/problem+json
    allow: POST
    {"detail":"This address does not take this method.","status":405,"support_id":"[support-id]","title":"Method not allowed","type":"/docs#problem-method-not-allowed"}
    "#);
}

#[tokio::test]
async fn the_body_cannot_be_read() {
    let app = TestApp::start().await;
    let mut program = app.program();
    assert_snapshot!(program.raw("POST", PATH, "application/json", "{").await.shown(), @r#"
    400 Bad Request
    content-type: application/problem+json
    {"detail":"The body is not valid JSON: EOF while parsing an object at line 1 column 1.","status":400,"support_id":"[support-id]","title":"The request cannot be read","type":"/docs#problem-malformed"}
    "#);
    let login = json!({ "email": "ana@example.com", "password": PASSWORD }).to_string();
    assert_snapshot!(program.raw("POST", PATH, "text/plain", login).await.shown(), @r#"
    415 Unsupported Media Type
    content-type: application/problem+json
    {"detail":"Send the body as application/json, in UTF-8.","status":415,"support_id":"[support-id]","title":"Not a body this route takes","type":"/docs#problem-unsupported-media-type"}
    "#);
    let large = vec![b' '; 64 * 1024 + 1];
    assert_snapshot!(program.raw("POST", PATH, "application/json", large).await.shown(), @r#"
    413 Payload Too Large
    content-type: application/problem+json
    connection: close
    {"detail":"Send at most 64 KiB.","status":413,"support_id":"[support-id]","title":"The request is too large","type":"/docs#problem-too-large"}
    "#);
    assert_snapshot!(program.raw("POST", PATH, "application/json", broken()).await.shown(), @r#"
    400 Bad Request
    content-type: application/problem+json
    connection: close
    {"detail":"The body broke off.","status":400,"support_id":"[support-id]","title":"The request cannot be read","type":"/docs#problem-malformed"}
    "#);
}

/// A body that breaks off.
fn broken() -> Body {
    let cut = Limited::new(Full::<Bytes>::from("{}"), 1);
    Body::new(cut.map_err(|_| std::io::Error::from(std::io::ErrorKind::ConnectionReset)))
}

#[tokio::test]
async fn too_many_tries() {
    let app = TestApp::with(|setup| setup.limits.account_failures = 1).await;
    let login = json!({ "email": "ana@example.com", "password": PASSWORD });
    let mut program = app.program();
    assert_eq!(program.json("POST", PATH, &login).await.status, 401);
    assert_snapshot!(program.json("POST", PATH, &login).await.shown(), @r#"
    429 Too Many Requests
    content-type: application/problem+json
    retry-after: 60
    {"detail":"Come back in 60 s.","status":429,"support_id":"[support-id]","title":"Too many tries","type":"/docs#problem-too-many"}
    "#);
}

#[tokio::test]
async fn it_was_sent_by_another_site() {
    let app = TestApp::start().await;
    let request = Request::post(PATH).header("origin", "https://evil.example").body(Body::empty()).unwrap();
    assert_snapshot!(app.program().send(request).await.shown(), @r#"
    403 Forbidden
    content-type: application/problem+json
    {"detail":"It was sent by a page of another site, which may not do this.","status":403,"support_id":"[support-id]","title":"Sent by another site","type":"/docs#problem-foreign-origin"}
    "#);
}

#[tokio::test]
async fn support_ids_differ() {
    let app = TestApp::start().await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(app.program().get("/api/v1/nothing").await.text("support_id"));
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 5);
}
