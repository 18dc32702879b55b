//! The key file that `keyward dev` makes for itself.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use super::generate_key_text;
use crate::random_bytes;

/// A key file holds one line; more than this is not one.
const MAXIMUM_KEY_FILE_BYTES: u64 = 4096;

/// Why there is no key to be had from a file.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// It is there and cannot be read.
    #[error("the key file {path} could not be read: {cause}; check that this user owns it")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        cause: io::Error,
    },
    /// It is not there and cannot be made.
    #[error(
        "the key file {path} could not be made: {cause}; check that its directory exists and that this user may write there"
    )]
    Uncreatable {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        cause: io::Error,
    },
    /// Others than its owner may read or write it.
    #[error(
        "the key file {path} is open to other users (mode {mode:04o}); run `chmod 600` on it, and change the key if others had a look"
    )]
    OpenToOthers {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Empty, or no text.
    #[error(
        "the key file {path} holds no key; restore it from a backup (a new key cannot open what the old one sealed)"
    )]
    NoKey {
        /// The file.
        path: PathBuf,
    },
}

/// The key in the file at `path`, with a fresh one written there first (mode 0600) if there is no such file.
///
/// The file appears whole or not at all, and when two processes start at once both get the same key.
pub fn load_or_create_key_file(path: &Path) -> Result<SecretString, KeyFileError> {
    match File::open(path) {
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => {
            create(path).map_err(|cause| KeyFileError::Uncreatable { path: path.to_owned(), cause })?;
            // Read back, since another process may have been first.
            load(path, File::open(path))
        }
        opened => load(path, opened),
    }
}

fn load(path: &Path, opened: io::Result<File>) -> Result<SecretString, KeyFileError> {
    let unreadable = |cause| KeyFileError::Unreadable { path: path.to_owned(), cause };
    let file = opened.map_err(unreadable)?;
    // Asked of the open file, not of the path, which could name another one by now.
    let mode = file.metadata().map_err(unreadable)?.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(KeyFileError::OpenToOthers { path: path.to_owned(), mode });
    }
    let mut text = Zeroizing::new(String::with_capacity(256));
    file.take(MAXIMUM_KEY_FILE_BYTES).read_to_string(&mut text).map_err(unreadable)?;
    match text.trim() {
        "" => Err(KeyFileError::NoKey { path: path.to_owned() }),
        key => Ok(SecretString::from(key)),
    }
}

/// Writes beside the target, then links: `create_new` on the target itself would show an empty file for a moment,
/// and leave one behind if the machine stopped just then.
fn create(path: &Path) -> io::Result<()> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(format!(".{:016x}", u64::from_be_bytes(random_bytes())));
    let draft = PathBuf::from(draft);
    let written = write(&draft).and_then(|()| match fs::hard_link(&draft, path) {
        Err(taken) if taken.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        linked => linked,
    });
    fs::remove_file(&draft).or_else(|error| match error.kind() {
        io::ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    })?;
    written?;
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(directory)?.sync_all()
}

fn write(path: &Path) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(generate_key_text().expose_secret().as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}
