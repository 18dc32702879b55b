//! What the workflows call is there, and is what the documents say. How they are written is for zizmor and actionlint to say
//! (`./scripts/test`).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::guides::{files, workspace};

fn workflows() -> Vec<(String, String)> {
    let found = files(&workspace().join(".github/workflows"));
    let read = found.iter().map(|path| {
        (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read_to_string(path).unwrap())
    });
    read.collect()
}

/// The scripts that a text calls.
fn called(text: &str) -> BTreeSet<String> {
    let words = text.split(|letter: char| letter.is_whitespace() || "\"'()`;".contains(letter));
    let scripts = words.map(|word| word.trim_start_matches("./")).filter(|word| word.starts_with("scripts/"));
    scripts.map(str::to_owned).collect()
}

#[test]
fn each_script_that_a_workflow_calls_is_there_and_each_of_the_pipeline_is_called() {
    let mut all: BTreeSet<String> = BTreeSet::new();
    for (name, workflow) in workflows() {
        for script in called(&workflow) {
            let path = workspace().join(&script);
            let mode = fs::metadata(&path)
                .unwrap_or_else(|error| panic!("{name}: {script}: {error}"))
                .permissions()
                .mode();
            assert!(mode & 0o111 != 0, "{name}: {script} is no program");
            all.insert(script);
        }
    }
    for path in files(&workspace().join("scripts/pipeline")) {
        // What others of them import is no step.
        if path.extension().is_none() {
            let name = format!("scripts/pipeline/{}", path.file_name().unwrap().to_string_lossy());
            assert!(all.contains(&name), "{name} is called by no workflow");
        }
    }
}

/// An action is one commit, and that commit is one that was looked up: the table of `docs/guide/releasing.md` has no other.
#[test]
fn every_action_is_a_commit_that_the_guide_tells_of() {
    let guide = fs::read_to_string(workspace().join("docs/guide/releasing.md")).unwrap();
    let row = |line: &str| {
        let cells: Vec<_> = line.strip_prefix("| `actions/")?.strip_suffix(" |")?.split(" | ").collect();
        let [name, version, commit] = cells[..] else { return None };
        let name = format!("actions/{}", name.trim_end_matches('`'));
        Some((name, (version.to_owned(), commit.trim_matches('`').to_owned())))
    };
    let told: BTreeMap<String, (String, String)> = guide.lines().filter_map(row).collect();
    let mut used = BTreeSet::new();
    for (file, workflow) in workflows() {
        assert!(workflow.contains("\npermissions: {}\n"), "{file} gives its jobs more than they ask for");
        for line in workflow.lines() {
            let Some(action) = line.trim_start_matches([' ', '-']).strip_prefix("uses: ") else { continue };
            if action.starts_with("./") {
                continue;
            }
            let (name, rest) = action.split_once('@').unwrap();
            let (commit, version) =
                rest.split_once(" # ").unwrap_or_else(|| panic!("{file}: {action}: of which version?"));
            let known = told.get(name).unwrap_or_else(|| panic!("{file}: the guide does not tell of {name}"));
            assert_eq!((version, commit), (known.0.as_str(), known.1.as_str()), "{file}: {name}");
            assert!(commit.len() == 40 && commit.chars().all(|digit| digit.is_ascii_hexdigit()), "{action}");
            used.insert(name.to_owned());
        }
    }
    assert_eq!(
        used,
        told.into_keys().collect::<BTreeSet<_>>(),
        "the guide tells of those that are used, and of no other"
    );
}
