//! Class 21: exhaustion. Every route has a limit on what it reads, and none falls over it.

use std::time::Duration;

use auth_service::connections::{Connections, serve};
use axum::body::Body;
use axum::http::Request;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::classes::inventory::{every, filled};
use crate::process::{POSTMARK, Running, get, write_secrets};
use crate::protocol::{Wiki, returned, try_returned};
use crate::support::{Browser, TestApp};

const ID: &str = "0190163d-8694-739b-aea5-966c26f8ad91";
const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";

#[tokio::test]
async fn ten_megabytes_are_413_on_every_route_and_close_the_connection() {
    let app = TestApp::start().await;
    let large = axum::body::Bytes::from(vec![b'a'; 10 * 1024 * 1024]);
    for (method, path) in every() {
        for content_type in [JSON, FORM, "text/plain"] {
            let answer = app.program().raw(&method, &filled(&path, ID), content_type, large.clone()).await;
            assert_eq!((answer.status.as_u16(), answer.header("connection")), (413, "close"), "{path}");
        }
    }
}

/// Thirty thousand bytes of a path were sixty thousand of the log, at a level that wakes somebody; a few thousand of such requests
/// pushed out what Docker keeps of it.
#[tokio::test]
async fn a_path_that_is_too_long_is_414_and_closes_the_connection() {
    let app = TestApp::start().await;
    let of = |length: usize| format!("/{}", "x".repeat(length - 1));
    for (length, status) in [(8 * 1024, 404), (8 * 1024 + 1, 414), (30_000, 414)] {
        let answer = app.program().get(&of(length)).await;
        assert_eq!(answer.status, status, "{length}");
        if status == 414 {
            assert_eq!(answer.header("connection"), "close");
            assert!(answer.header("content-security-policy").starts_with("default-src 'none'"));
        }
    }
}

#[test]
fn a_strangers_path_is_written_once_and_cut_at_a_level_that_wakes_nobody() {
    let folder = tempfile::tempdir().unwrap();
    write_secrets(folder.path());
    let mut running = Running::start(folder.path(), POSTMARK);
    for (length, status) in [(30_000, 414), (8_000, 404)] {
        assert_eq!(get(&running.address, &format!("/{}", "x".repeat(length))).0, status);
    }
    let log = running.end();
    let lines: Vec<_> = log.lines().filter(|line| line.contains("/xxx")).collect();
    let [line] = lines[..] else { panic!("{} lines name such a path", lines.len()) };
    assert!(line.len() < 700, "{line}");
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!((&line["level"], &line["fields"]["status"]), (&"INFO".into(), &404.into()), "{line}");
    assert_eq!(line["span"]["path"], format!("/{}…", "x".repeat(199)));
    assert!(line["span"]["support_id"].is_string() && line["spans"].is_null(), "{line}");
}

/// It once told whoever asked beforehand to send ten megabytes, and then waited for them.
#[tokio::test]
async fn a_body_that_says_beforehand_that_it_is_too_long_is_not_waited_for() {
    let app = TestApp::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (_stop, told) = watch::channel(false);
    let serving = serve(app.router.clone(), listener, told, Connections::default());
    let asking = async {
        for expect in ["", "expect: 100-continue\r\n"] {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let head = format!(
                "POST /api/v1/sign-up HTTP/1.1\r\nhost: localhost\r\n{expect}content-length: 10485760\r\n\r\n"
            );
            stream.write_all(head.as_bytes()).await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            assert!(answer.starts_with("HTTP/1.1 413 ") && answer.contains("connection: close"), "{answer}");
        }
    };
    // Less than the ten seconds that a body has.
    let asked = tokio::time::timeout(Duration::from_secs(8), asking);
    tokio::select! {
        done = asked => done.expect("it is refused at once"),
        () = serving => unreachable!("nobody stops it"),
    }
}

