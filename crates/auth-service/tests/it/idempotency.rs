//! `Idempotency-Key`: which routes take it, what it does there, and that it does nothing anywhere else, least of all where an answer
//! carries a credential.

use std::collections::BTreeSet;
use std::path::Path;

use axum::body::Body;
use axum::http::Request;
use domain::IdempotencyKey;
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::classes::inventory::{Route, documented, empty, every, filled};
use crate::protocol::Wiki;
use crate::support::{Answer, Browser, TestApp};

const ANA: &str = "ana@example.com";
const NEW: &str = "ana.maria@example.com";
const KEY: &str = "8e03978e-40d5-43dd-bc93-6894a57f9324";
const PROFILE: &str = "/api/v1/account";

fn document() -> Value {
    serde_json::to_value(auth_service::openapi()).unwrap()
}

/// The routes that declare that they take the header.
pub(crate) fn declared() -> Vec<Route> {
    let document = document();
    let takes_key = |(method, path): &Route| {
        let parameters = document["paths"][path][method.to_lowercase()]["parameters"].as_array();
        let mut parameters = parameters.into_iter().flatten();
        parameters.any(|parameter| parameter["name"] == "Idempotency-Key" && parameter["in"] == "header")
    };
    let mut declared: Vec<_> = documented().into_iter().filter(takes_key).collect();
    declared.sort();
    declared
}

/// Sends JSON under a key.
async fn send(browser: &mut Browser, method: &str, path: &str, key: &str, body: &Value) -> Answer {
    raw(browser, method, path, &[key], ("application/json", &body.to_string())).await
}

pub(crate) async fn raw(
    browser: &mut Browser,
    method: &str,
    path: &str,
    keys: &[&str],
    (content_type, body): (&str, &str),
) -> Answer {
    let mut request = Request::builder().method(method).uri(path).header("content-type", content_type);
    for key in keys {
        request = request.header("idempotency-key", *key);
    }
    browser.send(request.body(Body::from(body.to_owned())).unwrap()).await
}

/// Whether an answer is one from before.
fn is_replayed(answer: &Answer) -> bool {
    match answer.header("idempotency-replayed") {
        "" => false,
        "true" => true,
        other => panic!("{other}"),
    }
}

/// How often something was done, by the trail.
async fn times(app: &TestApp, act: &str) -> usize {
    let trail = app.app.auth.audit_trail();
    while trail.seal().await.unwrap() > 0 {}
    let newest = trail.newest(None, None, 1_000).await.unwrap();
    newest.iter().filter(|entry| entry.act == act && entry.outcome == "done").count()
}

