//! Waiting for something to become true, with an end.

use std::time::{Duration, Instant};

const LONGEST: Duration = Duration::from_secs(30);
const BETWEEN: Duration = Duration::from_millis(50);

/// Asks `attempt` again and again until it has an answer; after half a minute the test fails, saying what was missing.
#[expect(clippy::disallowed_methods, reason = "how long a real browser took")]
pub(crate) async fn until<T>(what: &str, mut attempt: impl AsyncFnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(answer) = attempt().await {
            return answer;
        }
        assert!(started.elapsed() < LONGEST, "after {LONGEST:?} still waiting for {what}");
        tokio::time::sleep(BETWEEN).await;
    }
}
