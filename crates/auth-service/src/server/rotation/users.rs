//! Who uses which secret, and how a changed one is handed to them.

use std::sync::Arc;

use auth::Auth;
use domain::Timestamp;
use secrets::Keeper;
use store::Store;
use store::ephemeral::Ephemeral;
use tokio::sync::Notify;

use super::super::{declared, full, mail_secret};
use crate::background::Transport;
use crate::config::{self, ConfiguredClient, Database, Redis};

/// Who uses a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum User {
    /// The connections to PostgreSQL.
    Database,
    /// The connection to Redis.
    Redis,
    /// What sends mail.
    Mail,
    /// The register of apps.
    Clients,
    /// What managers are asked by: it is read anew at each sign-in to them.
    Managers,
    /// What was made of it at the start cannot be made of another while the server runs.
    Start,
}

impl User {
    /// By the setting that names the secret.
    pub(super) fn of(setting: &str) -> Self {
        match setting.split('.').next().unwrap_or_default() {
            "database" => Self::Database,
            "redis" => Self::Redis,
            "mail" => Self::Mail,
            "clients" => Self::Clients,
            "secrets" => Self::Managers,
            _ => Self::Start,
        }
    }
}

/// Everybody who can be handed another secret, and the settings that say how.
pub(in crate::server) struct Users {
    pub(in crate::server) store: Store,
    pub(in crate::server) ephemeral: Ephemeral,
    pub(in crate::server) transport: Arc<Transport>,
    pub(in crate::server) auth: Arc<Auth>,
    pub(in crate::server) database: Database,
    pub(in crate::server) redis: Redis,
    pub(in crate::server) mail: config::Transport,
    pub(in crate::server) clients: Vec<ConfiguredClient>,
}

impl Users {
    pub(super) fn refused_by_database(&self) -> Option<Arc<Notify>> {
        self.store.refused()
    }

    pub(super) fn refused_by_redis(&self) -> Option<Arc<Notify>> {
        self.ephemeral.refused()
    }

    /// Goes by what the keeper reads from now on, once that has proved itself; else all stays as it was, and it is said why.
    pub(super) async fn take(&self, user: User, keeper: &Keeper, now: Timestamp) -> Result<(), String> {
        let told = |error: &dyn std::fmt::Display| error.to_string();
        match user {
            User::Database => {
                let Some(url) = &self.database.url else { return Ok(()) };
                let settings =
                    full::postgres(&self.database, url, keeper).await.map_err(|error| told(&error))?;
                self.store.exchange(&settings).await.map_err(|error| told(&error))
            }
            User::Redis => {
                let settings = full::redis(&self.redis, keeper).await.map_err(|error| told(&error))?;
                self.ephemeral.exchange(&settings).await.map_err(|error| told(&error))
            }
            User::Mail => {
                let secret = mail_secret(&self.mail, keeper).await.map_err(|error| told(&error))?;
                match (&*self.transport, secret) {
                    (Transport::Smtp(smtp), Some(password)) => smtp.exchange(&password).await,
                    (Transport::Postmark(postmark), Some(token)) => postmark.exchange(&token).await,
                    (Transport::Mailbox(_), _) | (_, None) => Ok(()),
                }
                .map_err(|error| told(&error))
            }
            User::Clients => {
                let declared = declared(&self.clients, keeper).await.map_err(|error| told(&error))?;
                self.auth.clients().declare(&declared, now).await.map_err(|error| told(&error))
            }
            User::Managers => Ok(()),
            User::Start => Err(AT_NEXT_START.to_owned()),
        }
    }
}

/// Why a key is not exchanged while the server runs.
const AT_NEXT_START: &str = "it is taken at a start alone: keep the one before as the guide says for this key, and restart the servers one \
                             after the other";
