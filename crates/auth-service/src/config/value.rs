//! Whether a value is of the kind that its setting wants, and what a text from outside the file means.

use secrets::SecretRef;
use toml::Value;

use super::data::ConnectionUrl;
use super::settings::{Kind, Setting};

/// The value, if it is of the setting's kind; what is wrong, without the value: it may be a secret that somebody pasted.
pub(super) fn of_kind(value: Value, setting: &Setting) -> Result<Value, String> {
    let is_texts = |value: &Value| value.as_array().is_some_and(|all| all.iter().all(Value::is_str));
    let fits = match setting.kind {
        Kind::Text | Kind::Secret | Kind::Url => value.is_str(),
        Kind::Whole => value.is_integer(),
        Kind::Truth => value.is_bool(),
        Kind::Texts | Kind::Secrets => is_texts(&value),
        Kind::Tables => value.as_array().is_some_and(|all| all.iter().all(Value::is_table)),
    };
    if !fits {
        let wanted = setting.kind.describe();
        let hint = match setting.kind {
            Kind::Tables => ": write [[clients]] above each".to_owned(),
            _ => example(setting).map_or_else(String::new, |example| format!(", such as {example}")),
        };
        return Err(format!("is of the wrong kind ({}): it must be a {wanted}{hint}", value.type_str()));
    }
    let texts =
        || value.as_str().into_iter().chain(value.as_array().into_iter().flatten().filter_map(Value::as_str));
    match setting.kind {
        Kind::Secret | Kind::Secrets => {
            for text in texts() {
                text.parse::<SecretRef>().map_err(|error| format!("cannot be used: {error}"))?;
            }
        }
        Kind::Url => {
            for text in texts() {
                ConnectionUrl::parse(text)?;
            }
        }
        Kind::Text if !setting.choices.is_empty() => {
            let text = value.as_str().unwrap_or_default();
            if !setting.choices.iter().any(|choice| choice == text) {
                return Err(format!("is {text:?}: it must be one of {}", setting.choices.join(", ")));
            }
        }
        _ => {}
    }
    Ok(value)
}

/// What a text from the environment or the command line means for this setting.
pub(super) fn of_text(text: &str, setting: &Setting) -> Result<Value, String> {
    let value = match setting.kind {
        Kind::Text | Kind::Secret | Kind::Url => Value::String(text.to_owned()),
        Kind::Whole => {
            let digits = text.trim().trim_start_matches(['-', '+']);
            if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
                return Err(format!("is {text:?}: it must be a whole number"));
            }
            Value::Integer(number(text.trim(), 10))
        }
        Kind::Truth => match text.trim() {
            "true" => Value::Boolean(true),
            "false" => Value::Boolean(false),
            _ => return Err(format!("is {text:?}: it must be true or false")),
        },
        Kind::Texts | Kind::Secrets if !text.trim_start().starts_with('[') => {
            let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
            Value::Array(parts.map(Value::from).collect())
        }
        Kind::Texts | Kind::Secrets | Kind::Tables => text
            .parse::<Value>()
            .map_err(|error| format!("is no list as TOML writes one: {}", error.message()))?,
    };
    of_kind(value, setting)
}

/// A whole number, of which it is known that it is one: or the largest or least there is, where it is beyond those.
pub(super) fn number(digits: &str, radix: u32) -> i64 {
    let beyond = if digits.starts_with('-') { i64::MIN } else { i64::MAX };
    i64::from_str_radix(digits, radix).unwrap_or(beyond)
}

/// Its example, or its default, as the file writes it.
pub(super) fn example(setting: &Setting) -> Option<String> {
    setting.example.as_ref().or(setting.default.as_ref()).map(written)
}

/// A value of the schema as the file writes it: TOML and JSON write texts, numbers, truths and lists of them alike.
pub(super) fn written(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Array(all) => {
            format!("[{}]", all.iter().map(written).collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}
