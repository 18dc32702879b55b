//! One server a database.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Held by the server that serves a database, until it is dropped or its process ends, however it ends.
///
/// It is a lock on a file of its own beside the database (`flock`, by the operating system). SQLite's own locks on the
/// database say nothing of who serves it, and a second handle of ours on that file would let go of them.
#[derive(Debug)]
pub struct ServerLock {
    _file: File,
}

/// Why a server may not serve a database.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another one does.
    #[error(
        "the database {database} is already served by {who}: two servers would each count tries on their own, so that \
         no limit would hold. Stop that one first, or give this one a database of its own", database = .database.display()
    )]
    Taken {
        /// Which database.
        database: PathBuf,
        /// The other.
        who: String,
    },
    /// The file that tells cannot be used.
    #[error(
        "the file {path}, which tells that a server serves the database, cannot be used: {error}. \
         Its folder must be one that this user may write to", path = .path.display()
    )]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
}

impl ServerLock {
    /// Takes the lock on the database at `database`, which need not be there yet.
    pub fn take(database: &Path) -> Result<Self, LockError> {
        let path = lock_file(database);
        let wrong = |error| LockError::File { path: path.clone(), error };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(wrong)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let _ = file.read_to_string(&mut holder);
                let who = match holder.trim().parse::<u32>() {
                    Ok(process) => format!("another process (number {process})"),
                    Err(_) => "another process".to_owned(),
                };
                return Err(LockError::Taken { database: database.to_owned(), who });
            }
            Err(TryLockError::Error(error)) => return Err(wrong(error)),
        }
        // For the message alone: that the file is there, or what is in it, decides nothing.
        file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())).map_err(wrong)?;
        Ok(Self { _file: file })
    }
}

/// Beside the database itself, whatever name or link it was reached by.
fn lock_file(database: &Path) -> PathBuf {
    let real = std::fs::canonicalize(database).unwrap_or_else(|_| database.to_owned());
    let mut name = real.into_os_string();
    name.push(".lock");
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_has_one_server_whatever_name_it_is_reached_by() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("keyward.sqlite");
        let held = ServerLock::take(&database).unwrap();
        let refused = ServerLock::take(&database).unwrap_err().to_string();
        let process = format!("another process (number {})", std::process::id());
        assert!(refused.contains(&process) && refused.contains("Stop that one first"), "{refused}");
        drop(held);
        std::fs::write(&database, "").unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&database, &link).unwrap();
        let held = ServerLock::take(&link).unwrap();
        assert!(matches!(ServerLock::take(&database), Err(LockError::Taken { .. })));
        assert!(ServerLock::take(&folder.path().join("other.sqlite")).is_ok());
        drop(held);
        ServerLock::take(&database).unwrap();
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let refused = ServerLock::take(Path::new("/nowhere/keyward.sqlite")).unwrap_err().to_string();
        assert!(refused.contains("/nowhere/keyward.sqlite.lock"), "{refused}");
    }
}
