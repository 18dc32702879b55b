//! `Keeper`: reads secrets wherever they are kept, and holds what managers said.

use std::{
    collections::HashMap,
    fmt,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use secrecy::SecretString;
use tokio::sync::OnceCell;
use url::Url;

#[cfg(feature = "aws")]
use crate::aws::Aws;
use crate::document::{Document, Lease};
#[cfg(feature = "gcp")]
use crate::gcp::Gcp;
use crate::vault::{SecretIdLife, Vault};
use crate::{Put, PutError, SecretCause, SecretError, SecretRef};

/// Where the managers are, and how to sign in to them.
#[derive(Clone, Debug, Default)]
pub struct ManagerSettings {
    /// Vault or OpenBao.
    pub vault: Option<VaultSettings>,
    /// AWS Secrets Manager.
    pub aws: AwsSettings,
    /// GCP Secret Manager.
    pub gcp: GcpSettings,
}

/// A Vault or an OpenBao.
#[derive(Clone, Debug)]
pub struct VaultSettings {
    /// Where it is.
    pub address: Url,
    /// The namespace that everything is in.
    pub namespace: Option<String>,
    /// The certificate (PEM) that alone its own is checked by; without one, the authorities this system trusts.
    pub root_certificate: Option<PathBuf>,
    /// How to sign in.
    pub auth: VaultAuth,
}

/// How to sign in to Vault.
#[derive(Clone, Debug)]
pub enum VaultAuth {
    /// As an AppRole.
    AppRole {
        /// Where the method is mounted: `approle`.
        mount: String,
        /// The role's id, which is no secret.
        role_id: String,
        /// The secret id, which is kept on this machine. It is read at each sign-in, so that a new one needs no restart.
        secret_id: SecretRef,
    },
    /// By a token that somebody else makes (Vault's agent, say): read at each sign-in, and renewed as far as it can be.
    Token(SecretRef),
}

/// AWS Secrets Manager. Who asks is found by AWS's own default chain, without SSO.
#[derive(Clone, Debug, Default)]
pub struct AwsSettings {
    /// The region, if AWS's own chain does not know it.
    pub region: Option<String>,
    /// Another address than the region's own.
    pub endpoint: Option<Url>,
}

/// GCP Secret Manager. Who asks is found by Google's application default credentials.
#[derive(Clone, Debug, Default)]
pub struct GcpSettings {
    /// Another address than <https://secretmanager.googleapis.com>.
    pub endpoint: Option<Url>,
}

/// A secret that was read.
#[derive(Debug)]
pub struct Secret {
    /// The secret itself.
    pub value: SecretString,
    /// Which version it is, where its keeper counts them.
    pub version: Option<String>,
    /// For how long it is good, where its manager takes it back: it is renewed, or read anew, before that.
    pub lease: Option<Lease>,
}

/// Reads secrets wherever they are kept. What was read is held, so that each place is asked once however many of its values are
/// used, and all of them are of one version. Cheap to clone; clones hold the same.
#[derive(Clone)]
pub struct Keeper {
    managers: Arc<Managers>,
    held: Arc<Mutex<HashMap<String, Arc<Document>>>>,
}

/// The clients of managers, each made when it is needed first.
struct Managers {
    settings: ManagerSettings,
    vault: OnceCell<Vault>,
    #[cfg(feature = "aws")]
    aws: OnceCell<Aws>,
    #[cfg(feature = "gcp")]
    gcp: OnceCell<Gcp>,
}

impl Keeper {
    /// Asks nobody until a secret is read.
    pub fn new(settings: ManagerSettings) -> Self {
        let managers = Managers {
            settings,
            vault: OnceCell::new(),
            #[cfg(feature = "aws")]
            aws: OnceCell::new(),
            #[cfg(feature = "gcp")]
            gcp: OnceCell::new(),
        };
        Self { managers: Arc::new(managers), held: Arc::default() }
    }

    /// Knows no manager, only this machine.
    pub fn local() -> Self {
        Self::new(ManagerSettings::default())
    }

    /// One that is signed in to the same managers and holds nothing: it reads what is there now.
    #[must_use]
    pub fn anew(&self) -> Self {
        Self { managers: self.managers.clone(), held: Arc::default() }
    }

    /// Reads a secret: what is held of its place, if anything is, and else what is there.
    pub async fn read(&self, reference: &SecretRef) -> Result<Secret, SecretError> {
        let wrong = |cause| SecretError { reference: reference.clone(), cause };
        let place = reference.place();
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner).get(&place).cloned();
        let document = if let Some(document) = held {
            document
        } else {
            // The clients of managers make large futures, and whoever reads a file need not carry them.
            let asked = Arc::new(Box::pin(self.managers.ask(reference)).await.map_err(wrong)?);
            let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
            held.entry(place).or_insert(asked).clone()
        };
        let value = document.value(reference).map_err(wrong)?;
        Ok(Secret { value, version: document.version.clone(), lease: document.lease.clone() })
    }

    /// More time for what was made for us: for how long it is good from now on. None where it has to be read anew: its manager gives
    /// no more time, or too little to be worth it, or the sign-in by which it was made ends.
    pub async fn renew(&self, lease: &Lease) -> Option<Lease> {
        let vault = self.managers.vault.get()?;
        Box::pin(vault.renew(lease)).await
    }

    /// Puts values into the document of Vault at a path (`kv/keyward`), each under its key, and keeps all others that are there. One that
    /// has another value already is written over only if that is `forced`; else nothing is written.
    pub async fn put(
        &self,
        path: &str,
        values: &[(String, SecretString)],
        forced: bool,
    ) -> Result<Put, PutError> {
        let place = format!("vault:{path}");
        let refused = |cause| PutError::Refused { place: place.clone(), cause };
        let settings = self.managers.settings.vault.as_ref().ok_or_else(|| refused(VAULT_NOT_CONFIGURED))?;
        let vault = self.managers.vault.get_or_try_init(|| Vault::new(settings)).await.map_err(refused)?;
        let put = Box::pin(vault.put(path, values, forced)).await?;
        // What was read before is not what is there now.
        self.held.lock().unwrap_or_else(PoisonError::into_inner).remove(&place);
        Ok(put)
    }
}

