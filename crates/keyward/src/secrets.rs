//! `keyward secrets`: what running servers know of their secrets, and what is done so that they come to know them. A file a verb.

mod enrol;
mod generate;
mod manager;
mod migrate;
mod private_file;
mod running;
mod trail;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use secrets::{ExposeSecret as _, SecretString, constant_time_equal};

use crate::Failure;
use crate::installation::Installation;
use crate::rotate::Rotate;

/// See to secrets: those of running servers, new ones, and their way into a manager.
#[derive(Args)]
pub(crate) struct Secrets {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    installation: Installation,
    /// Print JSON: one object a secret, or of what was done.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum Verb {
    /// Read every secret of every running server anew, and tell how long each is, which version, for how long it has been in use, and
    /// whether it still is what is kept: never a value. Nothing changes. The exit code is 1 if anything is wrong with any.
    Check,
    /// The same, and hand what has changed to whoever uses it. What does not prove itself is refused, and the one before stays.
    Refresh,
    /// Make a fresh key: printed, and nothing else is, or written to where a reference leads.
    Generate(generate::Generate),
    /// Move values out of .env and keyward.toml into Vault or OpenBao, and leave references in their place.
    Migrate(migrate::Migrate),
    /// Give this machine the secret id of its AppRole, out of a wrapping token that can be used once.
    Enrol(enrol::Enrol),
    /// Exchange a secret of Keyward's own, step by step, each an entry of the audit trail; first say what that would end, and ask.
    ///
    /// `signing_keys` are exchanged, and `keys.encryption` where it is a file of this machine. Of any other secret, one that a manager keeps
    /// or another server knows, the steps are printed for you to do, nothing is done, and the exit code is 3.
    Rotate(Rotate),
}

impl Secrets {
    pub(crate) async fn run(self) -> Result<ExitCode, Failure> {
        let (installation, json) = (&self.installation, self.json);
        match self.verb {
            Verb::Check => running::look(installation, false, json).await,
            Verb::Refresh => running::look(installation, true, json).await,
            Verb::Generate(generate) => generate.run(installation, json).await,
            Verb::Migrate(migrate) => Box::pin(migrate.run(installation, json)).await,
            Verb::Enrol(enrol) => enrol.run(installation, json).await,
            Verb::Rotate(rotate) => rotate.run(installation).await,
        }
    }
}

/// Whether two secrets are one. It takes as long whatever they have in common, as everywhere.
fn are_alike(one: &SecretString, two: &SecretString) -> bool {
    constant_time_equal(one.expose_secret().as_bytes(), two.expose_secret().as_bytes())
}
