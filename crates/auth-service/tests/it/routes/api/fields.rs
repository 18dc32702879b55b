//! Fields that are not right: all of them said at once, each with its pointer.

use std::collections::BTreeSet;

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::classes::inventory::documented;
use crate::support::{PASSWORD, TestApp};

const ID: &str = "0190163d-8694-739b-aea5-966c26f8ad91";

/// Operations with several fields, bodies in which as many are mistaken as can be, and how each mistake is called.
fn mistaken() -> Vec<(&'static str, Value, Vec<&'static str>)> {
    let short = "short one";
    let nul = "a\u{0}b";
    vec![
        (
            "POST /api/v1/sign-up",
            json!({ "email": "ana", "password": short, "name": nul }),
            vec!["/email invalid", "/name invalid", "/password weak"],
        ),
        // The address is good, and the password is made of it: of one mistake more nobody is told later.
        (
            "POST /api/v1/sign-up",
            json!({ "email": "maria.lopez@example.com", "password": "maria.lopez-2026", "name": nul }),
            vec!["/name invalid", "/password weak"],
        ),
        (
            "POST /api/v1/sign-up",
            json!({ "email": "", "password": "" }),
            vec!["/email invalid", "/password invalid"],
        ),
        (
            "POST /api/v1/sign-in",
            json!({ "email": "", "password": "" }),
            vec!["/email invalid", "/password invalid"],
        ),
        (
            "POST /api/v1/sign-up/proof",
            json!({ "proof_id": ID, "new_password": short }),
            vec!["/code required", "/new_password weak"],
        ),
        (
            "POST /api/v1/sign-up/proof",
            json!({ "code": "123456", "password": "", "new_password": short }),
            vec!["/new_password too_much", "/new_password weak", "/password invalid", "/proof_id required"],
        ),
        (
            "POST /api/v1/reset/complete",
            json!({ "code": "123456", "new_password": "" }),
            vec!["/new_password invalid", "/reset_id required"],
        ),
        (
            "PATCH /api/v1/account",
            json!({ "name": nul, "locale": "fr" }),
            vec!["/locale unknown", "/name invalid"],
        ),
        (
            "PUT /api/v1/account/password",
            json!({ "current_password": "", "new_password": short }),
            vec!["/current_password invalid", "/new_password weak"],
        ),
        (
            "PUT /api/v1/account/second-step",
            json!({ "enabled": false, "new_password": short }),
            vec!["/new_password weak", "/password required"],
        ),
        (
            "PUT /api/v1/account/second-step",
            json!({ "enabled": false, "password": "", "new_password": "" }),
            vec!["/new_password invalid", "/password invalid"],
        ),
    ]
}

/// Of two mistakes a program was told one, mended it, and was told the other.
#[tokio::test]
async fn all_that_is_mistaken_is_told_at_once_by_every_operation() {
    let app = TestApp::start().await;
    let mut browser = app.member("ana@example.com").await;
    for (operation, body, expected) in mistaken() {
        let (method, path) = operation.split_once(' ').unwrap();
        let answer = browser.json(method, path, &body).await;
        assert_eq!(answer.status, 422, "{operation} {body}: {}", answer.body);
        let errors = answer.json()["errors"].clone();
        let told: BTreeSet<_> = errors
            .as_array()
            .unwrap()
            .iter()
            .map(|error| {
                assert!(error["detail"].as_str().unwrap().len() > 10, "{error}");
                format!("{} {}", error["pointer"].as_str().unwrap(), error["code"].as_str().unwrap())
            })
            .collect();
        let expected: BTreeSet<_> = expected.into_iter().map(str::to_owned).collect();
        assert_eq!(told, expected, "{operation} {body}");
    }
}

/// An operation of the API with several fields is in the table, or has no two that can be mistaken at once.
#[test]
fn the_table_of_operations_with_several_fields_is_whole() {
    // What is beside the one field is an id or a word of two, which is read with the body.
    let one = ["POST /api/v1/sign-in/code", "POST /api/v1/account/email/confirm"];
    let document = serde_json::to_value(auth_service::openapi()).unwrap();
    let mut several = BTreeSet::new();
    for (method, path) in documented().into_iter().filter(|(_, path)| path.starts_with("/api/")) {
        let operation = &document["paths"][&path][method.to_lowercase()];
        let schema = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].as_str();
        let schema = schema.and_then(|name| document.pointer(name.trim_start_matches('#')));
        if schema.is_some_and(|schema| schema["properties"].as_object().unwrap().len() > 1) {
            several.insert(format!("{method} {path}"));
        }
    }
    let mut known: BTreeSet<_> = one.into_iter().map(str::to_owned).collect();
    known.extend(mistaken().into_iter().map(|(operation, ..)| operation.to_owned()));
    assert_eq!(several, known);
}

