//! The floors of the house (`ARCHITECTURE.md`): which crate may build on which, and who may know a heavy library.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, MetadataCommand};

/// Each crate, and those of ours it may build on.
const FLOORS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("oidc", &[]),
    ("secrets", &[]),
    ("outbound", &[]),
    ("store", &["domain"]),
    ("keyward-client", &["oidc", "outbound"]),
    ("app-service", &["keyward-client", "secrets"]),
    ("auth", &["domain", "oidc", "secrets", "outbound", "store"]),
    ("auth-service", &["domain", "oidc", "secrets", "outbound", "store", "auth"]),
    (
        "keyward",
        &[
            "domain",
            "oidc",
            "secrets",
            "outbound",
            "store",
            "auth",
            "auth-service",
            "app-service",
            "keyward-client",
        ],
    ),
];

/// Each heavy library, and who alone may know it.
const WALLS: &[(&str, &[&str])] = &[
    ("sqlx", &["store"]),
    ("argon2", &["auth"]),
    ("lettre", &["outbound"]),
    ("reqwest", &["outbound", "keyward-client", "e2e", "rehearsal"]),
    ("axum", &["keyward-client", "app-service", "auth-service", "keyward", "e2e", "rehearsal"]),
    ("askama", &["app-service", "auth-service"]),
    ("aws-lc-rs", &["oidc", "secrets", "outbound"]),
    ("clap", &["auth-service", "app-service", "keyward", "rehearsal"]),
];

/// Tools of the tests: they ship nothing, so they stand on no floor.
const OUTSIDE: &[&str] = &["e2e", "rehearsal"];

fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let metadata = MetadataCommand::new().no_deps().exec().expect("cargo metadata answers");
    metadata
        .workspace_packages()
        .into_iter()
        .map(|package| {
            let normal =
                package.dependencies.iter().filter(|dependency| dependency.kind == DependencyKind::Normal);
            (package.name.to_string(), normal.map(|dependency| dependency.name.clone()).collect())
        })
        .collect()
}

#[test]
fn no_crate_builds_on_a_floor_above_its_own() {
    let dependencies = dependencies();
    for (name, used) in &dependencies {
        if OUTSIDE.contains(&name.as_str()) {
            continue;
        }
        let (_, allowed) = FLOORS.iter().find(|(floor, _)| floor == name).unwrap_or_else(|| {
            panic!("the crate {name} stands on no floor: say in FLOORS what it may build on")
        });
        let ours = used.iter().filter(|used| FLOORS.iter().any(|(floor, _)| floor == used));
        let wrong: Vec<_> = ours.filter(|used| !allowed.contains(&used.as_str())).collect();
        assert!(wrong.is_empty(), "{name} builds on {wrong:?}, which its floor does not allow");
    }
    for (floor, _) in FLOORS {
        assert!(dependencies.contains_key(*floor), "{floor} is in FLOORS and not in the workspace");
    }
}

#[test]
fn heavy_libraries_stay_behind_their_walls() {
    for (name, used) in dependencies() {
        for (library, allowed) in WALLS {
            assert!(
                !used.contains(*library) || allowed.contains(&name.as_str()),
                "{name} uses {library}, which only {allowed:?} may"
            );
        }
    }
}
