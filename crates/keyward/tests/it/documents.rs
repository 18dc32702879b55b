//! What README and documents name is there: links lead somewhere, commands and their flags exist, so do scripts and files.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::command::{run, text};
use crate::guides::{files, words, workspace};

/// Every document, by its path.
fn documents() -> Vec<(PathBuf, String)> {
    let root = workspace();
    let top = fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path());
    top.chain(files(&root.join("docs")))
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .map(|path| (path.clone(), fs::read_to_string(path).unwrap()))
        .collect()
}

/// The fragments of a document's headings, as forges write them.
fn fragments(document: &str) -> BTreeSet<String> {
    let headings = document.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| {
            let heading = line.trim_start_matches('#').trim().to_lowercase();
            let kept = heading.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
            kept.map(|c| if c == ' ' { '-' } else { c }).collect()
        })
        .collect()
}

#[test]
fn every_link_of_a_document_leads_somewhere() {
    let mut links = 0;
    for (path, document) in documents() {
        for rest in document.split("](").skip(1) {
            let link = rest.split(')').next().unwrap();
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let (file, fragment) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { path.clone() } else { path.parent().unwrap().join(file) };
            assert!(target.exists(), "{}: {link} leads nowhere", path.display());
            if !fragment.is_empty() {
                let there = fragments(&fs::read_to_string(&target).unwrap());
                assert!(there.contains(fragment), "{}: {link}: there are {there:?}", path.display());
            }
            links += 1;
        }
    }
    assert!(links > 50, "links were found: {links}");
}

/// The lines of the shell and the words in a sentence that call the command.
fn calls(document: &str) -> Vec<String> {
    let document = document.replace("\\\n", " ");
    let lines = document.lines().filter(|line| line.starts_with("keyward "));
    let spans = document.lines().flat_map(|line| line.split('`').skip(1).step_by(2));
    let spans = spans.filter(|span| span.starts_with("keyward "));
    lines.chain(spans).filter(|call| !call.contains(" = ")).map(str::to_owned).collect()
}

#[test]
fn every_command_of_a_document_and_its_flags_are_there() {
    let mut seen = BTreeSet::new();
    for (path, document) in documents() {
        for call in calls(&document) {
            let call = call.split(" #").next().unwrap().to_owned();
            let words = words(&call);
            let (verbs, options): (Vec<_>, Vec<_>) = {
                // What stands for something is written in capitals.
                let is_verb = |word: &&str| word.starts_with(|first: char| first.is_ascii_lowercase());
                let end = words.iter().take_while(|word| is_verb(word)).count();
                (words[1..end].to_vec(), words[end..].to_vec())
            };
            // `audit list|verify` names two.
            let last = verbs.last().copied().unwrap_or_default();
            for last in last.split('|') {
                let before = &verbs[..verbs.len().saturating_sub(1)];
                let asked: Vec<_> = before.iter().copied().chain([last, "--help"]).collect();
                let asked: Vec<_> = asked.into_iter().filter(|word| !word.is_empty()).collect();
                let help = run(&asked);
                let said = text(&help.stdout);
                assert_eq!(help.status.code(), Some(0), "{}: {call}: {}", path.display(), text(&help.stderr));
                for flag in options.iter().filter(|option| option.starts_with("--")) {
                    let flag = flag.split('=').next().unwrap();
                    let is_there = said.split([' ', ',', '\n', '[', '=']).any(|word| word == flag);
                    assert!(is_there, "{}: {call}: no {flag} in {said}", path.display());
                }
                seen.insert(asked.join(" "));
            }
        }
    }
    assert!(seen.len() > 15, "commands were found: {seen:?}");
}

#[test]
fn every_script_that_a_document_names_is_there() {
    for (path, document) in documents() {
        for span in document.split('`').skip(1).step_by(2) {
            let script = span.split_whitespace().next().unwrap_or_default().trim_start_matches("./");
            if ["scripts/", "benches/", "rehearsal/", "deploy/", "crates/", "e2e/", "docs/"]
                .iter()
                .any(|folder| script.starts_with(folder))
                && !script.contains(['*', '{', '<', '…'])
            {
                assert!(exists(&workspace(), script), "{}: {script} is not there", path.display());
            }
        }
    }
}

/// A file or folder; a line of it may be named.
fn exists(root: &Path, name: &str) -> bool {
    root.join(name.split([':', '#']).next().unwrap()).exists()
}
