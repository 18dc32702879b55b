//! The secrets of the running server: whether each is what is kept in its place.

use serde::{Deserialize, Serialize};

use super::{Desk, Done, Operation, Refusal};
use crate::health::Health;
use crate::server::{Rotation, ToldSecret};

/// Look at every secret: what is kept of each is read anew.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct LookAtSecrets {
    /// What has changed is handed to whoever uses it.
    pub refresh: bool,
}

/// A secret in force. Its value is told to nobody.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct SecretShown {
    /// `database.password`.
    pub setting: String,
    /// Where it is kept.
    pub reference: String,
    /// How long it is, in bytes.
    pub length: usize,
    /// Which version it is, where its keeper counts them.
    pub version: Option<String>,
    /// For how many seconds this server has used it.
    pub age: u64,
    /// Since it was last seen to be what is kept, in seconds.
    pub stale: u64,
    /// Why it is not what is kept, or may not be.
    pub problem: Option<String>,
}

/// The secrets of a server at one look.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct SecretsShown {
    /// How many there are.
    pub count: u64,
    /// For how many seconds that one of them has not been seen to be what is kept that has not been for the longest.
    pub stale: u64,
    /// What is wrong, with its setting before it.
    pub problems: Vec<String>,
}

impl From<ToldSecret> for SecretShown {
    fn from(told: ToldSecret) -> Self {
        Self {
            setting: told.setting.to_owned(),
            reference: told.reference,
            length: told.length,
            version: told.version,
            age: told.age.as_secs(),
            stale: told.stale.as_secs(),
            problem: told.problem,
        }
    }
}

impl SecretsShown {
    pub(super) fn of(told: &[ToldSecret]) -> Self {
        let problem = |one: &ToldSecret| Some(format!("{}: {}", one.setting, one.problem.as_ref()?));
        Self {
            count: told.len() as u64,
            stale: told.iter().map(|one| one.stale.as_secs()).max().unwrap_or_default(),
            problems: told.iter().filter_map(problem).collect(),
        }
    }
}

/// Write down a step of the exchange of a secret.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct NoteRotation {
    /// `keys.encryption`.
    pub setting: String,
    /// The step.
    pub step: RotationStep,
}

/// How far the exchange of a secret is.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RotationStep {
    /// It is about to be exchanged.
    Begun,
    /// The one before is kept elsewhere.
    Kept,
    /// Another is in its place.
    Written,
    /// All that the one before had sealed is sealed by the other.
    Sealed,
}

impl Operation for NoteRotation {
    const PATH: &'static str = "/v1/secrets/note-rotation";
    type Answer = Done;

    async fn run(self, desk: &Desk) -> Result<Self::Answer, Refusal> {
        let Self { setting, step } = self;
        let known = desk.health.as_ref().and_then(Health::secrets).map(Rotation::told).unwrap_or_default();
        let Some(known) = known.iter().find(|one| one.setting == setting) else {
            return Err(Refusal::new("this server has no such secret"));
        };
        let step = match step {
            RotationStep::Begun => "begun",
            RotationStep::Kept => "the one before is kept elsewhere",
            RotationStep::Written => "another is in its place",
            RotationStep::Sealed => "what the one before had sealed is sealed anew",
        };
        let detail = format!("{}: {step}", known.setting);
        desk.trail.note(&desk.random, "rotate_secret", &detail, desk.now()).await?;
        Ok(Done {})
    }
}

impl Operation for LookAtSecrets {
    const PATH: &'static str = "/v1/secrets/look";
    type Answer = Vec<SecretShown>;

    async fn run(self, desk: &Desk) -> Result<Self::Answer, Refusal> {
        let Some(rotation) = desk.health.as_ref().and_then(Health::secrets) else {
            return Err(Refusal::new(
                "these are the secrets of a server that runs: before one does, `auth-service secrets check` reads them",
            ));
        };
        let (act, told) = if self.refresh {
            rotation.refresh().await;
            ("refresh_secrets", rotation.told())
        } else {
            ("check_secrets", rotation.check().await)
        };
        let wrong = told.iter().filter(|one| one.problem.is_some()).count();
        let detail = format!("{} secrets, {wrong} with a problem", told.len());
        if let Err(error) = desk.trail.note(&desk.random, act, &detail, desk.now()).await {
            // The database's own password may be what it is about.
            tracing::warn!(%error, act, "what the operator did with secrets could not be written into the audit trail");
        }
        Ok(told.into_iter().map(SecretShown::from).collect())
    }
}
