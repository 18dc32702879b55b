//! `/openapi.json` and `/docs`.

use insta::assert_snapshot;
use serde_json::Value;

use crate::classes::inventory::{documented, empty, filled};
use crate::support::TestApp;

async fn document() -> Value {
    TestApp::start().await.program().get("/openapi.json").await.json()
}

fn operations(document: &Value) -> impl Iterator<Item = (String, &Value)> {
    documented().into_iter().map(|(method, path)| {
        let operation = &document["paths"][&path][method.to_lowercase()];
        (format!("{method} {path}"), operation)
    })
}

#[tokio::test]
async fn it_is_openapi_3_1_and_lists_these_operations() {
    let document = document().await;
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."));
    let list: Vec<_> = operations(&document)
        .map(|(name, found)| format!("{name}: {}", found["summary"].as_str().unwrap()))
        .collect();
    assert_snapshot!(list.join("\n"), @"
    GET /api/v1/account: Show the account
    PATCH /api/v1/account: Change name and language
    DELETE /api/v1/account: Delete the account
    GET /api/v1/account/apps: List the apps that were let in
    DELETE /api/v1/account/apps/{client_id}: Let an app in no more
    POST /api/v1/account/confirm: Prove again who this is
    GET /api/v1/account/email: Show the change of address under way
    POST /api/v1/account/email: Ask for a change of address
    DELETE /api/v1/account/email: Give the change of address up
    POST /api/v1/account/email/confirm: Agree to a change of address
    PUT /api/v1/account/password: Change the password
    PUT /api/v1/account/second-step: Switch the second step
    GET /api/v1/account/sessions: List the sessions
    DELETE /api/v1/account/sessions: End all other sessions
    DELETE /api/v1/account/sessions/{id}: End one session
    POST /api/v1/account/token: Renew the token
    POST /api/v1/reset: Ask for a password reset
    POST /api/v1/reset/complete: Reset a password
    POST /api/v1/sign-in: Sign in
    POST /api/v1/sign-in/code: Take the second step
    POST /api/v1/sign-in/code/resend: Send a new code
    POST /api/v1/sign-out: Sign out
    POST /api/v1/sign-up: Sign up
    POST /api/v1/sign-up/proof: Prove an address
    POST /api/v1/sign-up/proof/resend: Send the mail once more
    POST /login: Sign in
    POST /logout: Sign out
    POST /signup: Sign up
    POST /verify-2fa: Take the second step
    POST /verify-token: Check a token
    ");
}

#[tokio::test]
async fn every_operation_says_what_it_does_and_how_it_fails() {
    let document = document().await;
    let mut ids = Vec::new();
    for (name, operation) in operations(&document) {
        let said = operation["summary"].as_str().unwrap_or_default();
        assert!(!said.is_empty() && !said.ends_with('.'), "{name}: {said}");
        ids.push(operation["operationId"].as_str().unwrap_or_else(|| panic!("{name} has no id")));
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.keys().any(|status| status.starts_with('2')), "{name} never succeeds");
        let failure = if name.contains(" /api/") { "application/problem+json" } else { "application/json" };
        for (status, response) in responses.iter().filter(|(status, _)| status.as_str() >= "400") {
            assert!(!response["description"].as_str().unwrap().is_empty(), "{name} {status}");
            assert!(response["content"].get(failure).is_some(), "{name} {status}: {response}");
        }
        if name.contains("/account") {
            assert!(operation["security"][0].get("session").is_some(), "{name} asks for no session");
        }
    }
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count, "an id is used twice: {ids:?}");
}

#[tokio::test]
async fn every_reference_leads_somewhere_and_every_schema_is_strict() {
    let document = document().await;
    let text = document.to_string();
    for rest in text.split("\"$ref\":\"#").skip(1) {
        let pointer = rest.split('"').next().unwrap();
        assert!(document.pointer(pointer).is_some(), "{pointer}");
    }
    for (name, operation) in operations(&document) {
        let Some(body) = operation.get("requestBody") else { continue };
        let reference = body["content"]["application/json"]["schema"]["$ref"].as_str().unwrap();
        let schema = document.pointer(&reference[1..]).unwrap();
        assert_eq!(schema["additionalProperties"], false, "{name}");
    }
}

/// What is answered to an empty request is among what is documented, in the documented form.
#[tokio::test]
async fn no_operation_answers_what_is_not_documented() {
    let app = TestApp::start().await;
    let document = document().await;
    let mut member = app.member("ana@example.com").await;
    for (method, path) in documented() {
        let operation = &document["paths"][&path][method.to_lowercase()];
        let (content_type, nothing) = empty(&path);
        let filled = filled(&path, "%FF");
        for body in [nothing, "", "{", "[]", "null", "\u{0}"] {
            for browser in [&mut app.browser(), &mut member.clone(), &mut app.program()] {
                for content_type in [content_type, "text/plain"] {
                    let answer = browser.raw(&method, &filled, content_type, body).await;
                    let found = &operation["responses"][answer.status.as_str()];
                    assert!(!found.is_null(), "{method} {path} {body}: {} {}", answer.status, answer.body);
                    let form = answer.header("content-type");
                    assert!(
                        found["content"].get(form).is_some(),
                        "{method} {path} {}: {form}",
                        answer.status
                    );
                }
            }
        }
        if !member.is_signed_in().await {
            member = app.signed_in("ana@example.com").await;
        }
    }
}

