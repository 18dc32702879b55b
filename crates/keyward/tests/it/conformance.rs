//! `docs/reference/conformance.md` names a test for each module of the OpenID conformance suite: each has to be there, and
//! each of ours has to be named.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Module, file and function of each row.
fn rows() -> Vec<(String, String, String)> {
    let text = std::fs::read_to_string(root().join("docs/reference/conformance.md")).unwrap();
    let rows = text.lines().filter_map(|line| {
        let cells: Vec<_> = line.strip_prefix("| ")?.split(" | ").collect();
        let named: Vec<_> = cells.get(1)?.split('`').skip(1).step_by(2).collect();
        let [file, function] = named[..] else { return None };
        Some((cells[0].to_owned(), file.to_owned(), function.to_owned()))
    });
    rows.collect()
}

/// The functions of a file, by their names.
fn functions(file: &str) -> BTreeSet<String> {
    let source = std::fs::read_to_string(root().join("crates").join(file)).unwrap_or_default();
    let names = source.split("async fn ").skip(1).map(|rest| rest.split('(').next().unwrap().to_owned());
    names.filter(|name| name.starts_with("oidcc_")).collect()
}

#[test]
fn every_module_has_its_test_of_the_same_name() {
    let rows = rows();
    assert!(rows.len() > 50, "{}", rows.len());
    let mut modules = BTreeSet::new();
    for (module, file, function) in &rows {
        assert!(modules.insert(module), "{module} is there once");
        assert_eq!(&module.replace('-', "_"), function);
        assert!(functions(file).contains(function), "{function} is not in {file}");
    }
}

#[test]
fn every_test_of_a_module_is_named_and_runs() {
    let rows = rows();
    let named: BTreeSet<String> = rows.iter().map(|(_, _, function)| function.clone()).collect();
    let files: BTreeSet<&String> = rows.iter().map(|(_, file, _)| file).collect();
    let there: BTreeSet<String> = files.iter().flat_map(|file| functions(file)).collect();
    assert_eq!(named, there, "the page on the left, the tests on the right");
    // Those of the two plans with the same modules are run by a list of them.
    let basic = files.iter().find(|file| file.ends_with("basic.rs")).unwrap();
    let source = std::fs::read_to_string(root().join("crates").join(basic)).unwrap();
    let list = source.split("modules! {").nth(1).unwrap().split('}').next().unwrap();
    let listed: BTreeSet<String> = list.split(',').map(|name| name.trim().to_owned()).collect();
    for function in functions(basic) {
        assert!(listed.contains(&function), "{function} is run in both modes");
    }
}
