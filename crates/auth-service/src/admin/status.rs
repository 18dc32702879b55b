//! How the server is: what a person asks who wants to know at one look.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use auth::{Activity, Auth, KeyState};
use domain::Timestamp;
use oidc::Algorithm;
use serde::{Deserialize, Serialize};
use store::Store;
use store::migrations::{RELEASE, Schema};

use super::{Desk, Operation, Refusal, SealedShown, SecretsShown};
use crate::build;
use crate::health::{Dependency, Health, Phase};
use crate::server::Rotation;

/// A database that does not answer by then is told to be away.
const PATIENCE: Duration = Duration::from_secs(3);

/// How the server is.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct AskStatus {}

/// A server at one moment. Moments are Unix microseconds.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct StatusShown {
    /// The version of its program.
    pub version: String,
    /// The commit that this was built from, if it says so.
    pub revision: Option<String>,
    /// The release that it is of; nothing of a server that is older than this.
    #[serde(default)]
    pub release: Option<i64>,
    /// The number of its process.
    pub process: u32,
    /// What it keeps accounts in.
    pub mode: ModeShown,
    /// How far it is.
    pub phase: Phase,
    /// Since when.
    pub since: i64,
    /// The moment itself, by its own clock.
    pub at: i64,
    /// What it needs beside itself.
    pub dependencies: Vec<DependencyShown>,
    /// The threads that hash passwords.
    pub hashing: HashingShown,
    /// Tries that the limiter turned away since its start, by the budget that was spent; those of which there were any.
    pub refusals: BTreeMap<String, u64>,
    /// Its secrets.
    #[serde(default)]
    pub secrets: SecretsShown,
    /// What is sealed, by which key; nothing before the server has counted.
    #[serde(default)]
    pub sealed: Option<SealedShown>,
    /// What is in the database; nothing if that did not answer.
    pub contents: Option<ContentsShown>,
    /// Why it did not.
    pub contents_error: Option<String>,
}

/// What accounts are kept in.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ModeShown {
    /// SQLite and memory.
    Small,
    /// PostgreSQL and Redis.
    Full,
}

/// Something that the server needs beside itself.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct DependencyShown {
    /// What: `database`, `redis`.
    pub name: String,
    /// Since when it is away; nothing if it is there.
    pub lost_since: Option<i64>,
    /// Why.
    pub error: Option<String>,
}

/// The threads that hash passwords, and who waits for them.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct HashingShown {
    /// How many can be hashed at once.
    pub threads: u64,
    /// How many are being hashed.
    pub running: u64,
    /// How many wait.
    pub waiting: u64,
    /// Who was turned away since its start, for the wait would have been too long.
    pub turned_away: u64,
}

/// What is in the database.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct ContentsShown {
    /// How long it took to look, in microseconds.
    pub looked_for: u64,
    /// Whether its tables are those of the server's release; of a file they always are.
    pub schema: Option<SchemaShown>,
    /// Accounts.
    pub users: u64,
    /// Sessions.
    pub sessions: u64,
    /// Mails that wait.
    pub mails: u64,
    /// For how many seconds the oldest of them has waited.
    pub oldest_mail: u64,
    /// Mails that were given up, of those that are still kept.
    pub failed_mails: u64,
    /// Apps that are to be told of a sign-out.
    pub notices: u64,
    /// Entries of the audit trail that are to be sealed.
    pub unsealed: u64,
    /// For how many seconds the oldest of them has waited.
    pub oldest_unsealed: u64,
    /// The keys that sign, by algorithm.
    pub keys: Vec<SigningShown>,
}

/// Whether the tables are those of the server's release.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct SchemaShown {
    /// The server's release.
    pub release: i64,
    /// `ready`, `behind`, `ahead` or `refused`.
    pub state: String,
    /// What that means, in words; nothing if they are the server's own.
    pub detail: Option<String>,
}

/// A key that signs.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct SigningShown {
    /// What it signs by.
    pub algorithm: Algorithm,
    /// Its id.
    pub kid: String,
    /// When another takes its place.
    pub signs_until: i64,
    /// The id of that one, once it is published.
    pub next: Option<String>,
}

impl Operation for AskStatus {
    const PATH: &'static str = "/v1/status";
    type Answer = StatusShown;

