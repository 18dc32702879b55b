//! Who uses which secret, and how a changed one is handed to them.

use std::sync::Arc;

use auth::{Auth, HasherSettings};
use domain::Timestamp;
use secrets::Keeper;
use secrets::sealing::Keyring;
use store::Store;
use store::ephemeral::Ephemeral;
use tokio::sync::Notify;

use super::super::{Secrets, ServerError, declared, full, mail_secret};
use crate::background::Transport;
use crate::config::{self, ConfiguredClient, Database, Keys, Redis};

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
    /// What seals.
    Keys,
    /// What managers are asked by: it is read anew at each sign-in to them.
    Managers,
    /// What was made of it at the start cannot be made of another while the server runs.
    Start,
}

impl User {
    /// By the setting that names the secret.
    pub(super) fn of(setting: &str) -> Self {
        if ["keys.encryption", "keys.older_encryption"].contains(&setting) {
            return Self::Keys;
        }
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
    pub(in crate::server) keys: Keys,
    /// Whose peppers no key may be.
    pub(in crate::server) hashing: HasherSettings,
}

impl Users {
    pub(super) fn refused_by_database(&self) -> Option<Arc<Notify>> {
        self.store.refused()
    }

    pub(super) fn refused_by_redis(&self) -> Option<Arc<Notify>> {
        self.ephemeral.refused()
    }

    /// Tells that something was sealed by a key that this process has not read.
    pub(super) fn keyring(&self) -> Arc<Keyring> {
        self.auth.keyring()
    }

    /// Goes by what the keeper reads from now on, once that has proved itself; else all stays as it was, and it is said why. What a start
    /// alone can take is what the keeper of the start holds.
    pub(super) async fn take(
        &self,
        user: User,
        keeper: &Keeper,
        of_start: &Keeper,
        now: Timestamp,
    ) -> Result<(), String> {
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
            User::Keys => self.take_keys(keeper, of_start).await.map_err(|error| told(&error)),
            User::Managers => Ok(()),
            User::Start => Err(AT_NEXT_START.to_owned()),
        }
    }

    /// They open from now on. Which of them seals is seen to in the background, once every other server opens by it too.
    async fn take_keys(&self, keeper: &Keeper, of_start: &Keeper) -> Result<(), ServerError> {
        let secrets = Secrets::exchanged(&self.keys, &self.hashing, keeper, of_start).await?;
        let keyring = self.auth.keyring();
        let held = keyring.hold(&secrets.encryption, &secrets.older_encryption);
        held.map_err(|error| ServerError::Secret { setting: "keys.encryption", error: error.to_string() })?;
        let sealing = keyring.current_key_id();
        if !keyring.configured_key_ids().contains(&sealing) {
            tracing::warn!(
                key_id = %sealing,
                "the key before is not among keys.older_encryption: what it sealed is sealed anew now, and until that is done a start would \
                 not open it"
            );
        }
        Ok(())
    }
}

/// Why a key is not exchanged while the server runs.
const AT_NEXT_START: &str = "it is taken at a start alone: keep the one before as the guide says for this key, and restart the servers one \
                             after the other";
