//! What shells and manuals are told of the command.

use std::process::Command;

use crate::command::{run, text};

#[test]
fn every_shell_is_told_of_every_verb() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let output = run(&["completions", shell]);
        assert_eq!(output.status.code(), Some(0), "{shell}");
        let script = text(&output.stdout);
        for word in [
            "audit",
            "verify",
            "enrol",
            "wrapping-token-file",
            "mail",
            "status",
            "dev",
            "app-port",
            "probe",
            "connect-to",
            "completions",
            "man",
        ] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    let unknown = run(&["completions", "tcsh"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(text(&unknown.stderr).contains("bash"), "it says which there are: {}", text(&unknown.stderr));
}

#[test]
fn bash_completes_what_it_was_told() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("keyward");
    std::fs::write(&script, run(&["completions", "bash"]).stdout).unwrap();
    let ask = "source \"$0\"; COMP_WORDS=(keyward audit ver); COMP_CWORD=2; _keyward keyward ver audit
               printf '%s\n' \"${COMPREPLY[@]}\"";
    let told = Command::new("bash").args(["-c", ask]).arg(&script).output().unwrap();
    assert_eq!(text(&told.stdout), "verify\n", "{}", text(&told.stderr));
}

#[test]
fn each_verb_has_a_manual_page() {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("man/man1");
    let output = run(&["man", pages.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    for (page, part) in [
        ("keyward.1", "sign\\-in for the apps of a small team"),
        ("keyward-dev.1", "app\\-port"),
        ("keyward-audit-verify.1", "NUMBER:MAC"),
        ("keyward-mail-list.1", "mail_retention"),
        ("keyward-mail-withdraw.1", "asks for another"),
        ("keyward-status.1", "/run/keyward"),
        ("keyward-probe.1", "connect\\-to"),
        ("keyward-secrets-migrate.1", "history\\-seconds"),
        ("keyward-secrets-enrol.1", "wrapping\\-token\\-file"),
        ("keyward-host-setup.1", "deploy\\-key"),
        ("keyward-host-confirm.1", "proves nothing"),
        ("keyward-deploy-gate.1", "SSH_ORIGINAL_COMMAND"),
        ("keyward-completions.1", "powershell"),
    ] {
        let shown = std::fs::read_to_string(pages.join(page)).unwrap();
        assert!(shown.contains(".TH ") && shown.contains(part), "{page}: {shown}");
    }
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let refused = run(&["man", file.to_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        text(&refused.stderr).contains("name a folder that you may write to"),
        "{}",
        text(&refused.stderr)
    );
}
