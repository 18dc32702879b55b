//! `auth-service secrets`: whether a start will find them, and another secret id before the one that finds them ends.

mod renew;

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::ExitCode;

use auth_service::server::{Seen, secrets_of};
use clap::{Args, Subcommand};
use serde_json::json;

use super::{Configuration, Failure};
use renew::Renew;

/// Look at the secrets that the configuration names.
#[derive(Subcommand)]
pub(crate) enum SecretsVerb {
    /// Read every secret as a start would, and print how long each is and which version, never a value, and every problem at once:
    /// exit code 0 if a start will find them all, 1 if not.
    Check(Check),
    /// Keep another secret id in the place of the one that Vault or OpenBao is signed in with, before that ends. The role's policy has to let
    /// it: `update` on auth/approle/role/NAME/secret-id, and on lookup below it. To be run each day by a timer.
    Renew(Renew),
}

#[derive(Args)]
pub(crate) struct Check {
    #[command(flatten)]
    configuration: Configuration,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

impl SecretsVerb {
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        match self {
            Self::Check(check) => check.run(),
            Self::Renew(renew) => renew.run(),
        }
    }
}

impl Check {
    fn run(self) -> Result<ExitCode, Failure> {
        let mut reading = self.configuration.sources()?.read();
        let config = match reading.config() {
            Some(config) => config.clone(),
            None => {
                return Err(reading
                    .into_config()
                    .err()
                    .map_or_else(|| "no configuration".into(), Into::into));
            }
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let found = runtime.block_on(secrets_of(&config));
        reading.add(found.problems);
        let problems = reading.problems();
        let text = if self.json {
            let told = json!({ "secrets": found.seen, "problems": problems, "warnings": found.warnings });
            serde_json::to_string_pretty(&told)?
        } else {
            table(&found.seen, &found.warnings)
        };
        // Nobody listening any more is no failure.
        let _ = writeln!(std::io::stdout(), "{}", text.trim_end());
        if problems.is_empty() {
            return Ok(ExitCode::SUCCESS);
        }
        if !self.json {
            eprintln!();
            for problem in problems {
                eprintln!("{problem}");
            }
        }
        Ok(ExitCode::FAILURE)
    }
}

fn table(seen: &[Seen], warnings: &[String]) -> String {
    let width = |of: fn(&Seen) -> usize| seen.iter().map(of).max().unwrap_or_default();
    let (settings, references) = (width(|one| one.setting.len()), width(|one| one.reference.len()));
    let mut text = String::new();
    for one in seen {
        let told = match (one.length, one.cause) {
            (Some(length), _) => format!("{length} bytes"),
            (None, cause) => cause.unwrap_or("unknown").replace('_', " "),
        };
        let version = one.version.as_ref().map_or_else(String::new, |version| format!(", version {version}"));
        let _ = writeln!(text, "{:settings$}  {:references$}  {told}{version}", one.setting, one.reference);
    }
    for warning in warnings {
        let _ = writeln!(text, "\nWarning: {warning}");
    }
    text
}
