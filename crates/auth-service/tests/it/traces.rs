//! The way of a request, told to a collector that reads it; and to none.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::Value;

use crate::process::{Running, get, write_secrets};

/// What does not come by then is not going to.
const LONG: Duration = Duration::from_mins(1);
const PASSWORD: &str = "correct horse battery";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";

/// A collector of OTLP over HTTP: takes every message, and tells what it read.
pub(crate) fn collector() -> (String, mpsc::Receiver<Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let (told, messages) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let told = told.clone();
            std::thread::spawn(move || {
                while let Some(message) = take(&stream) {
                    if told.send(message).is_err() {
                        return;
                    }
                }
            });
        }
    });
    (endpoint, messages)
}

/// One message, answered as a collector does.
fn take(mut stream: &TcpStream) -> Option<Value> {
    let (mut bytes, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_ascii_lowercase();
            let length: usize =
                head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap().parse().unwrap();
            if body.len() >= length {
                assert!(head.starts_with("post /v1/traces http/1.1\r\n"), "{head}");
                assert!(head.contains("\r\ncontent-type: application/json"), "{head}");
                let answer =
                    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
                stream.write_all(answer.as_bytes()).unwrap();
                return Some(serde_json::from_str(body).unwrap());
            }
        }
        let count = stream.read(&mut piece).ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&piece[..count]);
    }
}

/// A span, as a collector knows it.
#[derive(Clone, Debug)]
struct Span(Value);

impl Span {
    fn text(&self, name: &str) -> &str {
        self.0[name].as_str().unwrap_or_default()
    }

