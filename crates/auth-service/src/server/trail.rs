//! The audit trail where no server serves: begun anew by whoever has lost the key that it is sealed with.

use auth::{AuditTrail, Random};
use store::Store;

use super::full::{connect, postgres};
use super::keeping::keeper;
use super::{Secrets, ServerError, open_store, system_clock};
use crate::admin::Operator;
use crate::config::{Config, Mode};
use crate::health::Health;

/// Begins a new chain under the present key. The number of the last entry before it; none if it is this key that the trail is
/// sealed with. Nobody may be served meanwhile: a server that has the other key goes on sealing under that one.
pub async fn begin_trail_anew(config: &Config) -> Result<Option<i64>, ServerError> {
    let (random, clock) = (Random::system(), system_clock());
    // Nobody is told but whoever reads the log.
    let health = Health::new(clock.clone());
    let keeper = keeper(config, &config.references_to_serve(), &health, &random).await?;
    let key = Secrets::resolve(&config.keys, &config.password.hashing, &keeper).await?.audit_key()?;
    let store = match config.mode() {
        Some(Mode::Full(url)) => {
            let settings = postgres(&config.database, url, &keeper).await?;
            connect(&settings, config, &health, &random).await?
        }
        Some(Mode::Small(path)) => open_store(path).await?,
        // Read and judged, it names one.
        None => return Ok(None),
    };
    let begun = begin(&store, key, &random, clock.now()).await;
    store.close().await;
    begun
}

async fn begin(
    store: &Store,
    key: [u8; 32],
    random: &Random,
    now: domain::Timestamp,
) -> Result<Option<i64>, ServerError> {
    let trail = AuditTrail::new(store.clone(), key);
    if trail.is_its_key().await.map_err(auth::Fault::from)? {
        return Ok(None);
    }
    let operator = Operator::of_process().map(|operator| operator.to_string());
    let trail = trail.of_operator(&operator.unwrap_or_default());
    Ok(Some(trail.begin_anew(random, now).await?))
}
