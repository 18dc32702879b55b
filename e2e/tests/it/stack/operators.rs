//! Who may give orders to a stack, and how its secrets are replaced.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::process::Command;

use super::docker::success;
use super::guide::block;
use super::installation::{Installation, OPERATORS};
use crate::service::binary;

/// What is answered to whoever may order: there is no such person.
const HEARD: &str = "there is no account nobody@example.com";

/// Not as root, and in the folder of the stack, as the guide has it.
pub(super) fn whoever_is_of_the_group_asks_a_slot(stack: &Installation) {
    // The test's own folder is closed to others; that of an installation is not.
    let parent = stack.folder.parent().unwrap();
    std::fs::set_permissions(parent, std::fs::Permissions::from_mode(0o711)).unwrap();
    let told = asks_as(stack, OPERATORS);
    assert!(told.contains(HEARD), "{told}");
    let told = asks_as(stack, OPERATORS + 1);
    assert!(!told.contains(HEARD), "{told}");
}

/// What an order is answered that somebody of this group gives.
fn asks_as(stack: &Installation, group: u32) -> String {
    let mut asks = Command::new("setpriv");
    asks.args(["--reuid=65534", "--regid=65534", &format!("--groups={group}")]);
    asks.arg(binary()).args(["user", "disable", "nobody@example.com"]);
    asks.env_remove("KEYWARD_SOCKET").env_remove("KEYWARD_CONFIG").current_dir(&stack.folder);
    let output = asks.output().unwrap();
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

/// As the guide has it, but for the group's name: one that is there, since no test makes a group on somebody's machine.
pub(super) fn another_group_is_named_later(stack: &Installation) {
    let (made, commands) = block("chgrp keyward run").split_once('\n').unwrap();
    assert!(made.starts_with("groupadd --system keyward && usermod "), "{made}");
    stack.types(&commands.replace(" keyward ", " daemon "), "");
    let known = success(&Command::new("getent").args(["group", "daemon"]).output().unwrap());
    let group = known.split(':').nth(2).unwrap().parse().unwrap();
    let told = asks_as(stack, group);
    assert!(told.contains(HEARD), "{told}");
    let told = asks_as(stack, OPERATORS);
    assert!(!told.contains(HEARD), "{told}");
}

/// By the guide's commands: another file in the place of the one before, which the container sees at once, and its service alone reads.
pub(super) fn a_secret_is_replaced(stack: &Installation) {
    let folder = stack.folder.join("secrets/auth-service");
    let before = folder.join("mail-password").metadata().unwrap();
    stack.types(block("mail-password.new"), "0b9c4e7715fd2a63\n");
    let process = stack.inspect("auth-service-blue-1")["State"]["Pid"].as_u64().unwrap();
    let inside = format!("/proc/{process}/root/run/secrets/mail-password");
    assert_eq!(fs::read_to_string(&inside).unwrap(), "0b9c4e7715fd2a63\n");
    let now = fs::metadata(&inside).unwrap();
    assert_ne!(now.ino(), before.ino(), "it was written over, and not replaced");
    assert_eq!((now.permissions().mode() & 0o7777, now.gid()), (0o440, 10001));
    assert!(!folder.join("mail-password.new").exists());
}
