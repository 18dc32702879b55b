//! From a `SecretRef` to the secret itself.

use std::{env, io, path::Path};

use secrecy::SecretString;
use tokio::{fs::File, io::AsyncReadExt as _};
use zeroize::Zeroizing;

use crate::SecretRef;

/// The largest secret that is read: far above any key or certificate, far below what hurts.
const MAXIMUM_SECRET_BYTES: u64 = 64 * 1024;

/// Why a secret could not be had. Names the reference and the cause, never a value.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file is missing, or may not be read.
    #[error(
        "the secret {reference} could not be read: {cause}; check that the file exists and that this user may read it"
    )]
    Unreadable {
        /// Which secret.
        reference: SecretRef,
        /// What the operating system said.
        cause: io::Error,
    },
    /// The variable is not set.
    #[error(
        "the secret {reference} is not set; set the variable for this process, or keep the secret in a file"
    )]
    Unset {
        /// Which secret.
        reference: SecretRef,
    },
    /// There is nothing in it.
    #[error("the secret {reference} is empty; write the secret there")]
    Empty {
        /// Which secret.
        reference: SecretRef,
    },
    /// More than 64 KiB.
    #[error("the secret {reference} is larger than 64 KiB, so it is hardly a secret; check the path")]
    TooLarge {
        /// Which secret.
        reference: SecretRef,
    },
    /// The bytes are no text.
    #[error("the secret {reference} is not UTF-8 text; write it as text, a binary key as hex or base64")]
    NotText {
        /// Which secret.
        reference: SecretRef,
    },
}

impl SecretRef {
    /// Reads the secret. One newline at its end (`\n` or `\r\n`) is dropped, since editors and `echo` add it; other
    /// white space is kept.
    ///
    /// Whether it is strong enough is asked apart: see [`check_strength`](crate::check_strength).
    pub async fn resolve(&self) -> Result<SecretString, SecretError> {
        let bytes = match self {
            Self::File(path) => self.read_file(path).await?,
            Self::Environment(name) => {
                let value =
                    env::var_os(name).ok_or_else(|| SecretError::Unset { reference: self.clone() })?;
                Zeroizing::new(value.into_encoded_bytes())
            }
        };
        let text =
            std::str::from_utf8(&bytes).map_err(|_| SecretError::NotText { reference: self.clone() })?;
        let text = text.strip_suffix('\n').map_or(text, |line| line.strip_suffix('\r').unwrap_or(line));
        if text.trim().is_empty() {
            return Err(SecretError::Empty { reference: self.clone() });
        }
        Ok(SecretString::from(text))
    }

    async fn read_file(&self, path: &Path) -> Result<Zeroizing<Vec<u8>>, SecretError> {
        let unreadable = |cause| SecretError::Unreadable { reference: self.clone(), cause };
        let file = File::open(path).await.map_err(unreadable)?;
        // Sized once for the usual secret, so that growing leaves no copy behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(4096));
        let read = file.take(MAXIMUM_SECRET_BYTES + 1).read_to_end(&mut bytes).await.map_err(unreadable)?;
        if read as u64 > MAXIMUM_SECRET_BYTES {
            return Err(SecretError::TooLarge { reference: self.clone() });
        }
        Ok(bytes)
    }
}
