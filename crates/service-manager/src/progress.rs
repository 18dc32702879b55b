//! How far the program is, told to whoever waits for it before they go on.

use std::env;
use std::ffi::OsStr;
use std::io::Result;
#[cfg(target_os = "linux")]
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::SocketAddr;
use std::time::Duration;

use tokio::net::UnixDatagram;

/// A service manager that does not take word by then is not waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// How far a program is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It serves.
    Ready,
    /// It is about to end.
    Stopping,
}

impl Progress {
    /// As `sd_notify(3)` has it.
    fn words(self) -> &'static [u8] {
        match self {
            Self::Ready => b"READY=1",
            Self::Stopping => b"STOPPING=1",
        }
    }
}

/// Tells whoever started this program how far it is, if they want to know (`NOTIFY_SOCKET`).
pub async fn tell(progress: Progress) -> Result<()> {
    match env::var_os("NOTIFY_SOCKET") {
        Some(place) => tell_at(&place, progress).await,
        None => Ok(()),
    }
}

async fn tell_at(place: &OsStr, progress: Progress) -> Result<()> {
    let socket = std::os::unix::net::UnixDatagram::unbound()?;
    socket.connect_addr(&address(place)?)?;
    socket.set_nonblocking(true)?;
    let socket = UnixDatagram::from_std(socket)?;
    tokio::time::timeout(PATIENCE, socket.send(progress.words())).await??;
    Ok(())
}

/// Where word is taken: at a path, or by a name that is in no folder (`@NAME`).
fn address(place: &OsStr) -> Result<SocketAddr> {
    match place.as_bytes() {
        #[cfg(target_os = "linux")]
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name),
        _ => SocketAddr::from_pathname(place),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(socket: &std::os::unix::net::UnixDatagram) -> String {
        let mut words = [0; 64];
        let length = socket.recv(&mut words).unwrap();
        String::from_utf8(words[..length].to_vec()).unwrap()
    }

    #[tokio::test]
    async fn word_is_taken_at_a_path_and_by_a_name_in_no_folder() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let name = format!("@keyward-{}", std::process::id());
        for place in [path.as_os_str(), OsStr::new(&name)] {
            let socket = std::os::unix::net::UnixDatagram::bind_addr(&address(place).unwrap()).unwrap();
            tell_at(place, Progress::Ready).await.unwrap();
            tell_at(place, Progress::Stopping).await.unwrap();
            assert_eq!([heard(&socket), heard(&socket)], ["READY=1", "STOPPING=1"], "{}", place.display());
        }
    }

    #[tokio::test]
    async fn that_nobody_takes_it_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let error = tell_at(folder.path().join("nobody").as_os_str(), Progress::Ready).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
    }

    /// It is told by the threads that serve.
    #[tokio::test(start_paused = true)]
    async fn one_that_takes_no_more_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let _full = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
        let mut told = Ok(());
        // The queue of a datagram socket has room for a few (net.unix.max_dgram_qlen).
        for _ in 0..100_000 {
            told = tell_at(path.as_os_str(), Progress::Ready).await;
            if told.is_err() {
                break;
            }
        }
        assert_eq!(told.unwrap_err().kind(), std::io::ErrorKind::TimedOut);
    }
}
