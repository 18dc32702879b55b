//! The reference page of the metrics, from their table.

use std::fmt::Write as _;

use super::families::{ALL, Sort};

const INTRODUCTION: &str = "# Metrics

`auth-service` tells these at `/metrics` on its [internal address](configuration.md), in the text format of Prometheus. Every label is of a
closed set: none comes from a request. Counters are of one process, and begin at its start. This page is made from the
table in `crates/auth-service/src/metrics/families.rs`, and a test holds it to that.

| metric | is a | labels | what it says |
|---|---|---|---|
";

/// The whole page, in Markdown.
pub fn page() -> String {
    let mut page = INTRODUCTION.to_owned();
    for family in ALL {
        let labels: Vec<_> = family.labels.iter().map(|label| format!("`{label}`")).collect();
        let labels = if labels.is_empty() { "–".to_owned() } else { labels.join(", ") };
        let sort = match family.sort {
            Sort::Counter => "counter",
            Sort::Gauge => "gauge",
            Sort::Histogram => "histogram",
        };
        let _ = writeln!(page, "| `{}` | {sort} | {labels} | {} |", family.full_name(), family.help);
    }
    page
}
