//! One server a database.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
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
    /// The database's file, or the one that tells of its server, cannot be used.
    #[error("the file {path} cannot be used: {error}. {advice}", path = .path.display(), advice = advice(.path))]
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
        give_to_the_owner(database, &file);
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

/// Whether this user may serve the database at `database`, so far as can be told without doing so: what is there of it can be opened.
pub fn can_be_served(database: &Path) -> Result<(), LockError> {
    for path in [database.to_owned(), lock_file(database)] {
        match OpenOptions::new().read(true).write(true).open(&path) {
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(LockError::File { path, error }),
        }
    }
    Ok(())
}

/// Whoever administers the machine may read the data of a server that has a user of its own: what they leave behind must not be
/// theirs, or that server starts no more. SQLite does so with its own files.
fn give_to_the_owner(database: &Path, file: &File) {
    let folder =
        || database.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let owner = std::fs::metadata(database).or_else(|_| std::fs::metadata(folder()));
    if let (Ok(owner), Ok(held)) = (owner, file.metadata())
        && owner.uid() != held.uid()
    {
        // Only the administrator can. Whoever else was let in at all is let in the next time too.
        let _ = std::os::unix::fs::fchown(file, Some(owner.uid()), Some(owner.gid()));
    }
}

/// What to do about a file that cannot be used.
fn advice(path: &Path) -> String {
    match std::fs::metadata(path) {
        Ok(file) => format!(
            "It belongs to user {}: run this as that user, or give the file to the user that serves the database",
            file.uid()
        ),
        Err(_) => "Its folder must be one that this user may write to".to_owned(),
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

    /// Found by an operator: `keyward audit list` by root, before the first start of a server with a user of its own.
    #[test]
    fn what_the_administrator_locks_stays_its_owners() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("keyward.sqlite");
        std::fs::write(&database, "").unwrap();
        if std::os::unix::fs::chown(&database, Some(65_534), Some(65_534)).is_err() {
            return; // Not the administrator: nothing can be left behind that is theirs.
        }
        drop(ServerLock::take(&database).unwrap());
        let left = std::fs::metadata(lock_file(&database)).unwrap();
        assert_eq!((left.uid(), left.gid()), (65_534, 65_534));
    }
}
