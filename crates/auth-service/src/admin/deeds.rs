//! What the command did by itself, without a server, with secrets and with versions: noted in the trail of one that runs.

use std::fmt::Write as _;

use secrets::SecretRef;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

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
        on_one_line(&detail)
    }
}

/// A path, or what a program said, may hold what would begin another line where the trail is shown.
fn on_one_line(detail: &str) -> String {
    detail.chars().map(|character| if character.is_control() { '?' } else { character }).collect()
}

impl Operation for NoteSecretDeed {
    const PATH: &'static str = "/v1/secrets/note";
    type Answer = Done;

    async fn run(self, desk: &Desk) -> Result<Done, Refusal> {
        desk.trail.note(&desk.random, self.deed.act(), &self.detail(), desk.now()).await?;
        Ok(Done {})
    }
}

/// What became of a deploy.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DeployDeed {
    /// What is new serves.
    Deploy,
    /// What ran before serves again.
    Rollback,
    /// It failed, or was broken off, and what ran goes on.
    Undo,
    /// The gate let nothing be done.
    Refuse,
}

impl DeployDeed {
    /// As the trail has it.
    fn act(self) -> &'static str {
        match self {
            Self::Deploy => "deploy",
            Self::Rollback => "roll_back",
            Self::Undo => "undo_deploy",
            Self::Refuse => "refuse_deploy",
        }
    }
}

/// Notes it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct NoteDeploy {
    /// What became of it.
    pub deed: DeployDeed,
    /// By what `keyward deploys` knows it.
    pub id: Uuid,
    /// What the services that were to change were to run.
    pub images: Vec<String>,
    /// Why it was undone, or what is not as it should be.
    pub why: Option<String>,
    /// The fingerprint of the key that asked for it, where one did.
    #[serde(default)]
    pub by: Option<String>,
}

/// So much of why it failed is kept.
const LONGEST_REASON: usize = 400;
/// A fingerprint has fifty letters.
const LONGEST_KEY: usize = 60;

impl NoteDeploy {
    fn detail(&self) -> String {
        let images = self.images.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
        let why: String = self.why.iter().flat_map(|why| why.chars()).take(LONGEST_REASON).collect();
        let parted = if why.is_empty() { "" } else { "; " };
        let by = self.by.as_ref().map(|by| by.chars().take(LONGEST_KEY).collect::<String>());
        let by = by.map(|by| format!(" by {by}")).unwrap_or_default();
        on_one_line(&format!("{}{by}: {images}{parted}{why}", self.id))
    }
}

impl Operation for NoteDeploy {
    const PATH: &'static str = "/v1/deploys/note";
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

    #[test]
    fn a_deploy_is_told_on_one_line_and_not_without_end() {
        let note = |why: Option<String>| NoteDeploy {
            deed: DeployDeed::Undo,
            id: Uuid::from_u128(1),
            images: vec!["auth:2".to_owned(), "app:3".to_owned()],
            why,
            by: None,
        };
        assert_eq!(note(None).detail(), "00000000-0000-0000-0000-000000000001: auth:2, app:3");
        let by = NoteDeploy { by: Some("SHA256:key".to_owned()), ..note(None) };
        assert_eq!(by.detail(), "00000000-0000-0000-0000-000000000001 by SHA256:key: auth:2, app:3");
        let endless = NoteDeploy { by: Some("k\n".repeat(1_000)), ..note(None) };
        assert!(endless.detail().len() < 200 && !endless.detail().contains('\n'));
        // A command of before says nothing of it.
        let before = r#"{"deed":"undo","id":"00000000-0000-0000-0000-000000000001","images":[],"why":null}"#;
        assert_eq!(serde_json::from_str::<NoteDeploy>(before).unwrap().by, None);
        let why = note(Some("it failed\nand more".to_owned())).detail();
        assert!(why.ends_with("app:3; it failed?and more"), "{why}");
        assert!(note(Some("a".repeat(10_000))).detail().len() < 500);
    }
}
