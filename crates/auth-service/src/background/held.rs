//! What a worker has taken and is working on: known by id, so that a stop can let go of what it cuts.

use std::collections::HashMap;

use tokio::task::{Id, JoinSet};

use super::LAST_SENDS;

/// Tasks, each about one row that this process has claimed.
pub(super) struct Held<T> {
    tasks: JoinSet<()>,
    rows: HashMap<Id, T>,
}

impl<T> Default for Held<T> {
    fn default() -> Self {
        Self { tasks: JoinSet::new(), rows: HashMap::new() }
    }
}

impl<T> Held<T> {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Begins to work on a row.
    pub(super) fn spawn(&mut self, row: T, work: impl Future<Output = ()> + Send + 'static) {
        self.rows.insert(self.tasks.spawn(work).id(), row);
    }

    /// Waits until one is done with; nothing if there is none.
    pub(super) async fn next(&mut self) -> Option<()> {
        let id = match self.tasks.join_next_with_id().await? {
            Ok((id, ())) => id,
            Err(error) => error.id(),
        };
        self.rows.remove(&id);
        Some(())
    }

    /// Waits a little for all of them, cuts the rest, and says which rows those are about.
    pub(super) async fn end(mut self) -> Vec<T> {
        let all = async { while self.next().await.is_some() {} };
        drop(tokio::time::timeout(LAST_SENDS, all).await);
        self.tasks.shutdown().await;
        self.rows.into_values().collect()
    }
}
