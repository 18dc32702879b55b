//! The texts as they are going to be. Comments, order and everything else stay; that nothing but the moved settings differs is looked
//! at, not believed.

use std::collections::BTreeMap;
use std::path::Path;

use auth_service::config;
use secrets::{ExposeSecret as _, SecretRef, SecretString};
use toml::{Table, Value};

use super::env_file::EnvFile;
use super::plan::{Change, Move, Source};
use crate::Failure;
use crate::secrets::are_alike;

/// What takes the place of the texts that were read; none where one stays as it is.
#[derive(Debug)]
pub(super) struct Edited {
    pub(super) config: Option<SecretString>,
    pub(super) env: Option<SecretString>,
}

/// Makes both, and refuses what a start would not take.
pub(super) fn edit(
    moves: &[Move],
    path: &Path,
    before: &SecretString,
    env: Option<&EnvFile>,
) -> Result<Edited, Failure> {
    let after = with_references(before.expose_secret(), moves);
    is_the_same_besides(before.expose_secret(), after.expose_secret(), moves)?;
    let names: Vec<&str> = moves
        .iter()
        .flat_map(|one| &one.from)
        .filter_map(|source| match source {
            Source::Variable(name, _) => Some(name.as_str()),
            _ => None,
        })
        .collect();
    let problems = |text: &SecretString, without: &[&str]| {
        let variables = env.map(|env| env.variables_without(without)).unwrap_or_default();
        let read = config::Sources::of_text(path, text.expose_secret()).with_environment(&variables).read();
        read.problems().to_vec()
    };
    let known = problems(before, &[]);
    let is_new = |problem: &config::Problem| {
        !known.iter().any(|one| one.setting == problem.setting && one.message == problem.message)
    };
    let new: Vec<String> =
        problems(&after, &names).into_iter().filter(is_new).map(|problem| problem.to_string()).collect();
    if !new.is_empty() {
        return Err(format!(
            "with references in the place of values the configuration could not be used yet, so nothing was moved:\n  - {}",
            new.join("\n  - ")
        )
        .into());
    }
    let is_changed = !are_alike(&after, before);
    let env = env.filter(|_| !names.is_empty()).map(|env| env.without(&names));
    Ok(Edited { config: is_changed.then_some(after), env })
}

fn with_references(before: &str, moves: &[Move]) -> SecretString {
    let mut replaced: Vec<_> = moves
        .iter()
        .filter_map(|one| match &one.change {
            Change::Replace(span) => Some((span.clone(), &one.reference)),
            _ => None,
        })
        .collect();
    replaced.sort_by_key(|(span, _)| span.start);
    // Sized up front, so that no shorter copy of what is secret in it is left behind by growing.
    let mut text = String::with_capacity(before.len() + 512 * (moves.len() + 1));
    let mut at = 0;
    for (span, reference) in replaced {
        text.push_str(&before[at..span.start]);
        text.push_str(&quoted(reference));
        at = span.end;
    }
    text.push_str(&before[at..]);
    for one in moves.iter().filter(|one| one.change == Change::Insert) {
        insert(&mut text, &one.setting, &one.reference);
    }
    text.into()
}

fn quoted(reference: &SecretRef) -> String {
    Value::String(reference.to_string()).to_string()
}

/// A line below the heading of its section, or a section at the end.
fn insert(text: &mut String, setting: &str, reference: &SecretRef) {
    let (section, key) = setting.rsplit_once('.').unwrap_or(("", setting));
    let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let line = format!("{key} = {}{end}", quoted(reference));
    if !text.is_empty() && !text.ends_with('\n') {
        text.push_str(end);
    }
    match below_heading(text, section) {
        Some(at) => text.insert_str(at, &line),
        None => text.extend([end, "[", section, "]", end, line.as_str()]),
    }
}

/// Where the line below the heading of a section begins.
fn below_heading(text: &str, section: &str) -> Option<usize> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        at += line.len();
        let heading = line.split('#').next().unwrap_or_default().trim();
        let inner = heading.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        if inner.is_some_and(|inner| inner.trim() == section) {
            return Some(at);
        }
    }
    None
}

/// Every setting by its path, and its value.
fn flat(name: &str, value: &Value, into: &mut BTreeMap<String, Value>) {
    match value {
        Value::Table(table) => {
            for (key, value) in table {
                flat(&format!("{name}.{key}"), value, into);
            }
        }
        Value::Array(values) => {
            for (index, value) in values.iter().enumerate() {
                flat(&format!("{name}[{index}]"), value, into);
            }
        }
        value => {
            into.insert(name.to_owned(), value.clone());
        }
    }
}