/// And on the pages: each field that is mistaken is marked.
#[tokio::test]
async fn all_that_is_mistaken_is_told_at_once_by_every_form() {
    let app = TestApp::start().await;
    let mut browser = app.member("ana@example.com").await;
    let (short, nul) = ("short one", "a\u{0}b");
    for (path, fields, expected) in [
        (
            "/sign-up",
            &[("name", nul), ("email", "ana"), ("password", short)][..],
            &["name", "email", "password"][..],
        ),
        (
            "/sign-up",
            &[("name", nul), ("email", "bea@example.com"), ("password", short)],
            &["name", "password"],
        ),
        (
            "/sign-up",
            &[("name", nul), ("email", "maria.lopez@example.com"), ("password", "maria.lopez-2026")],
            &["name", "password"],
        ),
        ("/sign-in", &[("email", ""), ("password", "")], &["email", "password"]),
        (
            "/account/password",
            &[("current_password", ""), ("new_password", short)],
            &["current_password", "new_password"],
        ),
        (
            "/account/second-step",
            &[("second_step", "off"), ("current_password", ""), ("new_password", short)],
            &["current_password", "new_password"],
        ),
        ("/account/profile", &[("name", nul), ("language", "fr")], &["name", "language"]),
        ("/account/delete", &[("password", "")], &["password", "confirm"]),
        ("/reset/code", &[("id", ID), ("code", "12"), ("new_password", "")], &["code", "new_password"]),
    ] {
        let mut who = if path.starts_with("/account") { browser.clone() } else { app.browser() };
        if path == "/account/second-step" {
            let on = who.post(path, &[("second_step", "on")]).await;
            assert_eq!(on.status, 303, "{}", on.body);
            browser = who.clone();
        }
        let answer = who.post(path, fields).await;
        assert_eq!(answer.status, 422, "{path} {fields:?}: {}", answer.body);
        let marked: BTreeSet<_> = answer
            .body
            .split('<')
            .filter(|tag| tag.contains("aria-invalid=\"true\""))
            .map(|tag| tag.split("name=\"").nth(1).unwrap().split('"').next().unwrap())
            .collect();
        assert_eq!(marked, expected.iter().copied().collect(), "{path} {fields:?}");
    }
}

#[tokio::test]
async fn every_wrong_field_is_pointed_to() {
    let app = TestApp::start().await;
    let body = json!({ "email": "ana", "password": "", "name": "a\u{0}b" });
    let answer = app.program().json("POST", "/api/v1/sign-up", &body).await;
    assert_snapshot!(answer.shown(), @r#"
    422 Unprocessable Entity
    content-type: application/problem+json
    {"detail":"This is not an e-mail address: it should look like ana@example.com.","errors":[{"code":"invalid","detail":"this is not an e-mail address: it should look like ana@example.com","pointer":"/email"},{"code":"invalid","detail":"the password is empty","pointer":"/password"},{"code":"invalid","detail":"the name holds a character that cannot be shown: remove line breaks and invisible characters","pointer":"/name"}],"status":422,"support_id":"[support-id]","title":"Some fields are not right","type":"/docs#problem-invalid"}
    "#);
    let answer = app.program().json("POST", "/api/v1/sign-in", &json!({ "email": "", "password": "" })).await;
    assert_snapshot!(answer.json()["errors"].to_string(), @r#"[{"code":"invalid","detail":"the e-mail address is empty: enter one such as ana@example.com","pointer":"/email"},{"code":"invalid","detail":"the password is empty","pointer":"/password"}]"#);
}

#[tokio::test]
async fn unknown_duplicate_missing_and_mistyped_keys_are_422() {
    let app = TestApp::start().await;
    let mut said = Vec::new();
    for body in [
        r#"{"email":"a@example.com","password":"p","role":"admin"}"#,
        r#"{"email":"a@example.com","password":"p","a/b~c":1}"#,
        r#"{"email":"a@example.com","password":"p","password":"q"}"#,
        r#"{"email":"a@example.com"}"#,
        r#"{"email":["a@example.com"],"password":"p"}"#,
        r#"{"email":null,"password":"p"}"#,
        "[]",
        r#"["a@example.com","p"]"#,
    ] {
        let answer = app.program().raw("POST", "/api/v1/sign-in", "application/json", body).await;
        assert_eq!(answer.status, 422, "{body}");
        said.push(answer.json()["errors"][0].to_string());
    }
    assert_snapshot!(said.join("\n"), @r#"
    {"code":"not_as_documented","detail":"unknown field `role`, expected `email` or `password`","pointer":"/role"}
    {"code":"not_as_documented","detail":"unknown field `a/b~c`, expected `email` or `password`","pointer":"/a~1b~0c"}
    {"code":"not_as_documented","detail":"duplicate field `password`","pointer":"/password"}
    {"code":"not_as_documented","detail":"missing field `password`","pointer":"/password"}
    {"code":"not_as_documented","detail":"invalid type: sequence, expected a string","pointer":"/email"}
    {"code":"not_as_documented","detail":"invalid type: null, expected a string","pointer":"/email"}
    {"code":"not_as_documented","detail":"the body must be a JSON object: {…}","pointer":""}
    {"code":"not_as_documented","detail":"the body must be a JSON object: {…}","pointer":""}
    "#);
}

#[tokio::test]
async fn a_refused_sign_up_loses_nothing() {
    let app = TestApp::start().await;
    let mut program = app.program();
    let weak = json!({ "email": "ana@example.com", "password": "fourteen chars" });
    assert_eq!(program.json("POST", "/api/v1/sign-up", &weak).await.status, 422);
    assert!(app.letters().await.is_empty());
    let good = json!({ "email": "ana@example.com", "password": PASSWORD });
    assert_eq!(program.json("POST", "/api/v1/sign-up", &good).await.status, 201);
}

#[tokio::test]
async fn what_is_no_object_is_told_so_and_not_which_type_of_ours_it_is_not() {
    let app = TestApp::start().await;
    for body in ["null", "5", "\"text\"", "true", "[]", " [1] "] {
        for path in ["/api/v1/sign-in", "/login", "/signup", "/verify-token"] {
            let answer = app.program().raw("POST", path, "application/json", body).await;
            assert_eq!(answer.status, 422, "{path} {body}");
            assert!(answer.body.contains("he body must be a JSON object"), "{path} {body}: {}", answer.body);
            assert!(!answer.body.contains("struct") && !answer.body.contains("Body"), "{}", answer.body);
        }
    }
}
