//! How passwords are hashed.

use serde::{Deserialize, Serialize};

use super::{Desk, Operation, Refusal};

/// Count accounts by how their passwords are hashed.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct ReportPasswords {}

/// So many accounts have a password that is hashed so.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct HashingCount {
    /// What a hash says up to its salt; none where nobody has looked yet.
    pub scheme: Option<String>,
    /// Accounts.
    pub accounts: i64,
}

impl Operation for ReportPasswords {
    const PATH: &'static str = "/v1/passwords/report";
    type Answer = Vec<HashingCount>;

    async fn run(self, desk: &Desk) -> Result<Self::Answer, Refusal> {
        let counts = store::passwords::count_by_scheme(&mut desk.store.read().await?).await?;
        let shown = |count: store::passwords::SchemeCount| HashingCount {
            scheme: count.scheme,
            accounts: count.accounts,
        };
        Ok(counts.into_iter().map(shown).collect())
    }
}
