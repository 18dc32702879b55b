//! Whoever breaks a deploy off (Ctrl-C, a lost connection, a stop of the host) is heard between two things that are done, and never in the
//! middle of one.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::Failure;

/// What was heard.
#[derive(Clone)]
pub(super) struct Interruption {
    heard: watch::Receiver<Option<&'static str>>,
}

impl Interruption {
    /// From here on the process does not end by these signals.
    pub(super) fn listen() -> Result<Self, Failure> {
        let (tell, heard) = watch::channel(None);
        for (kind, name) in [
            (SignalKind::interrupt(), "it was interrupted (SIGINT)"),
            (SignalKind::terminate(), "it was told to end (SIGTERM)"),
            (SignalKind::hangup(), "the terminal or the connection is gone (SIGHUP)"),
        ] {
            // `nohup` has it ignored: whoever called so wants it to go on.
            if kind == SignalKind::hangup() && is_ignored(kind) {
                continue;
            }
            let (mut signals, tell) = (signal(kind)?, tell.clone());
            tokio::spawn(async move {
                while signals.recv().await.is_some() {
                    tell.send_replace(Some(name));
                }
            });
        }
        Ok(Self { heard })
    }

    /// Fails if something was heard.
    pub(super) fn check(&self) -> Result<(), Failure> {
        match *self.heard.borrow() {
            Some(what) => Err(what.into()),
            None => Ok(()),
        }
    }

    /// Waits for so long, or fails as soon as something is heard.
    pub(super) async fn pause(&self, time: Duration) -> Result<(), Failure> {
        self.during(tokio::time::sleep(time)).await
    }

    /// Waits for it, or fails as soon as something is heard.
    pub(super) async fn during<T>(&self, waits: impl Future<Output = T>) -> Result<T, Failure> {
        let mut heard = self.heard.clone();
        tokio::select! {
            biased;
            Ok(what) = heard.wait_for(Option::is_some) => Err(what.unwrap_or_default().into()),
            done = waits => Ok(done),
        }
    }
}

/// Whether whoever started this process had it ignore a signal, as the kernel says.
fn is_ignored(kind: SignalKind) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
    (mask >> (kind.as_raw_value() - 1)) & 1 == 1
}
