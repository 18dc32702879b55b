//! Root's own door is closed only once somebody else was seen to have come in by a key who can become root: the log of sshd says who has, and
//! `sudo` who can.

use std::collections::BTreeSet;
use std::fs;

use super::program;
use crate::accounts::Accounts;
use crate::gate::ACCOUNT;

/// Where systemd keeps no journal.
const LOGS: [&str; 2] = ["/var/log/auth.log", "/var/log/auth.log.1"];

/// Who they are.
pub(super) fn somebody_else(accounts: &Accounts) -> Result<String, String> {
    let seen = seen();
    let is_another = |name: &&String| *name != "root" && *name != ACCOUNT;
    let can = |name: &&String| {
        let is_user = accounts
            .account(name)
            .is_ok_and(|account| account.user != 0 && !account.shell.ends_with("nologin"));
        is_user && program("sudo", &["-n", "-l", "-U", name]).is_ok_and(|told| may_become_root(&told))
    };
    let others: Vec<&String> = seen.iter().filter(is_another).collect();
    match others.iter().find(|name| can(name)) {
        Some(name) => Ok((*name).clone()),
        None if others.is_empty() => Err(refused("nobody but root was seen to log in by a key")),
        None => Err(refused("nobody who was seen to log in by a key may become root by sudo")),
    }
}

fn refused(why: &str) -> String {
    format!(
        "root's door stays open: {why}, and without that you would be shut out. Make an account (adduser NAME; usermod --append --groups sudo \
         NAME), put your public key into its ~/.ssh/authorized_keys, log in as it by SSH, try `sudo true`, and then run this again"
    )
}

fn seen() -> BTreeSet<String> {
    // What the kernel vouches for: a name that anybody may write into the log (`logger -t sshd`) counts for nothing.
    let journal = program(
        "journalctl",
        &["--no-pager", "--output=cat", "--since=-90d", "_UID=0", "_COMM=sshd", "_COMM=sshd-session"],
    );
    let journal = journal.unwrap_or_default();
    let mut seen: BTreeSet<String> = journal.lines().filter_map(login).collect();
    for log in LOGS {
        // One that is not there says nothing.
        let text = fs::read_to_string(log).unwrap_or_default();
        seen.extend(text.lines().filter_map(said_by_sshd).filter_map(login));
    }
    seen
}

/// Who has come in, if a message of sshd says so from its first word on: a name that somebody tries may hold the very same words.
fn login(message: &str) -> Option<String> {
    let rest = message.strip_prefix("Accepted publickey for ")?;
    let (name, from) = rest.split_once(" from ")?;
    let is_name =
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    (is_name && from.contains(" port ")).then(|| name.to_owned())
}

/// The message of a line of a log, if it is sshd's.
fn said_by_sshd(line: &str) -> Option<&str> {
    let (before, message) = line.split_once("]: ")?;
    let (program, number) = before.rsplit_once('[')?;
    let program = program.rsplit(' ').next()?;
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    (is_number && matches!(program, "sshd" | "sshd-session")).then_some(message)
}

/// Whether `sudo -l` tells of a rule by which somebody may do anything.
fn may_become_root(told: &str) -> bool {
    told.lines().map(str::trim).any(|line| line.starts_with("(ALL") && line.ends_with(" ALL"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_came_in_by_a_key_is_seen_and_nobody_is_taken_for_them() {
        let message = "Accepted publickey for ana from 192.0.2.7 port 50000 ssh2: ED25519 SHA256:abc";
        assert_eq!(login(message).as_deref(), Some("ana"));
        for message in [
            "Accepted password for ana from 192.0.2.7 port 50000 ssh2",
            "Invalid user Accepted publickey for ana from 192.0.2.7 port 5",
            "Failed publickey for ana from 192.0.2.7 port 5",
            "Accepted publickey for  from 192.0.2.7 port 5",
            "Accepted publickey for a b from 192.0.2.7 port 5",
            "",
        ] {
            assert_eq!(login(message), None, "{message}");
        }
        for line in [
            format!("Nov 28 13:00:00 host sshd[17]: {message}"),
            format!("2026-11-28T13:00:00.000000+00:00 host sshd-session[17]: {message}"),
        ] {
            assert_eq!(said_by_sshd(&line), Some(message), "{line}");
        }
        for line in [
            format!("Nov 28 13:00:00 host app[17]: {message}"),
            format!("Nov 28 13:00:00 host app[17]: sshd[17]: {message}"),
            format!("Nov 28 13:00:00 host notsshd[17]: {message}"),
            format!("Nov 28 13:00:00 host sshd[a]: {message}"),
            message.to_owned(),
        ] {
            assert_eq!(said_by_sshd(&line), None, "{line}");
        }
    }

    #[test]
    fn only_who_may_do_anything_can_become_root() {
        for told in [
            "User ana may run the following commands on host:\n    (ALL : ALL) ALL\n",
            "  (ALL) NOPASSWD: ALL\n",
        ] {
            assert!(may_become_root(told), "{told}");
        }
        for told in [
            "User ana is not allowed to run sudo on host.\n",
            "    (root) /usr/bin/apt\n",
            "    (ALL) /usr/bin/id\n",
            "",
        ] {
            assert!(!may_become_root(told), "{told}");
        }
    }
}
