//! `auth-service config`: what is in force, and what is wrong.

use std::io::Write as _;
use std::process::ExitCode;

use auth_service::server::{refused, secrets_of};
use clap::{Args, Subcommand};

use super::{Configuration, Failure};

/// Look at the configuration.
#[derive(Subcommand)]
pub(crate) enum ConfigVerb {
    /// Print what is in force and where each value comes from, secrets masked, and every problem at once.
    Check(Check),
}

#[derive(Args)]
pub(crate) struct Check {
    #[command(flatten)]
    configuration: Configuration,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

impl ConfigVerb {
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        let Self::Check(check) = self;
        check.run()
    }
}

impl Check {
    fn run(self) -> Result<ExitCode, Failure> {
        let mut reading = self.configuration.sources()?.read();
        let mut warnings = Vec::new();
        // Secrets, and where everything is, are looked at as a start would, so that it finds nothing that this has not said.
        if let Some(config) = reading.config().cloned() {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let found = runtime.block_on(secrets_of(&config));
            warnings = found.warnings;
            reading.add(found.problems);
            reading.add(runtime.block_on(refused(&config)));
        }
        let text = if self.json { reading.report_json(&warnings) } else { reading.report(&warnings) };
        // Nobody listening any more is no failure.
        let _ = writeln!(std::io::stdout(), "{}", text.trim_end());
        if reading.problems().is_empty() {
            return Ok(ExitCode::SUCCESS);
        }
        if !self.json {
            eprintln!();
            for problem in reading.problems() {
                eprintln!("{problem}");
            }
        }
        Ok(ExitCode::FAILURE)
    }
}
