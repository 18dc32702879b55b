//! `keyward passwords calibrate`, as an operator calls it.

use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::command::{KEYWARD, run, text};
use crate::running::Running;

/// As little as there may be, so that it takes seconds.
const LEAST: [&str; 8] =
    ["passwords", "calibrate", "--target", "10ms", "--memory", "7MiB", "--max-parallel", "1"];

/// What it prints is a configuration: a server starts with it, and hashes so.
#[test]
fn the_setting_that_is_printed_is_one_that_a_server_starts_with() {
    let done = run(&LEAST);
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    let told = text(&done.stdout);
    let (setting, rest) = told.split_once("\n\n").unwrap();
    assert!(
        setting.starts_with("[password.hashing]\nmemory_kib = 7168\niterations = ")
            && setting.ends_with("\nparallelism = 1\nmax_parallel = 1"),
        "{told}"
    );
    for words in
        ["One hash takes ", "Sign-ins: ", "Memory for hashing: 7 MiB.", "An attacker with a stolen table"]
    {
        assert!(rest.contains(words), "{told}");
    }
    let folder = tempfile::tempdir().unwrap();
    let (data, config) = (folder.path().join("data"), folder.path().join("settings.toml"));
    std::fs::write(&config, format!("{setting}\n")).unwrap();
    let running = Running::with(&data, &config);
    let body = r#"{"email":"ana@example.com","password":"correct horse battery","requires2FA":false}"#;
    let answer = running.ask("POST", "/signup", body);
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    assert_eq!(running.stop().code(), Some(0));
}

#[test]
fn programs_are_told_the_same_in_json() {
    let done = run(&[&LEAST[..], &["--json"]].concat());
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    let told: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!((&told["memory_kib"], &told["parallelism"]), (&7168.into(), &1.into()), "{told}");
    assert_eq!((&told["max_parallel"], &told["memory_mib"]), (&1.into(), &7.into()), "{told}");
    assert_eq!(told["target_ms"].as_f64(), Some(10.0), "{told}");
    assert!(told["target_met"].is_boolean(), "{told}");
    assert!(told["iterations"].as_u64().unwrap() >= 5, "no less than OWASP's minimum: {told}");
    for name in ["single_ms", "loaded_ms", "sign_ins_a_second"] {
        assert!(told[name].as_f64().unwrap() > 0.0, "{name}: {told}");
    }
    for name in ["guesses_a_second_and_core", "core_hours_for_100000_guesses", "guesses_at_once_in_24_gib"] {
        assert!(told["attacker"][name].as_f64().unwrap() > 0.0, "{name}: {told}");
    }
}

#[test]
fn what_cannot_be_measured_is_refused_at_once() {
    for (arguments, code, words) in [
        (&["--target", "9ms"][..], 2, "write 10ms to 10s"),
        (&["--target", "11s"], 2, "write 10ms to 10s"),
        (&["--memory", "512"], 2, "write a size such as 512MiB or 2GiB"),
        (&["--max-parallel", "0"], 2, "1..=256"),
        (&["--max-parallel", "257"], 2, "1..=256"),
        (&["--memory", "13MiB", "--max-parallel", "2"], 1, "OWASP's minimum is 7 MiB"),
        (&["--memory", "4095GiB", "--max-parallel", "256"], 1, "more than half of the memory"),
    ] {
        let done = run(&[&["passwords", "calibrate"], arguments].concat());
        let told = text(&done.stderr);
        assert_eq!(done.status.code(), Some(code), "{arguments:?}: {told}");
        assert!(told.contains(words) && !told.contains("Measuring"), "{arguments:?}: {told}");
        assert_eq!(text(&done.stdout), "", "{arguments:?}");
    }
}

/// One that is ended half-way prints no half of a setting, and leaves nothing behind.
#[test]
fn one_that_is_aborted_says_nothing() {
    let folder = tempfile::tempdir().unwrap();
    // A shell has what it runs in its background ignore SIGINT, and so these tests and their children.
    let mut child = Command::new("env")
        .args(["--default-signal=INT", KEYWARD])
        .args(["passwords", "calibrate", "--target", "10s", "--memory", "64MiB", "--max-parallel", "1"])
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    BufReader::new(child.stderr.take().unwrap()).read_line(&mut first).unwrap();
    assert!(first.contains("Nothing is changed; Ctrl-C ends it."), "{first}");
    let told = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(told.success());
    let mut printed = String::new();
    child.stdout.take().unwrap().read_to_string(&mut printed).unwrap();
    assert_eq!((child.wait().unwrap().signal(), printed.as_str()), (Some(2), ""));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
