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
/// Between two looks at one address that answers.
const PAUSE: Duration = Duration::from_secs(30);
/// Between two looks at one that does not, so that its app is let in again soon after it does.
pub const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(5);
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
    /// At the last look.
    failed: bool,
    fetched: Option<(Timestamp, Arc<KeySet>)>,
}

/// They cannot be had just now, so nobody can say whose an assertion is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the keys of an app cannot be had")]
pub struct KeysAway;

impl ClientKeys {
    /// Nothing is known yet.
    pub fn new(egress: EgressClient) -> Self {
        Self { egress, known: Mutex::default() }
    }

    /// The keys at `uri`, with the one of this id if the app has published it by now.
    pub async fn of(&self, uri: &str, kid: Option<&str>, now: Timestamp) -> Result<Arc<KeySet>, KeysAway> {
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
            let fetched = self.fetch(uri).await;
            entry.failed = fetched.is_err();
            match fetched {
                Ok(keys) => entry.fetched = Some((now, Arc::new(keys))),
                Err(error) => tracing::warn!(jwks_uri = uri, error, "the keys of an app cannot be had"),
            }
        }
        let believed = entry.fetched.as_ref().filter(|(at, _)| now.since(*at) < STALE).map(|(_, keys)| keys);
        // A key id that is not among them may be one that the app has published since.
        let keys = believed.filter(|keys| !entry.failed || kid.is_none_or(|kid| keys.contains(kid)));
        keys.cloned().ok_or(KeysAway)
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
        let pause = if self.failed { PAUSE_AFTER_FAILURE } else { PAUSE };
        let rested = self.asked_at.is_none_or(|at| now.since(at) >= pause || now < at);
        let known = self
            .fetched
            .as_ref()
            .is_some_and(|(at, keys)| now.since(*at) < FRESH && kid.is_none_or(|kid| keys.contains(kid)));
        rested && !known
    }
}
