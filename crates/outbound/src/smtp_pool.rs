//! Idle connections to the SMTP server.
//!
//! lettre has a pool of its own, and takes a connection back even when the send on it was given up half-way: the
//! next mail would then read the answer that was meant for this one. Here a connection comes back only after a
//! whole conversation, and is otherwise dropped.

use std::{
    sync::{Mutex, PoisonError},
    time::Instant,
};

use lettre::transport::smtp::client::AsyncSmtpConnection;

const MAXIMUM_IDLE: usize = 4;

/// Servers hang up after five minutes (RFC 5321 section 4.5.3.2.7), middle boxes earlier.
const MAXIMUM_IDLE_SECONDS: u64 = 30;

#[derive(Default)]
pub(crate) struct SmtpPool {
    idle: Mutex<Vec<(AsyncSmtpConnection, Instant)>>,
}

impl SmtpPool {
    /// The connection that was used last, if it is still fresh.
    pub(crate) fn take(&self) -> Option<AsyncSmtpConnection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|(_, since)| since.elapsed().as_secs() < MAXIMUM_IDLE_SECONDS);
        idle.pop().map(|(connection, _)| connection)
    }

    /// Nothing is idle any more: whoever they are of is to sign in anew.
    pub(crate) fn clear(&self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the age of a connection, which the time of day has no part in"
    )]
    pub(crate) fn put_back(&self, connection: AsyncSmtpConnection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MAXIMUM_IDLE && !connection.has_broken() {
            idle.push((connection, Instant::now()));
        }
    }
}
