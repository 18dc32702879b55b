//! Which login by SSH a process belongs to: asked of the kernel, since `sudo` and others change what stands in the environment.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// Nobody is deeper below their login.
const DEEPEST: usize = 64;

/// When the login by SSH began that this process belongs to, if it does to one; in clock ticks since the start of the host.
pub(super) fn began() -> Option<u64> {
    login_above(std::process::id(), |process| stat(process).ok())
}

/// This moment by the same clock: that of a process that begins now. The kernel may count in another way than it tells how long it has run
/// (in a container).
pub(super) fn now() -> Result<u64, String> {
    let mut child = Command::new("true")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .map_err(|error| format!("`true` cannot be run: {error}"))?;
    // It is there until it is waited for, ended or not.
    let began = stat(child.id());
    let _ = child.wait();
    began.map(|stat| stat.began)
}

/// What is asked of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stat {
    name: String,
    parent: u32,
    began: u64,
}

fn stat(process: u32) -> Result<Stat, String> {
    let path = Path::new("/proc").join(process.to_string()).join("stat");
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    parse(&text).ok_or_else(|| format!("{} is not understood", path.display()))
}

/// As proc(5) has it. The name is in brackets, and may hold anything, brackets too.
fn parse(text: &str) -> Option<Stat> {
    let (before, after) = text.rsplit_once(')')?;
    let (_, name) = before.split_once('(')?;
    // The third is the first here.
    let fields: Vec<&str> = after.split_ascii_whitespace().collect();
    Some(Stat {
        name: name.to_owned(),
        parent: fields.get(1)?.parse().ok()?,
        began: fields.get(19)?.parse().ok()?,
    })
}

fn login_above(process: u32, stat: impl Fn(u32) -> Option<Stat>) -> Option<u64> {
    let mut process = process;
    for _ in 0..DEEPEST {
        let found = stat(process)?;
        // Each login has a process of its own, by this name or, since OpenSSH 9.8, the other.
        if found.name == "sshd" || found.name == "sshd-session" {
            return Some(found.began);
        }
        process = found.parent;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_read_as_the_kernel_tells_it() {
        let text = "4242 (a (b) sshd) S 17 4242 4242 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987654 1 2 3\n";
        let stat = Stat { name: "a (b) sshd".to_owned(), parent: 17, began: 987_654 };
        assert_eq!(parse(text), Some(stat));
        for text in [
            "",
            "1",
            "1 (a",
            "1 (a) S 17",
            "1 (a) S x 4242 4242 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987654",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        let own = super::stat(std::process::id()).unwrap();
        assert!(own.began <= now().unwrap());
    }

    #[test]
    fn the_nearest_login_above_counts_and_a_name_that_only_looks_like_one_does_not() {
        let process = |name: &str, parent, began| Some(Stat { name: name.to_owned(), parent, began });
        let host = |id: u32| match id {
            1 => process("systemd", 0, 1),
            10 => process("sshd", 1, 50),
            11 => process("sshd", 10, 700),
            12 => process("bash", 11, 701),
            13 => process("sudo", 12, 800),
            20 => process("sshd-session", 10, 900),
            21 => process("sh", 20, 901),
            30 => process("sshd)", 1, 5),
            40 => process("loop", 40, 5),
            _ => None,
        };
        for (id, began) in [(13, Some(700)), (21, Some(900)), (30, None), (1, None), (40, None), (99, None)] {
            assert_eq!(login_above(id, host), began, "{id}");
        }
    }
}
