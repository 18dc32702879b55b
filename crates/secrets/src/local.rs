//! Secrets on this machine: files, credentials of a service, variables.

use std::{env, path::Path};

use secrecy::SecretString;
use tokio::{fs::File, io::AsyncReadExt as _};
use zeroize::Zeroizing;

use crate::{SecretCause, SecretError, SecretRef};

/// The largest secret that is read: far above any key or certificate, far below what hurts.
const MAXIMUM_SECRET_BYTES: u64 = 64 * 1024;

impl SecretRef {
    /// Reads a secret that is kept on this machine; one that a manager keeps is read by a [`Keeper`](crate::Keeper). One newline
    /// at its end (`\n` or `\r\n`) is dropped, since editors and `echo` add it; other white space is kept.
    ///
    /// Whether it is strong enough is asked apart: see [`check_strength`](crate::check_strength).
    pub async fn resolve(&self) -> Result<SecretString, SecretError> {
        self.read_local().await.map_err(|cause| SecretError { reference: self.clone(), cause })
    }

    async fn read_local(&self) -> Result<SecretString, SecretCause> {
        let missing = "this program asks none; keep the secret in a file";
        let not_here = |provider| Err(SecretCause::NotConfigured { provider, missing });
        let bytes = match self {
            Self::File(path) => read_file(path).await?,
            Self::Credential(name) => {
                let folder = env::var_os("CREDENTIALS_DIRECTORY").filter(|folder| !folder.is_empty());
                read_file(&Path::new(&folder.ok_or(SecretCause::NoCredentials)?).join(name)).await?
            }
            Self::Environment(name) => {
                let value = env::var_os(name).ok_or(SecretCause::Unset)?;
                Zeroizing::new(value.into_encoded_bytes())
            }
            Self::Vault { .. } => return not_here("Vault"),
            Self::Aws { .. } => return not_here("AWS Secrets Manager"),
            Self::Gcp { .. } => return not_here("GCP Secret Manager"),
        };
        let text = std::str::from_utf8(&bytes).map_err(|_| SecretCause::NotText)?;
        let text = text.strip_suffix('\n').map_or(text, |line| line.strip_suffix('\r').unwrap_or(line));
        if text.trim().is_empty() {
            return Err(SecretCause::Empty);
        }
        Ok(SecretString::from(text))
    }
}

async fn read_file(path: &Path) -> Result<Zeroizing<Vec<u8>>, SecretCause> {
    let file = File::open(path).await.map_err(SecretCause::Unreadable)?;
    // Sized once for the usual secret, so that growing leaves no copy behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(4096));
    let read = file.take(MAXIMUM_SECRET_BYTES + 1).read_to_end(&mut bytes).await;
    if read.map_err(SecretCause::Unreadable)? as u64 > MAXIMUM_SECRET_BYTES {
        return Err(SecretCause::TooLarge);
    }
    Ok(bytes)
}
