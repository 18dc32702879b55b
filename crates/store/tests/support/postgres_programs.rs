//! Where PostgreSQL's programs are, and who runs them.

use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;

/// The folder of its programs, in PATH or where Debian puts them: the newest.
pub(crate) fn programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut debian: Vec<PathBuf> = debian.map(|version| version.path().join("bin")).collect();
    debian.sort();
    let mut folders = debian.into_iter().rev().chain(std::env::split_paths(&path));
    folders.find(|folder| folder.join("initdb").is_file())
}

/// PostgreSQL and PgBouncer refuse to be run by root: then it is nobody who does.
pub(crate) fn as_owner(command: &mut Command) -> &mut Command {
    if let Some((user, group)) = owner() {
        command.uid(user).gid(group);
    }
    command
}

/// The user and the group who do.
pub(crate) fn owner() -> Option<(u32, u32)> {
    let id = |arguments: &[&str]| -> u32 {
        let told = Command::new("id").args(arguments).output().unwrap();
        String::from_utf8(told.stdout).unwrap().trim().parse().unwrap()
    };
    (id(&["-u"]) == 0).then(|| (id(&["-u", "nobody"]), id(&["-g", "nobody"])))
}
