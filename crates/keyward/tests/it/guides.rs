//! The guides for apps are true: their code is what `scripts/rehearse clients` runs, and both ways to register an app
//! that they show are taken, and come to the same.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::command::{run, text};
use crate::running::Running;

/// Files of the rehearsal that no guide shows: an app for its own sake, and what Debian configures.
const NOT_SHOWN: [&str; 2] = ["oauth4webapi.mjs", "apache/apache.conf"];
/// In these languages a guide shows nothing but what is run.
const RUN: [&str; 4] = ["js", "python", "apache", "html"];
const GUIDES: [&str; 4] = ["apache", "node", "python", "single-page-app"];
/// Its code is compiled by the tests of `keyward-client`, and run as `app-service`.
const OWN_GUIDE: &str = "rust-axum";

pub(crate) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn guide(name: &str) -> String {
    fs::read_to_string(workspace().join(format!("docs/guide/apps/{name}.md"))).unwrap()
}

/// The blocks of a guide, each with its language.
fn blocks(guide: &str) -> Vec<(&str, &str)> {
    let mut rest = guide;
    let mut found = Vec::new();
    while let Some((_, block)) = rest.split_once("\n```") {
        let (language, block) = block.split_once('\n').unwrap();
        let (code, after) = block.split_once("```\n").unwrap();
        found.push((language, code));
        rest = after;
    }
    found
}

/// Every file below a folder.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn the_guides_show_what_is_rehearsed_to_the_letter() {
    let guides = GUIDES.map(guide);
    let shown: Vec<_> = guides.iter().flat_map(|guide| blocks(guide)).collect();
    let shown: Vec<_> = shown.iter().filter(|(language, _)| RUN.contains(language)).collect();
    let apps = workspace().join("rehearsal/clients/apps");
    let mut rehearsed = 0;
    for path in files(&apps) {
        let name = path.strip_prefix(&apps).unwrap().to_str().unwrap();
        if NOT_SHOWN.contains(&name) {
            continue;
        }
        let code = fs::read_to_string(&path).unwrap();
        assert!(shown.iter().any(|(_, block)| *block == code), "no guide shows {name} as it is");
        rehearsed += 1;
    }
    assert_eq!(shown.len(), rehearsed, "a guide shows something that is not rehearsed");
}

#[test]
fn the_guides_name_the_versions_that_are_rehearsed() {
    let guides = GUIDES.map(guide).join("\n");
    // A line may end between the two.
    let guides = guides.split_whitespace().collect::<Vec<_>>().join(" ");
    let pinned = |file: &str| fs::read_to_string(workspace().join("rehearsal/clients").join(file)).unwrap();
    let npm: Value = serde_json::from_str(&pinned("package.json")).unwrap();
    for name in ["openid-client", "@auth/express", "@auth/core", "express-openid-connect", "oidc-client-ts"] {
        let version = npm["dependencies"][name].as_str().unwrap();
        assert!(guides.contains(&format!("{name} {version}")), "{name} {version}");
    }
    let python = pinned("python.txt");
    for name in ["Authlib", "Flask", "mozilla-django-oidc", "Django"] {
        let version = python.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix("==")).unwrap();
        assert!(guides.contains(&format!("{name} {version}")), "{name} {version}");
    }
}

