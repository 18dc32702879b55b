//! The keys that apps publish at their `jwks_uri` (RFC 7591 section 2), fetched through the one egress client.
//!
//! They are fetched when an app shows an assertion, and believed for a few minutes; a key id that is not among them makes
//! them be fetched again, so that an app exchanges its keys without telling anybody. However much is asked, one address is
//! asked by one request at a time, and seldom.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::Timestamp;
use oidc::{JwkSet, KeySet};
use outbound::{EgressClient, EgressRequest};

/// For so long keys are believed without another look.
const FRESH: Duration = Duration::from_mins(5);
/// For so long they are, where the app's address does not answer.
const STALE: Duration = Duration::from_hours(1);
/// Between two looks at one address.
const PAUSE: Duration = Duration::from_secs(30);
/// Addresses kept: more than there are apps with one. A change of address leaves the old one behind.
const KEPT: usize = 1_000;

/// What is known of the keys that apps publish.
#[derive(Debug)]
pub struct ClientKeys {
    egress: EgressClient,
    known: Mutex<HashMap<String, Arc<tokio::sync::Mutex<Known>>>>,
}

#[derive(Debug, Default)]
struct Known {
    asked_at: Option<Timestamp>,
    fetched: Option<(Timestamp, Arc<KeySet>)>,
}

impl ClientKeys {
    /// Nothing is known yet.
    pub fn new(egress: EgressClient) -> Self {
        Self { egress, known: Mutex::default() }
    }

    /// The keys at `uri`, with the one of this id if the app has published it by now. None, if they cannot be had.
    pub async fn of(&self, uri: &str, kid: Option<&str>, now: Timestamp) -> Option<Arc<KeySet>> {
        let entry = {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            if known.len() >= KEPT && !known.contains_key(uri) {
                known.clear();
            }
            known.entry(uri.to_owned()).or_default().clone()
        };
        // Whoever comes meanwhile waits for this answer, rather than ask for one of their own.
        let mut entry = entry.lock().await;
        if entry.needs_a_look(kid, now) {
            entry.asked_at = Some(now);
            match self.fetch(uri).await {
                Ok(keys) => entry.fetched = Some((now, Arc::new(keys))),
                Err(error) => tracing::warn!(jwks_uri = uri, error, "the keys of an app cannot be had"),
            }
        }
        entry.fetched.as_ref().filter(|(at, _)| now.since(*at) < STALE).map(|(_, keys)| keys.clone())
    }

    async fn fetch(&self, uri: &str) -> Result<KeySet, String> {
        let request = EgressRequest::get(uri).header("accept", "application/jwk-set+json, application/json");
        let response = self.egress.send(request).await.map_err(|error| error.to_string())?;
        if response.status != 200 {
            return Err(format!("it answered {}", response.status));
        }
        let set = JwkSet::parse(&response.body).map_err(|error| error.to_string())?;
        KeySet::from_jwk_set(&set).map_err(|error| error.to_string())
    }
}

impl Known {
    fn needs_a_look(&self, kid: Option<&str>, now: Timestamp) -> bool {
        let rested = self.asked_at.is_none_or(|at| now.since(at) >= PAUSE || now < at);
        let known = self
            .fetched
            .as_ref()
            .is_some_and(|(at, keys)| now.since(*at) < FRESH && kid.is_none_or(|kid| keys.contains(kid)));
        rested && !known
    }
}
