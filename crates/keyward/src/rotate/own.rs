//! The key that seals, where it is a file of this machine.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use auth_service::admin::{self, KeyRoleShown, LookAtSealed, LookAtSecrets, SealedShown, SecretShown};
use secrets::sealing::{KeyTextError, Keyring, generate_key_text};
use secrets::{ExposeSecret as _, SecretString};

use super::{ENCRYPTION, OLDER_ENCRYPTION, Servers};
use crate::Failure;
use crate::stack::Stack;

/// A server counts what is sealed as soon as it has begun.
const COUNTING: Duration = Duration::from_mins(1);
/// A server that ended without a word is waited for for three minutes.
const PATIENCE: Duration = Duration::from_mins(6);
const BETWEEN: Duration = Duration::from_millis(200);

/// The file in which a secret is, if this machine has it. What a stack's server calls it is a path of its container.
pub(super) fn file(secret: &SecretShown, stack: Option<&Stack>) -> Result<Option<PathBuf>, Failure> {
    let Some(told) = secret.reference.strip_prefix("file:").map(Path::new) else { return Ok(None) };
    let path = match stack {
        Some(stack) => stack.on_host(told),
        None => Some(told.to_owned()),
    };
    let Some(path) = path else { return Ok(None) };
    match fs::metadata(&path) {
        Ok(data) => Ok(data.is_file().then_some(path)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!(
            "nothing was done: {} cannot be looked at: {error}; ask as root, or as the user whose it is",
            path.display()
        )
        .into()),
    }
}

/// Names a key.
fn id_of(key: &SecretString) -> Result<String, KeyTextError> {
    Ok(Keyring::from_text(key, &[])?.current_key_id().to_string())
}

/// The key that is to be exchanged, and where it is kept meanwhile.
pub(super) struct Before {
    file: PathBuf,
    key: SecretString,
    key_id: String,
    kept: PathBuf,
    kept_id: Option<String>,
    is_configured: bool,
}

impl Before {
    pub(super) fn read(file: &Path, secrets: &[SecretShown], stack: Option<&Stack>) -> Result<Self, Failure> {
        let (key, key_id) = read(file)?;
        let mut older = None;
        for secret in secrets.iter().filter(|one| one.setting == OLDER_ENCRYPTION) {
            older = older.or(self::file(secret, stack)?);
        }
        let is_configured = older.is_some();
        let kept = older.unwrap_or_else(|| file.with_extension("before"));
        let kept_id = if kept.exists() { Some(read(&kept)?.1) } else { None };
        Ok(Self { file: file.to_owned(), key, key_id, kept, kept_id, is_configured })
    }

    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    /// The id of the key in the file.
    pub(super) fn key_id(&self) -> &str {
        &self.key_id
    }

    /// That of the key in the other place, if there is one.
    pub(super) fn kept_id(&self) -> Option<&str> {
        self.kept_id.as_deref()
    }

    pub(super) fn place(&self) -> &Path {
        &self.kept
    }

    /// Whether `keys.older_encryption` names that place.
    pub(super) fn is_configured(&self) -> bool {
        self.is_configured
    }

    /// The key is in two places, before it is taken out of one.
    pub(super) fn keep(&self) -> Result<(), Failure> {
        // Whoever was asked took their time.
        if read(&self.file)?.1 != self.key_id {
            return Err(format!(
                "nothing was done: somebody else has put another key into {} meanwhile; run this again",
                self.file.display()
            )
            .into());
        }
        replace(&self.kept, &self.file, &self.key)
    }

    /// Puts another in its place; gives the id of that.
    pub(super) fn exchange(&self) -> Result<String, Failure> {
        let next = generate_key_text();
        replace(&self.file, &self.file, &next)?;
        Ok(id_of(&next)?)
    }
}

/// A key, and its id.
fn read(path: &Path) -> Result<(SecretString, String), Failure> {
    let wrong =
        |why: String| format!("nothing was done: {} could not be read as a key: {why}", path.display());
    let key = SecretString::from(fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?);
    let id = id_of(&key).map_err(|error| wrong(error.to_string()))?;
    Ok((key, id))
}