    async fn run(self, desk: &Desk) -> Result<Self::Answer, Refusal> {
        let (Some(auth), Some(health)) = (&desk.auth, &desk.health) else {
            return Err(Refusal::new("there is a status of a server that runs, and of nothing else"));
        };
        let looked = tokio::time::timeout(PATIENCE, contents(auth, &desk.store, desk.now())).await;
        let (contents, contents_error) = match looked {
            Ok(Ok(contents)) => (Some(contents), None),
            Ok(Err(fault)) => (None, Some(fault.to_string())),
            Err(_) => (None, Some(format!("the database did not answer within {} s", PATIENCE.as_secs()))),
        };
        let Activity { hashing, refusals, .. } = auth.activity();
        let (phase, since) = health.phase_since();
        Ok(StatusShown {
            version: build::VERSION.to_owned(),
            revision: build::REVISION.map(str::to_owned),
            release: Some(RELEASE),
            process: std::process::id(),
            mode: if desk.store.health().is_some() { ModeShown::Full } else { ModeShown::Small },
            phase,
            since: since.micros(),
            at: desk.now().micros(),
            dependencies: dependencies(health),
            hashing: HashingShown {
                threads: hashing.permits as u64,
                running: hashing.running as u64,
                waiting: hashing.waiting as u64,
                turned_away: hashing.turned_away,
            },
            refusals: refusals
                .into_iter()
                .filter(|(_, count)| *count > 0)
                .map(|(budget, count)| (budget.to_owned(), count))
                .collect(),
            secrets: SecretsShown::of(&health.secrets().map(Rotation::told).unwrap_or_default()),
            sealed: auth.sealing().map(SealedShown::from),
            contents,
            contents_error,
        })
    }
}

fn dependencies(health: &Health) -> Vec<DependencyShown> {
    let shown = |Dependency { name, lost }: Dependency| DependencyShown {
        name: name.to_owned(),
        lost_since: lost.as_ref().map(|lost| lost.since.micros()),
        error: lost.map(|lost| lost.error),
    };
    health.dependencies().into_iter().map(shown).collect()
}

async fn contents(auth: &Auth, store: &Store, now: Timestamp) -> Result<ContentsShown, auth::Fault> {
    let begun = instant();
    let backlog = auth.backlog().await?;
    let looked_for = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
    let totals = auth.totals().await?;
    let schema = match store.health() {
        Some(_) => Some(schema(store.schema().await?)),
        None => None,
    };
    Ok(ContentsShown {
        looked_for,
        schema,
        users: totals.users,
        sessions: totals.sessions,
        mails: backlog.mails,
        oldest_mail: backlog.oldest_mail.as_secs(),
        failed_mails: totals.failed_mails,
        notices: backlog.notices,
        unsealed: backlog.unsealed,
        oldest_unsealed: backlog.oldest_unsealed.as_secs(),
        keys: keys(auth, now).await?,
    })
}

async fn keys(auth: &Auth, now: Timestamp) -> Result<Vec<SigningShown>, auth::Fault> {
    let keys = auth.keys().list(now).await?;
    let rotation = auth.settings().limits.key_rotation;
    let signing = keys.iter().filter(|key| key.state == KeyState::Signing).map(|key| {
        let next = keys.iter().find(|next| next.state == KeyState::Next && next.algorithm == key.algorithm);
        SigningShown {
            algorithm: key.algorithm,
            kid: key.kid.clone(),
            signs_until: key.signs_until.unwrap_or_else(|| key.signs_from.plus(rotation)).micros(),
            next: next.map(|next| next.kid.clone()),
        }
    });
    Ok(signing.collect())
}

fn schema(schema: Schema) -> SchemaShown {
    let (state, detail) = match schema {
        Schema::Ready => ("ready", None),
        Schema::Behind(steps) => (
            "behind",
            Some(format!("{} migrations are to be applied: `auth-service migrate apply`", steps.len())),
        ),
        Schema::Ahead(recorded) => (
            "ahead",
            Some(format!("release {} migrated it already, and this one runs on beside it", recorded.number)),
        ),
        Schema::Refused(why) => ("refused", Some(why)),
    };
    SchemaShown { release: RELEASE, state: state.to_owned(), detail }
}

#[expect(clippy::disallowed_methods, reason = "it is how long a real database takes")]
fn instant() -> Instant {
    Instant::now()
}
