//! What the server's binary does, a file a verb.

pub(crate) mod audit;
pub(crate) mod config;
pub(crate) mod healthcheck;
mod logging;
pub(crate) mod migrate;
pub(crate) mod secrets;
pub(crate) mod serve;

use std::path::PathBuf;

use auth_service::config::{ConfigError, Sources};
use clap::Args;

/// Any verb's failure: one sentence that says what happened, why, and what to do next.
pub(crate) type Failure = Box<dyn std::error::Error>;

/// Where the configuration is.
#[derive(Args)]
pub(crate) struct Configuration {
    /// The configuration's file; keyward.toml here, if there is one and none is named.
    #[arg(long, env = "KEYWARD_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// A setting over file and environment, such as server.listen=127.0.0.1:3000.
    #[arg(long, value_name = "SETTING=VALUE")]
    set: Vec<String>,
}

impl Configuration {
    pub(crate) fn sources(&self) -> Result<Sources, ConfigError> {
        Sources::of_process(self.config.as_deref(), &self.set)
    }
}
