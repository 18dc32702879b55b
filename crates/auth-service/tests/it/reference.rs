//! The schema and the reference page of the configuration are those of the code.

use std::path::Path;

use auth_service::config::{reference, schema};
use auth_service::metrics;

/// Compares, or writes with `UPDATE_REFERENCE` set.
fn hold(name: &str, text: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference").join(name);
    if std::env::var_os("UPDATE_REFERENCE").is_some() {
        std::fs::write(&file, text).unwrap();
    }
    let held = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        held == text,
        "docs/reference/{name} is not what the code says. Write it anew:\n  \
         UPDATE_REFERENCE=1 cargo test -p auth-service --test it reference"
    );
}

#[test]
fn the_schema_of_the_configuration_is_fresh() {
    hold("keyward.schema.json", &schema::text());
}

#[test]
fn the_reference_page_of_the_configuration_is_fresh() {
    hold("configuration.md", &reference::page());
}

#[test]
fn the_reference_page_of_the_metrics_is_fresh() {
    hold("metrics.md", &metrics::reference::page());
}