#[test]
fn these_routes_take_a_key() {
    let routes: Vec<_> = declared().iter().map(|(method, path)| format!("{method} {path}")).collect();
    assert_snapshot!(routes.join("\n"), @"
    DELETE /api/v1/account/apps/{client_id}
    DELETE /api/v1/account/email
    DELETE /api/v1/account/sessions
    PATCH /api/v1/account
    POST /api/v1/account/email
    ");
    // The guide names them too, and no others.
    let guide = include_str!("../../../../docs/guide/json-api.md");
    let named = guide.lines().filter_map(|line| line.strip_prefix("- `")?.split_once('`'));
    let named: BTreeSet<_> = named.map(|(route, _)| route.to_owned()).collect();
    assert_eq!(named, routes.into_iter().collect());
}

/// By what they say of themselves: whoever is signed in is asked for, and what is answered is a sentence.
#[test]
fn a_route_that_takes_a_key_asks_who_is_there_and_answers_a_sentence() {
    let document = document();
    let said = &document["components"]["schemas"]["Said"]["properties"];
    assert_eq!(said.as_object().unwrap().keys().collect::<Vec<_>>(), ["message"], "{said}");
    for (method, path) in declared() {
        let operation = &document["paths"][&path][method.to_lowercase()];
        assert_eq!(operation["security"], json!([{ "session": [] }]), "{method} {path}");
        for (status, response) in operation["responses"].as_object().unwrap() {
            if status.starts_with('2') {
                let schema = &response["content"]["application/json"]["schema"]["$ref"];
                assert_eq!(schema, "#/components/schemas/Said", "{method} {path} {status}");
            }
        }
        for status in ["400", "409", "422", "429"] {
            assert!(!operation["responses"][status].is_null(), "{method} {path} does not tell of {status}");
        }
    }
}

/// Each of them: what is sent, to where, and how the trail calls what is done by it.
fn acts() -> Vec<(&'static str, &'static str, &'static str, Value, &'static str)> {
    let (email, nothing) = ("/api/v1/account/email", Value::Null);
    let (withdraw, wiki) = ("/api/v1/account/apps/{client_id}", "/api/v1/account/apps/wiki");
    let sessions = "/api/v1/account/sessions";
    vec![
        ("PATCH", PROFILE, PROFILE, json!({ "name": "Ana" }), "change_profile"),
        ("POST", email, email, json!({ "email": NEW }), "request_address_change"),
        ("DELETE", email, email, nothing.clone(), "cancel_address_change"),
        ("DELETE", withdraw, wiki, nothing.clone(), "withdraw_consent"),
        ("DELETE", sessions, sessions, nothing, "end_session"),
    ]
}

#[tokio::test]
async fn each_of_them_does_a_request_once_and_answers_it_as_before_without_a_credential() {
    let app = TestApp::start().await;
    let mut ana = app.member(ANA).await;
    let wiki = Wiki::register(&app, json!({})).await;
    wiki.sign_in(&app, &mut ana).await;
    app.signed_in(ANA).await;
    let mut seen = Vec::new();
    for (method, route, path, body, act) in acts() {
        seen.push((method.to_owned(), route.to_owned()));
        let key = format!("\"{act}\"");
        let before = times(&app, act).await;
        let first = send(&mut ana, method, path, &key, &body).await;
        assert!(first.status.is_success() && !is_replayed(&first), "{act}: {} {}", first.status, first.body);
        // Quoted or not it is the same key.
        for key in [act, &key] {
            let again = send(&mut ana, method, path, key, &body).await;
            assert_eq!((again.status, &again.body), (first.status, &first.body), "{act}");
            assert!(is_replayed(&again), "{act}");
            assert_eq!(again.header("content-type"), first.header("content-type"), "{act}");
            assert_eq!(again.header("cache-control"), first.header("cache-control"), "{act}");
            for answer in [&first, &again] {
                assert_eq!(answer.cookies(), [""; 0], "{act}");
                let told = answer.json();
                assert_eq!(
                    told.as_object().unwrap().keys().collect::<Vec<_>>(),
                    ["message"],
                    "{act}: {told}"
                );
            }
        }
        assert_eq!(times(&app, act).await, before + 1, "{act}");
    }
    seen.sort();
    assert_eq!(seen, declared(), "a route that is added is done here too");
    for address in [ANA, NEW] {
        assert!(app.letter(address).await.kind.starts_with("change "), "{address} has one mail");
    }
    // After a restart too.
    let app = app.restart().await;
    ana.meet(&app);
    for (method, _, path, body, act) in acts() {
        assert!(is_replayed(&send(&mut ana, method, path, act, &body).await), "{act}");
    }
}

/// What opens a session, or answers a token or a code, is never answered from memory: not there, nor anywhere else.
#[tokio::test]
async fn everywhere_else_the_header_means_nothing() {
    let app = TestApp::start().await;
    let mut ana = app.member(ANA).await;
    let declared = declared();
    let mut count = 0;
    for (method, path) in every().into_iter().filter(|route| !declared.contains(route)) {
        count += 1;
        let sent = empty(&path);
        for _ in 0..2 {
            let answer = raw(&mut ana.clone(), &method, &filled(&path, "none"), &[KEY], sent).await;
            assert!(!is_replayed(&answer), "{method} {path}");
            assert!(![409, 500].contains(&answer.status.as_u16()), "{method} {path}: {}", answer.body);
        }
        if !ana.is_signed_in().await {
            ana = app.signed_in(ANA).await;
        }
    }
    assert!(count > 70, "{count}");
    for _ in 0..2 {
        let answer = send(&mut ana, "POST", "/api/v1/account/token", KEY, &Value::Null).await;
        assert!(answer.status == 200 && answer.opens_session() && !is_replayed(&answer), "{}", answer.body);
    }
    let current = app.app.auth.current(&ana.jar["__Host-keyward-session"]).await.unwrap().unwrap();
    let store = app.store().await;
    let mut tx = store.look().await.unwrap();
    let kept = store::idempotency_keys::count(&mut tx, current.user, app.app.auth.now()).await.unwrap();
    assert_eq!(kept, (0, None));
}

#[tokio::test]
async fn a_key_is_of_one_request() {
    let app = TestApp::start().await;
    let mut ana = app.member(ANA).await;
    assert_eq!(send(&mut ana, "PATCH", PROFILE, KEY, &json!({ "name": "Ana" })).await.status, 200);
    let other = send(&mut ana, "PATCH", PROFILE, KEY, &json!({ "name": "Maria" })).await;
    assert_snapshot!(other.shown(), @r#"
    422 Unprocessable Entity
    content-type: application/problem+json
    {"detail":"Another request came with this Idempotency-Key before: make up a new one for each request.","status":422,"support_id":"[support-id]","title":"Another request had this key","type":"/docs#problem-idempotency-key-reused"}
    "#);
    for (method, path) in [("POST", "/api/v1/account/email"), ("PATCH", "/api/v1/account?x=1")] {
        let other = send(&mut ana, method, path, KEY, &json!({ "name": "Ana" })).await;
        assert!(other.body.contains("problem-idempotency-key-reused"), "{method} {path}: {}", other.body);
    }
    assert_eq!(
        (times(&app, "change_profile").await, ana.get(PROFILE).await.text("name")),
        (1, "Ana".to_owned())
    );
    // Another account's is another.
    let mut ben = app.member("ben@example.com").await;
    let answer = send(&mut ben, "PATCH", PROFILE, KEY, &json!({ "name": "Ben" })).await;
    assert!(answer.status == 200 && !is_replayed(&answer), "{}", answer.body);
    assert_eq!(ben.get(PROFILE).await.text("name"), "Ben");
    // Nobody's is nobody's.
    let answer = send(&mut app.browser(), "PATCH", PROFILE, KEY, &json!({ "name": "Ana" })).await;
    assert_eq!((answer.status.as_u16(), is_replayed(&answer)), (401, false));
}

/// A method that the path has not was answered as if it had one.
#[tokio::test]
async fn a_method_that_is_not_there_is_told_whatever_the_key() {
    let app = TestApp::start().await;
    let mut ana = app.member(ANA).await;
    send(&mut ana, "PATCH", PROFILE, KEY, &json!({ "name": "Ana" })).await;
    for (_, path) in declared() {
        for key in [KEY, "no key"] {
            let answer = send(&mut ana, "TRACE", &filled(&path, "none"), key, &Value::Null).await;
            assert_eq!(answer.status, 405, "{path}: {}", answer.body);
        }
    }
}

#[tokio::test]
async fn a_header_that_is_no_key_is_refused() {
    let app = TestApp::start().await;
    let mut ana = app.member(ANA).await;
    let body = json!({ "name": "Ana" }).to_string();
    let long = "x".repeat(256);
    let long = long.as_str();
    for keys in [&["\"a"][..], &["a b"], &["a,b"], &["\"a\";b"], &[long], &["\"\""], &[""], &["a", "a"]] {
        let answer = raw(&mut ana, "PATCH", PROFILE, keys, ("application/json", &body)).await;
        assert_eq!(answer.status, 400, "{keys:?}: {}", answer.body);
        assert!(answer.body.contains("problem-malformed") && answer.body.contains("Idempotency-Key"));
    }
    assert_eq!(times(&app, "change_profile").await, 0);
}

#[tokio::test]
async fn while_the_first_is_under_way_another_is_told_to_come_back() {
    let app = TestApp::start().await;
    let mut ana = app.member(ANA).await;
    let auth = &app.app.auth;
    let current = auth.current(&ana.jar["__Host-keyward-session"]).await.unwrap().unwrap();
    let key = IdempotencyKey::parse(KEY.as_bytes()).unwrap();
    let under_way = auth.begin_idempotent(&current, &key, [0; 32]).await.unwrap();
    let name = json!({ "name": "Ana" });
    let answer = send(&mut ana, "PATCH", PROFILE, KEY, &name).await;
    assert_snapshot!(answer.shown(), @r#"
    409 Conflict
    content-type: application/problem+json
    retry-after: 1
    {"detail":"The request that came first with this Idempotency-Key is under way: send it again in 1 s.","status":409,"support_id":"[support-id]","title":"The same request is under way","type":"/docs#problem-idempotency-key-in-use"}
    "#);
    drop(under_way);
    assert_eq!(send(&mut ana, "PATCH", PROFILE, KEY, &name).await.status, 200);
    assert_eq!(times(&app, "change_profile").await, 1);
}

#[tokio::test]
async fn of_many_at_once_one_is_done() {
    let app = TestApp::start().await;
    let ana = app.member(ANA).await;
    let mut sending = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let mut ana = ana.clone();
        sending.spawn(async move { send(&mut ana, "PATCH", PROFILE, KEY, &json!({ "name": "Ana" })).await });
    }
    let answers = sending.join_all().await;
    let done = answers.iter().filter(|answer| answer.status == 200 && !is_replayed(answer)).count();
    assert_eq!(done, 1);
    assert!(answers.iter().all(|answer| answer.status == 409 || answer.status == 200));
    assert_eq!(times(&app, "change_profile").await, 1);
}

/// What was refused was not done, and can be sent again once it is mended.
#[tokio::test]
async fn of_a_request_that_was_refused_nothing_is_kept() {
    let app = TestApp::start().await;
    let mut ana = app.member(ANA).await;
    let email = "/api/v1/account/email";
    for (method, path, body, status) in [
        ("PATCH", PROFILE, json!({ "locale": "tlh" }), 422),
        ("PATCH", PROFILE, json!({ "nickname": "Ana" }), 422),
        ("POST", email, json!({ "email": "ana" }), 422),
        ("POST", email, json!({ "email": ANA }), 422),
        ("DELETE", email, Value::Null, 404),
        ("DELETE", "/api/v1/account/apps/none", Value::Null, 404),
    ] {
        for _ in 0..2 {
            let answer = send(&mut ana, method, path, KEY, &body).await;
            assert_eq!(answer.status, status, "{method} {path}: {}", answer.body);
            assert!(!is_replayed(&answer) && !answer.body.contains("idempotency-key"), "{}", answer.body);
        }
    }
    let answer = send(&mut ana, "PATCH", PROFILE, KEY, &json!({ "name": "Ana" })).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

/// A block of the Caddyfile that says what the proxy may send again.
#[derive(Debug, Default)]
struct Again {
    methods: BTreeSet<String>,
    paths: Vec<String>,
    headers: Vec<String>,
    /// In which snippet or site it stands.
    within: String,
}

impl Again {
    fn matches(&self, (method, path): &Route) -> bool {
        let is_of = |pattern: &String| match pattern.strip_suffix('*') {
            Some(beginning) => path.starts_with(beginning),
            None => path == pattern,
        };
        self.methods.contains(method) && self.paths.iter().any(is_of)
    }
}

/// All of them.
fn sent_again() -> Vec<Again> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().parent().unwrap();
    let caddyfile = std::fs::read_to_string(workspace.join("deploy/Caddyfile")).unwrap();
    let (mut found, mut within, mut is_open) = (Vec::new(), String::new(), false);
    for line in caddyfile.lines() {
        if line.ends_with('{') && !line.starts_with(['\t', '#']) {
            line.trim_end_matches([' ', '{']).clone_into(&mut within);
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["lb_retry_match", "{"] => {
                is_open = true;
                found.push(Again { within: within.clone(), ..Again::default() });
            }
            ["}"] => is_open = false,
            [what, ref values @ ..] if is_open => {
                let again = found.last_mut().unwrap();
                let values = values.iter().map(|value| (*value).to_owned());
                match what {
                    "method" => again.methods.extend(values),
                    "path" => again.paths.extend(values),
                    "header" => again.headers.extend(values),
                    other => panic!("{other} is not known: {line}"),
                }
            }
            ["lb_retry_match", ..] => panic!("one that is not in a block is not read: {line}"),
            _ => {}
        }
    }
    found
}

/// A sign-in, a code or a token that a proxy sends again is done twice.
#[test]
fn the_proxy_sends_again_what_takes_a_key_and_what_changes_nothing() {
    let (with_key, without): (Vec<_>, Vec<_>) =
        sent_again().into_iter().partition(|again| !again.headers.is_empty());
    for again in &without {
        let safe = ["GET", "HEAD", "OPTIONS"].map(str::to_owned);
        assert!(again.methods == BTreeSet::from(safe) && again.paths.is_empty(), "{again:?}");
    }
    for again in &with_key {
        assert_eq!(again.headers, ["Idempotency-Key", "*"]);
        assert_eq!(again.within, "(auth_slots)", "of no other service, whose routes may take no key");
        assert!(!again.methods.is_empty() && !again.paths.is_empty(), "{again:?}");
    }
    let declared = declared();
    let mut sent = BTreeSet::new();
    for route in every() {
        let route = (route.0, filled(&route.1, "some"));
        if with_key.iter().any(|again| again.matches(&route)) {
            sent.insert(route);
        }
    }
    let expected: BTreeSet<_> =
        declared.iter().map(|(method, path)| (method.clone(), filled(path, "some"))).collect();
    assert_eq!(sent, expected, "each route that takes a key, and no other");
    // Nor does it name what no route has.
    for again in &with_key {
        for (method, path) in
            again.methods.iter().flat_map(|method| again.paths.iter().map(move |path| (method, path)))
        {
            let route = (method.clone(), path.replace('*', "some"));
            assert!(expected.contains(&route), "{route:?} is no route that takes a key");
        }
    }
}
