//! Which installation a verb is about: one with a configuration, or the data of `keyward dev`.

use std::path::PathBuf;

use auth_service::config::{Config, Keys};
use auth_service::server::open_store;
use clap::Args;
use store::Store;

use crate::{Failure, dev};

/// Names an installation.
#[derive(Args)]
pub(crate) struct Installation {
    /// The configuration of the installation; without it, the data of `keyward dev`.
    #[arg(long, global = true, env = "KEYWARD_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// The folder of `keyward dev`.
    #[arg(long, global = true, default_value = "keyward-data", value_name = "DIR")]
    data: PathBuf,
}

impl Installation {
    /// Opens its database, and says where its keys are. A database that is not there is not made.
    pub(crate) async fn open(&self) -> Result<(Store, Keys), Failure> {
        let (path, keys) = match &self.config {
            Some(path) => {
                let config = Config::load(path)?;
                (config.database.path, config.keys)
            }
            None => (self.data.join("keyward.sqlite"), dev::keys(&self.data)?),
        };
        if !path.exists() {
            return Err(format!(
                "there is no database at {}: name the folder with --data, or the configuration with --config",
                path.display()
            )
            .into());
        }
        Ok((open_store(&path).await?, keys))
    }
}

/// A moment in Unix microseconds, as RFC 3339 in UTC.
pub(crate) fn moment(micros: i64) -> String {
    jiff::Timestamp::from_microsecond(micros).map(|at| at.to_string()).unwrap_or_default()
}
