//! What the program writes to standard error.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::drain::{Program, until};

const SECRET: &str = "sentinel-that-nobody-may-read";

/// Asks as a proxy does that says where a request came from, with a token wherever one may stand.
fn ask(program: &Program, path: &str) {
    let mut stream = TcpStream::connect(("127.0.0.1", program.port)).unwrap();
    write!(
        stream,
        "GET {path}?code={SECRET}&state={SECRET} HTTP/1.1\r\nHost: localhost:8000\r\nCookie: session={SECRET}\r\n\
         Authorization: Bearer {SECRET}\r\nX-Forwarded-For: 198.51.100.9, 203.0.113.77\r\nX-Request-Id: the-proxys-name-1\r\n\
         Connection: close\r\n\r\n"
    )
    .unwrap();
    stream.read_to_end(&mut Vec::new()).unwrap();
}

/// The program's log after three requests, and a stop.
fn log(settings: &[(&str, &str)]) -> String {
    let mut program = Program::start_with(settings);
    // Whose state is nobody's: the refusal is a line of its own, within the request.
    ask(&program, "/auth/callback");
    ask(&program, "/no-such");
    ask(&program, &format!("/{}", "x".repeat(5_000)));
    program.signal("-INT");
    until("it to end", || program.ended());
    let log = program.log();
    assert!(!log.contains(SECRET), "{log}");
    log
}

fn lines(log: &str) -> Vec<serde_json::Value> {
    log.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

#[test]
fn each_line_is_an_object_and_has_the_proxys_name_for_the_request_and_no_secret() {
    let log = log(&[("LOG_ACCESS", "true"), ("TRUSTED_PROXIES", "127.0.0.1")]);
    let lines = lines(&log);
    assert!(lines.iter().any(|line| line["fields"]["message"] == "serving"), "{log}");
    let answered: Vec<_> = lines.iter().filter(|line| line["target"] == "access").collect();
    let known: Vec<_> = answered
        .iter()
        .map(|line| {
            assert!(line["fields"]["seconds"].is_f64(), "{line}");
            (
                &line["fields"]["route"],
                &line["fields"]["from"],
                &line["span"]["path"],
                &line["span"]["request_id"],
            )
        })
        .collect();
    let name = "the-proxys-name-1".into();
    let from = "203.0.113.0/24".into();
    assert!(known.contains(&(&"/auth/callback".into(), &from, &"/auth/callback".into(), &name)), "{log}");
    assert!(known.contains(&(&"none".into(), &from, &"/no-such".into(), &name)), "{log}");
    // A stranger's path fills no log, and stands in a line once.
    let cut = serde_json::Value::from(format!("/{}…", "x".repeat(199)));
    assert!(known.iter().any(|(_, _, path, _)| **path == cut), "{log}");
    assert!(lines.iter().all(|line| line["spans"].is_null()), "{log}");
    // Not the lines of requests alone.
    let refused = lines.iter().find(|line| line["level"] == "WARN").unwrap_or_else(|| panic!("{log}"));
    assert_eq!(refused["span"]["request_id"], name, "{log}");
    assert!(
        !log.contains("203.0.113.77") && !log.contains("198.51.100"),
        "an address is written down whole: {log}"
    );
}

/// A stranger is believed in nothing.
#[test]
fn whoever_is_no_proxy_names_neither_themselves_nor_the_request() {
    let log = log(&[("LOG_ACCESS", "true")]);
    assert!(lines(&log).iter().any(|line| line["fields"]["from"] == "127.0.0.0/24"), "{log}");
    assert!(!log.contains("203.0.113.") && !log.contains("the-proxys-name"), "{log}");
}

#[test]
fn what_is_written_and_how_is_the_operators_choice() {
    let quiet = log(&[("LOG_LEVEL", "error")]);
    assert_eq!(quiet, "");
    let words = log(&[("LOG_FORMAT", "text")]);
    assert!(words.contains(" INFO ") && words.contains("serving") && !words.contains("{\""), "{words}");
    assert!(!words.contains("answered"), "a proxy logs each request already: {words}");
    let whole =
        log(&[("LOG_ACCESS", "true"), ("LOG_FULL_ADDRESSES", "true"), ("TRUSTED_PROXIES", "::1,127.0.0.1")]);
    assert!(whole.contains("\"203.0.113.77\""), "{whole}");
}
