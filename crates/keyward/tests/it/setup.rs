//! `openbao/setup` of an installation, as far as it goes without Docker: with it, it is tested by `e2e`.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::command::text;
use crate::init::{ALL, as_root, init};

/// An OpenBao that lets the root token in, and fails when an engine is to be made.
const DOCKER: &str = r#"#!/bin/sh
case "$*" in
    *" bao status") printf 'Initialized     %s\n' "$INITIALIZED"; [ "$INITIALIZED" = true ] || exit 2 ;;
    *" operator init "*) printf 'Unseal Key 1: one\nUnseal Key 2: two\nInitial Root Token: made-by-this-run\n' ;;
    *" secrets enable "*) cat >/dev/null; exit 1 ;;
    *" up "*) ;;
    *) cat >/dev/null ;;
esac
"#;

/// What it says on its way to that failure.
fn fails(folder: &Path, programs: &Path, initialized: &str) -> String {
    let path = std::env::var("PATH").unwrap();
    let mut setup = Command::new(folder.join("openbao/setup"))
        .env("PATH", format!("{}:{path}", programs.display()))
        .env("INITIALIZED", initialized)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // One that makes its token asks for none.
    let _ = setup.stdin.take().unwrap().write_all(b"typed-by-somebody\n");
    let output = setup.wait_with_output().unwrap();
    let said = text(&output.stdout) + &text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("engine, policies and sign-in"), "{said}");
    said
}

/// One that was typed, unseen, stood in the terminal after any failure.
#[test]
fn a_root_token_is_shown_if_this_run_made_it_and_never_one_that_was_typed() {
    let parent = tempfile::tempdir().unwrap();
    if !as_root(&parent) {
        return;
    }
    let (folder, programs) = (parent.path().join("keyward"), parent.path().join("bin"));
    assert!(init(&folder, &ALL).status.success());
    fs::create_dir(&programs).unwrap();
    fs::write(programs.join("docker"), DOCKER).unwrap();
    fs::set_permissions(programs.join("docker"), fs::Permissions::from_mode(0o755)).unwrap();

    let said = fails(&folder, &programs, "true");
    assert!(!said.contains("typed-by-somebody"), "{said}");
    assert!(said.contains("has not ended. Run it again; it asks for a root token once more"), "{said}");
    let said = fails(&folder, &programs, "false");
    assert!(said.contains("it asks for the root token, which is made-by-this-run"), "{said}");
}
