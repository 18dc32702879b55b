//! How a verb reaches the data: it asks the running server over its socket; where no server holds the database, it does the very
//! same on the file.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use auth_service::admin::{self, Desk, Operation, Operator};
use store::{LockError, ServerLock};
use tokio::net::UnixStream;

use crate::Failure;

/// A way to the data.
pub(crate) enum Channel {
    /// A server answers at this socket.
    Server(PathBuf),
    /// The file is ours, for as long as the lock is held.
    File(Box<Desk>, ServerLock),
}

/// A server that starts or stops holds the database and does not answer yet, or any more: it is waited for…
const TRIES: usize = 50;
/// …so often, with this between.
const BETWEEN: Duration = Duration::from_millis(100);

impl Channel {
    /// To the server that listens there, and to no file.
    pub(crate) async fn to_server(socket: &Path) -> Result<Self, Failure> {
        match answers(socket).await? {
            Ok(()) => Ok(Self::Server(socket.to_owned())),
            Err(error) => Err(format!(
                "no server answers at {} ({error}): start it, or name the socket of the one that runs with --socket",
                socket.display()
            )
            .into()),
        }
    }

    /// To the first server that answers, of those whose sockets are in a folder.
    pub(crate) async fn to_one_of(folder: &Path, sockets: &[PathBuf]) -> Result<Self, Failure> {
        for socket in sockets {
            if answers(socket).await?.is_ok() {
                return Ok(Self::Server(socket.clone()));
            }
        }
        let found = match sockets {
            [] => "holds no socket of a server".to_owned(),
            [one] => format!("holds one socket, {}, at which nobody answers", one.display()),
            many => format!("holds {} sockets, and nobody answers at any", many.len()),
        };
        Err(format!(
            "{} {found}: start the servers (`docker compose up --detach` in the folder of a stack), or name another socket \
             with --socket, or a configuration with --config",
            folder.display()
        )
        .into())
    }

    /// To the server that answers at `socket`; if none holds the database, the lock on it.
    pub(crate) async fn to_server_or_lock(
        socket: Option<&Path>,
        database: &Path,
    ) -> Result<Result<Self, ServerLock>, Failure> {
        let mut tries = 1;
        loop {
            if let Some(socket) = socket
                && answers(socket).await?.is_ok()
            {
                return Ok(Ok(Self::Server(socket.to_owned())));
            }
            match ServerLock::take(database) {
                Ok(lock) => return Ok(Err(lock)),
                Err(LockError::Taken { .. }) if socket.is_some() && tries < TRIES => tries += 1,
                Err(LockError::Taken { who, .. }) => {
                    let answer = match socket {
                        Some(socket) => format!("nobody answers at {}", socket.display()),
                        None => "admin.socket is empty, so that it takes no orders".to_owned(),
                    };
                    return Err(format!(
                        "{who} serves the database {}, and {answer}: while it does, nobody else writes there. Name the socket \
                         it listens on with --socket, or stop it",
                        database.display()
                    )
                    .into());
                }
                Err(error) => return Err(error.into()),
            }
            tokio::time::sleep(BETWEEN).await;
        }
    }

    /// Does it, wherever that is.
    pub(crate) async fn run<O: Operation>(&self, operation: O) -> Result<O::Answer, Failure> {
        match self {
            Self::Server(socket) => Ok(admin::call(socket, &operation).await?),
            Self::File(desk, _) => Ok(operation.run(desk).await?),
        }
    }

    /// The file, for this user: entries of the audit trail name them.
    pub(crate) fn of_file(desk: &Desk, lock: ServerLock) -> Result<Self, Failure> {
        Ok(Self::File(Box::new(desk.of(&Operator::of_process()?)), lock))
    }

    /// Seals what waits in the audit trail of the file, if it is open: nobody else does before a server is started, and until then no
    /// list has it. Under a key that is not the trail's nothing is sealed, since that would break the chain.
    pub(crate) async fn seal(&self) {
        let Self::File(desk, _) = self else { return };
        let trail = &desk.trail;
        let sealing = async {
            if trail.count_waiting().await? == 0 || !trail.is_its_key().await? {
                return Ok(());
            }
            while trail.seal().await? > 0 {}
            Ok::<_, store::Error>(())
        };
        if let Err(error) = sealing.await {
            eprintln!(
                "keyward: entries of the audit trail could not be sealed ({error}): they stay, and the server seals them at its next start"
            );
        }
    }

    /// Closes the file, if it is open, and leaves its trail sealed.
    pub(crate) async fn close(self) {
        self.seal().await;
        if let Self::File(desk, _lock) = self {
            desk.store.close().await;
        }
    }
}

/// Whether somebody listens there, or why not. Not to be let in is a failure: then no file is to be opened either.
async fn answers(socket: &Path) -> Result<Result<(), std::io::Error>, Failure> {
    match UnixStream::connect(socket).await {
        Ok(_) => Ok(Ok(())),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Err(format!(
            "the server's socket {} is for root, the server's own user and the members of its group: ask as one of them. Members have to \
             be let into its folder, too: admin.socket puts it into one of its own, such as /run/keyward",
            socket.display()
        )
        .into()),
        Err(error) => Ok(Err(error)),
    }
}
