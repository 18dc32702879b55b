//! The example configuration is the reference: it must be one that the server takes, with every default as it is.

use std::path::Path;

use auth::Limits;
use auth_service::config::{Config, Transport};

fn example() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/keyward.example.toml")
}

fn text() -> String {
    std::fs::read_to_string(example()).unwrap()
}

#[test]
fn the_example_configuration_is_taken() {
    Config::load(&example()).unwrap();
}

/// Every limit stands in the example, with the default that the server has.
#[test]
fn the_example_shows_every_limit_as_it_is() {
    let shown: toml::Table = text().parse().unwrap();
    assert_eq!(shown["limits"].as_table().unwrap(), &toml::Table::try_from(Limits::default()).unwrap());
}

/// Everything else that has a default is shown with it, commented out or not.
#[test]
fn the_example_shows_every_default_as_it_is() {
    let shown = Config::load(&example()).unwrap();
    let minimal = "[server]\npublic_url = \"https://auth.example.com\"\n[database]\npath = \"keyward.sqlite\"\n\
                   [keys]\nencryption = \"env:A\"\naudit = \"env:B\"\n[mail]\nfrom = \"no-reply@example.com\"\n\
                   [mail.transport]\nkind = \"smtp\"\nhost = \"mail.example.com\"\n";
    let default: Config = toml::from_str(minimal).unwrap();
    let pairs = [
        (format!("{:?}", shown.server), format!("{:?}", default.server)),
        (format!("{:?}", shown.internal), format!("{:?}", default.internal)),
        (format!("{:?}", shown.startup), format!("{:?}", default.startup)),
        (format!("{:?}", shown.keys.older_encryption), format!("{:?}", default.keys.older_encryption)),
        (format!("{:?}", shown.accounts), format!("{:?}", default.accounts)),
        (format!("{:?}", shown.api), format!("{:?}", default.api)),
        (format!("{:?}", shown.password), format!("{:?}", default.password)),
    ];
    for (shown, default) in pairs {
        assert_eq!(shown, default);
    }
    let ports = [shown.mail.transport, default.mail.transport].map(|transport| match transport {
        Transport::Smtp { port, security, .. } => format!("{port} {security:?}"),
        Transport::Postmark { .. } => panic!("both are of SMTP"),
    });
    assert_eq!(ports[0], ports[1]);
    // The colours are commented out.
    let colours = text().replace("# accent_", "accent_");
    assert_ne!(colours, text(), "they are there");
    let shown: Config = toml::from_str(&colours).unwrap();
    assert_eq!(shown.branding, default.branding);
}
