//! Which installation a verb is about: one with a configuration, or the data of `keyward dev`.

use std::path::PathBuf;

use auth::HasherSettings;
use auth_service::config::{Config, Egress, Keys, Mode};
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
    #[arg(long, global = true, default_value = DATA, value_name = "DIR")]
    data: PathBuf,
}

/// The folder of `keyward dev`, if none is named.
pub(crate) const DATA: &str = "keyward-data";

/// The database in it.
pub(crate) const DATABASE: &str = "keyward.sqlite";

impl Installation {
    /// The options that name it, as a shell takes them, for a hint that can be copied.
    pub(crate) fn repeated(&self) -> String {
        match &self.config {
            Some(config) => format!(" --config {}", quoted(&config.display().to_string())),
            None if self.data.as_os_str() == DATA => String::new(),
            None => format!(" --data {}", quoted(&self.data.display().to_string())),
        }
    }

    /// Where it may go by itself.
    pub(crate) fn egress(&self) -> Result<Egress, Failure> {
        match &self.config {
            Some(path) => Ok(Config::load(path)?.egress),
            None => Ok(dev::egress()),
        }
    }

    /// How its passwords are hashed.
    pub(crate) fn hashing(&self) -> Result<HasherSettings, Failure> {
        match &self.config {
            Some(path) => Ok(Config::load(path)?.password.hashing),
            None => Ok(HasherSettings::default()),
        }
    }

    /// Opens its database, and says where its keys are. A database that is not there is not made.
    pub(crate) async fn open(&self) -> Result<(Store, Keys), Failure> {
        let (path, keys) = match &self.config {
            Some(path) => {
                let config = Config::load(path)?;
                let Some(Mode::Small(path)) = config.mode() else {
                    return Err("the accounts are in PostgreSQL, which this command does not open".into());
                };
                (path.to_owned(), config.keys)
            }
            None => (self.data.join(DATABASE), dev::keys(&self.data)?),
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

/// A word as a shell reads it.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || "/._-+:,@".contains(character);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// A moment in Unix microseconds, as RFC 3339 in UTC.
pub(crate) fn moment(micros: i64) -> String {
    jiff::Timestamp::from_microsecond(micros).map(|at| at.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_names_the_installation_as_a_shell_reads_it() {
        let installation = |config: Option<&str>, data: &str| Installation {
            config: config.map(PathBuf::from),
            data: PathBuf::from(data),
        };
        assert_eq!(installation(None, DATA).repeated(), "");
        assert_eq!(installation(None, "/srv/a b").repeated(), " --data '/srv/a b'");
        assert_eq!(installation(None, "it's $HOME").repeated(), r" --data 'it'\''s $HOME'");
        assert_eq!(installation(Some("/etc/keyward.toml"), "x").repeated(), " --config /etc/keyward.toml");
    }
}
