//! What `auth-service config check` shows: what is in force, where each value came from, and everything that is wrong.

use std::fmt::Write as _;

use secrets::SecretRef;
use serde::Serialize;
use toml::Value;

use super::data::ConnectionUrl;
use super::problem::{Origin, Problem};
use super::settings::Kind;
use super::sources::{InForce, Reading};

/// A setting as it is shown.
#[derive(Debug, Serialize)]
struct Shown<'a> {
    setting: &'a str,
    value: Option<String>,
    origin: &'a Origin,
}

/// The whole report as JSON.
#[derive(Debug, Serialize)]
struct Report<'a> {
    mode: Option<&'static str>,
    settings: Vec<Shown<'a>>,
    problems: &'a [Problem],
    warnings: &'a [String],
}

impl Reading {
    /// The report as people read it.
    pub fn report(&self, warnings: &[String]) -> String {
        let mut text = String::new();
        if let Some(mode) = self.mode() {
            let _ = writeln!(text, "Mode: {mode}.");
        }
        let shown: Vec<_> = self.shown();
        let values = shown.iter().map(|one| one.value.as_deref().map_or(0, |value| value.chars().count()));
        // One long value (a list of apps) does not push every origin off the screen.
        let width = values.filter(|width| *width <= 48).max().unwrap_or_default();
        let mut section = "";
        for one in &shown {
            let (its, key) = one.setting.rsplit_once('.').unwrap_or(("", one.setting));
            if its != section {
                section = its;
                let _ = writeln!(text, "\n[{section}]");
            }
            let value = one.value.as_deref().unwrap_or("(not set)");
            let _ = match one.value {
                Some(_) => writeln!(text, "{key} = {value:width$}  # {}", one.origin),
                None => writeln!(text, "# {key} is not set"),
            };
        }
        for warning in warnings {
            let _ = writeln!(text, "\nWarning: {warning}");
        }
        text
    }

    /// The same for programs.
    pub fn report_json(&self, warnings: &[String]) -> String {
        let report =
            Report { mode: self.mode(), settings: self.shown(), problems: self.problems(), warnings };
        serde_json::to_string_pretty(&report).unwrap_or_default()
    }

    fn mode(&self) -> Option<&'static str> {
        Some(self.config()?.mode()?.describe())
    }

    fn shown(&self) -> Vec<Shown<'_>> {
        let show = |one: &'_ InForce| one.value.as_ref().map(|value| shown(value, one.setting.kind));
        let mut shown: Vec<_> = self
            .in_force
            .iter()
            .map(|one| Shown { setting: &one.setting.name, value: show(one), origin: &one.origin })
            .collect();
        // A section's own keys before those of the sections in it, as a file has to have them.
        shown.sort_by_key(|one| {
            one.setting.rsplit_once('.').map(|(section, key)| (section.to_owned(), key.to_owned()))
        });
        shown
    }
}

/// A value as it may be shown: never a secret.
fn shown(value: &Value, kind: Kind) -> String {
    match (kind, value) {
        (Kind::Tables, Value::Array(all)) => {
            let id = |one: &Value| one.get("client_id").and_then(Value::as_str).unwrap_or("?").to_owned();
            format!("[{}]", all.iter().map(id).collect::<Vec<_>>().join(", "))
        }
        (Kind::Url, Value::String(text)) => url(text),
        _ => value.to_string(),
    }
}

/// A URL with its password masked; where it is kept in a variable, what stands there too.
fn url(text: &str) -> String {
    match text.parse::<SecretRef>() {
        Ok(SecretRef::Environment(name)) => {
            let kept = std::env::var(&name).ok().and_then(|text| ConnectionUrl::masked(&text));
            kept.map_or_else(|| format!("{text:?}"), |masked| format!("{masked:?}"))
        }
        Ok(_) => format!("{text:?}"),
        Err(_) => ConnectionUrl::masked(text)
            .map_or_else(|| "(not shown)".to_owned(), |masked| format!("{masked:?}")),
    }
}
