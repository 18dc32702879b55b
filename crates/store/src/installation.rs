//! Table `installation`: what this installation was set up as.

use domain::Timestamp;

use crate::{Error, Tx};

/// The relying party id this installation was set up with; `rp_id` is stored if it is the first to be told.
pub async fn rp_id(tx: &mut Tx, rp_id: &str, now: Timestamp) -> Result<String, Error> {
    on!(tx, |connection| sqlx::query_scalar(
        "INSERT INTO installation (id, rp_id, created_at) VALUES (1, $1, $2)
         ON CONFLICT (id) DO UPDATE SET rp_id = installation.rp_id
         RETURNING rp_id",
    )
    .bind(rp_id)
    .bind(now.micros())
    .fetch_one(connection))
}
