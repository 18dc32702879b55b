//! What is sealed in the database, and by which key.

use auth::{KeyRole, Sealing};
use serde::{Deserialize, Serialize};

use super::{Desk, Operation, Refusal};

/// Tell what is sealed by which key, as the server counted it last.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct LookAtSealed {}

/// What is sealed.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct SealedShown {
    /// By key: the one that seals first.
    pub keys: Vec<SealedUnderShown>,
    /// How many other servers do not hold `keys.encryption` yet.
    pub lacking: u64,
    /// When it was counted, Unix microseconds.
    pub at: i64,
}

/// How much is sealed by one key.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct SealedUnderShown {
    /// The key's id, which tells nothing about it.
    pub key_id: String,
    /// What it is to this server.
    pub role: KeyRoleShown,
    /// How many values it has sealed that are there.
    pub number: u64,
    /// How many of them are sealed anew; the others end by themselves.
    #[serde(default)]
    pub movable: u64,
    /// When the last of those ends that are not sealed anew, Unix microseconds.
    pub ends: Option<i64>,
    /// Whether nothing needs it any more.
    pub may_be_dropped: bool,
}

/// What a key is to a server.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyRoleShown {
    /// It seals.
    Current,
    /// It opens, and seals once every server opens by it.
    Next,
    /// It opens, and `keys.older_encryption` names it.
    Older,
    /// It opens for as long as the server runs, and no longer.
    Held,
    /// It is not here.
    Unknown,
}

impl From<Sealing> for SealedShown {
    fn from(sealing: Sealing) -> Self {
        let keys = sealing.keys.into_iter().map(|key| SealedUnderShown {
            key_id: key.key_id,
            role: match key.role {
                KeyRole::Current => KeyRoleShown::Current,
                KeyRole::Next => KeyRoleShown::Next,
                KeyRole::Older => KeyRoleShown::Older,
                KeyRole::Held => KeyRoleShown::Held,
                KeyRole::Unknown => KeyRoleShown::Unknown,
            },
            number: key.number,
            movable: key.movable,
            ends: key.ends.map(domain::Timestamp::micros),
            may_be_dropped: key.may_be_dropped,
        });
        Self { keys: keys.collect(), lacking: sealing.lacking, at: sealing.at.micros() }
    }
}

impl Operation for LookAtSealed {
    const PATH: &'static str = "/v1/secrets/sealed";
    /// Nothing before the server has counted.
    type Answer = Option<SealedShown>;

    async fn run(self, desk: &Desk) -> Result<Self::Answer, Refusal> {
        let Some(auth) = &desk.auth else {
            return Err(Refusal::new("a server that runs counts what is sealed, and nothing else does"));
        };
        Ok(auth.sealing().map(SealedShown::from))
    }
}
