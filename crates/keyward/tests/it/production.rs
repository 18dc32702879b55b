//! `docs/path-to-production.md`: its eight lines are all there, the tests that it names are tests, and each can be seen.

use std::fs;

use crate::guides::workspace;

/// As the roadmap has them.
const LINES: [&str; 8] = [
    "Redis connection",
    "Deployment credentials",
    "Web security headers",
    "Zero-downtime deployments",
    "Service health checks",
    "Database readiness",
    "Configurable hashing",
    "Externalised secrets",
];

fn page() -> String {
    fs::read_to_string(workspace().join("docs/path-to-production.md")).unwrap()
}

/// The cells of the table: what, where it is solved, what holds it.
fn rows(page: &str) -> Vec<[&str; 3]> {
    let rows = page.lines().filter_map(|line| {
        let cells: Vec<_> = line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ").collect();
        <[&str; 3]>::try_from(cells).ok()
    });
    rows.filter(|row| row[0] != "what").collect()
}

/// Whether a file has a test of this name: one that is run, not a helper.
fn is_test(source: &str, name: &str) -> bool {
    let lines: Vec<_> = source.lines().collect();
    let declared = |line: &str| {
        let line = line.strip_prefix("async ").unwrap_or(line);
        line.strip_prefix("fn ").and_then(|rest| rest.split_once('(')).is_some_and(|(found, _)| found == name)
    };
    let Some(at) = lines.iter().position(|line| declared(line)) else { return false };
    let mut attributes = lines[..at].iter().rev().take_while(|line| line.starts_with("#["));
    attributes.any(|line| line.starts_with("#[test]") || line.starts_with("#[tokio::test"))
}

#[test]
fn each_line_of_the_roadmap_is_there_and_each_test_that_holds_it_is_a_test() {
    let page = page();
    let rows = rows(&page);
    let named: Vec<_> = rows.iter().map(|row| row[0]).collect();
    assert_eq!(named, LINES);
    for [line, solved, held] in rows {
        assert!(solved.contains("]("), "{line}: where it is solved is not said");
        let mut tests = 0;
        for part in held.split("; ") {
            let mut spans = part.split('`').skip(1).step_by(2);
            let file = spans.next().unwrap_or_else(|| panic!("{line}: {part:?} names no file"));
            let source = fs::read_to_string(workspace().join(file))
                .unwrap_or_else(|error| panic!("{line}: {file}: {error}"));
            for name in spans {
                assert!(is_test(&source, name), "{line}: {file} has no test {name}");
                tests += 1;
            }
        }
        assert!(tests > 1, "{line} is held by {tests} tests");
    }
}

/// That the commands and their flags are there is held for all documents (`documents`).
#[test]
fn each_line_can_be_seen_by_a_command_of_ours_or_of_the_stack() {
    let page = page();
    let compose = fs::read_to_string(workspace().join("compose.yml")).unwrap();
    for line in LINES {
        let (_, section) =
            page.split_once(&format!("\n### {line}\n")).unwrap_or_else(|| panic!("{line}: no section"));
        let section = section.split("\n### ").next().unwrap();
        let (_, block) = section.split_once("```sh\n").unwrap_or_else(|| panic!("{line}: no command"));
        let (block, _) = block.split_once("```").unwrap();
        let commands: Vec<_> = block.lines().filter(|command| !command.is_empty()).collect();
        assert!(!commands.is_empty(), "{line}");
        for command in commands {
            for service in ["auth-service-blue-1", "redis", "db"] {
                let is_named =
                    command.split_whitespace().any(|word| word.trim_end_matches([')', '"']) == service);
                assert!(
                    !is_named || compose.contains(&format!("\n  {service}:\n")),
                    "{line}: compose.yml has no {service}"
                );
            }
            if let Some(script) = command.split_whitespace().find(|word| word.starts_with("scripts/")) {
                assert!(workspace().join(script).is_file(), "{line}: {script} is not there");
            }
        }
    }
}
