//! The layer of the environment: the short names that every platform sets, and `KEYWARD__SECTION__KEY` for all the rest.

use secrets::SecretRef;
use toml::Value;

use super::data::ConnectionUrl;
use super::file::Said;
use super::problem::{Origin, Problem};
use super::settings::{Kind, Setting, Settings};
use super::suggest::nearest;
use super::value;

/// What every other variable of ours begins with: two underscores, since a key may have one.
pub(super) const PREFIX: &str = "KEYWARD__";

/// Names that other programs know too.
pub(super) const SHORT: [(&str, &str); 5] = [
    ("DATABASE_URL", "database.url"),
    ("REDIS_URL", "redis.url"),
    ("REDIS_HOST_NAME", "redis.host"),
    ("REDIS_PORT", "redis.port"),
    ("REDIS_PASSWORD", "redis.password"),
];

/// `KEYWARD__SERVER__PUBLIC_URL`.
pub(super) fn variable(setting: &str) -> String {
    format!("{PREFIX}{}", setting.replace('.', "__").to_ascii_uppercase())
}

/// The name to tell people: the short one, if there is one.
pub(super) fn usual_variable(setting: &str) -> String {
    let short = SHORT.iter().find(|(_, name)| *name == setting);
    short.map_or_else(|| variable(setting), |(short, _)| (*short).to_owned())
}

/// Reads variables. One that is empty is as if it were not set: compose files set what nobody has decided to nothing.
pub(super) fn read(variables: &[(String, String)], settings: &Settings) -> (Vec<Said>, Vec<Problem>) {
    let (mut said, mut problems): (Vec<Said>, Vec<Problem>) = (Vec::new(), Vec::new());
    for (name, text) in variables.iter().filter(|(_, text)| !text.is_empty()) {
        let origin = Origin::Environment { name: name.clone() };
        let setting = match SHORT.iter().find(|(short, _)| short == name) {
            Some((_, setting)) => settings.find(setting),
            None if name.starts_with(PREFIX) => {
                let found = settings.all.iter().find(|setting| variable(&setting.name) == *name);
                if found.is_none() {
                    problems.push(Problem::new("", Some(origin.clone()), unknown(name, settings)));
                }
                found
            }
            None => None,
        };
        let Some(setting) = setting else { continue };
        if let Some((_, _, other)) = said.iter().find(|(name, _, _)| *name == setting.name) {
            let message = format!("is set by {other} too: unset one of the two");
            problems.push(Problem::new(&setting.name, Some(origin), message));
            continue;
        }
        match of_text(name, text, setting) {
            Ok(value) => said.push((setting.name.clone(), value, origin)),
            Err(message) => problems.push(Problem::new(&setting.name, Some(origin), message)),
        }
    }
    (said, problems)
}

/// A secret itself may stand in two kinds of variable, since that is how platforms hand them out: it stays there, and the
/// setting becomes a reference to it.
fn of_text(name: &str, text: &str, setting: &Setting) -> Result<Value, String> {
    let kept = || Ok(Value::String(format!("env:{name}")));
    match setting.kind {
        Kind::Secret if name == "REDIS_PASSWORD" && text.parse::<SecretRef>().is_err() => kept(),
        Kind::Url if ConnectionUrl::holds_password(text) => kept(),
        _ => value::of_text(text, setting),
    }
}

fn unknown(name: &str, settings: &Settings) -> String {
    let known: Vec<String> = settings.all.iter().map(|setting| variable(&setting.name)).collect();
    match nearest(name, known.iter().map(String::as_str)) {
        Some(guess) => format!("it names no setting: did you mean {guess}?"),
        None => "it names no setting: docs/reference/configuration.md has them all".to_owned(),
    }
}
