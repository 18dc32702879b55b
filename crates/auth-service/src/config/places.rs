//! Where in the text of a file secrets are named, or stand themselves: for a command that moves them elsewhere, and writes references in
//! their place. The file need not be one that a start would take.

use std::ops::Range;
use std::path::Path;

use secrets::{ParseSecretRefError, SecretRef, SecretString};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::data::ConnectionUrl;
use super::environment::{PREFIX, SHORT, variable};
use super::file::line_at;
use super::problem::{ConfigError, Origin, Problem};
use super::settings::{Kind, Setting, Settings};

/// A place in the text where a secret is named, or stands.
#[derive(Debug)]
pub struct Place {
    /// `keys.audit`; `clients[wiki].secret`; the second of a list: `keys.older_encryption[2]`.
    pub setting: String,
    /// On which line, from 1.
    pub line: usize,
    /// The bytes of the value, its quotes among them.
    pub span: Range<usize>,
    /// What is there.
    pub holds: Holds,
}

/// What is in a place.
#[derive(Debug)]
pub enum Holds {
    /// A reference.
    Reference(SecretRef),
    /// A value, which belongs elsewhere.
    Value(SecretString),
    /// What begins as a reference does, and is none: a slip rather than a secret. Why.
    Neither(String),
}

/// Every place of a text, in the order of the text.
#[derive(Debug)]
pub struct Places(pub Vec<Place>);

impl Places {
    /// Finds them. What is not TOML at all is refused, and not repeated.
    pub fn of_text(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let (table, errors) = DeTable::parse_recoverable(text);
        if !errors.is_empty() {
            let problem = |error: toml::de::Error| {
                let line = error.span().map_or(1, |span| line_at(text, span.start));
                let message = format!("this is not TOML: {}", error.message());
                Problem::new("", Some(Origin::file(path, line)), message)
            };
            return Err(ConfigError::Problems(errors.into_iter().map(problem).collect()));
        }
        let settings = Settings::known();
        let mut finder = Finder { text, settings: &settings, found: Vec::new() };
        finder.table("", table.get_ref());
        finder.found.sort_by_key(|place| place.span.start);
        Ok(Self(finder.found))
    }
}

struct Finder<'a> {
    text: &'a str,
    settings: &'a Settings,
    found: Vec<Place>,
}

impl Finder<'_> {
    fn table(&mut self, section: &str, table: &DeTable<'_>) {
        for (key, value) in table {
            let name = match section {
                "" => key.get_ref().to_string(),
                section => format!("{section}.{}", key.get_ref()),
            };
            match (self.settings.find(&name), value.get_ref()) {
                (Some(setting), DeValue::Array(clients)) if setting.kind == Kind::Tables => {
                    for (index, client) in clients.iter().enumerate() {
                        if let DeValue::Table(client) = client.get_ref() {
                            self.client(&name, index, client);
                        }
                    }
                }
                (Some(setting), _) => self.value(&name, setting.kind, value),
                (None, DeValue::Table(table)) => self.table(&name, table),
                (None, _) => {}
            }
        }
    }

    fn client(&mut self, name: &str, index: usize, client: &DeTable<'_>) {
        let id = client.iter().find(|(key, _)| key.get_ref() == "client_id");
        let id = match id.map(|(_, id)| id.get_ref()) {
            Some(DeValue::String(id)) => id.to_string(),
            _ => (index + 1).to_string(),
        };
        for (key, value) in client {
            let known = self.settings.client_keys.iter().find(|known| known.name == **key.get_ref());
            if let Some(known) = known {
                self.value(&format!("{name}[{id}].{}", known.name), known.kind, value);
            }
        }
    }

    fn value(&mut self, setting: &str, kind: Kind, value: &Spanned<DeValue<'_>>) {
        match (kind, value.get_ref()) {
            (Kind::Secret | Kind::Url, DeValue::String(text)) => {
                if let Some(holds) = holds(kind, text) {
                    let span = value.span();
                    let line = line_at(self.text, span.start);
                    self.found.push(Place { setting: setting.to_owned(), line, span, holds });
                }
            }
            (Kind::Secrets, DeValue::Array(values)) => {
                for (index, value) in values.iter().enumerate() {
                    self.value(&format!("{setting}[{}]", index + 1), Kind::Secret, value);
                }
            }
            _ => {}
        }
    }
}

/// What a text is in such a place. A URL without a password is none of either, and nothing is nothing.
fn holds(kind: Kind, text: &str) -> Option<Holds> {
    if text.trim().is_empty() {
        return None;
    }
    match (text.parse::<SecretRef>(), kind) {
        (Ok(reference), _) => Some(Holds::Reference(reference)),
        (Err(error @ ParseSecretRefError::Shape { .. }), _) => Some(Holds::Neither(error.to_string())),
        (Err(ParseSecretRefError::UnknownForm), Kind::Url) if !ConnectionUrl::holds_password(text) => None,
        (Err(ParseSecretRefError::UnknownForm), _) => Some(Holds::Value(SecretString::from(text))),
    }
}