/// A page that somebody looks at could have three hundred pictures that lead here, and nobody on their network signed in to an
/// app for an hour.
#[tokio::test]
async fn what_nobody_looks_at_takes_nothing_of_what_may_wait() {
    let app = TestApp::with(|setup| setup.limits.network_requests = 2).await;
    let wiki = Wiki::register(&app, serde_json::json!({})).await;
    let (ask, silently) = (wiki.authorize(&[]), wiki.authorize(&[("prompt", "none")]));
    let send = async |browser: &mut Browser, path: &str, destinations: &[&str]| {
        let mut request = Request::get(path);
        for destination in destinations {
            request = request.header("sec-fetch-dest", *destination);
        }
        browser.send(request.body(Body::empty()).unwrap()).await
    };
    let member = app.member("ana@example.com").await;
    for destinations in [
        &["image"][..],
        &["iframe"],
        &["frame"],
        &["empty"],
        &["script"],
        &["style"],
        &["object"],
        &["embed"],
        &["video"],
        &["Document"],
        &["document, image"],
        &["document", "document"],
        &[""],
    ] {
        let refused = send(&mut app.browser(), &ask, destinations).await;
        assert_eq!((refused.status.as_u16(), refused.location()), (403, ""), "{destinations:?}");
        let told = send(&mut app.browser(), &silently, destinations).await;
        assert_eq!(returned(&told, "error"), "login_required", "{destinations:?}: told at once");
        for path in [&ask, &silently] {
            let code = try_returned(&send(&mut member.clone(), path, destinations).await, "code");
            assert!(code.is_some(), "{destinations:?}: who is signed in is let in at once");
        }
    }
    for destinations in [&["document"][..], &[]] {
        let waits = send(&mut app.browser(), &ask, destinations).await;
        assert!(
            waits.location().starts_with("/sign-in?"),
            "{destinations:?}: {} {}",
            waits.status,
            waits.body
        );
    }
    assert_eq!(send(&mut app.browser(), &ask, &["document"]).await.status, 429, "those were counted");
}

/// An early refusal has read the body, or closes the connection.
#[tokio::test]
async fn a_refusal_leaves_no_body_unread() {
    let app = TestApp::start().await;
    let body = vec![b'a'; 60 * 1024];
    for (path, header, status) in [
        ("/nothing", ("x-a", "b"), 404),
        ("/sign-in", ("origin", "https://evil.example"), 403),
        ("/api/v1/account/confirm", ("x-a", "b"), 401),
        ("/docs", ("x-a", "b"), 405),
        ("/login", ("content-type", "text/plain"), 415),
    ] {
        let request = Request::post(path).header(header.0, header.1);
        let answer = app.program().send(request.body(Body::from(body.clone())).unwrap()).await;
        // `read_body` reads everything below its limit before any of these is decided.
        assert_eq!((answer.status.as_u16(), answer.header("connection")), (status, ""), "{path}");
    }
}

fn repeated(count: u32, part: impl Fn(u32) -> String) -> String {
    (0..count).map(part).collect()
}

/// Bodies below the limit of 64 KiB that are heavy in another way.
fn heavy() -> Vec<(&'static str, String)> {
    let deep = |open: &str, close: &str| format!("{}{}", open.repeat(20_000), close.repeat(20_000));
    let many = repeated(4_000, |number| format!("\"k{number}\":1,"));
    let fields = repeated(8_000, |number| format!("a{number}=b&"));
    let long = "a".repeat(60_000);
    vec![
        (JSON, deep("[", "]")),
        (JSON, deep("{\"email\":", "}")),
        (JSON, format!("{{\"email\":{}}}", deep("[", "]"))),
        (JSON, format!("{{{many}\"email\":\"x\"}}")),
        (JSON, format!("{{\"email\":\"{long}\",\"password\":\"x\"}}")),
        (JSON, format!("{{\"email\":\"a@example.com\",\"password\":\"{long}\"}}")),
        (
            JSON,
            format!(
                "{{\"email\":\"a@example.com\",\"password\":\"another horse battery\",\"name\":\"{long}\"}}"
            ),
        ),
        (JSON, format!("{{\"{long}\":1}}")),
        (JSON, "\"".repeat(60_000)),
        (JSON, format!("{{\"token\":\"{long}\"}}")),
        (JSON, format!("1{}", "0".repeat(60_000))),
        (FORM, fields),
        (FORM, "&".repeat(60_000)),
        (FORM, "%".repeat(60_000)),
        (FORM, format!("email={long}&password=x")),
        (FORM, format!("email=a@example.com&password={long}&new_password={long}")),
        (FORM, format!("name={long}&email=a@example.com&password=another+horse+battery")),
        (FORM, format!("token={long}&new_password=x&side=old")),
        (FORM, format!("id={long}&code={long}")),
        (FORM, format!("return_to={long}&next=/{long}")),
    ]
}

