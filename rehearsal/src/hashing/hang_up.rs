//! All clients ask and hang up at once, again and again.

use std::time::Duration;

use super::PACE;
use super::storm::ask_and_leave;
use super::subject::Subject;
use crate::Failure;

/// Everything that was begun is done by then.
const REST: Duration = Duration::from_millis(500);
/// How often what is left is looked at.
const LOOKS: u32 = 5;

/// The most that hashing threads still spent after all clients of one time had gone, in seconds of the processor.
pub(super) async fn again_and_again(subject: &Subject, times: u32) -> Result<f64, Failure> {
    for _ in 0..times {
        tokio::time::sleep(PACE).await;
        ask_and_leave(&subject.server, &subject.sign_ins).await?;
    }
    let mut most = 0.0_f64;
    for _ in 0..LOOKS {
        tokio::time::sleep(REST).await;
        ask_and_leave(&subject.server, &subject.sign_ins).await?;
        let before = subject.server.hashing_seconds()?;
        tokio::time::sleep(REST).await;
        most = most.max(subject.server.hashing_seconds()? - before);
    }
    Ok(most)
}
