//! Waiting for something to become true, with an end.

use std::time::Duration;

const LONGEST: Duration = Duration::from_secs(30);
const BETWEEN: Duration = Duration::from_millis(50);

/// Asks `attempt` again and again until it has an answer; after half a minute the test fails, saying what was missing.
pub(crate) async fn until<T>(what: &str, mut attempt: impl AsyncFnMut() -> Option<T>) -> T {
    let mut turns = tokio::time::interval(BETWEEN);
    let asking = async {
        loop {
            turns.tick().await;
            if let Some(answer) = attempt().await {
                return answer;
            }
        }
    };
    // An attempt that hangs is no reason to wait for longer.
    let asked = tokio::time::timeout(LONGEST, asking).await;
    asked.unwrap_or_else(|_| panic!("after {LONGEST:?} still waiting for {what}"))
}
