//! The trail of what was done.

use auth::{Link, Listed, VerifyError};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Desk, Operation, Refusal};

/// At most so many entries a page.
const PAGE: i64 = 10_000;

const NOBODY: &str = "is no account's address: see `keyward user list`; whoever moved to another address is found by that, and whoever \
                      deleted their account by the pseudonym that entries show with --json";

/// The newest entries.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct ListAudit {
    /// At most so many.
    pub limit: i64,
    /// Only entries before this number.
    pub before: Option<i64>,
    /// Only entries of this person: an address, the id of an account, or a pseudonym.
    pub person: Option<String>,
}

/// An entry.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[expect(missing_docs, reason = "they are the fields of `store::audit::Entry` and `auth::Listed`")]
pub struct AuditEntry {
    pub number: i64,
    pub at: i64,
    pub act: String,
    pub outcome: String,
    pub actor: Option<Uuid>,
    pub subject: Option<Uuid>,
    pub address: Option<String>,
    pub network: String,
    pub support_id: String,
    pub detail: String,
    pub sealed: bool,
    pub exchanged: bool,
}

impl Operation for ListAudit {
    const PATH: &'static str = "/v1/audit/list";
    type Answer = Vec<AuditEntry>;

    async fn run(self, desk: &Desk) -> Result<Self::Answer, Refusal> {
        let limit = self.limit.clamp(1, PAGE);
        let person = match &self.person {
            None => None,
            Some(who) => {
                let found = desk.trail.pseudonym_of(who).await?;
                Some(found.ok_or_else(|| Refusal::new(format!("{who:?} {NOBODY}")))?)
            }
        };
        let entries = desk.trail.list(person, self.before, limit).await?;
        Ok(entries.into_iter().map(shown).collect())
    }
}

fn shown(Listed { entry, sealed, address, exchanged }: Listed) -> AuditEntry {
    AuditEntry {
        number: entry.number.unwrap_or_default(),
        at: entry.at,
        act: entry.act,
        outcome: entry.outcome,
        actor: entry.actor,
        subject: entry.subject,
        address,
        network: entry.network,
        support_id: entry.support_id,
        detail: entry.detail,
        sealed,
        exchanged,
    }
}

/// Follow the whole chain.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct VerifyAudit {
    /// The chain has to lead through this, `NUMBER:MAC`.
    pub expect: Option<String>,
}

/// What became of it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Verification {
    /// The number of the last entry, and where the chain ends: `NUMBER:MAC`. Or why it does not hold.
    pub end: Result<(i64, String), String>,
    /// So many entries wait to be sealed.
    pub waiting: i64,
    /// The chain begins after the entry with this number: it and those before were pruned, or cannot be proved.
    #[serde(default)]
    pub begins_after: i64,
    /// So many of those are still there to be read: they were sealed under a key that was lost.
    #[serde(default)]
    pub unproved: i64,
}

impl Operation for VerifyAudit {
    const PATH: &'static str = "/v1/audit/verify";
    type Answer = Verification;

    async fn run(self, desk: &Desk) -> Result<Verification, Refusal> {
        let expect = self.expect.map(|expect| expect.parse::<Link>()).transpose().map_err(Refusal::new)?;
        let verified = desk.trail.verify(expect.as_ref()).await;
        let waiting = desk.trail.count_waiting().await?;
        let end = match verified {
            Ok(end) => end,
            Err(VerifyError::Store(error)) => return Err(error.into()),
            // Where it begins may be what cannot be read.
            Err(broken) => {
                return Ok(Verification {
                    end: Err(broken.to_string()),
                    waiting,
                    begins_after: 0,
                    unproved: 0,
                });
            }
        };
        Ok(Verification {
            end: Ok((end.number, end.to_string())),
            waiting,
            begins_after: desk.trail.begins_after().await?,
            unproved: desk.trail.count_unproved().await?,
        })
    }
}