#[tokio::test]
async fn the_page_shows_every_operation() {
    let app = TestApp::start().await;
    let page = app.browser().get("/docs").await;
    assert_eq!(page.status, 200);
    for (method, path) in documented() {
        assert!(page.body.contains(&format!("<code>{method} {path}</code>")), "{method} {path}");
    }
    assert!(page.body.contains("href=\"/openapi.json\""));
}

/// The cookie has another name without https: the document and its page say the one there is.
#[tokio::test]
async fn the_name_of_the_cookie_is_the_servers() {
    for (url, name) in [
        ("https://auth.example.com/", "__Host-keyward-session"),
        ("http://localhost:3000/", "keyward-session"),
    ] {
        let app = TestApp::with(|setup| setup.public_url = url).await;
        let document = app.program().get("/openapi.json").await.json();
        assert_eq!(document["components"]["securitySchemes"]["session"]["name"], name);
        let page = app.browser().get("/docs").await.body;
        assert!(page.contains(&format!("<code>{name}</code>")), "{url}");
    }
}

/// The `type` of a problem leads to what `/docs` says of it.
#[tokio::test]
async fn the_type_of_every_problem_is_a_place_in_the_page() {
    let app = TestApp::start().await;
    let page = app.browser().get("/docs").await.body;
    let mut program = app.program();
    for (answer, kind) in [
        (program.get("/api/v1/nothing").await, "not-found"),
        (program.get("/api/v1/sign-in").await, "method-not-allowed"),
        (program.get("/api/v1/account").await, "unauthenticated"),
        (program.raw("POST", "/api/v1/sign-in", "application/json", "{}").await, "invalid"),
        (program.raw("POST", "/api/v1/sign-in", "application/json", "{").await, "malformed"),
    ] {
        assert_eq!(answer.text("type"), format!("/docs#problem-{kind}"));
        assert_eq!(page.matches(&format!("id=\"problem-{kind}\"")).count(), 1, "{kind}");
        let heading = format!("<code>{}</code> {}</h3>", answer.status.as_u16(), answer.text("title"));
        assert!(page.contains(&heading), "{heading}");
    }
}

/// What is said to a person in a document, wherever it stands.
fn sentences<'d>(value: &'d Value, found: &mut Vec<&'d str>) {
    match value {
        Value::Object(entries) => {
            for (name, value) in entries {
                match value.as_str() {
                    // Of a body its members are described, not the whole.
                    Some(_) if describes_the_whole(entries, name) => {}
                    Some(text) if ["description", "summary"].contains(&name.as_str()) => found.push(text),
                    _ => sentences(value, found),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| sentences(value, found)),
        _ => {}
    }
}

fn describes_the_whole(entries: &serde_json::Map<String, Value>, name: &str) -> bool {
    name == "description" && entries.contains_key("properties")
}

/// The text of a page that is in the page's own language: nothing from within an element with `lang="en"`.
fn own_language(page: &str) -> String {
    let body = page.split_once("<main").unwrap().1;
    let (mut open, mut text): (Vec<(&str, bool)>, _) = (vec![("main", false)], String::new());
    for part in body.split('<').skip(1) {
        let (tag, after) = part.split_once('>').unwrap();
        let name = tag.split_whitespace().next().unwrap();
        if let Some(name) = name.strip_prefix('/') {
            match open.pop() {
                Some((opened, _)) => assert_eq!(opened, name, "…<{part}"),
                None => break,
            }
        } else if !["br", "input", "img", "meta", "link"].contains(&name) {
            let english = open.last().is_some_and(|(_, english)| *english) || tag.contains("lang=\"en\"");
            open.push((name, english));
        }
        match open.last() {
            Some((_, false)) => text.push_str(after),
            Some((_, true)) => {}
            None => break,
        }
    }
    text
}

/// The descriptions are in English, and said to be so (WCAG 3.1.2): a reader reads them aloud in their own language.
#[tokio::test]
async fn what_is_english_on_the_german_page_is_marked_as_such() {
    let app = TestApp::start().await;
    let mut browser = app.browser();
    browser.post("/language", &[("language", "de")]).await;
    let page = browser.get("/docs").await.body;
    let german = own_language(&page);
    assert!(german.contains("Die Beschreibungen sind auf Englisch."), "{german}");
    let document = document().await;
    let mut said = Vec::new();
    sentences(&document, &mut said);
    assert!(said.len() > 50, "{} descriptions", said.len());
    // What the table of problems says of one of them.
    said.extend(["There is nothing at this address, or nothing that is yours.", "array of string"]);
    for text in said {
        let text = text.lines().next().unwrap().split(['\'', '"', '<', '&']).next().unwrap();
        assert!(text.is_empty() || page.contains(text), "nowhere: {text}");
        assert!(text.len() < 4 || !german.contains(text), "as if it were German: {text}");
    }
}
