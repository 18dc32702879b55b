//! The steps of the workflows: scripts in `scripts/pipeline`, run as they are, against the real `ssh-keygen`, `sshd` and registry.

mod files;
mod order;
mod registry;
mod release;
mod workflows;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::command::text;
use crate::guides::workspace;

/// A script of the pipeline, told nothing that this process was told.
fn script(name: &str) -> Command {
    let mut command = Command::new(workspace().join("scripts/pipeline").join(name));
    for (variable, _) in std::env::vars_os() {
        let variable = variable.to_string_lossy();
        if ["DEPLOY_", "REGISTRY_", "RELEASE_", "KEYWARD_"].iter().any(|prefix| variable.starts_with(prefix))
        {
            command.env_remove(&*variable);
        }
    }
    command.stdin(Stdio::null());
    command
}

/// What it printed.
fn done(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    text(&output.stdout)
}

/// Why it did nothing.
fn refused(output: &Output) -> String {
    assert_ne!(output.status.code(), Some(0), "{}", text(&output.stdout));
    assert_eq!(text(&output.stdout), "", "nothing is printed that somebody might go on with");
    text(&output.stderr)
}

/// A program of a system package. None if it is not there: then what it is needed for is not tested, which is said, and fails where all
/// has to be tested (`CI=true`).
fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var("PATH").unwrap_or_default();
    let found = path
        .split(':')
        .chain(["/usr/sbin"])
        .map(|folder| Path::new(folder).join(name))
        .find(|path| path.is_file());
    if found.is_none() {
        assert!(std::env::var("CI").is_err(), "{name} is not there; ./scripts/test installs it");
        println!("NOT RUN, since {name} is not there; ./scripts/test installs it");
    }
    found
}

/// A new pair of keys; gives the private one's file.
fn key(folder: &Path, name: &str) -> PathBuf {
    let path = folder.join(name);
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"])
        .arg(&path)
        .status()
        .unwrap();
    assert!(made.success());
    path
}

/// The public half, as a line.
fn public(key: &Path) -> String {
    fs::read_to_string(key.with_extension("pub")).unwrap()
}

/// Whether a signature is one's who may sign releases.
fn verifies(signer: &Path, namespace: &str, content: &Path, signature: &Path) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let signers = folder.path().join("signers");
    fs::write(&signers, format!("release namespaces=\"keyward-release\" {}", public(signer))).unwrap();
    Command::new("ssh-keygen")
        .args(["-q", "-Y", "verify", "-I", "release", "-n", namespace, "-f"])
        .arg(&signers)
        .arg("-s")
        .arg(signature)
        .stdin(fs::File::open(content).unwrap())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap()
        .success()
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).unwrap().next().is_none()
}
