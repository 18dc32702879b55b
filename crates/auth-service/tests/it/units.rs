//! The units of `deploy/systemd`, as systemd itself reads them, and the configuration that docs/guide/without-docker.md has beside them.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use secrets::ExposeSecret as _;
use secrets::sealing::generate_key_text;
use tempfile::TempDir;

use crate::process::binary;

const GUIDE: &str = include_str!("../../../../docs/guide/without-docker.md");
/// What an operator names.
const UNITS: [&str; 10] = [
    "auth-service.socket",
    "auth-service@blue.service",
    "auth-service@green.service",
    "auth-service-migrate@blue.service",
    "auth-service-migrate@green.service",
    "app-service.socket",
    "app-service@blue.service",
    "app-service@green.service",
    "keyward-deploy.socket",
    "keyward-deploy.service",
];
/// Of a hundred: whoever lets a service do more than this says why.
const MOST_EXPOSED: &str = "--threshold=20";

/// Whether this program of systemd is there. What it is needed for is not tested without it, which is said, and fails where all has to
/// be tested (`CI=true`).
pub(crate) fn is_there(program: &str) -> bool {
    let Err(error) = Command::new(program).arg("--version").stdout(Stdio::null()).status() else {
        return true;
    };
    assert!(std::env::var("CI").is_err(), "{program} is not there ({error}); ./scripts/test installs it");
    println!("NOT RUN, since {program} is not there ({error}); ./scripts/test installs it");
    false
}

fn units() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/systemd")
}

/// A system on which the units are installed, with programs where they look for them.
struct Root(TempDir);

impl Root {
    fn new() -> Self {
        let root = Self(tempfile::tempdir().unwrap());
        copy(&units(), &root.0.path().join("etc/systemd/system"));
        // What units have to be after, which every system has.
        let targets = root.0.path().join("usr/lib/systemd/system");
        fs::create_dir_all(&targets).unwrap();
        for found in fs::read_dir("/usr/lib/systemd/system").unwrap() {
            let path = found.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "target") {
                fs::copy(&path, targets.join(path.file_name().unwrap())).unwrap();
            }
        }
        let servers = ["blue", "green"].map(|colour| {
            ["auth-service", "app-service"].map(|name| format!("usr/lib/keyward/{colour}/{name}"))
        });
        for path in servers.into_iter().flatten().chain(["usr/local/bin/keyward".to_owned()]) {
            let path = root.0.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, "#!/bin/true\n").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        root
    }

    fn analyze(&self, arguments: &[&str]) -> Output {
        let mut analyze = Command::new("systemd-analyze");
        analyze.args(arguments).arg("--no-pager").arg(format!("--root={}", self.0.path().display()));
        analyze.current_dir(self.0.path().join("etc/systemd/system")).output().unwrap()
    }

    /// What it says of a unit that is not right. Of a setting that it does not know it warns, and goes on without.
    fn faults(&self, unit: &str) -> String {
        let output = self.analyze(&["verify", "--man=no", "--generators=no", unit]);
        let told = [output.stdout, output.stderr].concat();
        let told = String::from_utf8(told).unwrap();
        assert!(output.status.success() || !told.is_empty(), "{unit}: {}", output.status);
        told
    }

    fn change(&self, unit: &str, from: &str, to: &str) {
        let path = self.0.path().join("etc/systemd/system").join(unit);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{unit} has no {from}");
        fs::write(path, text.replace(from, to)).unwrap();
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for found in fs::read_dir(from).unwrap() {
        let path = found.unwrap().path();
        let place = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &place);
        } else {
            fs::copy(&path, &place).unwrap();
        }
    }
}

#[test]
fn systemd_finds_no_fault_with_the_units() {
    if !is_there("systemd-analyze") {
        return;
    }
    let root = Root::new();
    for unit in UNITS {
        assert_eq!(root.faults(unit), "", "{unit}");
    }
    // And would say so.
    root.change("app-service@.service", "NoNewPrivileges=", "NoNewPrivilege=");
    assert!(root.faults("app-service@blue.service").contains("Unknown key 'NoNewPrivilege'"));
    root.change("auth-service@.service", "Requires=auth-service.socket", "Requires=auth-service-.socket");
    assert!(root.faults("auth-service@green.service").contains("auth-service-.socket not found"));
    fs::remove_file(root.0.path().join("usr/lib/keyward/green/app-service")).unwrap();
    assert!(
        root.faults("app-service@green.service")
            .contains("/usr/lib/keyward/green/app-service is not executable")
    );
}

