//! The floors of the house: which crate may build on which, and who may know a heavy library. What is allowed stands in the
//! tables of `ARCHITECTURE.md`, and there alone.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use cargo_metadata::{DependencyKind, MetadataCommand};

/// Tools of the tests: they ship nothing, so they stand on no floor.
const OUTSIDE: &[&str] = &["e2e", "peers", "rehearsal"];

type Names = BTreeSet<String>;

/// A crate of ours, as its line in the table has it.
struct Floor {
    number: u32,
    builds_on: Names,
}

/// Who may know a heavy library.
struct Wall {
    ships_with: Names,
    tests_of: Names,
}

/// What a crate's manifest names.
#[derive(Default)]
struct Manifest {
    /// What is part of it when it ships.
    ships: Names,
    /// What only its tests or its build need.
    helps: Names,
}

/// The cells of the table whose first column is headed so.
fn table(first: &str) -> Vec<Vec<String>> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ARCHITECTURE.md");
    let text = std::fs::read_to_string(file).unwrap();
    let start = format!("| {first} |");
    let rows: Vec<_> = text
        .lines()
        .skip_while(|line| !line.starts_with(&start))
        .take_while(|line| line.starts_with('|'))
        .skip(2)
        .map(|line| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect())
        .collect();
    assert!(rows.len() > 5, "ARCHITECTURE.md has no table that begins with {start}");
    rows
}

/// The names in a cell: in backquotes, with commas between; a dash for none.
fn names(cell: &str) -> Names {
    if cell == "–" {
        return Names::new();
    }
    cell.split(", ")
        .map(|name| {
            let bare = name.strip_prefix('`').and_then(|name| name.strip_suffix('`'));
            bare.unwrap_or_else(|| panic!("{cell}: name each crate in backquotes, or – for none")).to_owned()
        })
        .collect()
}

fn name(cell: &str) -> String {
    names(cell).pop_first().expect("a name")
}

fn floors() -> BTreeMap<String, Floor> {
    let floor = |row: Vec<String>| {
        (name(&row[1]), Floor { number: row[0].parse().unwrap(), builds_on: names(&row[3]) })
    };
    table("floor").into_iter().map(floor).collect()
}

fn walls() -> BTreeMap<String, Wall> {
    let wall =
        |row: Vec<String>| (name(&row[0]), Wall { ships_with: names(&row[1]), tests_of: names(&row[2]) });
    table("library").into_iter().map(wall).collect()
}

fn manifests() -> BTreeMap<String, Manifest> {
    let metadata = MetadataCommand::new().no_deps().exec().expect("cargo metadata answers");
    let mut manifests = BTreeMap::new();
    for package in metadata.workspace_packages() {
        let manifest: &mut Manifest = manifests.entry(package.name.to_string()).or_default();
        for dependency in &package.dependencies {
            let ships =
                dependency.kind == DependencyKind::Normal && !OUTSIDE.contains(&package.name.as_str());
            let named = if ships { &mut manifest.ships } else { &mut manifest.helps };
            named.insert(dependency.name.clone());
        }
    }
    manifests
}

#[test]
fn every_crate_builds_on_what_its_line_names_and_on_lower_floors_only() {
    let (floors, manifests) = (floors(), manifests());
    let inside: Names = manifests.keys().filter(|name| !OUTSIDE.contains(&name.as_str())).cloned().collect();
    let named: Names = floors.keys().cloned().collect();
    assert_eq!(named, inside, "ARCHITECTURE.md names on the left what is in the workspace on the right");
    for (name, floor) in &floors {
        let ships: Names = manifests[name].ships.intersection(&named).cloned().collect();
        assert_eq!(floor.builds_on, ships, "{name}: ARCHITECTURE.md says the left, its manifest the right");
        for lower in &floor.builds_on {
            assert!(floors[lower].number < floor.number, "{name} builds on {lower}, which is no lower");
        }
        for helper in manifests[name].helps.intersection(&named) {
            assert!(
                floors[helper].number < floor.number,
                "{name} is tested with {helper}, which is no lower"
            );
        }
    }
}

#[test]
fn heavy_libraries_stay_behind_their_walls() {
    let manifests = manifests();
    for (library, wall) in walls() {
        let who = |named: fn(&Manifest) -> &Names| -> Names {
            let who = manifests.iter().filter(|(_, manifest)| named(manifest).contains(&library));
            who.map(|(name, _)| name.clone()).collect()
        };
        let ships = who(|manifest| &manifest.ships);
        assert_eq!(
            wall.ships_with, ships,
            "{library} ships with the left in ARCHITECTURE.md, in truth with the right"
        );
        let helps: Names = who(|manifest| &manifest.helps).difference(&ships).cloned().collect();
        assert_eq!(
            wall.tests_of, helps,
            "{library}: tests of the left in ARCHITECTURE.md, in truth of the right"
        );
    }
}
