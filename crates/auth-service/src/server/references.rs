//! From the references of a configuration to secrets that may be used.

use std::os::unix::fs::PermissionsExt as _;

use auth::HasherSettings;
use secrets::sealing::Keyring;
use secrets::{ExposeSecret as _, Keeper, SecretRef, SecretString, WeakSecret};
use serde::Serialize;
use url::Url;

use super::{OLDER_PEPPERS, PEPPER, ServerError};
use crate::config::{self, Config, ConnectionUrl, Named, Whose};

/// The keys that are not in the database.
#[derive(Debug)]
pub struct Secrets {
    /// Seals what is secret at rest.
    pub encryption: SecretString,
    /// Sealed before it.
    pub older_encryption: Vec<SecretString>,
    /// Chains the audit trail.
    pub audit: SecretString,
}

impl Secrets {
    /// Resolves the references of a configuration. Peppers are looked at too, since none may be a key of ours.
    pub async fn resolve(
        keys: &config::Keys,
        hashing: &HasherSettings,
        keeper: &Keeper,
    ) -> Result<Self, ServerError> {
        Self::exchanged(keys, hashing, keeper, keeper).await
    }

    /// The same while a server runs: what seals is what `keeper` reads now, and is compared with the other keys as the keeper of the start
    /// holds them. Those stay in force, whatever is kept in their places meanwhile.
    pub(super) async fn exchanged(
        keys: &config::Keys,
        hashing: &HasherSettings,
        keeper: &Keeper,
        of_start: &Keeper,
    ) -> Result<Self, ServerError> {
        let mut all = Vec::new();
        let encryption = own_key("keys.encryption", &keys.encryption, keeper).await?;
        all.push(("keys.encryption", encryption.clone()));
        let mut older_encryption = Vec::new();
        for reference in &keys.older_encryption {
            let older = own_key("keys.older_encryption", reference, keeper).await?;
            all.push(("keys.older_encryption", older.clone()));
            older_encryption.push(older);
        }
        let audit = own_key("keys.audit", &keys.audit, of_start).await?;
        all.push(("keys.audit", audit.clone()));
        if let Some(reference) = &hashing.pepper {
            all.push((PEPPER, own_key(PEPPER, reference, of_start).await?));
        }
        for reference in &hashing.older_peppers {
            all.push((OLDER_PEPPERS, own_key(OLDER_PEPPERS, reference, of_start).await?));
        }
        refuse_shared(&all)?;
        Ok(Self { encryption, older_encryption, audit })
    }

    /// The key that chains the audit trail.
    pub fn audit_key(&self) -> Result<[u8; 32], ServerError> {
        let keyring = Keyring::of_one("keys.audit", &self.audit)
            .map_err(|error| ServerError::Secret { setting: "keys.audit", error: error.to_string() })?;
        Ok(keyring.derive("audit trail"))
    }

    /// What seals.
    pub fn keyring(&self) -> Result<Keyring, ServerError> {
        Keyring::from_text(&self.encryption, &self.older_encryption)
            .map_err(|error| ServerError::Secret { setting: "keys.encryption", error: error.to_string() })
    }
}

/// A key of ours: 32 bytes, and nothing else, since other keys are derived from it.
pub(super) async fn own_key(
    setting: &'static str,
    reference: &SecretRef,
    keeper: &Keeper,
) -> Result<SecretString, ServerError> {
    let wrong = |error: String| ServerError::Secret { setting, error };
    let key = keeper.read(reference).await.map_err(|error| wrong(error.to_string()))?.value;
    match secrets::check_strength(setting, &key) {
        // How long other secrets have to be would be bad advice.
        Ok(()) | Err(WeakSecret::Short { .. }) => {}
        Err(weak) => return Err(wrong(weak.to_string())),
    }
    Keyring::of_one(setting, &key).map_err(|error| wrong(error.to_string()))?;
    Ok(key)
}

