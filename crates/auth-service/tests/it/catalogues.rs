//! The catalogues: complete, alike, and nothing in them that nobody says.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use auth_service::locale::Locale;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Each key of a catalogue with the variables that its text takes.
fn catalogue(locale: Locale) -> BTreeMap<String, BTreeSet<String>> {
    let mut keys = BTreeMap::new();
    for file in files(&root().join("locales").join(locale.tag())) {
        let text = fs::read_to_string(&file).unwrap();
        let (_, errors) = fluent_bundle::FluentResource::try_new(text.clone())
            .map_or_else(|(it, errors)| (it, errors), |it| (it, vec![]));
        assert!(errors.is_empty(), "{}: {errors:?}", file.display());
        let mut current = String::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            if line.starts_with(|first: char| first.is_ascii_lowercase()) {
                line.split(' ').next().unwrap().clone_into(&mut current);
                assert!(keys.insert(current.clone(), BTreeSet::new()).is_none(), "{current} stands twice");
            }
            for variable in line.split('$').skip(1) {
                let name =
                    variable.split(|end: char| !end.is_ascii_lowercase() && end != '_').next().unwrap();
                keys.get_mut(&current).unwrap().insert(name.to_owned());
            }
        }
    }
    keys
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

/// All that may name a key: templates and code, but not the tests beside the code.
fn sources() -> String {
    let folders = [root().join("src"), root().join("templates")];
    let files = folders.iter().flat_map(|folder| files(folder)).filter(|file| !file.ends_with("tests.rs"));
    let texts: String = files.map(|file| fs::read_to_string(file).unwrap()).collect();
    // A long call may have its key on the next line.
    texts
        .replace("(\n", "(")
        .split(' ')
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
        .replace("( ", "(")
}

#[test]
fn every_language_has_the_same_keys_and_variables() {
    let english = catalogue(Locale::English);
    assert!(english.len() > 150, "{} keys", english.len());
    for locale in Locale::ALL {
        let other = catalogue(locale);
        for (key, variables) in &english {
            assert_eq!(other.get(key), Some(variables), "{key} in {}", locale.tag());
        }
        let more: Vec<_> = other.keys().filter(|key| !english.contains_key(*key)).collect();
        assert!(more.is_empty(), "only in {}: {more:?}", locale.tag());
    }
}

#[test]
fn every_key_is_used() {
    let sources = sources();
    let unused: Vec<_> = catalogue(Locale::English)
        .into_keys()
        .filter(|key| !sources.contains(&format!("\"{key}\"")))
        .collect();
    assert!(unused.is_empty(), "{unused:?}");
}

#[test]
fn every_key_that_is_asked_for_exists() {
    let known = catalogue(Locale::English);
    let sources = sources();
    for call in [".t(\"", ".text(\"", ".format(\"", ".isolate(\"", ".begin(\""] {
        for found in sources.split(call).skip(1) {
            let key = found.split('"').next().unwrap();
            assert!(known.contains_key(key), "{call}{key}");
        }
    }
}

#[test]
fn every_text_can_be_said() {
    for locale in Locale::ALL {
        for (key, variables) in catalogue(locale) {
            for value in [0_u32, 1, 2, 5, 12] {
                // The names of variables are static where code uses them; here they come from the catalogue.
                let arguments: Vec<(&'static str, _)> =
                    variables.iter().map(|name| (&*name.clone().leak(), value.into())).collect();
                let text = locale.texts().format(&key, &arguments);
                assert!(!text.contains('⟦') && !text.is_empty(), "{key}: {text}");
            }
        }
    }
}