#[tokio::test]
async fn heavy_bodies_are_the_fault_of_their_sender_on_every_route() {
    let app = TestApp::start().await;
    let mut browser = app.member("ana@example.com").await;
    let heavy = heavy();
    for (method, path) in every().into_iter().filter(|(method, _)| method != "GET") {
        for (content_type, body) in &heavy {
            let answer = browser.raw(&method, &filled(&path, ID), content_type, body.clone()).await;
            assert!(answer.status.as_u16() < 500, "{method} {path} {} {content_type}", answer.status);
            // This one reads no body, and renews the token of whoever is signed in.
            let renews = path == "/api/v1/account/token";
            assert!(renews || !answer.opens_session(), "{method} {path} {content_type}");
        }
        if !browser.is_signed_in().await {
            browser = app.signed_in("ana@example.com").await;
        }
    }
}

#[tokio::test]
async fn heavy_headers_and_addresses_are_no_fault_of_ours() {
    let app = TestApp::start().await;
    let long = "a".repeat(100_000);
    let pairs = "a=b; ".repeat(20_000);
    let session = format!("__Host-keyward-session={long}; jwt={long}; __Host-keyward-browser={long}");
    for (method, path) in every() {
        for (name, value) in [
            ("cookie", &pairs),
            ("cookie", &long),
            ("cookie", &session),
            ("user-agent", &long),
            ("accept-language", &format!("{}de", "x,".repeat(30_000))),
            ("x-forwarded-for", &"1.2.3.4,".repeat(10_000)),
            ("content-type", &long),
            ("if-none-match", &long),
        ] {
            let request = Request::builder().method(method.as_str()).uri(filled(&path, ID));
            let request = request.header(name, value.as_str()).body(Body::empty()).unwrap();
            let answer = app.program().send(request).await;
            assert!(answer.status.as_u16() < 500, "{method} {path} {name} {}", answer.status);
        }
        let query = repeated(1_500, |number| format!("a{number}=b&"));
        let longest = "a".repeat(20_000);
        for query in [query, format!("id={longest}&token={longest}"), "%".repeat(10_000)] {
            let path = format!("{}?{query}", filled(&path, ID));
            let answer = app.program().raw(&method, &path, "", "").await;
            assert!(answer.status.as_u16() < 500, "{method} {path:.60} {}", answer.status);
        }
    }
}

/// A cookie that is not ASCII (another app's on this host) does not sign anybody out.
#[tokio::test]
async fn a_strange_cookie_beside_ours_is_passed_over() {
    let app = TestApp::start().await;
    let mut browser = app.member("ana@example.com").await;
    let session = browser.jar["__Host-keyward-session"].clone();
    let mut cookie = b"name=\xc3\xa4; broken; =; ;; x=\xff; __Host-keyward-session=".to_vec();
    cookie.extend_from_slice(session.as_bytes());
    let request = Request::get("/api/v1/account").header("cookie", cookie).body(Body::empty()).unwrap();
    assert_eq!(browser.send(request).await.status, 200);
}

/// Anybody can send a browser, or a program, with an app's request, and each that waits is a row.
#[tokio::test]
async fn requests_of_apps_that_wait_are_so_many_an_hour_from_a_network() {
    let app = TestApp::with(|setup| setup.limits.network_requests = 3).await;
    let wiki = crate::protocol::Wiki::register(&app, serde_json::json!({})).await;
    let mut member = app.member("ana@example.com").await;
    let asked = wiki.authorize(&[]);
    for _ in 0..3 {
        assert_eq!(app.program().get(&asked).await.status, 303);
    }
    for mut who in [app.browser(), app.program()] {
        let refused = who.get(&asked).await;
        assert_eq!((refused.status.as_u16(), refused.location()), (429, ""));
        let wait: u64 = refused.header("retry-after").parse().unwrap();
        assert!((1..=3600).contains(&wait), "{wait}");
    }
    // What waits for nobody takes nothing.
    assert_eq!(member.get(&asked).await.status, 303, "somebody who is signed in is sent on");
    assert_eq!(app.browser().get(&wiki.authorize(&[("prompt", "none")])).await.status, 303);
    assert_eq!(member.get(&wiki.authorize(&[("prompt", "login")])).await.status, 429);
    app.turn(Duration::from_hours(1));
    assert_eq!(app.program().get(&asked).await.status, 303);
}