/// Of the secret id that an AppRole of Vault signs in with.
impl Keeper {
    /// For how long it is good; none where it does not end.
    pub async fn secret_id(&self) -> Result<Option<SecretIdLife>, SecretCause> {
        Box::pin(self.managers.vault().await?.secret_id()).await
    }

    /// Another, which has let us in once: to be kept in the place of the one before.
    pub async fn another_secret_id(&self) -> Result<SecretString, SecretCause> {
        Box::pin(self.managers.vault().await?.another_secret_id()).await
    }

    /// When the one ends that was signed in with last, in seconds since 1970; none where nobody has signed in, it does not end, or the policy
    /// does not let it be looked up.
    pub fn secret_id_ends(&self) -> Option<i64> {
        self.managers.vault.get()?.secret_id_ends()
    }
}

impl Managers {
    async fn vault(&self) -> Result<&Vault, SecretCause> {
        let settings = self.settings.vault.as_ref().ok_or(VAULT_NOT_CONFIGURED)?;
        self.vault.get_or_try_init(|| Vault::new(settings)).await
    }

    async fn ask(&self, reference: &SecretRef) -> Result<Document, SecretCause> {
        match reference {
            SecretRef::Vault { path, .. } => self.vault().await?.read(path).await,
            #[cfg(feature = "aws")]
            SecretRef::Aws { id, stage, .. } => {
                let settings = &self.settings.aws;
                self.aws.get_or_try_init(|| Aws::new(settings)).await?.read(id, *stage).await
            }
            #[cfg(feature = "gcp")]
            SecretRef::Gcp { name, version } => {
                let settings = &self.settings.gcp;
                self.gcp.get_or_try_init(async || Gcp::new(settings)).await?.read(name, version).await
            }
            #[cfg(not(feature = "aws"))]
            SecretRef::Aws { .. } => {
                Err(SecretCause::NotBuilt { provider: "AWS Secrets Manager", feature: "aws" })
            }
            #[cfg(not(feature = "gcp"))]
            SecretRef::Gcp { .. } => {
                Err(SecretCause::NotBuilt { provider: "GCP Secret Manager", feature: "gcp" })
            }
            SecretRef::File(_) | SecretRef::Credential(_) | SecretRef::Environment(_) => {
                let value = reference.resolve().await.map_err(|error| error.cause)?;
                Ok(Document { text: value, version: None, lease: None })
            }
        }
    }
}

const VAULT_NOT_CONFIGURED: SecretCause = SecretCause::NotConfigured {
    provider: "Vault",
    missing: "write address = \"https://HOST:8200\" under [secrets.vault], with role_id and secret_id, or token, beside it",
};

impl fmt::Debug for Keeper {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Keeper").field("settings", &self.managers.settings).finish_non_exhaustive()
    }
}
