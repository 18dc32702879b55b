//! What the command did with secrets by itself, without a server: noted in the trail of one that runs.

use std::fmt::Write as _;

use secrets::SecretRef;
use serde::{Deserialize, Serialize};

use super::{Desk, Done, Operation, Refusal};

/// So many places are named, and the rest is counted: what the trail keeps is for people to read.
const NAMED: usize = 20;

/// What was done with secrets.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretDeed {
    /// A new key was made.
    Generate,
    /// Values were moved to a manager.
    Migrate,
    /// The secret id of an AppRole was unwrapped.
    Enrol,
}

impl SecretDeed {
    /// As the trail has it.
    fn act(self) -> &'static str {
        match self {
            Self::Generate => "generate_secret",
            Self::Migrate => "migrate_secrets",
            Self::Enrol => "enrol_secret_id",
        }
    }
}

/// Notes it. There is no room for a value: places are references, and nothing else is told but how many there are.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct NoteSecretDeed {
    /// What was done.
    pub deed: SecretDeed,
    /// Where the secrets are now.
    pub places: Vec<SecretRef>,
    /// How many of them others may know, and have to be rotated.
    pub exposed: u32,
}

impl NoteSecretDeed {
    fn detail(&self) -> String {
        let named: Vec<String> = self.places.iter().take(NAMED).map(ToString::to_string).collect();
        let mut detail = named.join(", ");
        if let Some(more) = self.places.len().checked_sub(NAMED).filter(|more| *more > 0) {
            let _ = write!(detail, " and {more} more");
        }
        if self.exposed > 0 {
            let _ = write!(detail, "; {} of them to be rotated", self.exposed);
        }
        // A path may hold what would begin another line where the trail is shown.
        detail.chars().map(|character| if character.is_control() { '?' } else { character }).collect()
    }
}

impl Operation for NoteSecretDeed {
    const PATH: &'static str = "/v1/secrets/note";
    type Answer = Done;

    async fn run(self, desk: &Desk) -> Result<Done, Refusal> {
        desk.trail.note(&desk.random, self.deed.act(), &self.detail(), desk.now()).await?;
        Ok(Done {})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_told_on_one_line_and_not_without_end() {
        let note = |places: Vec<&str>, exposed| NoteSecretDeed {
            deed: SecretDeed::Migrate,
            places: places.into_iter().map(|place| place.parse().unwrap()).collect(),
            exposed,
        };
        let few = note(vec!["vault:kv/keyward#audit", "file:/a\nb"], 1).detail();
        assert_eq!(few, "vault:kv/keyward#audit, file:/a?b; 1 of them to be rotated");
        let many = note(vec!["env:A"; NAMED + 3], 0).detail();
        assert!(many.ends_with("env:A and 3 more"), "{many}");
        assert_eq!(note(vec!["env:A"; NAMED], 0).detail().matches("env:A").count(), NAMED);
        let value = r#"{"deed":"migrate","places":["the secret itself"],"exposed":0}"#;
        assert!(serde_json::from_str::<NoteSecretDeed>(value).is_err());
    }
}
