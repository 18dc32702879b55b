//! The layer of the file: each setting with the line it stands on.

use std::path::Path;

use serde::Deserialize as _;
use toml::de::{DeTable, DeValue};
use toml::{Spanned, Value};

use super::problem::{Origin, Problem};
use super::settings::{Kind, Settings};
use super::suggest::{not_a_client_key, not_a_setting};
use super::{ConfiguredClient, value};

/// What a layer says: a setting, its value, where.
pub(super) type Said = (String, Value, Origin);

/// Reads the text of a file.
pub(super) fn read(path: &Path, text: &str, settings: &Settings) -> (Vec<Said>, Vec<Problem>) {
    let (table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        // The message alone: the line itself may be a secret that somebody wrote in the place of a reference.
        let problem = |error: toml::de::Error| {
            let line = error.span().map_or(1, |span| line_at(text, span.start));
            Problem::new("", Some(Origin::file(path, line)), format!("this is not TOML: {}", error.message()))
        };
        return (Vec::new(), errors.into_iter().map(problem).collect());
    }
    let mut reader = Reader { path, text, settings, said: Vec::new(), problems: Vec::new() };
    reader.table("", table.get_ref());
    (reader.said, reader.problems)
}

struct Reader<'a> {
    path: &'a Path,
    text: &'a str,
    settings: &'a Settings,
    said: Vec<Said>,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn table(&mut self, section: &str, table: &DeTable<'_>) {
        for (key, value) in table {
            let name = match section {
                "" => key.get_ref().to_string(),
                section => format!("{section}.{}", key.get_ref()),
            };
            let origin = Origin::file(self.path, line_at(self.text, key.span().start));
            if let Some(setting) = self.settings.find(&name) {
                match value::of_kind(plain(value), setting) {
                    Ok(value) if setting.kind == Kind::Tables => self.clients(&name, &value, origin),
                    Ok(value) => self.said.push((name, value, origin)),
                    Err(message) => self.problems.push(Problem::new(name, Some(origin), message)),
                }
            } else if self.settings.is_section(&name) {
                match value.get_ref() {
                    DeValue::Table(table) => self.table(&name, table),
                    _ => self.problems.push(Problem::new(
                        &name,
                        Some(origin),
                        format!(
                            "is a section: write [{name}] on a line of its own, and what belongs to it below"
                        ),
                    )),
                }
            } else {
                let message = not_a_setting(self.settings, &name);
                self.problems.push(Problem::new(name, Some(origin), message));
            }
        }
    }

    /// Each app by itself, so that every fault is told and not that of the first alone.
    fn clients(&mut self, name: &str, value: &Value, origin: Origin) {
        let mut good = Vec::new();
        for (index, client) in value.as_array().into_iter().flatten().enumerate() {
            let Some(table) = client.as_table() else { continue };
            let id = table
                .get("client_id")
                .and_then(Value::as_str)
                .map_or_else(|| (index + 1).to_string(), str::to_owned);
            let called = format!("{name}[{id}]");
            let before = self.problems.len();
            for key in
                table.keys().filter(|key| !self.settings.client_keys.iter().any(|known| known.name == **key))
            {
                let message = not_a_client_key(self.settings, key);
                self.problems.push(Problem::new(format!("{called}.{key}"), Some(origin.clone()), message));
            }
            if self.problems.len() > before {
                continue;
            }
            match ConfiguredClient::deserialize(client.clone()) {
                Ok(_) => good.push(client.clone()),
                Err(error) => {
                    let message = format!("cannot be used: {}", error.message().trim_end());
                    self.problems.push(Problem::new(called, Some(origin.clone()), message));
                }
            }
        }
        self.said.push((name.to_owned(), Value::Array(good), origin));
    }
}

/// The value without its places.
fn plain(value: &Spanned<DeValue<'_>>) -> Value {
    match value.get_ref() {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Integer(number) => Value::Integer(value::number(number.as_str(), number.radix())),
        DeValue::Float(number) => Value::Float(number.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(truth) => Value::Boolean(*truth),
        DeValue::Datetime(moment) => Value::Datetime(*moment),
        DeValue::Array(values) => Value::Array(values.iter().map(plain).collect()),
        DeValue::Table(table) => {
            Value::Table(table.iter().map(|(key, value)| (key.get_ref().to_string(), plain(value))).collect())
        }
    }
}

pub(super) fn line_at(text: &str, index: usize) -> usize {
    text.as_bytes().iter().take(index).filter(|byte| **byte == b'\n').count() + 1
}