    fn attribute(&self, name: &str) -> String {
        let all = self.0["attributes"].as_array().unwrap();
        let found = all.iter().find(|attribute| attribute["key"] == name);
        let value = found.map(|attribute| attribute["value"].as_object().unwrap().values().next().unwrap());
        value.and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    fn nanoseconds(&self, name: &str) -> u128 {
        self.text(name).parse().unwrap()
    }
}

fn spans(message: &Value) -> Vec<Span> {
    let scopes = message["resourceSpans"].as_array().unwrap().iter();
    let scopes = scopes.flat_map(|resource| resource["scopeSpans"].as_array().unwrap());
    scopes.flat_map(|scope| scope["spans"].as_array().unwrap()).cloned().map(Span).collect()
}

/// Reads up to the span of this name; all that were told, and it. What is done for a request is told before it.
fn up_to(messages: &mpsc::Receiver<Value>, name: &str) -> (Vec<Span>, Span, String) {
    let (mut all, mut text) = (Vec::new(), String::new());
    loop {
        let message = messages.recv_timeout(LONG).unwrap_or_else(|_| panic!("no {name} in {all:?}"));
        text += &message.to_string();
        all.extend(spans(&message));
        if let Some(found) = all.iter().find(|span| span.text("name") == name) {
            return (all.clone(), found.clone(), text);
        }
    }
}

/// Posts JSON, as a proxy with a trace of its own passes it on; the status.
fn post(running: &Running, path: &str, body: &str) -> u16 {
    let mut stream = TcpStream::connect(&running.address).unwrap();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n\
         traceparent: 00-{TRACE}-{SPAN}-01\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

fn credentials() -> String {
    format!("{{\"email\":\"ana@example.com\",\"password\":\"{PASSWORD}\"}}")
}

#[test]
fn a_sign_in_is_told_with_what_it_is_part_of_and_what_it_took() {
    let folder = tempfile::tempdir().unwrap();
    write_secrets(folder.path());
    let (endpoint, messages) = collector();
    let settings = [
        format!("traces.endpoint={endpoint}"),
        "server.trusted_proxies=127.0.0.0/8".to_owned(),
        "accounts.require_proof=false".to_owned(),
    ];
    let running = Running::with(folder.path(), &settings.each_ref().map(String::as_str));
    assert_eq!(post(&running, "/api/v1/sign-up", &credentials()), 201);
    assert_eq!(post(&running, "/api/v1/sign-in?secret=one", &credentials()), 200);
    let (mut all, sign_in, mut text) = up_to(&messages, "POST /api/v1/sign-in");
    assert_eq!((sign_in.text("traceId"), sign_in.text("parentSpanId")), (TRACE, SPAN), "{sign_in:?}");
    assert_eq!((&sign_in.0["kind"], &sign_in.0["status"]), (&2.into(), &Value::Null));
    for (name, value) in [
        ("http.request.method", "POST"),
        ("http.route", "/api/v1/sign-in"),
        ("http.response.status_code", "200"),
    ] {
        assert_eq!(sign_in.attribute(name), value, "{sign_in:?}");
    }
    let parts: Vec<_> =
        all.iter().filter(|span| span.text("parentSpanId") == sign_in.text("spanId")).collect();
    for name in ["hash", "statement users", "begin", "statement sessions", "commit"] {
        let part = parts.iter().find(|part| part.text("name") == name);
        let part = part.unwrap_or_else(|| panic!("no {name} in {parts:?}"));
        assert_eq!(part.text("traceId"), TRACE);
        assert!(
            part.nanoseconds("startTimeUnixNano") >= sign_in.nanoseconds("startTimeUnixNano"),
            "{part:?}"
        );
        assert!(part.nanoseconds("endTimeUnixNano") <= sign_in.nanoseconds("endTimeUnixNano"), "{part:?}");
    }
    let statement = parts.iter().find(|part| part.text("name") == "statement users").unwrap();
    assert_eq!((statement.attribute("db.system.name").as_str(), &statement.0["kind"]), ("sqlite", &3.into()));

    // What a stranger asks for is told as nothing; what is in a path is not told at all.
    assert_eq!(get(&running.address, "/no-such/0190f3c4?code=123456").0, 404);
    let (others, unknown, told) = up_to(&messages, "GET");
    all.extend(others);
    text += &told;
    assert_eq!(
        (unknown.text("parentSpanId"), unknown.text("traceId") == TRACE),
        ("", false),
        "it has a trace of its own"
    );
    for secret in ["ana@", PASSWORD, "secret=one", "no-such", "0190f3c4", "123456"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    // What goes on beside requests is no part of any.
    let known: Vec<_> = all.iter().map(|span| span.text("spanId").to_owned()).collect();
    for span in &all {
        let parent = span.text("parentSpanId");
        let is_request = span.0["kind"] == 2;
        assert!(is_request || known.iter().any(|id| id == parent), "{span:?}");
    }
    let metrics = get(&running.internal, "/metrics").1;
    assert!(metrics.contains("keyward_trace_spans_total{outcome=\"dropped\"} 0"), "{metrics}");
}

/// Whoever is no trusted proxy would say whose part a request is, and whether it is recorded.
#[test]
fn the_word_of_a_stranger_on_its_trace_is_not_heard() {
    let folder = tempfile::tempdir().unwrap();
    write_secrets(folder.path());
    let (endpoint, messages) = collector();
    let running = Running::with(folder.path(), &[&format!("traces.endpoint={endpoint}")]);
    post(&running, "/api/v1/sign-in", &credentials());
    let (_, span, _) = up_to(&messages, "POST /api/v1/sign-in");
    assert_eq!((span.text("parentSpanId"), span.text("traceId").len()), ("", 32), "{span:?}");
    assert_ne!(span.text("traceId"), TRACE);
}

fn count(running: &Running, outcome: &str) -> u64 {
    let metrics = get(&running.internal, "/metrics").1;
    let line = format!("keyward_trace_spans_total{{outcome=\"{outcome}\"}} ");
    metrics.lines().find_map(|told| told.strip_prefix(&line)).unwrap().parse().unwrap()
}

/// One that is away, and one that takes connections and never answers: nobody who asks notices.
#[test]
fn a_collector_that_does_not_answer_is_nobody_s_trouble_and_is_counted() {
    let away = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    for (collector, is_away) in [(away, true), (silent.local_addr().unwrap(), false)] {
        let folder = tempfile::tempdir().unwrap();
        write_secrets(folder.path());
        let mut running = Running::with(folder.path(), &[&format!("traces.endpoint=http://{collector}")]);
        for _ in 0..50 {
            assert_eq!(get(&running.address, "/sign-in").0, 200);
        }
        if is_away {
            running.wait_for_line("the collector of traces takes nothing");
            assert!(count(&running, "failed") > 0);
        }
        assert_eq!(count(&running, "sent"), 0);
        running.terminate();
        running.wait_for_line("\"stopped\"");
        assert!(running.child.wait().unwrap().success());
    }
}

#[test]
fn a_collector_that_cannot_be_asked_is_told_at_start() {
    let folder = tempfile::tempdir().unwrap();
    write_secrets(folder.path());
    let mut command = crate::process::command(folder.path(), crate::process::POSTMARK);
    let said = command.args(["--set", "traces.endpoint=ftp://collector"]).output().unwrap();
    let error = String::from_utf8(said.stderr).unwrap();
    assert_eq!(said.status.code(), Some(1));
    assert!(error.contains("traces.endpoint") && error.contains("http://HOST:4318"), "{error}");
}
