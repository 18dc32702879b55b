//! Users of a database that Vault makes for us, or whose passwords it exchanges: for how long they are good.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::Vault;
use super::sign_in::{Token, now};
use crate::Lease;

/// A password that Vault exchanges is another by now, a moment after it said that it would be.
const A_MOMENT: Duration = Duration::from_secs(1);

/// Of `creds/ROLE` a lease; of `static-creds/ROLE` the time until the password is exchanged.
pub(super) fn of(body: &Value, token: &Token, from: Instant) -> Option<Lease> {
    let seconds = |pointer: &str| body.pointer(pointer).and_then(Value::as_u64);
    let id = body.get("lease_id").and_then(Value::as_str).filter(|id| !id.is_empty());
    let Some(id) = id else {
        let duration = Duration::from_secs(seconds("/data/ttl")?) + A_MOMENT;
        return Some(Lease { id: None, from, duration, first: duration, sign_in: token.sign_in });
    };
    let first = Duration::from_secs(seconds("/lease_duration")?);
    let duration = within(first, from, token);
    Some(Lease { id: Some(id.to_owned()), from, duration, first, sign_in: token.sign_in })
}

/// What was made by a token is taken back when that ends.
fn within(duration: Duration, from: Instant, token: &Token) -> Duration {
    token.ends.map_or(duration, |ends| duration.min(ends.saturating_duration_since(from)))
}

impl Vault {
    /// More time for it, if that is worth it.
    pub(crate) async fn renew(&self, lease: &Lease) -> Option<Lease> {
        let id = lease.id.as_ref()?;
        let token = self.token(None).await.ok().filter(|token| token.sign_in == lease.sign_in)?;
        let body = json!({ "lease_id": id, "increment": lease.first.as_secs() });
        let from = now();
        let answer = self.post("sys/leases/renew", &body, &token).await.ok()?;
        let seconds = answer.body.get("lease_duration").and_then(Value::as_u64)?;
        let duration = within(Duration::from_secs(seconds), from, &token);
        (answer.status == 200 && duration >= lease.first / 2).then(|| Lease {
            from,
            duration,
            ..lease.clone()
        })
    }
}
