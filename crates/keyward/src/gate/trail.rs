//! What was refused stands in the audit trail too, with the key that asked; what was done is noted by who did it (`keyward deploy`).

use std::path::Path;
use std::time::Duration;

use auth::Random;
use auth_service::admin::{self, DeployDeed, NoteDeploy};
use auth_service::server::system_clock;

use super::fingerprint::Fingerprint;
use crate::installation::sockets_in;

/// A server that does not answer by then is passed over.
const PATIENCE: Duration = Duration::from_secs(5);

/// As many refusals are noted in one such time; the rest is in the journal alone. A key that was stolen must not fill a table.
const MOST: u32 = 30;
const SPAN: i64 = 3_600 * 1_000_000;

/// Counts what is noted.
#[derive(Debug, Default)]
pub(super) struct Allowance {
    since: i64,
    noted: u32,
}

impl Allowance {
    /// Whether one more is noted, at this moment (Unix microseconds).
    fn has_room(&mut self, now: i64) -> bool {
        if now.saturating_sub(self.since) >= SPAN || now < self.since {
            *self = Self { since: now, noted: 0 };
        }
        let has_room = self.noted < MOST;
        self.noted += u32::from(has_room);
        has_room
    }

    /// The same, by the clock of the system.
    pub(super) fn takes_one_more(&mut self) -> bool {
        self.has_room(system_clock().now().micros())
    }
}

/// Notes a refusal, by a server of the stack that answers.
pub(super) async fn note_refusal(
    stack: &Path,
    asked: &str,
    why: &str,
    key: &Fingerprint,
) -> Result<(), String> {
    let note = NoteDeploy {
        deed: DeployDeed::Refuse,
        id: Random::system().ordered_id(system_clock().now()),
        images: vec![asked.to_owned()],
        why: Some(why.to_owned()),
        by: Some(key.to_string()),
    };
    let sockets = sockets_in(&stack.join("run")).map_err(|error| error.to_string())?;
    let mut last = "there is no server's socket".to_owned();
    for socket in sockets {
        match tokio::time::timeout(PATIENCE, admin::call(&socket, &note)).await {
            Ok(Ok(_)) => return Ok(()),
            Ok(Err(error)) => last = error.to_string(),
            Err(_) => last = format!("{} says nothing", socket.display()),
        }
    }
    Err(format!("it does not stand in the audit trail: {last}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_refusals_is_noted_for_a_while_and_no_more() {
        let mut allowance = Allowance::default();
        let noted =
            |allowance: &mut Allowance, now: i64| (0..1_000).filter(|_| allowance.has_room(now)).count();
        assert_eq!(noted(&mut allowance, SPAN), 30);
        assert_eq!(noted(&mut allowance, SPAN + 1), 0);
        assert_eq!(noted(&mut allowance, 2 * SPAN), 30);
        // A clock that was set back stops nothing for good.
        assert_eq!(noted(&mut allowance, 5), 30);
    }
}
