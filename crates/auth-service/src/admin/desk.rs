//! What operations work on: in a server what it has itself, elsewhere a database that no server holds.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use auth::{
    AuditTrail, Auth, Clients, Fault, HasherSettings, Import, Parts, Processes, Random, Settings, SigningKeys,
};
use domain::{Clock, Timestamp};
use outbound::EgressClient;
use secrets::Keeper;
use secrets::sealing::Keyring;
use store::Store;
use store::ephemeral::Ephemeral;
use tokio::sync::OnceCell;

use super::{Operator, Refusal};
use crate::health::Health;
use crate::server::{Secrets, hasher};

/// What operations work on.
#[derive(Clone, Debug)]
pub struct Desk {
    /// The database.
    pub store: Store,
    /// What opens what is sealed.
    pub keyring: Arc<Keyring>,
    /// The audit trail, in which whoever asks is the operator.
    pub trail: AuditTrail,
    /// The way out, to tell whether an app can be reached.
    pub egress: EgressClient,
    /// Where randomness comes from.
    pub random: Random,
    /// Where the present comes from.
    pub clock: Clock,
    /// The server's use cases, where there is a server.
    pub auth: Option<Arc<Auth>>,
    /// How the server is, where there is one.
    pub health: Option<Health>,
    /// What they are made from, where there is none.
    pub offline: Option<Arc<Offline>>,
}

/// What use cases are made from where no server runs.
#[derive(Debug)]
pub struct Offline {
    /// The keys that are not in the database.
    pub secrets: Secrets,
    /// What reads all others.
    pub keeper: Keeper,
    /// How passwords are hashed.
    pub hashing: HasherSettings,
    /// What the operator decided.
    pub settings: Settings,
    /// How accounts are brought in: made once.
    pub import: OnceCell<Import>,
}

/// The signing keys: the server's, so that it knows at once, or read for the occasion.
pub(super) enum Held<'a> {
    Shared(&'a SigningKeys),
    Own(Box<SigningKeys>),
}

impl Deref for Held<'_> {
    type Target = SigningKeys;

    fn deref(&self) -> &SigningKeys {
        match self {
            Self::Shared(keys) => keys,
            Self::Own(keys) => keys,
        }
    }
}

impl Desk {
    /// The same desk with this person at it: entries of the audit trail name them.
    #[must_use]
    pub fn of(&self, operator: &Operator) -> Self {
        Self { trail: self.trail.of_operator(&operator.to_string()), ..self.clone() }
    }

    /// The present moment.
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The register of apps.
    pub(super) fn clients(&self) -> Clients {
        Clients::new(self.store.clone(), self.random.clone(), self.trail.clone())
    }

    /// The use cases on accounts.
    pub(super) async fn auth(&self) -> Result<Arc<Auth>, Refusal> {
        if let Some(auth) = &self.auth {
            return Ok(auth.clone());
        }
        let Some(Offline { secrets, keeper, hashing, settings, .. }) = self.offline.as_deref() else {
            return Err(Refusal::new("this is done by a server, or on a database that none holds"));
        };
        let hasher = hasher(hashing, self.random.clone(), keeper).await.map_err(Refusal::new)?;
        let parts = Parts {
            store: self.store.clone(),
            ephemeral: Ephemeral::memory(),
            // No server holds the database: nobody else has to hear of it.
            processes: Processes::One,
            keyring: secrets.keyring().map_err(Refusal::new)?,
            audit_key: secrets.audit_key().map_err(Refusal::new)?,
            hasher,
            clock: self.clock.clone(),
            random: self.random.clone(),
            settings: settings.clone(),
        };
        Ok(Arc::new(Auth::start(parts).await?))
    }

    /// The way in for accounts from elsewhere. In a server it leaves the hashing to those who sign in, and waits.
    pub(super) async fn import(&self) -> Result<Import, Refusal> {
        if let Some(auth) = &self.auth {
            return Ok(auth.import(self.trail.clone()));
        }
        let Some(offline) = self.offline.as_deref() else {
            return Err(Refusal::new("this is done by a server, or on a database that none holds"));
        };
        let import = offline.import.get_or_try_init(async || {
            if !self.trail.is_its_key().await? {
                return Err(Fault::AnotherAuditKey.into());
            }
            // Nobody waits at a door: a long queue is as good as a short one.
            let settings = HasherSettings { longest_wait: Duration::MAX, ..offline.hashing.clone() };
            let hasher =
                hasher(&settings, self.random.clone(), &offline.keeper).await.map_err(Refusal::new)?;
            let (store, trail, random) = (self.store.clone(), self.trail.clone(), self.random.clone());
            let import = Import::new(store, trail, hasher, random);
            import.check_peppers().await?;
            Ok::<_, Refusal>(import)
        });
        import.await.cloned()
    }

    /// The signing keys. None are made.
    pub(super) async fn signing_keys(&self) -> Result<Held<'_>, Fault> {
        if let Some(auth) = &self.auth {
            return Ok(Held::Shared(auth.keys()));
        }
        let (store, keyring, random) = (self.store.clone(), self.keyring.clone(), self.random.clone());
        let keys = SigningKeys::load(store, keyring, random, self.trail.clone(), &[], self.now()).await?;
        Ok(Held::Own(Box::new(keys)))
    }
}
