//! What a release is made of besides: its version, its notes, its archives, their checksums.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use super::{done, refused, script};
use crate::command::text;
use crate::guides::workspace;

const CHANGELOG: &str = "# Changelog\n\nWhat you need to do comes first.\n\n## Unreleased\n\n- Not out.\n\n\
                         ## 1.3.0 (2027-01-31)\n\n- **Do this.**\n\n- New.\n  In two lines.\n\n## 1.3.0-rc.1\n\n- Nearly.\n\n\
                         ## 1.2.0\n";

#[test]
fn the_notes_of_a_version_are_its_section_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let changelog = folder.path().join("CHANGELOG.md");
    fs::write(&changelog, CHANGELOG).unwrap();
    let notes = |version: &str| script("release-notes").arg(version).arg(&changelog).output().unwrap();
    assert_eq!(done(&notes("1.3.0")), "- **Do this.**\n\n- New.\n  In two lines.\n");
    assert_eq!(done(&notes("1.3.0-rc.1")), "- Nearly.\n");
    // One that has nothing to say, one that is not there, and what is no version.
    for version in ["1.2.0", "1.3", "1.3.1", ".*", "(2027-01-31)"] {
        let told = refused(&notes(version));
        assert!(told.contains(&format!("says nothing below `## {version}`")), "{told}");
    }
    // The changelog of this repository is read alike.
    let ours = done(&script("release-notes").arg("Unreleased").output().unwrap());
    let whole = fs::read_to_string(workspace().join("CHANGELOG.md")).unwrap();
    assert!(whole.contains(&ours) && !ours.contains("\n## "), "{ours}");
}

#[test]
fn a_tag_that_is_not_the_version_or_that_the_changelog_does_not_know_releases_nothing() {
    let root = tempfile::tempdir().unwrap();
    let scripts = root.path().join("scripts/pipeline");
    fs::create_dir_all(&scripts).unwrap();
    for name in ["version", "release-notes"] {
        fs::copy(workspace().join("scripts/pipeline").join(name), scripts.join(name)).unwrap();
    }
    let manifest = |version: &str| {
        let text = format!(
            "[workspace]\nmembers = []\n\n[workspace.package]\nversion = \"{version}\"\n\n[workspace.dependencies]\na = {{ version = \"9.9.9\" }}\n"
        );
        fs::write(root.path().join("Cargo.toml"), text).unwrap();
    };
    fs::write(root.path().join("CHANGELOG.md"), CHANGELOG).unwrap();
    let version = |tag: &str| Command::new("bash").arg(scripts.join("version")).arg(tag).output().unwrap();
    manifest("1.3.0");
    assert_eq!(done(&version("v1.3.0")), "1.3.0\n");
    for tag in ["1.3.0", "v1.3", "v1.3.1", "v9.9.9", "v1.3.0; id"] {
        let told = refused(&version(tag));
        assert!(told.contains("which is released as v1.3.0"), "{told}");
    }
    manifest("1.4.0");
    let told = refused(&version("v1.4.0"));
    assert!(told.contains("says nothing below `## 1.4.0`"), "{told}");
}

fn sums_hold(folder: &Path) -> bool {
    let output = Command::new("sha256sum")
        .args(["--check", "--strict", "--quiet", "SHA256SUMS"])
        .current_dir(folder)
        .output()
        .unwrap();
    output.status.success()
}

#[test]
fn checksums_are_of_every_file_and_do_not_hold_when_one_has_changed() {
    let folder = tempfile::tempdir().unwrap();
    let names = ["b.tar.gz", "a b.json", "-c", ".hidden"];
    let told = refused(&script("checksums").arg(folder.path()).output().unwrap());
    assert!(told.contains("nothing is in"), "{told}");
    for name in names {
        fs::write(folder.path().join(name), name).unwrap();
    }
    let sum = || done(&script("checksums").arg(folder.path()).output().unwrap());
    sum();
    assert!(sums_hold(folder.path()));
    let sums = || fs::read_to_string(folder.path().join("SHA256SUMS")).unwrap();
    let before = sums();
    assert_eq!(before.lines().count(), names.len());
    for name in names {
        assert!(before.lines().any(|line| line.ends_with(&format!("  {name}"))), "{name}: {before}");
    }
    sum();
    assert_eq!(sums(), before, "of itself there is none");
    fs::write(folder.path().join("-c"), "changed").unwrap();
    assert!(!sums_hold(folder.path()));
    fs::create_dir(folder.path().join("folder")).unwrap();
    let told = refused(&script("checksums").arg(folder.path()).output().unwrap());
    assert!(told.contains("folder is no file"), "{told}");
}

#[test]
fn an_archive_has_each_program_and_what_it_is_made_of_and_is_the_same_twice() {
    let folder = tempfile::tempdir().unwrap();
    let (programs, archive) = (folder.path().join("programs"), folder.path().join("keyward.tar.gz"));
    fs::create_dir(&programs).unwrap();
    let names = ["app-service", "auth-service", "keyward"];
    for name in names {
        let program = programs.join(name);
        fs::write(&program, "#!/bin/true\n").unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).unwrap();
        fs::write(programs.join(format!("{name}.cdx.json")), "{}\n").unwrap();
    }
    let pack = || script("archive").arg(&programs).arg(&archive).output().unwrap();
    done(&pack());
    let before = fs::read(&archive).unwrap();
    // Written anew, at another moment, by somebody with another umask.
    fs::remove_file(programs.join("keyward.cdx.json")).unwrap();
    fs::write(programs.join("keyward.cdx.json"), "{}\n").unwrap();
    fs::set_permissions(programs.join("keyward.cdx.json"), fs::Permissions::from_mode(0o600)).unwrap();
    done(&pack());
    assert!(fs::read(&archive).unwrap() == before, "it is another each time");
    let listed = Command::new("tar").args(["--list", "--verbose", "--file"]).arg(&archive).output().unwrap();
    let listed = text(&listed.stdout);
    for name in names {
        let line = |wanted: &str| listed.lines().find(|line| line.ends_with(&format!("./{wanted}"))).unwrap();
        assert!(line(name).starts_with("-rwxr-xr-x 0/0"), "{listed}");
        assert!(line(&format!("{name}.cdx.json")).starts_with("-rw-r--r-- 0/0"), "{listed}");
    }
    fs::remove_file(programs.join("auth-service.cdx.json")).unwrap();
    let told = refused(&pack());
    assert!(told.contains("auth-service.cdx.json is not there"), "{told}");
}
