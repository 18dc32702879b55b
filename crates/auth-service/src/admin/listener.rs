//! The socket itself: closed to others before anybody can connect to it, under another name, and then renamed.

use std::io::{Error, ErrorKind};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixSocket};

use super::operator;

/// What everybody else may do, in the mode of a file.
const OTHERS: u32 = 0o007;
/// As many bytes as the address of a Unix socket holds (`sun_path` of unix(7), less its end).
const LONGEST: usize = 107;
/// What is put behind the name until it is ready.
const NOT_READY: &str = ".new";
/// `EPERM` of errno(3): a folder that may not be written to is another error.
const NOT_PERMITTED: i32 = 1;
/// As many wait to be taken.
const BACKLOG: u32 = 64;
/// So the path of a socket has at most so many bytes.
pub(crate) const LONGEST_PATH: usize = LONGEST - NOT_READY.len();
/// The group that may ask, where none is named and there is one.
const GROUP: &str = "keyward";

/// A socket that is listened on. Dropped, it is removed.
#[derive(Debug)]
pub struct Socket {
    pub(super) listener: UnixListener,
    pub(super) path: PathBuf,
    inode: u64,
    /// The user that listens.
    pub(super) owner: u32,
    /// The group that may ask.
    pub(super) group: Option<u32>,
}

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// The system takes no such name.
    #[error(
        "the operator's socket {path} has a path of {length} bytes, and a Unix socket's has at most {most}: set admin.socket \
         to a shorter one, such as /run/keyward/auth-service.sock", path = .path.display(), most = LONGEST_PATH
    )]
    Long {
        /// The path.
        path: PathBuf,
        /// How long it is.
        length: usize,
    },
    /// Another server listens there.
    #[error(
        "another server listens on the operator's socket {path}: stop that one first, or set admin.socket to another path",
        path = .0.display()
    )]
    Taken(PathBuf),
    /// Something else is there.
    #[error("{path} is there and no socket, so it is left as it is: remove it, or set admin.socket to another path", path = .0.display())]
    Foreign(PathBuf),
    /// There is no such group.
    #[error(
        "admin.group names the group {0}, which is not there: make it (groupadd {0}), or remove the line"
    )]
    Group(String),
    /// Only members of a group, and root, may give it something.
    #[error(
        "the operator's socket {path} cannot be given to the group {group} that admin.group names ({error}): the server's user has to be a \
         member of it (usermod --append --groups {group} USER, then start it anew), or the line has to name another",
        path = .path.display()
    )]
    NotMember {
        /// The path.
        path: PathBuf,
        /// The group.
        group: String,
        /// What the system said.
        error: Error,
    },
    /// It cannot be made.
    #[error(
        "the operator's socket {path} cannot be made: {error}. Its folder must be there, and one that this user may write \
         to; admin.socket names another, and an empty one none", path = .path.display()
    )]
    File {
        /// The path.
        path: PathBuf,
        /// Why not.
        error: Error,
    },
}

impl Socket {
    /// Listens at `path`, for root, this user and the group alone. What a server left that was killed is replaced.
    pub fn bind(path: &Path, group: Option<&str>) -> Result<Self, SocketError> {
        let length = path.as_os_str().len();
        if length > LONGEST_PATH {
            return Err(SocketError::Long { path: path.to_owned(), length });
        }
        let gid = match group {
            Some(name) => {
                Some(operator::group_number(name).ok_or_else(|| SocketError::Group(name.to_owned()))?)
            }
            None => operator::group_number(GROUP),
        };
        look(path)?;
        let wrong = |error| SocketError::File { path: path.to_owned(), error };
        let mut not_ready = path.as_os_str().to_owned();
        not_ready.push(NOT_READY);
        let not_ready = PathBuf::from(not_ready);
        match std::fs::remove_file(&not_ready) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(wrong(error)),
            _ => {}
        }
        let ready = || {
            let (socket, group) = closed(&not_ready, gid, group.is_some())?;
            let listener = socket.listen(BACKLOG)?;
            std::fs::rename(&not_ready, path)?;
            let found = std::fs::symlink_metadata(path)?;
            Ok((listener, group, found.ino(), found.uid()))
        };
        let (listener, group, inode, owner) = ready().map_err(|error: Error| match group {
            Some(name) if error.raw_os_error() == Some(NOT_PERMITTED) => {
                SocketError::NotMember { path: path.to_owned(), group: name.to_owned(), error }
            }
            _ => wrong(error),
        })?;
        Ok(Self { listener, path: path.to_owned(), inode, owner, group })
    }
}

