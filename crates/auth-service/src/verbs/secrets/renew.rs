//! `auth-service secrets renew`: a secret id has an end, and cannot be given more time.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown};
use std::path::Path;
use std::process::ExitCode;

use auth_service::config::Config;
use auth_service::server::system_clock;
use clap::Args;
use secrets::{ExposeSecret as _, SecretIdLife, SecretRef, SecretString};

use super::{Configuration, Failure};

#[derive(Args)]
pub(crate) struct Renew {
    #[command(flatten)]
    configuration: Configuration,
    /// Even if more than half of its life is left.
    #[arg(long)]
    now: bool,
}

impl Renew {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let config = self.configuration.sources()?.read().into_config()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let told = runtime.block_on(renewed(&config, self.now))?;
        // Nobody listening any more is no failure.
        let _ = writeln!(std::io::stdout(), "{told}");
        Ok(ExitCode::SUCCESS)
    }
}

async fn renewed(config: &Config, at_once: bool) -> Result<String, Failure> {
    let Some(SecretRef::File(path)) = &config.secrets.vault.secret_id else {
        return Err("secrets.vault.secret_id names no file, and nothing else can be exchanged: write file:/absolute/path there".into());
    };
    let keeper = config.secrets.keeper();
    let wrong = |cause: secrets::SecretCause| format!("the secret id in {} {cause}", path.display());
    let life = keeper.secret_id().await.map_err(wrong)?;
    if !at_once && !life.is_some_and(|life| is_half_over(life, now())) {
        return Ok(format!("{}: nothing is to be done.", told(life)));
    }
    replace(path, &keeper.another_secret_id().await.map_err(wrong)?).map_err(|error| {
        format!("another secret id was made, and cannot be written to {}: {error}", path.display())
    })?;
    // By itself, as the next start does it.
    let life = config.secrets.keeper().secret_id().await.map_err(wrong)?;
    Ok(format!("Another secret id is in {}. {}.", path.display(), told(life)))
}

fn is_half_over(life: SecretIdLife, now: i64) -> bool {
    now - life.made > life.ends - now
}

fn told(life: Option<SecretIdLife>) -> String {
    match life {
        Some(life) => format!("It ends in {} hours", (life.ends - now()).max(0) / 3600),
        None => "It does not end".to_owned(),
    }
}

/// Written beside the one before, for the same readers, and moved over it: whoever signs in reads one or the other.
fn replace(path: &Path, secret_id: &SecretString) -> std::io::Result<()> {
    let before = fs::metadata(path)?;
    let beside = path.with_extension("new");
    // What an end half-way has left.
    if let Err(error) = fs::remove_file(&beside)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        return Err(error);
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o400).open(&beside)?;
    file.write_all(secret_id.expose_secret().as_bytes())?;
    fchown(&file, None, Some(before.gid()))?;
    file.set_permissions(fs::Permissions::from_mode(before.mode() & 0o777))?;
    file.sync_all()?;
    fs::rename(&beside, path)
}

fn now() -> i64 {
    system_clock().now().micros() / 1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_time_when_half_of_the_life_is_over() {
        let life = SecretIdLife { made: 1_000, ends: 2_000 };
        assert!(!is_half_over(life, 1_500));
        assert!(is_half_over(life, 1_501));
        assert!(is_half_over(life, 5_000));
    }
}
