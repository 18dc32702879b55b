//! The time that a deploy takes is real.

use std::time::{Duration, Instant};

use domain::Timestamp;

/// Since when something is done.
#[derive(Clone, Copy, Debug)]
pub(super) struct Since(Instant);

impl Since {
    #[expect(clippy::disallowed_methods, reason = "it is how long a real deploy takes")]
    pub(super) fn now() -> Self {
        Self(Instant::now())
    }

    pub(super) fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

/// This moment.
pub(super) fn now() -> Timestamp {
    auth_service::server::system_clock().now()
}
