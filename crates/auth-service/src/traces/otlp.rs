//! Spans as a collector reads them: `ExportTraceServiceRequest` of OTLP 1, in the JSON form of Protocol Buffers, with ids in
//! hexadecimal as OTLP wants them.

use std::fmt::Write as _;

use serde_json::{Value as Json, json};

use super::request::{OTHER, REQUEST};
use super::span::{Span, Value};
use crate::build;

/// `SpanKind` and `StatusCode` of OTLP.
const INTERNAL: u8 = 1;
const SERVER: u8 = 2;
const CLIENT: u8 = 3;
const ERROR: u8 = 2;

/// One message of all of them.
pub(super) fn message(spans: &[Span]) -> Json {
    let mut resource = vec![text("service.name", "auth-service"), text("service.version", build::VERSION)];
    resource.extend(build::REVISION.map(|revision| text("vcs.ref.head.revision", revision)));
    resource.push(number("process.pid", u64::from(std::process::id())));
    json!({
        "resourceSpans": [{
            "resource": { "attributes": resource },
            "scopeSpans": [{
                "scope": { "name": "keyward", "version": build::VERSION },
                "spans": spans.iter().map(shown).collect::<Vec<_>>(),
            }],
        }],
    })
}

fn shown(span: &Span) -> Json {
    let attributes = span.attributes.iter().map(|(name, value)| match value {
        Value::Text(value) => text(name, value),
        Value::Number(value) => number(name, *value),
    });
    let mut shown = json!({
        "traceId": hexadecimal(&span.trace),
        "spanId": hexadecimal(&span.id),
        "name": name(span),
        "kind": kind(span),
        "startTimeUnixNano": nanoseconds(span.begun),
        "endTimeUnixNano": nanoseconds(span.ended),
        "attributes": attributes.collect::<Vec<_>>(),
        // It is recorded.
        "flags": 1,
    });
    if let Some(parent) = &span.parent {
        shown["parentSpanId"] = hexadecimal(parent).into();
    }
    if span.number_of("http.response.status_code").is_some_and(|status| status >= 500) {
        shown["status"] = json!({ "code": ERROR });
    }
    shown
}

/// By the conventions of OpenTelemetry: method and route of a request (or the method alone), the table that a statement is about.
fn name(span: &Span) -> String {
    let of = |name: &str, of: Option<&str>| of.map_or_else(|| name.to_owned(), |of| format!("{name} {of}"));
    match span.text_of("http.request.method") {
        Some(OTHER) => of("HTTP", span.text_of("http.route")),
        Some(method) => of(method, span.text_of("http.route")),
        None => of(span.name, span.text_of("db.collection.name")),
    }
}

fn kind(span: &Span) -> u8 {
    if span.name == REQUEST {
        SERVER
    } else if span.text_of("db.system.name").is_some() {
        CLIENT
    } else {
        INTERNAL
    }
}

fn text(name: &str, value: &str) -> Json {
    json!({ "key": name, "value": { "stringValue": value } })
}

/// Numbers of 64 bits are texts in this form.
fn number(name: &str, value: u64) -> Json {
    json!({ "key": name, "value": { "intValue": value.to_string() } })
}

fn nanoseconds(micros: i64) -> String {
    (i128::from(micros) * 1000).to_string()
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_named_by_method_and_route_as_far_as_there_are_any() {
        let named = |name, attributes: &[(&'static str, &str)]| {
            let attributes =
                attributes.iter().map(|(name, value)| (*name, Value::Text((*value).to_owned()))).collect();
            let span =
                Span { trace: [1; 16], id: [1; 8], parent: None, name, begun: 0, ended: 0, attributes };
            super::name(&span)
        };
        assert_eq!(named(REQUEST, &[("http.request.method", "GET")]), "GET");
        assert_eq!(named(REQUEST, &[("http.request.method", OTHER), ("http.route", "/")]), "HTTP /");
        assert_eq!(named("statement", &[("db.collection.name", "users")]), "statement users");
        assert_eq!(named("commit", &[]), "commit");
    }

    #[test]
    fn a_span_is_written_as_otlp_wants_it() {
        let span = Span {
            trace: [0xab; 16],
            id: [1; 8],
            parent: Some([2; 8]),
            name: REQUEST,
            begun: 1_900_000_000_000_001,
            ended: 1_900_000_000_000_002,
            attributes: vec![
                ("http.request.method", Value::Text("GET".to_owned())),
                ("http.route", Value::Text("/sign-in".to_owned())),
                ("http.response.status_code", Value::Number(503)),
            ],
        };
        let told = message(&[span]);
        let spans = &told["resourceSpans"][0]["scopeSpans"][0]["spans"];
        assert_eq!(
            spans[0],
            json!({
                "traceId": "abababababababababababababababab", "spanId": "0101010101010101",
                "parentSpanId": "0202020202020202", "name": "GET /sign-in", "kind": 2,
                "startTimeUnixNano": "1900000000000001000", "endTimeUnixNano": "1900000000000002000",
                "attributes": [
                    { "key": "http.request.method", "value": { "stringValue": "GET" } },
                    { "key": "http.route", "value": { "stringValue": "/sign-in" } },
                    { "key": "http.response.status_code", "value": { "intValue": "503" } },
                ],
                "flags": 1, "status": { "code": 2 },
            })
        );
        let service = &told["resourceSpans"][0]["resource"]["attributes"][0];
        assert_eq!(service["value"]["stringValue"], "auth-service");
    }
}
