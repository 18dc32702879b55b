//! The order to stop, in two steps: first nobody new is to be sent here, then nobody is taken any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::watch;

/// Whether it is time to stop. Clones hear the same.
#[derive(Clone, Debug)]
pub struct Stop {
    /// Asked at each answer: it costs next to nothing.
    draining: Arc<AtomicBool>,
    drains: watch::Receiver<bool>,
    stopping: watch::Receiver<bool>,
}

/// Gives the order.
#[derive(Debug)]
pub struct Stopper {
    draining: Arc<AtomicBool>,
    drains: watch::Sender<bool>,
    stopping: watch::Sender<bool>,
}

/// An order that can be given, and whoever is to hear it.
pub fn stop() -> (Stopper, Stop) {
    let (stop, stopping) = watch::channel(false);
    let (drain, drains) = watch::channel(false);
    let draining = Arc::new(AtomicBool::new(false));
    let stopper = Stopper { draining: draining.clone(), drains: drain, stopping: stop };
    (stopper, Stop { draining, drains, stopping })
}

impl Stopper {
    /// Serve on, and let every connection end with its next answer, so that its client comes back by another.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Release);
        self.drains.send_replace(true);
    }

    /// Take nobody any more, and end what is in flight.
    pub fn stop(&self) {
        self.drain();
        // Nobody may be left to hear it.
        let _ = self.stopping.send(true);
    }

    /// Drains for so long, then stops.
    pub async fn drain_for(&self, time: Duration) {
        self.drain();
        tokio::time::sleep(time).await;
        self.stop();
    }
}

impl Stop {
    /// Whether connections are to end with their next answer.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// Resolves when connections are to end with their next answer. It does if nobody can give the order any more, too.
    pub async fn drained(&mut self) {
        let _ = self.drains.wait_for(|drains| *drains).await;
    }

    /// Resolves when nobody is to be taken any more. It does if nobody can give the order any more, too.
    pub async fn stopped(&mut self) {
        let _ = self.stopping.wait_for(|stop| *stop).await;
    }

    /// For what only has to know when to stop.
    pub fn receiver(&self) -> watch::Receiver<bool> {
        self.stopping.clone()
    }
}

/// An order in one step.
impl From<watch::Receiver<bool>> for Stop {
    fn from(stopping: watch::Receiver<bool>) -> Self {
        Self { draining: Arc::default(), drains: stopping.clone(), stopping }
    }
}
