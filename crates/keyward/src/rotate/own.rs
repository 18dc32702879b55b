//! The key that seals, where it is a file of this machine.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use auth_service::admin::{self, KeyRoleShown, LookAtSealed, LookAtSecrets, SecretShown};
use secrets::sealing::{Keyring, generate_key_text};
use secrets::{ExposeSecret as _, SecretString};

use super::{ENCRYPTION, OLDER_ENCRYPTION, Servers};
use crate::Failure;

/// A server that ended without a word is waited for for three minutes.
const PATIENCE: Duration = Duration::from_mins(6);
const BETWEEN: Duration = Duration::from_millis(200);

/// The file in which a secret is, if this machine has it.
pub(super) fn file(secret: &SecretShown) -> Option<PathBuf> {
    let path = PathBuf::from(secret.reference.strip_prefix("file:")?);
    path.is_file().then_some(path)
}

/// The key that is to be exchanged, and where it is kept meanwhile.
pub(super) struct Before {
    file: PathBuf,
    key: SecretString,
    kept: PathBuf,
    is_configured: bool,
}

impl Before {
    pub(super) fn read(file: &Path, secrets: &[SecretShown]) -> Result<Self, Failure> {
        let key = fs::read_to_string(file)
            .map_err(|error| format!("nothing was done: {} could not be read: {error}", file.display()))?;
        let older = secrets.iter().filter(|one| one.setting == OLDER_ENCRYPTION).find_map(self::file);
        let kept = older.clone().unwrap_or_else(|| file.with_extension("before"));
        Ok(Self { file: file.to_owned(), key: key.into(), kept, is_configured: older.is_some() })
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
        replace(&self.kept, &self.file, &self.key)
    }

    /// Puts another in its place; gives the id of that.
    pub(super) fn exchange(&self) -> Result<String, Failure> {
        let next = generate_key_text();
        replace(&self.file, &self.file, &next)?;
        Ok(Keyring::from_text(&next, &[])?.current_key_id().to_string())
    }
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