/// As many settings differ as are moved, each is a reference now, and no other does.
fn is_the_same_besides(before: &str, after: &str, moves: &[Move]) -> Result<(), Failure> {
    let read = |text: &str| -> Result<_, Failure> {
        // The message alone: what stands there may be a secret.
        let table: Table = toml::from_str(text).map_err(|error| error.message().to_owned())?;
        let mut all = BTreeMap::new();
        flat("", &Value::Table(table), &mut all);
        Ok(all)
    };
    let by_hand = |why: &str| {
        let lines: Vec<String> = moves
            .iter()
            .filter(|one| one.change == Change::Insert)
            .map(|one| format!("{} = {}", one.setting, quoted(&one.reference)))
            .collect();
        format!(
            "the configuration cannot be changed by this command as it is written ({why}), so nothing was moved: write these by hand, \
             and run it again:\n  {}",
            lines.join("\n  ")
        )
    };
    let before = read(before)?;
    let after = read(after).map_err(|error| by_hand(&error.to_string()))?;
    let is_expected = |value: &Value| {
        moves.iter().any(|one| {
            one.change != Change::Nothing && value.as_str() == Some(one.reference.to_string().as_str())
        })
    };
    let expected = moves.iter().filter(|one| one.change != Change::Nothing).count();
    let changed: Vec<&Value> = after
        .iter()
        .filter(|(name, value)| before.get(*name) != Some(*value))
        .map(|(_, value)| value)
        .collect();
    let is_whole = before.keys().all(|name| after.contains_key(name));
    if is_whole && changed.len() == expected && changed.into_iter().all(is_expected) {
        Ok(())
    } else {
        Err(by_hand("another setting would change with it").into())
    }
}

#[cfg(test)]
mod tests {
    use auth_service::config::{Holds, Places};

    use super::*;

    fn moved(setting: &str, key: &str, change: Change) -> Move {
        Move {
            setting: setting.to_owned(),
            value: "hunter2".into(),
            reference: format!("vault:kv/a#{key}").parse().unwrap(),
            key: key.to_owned(),
            from: Vec::new(),
            change,
        }
    }

    fn edited(text: &str, inserts: &[(&str, &str)]) -> Result<String, String> {
        let places = Places::of_text(Path::new("a.toml"), text).unwrap().0;
        let values = places.iter().filter(|place| matches!(place.holds, Holds::Value(_)));
        let mut moves: Vec<Move> =
            values.map(|place| moved(&place.setting, "x", Change::Replace(place.span.clone()))).collect();
        moves.extend(inserts.iter().map(|(setting, key)| moved(setting, key, Change::Insert)));
        let after = with_references(text, &moves);
        is_the_same_besides(text, after.expose_secret(), &moves).map_err(|error| error.to_string())?;
        Ok(after.expose_secret().to_owned())
    }

    #[test]
    fn references_take_the_place_of_values_and_all_else_stays() {
        let text = "# audit = \"hunter2\"\n[keys]\naudit  =  'hunter2'  # the chain's\nencryption = \"file:/e\"\nolder_encryption = [ \"hunter2\", 'file:/o' ]\n\n[[clients]]\nclient_id = \"a\"\nsecret = \"\"\"\nhunter2\"\"\"\n";
        let expected = text
            .replace("'hunter2'  #", "\"vault:kv/a#x\"  #")
            .replace("[ \"hunter2\"", "[ \"vault:kv/a#x\"")
            .replace("\"\"\"\nhunter2\"\"\"", "\"vault:kv/a#x\"");
        assert_eq!(edited(text, &[]).unwrap(), expected);
    }

    #[test]
    fn a_line_is_put_below_the_heading_of_its_section_or_a_section_at_the_end() {
        let into = |text: &str| edited(text, &[("redis.password", "p")]);
        let line = "password = \"vault:kv/a#p\"\n";
        assert_eq!(
            into("[redis] # meets\nhost = \"a\"\n[log]\n").unwrap(),
            format!("[redis] # meets\n{line}host = \"a\"\n[log]\n")
        );
        assert_eq!(
            into("[log]\nlevel = \"info\"").unwrap(),
            format!("[log]\nlevel = \"info\"\n\n[redis]\n{line}")
        );
        assert_eq!(into("[ redis ]").unwrap(), format!("[ redis ]\n{line}"));
        assert_eq!(
            into("[redis]\r\nport = 1\r\n").unwrap(),
            "[redis]\r\npassword = \"vault:kv/a#p\"\r\nport = 1\r\n"
        );
        // What could go wrong is told with the line to write.
        for text in
            ["redis = { host = \"a\" }\n", "redis.host = \"a\"\n", "[log]\na = \"\"\"\n[redis]\n\"\"\"\n"]
        {
            let error = into(text).unwrap_err();
            assert!(error.contains("redis.password = \"vault:kv/a#p\""), "{text}: {error}");
        }
    }
}
