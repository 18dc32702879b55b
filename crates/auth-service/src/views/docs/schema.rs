//! JSON Schema, as far as a table of fields needs it.

use serde_json::Value;

use super::{entries, list, text};

/// How deep references and nested objects are followed; a schema may contain itself.
const DEPTH: usize = 4;

/// One field of a table.
pub(super) struct Row {
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) required: bool,
    pub(super) meaning: String,
}

/// What a `$ref` into the same document points to; anything else is itself.
pub(super) fn resolve<'a>(document: &'a Value, found: &'a Value) -> &'a Value {
    let mut found = found;
    for _ in 0..DEPTH {
        let target = found["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
        match target.and_then(|pointer| document.pointer(pointer)) {
            Some(target) => found = target,
            None => break,
        }
    }
    found
}

/// The fields of an object, those of its objects below it as `outer.inner`.
pub(super) fn fields(document: &Value, schema: &Value) -> Vec<Row> {
    let mut rows = Vec::new();
    collect(document, schema, "", DEPTH, &mut rows);
    rows
}

fn collect(document: &Value, schema: &Value, prefix: &str, depth: usize, rows: &mut Vec<Row>) {
    let Some(depth) = depth.checked_sub(1) else { return };
    let schema = resolve(document, schema);
    for part in list(&schema["allOf"]) {
        collect(document, part, prefix, depth, rows);
    }
    if !schema["items"].is_null() {
        collect(document, &schema["items"], &format!("{prefix}[]."), depth, rows);
    }
    for (name, field) in entries(&schema["properties"]) {
        let target = resolve(document, field);
        let described = if field["description"].is_string() { field } else { target };
        rows.push(Row {
            name: format!("{prefix}{name}"),
            kind: kind(document, field),
            required: list(&schema["required"]).any(|required| required == name.as_str()),
            meaning: text(&described["description"]),
        });
        let inner = if target["items"].is_null() { target } else { &target["items"] };
        let mark = if target["items"].is_null() { "." } else { "[]." };
        collect(document, inner, &format!("{prefix}{name}{mark}"), depth, rows);
    }
}

/// The type in a few words: `string (email)`, `array of string`, `one of "old", "new"`.
pub(super) fn kind(document: &Value, schema: &Value) -> String {
    bounded_kind(document, schema, DEPTH)
}

fn bounded_kind(document: &Value, schema: &Value, depth: usize) -> String {
    let schema = resolve(document, schema);
    let Some(depth) = depth.checked_sub(1) else { return String::new() };
    if let Some(values) = schema["enum"].as_array() {
        return format!("one of {}", joined(values.iter().map(Value::to_string), ", "));
    }
    for choice in ["oneOf", "anyOf"] {
        if let Some(choices) = schema[choice].as_array() {
            return joined(choices.iter().map(|choice| bounded_kind(document, choice, depth)), " or ");
        }
    }
    if !schema["items"].is_null() {
        return format!("array of {}", bounded_kind(document, &schema["items"], depth));
    }
    let name = match &schema["type"] {
        Value::String(name) => name.clone(),
        Value::Array(names) => joined(names.iter().map(text), " or "),
        _ if schema["properties"].is_object() || schema["allOf"].is_array() => "object".to_owned(),
        _ => "any".to_owned(),
    };
    schema["format"].as_str().map_or_else(|| name.clone(), |format| format!("{name} ({format})"))
}

fn joined(parts: impl Iterator<Item = String>, between: &str) -> String {
    parts.collect::<Vec<_>>().join(between)
}