/// The setting that a variable of the environment says, if it is one in which a secret is named or may stand, and what a text is there.
pub fn setting_of_variable(name: &str, text: &str) -> Option<(String, Holds)> {
    let short = SHORT.iter().find(|(short, _)| *short == name).map(|(_, setting)| *setting);
    if short.is_none() && !name.starts_with(PREFIX) {
        return None;
    }
    let settings = Settings::known();
    let is_it = |setting: &&Setting| match short {
        Some(named) => setting.name == named,
        None => variable(&setting.name) == name,
    };
    let setting = settings.all.iter().find(is_it)?;
    match setting.kind {
        Kind::Secret | Kind::Url => Some((setting.name.clone(), holds(setting.kind, text)?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use secrets::ExposeSecret as _;

    use super::*;

    const TEXT: &str = r#"
# A comment with "keys.audit" in it.
[keys]
encryption = "file:/run/secrets/encryption" # kept
audit = 'hunter2 itself'
older_encryption = ["env:OLDER", """
hunter2
older"""]

[database]
url = "postgres://a:hunter2@db/keyward"
[redis]
url = "redis://redis:6379"
password = "file:relative"
[mail.transport]
kind = "smtp"
password = ""
[[clients]]
client_id = "wiki"
secret = "hunter2-wiki"
[[clients]]
secret = "vault:kv/keyward#two"
[unknown]
secret = "hunter2"
"#;

    #[test]
    fn every_place_is_found_with_its_bytes_and_its_line() {
        let places = Places::of_text(Path::new("keyward.toml"), TEXT).unwrap().0;
        let told: Vec<_> = places
            .iter()
            .map(|place| {
                let holds = match &place.holds {
                    Holds::Reference(reference) => reference.to_string(),
                    Holds::Value(value) => format!("value {}", value.expose_secret()),
                    Holds::Neither(_) => "neither".to_owned(),
                };
                (place.setting.as_str(), place.line, &TEXT[place.span.clone()], holds)
            })
            .collect();
        let expected = [
            (
                "keys.encryption",
                4,
                "\"file:/run/secrets/encryption\"",
                "file:/run/secrets/encryption".to_owned(),
            ),
            ("keys.audit", 5, "'hunter2 itself'", "value hunter2 itself".to_owned()),
            ("keys.older_encryption[1]", 6, "\"env:OLDER\"", "env:OLDER".to_owned()),
            (
                "keys.older_encryption[2]",
                6,
                "\"\"\"\nhunter2\nolder\"\"\"",
                "value hunter2\nolder".to_owned(),
            ),
            (
                "database.url",
                11,
                "\"postgres://a:hunter2@db/keyward\"",
                "value postgres://a:hunter2@db/keyward".to_owned(),
            ),
            ("redis.password", 14, "\"file:relative\"", "neither".to_owned()),
            ("clients[wiki].secret", 20, "\"hunter2-wiki\"", "value hunter2-wiki".to_owned()),
            ("clients[2].secret", 22, "\"vault:kv/keyward#two\"", "vault:kv/keyward#two".to_owned()),
        ];
        assert_eq!(told, expected);
        assert!(!format!("{places:?}").contains("hunter2"), "{places:?}");
        let broken = Places::of_text(Path::new("keyward.toml"), "[keys]\naudit = hunter2\n").unwrap_err();
        assert!(
            broken.to_string().contains("keyward.toml:2") && !broken.to_string().contains("hunter2"),
            "{broken}"
        );
    }

    #[test]
    fn a_variable_leads_to_its_setting() {
        let told = |name: &str, text: &str| {
            setting_of_variable(name, text).map(|(setting, holds)| {
                let is_value = matches!(holds, Holds::Value(_));
                (setting, is_value)
            })
        };
        assert_eq!(told("KEYWARD__KEYS__AUDIT", "x"), Some(("keys.audit".to_owned(), true)));
        assert_eq!(told("KEYWARD__KEYS__AUDIT", "file:/x"), Some(("keys.audit".to_owned(), false)));
        assert_eq!(told("REDIS_PASSWORD", "x"), Some(("redis.password".to_owned(), true)));
        assert_eq!(told("DATABASE_URL", "postgres://a:b@c/d"), Some(("database.url".to_owned(), true)));
        for (name, text) in [
            ("DATABASE_URL", "postgres://a@c/d"),
            ("REDIS_PORT", "6379"),
            ("KEYWARD__KEYS__AUDIT", " "),
            ("KEYWARD__NO__SUCH", "x"),
            ("PATH", "/bin"),
        ] {
            assert_eq!(told(name, text), None, "{name}");
        }
    }
}
