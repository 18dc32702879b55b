//! What whoever watches the app is told.

use std::fmt::Write as _;
use std::path::Path;

use app_service::metrics::Metrics;
use axum::body::Body;
use axum::http::Request;

use crate::{Answer, App, settings};

/// The app, counted, and what it tells.
fn measured() -> (App, App) {
    let (router, keyward) = app_service::routes(&settings("http://app.localhost:8000")).unwrap();
    let metrics = Metrics::new(&keyward);
    (App { router: metrics.measure(router) }, App { router: metrics.routes() })
}

async fn scrape(told: &App) -> String {
    let Answer { status, body, headers } = told.get("/metrics").await;
    assert_eq!(
        (status.as_u16(), headers["content-type"].to_str().unwrap()),
        (200, "text/plain; version=0.0.4; charset=utf-8")
    );
    body
}

#[tokio::test]
async fn requests_are_counted_by_template_and_nothing_that_a_stranger_sends_is_told() {
    let (app, told) = measured();
    for path in ["/", "/?secret=one", "/no-such?secret=two", "/no-such-either"] {
        app.get(path).await;
    }
    let brewed = Request::builder().method("BREW").uri("/").header("host", "app.localhost:8000");
    app.send(brewed.body(Body::empty()).unwrap()).await;
    // Its sign-in server is away.
    assert_eq!(app.get("/protected").await.status.as_u16(), 503);
    let text = scrape(&told).await;
    for line in [
        "app_http_request_duration_seconds_count{method=\"GET\",route=\"/\",status=\"2xx\"} 2",
        "app_http_request_duration_seconds_count{method=\"GET\",route=\"none\",status=\"4xx\"} 2",
        "app_http_request_duration_seconds_count{method=\"other\",route=\"/\",status=\"4xx\"} 1",
        "app_http_request_duration_seconds_count{method=\"GET\",route=\"/protected\",status=\"5xx\"} 1",
        "app_provider_requests_total{outcome=\"none\"} 1",
        "app_provider_requests_total{outcome=\"2xx\"} 0",
        "app_sessions_proved_again_total{outcome=\"later\"} 0",
    ] {
        assert!(text.lines().any(|told| told == line), "no {line} in {text}");
    }
    assert!(!text.contains("secret") && !text.contains("no-such"), "{text}");
    assert_eq!(app.get("/metrics").await.status.as_u16(), 404, "the world is not told");
}

const INTRODUCTION: &str = "# Metrics of the example app

`app-service` tells these at `/metrics` on its internal listener (`INTERNAL_LISTEN`), in the text format of Prometheus, as the server
[does](metrics.md): labels are of closed sets, counters begin at the start of the process. This page is made from what it tells, and a
test holds it to that.

| metric | is a | labels | what it says |
|---|---|---|---|
";

/// The page, from what is told: a metric is described by two lines, and its samples show its labels.
fn page(text: &str) -> String {
    let mut page = INTRODUCTION.to_owned();
    for line in text.lines() {
        let Some((name, help)) = line.strip_prefix("# HELP ").and_then(|rest| rest.split_once(' ')) else {
            continue;
        };
        let of_it =
            |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', '_', ' ']));
        let sort = text.lines().find_map(|line| line.strip_prefix(&format!("# TYPE {name} "))).unwrap();
        let sample = text.lines().find(of_it).unwrap();
        let labels = sample
            .split_once('{')
            .and_then(|(_, rest)| rest.split_once('}'))
            .map_or("", |(labels, _)| labels);
        let labels = labels.split("\",").filter_map(|pair| pair.split_once('=')).map(|(label, _)| label);
        let labels: Vec<_> =
            labels.filter(|label| *label != "le").map(|label| format!("`{label}`")).collect();
        let end = if sort == "counter" && !name.ends_with("_total") { "_total" } else { "" };
        let (labels, help) = (labels.join(", "), help.trim_end_matches('.'));
        writeln!(page, "| `{name}{end}` | {sort} | {labels} | {help} |").unwrap();
    }
    page
}

#[tokio::test]
async fn the_reference_page_of_the_metrics_is_fresh() {
    let (app, told) = measured();
    app.get("/").await;
    let page = page(&scrape(&told).await);
    assert!(page.matches("| `app_").count() == 4, "{page}");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/app-metrics.md");
    if std::env::var_os("UPDATE_REFERENCE").is_some() {
        std::fs::write(&file, &page).unwrap();
    }
    assert!(
        std::fs::read_to_string(&file).unwrap_or_default() == page,
        "docs/reference/app-metrics.md is not what the app tells. Write it anew:\n  \
         UPDATE_REFERENCE=1 cargo test --workspace --test it the_reference_page_of_the_metrics"
    );
}

/// What a text asks of the app's metrics: each name, and what stands in braces behind it.
fn asked(text: &str) -> Vec<(&str, &str)> {
    let is_of_a_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let starts = text.match_indices("app_").filter(|(at, _)| !text[..*at].ends_with(is_of_a_name));
    let names = starts.map(|(at, _)| {
        let rest = &text[at..];
        let (name, rest) = rest.split_at(rest.find(|letter| !is_of_a_name(letter)).unwrap_or(rest.len()));
        let labels = rest.strip_prefix('{').and_then(|rest| rest.split_once('}'));
        (name, labels.map_or("", |(labels, _)| labels))
    });
    names.collect()
}

/// An alert on a metric that is not there never fires, and nobody notices.
#[tokio::test]
async fn the_dashboard_and_the_alerts_ask_for_what_there_is() {
    let (app, told) = measured();
    app.get("/").await;
    let text = scrape(&told).await;
    let file = |name: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy").join(name);
        std::fs::read_to_string(path).unwrap()
    };
    let files =
        [file("grafana/keyward.json"), file("prometheus/alerts.yml")].map(|text| text.replace("\\\"", "\""));
    let all: Vec<_> = files.iter().flat_map(|file| asked(file)).collect();
    for (name, labels) in &all {
        let samples: Vec<_> = text
            .lines()
            .filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' '])))
            .collect();
        assert!(!samples.is_empty(), "there is no {name}");
        for (label, values) in labels.split(',').filter_map(|pair| pair.split_once('=')) {
            for value in values.trim_matches(['~', '"']).split('|') {
                let wanted = format!("{label}=\"{value}\"");
                assert!(samples.iter().any(|sample| sample.contains(&wanted)), "{name} has no {wanted}");
            }
        }
    }
    for family in [
        "app_http_request_duration_seconds_bucket",
        "app_provider_requests_total",
        "app_sessions_proved_again_total",
        "app_build_info",
    ] {
        assert!(
            all.iter().any(|(name, _)| *name == family),
            "neither the dashboard nor an alert shows {family}"
        );
    }
}
