//! `keyward host check`: whether a host still is what `keyward host setup` made of it.

use std::fs;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::tree::{Tree, Wanted};
use super::undo::Record;
use super::wanted::{KEYS, PROGRAM, SSHD, units};
use super::{account, has_systemd, program, sshd};
use crate::accounts::Accounts;
use crate::gate::{
    ACCOUNT, CONFIGURATION, Configuration, Fingerprint, NAMESPACE, SIGNER, SOCKET, STATE, is_ours_alone,
};
use crate::{Failure, say};

/// See whether this host still is what `keyward host setup` made of it: one line a finding.
///
/// The account and its groups, its keys, what sshd makes of its files for it and for everybody, the gate, the service, what it believes. The
/// exit code is 1 if anything is amiss. As root.
#[derive(Args)]
pub(crate) struct Check {
    /// Look at the tree in this folder, and not at this host. What only a host that runs knows is left out.
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// Print JSON, an object a finding.
    #[arg(long)]
    json: bool,
}

/// What was looked at, and what is amiss, if anything.
#[derive(Serialize)]
struct Finding {
    what: &'static str,
    amiss: Option<String>,
}

#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    /// Nothing amiss is a finding too.
    fn add(&mut self, what: &'static str, amiss: impl IntoIterator<Item = String>) {
        let mut amiss = amiss.into_iter().peekable();
        if amiss.peek().is_none() {
            self.0.push(Finding { what, amiss: None });
        }
        self.0.extend(amiss.map(|amiss| Finding { what, amiss: Some(amiss) }));
    }
}

impl Check {
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        let tree = Tree::of(self.root.as_deref());
        let mut findings = Findings::default();
        look(&tree, &mut findings);
        for finding in &findings.0 {
            if self.json {
                say(serde_json::to_string(finding)?);
            } else {
                match &finding.amiss {
                    None => say(format_args!("  well   {}", finding.what)),
                    Some(why) => say(format_args!("  AMISS  {}: {why}", finding.what)),
                }
            }
        }
        let is_well = findings.0.iter().all(|finding| finding.amiss.is_none());
        Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn look(tree: &Tree, findings: &mut Findings) {
    findings.add("the account", account::amiss(&Accounts::of(tree.root())));
    findings.add("its keys", keys(tree).err());
    let told = tree.text(Path::new(SSHD)).and_then(|text| text.ok_or_else(|| not_there(SSHD)));
    let gate = told.as_ref().ok().and_then(|text| sshd::gate(text)).unwrap_or_else(|| PROGRAM.to_owned());
    findings.add("what sshd is told", told.as_ref().err().cloned());
    findings.add("the units", units(&gate).iter().filter_map(|unit| has(tree, unit).err()));
    findings.add("what the service believes", believed(tree).err());
    if !tree.is_this_host() {
        return;
    }
    let close_root = told.as_ref().is_ok_and(|text| sshd::closes_root(text));
    findings.add("what sshd makes of it", sshd::would_do(&gate, close_root).err());
    findings.add("the gate", is_ours_alone(Path::new(&gate)).err());
    findings.add("what was let in", state().err());
    findings.add("where orders are taken", socket().err());
    let pending = Record::pending()
        .map(|record| record.map(|_| "a change waits: `keyward host confirm`, or it is undone".to_owned()));
    findings.add("nothing waits to be confirmed", pending.unwrap_or_else(Some));
    if has_systemd() {
        let enabled = program("systemctl", &["is-enabled", "keyward-deploy.socket"]);
        findings.add("the socket is enabled", enabled.err());
    }
}

fn not_there(path: &str) -> String {
    format!("{path} is not there: run `keyward host setup`")
}

fn has(tree: &Tree, wanted: &Wanted) -> Result<(), String> {
    if tree.has(wanted)? {
        return Ok(());
    }
    Err(format!(
        "{} is not what `keyward host setup` of this version writes: run it again",
        wanted.path.display()
    ))
}

/// Every key is of the kind that is taken, and restricted; and nobody but root has a say in which there are.
fn keys(tree: &Tree) -> Result<(), String> {
    let text = tree.text(Path::new(KEYS))?.ok_or_else(|| not_there(KEYS))?;
    let mut keys = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).peekable();
    if keys.peek().is_none() {
        return Err(format!("{KEYS} has no key"));
    }
    for line in keys {
        let key = line
            .strip_prefix("restrict ")
            .ok_or_else(|| format!("{KEYS} has a key that is not restricted"))?;
        Fingerprint::of_public_key(key).map_err(|why| format!("{KEYS}: {why}"))?;
    }
    if tree.is_this_host() { is_ours_alone(Path::new(KEYS)) } else { Ok(()) }
}

/// Where releases come from, and who signs them.
fn believed(tree: &Tree) -> Result<(), String> {
    let text = tree.text(Path::new(CONFIGURATION))?.ok_or_else(|| not_there(CONFIGURATION))?;
    let configuration = Configuration::parse(&text).map_err(|why| format!("{CONFIGURATION}: {why}"))?;
    let path = configuration.signers.display().to_string();
    let signers = tree.text(&configuration.signers)?.ok_or_else(|| not_there(&path))?;
    let begins = format!("{SIGNER} namespaces=\"{NAMESPACE}\" ");
    for line in signers.lines() {
        let key = line
            .strip_prefix(&begins)
            .ok_or_else(|| format!("{path} has a line that is about something else than releases"))?;
        Fingerprint::of_public_key(key).map_err(|why| format!("{path}: {why}"))?;
    }
    if signers.is_empty() {
        return Err(format!("{path} has nobody"));
    }
    if !tree.is_this_host() {
        return Ok(());
    }
    Configuration::read(Path::new(CONFIGURATION))?;
    let compose = configuration.folder.join("compose.yml");
    if compose.is_file() {
        Ok(())
    } else {
        Err(format!("{} is not there: `keyward init` makes a stack", compose.display()))
    }
}

fn state() -> Result<(), String> {
    let found = fs::metadata(STATE).map_err(|error| format!("{STATE}: {error}"))?;
    if found.uid() == 0 && found.mode().trailing_zeros() >= 6 {
        return Ok(());
    }
    Err(format!("{STATE} is to be root's alone: chown root {STATE}; chmod 0700 {STATE}"))
}

/// Only the account of the gate reaches it.
fn socket() -> Result<(), String> {
    let found = fs::symlink_metadata(SOCKET)
        .map_err(|error| format!("{SOCKET}: {error}; systemctl start keyward-deploy.socket"))?;
    let group = Accounts::of(Path::new("/")).account(ACCOUNT)?.group;
    let is_closed = found.mode() & 0o7777 == 0o660 && found.uid() == 0 && found.gid() == group;
    if found.file_type().is_socket() && is_closed {
        return Ok(());
    }
    Err(format!(
        "{SOCKET} is to be a socket of root's that only the group {ACCOUNT} may write to: systemctl restart keyward-deploy.socket"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_looked_at_is_told_whether_or_not_anything_is_amiss() {
        let mut findings = Findings::default();
        findings.add("one", None);
        findings.add("two", ["a".to_owned(), "b".to_owned()]);
        let told: Vec<_> =
            findings.0.iter().map(|finding| (finding.what, finding.amiss.as_deref())).collect();
        assert_eq!(told, [("one", None), ("two", Some("a")), ("two", Some("b"))]);
    }
}