/// Written beside, then renamed; whoever may read `like` may read it.
fn replace(path: &Path, like: &Path, secret: &SecretString) -> Result<(), Failure> {
    let wrong = |error: std::io::Error| format!("{} could not be written: {error}", path.display());
    let (new, like) = (path.with_extension("new"), fs::metadata(like).map_err(wrong)?);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o400).open(&new).map_err(wrong)?;
    let mut write = || -> std::io::Result<()> {
        file.write_all(secret.expose_secret().trim().as_bytes())?;
        file.write_all(b"\n")?;
        let own = file.metadata()?;
        if (own.uid(), own.gid()) != (like.uid(), like.gid()) {
            chown(&new, Some(like.uid()), Some(like.gid()))?;
        }
        file.set_permissions(fs::Permissions::from_mode(like.mode() & 0o777))?;
        file.sync_all()?;
        fs::rename(&new, path)
    };
    let written = write();
    if written.is_err() {
        // Nobody shall take it for a secret.
        drop(fs::remove_file(&new));
    }
    written.map_err(|error| wrong(error).into())
}

/// What each server has sealed, by key.
pub(super) async fn counted(servers: &Servers) -> Result<Vec<SealedShown>, Failure> {
    let all = async {
        let mut all = Vec::new();
        for socket in &servers.0 {
            let sealed = loop {
                match admin::call(socket, &LookAtSealed {}).await? {
                    Some(sealed) => break sealed,
                    None => tokio::time::sleep(BETWEEN).await,
                }
            };
            all.push(sealed);
        }
        Ok::<_, Failure>(all)
    };
    tokio::time::timeout(COUNTING, all).await.unwrap_or_else(|_| {
        Err("nothing was done: a server has not counted yet what is sealed by which key; run this again once `keyward status` tells it".into())
    })
}

/// Every server takes it, or it is said which does not.
pub(super) async fn hand_over(servers: &Servers, before: &Before) -> Result<(), Failure> {
    for socket in &servers.0 {
        let secrets = admin::call(socket, &LookAtSecrets { refresh: true }).await?;
        let problem =
            secrets.iter().find(|one| one.setting == ENCRYPTION).and_then(|one| one.problem.as_ref());
        if let Some(problem) = problem {
            return Err(format!(
                "{} does not take the next key ({problem}); the key before is in {}: put it back into {}, and nothing has changed",
                socket.display(),
                before.kept.display(),
                before.file.display()
            )
            .into());
        }
    }
    Ok(())
}

/// Waits until every server seals by this key, and what is sealed by others ends by itself.
pub(super) async fn until_sealed(servers: &Servers, key: &str) -> Result<(), Failure> {
    let all = async {
        for socket in &servers.0 {
            while !is_sealed(socket, key).await? {
                tokio::time::sleep(BETWEEN).await;
            }
        }
        Ok::<(), Failure>(())
    };
    tokio::time::timeout(PATIENCE, all).await.unwrap_or_else(|_| {
        Err(format!(
            "not every server seals by {key} yet: they go on by themselves, and `keyward status` says how far they are; leave the \
             key before where it is until it says that it may be dropped"
        )
        .into())
    })
}

async fn is_sealed(socket: &Path, key: &str) -> Result<bool, Failure> {
    let Some(sealed) = admin::call(socket, &LookAtSealed {}).await? else { return Ok(false) };
    let seals = sealed.keys.iter().any(|one| one.role == KeyRoleShown::Current && one.key_id == key);
    let left = sealed.keys.iter().any(|one| one.key_id != key && one.movable > 0);
    Ok(seals && !left && sealed.lacking == 0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The path of the container was looked for on the host, where it is nobody's or somebody else's.
    #[test]
    fn in_the_folder_of_a_stack_the_file_is_the_one_of_the_host() {
        let folder = tempfile::tempdir().unwrap();
        let ours = folder.path().join("auth-service/of-a-test");
        fs::create_dir(folder.path().join("auth-service")).unwrap();
        fs::write(&ours, "").unwrap();
        let stack = Stack::of(&format!("KEYWARD_SECRETS='{}'\n", folder.path().display()));
        let found = |reference: &str, stack: Option<&Stack>| {
            let secret =
                json!({ "setting": ENCRYPTION, "reference": reference, "length": 64, "age": 0, "stale": 0 });
            file(&serde_json::from_value(secret).unwrap(), stack).unwrap()
        };
        assert_eq!(found("file:/run/secrets/of-a-test", Some(&stack)), Some(ours.clone()));
        assert_eq!(found("file:/run/secrets/of-a-test", None), None);
        assert_eq!(found("file:/run/secrets/absent", Some(&stack)), None);
        let host = format!("file:{}", ours.display());
        assert_eq!(found(&host, Some(&stack)), None, "the container has another at that path");
        assert_eq!(found(&host, None), Some(ours));
        assert_eq!(found("vault:kv/keyward#encryption", Some(&stack)), None);
    }
}
