//! At start: every secret that a manager keeps is read, once, before anything else is begun.

use auth::Random;
use secrets::{Keeper, SecretError};

use super::ServerError;
use super::waiting::{Awaited, Trouble};
use crate::config::{Config, Named};
use crate::health::Health;

/// What reads the secrets of this configuration, holding those that managers keep. It waits for a manager that is away or sealed;
/// what is denied or missing is told at once.
pub async fn keeper(
    config: &Config,
    references: &[Named<'_>],
    health: &Health,
    random: &Random,
) -> Result<Keeper, ServerError> {
    let keeper = config.secrets.keeper();
    for Named { setting, reference, .. } in references.iter().filter(|named| named.reference.is_managed()) {
        let manager = Awaited {
            name: "secrets",
            what: &format!("the manager that keeps {setting}"),
            limit: Some(config.startup.wait),
        };
        let read = async || match keeper.read(reference).await {
            Ok(_) => Ok(()),
            Err(error) if error.cause.is_passing() => Err(Trouble::Passing(error.to_string())),
            Err(error) => Err(Trouble::Lasting(refused(setting, &error))),
        };
        manager.wait(health, random, read).await?;
    }
    for Named { setting, reference, .. } in references {
        super::references::warn_if_open(setting, reference);
        // What managers are asked by is read by the keeper itself; whether it can be, is told by whoever asks one.
        if setting.starts_with("secrets.")
            && let Ok(secret) = keeper.read(reference).await
        {
            super::references::refuse_sample(setting, reference, &secret.value)?;
        }
    }
    Ok(keeper)
}

fn refused(setting: &'static str, error: &SecretError) -> ServerError {
    ServerError::Secret { setting, error: error.to_string() }
}
