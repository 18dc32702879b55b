//! `keyward host`: a host to which a pipeline may deploy, by a key that can do nothing else. A file a verb, and what they share.
//!
//! What is to be there is text, made from what was asked for ([`wanted`]), and put below `/`, or below a tree that is prepared ([`tree`]).
//! What sshd makes of it is asked of sshd itself ([`sshd`]). A change of how somebody gets in is undone by itself ([`undo`]), unless somebody
//! who got in since ([`session`]) says that it is well ([`confirm`]).

mod account;
mod check;
mod confirm;
mod root_door;
mod session;
mod setup;
mod sshd;
mod tree;
mod undo;
mod wanted;

use std::process::{Command, ExitCode, Stdio};

use clap::{Args, Subcommand};

use crate::Failure;

/// Prepare a host so that a pipeline can deploy to it by a key that can do nothing else, and see whether it still is.
#[derive(Args)]
pub(crate) struct Host {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    Setup(Box<setup::Setup>),
    Confirm(confirm::Confirm),
    Check(check::Check),
    #[command(hide = true)]
    Undo(undo::Undo),
}

impl Host {
    pub(crate) async fn run(self) -> Result<ExitCode, Failure> {
        match self.verb {
            Verb::Setup(setup) => setup.run().map(|()| ExitCode::SUCCESS),
            Verb::Confirm(_) => confirm::Confirm::run().map(|()| ExitCode::SUCCESS),
            Verb::Check(check) => check.run(),
            Verb::Undo(undo) => undo.run().await.map(|()| ExitCode::SUCCESS),
        }
    }
}

/// What a program of the system prints, if it ends well; else what it said last. It is called with a list of arguments, and never by a shell.
fn program(name: &str, arguments: &[&str]) -> Result<String, String> {
    let ended = Command::new(name)
        .args(arguments)
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{name} cannot be run: {error}"))?;
    if ended.status.success() {
        return Ok(String::from_utf8_lossy(&ended.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    let said = said
        .lines()
        .map(str::trim)
        .rfind(|line| !line.is_empty())
        .unwrap_or("it does not say why")
        .to_owned();
    Err(format!("{name} {}: {said}", arguments.first().unwrap_or(&"")))
}

/// Whether systemd is what started this host: else nothing of it is asked.
fn has_systemd() -> bool {
    std::path::Path::new("/run/systemd/system").is_dir()
}
