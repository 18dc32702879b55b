//! `docs/reference/security.md` names the tests that close each class: they must be there, and none may be left out.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The rows of the table: number, and files.
fn rows() -> Vec<(String, Vec<String>)> {
    let text = std::fs::read_to_string(root().join("docs/reference/security.md")).unwrap();
    let rows = text.lines().filter_map(|line| {
        let cells: Vec<_> = line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ").collect();
        let [number, _, _, files] = cells[..] else { return None };
        let files = files.split('`').skip(1).step_by(2).map(str::to_owned).collect();
        (number != "#").then(|| (number.to_owned(), files))
    });
    rows.collect()
}

#[test]
fn every_test_that_is_named_is_there_and_carries_its_number() {
    let rows = rows();
    assert!(rows.len() > 15, "the table is read");
    for (number, files) in rows {
        assert!(!files.is_empty(), "class {number} names no test");
        for file in files {
            let found =
                [root().join("crates").join(&file), root().join(&file)].iter().any(|path| path.is_file());
            assert!(found, "class {number}: {file} is not there");
            let carried = file.rsplit_once("/class_").map(|(_, rest)| &rest[..2]);
            assert!(
                carried.is_none_or(|carried| format!("{number:0>2}") == carried),
                "class {number}: {file}"
            );
        }
    }
}

#[test]
fn every_test_of_a_class_is_named() {
    let named: BTreeSet<String> = rows().into_iter().flat_map(|(_, files)| files).collect();
    let mut found = Vec::new();
    for folder in std::fs::read_dir(root().join("crates")).unwrap() {
        collect(&folder.unwrap().path().join("tests"), &mut found);
    }
    assert!(found.len() > 15, "the tests are found");
    for path in found {
        let file = path.strip_prefix(root().join("crates")).unwrap().display().to_string();
        assert!(named.contains(&file), "{file} is not in docs/reference/security.md");
    }
}

/// Files of tests that carry a class's number.
fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            collect(&path, found);
        } else if name.starts_with("class_") {
            found.push(path);
        }
    }
}
