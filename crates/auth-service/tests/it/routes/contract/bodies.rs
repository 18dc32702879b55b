//! What is malformed or missing: 422 on every route that has a body.

use insta::assert_snapshot;

use crate::support::TestApp;

/// Each route, and a body of the right shape.
const ROUTES: [(&str, &str); 4] = [
    ("/signup", r#"{"email":"a@example.com","password":"p","requires2FA":false}"#),
    ("/login", r#"{"email":"a@example.com","password":"p"}"#),
    ("/verify-2fa", r#"{"email":"a@example.com","loginAttemptId":"x","2FACode":"1"}"#),
    ("/verify-token", r#"{"token":"x"}"#),
];

#[tokio::test]
async fn a_body_that_is_not_as_documented_is_422() {
    let app = TestApp::start().await;
    let mut program = app.program();
    for (path, good) in ROUTES {
        let field = good[2..].split('"').next().unwrap();
        let duplicate = good.replacen('{', &format!("{{\"{field}\":\"x\","), 1);
        let unknown = good.replacen('{', "{\"admin\":true,", 1);
        let missing = good.replacen(field, "other", 1);
        let number = good.replacen(&format!("\"{field}\":\""), &format!("\"{field}\":1,\"x\":\""), 1);
        let trailing = format!("{good}{good}");
        let bodies =
            ["", "{", "null", "[]", "{}", "\"x\"", "\0", &duplicate, &unknown, &missing, &number, &trailing];
        for body in bodies {
            let answer = program.raw("POST", path, "application/json", body.to_owned()).await;
            assert_eq!(answer.status, 422, "{path} {body} {}", answer.body);
            assert!(!answer.text("error").is_empty(), "{path} {body}");
            assert_eq!(answer.header("content-type"), "application/json", "{path} {body}");
        }
        let answer = program.raw("POST", path, "application/json", &b"{\"email\":\"\xff\"}"[..]).await;
        assert_eq!(answer.status, 422, "{path} not UTF-8");
    }
}

#[tokio::test]
async fn what_is_wrong_is_said_with_its_place() {
    let app = TestApp::start().await;
    let mut said = Vec::new();
    for body in [
        "",
        "{",
        r#"{"email":"a@example.com"}"#,
        r#"{"email":"a@example.com","email":"a@example.com","password":"p"}"#,
        r#"{"email":"a@example.com","password":"p","admin":true}"#,
        r#"{"email":1,"password":"p"}"#,
    ] {
        said.push(app.program().raw("POST", "/login", "application/json", body).await.body);
    }
    assert_snapshot!(said.join("\n"), @r#"
    {"error":"The body is not valid JSON: EOF while parsing a value at line 1 column 0."}
    {"error":"The body is not valid JSON: EOF while parsing an object at line 1 column 1."}
    {"error":"/password: Missing field `password`."}
    {"error":"/email: Duplicate field `email`."}
    {"error":"/admin: Unknown field `admin`, expected `email` or `password`."}
    {"error":"/email: Invalid type: integer `1`, expected a string."}
    "#);
}

#[tokio::test]
async fn another_content_type_or_method_is_refused() {
    let app = TestApp::start().await;
    let mut program = app.program();
    for (path, good) in ROUTES {
        for content_type in ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonx"] {
            let answer = program.raw("POST", path, content_type, good).await;
            assert_eq!(answer.status, 415, "{path} {content_type}");
            assert_eq!(answer.text("error"), "Not a body this route takes");
        }
        let answer = program.raw("POST", path, "Application/JSON; charset=utf-8", good).await;
        assert!([201, 400, 401].contains(&answer.status.as_u16()), "{path} {}", answer.status);
        let answer = program.get(path).await;
        assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, "POST"), "{path}");
    }
    assert_snapshot!(program.get("/login").await.shown(), @r#"
    405 Method Not Allowed
    content-type: application/json
    allow: POST
    {"error":"Method not allowed"}
    "#);
}