/// A socket at `path` for its user and the group, and that group: closed to others before it listens, so that whoever is found at it
/// later came through its mode, whatever the umask. If nobody `asked` for the group, and this user is not of it, it has none.
fn closed(path: &Path, gid: Option<u32>, asked: bool) -> Result<(UnixSocket, Option<u32>), Error> {
    let socket = UnixSocket::new_stream()?;
    socket.bind(path)?;
    let group = match gid.map(|gid| chown(path, None, Some(gid))) {
        Some(Err(error)) if !asked && error.kind() == ErrorKind::PermissionDenied => None,
        Some(Err(error)) => return Err(error),
        _ => gid,
    };
    let mode = if group.is_some() { 0o660 } else { 0o600 };
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
    Ok((socket, group))
}

/// Whether nobody may connect to a socket but its owner and its group.
pub(super) fn is_closed(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|found| found.mode() & OTHERS == 0)
}

/// Whether the place is free, or has what nobody listens on.
fn look(path: &Path) -> Result<(), SocketError> {
    match std::fs::symlink_metadata(path) {
        Ok(found) if !found.file_type().is_socket() => return Err(SocketError::Foreign(path.to_owned())),
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(SocketError::File { path: path.to_owned(), error }),
    }
    match std::os::unix::net::UnixStream::connect(path) {
        Ok(_) => Err(SocketError::Taken(path.to_owned())),
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => Ok(()),
        Err(error) => Err(SocketError::File { path: path.to_owned(), error }),
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // Another server may have put its own there meanwhile.
        if std::fs::symlink_metadata(&self.path).is_ok_and(|found| found.ino() == self.inode) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_is_for_its_user_and_group_and_gone_afterwards() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keyward.sock");
        let socket = Socket::bind(&path, Some("root")).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o660);
        drop(socket);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    /// Whoever had connected while it was open to others would be taken for one whom its mode let in.
    #[tokio::test]
    async fn nobody_connects_before_it_is_closed_to_others() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keyward.sock.new");
        let (socket, group) = closed(&path, Some(0), true).unwrap();
        assert!(group == Some(0) && is_closed(&path));
        let refused = std::os::unix::net::UnixStream::connect(&path).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused, "it listens before it is handed over");
        let _listener = socket.listen(BACKLOG).unwrap();
        std::os::unix::net::UnixStream::connect(&path).unwrap();
    }

    #[tokio::test]
    async fn a_stale_one_is_replaced_and_a_live_one_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keyward.sock");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let socket = Socket::bind(&path, None).unwrap();
        let refused = Socket::bind(&path, None).unwrap_err();
        assert!(refused.to_string().contains("stop that one first"), "{refused}");
        assert!(path.exists(), "whoever is refused removes nothing");
        drop(socket);
        std::fs::write(&path, "a note").unwrap();
        let refused = Socket::bind(&path, None).unwrap_err();
        assert!(matches!(refused, SocketError::Foreign(_)), "{refused}");
        assert_eq!(std::fs::read(&path).unwrap(), b"a note");
    }

    #[tokio::test]
    async fn a_long_path_and_a_group_that_is_not_there_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let refused = Socket::bind(&folder.path().join("k".repeat(120)), None).unwrap_err().to_string();
        assert!(refused.contains("at most 103"), "{refused}");
        let refused = Socket::bind(&folder.path().join("s"), Some("no such group")).unwrap_err().to_string();
        assert!(refused.contains("groupadd no such group"), "{refused}");
    }
}
