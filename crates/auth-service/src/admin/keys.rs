//! The keys that sign tokens.

use auth::{KeyInfo, KeyState, Rotation};
use oidc::Algorithm;
use serde::{Deserialize, Serialize};

use super::{Desk, Operation, Refusal};

/// Every key, newest first.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct ListKeys {}

/// A key. Moments are Unix microseconds.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct KeyShown {
    /// Its id.
    pub kid: String,
    /// What it signs by.
    pub algorithm: Algorithm,
    /// What it is doing.
    pub state: KeyState,
    /// When it was made.
    pub created_at: i64,
    /// From when on it signs.
    pub signs_from: i64,
    /// Until when it signs.
    pub signs_until: Option<i64>,
}

impl Operation for ListKeys {
    const PATH: &'static str = "/v1/keys/list";
    type Answer = Vec<KeyShown>;

    async fn run(self, desk: &Desk) -> Result<Self::Answer, Refusal> {
        let keys = desk.signing_keys().await?.list(desk.now()).await?;
        let shown = |key: KeyInfo| KeyShown {
            kid: key.kid,
            algorithm: key.algorithm,
            state: key.state,
            created_at: key.created_at.micros(),
            signs_from: key.signs_from.micros(),
            signs_until: key.signs_until.map(domain::Timestamp::micros),
        };
        Ok(keys.into_iter().map(shown).collect())
    }
}

/// Exchange keys.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct RotateKeys {
    /// Only that of this algorithm.
    pub algorithm: Option<Algorithm>,
    /// Somebody else may have the present one.
    pub compromised: bool,
}

/// What became of the key of an algorithm.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct RotatedKey {
    /// The algorithm.
    pub algorithm: Algorithm,
    /// The id of the next key; none if one is on its way already.
    pub next: Option<String>,
}

impl Operation for RotateKeys {
    const PATH: &'static str = "/v1/keys/rotate";
    type Answer = Vec<RotatedKey>;

    async fn run(self, desk: &Desk) -> Result<Self::Answer, Refusal> {
        let rotation = if self.compromised { Rotation::Compromised } else { Rotation::Gentle };
        let keys = desk.signing_keys().await?;
        let mut rotated = Vec::new();
        for algorithm in [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256] {
            if self.algorithm.is_none_or(|only| only == algorithm) {
                let next = keys.rotate_as(&desk.trail, algorithm, rotation, desk.now()).await?;
                rotated.push(RotatedKey { algorithm, next });
            }
        }
        Ok(rotated)
    }
}
