//! What `keyward dev` says itself, over the file that it was given.

use std::path::Path;

use toml::{Table, Value};

use super::file;
use super::problem::{Origin, Problem};
use super::sources::Merging;

/// Sections that are development's own: it listens, keeps and mails as it does, whatever a file says.
const OWN: [&str; 10] =
    ["server", "database", "redis", "internal", "admin", "startup", "keys", "mail", "apps", "egress"];

/// Puts development's own settings over what was said, and refuses what was said in their place.
pub(super) fn put_over(merging: &mut Merging<'_>, own: &Table) {
    let is_own = |name: &str| OWN.into_iter().find(|own| name.split('.').next() == Some(own));
    let mut told = Vec::new();
    for (name, (_, origin)) in &merging.said {
        if let Some(section) = is_own(name).filter(|section| !told.contains(section)) {
            told.push(section);
            let message = "is dev's own and cannot be set: remove it from the file";
            merging.problems.push(Problem::new(format!("[{section}]"), Some(origin.clone()), message));
        }
    }
    merging.said.retain(|name, _| is_own(name).is_none());
    let (said, problems) = file::read(Path::new("keyward dev"), &own.to_string(), merging.settings);
    merging.problems.extend(problems);
    for (name, value, _) in said {
        let value = match (value, merging.said.get(&name)) {
            (Value::Array(own), Some((Value::Array(theirs), _))) => {
                Value::Array(theirs.iter().cloned().chain(own).collect())
            }
            (value, _) => value,
        };
        merging.said.insert(name, (value, Origin::Default));
    }
}
