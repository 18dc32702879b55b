//! Whether what Keyward depends on is there, as far as this process knows.

use domain::Timestamp;
use tokio::sync::watch;

/// One dependency: the database, or Redis. Clones share what they know.
#[derive(Clone, Debug)]
pub struct Health {
    name: &'static str,
    state: watch::Sender<Option<Lost>>,
}

/// Since when a dependency is away, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    /// When that was noticed.
    pub since: Timestamp,
    /// What went wrong first: for operators, and never with a secret in it.
    pub error: String,
}

impl Health {
    /// A dependency that is there.
    pub fn new(name: &'static str) -> Self {
        Self { name, state: watch::Sender::new(None) }
    }

    /// What the dependency is called.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// It does not answer. The first to notice says so in the log; what follows is known already.
    pub fn lost(&self, error: impl std::fmt::Display) {
        self.state.send_if_modified(|state| {
            let first = state.is_none();
            if first {
                let lost = Lost { since: now(), error: error.to_string() };
                tracing::error!(dependency = self.name, error = lost.error, "a dependency is lost");
                *state = Some(lost);
            }
            first
        });
    }

    /// It answers. Cheap where that is no news.
    pub fn found(&self) {
        if self.state.borrow().is_none() {
            return;
        }
        self.state.send_if_modified(|state| {
            let Some(lost) = state.take() else { return false };
            let seconds = now().since(lost.since).as_secs_f32();
            tracing::info!(dependency = self.name, lost_for_seconds = seconds, "a dependency is found again");
            true
        });
    }

    /// Since when it is away, if it is.
    pub fn state(&self) -> Option<Lost> {
        self.state.borrow().clone()
    }

    /// Whether it is away.
    pub fn is_lost(&self) -> bool {
        self.state.borrow().is_some()
    }

    /// Tells of every change.
    pub fn subscribe(&self) -> watch::Receiver<Option<Lost>> {
        self.state.subscribe()
    }
}

/// No rule judges by it: it is for operators, who compare it with their own clock.
#[expect(clippy::disallowed_methods, reason = "it is when a real connection was lost")]
fn now() -> Timestamp {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp(0).plus(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_error_is_kept_until_it_is_found() {
        let health = Health::new("Redis");
        let (told, mut changes) = (health.clone(), health.subscribe());
        assert_eq!((health.state(), health.is_lost()), (None, false));
        told.found();
        assert!(!changes.has_changed().unwrap(), "that is no news");
        told.lost("refused");
        told.lost("timed out");
        let lost = health.state().unwrap();
        assert_eq!(lost.error, "refused");
        assert!(health.is_lost() && lost.since > Timestamp::from_seconds(1_700_000_000));
        assert!(changes.has_changed().unwrap());
        changes.mark_unchanged();
        told.found();
        assert_eq!(health.state(), None);
        assert!(changes.has_changed().unwrap());
    }
}
