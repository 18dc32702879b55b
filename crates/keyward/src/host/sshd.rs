//! What sshd is told, and what it makes of that: other files may have said something else before, and the first word counts.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use rustix::process::{Pid, Signal, kill_process};

use super::wanted::KEYS;
use super::{has_systemd, program};
use crate::gate::ACCOUNT;

const PROGRAM: &str = "/usr/sbin/sshd";
/// Where it writes its number.
const PID_FILE: &str = "/run/sshd.pid";
const ROOT_CLOSED: &str = "PermitRootLogin no";

/// For everybody.
const FOR_ALL: [(&str, &str); 2] = [("PasswordAuthentication", "no"), ("KbdInteractiveAuthentication", "no")];

/// For the account alone, besides `ForceCommand` and its keys. `DisableForwarding` is to shut all the rest off, and did not do so for agents and
/// X11 before OpenSSH 10.0 (CVE-2025-32728): each is said by its own name too.
const FOR_THE_ACCOUNT: [(&str, &str); 18] = [
    ("AuthenticationMethods", "publickey"),
    ("PubkeyAuthentication", "yes"),
    ("PubkeyAcceptedAlgorithms", "ssh-ed25519"),
    ("AuthorizedKeysCommand", "none"),
    ("TrustedUserCAKeys", "none"),
    ("PermitTTY", "no"),
    ("PermitUserRC", "no"),
    ("DisableForwarding", "yes"),
    ("AllowAgentForwarding", "no"),
    ("AllowStreamLocalForwarding", "no"),
    ("AllowTcpForwarding", "no"),
    ("GatewayPorts", "no"),
    ("PermitTunnel", "no"),
    ("X11Forwarding", "no"),
    ("MaxSessions", "1"),
    ("ClientAliveInterval", "30"),
    ("ClientAliveCountMax", "4"),
    ("ExposeAuthInfo", "yes"),
];

/// The file.
pub(super) fn text(program: &str, close_root: bool) -> String {
    let mut text =
        "# Written by `keyward host setup`, which writes it anew. Nobody gets in by a password.\n".to_owned();
    for (name, value) in FOR_ALL {
        let _ = writeln!(text, "{name} {value}");
    }
    if close_root {
        let _ = writeln!(text, "{ROOT_CLOSED}");
    }
    let _ = write!(
        text,
        "\n# Whoever has a deploy key may say one of three words to the gate, and nothing else.\nMatch User {ACCOUNT}\n    \
         ForceCommand {}\n    AuthorizedKeysFile {KEYS}\n",
        forced(program)
    );
    for (name, value) in FOR_THE_ACCOUNT {
        let _ = writeln!(text, "    {name} {value}");
    }
    // What another file says after this one is for everybody again.
    text.push_str("Match all\n");
    text
}

fn forced(program: &str) -> String {
    format!("{program} deploy-gate")
}

/// The command that the file has sshd run.
pub(super) fn gate(text: &str) -> Option<String> {
    let command = text.lines().find_map(|line| line.trim().strip_prefix("ForceCommand "))?;
    command.strip_suffix(" deploy-gate").map(str::to_owned)
}

/// Whether the file of before has closed root's door: it stays closed.
pub(super) fn closes_root(text: &str) -> bool {
    text.lines().any(|line| line == ROOT_CLOSED)
}

/// What the settings in force are, as `sshd -T` tells them for an account: a name and a value a line, the names in small letters.
pub(super) struct InForce(BTreeMap<String, String>);

impl InForce {
    /// Asks sshd.
    pub(super) fn for_account(account: &str) -> Result<Self, String> {
        let connection = format!("user={account},host=localhost,addr=127.0.0.1");
        program(PROGRAM, &["-T", "-C", &connection]).map(|told| Self::parse(&told))
    }

    fn parse(told: &str) -> Self {
        let pairs = told.lines().filter_map(|line| line.split_once(' '));
        Self(pairs.map(|(name, value)| (name.to_lowercase(), value.trim().to_owned())).collect())
    }

    fn is(&self, name: &str, value: &str) -> Result<(), String> {
        match self.0.get(&name.to_lowercase()) {
            Some(found) if found == value => Ok(()),
            Some(found) => Err(format!(
                "{name} is {found} and not {value}, since another file says so before: see /etc/ssh/sshd_config.d"
            )),
            None => Err(format!("{name} is not known to this sshd")),
        }
    }
}

/// What is not in force of that.
pub(super) fn lacking(account: &InForce, anybody: &InForce, program: &str, close_root: bool) -> Vec<String> {
    let mut lacking = Vec::new();
    for (name, value) in FOR_ALL {
        lacking.extend(anybody.is(name, value).err());
        lacking.extend(account.is(name, value).err().map(|why| format!("for {ACCOUNT}: {why}")));
    }
    if close_root {
        lacking.extend(anybody.is("PermitRootLogin", "no").err());
    }
    if anybody.0.get("forcecommand").is_some_and(|command| command.contains("deploy-gate")) {
        lacking.push("the gate is what everybody gets, and not only the account: another file has a Match that does not end".to_owned());
    }
    let forced = forced(program);
    let of_the_account =
        FOR_THE_ACCOUNT.into_iter().chain([("ForceCommand", forced.as_str()), ("AuthorizedKeysFile", KEYS)]);
    for (name, value) in of_the_account {
        lacking.extend(account.is(name, value).err().map(|why| format!("for {ACCOUNT}: {why}")));
    }
    lacking
}

