//! Connections at one moment, for whoever watches the server.

use std::sync::atomic::{AtomicUsize, Ordering};

/// The connections of this process to its database: in SQLite those that only read, beside which one writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connections {
    /// As many as there may be.
    pub maximum: usize,
    /// In somebody's hands.
    pub used: usize,
    /// Open, and in nobody's hands.
    pub idle: usize,
    /// Who waits for one.
    pub waiting: usize,
}

/// Counts who waits.
#[derive(Debug, Default)]
pub(crate) struct Waiting(AtomicUsize);

/// Somebody who waits, until it is dropped.
#[derive(Debug)]
pub(crate) struct Waits<'w>(&'w AtomicUsize);

impl Waiting {
    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn one(&self) -> Waits<'_> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Waits(&self.0)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
