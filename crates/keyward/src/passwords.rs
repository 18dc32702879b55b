//! `keyward passwords`: how passwords are hashed, and how they should be on this machine.

mod calibrate;

use auth_service::admin::{HashingCount, ReportPasswords};
use clap::{Args, Subcommand};
use serde_json::json;

use crate::installation::Installation;
use crate::{Failure, say};

/// See how passwords are hashed, and how they should be on this machine.
#[derive(Args)]
pub(crate) struct Passwords {
    #[command(subcommand)]
    verb: Verb,
    /// Print JSON.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum Verb {
    /// Count accounts by how their passwords are hashed. Each is hashed as new ones are when its owner next signs in.
    Report {
        #[command(flatten)]
        installation: Installation,
    },
    /// Measure this machine, and print the setting that fits it, what it costs an attacker, and how many sign-ins a second it
    /// allows. Run it on a machine that does nothing else.
    Calibrate(calibrate::Calibrate),
}

impl Passwords {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        match self.verb {
            Verb::Report { installation } => report(&installation, self.json).await,
            Verb::Calibrate(calibrate) => calibrate.run(self.json).await,
        }
    }
}

async fn report(installation: &Installation, json: bool) -> Result<(), Failure> {
    let channel = installation.channel().await?;
    let counts = channel.run(ReportPasswords {}).await?;
    channel.close().await;
    if counts.is_empty() && !json {
        say("No account has a password.");
    }
    for HashingCount { scheme, accounts } in counts {
        let kind = match &scheme {
            Some(scheme) => auth::describe_scheme(scheme),
            None => "not looked at yet: a server of this release does so at its start".to_owned(),
        };
        if json {
            say(json!({ "hashing": kind, "accounts": accounts }));
        } else {
            say(format_args!("{accounts:>9}  {kind}"));
        }
    }
    Ok(())
}
