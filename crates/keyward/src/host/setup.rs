//! `keyward host setup`: makes a host one to which a pipeline may deploy. What is as it should be is left alone.

use std::fs;
use std::path::{Path, PathBuf};

use auth::Random;
use auth_service::server::system_clock;
use clap::Args;

use super::tree::{Tree, Wanted};
use super::undo::{Record, take_orders};
use super::wanted::{Asked, KEYS, PROGRAM, SSHD, files};
use super::{account, root_door, sshd};
use crate::accounts::Accounts;
use crate::gate::{ACCOUNT, Fingerprint, STATE, is_ours_alone};
use crate::{Failure, say};

/// sshd's public key.
const HOST_KEY: &str = "/etc/ssh/ssh_host_ed25519_key.pub";

/// Prepare this host so that a pipeline can deploy to it by a key that can do nothing else. Safe to run again.
///
/// It makes the account `deploy`, which has no password and no right to anything; has sshd run the gate for it, and nothing else, and let
/// nobody in by a password; and installs the service that fetches, checks and deploys. What it changes of SSH is undone after five minutes,
/// unless `keyward host confirm` is said in a login that is newer. In the end it prints what the forge's settings are to have.
#[derive(Args)]
pub(crate) struct Setup {
    /// The folder of the stack.
    #[arg(long, value_name = "DIR", default_value = "/srv/keyward")]
    folder: PathBuf,
    /// The registry of the releases: `ghcr.io`, `registry.example.com:5000`.
    #[arg(long, value_name = "HOST")]
    registry: String,
    /// What comes before the name of each image there: `team/keyward`.
    #[arg(long, value_name = "NAME")]
    repository: String,
    /// A public key whose signature of a release counts. Once for each.
    #[arg(long, value_name = "FILE", required = true)]
    signer: Vec<PathBuf>,
    /// A public key that may ask for deploys. Once for each; those of before that are not named any more are gone.
    #[arg(long, value_name = "FILE", required = true)]
    deploy_key: Vec<PathBuf>,
    /// A network that is not public in which the registry may be: `10.0.0.0/8`. Once for each.
    #[arg(long, value_name = "NETWORK")]
    allowed_network: Vec<String>,
    /// Certificates in PEM by which the registry is believed, besides those that the system has.
    #[arg(long, value_name = "FILE")]
    registry_certificate: Option<PathBuf>,
    /// Let root not log in any more. Only once somebody else was seen to have, by a key, who may become root.
    #[arg(long)]
    close_root: bool,
    /// What the pipeline calls this host; without it, the host's own name.
    #[arg(long, value_name = "NAME")]
    host_name: Option<String>,
    /// Where sshd listens.
    #[arg(long, value_name = "PORT", default_value_t = 22)]
    ssh_port: u16,
    /// Where the command is installed; without it, where this very program is.
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// Say what would be changed, and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// Prepare the tree in this folder, and not this host: for an image of a host.
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// Undo it after so many seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 300, hide = true, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    confirm_within: u64,
}

