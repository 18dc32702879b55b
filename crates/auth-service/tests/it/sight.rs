//! What whoever watches a server is told: by a real one, as Prometheus asks it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use auth_service::metrics::{ALL, Sort};

use crate::process::{POSTMARK, Running, get, write_secrets};

/// Classes of answers that a healthy run does not give, and that alerts ask for.
const CLASSES: [&str; 4] = ["2xx", "3xx", "4xx", "5xx"];

/// What a scrape told: the values of each label of each metric, by the metric's name without a histogram's endings.
type Told = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

fn scrape(running: &Running) -> String {
    let (status, answer) = get(&running.internal, "/metrics");
    assert_eq!(status, 200, "{answer}");
    assert!(answer.contains("content-type: text/plain; version=0.0.4; charset=utf-8\r\n"), "{answer}");
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

fn told(text: &str) -> Told {
    let mut told = Told::new();
    for line in text.lines() {
        if let Some(described) = line.strip_prefix("# TYPE ") {
            told.entry(described.split(' ').next().unwrap().to_owned()).or_default();
        } else if !line.starts_with('#') {
            for asked in asked(line) {
                let labels = told.entry(asked.family.clone()).or_default();
                for (label, value) in asked.labels {
                    labels.entry(label).or_default().insert(value);
                }
            }
        }
    }
    told
}

/// A metric that an expression, or a line of a scrape, names.
struct Asked {
    family: String,
    labels: Vec<(String, String)>,
}

fn asked(expression: &str) -> Vec<Asked> {
    let starts = expression.match_indices("keyward_").map(|(at, _)| &expression[at..]);
    let metrics = starts.map(|rest| {
        let end = rest.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
        let (name, rest) = rest.split_at(end.unwrap_or(rest.len()));
        let labels =
            rest.strip_prefix('{').and_then(|rest| rest.split_once('}')).map_or("", |(labels, _)| labels);
        let labels = labels.split("\",").filter(|pair| !pair.is_empty()).map(|pair| {
            let (label, value) = pair.split_once("=\"").unwrap_or_else(|| panic!("{pair} in {expression}"));
            (label.trim().to_owned(), value.trim_end_matches('"').to_owned())
        });
        Asked { family: family(name), labels: labels.collect() }
    });
    metrics.collect()
}

/// The name by which a metric is described: that of a histogram has endings.
fn family(name: &str) -> String {
    let ends = ["_bucket", "_sum", "_count"];
    let histogram = ends
        .iter()
        .find_map(|end| name.strip_suffix(end))
        .filter(|name| ALL.iter().any(|family| family.name == *name && family.sort == Sort::Histogram));
    histogram.unwrap_or(name).to_owned()
}

fn file(name: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy").join(name);
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn metrics_are_told_on_the_internal_address_alone_and_count_what_was_asked() {
    let folder = tempfile::tempdir().unwrap();
    write_secrets(folder.path());
    let running = Running::start(folder.path(), POSTMARK);
    for path in [
        "/sign-in",
        "/sign-in?whispered=one",
        "/.well-known/jwks.json",
        "/no-such?whispered=two",
        "/verify-token",
    ] {
        get(&running.address, path);
    }
    assert_eq!(get(&running.address, "/metrics").0, 404);
    let text = scrape(&running);
    for (labels, count) in [
        ("method=\"GET\",route=\"/sign-in\",status=\"2xx\"", 2),
        // Answered before anything else is looked at, and counted all the same.
        ("method=\"GET\",route=\"/.well-known/jwks.json\",status=\"2xx\"", 1),
        ("method=\"GET\",route=\"none\",status=\"4xx\"", 2),
    ] {
        let line = format!("keyward_http_request_duration_seconds_count{{{labels}}} {count}\n");
        assert!(text.contains(&line), "no {line} in {text}");
    }
    for line in [
        "keyward_phase{phase=\"ready\"} 1",
        "keyward_database_up 1",
        "keyward_outbox_waiting 0",
        "keyward_sessions_opened_total{proof=\"password\"} 0",
        "keyward_limiter_refusals_total{budget=\"second_step_mails\"} 0",
    ] {
        assert!(text.lines().any(|told| told.trim_end_matches(".0") == line), "no {line} in {text}");
    }
    assert!(!text.contains("whispered") && !text.contains("no-such"), "{text}");
}

/// Class 21: whoever asks for ever other things would otherwise make ever other series, until the memory is full.
#[test]
fn class_21_no_label_takes_its_value_from_a_request() {
    let folder = tempfile::tempdir().unwrap();
    write_secrets(folder.path());
    let running = Running::start(folder.path(), POSTMARK);
    let ask = |method: &str, path: &str| {
        let mut stream = TcpStream::connect(&running.address).unwrap();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {method}.example\r\nuser-agent: {method}\r\ncontent-type: text/{method}\r\n\
             connection: close\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = Vec::new();
        // What cannot be read may be answered by a reset alone.
        let _ = stream.read_to_end(&mut answer);
    };
    // Every kind of request once, so that its series are there.
    for (method, path) in [
        ("GET", "/no-such"),
        ("BREW", "/no-such"),
        ("BREW", "/sign-in"),
        ("DELETE", "/api/v1/account/sessions/x"),
    ] {
        ask(method, path);
    }
    let series = || scrape(&running).lines().filter(|line| !line.starts_with('#')).count();
    let before = series();
    for number in 0..100 {
        ask("GET", &format!("/hostile{number}"));
        ask("GET", &format!("/no-such?hostile{number}=x"));
        ask(&format!("HOSTILE{number}"), "/no-such");
        ask(&format!("HOSTILE{number}"), "/sign-in");
        ask("DELETE", &format!("/api/v1/account/sessions/hostile{number}"));
    }
    assert_eq!(series(), before);
    assert!(!scrape(&running).to_lowercase().contains("hostile"));
}

#[test]
fn every_metric_of_the_table_is_told_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    write_secrets(folder.path());
    let running = Running::start(folder.path(), POSTMARK);
    get(&running.address, "/sign-in");
    let told = told(&scrape(&running));
    let names: BTreeSet<_> = told.keys().cloned().collect();
    assert_eq!(names, ALL.iter().map(auth_service::metrics::Family::full_name).collect());
    for family in ALL {
        let labels: BTreeSet<_> = told[&family.full_name()].keys().map(String::as_str).collect();
        let mut expected: BTreeSet<_> = family.labels.iter().copied().collect();
        if family.sort == Sort::Histogram {
            expected.insert("le");
        }
        // Of what the small mode depends on, nothing is away from it.
        assert!(labels == expected || family.labels == ["dependency"], "{}: {labels:?}", family.name);
    }
}

/// An alert on a metric that is not there never fires, and nobody notices.
#[test]
fn the_dashboard_and_the_alerts_ask_for_what_there_is() {
    let folder = tempfile::tempdir().unwrap();
    write_secrets(folder.path());
    let running = Running::start(folder.path(), POSTMARK);
    get(&running.address, "/verify-token");
    let told = told(&scrape(&running));
    let routes = auth_service::openapi().paths.paths;
    let dashboard: serde_json::Value = serde_json::from_str(&file("grafana/keyward.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let targets = panels.flat_map(|panel| panel["targets"].as_array().into_iter().flatten());
    let mut expressions: Vec<_> = targets.map(|target| target["expr"].as_str().unwrap().to_owned()).collect();
    expressions.push(file("prometheus/alerts.yml"));
    let mut used = BTreeSet::new();
    for expression in &expressions {
        for asked in asked(expression) {
            let labels = told.get(&asked.family);
            let labels = labels.unwrap_or_else(|| panic!("there is no {} for {expression}", asked.family));
            for (label, value) in asked.labels {
                let known = match &*label {
                    "status" => CLASSES.contains(&&*value),
                    "route" => routes.contains_key(&value),
                    _ => labels.get(&label).is_some_and(|values| values.contains(&value)),
                };
                assert!(known, "{} has no {label}=\"{value}\": {expression}", asked.family);
            }
            used.insert(asked.family);
        }
        for by in expression.split("by (").skip(1) {
            for label in by.split_once(')').unwrap().0.split(',').map(str::trim) {
                let known = label == "le" || ALL.iter().any(|family| family.labels.contains(&label));
                assert!(known, "no metric has a label {label}: {expression}");
            }
        }
    }
    let all: BTreeSet<_> = told.into_keys().collect();
    let unseen: Vec<_> = all.difference(&used).filter(|name| !name.ends_with("_timestamp_seconds")).collect();
    assert!(unseen.is_empty(), "neither the dashboard nor an alert shows {unseen:?}");
}