/// `docs/reference/clients.md` is the copy of what the rehearsal printed: of these clients, in these versions, and nothing failed.
#[test]
fn the_page_of_clients_tells_of_what_is_rehearsed() {
    let read = |path: &str| fs::read_to_string(workspace().join(path)).unwrap();
    let page = read("docs/reference/clients.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    let rows: Vec<Vec<&str>> = rows.map(|row| row.split(" | ").collect()).collect();
    let rows: Vec<_> = rows.iter().filter(|row| row.len() == 7).skip(2).collect();
    let apps = read("rehearsal/clients/apps.mjs");
    let rehearsed: Vec<_> =
        apps.split("    client: \"").skip(1).map(|app| app.split_once('"').unwrap()).collect();
    let shown: Vec<_> = rows.iter().map(|row| row[0]).collect();
    assert_eq!(shown, rehearsed.iter().map(|(client, _)| *client).collect::<Vec<_>>());
    let npm: Value = serde_json::from_str(&read("rehearsal/clients/package.json")).unwrap();
    let python = read("rehearsal/clients/python.txt");
    let pinned = |app: &str| {
        let of = |call: &str| app.split_once(call)?.1.split_once('"').map(|(name, _)| name.to_owned());
        if let Some(name) = of("ofNpm(\"") {
            return npm["dependencies"][name].as_str().map(ToOwned::to_owned);
        }
        if let Some(name) = of("ofPython(\"") {
            let same = |line: &&str| line.to_ascii_lowercase().starts_with(&format!("{name}=="));
            return python.lines().find(same).map(|line| line[name.len() + 2..].to_owned());
        }
        // What Debian gives changes under our hands.
        app.contains("ofWorkspace").then(|| env!("CARGO_PKG_VERSION").to_owned())
    };
    let mut held = 0;
    for (row, (client, app)) in rows.iter().zip(&rehearsed) {
        if let Some(version) = pinned(app) {
            assert_eq!(row[1], version, "{client}");
            held += 1;
        }
        let listens = app.contains("hearsOfSignOuts: true");
        assert_eq!(row[2..6], ["yes"; 4], "{client}");
        assert_eq!(row[6], if listens { "yes" } else { "–" }, "{client}");
    }
    assert_eq!(held, rows.len() - 1, "all but the one of Debian");
}

/// The words of a line of the shell, as far as the guides go.
pub(crate) fn words(line: &str) -> Vec<&str> {
    let quoted = line.split('"').enumerate();
    quoted
        .flat_map(|(at, part)| if at % 2 == 1 { vec![part] } else { part.split_whitespace().collect() })
        .collect()
}

#[test]
fn an_app_is_registered_alike_by_the_command_and_in_the_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let guides = GUIDES.into_iter().chain([OWN_GUIDE]).map(guide).collect::<Vec<_>>();
    let declared = |block: &&(&str, &str)| block.0 == "toml" && block.1.starts_with("[[clients]]");
    let mut configuration = String::new();
    let mut commands = Vec::new();
    for guide in &guides {
        let blocks = blocks(guide);
        configuration.extend(blocks.iter().filter(declared).map(|(_, block)| *block));
        let lines = blocks
            .iter()
            .filter(|(language, _)| *language == "sh")
            .map(|(_, block)| block.replace("\\\n", " "));
        commands.extend(lines.filter(|line| line.starts_with("keyward client add ")));
    }
    let ids: Vec<_> = configuration
        .lines()
        .filter_map(|line| line.strip_prefix("client_id = \"")?.strip_suffix('"'))
        .collect();
    let secrets = "file:/etc/keyward/secrets/";
    for id in &ids {
        fs::write(folder.path().join(id), format!("{:0>64}", format!("{id}5ecre7"))).unwrap();
    }
    let here = format!("file:{}/", folder.path().display());
    let file = folder.path().join("keyward.toml");
    fs::write(&file, configuration.replace(secrets, &here)).unwrap();
    let _running = Running::with(&data, &file);

    let ask = |arguments: &[&str]| -> Value {
        let output = run(&[&["client"], arguments, &["--json", "--data", data.to_str().unwrap()]].concat());
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    assert_eq!(commands.len(), ids.len());
    for line in &commands {
        let words = words(line);
        let (id, options) = (words[3], &words[4..]);
        let declared = ask(&["show", id])["client"].clone();
        let other = format!("{id}-by-command");
        ask(&[&["add", &other], options].concat());
        let mut added = ask(&["show", &other])["client"].clone();
        added["client_id"] = id.into();
        assert_eq!(added, declared, "{line}");
    }
}