/// One key for two purposes: whoever learns it has both. Keys of one purpose may repeat, as they do while one is exchanged.
fn refuse_shared(keys: &[(&'static str, SecretString)]) -> Result<(), ServerError> {
    let purpose = |setting: &'static str| match setting {
        PEPPER | OLDER_PEPPERS => "pepper",
        "keys.older_encryption" => "keys.encryption",
        other => other,
    };
    let mut before: Vec<(&'static str, [u8; 32])> = Vec::with_capacity(keys.len());
    for (setting, key) in keys {
        let setting = *setting;
        let wrong = |error: String| ServerError::Secret { setting, error };
        // What is derived is one where the key is, however it is written.
        let keyring = Keyring::of_one(setting, key).map_err(|error| wrong(error.to_string()))?;
        let derived = keyring.derive("compared with other keys");
        let twin = before.iter().find(|(other, known)| {
            purpose(other) != purpose(setting) && secrets::constant_time_equal(known, &derived)
        });
        if let Some((other, _)) = twin {
            return Err(wrong(format!(
                "it is the same as {other}: make one of its own, or whoever learns one has both"
            )));
        }
        before.push((setting, derived));
    }
    Ok(())
}

/// A secret of ours: one that a generator made.
pub(super) async fn own_secret(
    setting: &'static str,
    reference: &SecretRef,
    keeper: &Keeper,
) -> Result<SecretString, ServerError> {
    let wrong = |error: String| ServerError::Secret { setting, error };
    let secret = keeper.read(reference).await.map_err(|error| wrong(error.to_string()))?.value;
    secrets::check_strength(setting, &secret).map_err(|error| wrong(error.to_string()))?;
    Ok(secret)
}

/// The password of another server, which somebody else may have chosen: it may be short, but neither empty, which is found
/// as it is read, nor a sample.
pub(super) async fn foreign_password(
    setting: &'static str,
    reference: &SecretRef,
    keeper: &Keeper,
) -> Result<SecretString, ServerError> {
    let wrong = |error: String| ServerError::Secret { setting, error };
    let password = keeper.read(reference).await.map_err(|error| wrong(error.to_string()))?.value;
    refuse_sample(setting, reference, &password)?;
    Ok(password)
}

/// The name of a user at another server.
pub(super) async fn name(
    setting: &'static str,
    reference: &SecretRef,
    keeper: &Keeper,
) -> Result<SecretString, ServerError> {
    let read = keeper.read(reference).await;
    read.map(|secret| secret.value).map_err(|error| ServerError::Secret { setting, error: error.to_string() })
}

/// The URL of another server, with its password if that is kept apart.
pub(super) async fn connection_url(
    [url_setting, password_setting]: [&'static str; 2],
    url: &ConnectionUrl,
    password: Option<&SecretRef>,
    keeper: &Keeper,
) -> Result<SecretString, ServerError> {
    if let Some(reference) = password {
        foreign_password(password_setting, reference, keeper).await?;
    }
    let resolved = url
        .resolve(password, keeper)
        .await
        .map_err(|error| ServerError::Secret { setting: url_setting, error: error.to_string() })?;
    if let ConnectionUrl::Kept(reference) = url {
        let own = Url::parse(resolved.expose_secret()).ok();
        if let Some(own) = own.as_ref().and_then(Url::password).filter(|_| password.is_none()) {
            refuse_sample(url_setting, reference, &SecretString::from(own))?;
        }
    }
    Ok(resolved)
}

pub(super) fn refuse_sample(
    setting: &'static str,
    reference: &SecretRef,
    password: &SecretString,
) -> Result<(), ServerError> {
    let Err(WeakSecret::WellKnown { .. }) = secrets::check_strength(setting, password) else { return Ok(()) };
    let (server, _) = setting.trim_start_matches("secrets.").split_once('.').unwrap_or((setting, ""));
    let error = format!(
        "{reference} holds a sample or well-known password that anybody can try; set another at your {server} server, \
         and write it there"
    );
    Err(ServerError::Secret { setting, error })
}

pub(super) fn warn_if_open(setting: &str, reference: &SecretRef) {
    if let Some(mode) = open_mode(reference) {
        let file = reference.to_string();
        let file = file.trim_start_matches("file:");
        tracing::warn!(
            setting,
            file,
            mode = format!("{mode:04o}"),
            "every user of this machine may read the file of a secret: chmod 0400 it, for the server's user alone"
        );
    }
    if let SecretRef::Environment(variable) = reference {
        tracing::warn!(setting, variable, "{IN_THE_ENVIRONMENT}");
    }
}

const IN_THE_ENVIRONMENT: &str = "a secret is in the environment, which whoever may look at the process or its container \
                                  can read: keep it in a file, and name that";

/// A file that every user of the machine may read keeps no secret. It is told and not refused: whoever mounts secrets
/// (compose does with mode 0444) has often no say in it, and nobody else beside it.
fn open_mode(reference: &SecretRef) -> Option<u32> {
    let SecretRef::File(path) = reference else { return None };
    let mode = std::fs::metadata(path).ok()?.permissions().mode() & 0o777;
    (mode & 0o007 != 0).then_some(mode)
}

/// What a look at every secret found.
#[derive(Debug, Default)]
pub struct Found {
    /// Each, in the order of the configuration.
    pub seen: Vec<Seen>,
    /// A setting, and what is wrong with its secret.
    pub problems: Vec<(String, String)>,
    /// What does not keep a server from starting.
    pub warnings: Vec<String>,
}

/// A secret that was looked at: what may be told of it.
#[derive(Debug, Serialize)]
pub struct Seen {
    /// `keys.encryption`.
    pub setting: &'static str,
    /// Where it is.
    pub reference: String,
    /// How long it is, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length: Option<usize>,
    /// Which version it is, where its keeper counts them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// One word for why it could not be had.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<&'static str>,
}

/// Looks at every secret of a configuration as a start would, and goes on past what is wrong.
pub async fn secrets_of(config: &Config) -> Found {
    let keeper = config.secrets.keeper();
    let mut found = Found::default();
    let mut keys = Vec::new();
    for Named { setting, reference, whose } in config.references() {
        let (length, version, cause) = match keeper.read(reference).await {
            Ok(secret) => (Some(secret.value.expose_secret().len()), secret.version, None),
            Err(error) => (None, None, Some(error.cause.kind())),
        };
        found.seen.push(Seen { setting, reference: reference.to_string(), length, version, cause });
        let looked = match whose {
            Whose::Key => own_key(setting, reference, &keeper).await.map(|key| keys.push((setting, key))),
            Whose::Own => own_secret(setting, reference, &keeper).await.map(drop),
            Whose::Foreign => foreign_password(setting, reference, &keeper).await.map(drop),
            Whose::Name => name(setting, reference, &keeper).await.map(drop),
            Whose::Url => {
                let url = ConnectionUrl::Kept(reference.clone());
                connection_url([setting, setting], &url, None, &keeper).await.map(drop)
            }
        };
        found.tell(looked);
        if let Some(mode) = open_mode(reference) {
            found.warnings.push(format!(
                "{setting}: every user of this machine may read {reference} (mode {mode:04o}): chmod 0400 it"
            ));
        }
        if let SecretRef::Environment(_) = reference {
            found.warnings.push(format!("{setting}: {reference}: {IN_THE_ENVIRONMENT}"));
        }
    }
    // Whether two are one: each by itself was looked at above.
    found.tell(refuse_shared(&keys));
    found
}

impl Found {
    fn tell(&mut self, looked: Result<(), ServerError>) {
        match looked {
            Err(ServerError::Secret { setting, error }) => {
                self.problems
                    .push((setting.to_owned(), format!("names a secret that cannot be used: {error}")));
            }
            Err(error) => self.problems.push((String::new(), error.to_string())),
            Ok(()) => {}
        }
    }
}