#[test]
fn the_units_let_the_programs_do_little_by_the_word_of_systemd() {
    if !is_there("systemd-analyze") {
        return;
    }
    let root = Root::new();
    for unit in UNITS.into_iter().filter(|unit| unit.ends_with("@blue.service")) {
        let output = root.analyze(&["security", "--offline=true", MOST_EXPOSED, unit]);
        let told = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{unit}: {told}{}", String::from_utf8_lossy(&output.stderr));
        assert!(told.contains("Overall exposure level"), "{unit}: {told}");
    }
    root.change("app-service@.service", "ProtectSystem=strict", "ProtectSystem=no");
    root.change("app-service@.service", "SystemCallFilter=@system-service", "");
    let output = root.analyze(&["security", "--offline=true", MOST_EXPOSED, "app-service@blue.service"]);
    assert!(!output.status.success(), "and would say so");
}

/// The values of a setting in a unit, in their order.
fn of(unit: &str, setting: &str) -> Vec<String> {
    let text = fs::read_to_string(units().join(unit)).unwrap();
    let values = text.lines().filter_map(|line| line.strip_prefix(setting)?.strip_prefix('='));
    values.map(ToOwned::to_owned).collect()
}

/// The one block of the guide in this language.
fn block(language: &str) -> &'static str {
    let start = format!("\n```{language}\n");
    let blocks: Vec<_> = GUIDE.split(&start).skip(1).filter_map(|rest| rest.split_once("\n```\n")).collect();
    let [(block, _)] = blocks[..] else { panic!("{} blocks in {language}", blocks.len()) };
    block
}

#[test]
fn the_configuration_of_the_guide_is_one_and_its_secrets_are_those_that_the_units_hand_over() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("keyward.toml");
    fs::write(&config, block("toml")).unwrap();
    let named: BTreeSet<String> = block("toml")
        .split("\"credential:")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap().to_owned())
        .collect();
    let handed_over = |unit: &str| -> BTreeSet<String> {
        of(unit, "LoadCredential").iter().map(|value| value.split(':').next().unwrap().to_owned()).collect()
    };
    let (serves, migrates) =
        (handed_over("auth-service@.service"), handed_over("auth-service-migrate@.service"));
    assert_eq!(migrates, BTreeSet::from(["migrate-password".to_owned()]));
    assert_eq!(serves.union(&migrates).cloned().collect::<BTreeSet<_>>(), named);

    for name in &named {
        fs::write(folder.path().join(name), generate_key_text().expose_secret()).unwrap();
    }
    fs::copy(folder.path().join("encryption"), folder.path().join("encryption-older")).unwrap();
    for colour in ["blue", "green"] {
        let mut check = binary();
        check.args(["config", "check", "--config"]).arg(&config);
        check.env("CREDENTIALS_DIRECTORY", folder.path());
        let unit = "auth-service@.service";
        let own = format!("auth-service@{colour}.service.d/instance.conf");
        for variable in [of(unit, "Environment"), of(&own, "Environment")].concat() {
            let (name, value) = variable.split_once('=').unwrap();
            check.env(name, value.replace("%i", colour));
        }
        let output = check.output().unwrap();
        let told = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(output.status.success(), "{told}");
        assert!(told.contains(&format!("/run/keyward/auth-service-{colour}.sock")), "{told}");
        let internal = if colour == "blue" { "127.0.0.1:3001" } else { "127.0.0.1:3002" };
        assert!(told.contains(internal), "{told}");
    }
}

/// Killed before it has drained, an old process would lose what it has begun.
#[test]
fn a_stop_is_given_more_time_than_it_may_take() {
    let seconds = |unit| of(unit, "TimeoutStopSec").concat().parse::<u64>().unwrap();
    // `drain` by default, `finish` of the guide, and two seconds.
    assert!(block("toml").contains("\nfinish = \"15s\"\n"));
    assert!(seconds("auth-service@.service") > 2 + 15 + 2);
    // DRAIN_SECONDS, FINISH_SECONDS, and one.
    assert!(seconds("app-service@.service") > 4 + 15 + 1);
}
