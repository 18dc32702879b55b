//! Accounts from elsewhere.

use std::collections::HashSet;

use auth::{Batch, Batches, FirebaseParameters, Imported, ImportedAccount};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::rows::{self, Reading};
use super::{Desk, Operation, Refusal};

/// Brings accounts in, each with the hash of its password: in one transaction, so that all of them are there, or none is.
#[derive(Debug, Deserialize, Serialize)]
pub struct ImportUsers {
    /// What is known of each. At most [`MOST`](Self::MOST).
    pub rows: Vec<Map<String, Value>>,
    /// Whether an address is its owner's where a row does not say.
    pub proved: bool,
    /// Of the Firebase project that the hashes come from.
    pub firebase: Option<FirebaseParameters>,
    /// Look at them and change nothing.
    pub dry_run: bool,
    /// Which rows of which import they are: the audit trail has it of each.
    #[serde(default)]
    pub batch: Option<ImportBatch>,
    /// The rows that were under way when the same import was cut short. What they brought in is [`There`](ImportedRow::There).
    #[serde(default)]
    pub cut_short: Option<ImportBatch>,
}

/// Rows of an import that are brought in together.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct ImportBatch {
    /// The id of the import, a UUID.
    pub import: String,
    /// The row that they come after.
    pub after: u64,
}

/// What became of a row.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ImportedRow {
    /// It is an account now, or would be, with this normalised address.
    Added(String),
    /// It was an account already, with this normalised address: the rows that the import was cut short in had brought it in.
    There(String),
    /// It is not, and why.
    Refused(String),
}

impl ImportUsers {
    /// Rows at once: enough that the cost of a transaction is shared, and few enough that others who write wait for a moment only.
    pub const MOST: usize = 500;
    /// Bytes of JSON at once.
    pub const LARGEST: usize = 4 * 1024 * 1024;
}

impl Operation for ImportUsers {
    const PATH: &'static str = "/v1/users/import";
    const LARGEST: usize = Self::LARGEST;
    type Answer = Vec<ImportedRow>;

    async fn run(self, desk: &Desk) -> Result<Self::Answer, Refusal> {
        if self.rows.len() > Self::MOST {
            return Err(Refusal::new(format_args!(
                "{} rows at once are too many: {} at most",
                self.rows.len(),
                Self::MOST
            )));
        }
        let batches = Batches { own: batch(self.batch)?, cut_short: batch(self.cut_short)? };
        let import = desk.import().await?;
        let reading = Reading { proved: self.proved, firebase: self.firebase };
        let rows = self.rows;
        // Some hundred hashes to read are no work for a thread that answers others.
        let read = tokio::task::spawn_blocking(move || -> Vec<_> {
            rows.iter().map(|row| rows::read(row, &reading)).collect()
        });
        let read = read.await.map_err(|_| Refusal::new("reading the rows panicked"))?;
        let mut became = Vec::with_capacity(read.len());
        let mut accounts = Vec::with_capacity(read.len());
        for row in read {
            match row {
                Ok(account) => {
                    became.push(ImportedRow::Added(account.email.normalized().to_owned()));
                    accounts.push(account);
                }
                Err(reason) => became.push(ImportedRow::Refused(reason)),
            }
        }
        let done = if self.dry_run {
            look(&import, &accounts).await?
        } else {
            import.add(accounts, batches, desk.now()).await?
        };
        let read = became.iter_mut().filter(|row| matches!(row, ImportedRow::Added(_)));
        for (row, done) in read.zip(done) {
            match done {
                Imported::Added => {}
                Imported::There => {
                    if let ImportedRow::Added(address) = row {
                        *row = ImportedRow::There(std::mem::take(address));
                    }
                }
                Imported::AddressTaken => *row = ImportedRow::Refused(ADDRESS_TAKEN.to_owned()),
                Imported::KindsFull => *row = ImportedRow::Refused(kinds_full()),
                Imported::TooMuchMemory { needed, available } => {
                    *row = ImportedRow::Refused(too_much_memory(needed, available));
                }
            }
        }
        Ok(became)
    }
}

fn batch(told: Option<ImportBatch>) -> Result<Option<Batch>, Refusal> {
    let read = |ImportBatch { import, after }: ImportBatch| match Uuid::parse_str(&import) {
        Ok(import) => Ok(Batch { import, after }),
        Err(error) => Err(Refusal::new(format_args!("{import} is no id of an import: {error}"))),
    };
    told.map(read).transpose()
}

/// Why a row is refused whose address somebody has, or another row before it.
pub const ADDRESS_TAKEN: &str = "its address has an account already";

/// Why a row is refused whose hash is made in one way more than there may be.
fn kinds_full() -> String {
    format!(
        "accounts have hashes of {} kinds already, and every failed sign-in does the work of each, so that time tells of none: leave \
         password_hash out, and its owner sets a new password, or wait until fewer kinds remain (keyward passwords report)",
        auth::Import::KINDS
    )
}

/// Why a row is refused whose hash takes more memory than all hashes together may.
fn too_much_memory(needed: usize, available: usize) -> String {
    format!(
        "its password hash takes {needed} KiB of memory, and all hashes together may take {available}: set \
         password.hashing.max_memory_kib to {needed} at the least and restart, or leave password_hash out, and its owner sets a new \
         password"
    )
}

/// What would become of them: of two with one address the first is added.
async fn look(import: &auth::Import, accounts: &[ImportedAccount]) -> Result<Vec<Imported>, auth::Fault> {
    let mut found = import.look(accounts).await?;
    let mut seen = HashSet::new();
    for (became, account) in found.iter_mut().zip(accounts) {
        if !seen.insert(account.email.normalized()) {
            *became = Imported::AddressTaken;
        }
    }
    Ok(found)
}
