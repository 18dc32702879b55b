//! The guides for apps show the very code that `scripts/rehearse clients` runs, and the versions it runs with.
//!
//! The rehearsal compares them too, and takes too long for every change of a guide.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// Guides with code of apps, and the fences that such code stands in; `sh` and `toml` are what an operator types.
const GUIDES: [&str; 4] = ["apache.md", "node.md", "python.md", "single-page-app.md"];
const CODE: [&str; 4] = ["apache", "html", "js", "python"];

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: impl AsRef<Path>) -> String {
    let path = workspace().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn guide(name: &str) -> String {
    read(Path::new("docs/guide/apps").join(name))
}

/// What stands in the fences of a guide that are code of an app.
fn shown(guide: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut lines = guide.lines();
    while let Some(line) = lines.next() {
        let Some(language) = line.strip_prefix("```") else { continue };
        let block: String =
            lines.by_ref().take_while(|line| *line != "```").flat_map(|line| [line, "\n"]).collect();
        if CODE.contains(&language) {
            blocks.push(block);
        }
    }
    blocks
}

/// The files of the apps that a guide has to show, as the rehearsal's own table names them.
fn files_of(name: &str) -> Vec<String> {
    let table = read("rehearsal/clients/apps.mjs");
    let of_guide = table.split("client: ").filter(|app| app.contains(&format!("guide: \"{name}\"")));
    let lists = of_guide.filter_map(|app| app.split_once("files: [")?.1.split_once(']'));
    let mut files = Vec::new();
    for (list, _) in lists {
        files.extend(list.split(", ").map(|file| file.trim_matches('"').to_owned()));
    }
    files
}

#[test]
fn the_guides_show_the_code_that_is_run() {
    for name in GUIDES {
        let files = files_of(name);
        assert!(!files.is_empty(), "{name} shows what is run");
        let mut run: Vec<_> =
            files.iter().map(|file| read(Path::new("rehearsal/clients/apps").join(file))).collect();
        let mut shown = shown(&guide(name));
        run.sort();
        shown.sort();
        assert_eq!(shown, run, "{name} differs from {files:?}");
    }
}

#[test]
fn the_guides_name_the_versions_that_are_run() {
    let packages: Value = serde_json::from_str(&read("rehearsal/clients/package.json")).unwrap();
    let pinned = read("rehearsal/clients/python.txt");
    let of_npm = |name: &str| packages["dependencies"][name].as_str().map(str::to_owned);
    let of_pypi = |name: &str| {
        pinned.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix("==")).map(str::to_owned)
    };
    for (name, packages) in [
        ("node.md", vec!["openid-client", "express-openid-connect", "@auth/express", "@auth/core"]),
        ("python.md", vec!["Authlib", "Flask", "mozilla-django-oidc", "Django"]),
        ("single-page-app.md", vec!["oidc-client-ts"]),
    ] {
        let text = guide(name).replace('`', "");
        for package in packages {
            let version = of_npm(package).or_else(|| of_pypi(package)).expect("it is installed");
            assert!(text.contains(&format!("{package} {version}")), "{name}: {package} {version}");
        }
    }
}
