//! `auth-service audit`: what is done to the audit trail where its key is, and while nobody is served.

use std::io::Write as _;
use std::process::ExitCode;

use auth_service::config::Mode;
use auth_service::server::begin_trail_anew;
use clap::{Args, Subcommand};
use serde_json::json;
use store::ServerLock;

use super::{Configuration, Failure, logging};

/// See to the audit trail.
#[derive(Subcommand)]
pub(crate) enum Audit {
    /// Begin a new chain under the present key, when the one before it is lost. What was sealed under that one can still be read, and
    /// no longer be proved. Stop every server first.
    BeginAnew(BeginAnew),
}

#[derive(Args)]
pub(crate) struct BeginAnew {
    #[command(flatten)]
    configuration: Configuration,
    /// Say that no server is running: one with the lost key would go on sealing under it. On SQLite it is found out.
    #[arg(long)]
    servers_are_stopped: bool,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

impl Audit {
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        let Self::BeginAnew(BeginAnew { configuration, servers_are_stopped, json }) = self;
        let config = configuration.sources()?.read().into_config()?;
        logging::start(&config.log, None);
        let _lock = match config.mode() {
            Some(Mode::Small(path)) => Some(ServerLock::take(path)?),
            _ if servers_are_stopped => None,
            _ => {
                return Err(
                    "stop every server of this database first, and say so: --servers-are-stopped".into()
                );
            }
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let Some(number) = runtime.block_on(begin_trail_anew(&config))? else {
            return Err("keys.audit is what the trail is sealed with: there is nothing to begin anew".into());
        };
        let told = if json {
            json!({ "begins_after": number }).to_string()
        } else {
            format!("A new chain begins after entry {number}. What is before it can no longer be proved.")
        };
        // Nobody listening any more is no failure.
        let _ = writeln!(std::io::stdout(), "{told}");
        Ok(ExitCode::SUCCESS)
    }
}