/// Whether sshd would start with what is there, and make of it what was meant.
pub(super) fn would_do(gate: &str, close_root: bool) -> Result<(), String> {
    if !Path::new(PROGRAM).exists() {
        return Err("sshd is not installed: apt-get install openssh-server".to_owned());
    }
    program(PROGRAM, &["-t"])?;
    let (account, anybody) = (InForce::for_account(ACCOUNT)?, InForce::for_account("root")?);
    let lacking = lacking(&account, &anybody, gate, close_root);
    if lacking.is_empty() { Ok(()) } else { Err(lacking.join("; ")) }
}

/// Has the one that runs read its files anew. Those who are connected stay so.
pub(super) fn reload() -> Result<(), String> {
    if has_systemd() {
        // Where a socket starts it, it may not run just now.
        return program("systemctl", &["try-reload-or-restart", "ssh.service"]).map(drop);
    }
    let number = std::fs::read_to_string(PID_FILE).ok();
    let process = number.and_then(|number| Pid::from_raw(number.trim().parse().ok()?));
    match process {
        Some(process) => {
            kill_process(process, Signal::HUP).map_err(|error| format!("sshd cannot be told: {error}"))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `sshd -T -C user=deploy,…` of OpenSSH 9.2 tells of this very file, as far as it is about it.
    fn told() -> String {
        let mut told = String::new();
        for (name, value) in FOR_ALL.into_iter().chain(FOR_THE_ACCOUNT) {
            let _ = writeln!(told, "{} {value}", name.to_lowercase());
        }
        told + "forcecommand /usr/local/bin/keyward deploy-gate\nauthorizedkeysfile /etc/ssh/keyward-deploy-keys\n"
    }

    const ANYBODY: &str = "permitrootlogin without-password\npasswordauthentication no\nkbdinteractiveauthentication no\nforcecommand none\n";

    fn lacks(account: &str, anybody: &str, close_root: bool) -> Vec<String> {
        lacking(&InForce::parse(account), &InForce::parse(anybody), "/usr/local/bin/keyward", close_root)
    }

    #[test]
    fn what_is_in_force_as_it_was_meant_lacks_nothing() {
        assert!(lacks(&told(), ANYBODY, false).is_empty(), "{:?}", lacks(&told(), ANYBODY, false));
        let closed = ANYBODY.replace("without-password", "no");
        assert!(lacks(&told(), &closed, true).is_empty());
    }

    #[test]
    fn each_setting_that_another_file_has_said_before_is_named() {
        for (name, value) in FOR_ALL.into_iter().chain(FOR_THE_ACCOUNT) {
            let line = format!("{} {value}\n", name.to_lowercase());
            let lacking =
                lacks(&told().replace(&line, &format!("{} other\n", name.to_lowercase())), ANYBODY, false);
            assert_eq!(lacking.len(), 1, "{lacking:?}");
            assert!(lacking[0].contains(&format!("{name} is other and not {value}")), "{lacking:?}");
            let lacking = lacks(&told().replace(&line, ""), ANYBODY, false);
            assert!(lacking.len() == 1 && lacking[0].contains("is not known"), "{lacking:?}");
        }
        let by_password = ANYBODY.replace("passwordauthentication no", "passwordauthentication yes");
        assert!(lacks(&told(), &by_password, false)[0].contains("PasswordAuthentication is yes"));
        assert!(lacks(&told(), ANYBODY, true)[0].contains("PermitRootLogin is without-password and not no"));
        let everybody = ANYBODY.replace("none", "/usr/local/bin/keyward deploy-gate");
        assert!(lacks(&told(), &everybody, false)[0].contains("what everybody gets"));
    }

    #[test]
    fn the_file_ends_what_it_says_of_the_account_and_keeps_roots_door_as_it_was_told() {
        let open = text("/usr/local/bin/keyward", false);
        assert!(open.ends_with("\nMatch all\n") && !closes_root(&open));
        assert!(closes_root(&text("/usr/local/bin/keyward", true)));
        assert_eq!(gate(&text("/opt/keyward", false)).as_deref(), Some("/opt/keyward"));
        assert_eq!(gate("ForceCommand internal-sftp\n"), None);
        let (before, after) = open.split_once("Match User deploy\n").unwrap();
        assert!(
            before.contains("PasswordAuthentication no\n")
                && after.contains("ForceCommand /usr/local/bin/keyward deploy-gate\n")
        );
    }
}
