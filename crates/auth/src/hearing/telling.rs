//! What was ended or changed and said by nobody, as far as this process knows: it is told by Redis, for whoever has lost the database,
//! and kept until it could be.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::Auth;

/// While Redis is away no more is kept (some megabytes): more than that is told by one word.
const MOST: usize = 20_000;
/// That word. A release that does not know it cannot read it, and forgets everything as well.
pub(super) const EVERYTHING: &str = r#"{"everything":true}"#;

/// What is still to be told, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Untold {
    changes: Mutex<VecDeque<String>>,
    /// It is time to try.
    due: Notify,
}

impl Untold {
    fn changes(&self) -> MutexGuard<'_, VecDeque<String>> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps these, and has all that is kept told. `is_heard`: Redis is there, so that they are not kept for long.
    pub(super) fn add(&self, more: Vec<String>, is_heard: bool) {
        let mut changes = self.changes();
        changes.extend(more);
        if changes.len() > MOST && !is_heard {
            tracing::warn!(
                changes = changes.len(),
                "Redis is away, and more was changed than is kept to be told by it: whoever hears it again asks everything anew"
            );
            *changes = VecDeque::from([EVERYTHING.to_owned()]);
        }
        let is_due = !changes.is_empty();
        drop(changes);
        if is_due {
            self.due.notify_one();
        }
    }

    fn take(&self) -> Option<String> {
        self.changes().pop_front()
    }

    fn put_back(&self, change: String) {
        self.changes().push_front(change);
    }
}

impl Auth {
    /// Tells what is to be told, for ever: what a command did, what a process did that had lost Redis (this one too), or that died before it
    /// could say so. Beside the looks at the table, each of which makes it try: a Redis that is slow must not hold up the next.
    pub(super) async fn tell_others(&self) {
        let untold = &self.hearing.untold;
        let mut was_kept = false;
        loop {
            untold.due.notified().await;
            let mut told: u64 = 0;
            let is_done = loop {
                let Some(change) = untold.take() else { break true };
                if !self.hearing.ephemeral.publish(&change).await {
                    // Perhaps some have heard it: to be told twice does no harm.
                    untold.put_back(change);
                    break false;
                }
                told += 1;
            };
            if was_kept && told > 0 {
                tracing::info!(changes = told, "what nobody could be told while Redis was away is told");
            }
            was_kept = !is_done;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(count: usize) -> Vec<String> {
        (0..count).map(|number| number.to_string()).collect()
    }

    #[test]
    fn what_could_not_be_told_is_told_first() {
        let untold = Untold::default();
        untold.add(changes(2), false);
        let first = untold.take().unwrap();
        untold.put_back(first);
        untold.add(vec!["late".to_owned()], true);
        let all: Vec<_> = std::iter::from_fn(|| untold.take()).collect();
        assert_eq!(all, ["0", "1", "late"]);
    }

    #[test]
    fn what_is_kept_while_redis_is_away_has_an_end_and_nothing_is_left_unsaid() {
        let untold = Untold::default();
        for _ in 0..10 {
            untold.add(changes(MOST / 4), false);
            assert!(untold.changes().len() <= MOST);
        }
        assert_eq!(untold.take().as_deref(), Some(EVERYTHING));
        // What is on its way is no memory that grows.
        let untold = Untold::default();
        untold.add(changes(MOST + 1), true);
        assert_eq!(untold.changes().len(), MOST + 1);
    }
}