impl Setup {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let tree = Tree::of(self.root.as_deref());
        account::is_somebodys(&Accounts::of(tree.root()))?;
        let program = self.program(&tree)?;
        let keys = read_all(&self.deploy_key)?;
        let before = tree.text(Path::new(SSHD))?.unwrap_or_default();
        let close_root = self.close_root || sshd::closes_root(&before);
        let wanted = files(&Asked {
            folder: &self.folder,
            registry: &self.registry,
            repository: &self.repository,
            allowed_networks: &self.allowed_network,
            registry_certificate: self.registry_certificate.as_deref(),
            signers: read_all(&self.signer)?,
            deploy_keys: keys.clone(),
            program: &program,
            close_root,
        })?;
        if self.close_root && !sshd::closes_root(&before) {
            root_may_be_shut_out(&tree)?;
        }
        let mut changed = Vec::new();
        for file in &wanted {
            if tree.has(file)? {
                say(format_args!("  as it should be  {}", file.path.display()));
            } else {
                changed.push(file);
            }
        }
        let amiss = account::amiss(&Accounts::of(tree.root()));
        if self.dry_run {
            would(&changed, &amiss);
            return Ok(());
        }
        let waits = self.apply(&tree, &program, close_root, &changed)?;
        self.tell_the_forge(&tree, &keys)?;
        if waits {
            say(format_args!(
                "\nLeave this login open, log in anew beside it, and say there within {} s:\n  sudo keyward host confirm\nElse all of it is undone.",
                self.confirm_within
            ));
        }
        Ok(())
    }

    /// Where the command will be. On this host nobody but root may put another in its place: sshd and systemd run it.
    fn program(&self, tree: &Tree) -> Result<PathBuf, String> {
        let program = match &self.program {
            Some(program) => program.clone(),
            None if tree.is_this_host() => std::env::current_exe()
                .map_err(|error| format!("where this program is is not known: {error}"))?,
            None => PROGRAM.into(),
        };
        if tree.is_this_host() {
            is_ours_alone(&program).map_err(|why| {
                format!(
                    "{why}. sshd and systemd are to run it: install -m 0755 {} {PROGRAM}",
                    program.display()
                )
            })?;
        }
        Ok(program)
    }

    /// Does it. Whether it waits to be confirmed.
    fn apply(
        &self,
        tree: &Tree,
        program: &Path,
        close_root: bool,
        changed: &[&Wanted],
    ) -> Result<bool, Failure> {
        let is_here = tree.is_this_host();
        if is_here && !rustix::process::geteuid().is_root() {
            return Err("a host is root's to prepare: sudo keyward host setup …".into());
        }
        if is_here && !changed.is_empty() && Record::pending()?.is_some() {
            return Err("what was changed before waits to be confirmed: say `keyward host confirm` in a new login, or wait until it is undone".into());
        }
        if let Some(done) = account::ensure(tree)? {
            say(format_args!("  {done:<15}  the account {ACCOUNT}"));
        }
        tree.folder(Path::new("/etc/keyward"), 0o755)?;
        tree.folder(Path::new(STATE), 0o700)?;
        if changed.is_empty() {
            return Ok(false);
        }
        // How somebody gets in is changed by these two alone; the rest goes back with them.
        let is_guarded = is_here
            && changed.iter().any(|file| [SSHD, KEYS].iter().any(|path| file.path == Path::new(path)));
        let record = if is_guarded {
            let record = Record::of(Random::system().ordered_id(system_clock().now()), changed)?;
            record.write()?;
            Some(record)
        } else {
            None
        };
        for file in changed {
            if let Err(why) = tree.put(file) {
                return Err(taken_back(record.as_ref(), &why));
            }
            say(format_args!("  written          {}", file.path.display()));
        }
        if let Some(record) = &record {
            // Whoever logs in from here on is let in by what is new.
            let begun = sshd::would_do(&program.display().to_string(), close_root)
                .and_then(|()| record.arm(self.confirm_within))
                .and_then(|()| sshd::reload())
                .and_then(|()| record.can_be_confirmed());
            if let Err(why) = begun {
                return Err(taken_back(Some(record), &why));
            }
        }
        if is_here {
            take_orders()?;
        }
        Ok(record.is_some())
    }

    /// Prints what is to be pasted into the forge's settings.
    fn tell_the_forge(&self, tree: &Tree, keys: &[String]) -> Result<(), String> {
        let name = match &self.host_name {
            Some(name) => name.clone(),
            None => tree.text(Path::new("/etc/hostname"))?.unwrap_or_default().trim().to_owned(),
        };
        let known = if self.ssh_port == 22 { name.clone() } else { format!("[{name}]:{}", self.ssh_port) };
        say("\nFor the forge's environment `production`, as variables:");
        say(format_args!("  DEPLOY_HOST         {name}"));
        if self.ssh_port != 22 {
            say(format_args!("  DEPLOY_PORT         {}", self.ssh_port));
        }
        match tree.text(Path::new(HOST_KEY))? {
            Some(key) => {
                let key = key.split_ascii_whitespace().take(2).collect::<Vec<_>>().join(" ");
                say(format_args!("  DEPLOY_KNOWN_HOSTS  {known} {key}"));
            }
            None => say(format_args!(
                "  DEPLOY_KNOWN_HOSTS  is told once there is {HOST_KEY}: ssh-keygen -A, and run this again"
            )),
        }
        say("and as a secret:");
        for key in keys.iter().flat_map(|text| text.lines()) {
            if let Ok(fingerprint) = Fingerprint::of_public_key(key) {
                say(format_args!("  DEPLOY_KEY          the private half of {fingerprint}"));
            }
        }
        Ok(())
    }
}

/// What is told of a change that did not come to its end.
fn taken_back(record: Option<&Record>, why: &str) -> Failure {
    let Some(record) = record else { return why.into() };
    let restored = Record::take().and_then(|_| record.restore());
    match restored {
        Ok(()) => format!("{why}; everything is as it was before").into(),
        Err(error) => format!("{why}; and not everything could be taken back: {error}").into(),
    }
}

fn would(changed: &[&Wanted], amiss: &[String]) {
    for why in amiss {
        say(format_args!("  would be mended  {why}"));
    }
    for file in changed {
        say(format_args!("  would be written {}", file.path.display()));
        for line in file.text.lines() {
            say(format_args!("    {line}"));
        }
    }
    say("Nothing was changed.");
}

fn read_all(paths: &[PathBuf]) -> Result<Vec<String>, String> {
    let read = |path: &PathBuf| {
        fs::read_to_string(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))
    };
    paths.iter().map(read).collect()
}

fn root_may_be_shut_out(tree: &Tree) -> Result<(), String> {
    if !tree.is_this_host() {
        return Err("nobody was seen to log in to a host that does not run yet: close root's door there, once somebody was".to_owned());
    }
    let who = root_door::somebody_else(&Accounts::of(tree.root()))?;
    say(format_args!(
        "  {who} was seen to log in by a key, and may become root: root need not log in any more"
    ));
    Ok(())
}
