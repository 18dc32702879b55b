//! The signals that ask a process to stop, or to look at its secrets.

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{Rotation, ServerError};

/// Ctrl-C and SIGTERM. They are caught from [`Signals::catch`] on: a server that says it runs and then dies of the first signal,
/// because nobody listened yet, has not drained.
#[derive(Debug)]
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Begins to catch them.
    pub fn catch() -> Result<Self, ServerError> {
        let caught = |kind| signal(kind).map_err(ServerError::Signals);
        Ok(Self { interrupt: caught(SignalKind::interrupt())?, terminate: caught(SignalKind::terminate())? })
    }

    /// Waits for the next one, and says which it was.
    pub async fn next(&mut self) -> SignalKind {
        tokio::select! {
            _ = self.interrupt.recv() => SignalKind::interrupt(),
            _ = self.terminate.recv() => SignalKind::terminate(),
        }
    }

    /// Ends the process at the next one, whatever is in flight: whoever asks twice does not want to wait. What was acknowledged
    /// is in the database, as after a crash.
    pub async fn end_at_the_next(&mut self) {
        let number = self.next().await.as_raw_value();
        tracing::warn!("a second signal: ending at once, without waiting for what is in flight");
        // As a shell reports a process that died of it.
        std::process::exit(128 + number);
    }
}

/// SIGHUP: somebody has changed a secret, and wants it to be looked at now. Caught, it ends no server.
#[derive(Debug)]
pub struct Hangups(Signal);

impl Hangups {
    /// Begins to catch them.
    pub fn catch() -> Result<Self, ServerError> {
        Ok(Self(signal(SignalKind::hangup()).map_err(ServerError::Signals)?))
    }

    /// Has everything looked at, at each of them.
    pub async fn heed(mut self, rotation: Rotation) {
        while self.0.recv().await.is_some() {
            tracing::info!("SIGHUP: every secret is looked at now");
            rotation.look_now();
        }
    }
}
