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
    failed: Option<KeysAway>,
    fetched: Option<(Timestamp, Arc<KeySet>)>,
}

/// Why they cannot be had just now, so that nobody can say whose an assertion is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeysAway {
    /// Nothing came from the address, or something else than 200.
    #[error("the address does not give them: {0}")]
    Unreached(String),
    /// What came is no set that is taken.
    #[error("the set is refused: {0}")]
    Refused(String),
}

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
            match self.fetch(uri).await {
                Ok(keys) => {
                    entry.failed = None;
                    entry.fetched = Some((now, Arc::new(keys)));
                }
                Err(error) => {
                    tracing::warn!(jwks_uri = uri, %error, "the keys of an app cannot be had");
                    entry.failed = Some(error);
                }
            }
        }
        let believed = entry.fetched.as_ref().filter(|(at, _)| now.since(*at) < STALE).map(|(_, keys)| keys);
        // A key id that is not among them may be one that the app has published since.
        let keys = believed.filter(|keys| entry.failed.is_none() || kid.is_none_or(|kid| keys.contains(kid)));
        keys.cloned().ok_or_else(|| {
            // Whoever asked may have gone before there was an answer.
            let failed = entry.failed.clone();
            failed.unwrap_or_else(|| KeysAway::Unreached("it has not answered yet".to_owned()))
        })
    }

    async fn fetch(&self, uri: &str) -> Result<KeySet, KeysAway> {
        let request = EgressRequest::get(uri).header("accept", "application/jwk-set+json, application/json");
        let answered = self.egress.send(request).await;
        let response = answered.map_err(|error| KeysAway::Unreached(error.to_string()))?;
        if response.status != 200 {
            return Err(KeysAway::Unreached(format!("it answered {}", response.status)));
        }
        JwkSet::parse(&response.body)
            .and_then(|set| KeySet::from_jwk_set(&set))
            .map_err(|error| KeysAway::Refused(error.to_string()))
    }
}

impl Known {
    fn needs_a_look(&self, kid: Option<&str>, now: Timestamp) -> bool {
        let pause = if self.failed.is_some() { PAUSE_AFTER_FAILURE } else { PAUSE };
        let rested = self.asked_at.is_none_or(|at| now.since(at) >= pause || now < at);
        let known = self
            .fetched
            .as_ref()
            .is_some_and(|(at, keys)| now.since(*at) < FRESH && kid.is_none_or(|kid| keys.contains(kid)));
        rested && !known
    }
}
