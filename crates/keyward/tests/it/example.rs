//! The example configuration is the reference: it must be one that the server takes, with every default as it is.

use std::path::Path;

use auth::Limits;
use auth_service::config::Config;

fn example() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/keyward.example.toml")
}

#[test]
fn the_example_configuration_is_taken() {
    Config::load(&example()).unwrap();
}

/// Every limit stands in the example, with the default that the server has.
#[test]
fn the_example_shows_every_limit_as_it_is() {
    let text = std::fs::read_to_string(example()).unwrap();
    let shown: toml::Table = text.parse().unwrap();
    let defaults = toml::Table::try_from(Limits::default()).unwrap();
    let shown = shown["limits"].as_table().unwrap();
    assert_eq!(shown.keys().collect::<Vec<_>>().len(), defaults.len());
    let example = Config::load(&self::example()).unwrap();
    assert_eq!(toml::Table::try_from(example.limits).unwrap(), defaults);
}
