//! Every setting there is, flat: `server.listen`, with what the schema says of it.

use serde_json::Value;

use super::schema::{self, SECRET_FORMAT};

/// What a setting is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A text.
    Text,
    /// A text that says where a secret is.
    Secret,
    /// A URL in which a password may have been written.
    Url,
    /// A whole number.
    Whole,
    /// `true` or `false`.
    Truth,
    /// A list of texts.
    Texts,
    /// A list of texts that say where secrets are.
    Secrets,
    /// A list of sections: `[[clients]]`.
    Tables,
}

impl Kind {
    /// In words.
    pub(super) fn describe(self) -> &'static str {
        match self {
            Self::Text | Self::Url => "text",
            Self::Secret => "reference to a secret",
            Self::Whole => "whole number",
            Self::Truth => "true or false",
            Self::Texts => "list of texts",
            Self::Secrets => "list of references to secrets",
            Self::Tables => "list of sections",
        }
    }
}

/// A setting.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    /// `mail.transport.host`.
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) description: String,
    /// How it is written: `keyward-duration`, `email`, …
    pub(super) format: Option<String>,
    pub(super) default: Option<Value>,
    pub(super) example: Option<Value>,
    pub(super) choices: Vec<String>,
    /// Whether a file without it cannot be used; where `of` says so, only then.
    pub(super) required: bool,
    /// The setting that chooses, and the choice that this one belongs to: `mail.transport.kind`, `smtp`.
    pub(super) of: Option<(String, String)>,
}

impl Setting {
    /// `mail.transport`.
    pub(super) fn section(&self) -> &str {
        self.name.rsplit_once('.').map_or("", |(section, _)| section)
    }

    /// The largest number that it holds, if it is a number without a sign.
    pub(super) fn largest(&self) -> Option<i64> {
        let bits = self.format.as_deref()?.strip_prefix("uint")?;
        match bits.parse::<u32>() {
            Ok(bits @ 1..=62) => Some((1 << bits) - 1),
            _ => Some(i64::MAX),
        }
    }

    /// `host`.
    pub(super) fn key(&self) -> &str {
        self.name.rsplit_once('.').map_or(&self.name, |(_, key)| key)
    }
}

/// Every setting, by name.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) all: Vec<Setting>,
    /// What is said of each section.
    pub(super) sections: Vec<(String, String)>,
    /// The keys of one of `[[clients]]`.
    pub(super) client_keys: Vec<Setting>,
}

impl Settings {
    /// Reads the schema.
    pub(super) fn known() -> Self {
        let schema = schema::of_configuration();
        let mut settings = Self { all: Vec::new(), sections: Vec::new(), client_keys: Vec::new() };
        settings.object(&schema, "", true, None);
        if let Some(client) = schema.pointer("/properties/clients/items") {
            let mut client_settings = Self { all: Vec::new(), sections: Vec::new(), client_keys: Vec::new() };
            client_settings.object(client, "", true, None);
            settings.client_keys = client_settings.all;
        }
        settings
    }

    pub(super) fn find(&self, name: &str) -> Option<&Setting> {
        self.all.iter().find(|setting| setting.name == name)
    }

    pub(super) fn is_section(&self, name: &str) -> bool {
        self.sections.iter().any(|(section, _)| section == name)
    }

    fn object(&mut self, schema: &Value, name: &str, required: bool, of: Option<&(String, String)>) {
        let needed: Vec<&str> = list(schema, "required").iter().filter_map(|name| name.as_str()).collect();
        let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return };
        for (key, property) in properties {
            let inner = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
            let is_needed = required && needed.contains(&key.as_str());
            self.property(property, &inner, is_needed, of);
        }
    }

    fn property(&mut self, schema: &Value, name: &str, required: bool, of: Option<&(String, String)>) {
        let description = text(schema, "description");
        let variants = list(schema, "oneOf");
        let is_choice =
            !variants.is_empty() && variants.iter().all(|variant| variant.get("properties").is_some());
        if is_choice {
            self.sections.push((name.to_owned(), description));
            self.variants(variants, name, required);
        } else if schema.get("properties").is_some() {
            self.sections.push((name.to_owned(), description));
            self.object(schema, name, required, of);
        } else {
            let example = list(schema, "examples").first().cloned();
            self.all.push(Setting {
                name: name.to_owned(),
                kind: kind(schema),
                description,
                format: schema.get("format").and_then(Value::as_str).map(str::to_owned),
                default: schema.get("default").filter(|default| !default.is_null()).cloned(),
                example,
                choices: choices(schema),
                required,
                of: of.cloned(),
            });
        }
    }

    /// A section of several forms, of which one key decides: `kind`.
    fn variants(&mut self, variants: &[Value], name: &str, required: bool) {
        let tag = |variant: &Value| {
            let properties = variant.get("properties").and_then(Value::as_object)?;
            properties
                .iter()
                .find_map(|(key, property)| Some((key.clone(), property.get("const")?.as_str()?.to_owned())))
        };
        let tags: Vec<(String, String)> = variants.iter().filter_map(tag).collect();
        let Some((key, first)) = tags.first() else { return };
        // Before what depends on it.
        self.all.push(Setting {
            name: format!("{name}.{key}"),
            kind: Kind::Text,
            description: "Which form of the section it is.".to_owned(),
            format: None,
            default: None,
            example: Some(first.as_str().into()),
            choices: tags.iter().map(|(_, choice)| choice.clone()).collect(),
            required,
            of: None,
        });
        for (variant, (key, choice)) in variants.iter().zip(&tags) {
            let mut rest = variant.clone();
            if let Some(properties) = rest.get_mut("properties").and_then(Value::as_object_mut) {
                properties.remove(key);
            }
            // Where an object keeps its order, the last takes the place of what is removed.
            rest.sort_all_objects();
            self.object(&rest, name, required, Some(&(format!("{name}.{key}"), choice.clone())));
        }
    }
}

fn list<'a>(schema: &'a Value, key: &str) -> &'a [Value] {
    schema.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn text(schema: &Value, key: &str) -> String {
    schema.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// `type` is a name, or a list of the name and `null`.
fn is(schema: &Value, name: &str) -> bool {
    schema.get("type").is_some_and(|kind| {
        kind == name || kind.as_array().is_some_and(|names| names.iter().any(|one| one == name))
    })
}

fn kind(schema: &Value) -> Kind {
    let format = schema.get("format").and_then(Value::as_str).unwrap_or_default();
    if is(schema, "array") {
        return match schema.get("items") {
            Some(items) if items.get("properties").is_some() => Kind::Tables,
            Some(items) if text(items, "format") == SECRET_FORMAT => Kind::Secrets,
            _ => Kind::Texts,
        };
    }
    if is(schema, "integer") {
        Kind::Whole
    } else if is(schema, "boolean") {
        Kind::Truth
    } else if format == SECRET_FORMAT {
        Kind::Secret
    } else if format == "keyward-url" {
        Kind::Url
    } else if is(schema, "object") {
        Kind::Tables
    } else {
        Kind::Text
    }
}

fn choices(schema: &Value) -> Vec<String> {
    let named = list(schema, "enum").iter();
    let described = list(schema, "oneOf").iter().filter_map(|choice| choice.get("const"));
    named.chain(described).filter_map(|choice| choice.as_str().map(str::to_owned)).collect()
}
