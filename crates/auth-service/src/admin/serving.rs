//! Serving the socket: whoever may ask has each operation at an address of its own.

use std::convert::Infallible;
use std::path::PathBuf;
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum::{Json, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::UnixStream;
use tokio::task::JoinSet;

use super::listener::is_closed;
use super::{Desk, Operation, Operator, Refusal, Socket};
use super::{audit, clients, deeds, import, keys, mail, passwords, people, sealed, secrets, status};
use crate::stop::Stop;

/// What is in flight has so long to end, once nobody is taken any more.
const DRAIN: Duration = Duration::from_secs(4);
/// A request comes whole within that time.
const HEAD: Duration = Duration::from_secs(10);
/// After the system refused a connection, for want of file descriptors.
const AFTER_REFUSAL: Duration = Duration::from_millis(100);

/// Serves until `stop` says so; then what is in flight ends, and the socket is removed.
pub async fn serve(socket: Socket, desk: Desk, mut stop: Stop) {
    let graceful = GracefulShutdown::new();
    // Dropped at the end: what has not ended by then is cut.
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = stop.stopped() => break,
            accepted = socket.listener.accept() => accepted,
        };
        while connections.try_join_next().is_some() {}
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "the operator's socket takes nobody just now");
                tokio::time::sleep(AFTER_REFUSAL).await;
                continue;
            }
        };
        let (door, desk, watcher) = (Door::of(&socket), desk.clone(), graceful.watcher());
        connections.spawn(async move {
            let routes = routes_for(&stream, door, &desk).await;
            let mut protocol = http1::Builder::new();
            protocol.timer(TokioTimer::new()).header_read_timeout(HEAD);
            let connection =
                protocol.serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes));
            if let Err(error) = watcher.watch(connection).await {
                tracing::debug!(%error, "a connection of the operator broke off");
            }
        });
    }
    drop(socket);
    let _ = tokio::time::timeout(DRAIN, graceful.shutdown()).await;
}

/// Who is let in, and where.
struct Door {
    path: PathBuf,
    owner: u32,
    group: Option<u32>,
}

impl Door {
    fn of(socket: &Socket) -> Self {
        Self { path: socket.path.clone(), owner: socket.owner, group: socket.group }
    }
}

/// Who asks is looked up in files, anew each time, since a group may have got a member: so on a thread that may wait.
async fn admitted(stream: &UnixStream, door: Door) -> Result<Operator, String> {
    let unknown = |error: &dyn std::fmt::Display| format!("somebody unknown ({error})");
    let peer = stream.peer_cred().map_err(|error| unknown(&error))?;
    let looked = tokio::task::spawn_blocking(move || {
        Operator::admit(peer, door.owner, door.group, is_closed(&door.path))
    });
    let looked = looked.await;
    looked.map_err(|error| unknown(&error))?.map_err(|other| other.to_string())
}

async fn routes_for(stream: &UnixStream, door: Door, desk: &Desk) -> Router {
    match admitted(stream, door).await {
        Ok(operator) => routes().with_state(desk.of(&operator)),
        Err(other) => {
            tracing::warn!(who = other, "refused on the operator's socket");
            let refusal = format!(
                "this server takes no orders from {other}: ask as root, or as a member of the socket's group"
            );
            Router::new().fallback(move || async move { refused(StatusCode::FORBIDDEN, refusal) })
        }
    }
}

fn routes() -> Router<Desk> {
    let router = Router::new();
    let router = with::<audit::ListAudit>(router);
    let router = with::<audit::VerifyAudit>(router);
    let router = with::<mail::ListMail>(router);
    let router = with::<mail::WithdrawMailed>(router);
    let router = with::<clients::AddClient>(router);
    let router = with::<clients::ListClients>(router);
    let router = with::<clients::ShowClient>(router);
    let router = with::<clients::RotateSecret>(router);
    let router = with::<clients::RemoveClient>(router);
    let router = with::<keys::ListKeys>(router);
    let router = with::<keys::RotateKeys>(router);
    let router = with::<passwords::ReportPasswords>(router);
    let router = with::<import::ImportUsers>(router);
    let router = with::<people::ListUsers>(router);
    let router = with::<people::ShowUser>(router);
    let router = with::<people::ActOnUser>(router);
    let router = with::<sealed::LookAtSealed>(router);
    let router = with::<secrets::LookAtSecrets>(router);
    let router = with::<deeds::NoteSecretDeed>(router);
    let router = with::<deeds::NoteDeploy>(router);
    let router = with::<secrets::NoteRotation>(router);
    let router = with::<status::AskStatus>(router);
    router.fallback(unknown)
}

fn with<O: Operation>(router: Router<Desk>) -> Router<Desk> {
    router.route(O::PATH, post(answer::<O>).layer(DefaultBodyLimit::max(O::LARGEST)))
}

async fn answer<O: Operation>(State(desk): State<Desk>, Json(operation): Json<O>) -> Response {
    match operation.run(&desk).await {
        Ok(answer) => Json(answer).into_response(),
        Err(refusal) => refused(StatusCode::UNPROCESSABLE_ENTITY, refusal.error),
    }
}

async fn unknown() -> Result<Response, Infallible> {
    let sentence = "the server does not know this: `keyward` is of another release than it";
    Ok(refused(StatusCode::NOT_FOUND, sentence.to_owned()))
}

fn refused(status: StatusCode, error: String) -> Response {
    (status, Json(Refusal { error })).into_response()
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;

    use rustix::process::{Gid, Uid, geteuid};
    use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};

    use super::*;

    /// Somebody of the system, with a first group and another.
    const STRANGER: u32 = 65_534;

    /// Connects as somebody else: on a thread of its own, which alone becomes them.
    fn connect(
        path: &Path,
        first: u32,
        other: Option<u32>,
    ) -> std::io::Result<std::os::unix::net::UnixStream> {
        std::thread::scope(|scope| {
            let connecting = scope.spawn(|| {
                let (uid, gid) = (Uid::from_raw(STRANGER), Gid::from_raw(first));
                set_thread_groups(&other.map(Gid::from_raw).into_iter().collect::<Vec<_>>())?;
                set_thread_res_gid(gid, gid, gid)?;
                set_thread_res_uid(uid, uid, uid)?;
                std::os::unix::net::UnixStream::connect(path)
            });
            connecting.join().unwrap()
        })
    }

    /// Whether the kernel lets them connect, and whether the server then takes their orders.
    async fn asks(socket: &Socket, first: u32, other: Option<u32>) -> Result<Operator, Option<String>> {
        match connect(&socket.path, first, other) {
            Ok(_connected) => {
                let (stream, _) = socket.listener.accept().await.unwrap();
                admitted(&stream, Door::of(socket)).await.map_err(Some)
            }
            Err(error) if error.kind() == ErrorKind::PermissionDenied => Err(None),
            Err(error) => panic!("{error}"),
        }
    }

    /// In a container a group of the host is a number without a name, and who is in it is known to the kernel alone: its word
    /// counts, as long as it lets nobody else connect. A group that has a name has the members that stand there.
    #[tokio::test]
    async fn who_is_in_a_group_of_the_host_may_ask_as_long_as_nobody_else_can() {
        if !geteuid().is_root() {
            assert!(
                std::env::var_os("CI").is_none(),
                "under CI this runs as root, which alone can be somebody else"
            );
            eprintln!("not run: only root can be somebody else");
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let open = |path: &Path, mode| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        open(folder.path(), 0o755);
        let stranger = Operator::of(STRANGER);
        let refused = Err(Some(stranger.to_string()));
        let nameless = 4711;
        let socket = Socket::bind(&folder.path().join("nameless.sock"), Some("4711")).unwrap();
        assert_eq!(asks(&socket, STRANGER, Some(nameless)).await, Ok(stranger.clone()));
        assert_eq!(asks(&socket, nameless, None).await, Ok(stranger.clone()));
        assert_eq!(asks(&socket, STRANGER, Some(nameless + 1)).await, Err(None));
        assert_eq!(asks(&socket, STRANGER, None).await, Err(None));
        // Were the file open to everybody, nobody could say who is in the group.
        open(&socket.path, 0o666);
        assert_eq!(asks(&socket, STRANGER, Some(nameless)).await, refused);
        assert_eq!(asks(&socket, STRANGER, None).await, refused);
        assert_eq!(asks(&socket, nameless, None).await, Ok(stranger.clone()));
        // Whoever is not in its line there is in the group no more, though what they run still has it.
        let named = super::super::operator::group_number("daemon").unwrap();
        let socket = Socket::bind(&folder.path().join("named.sock"), Some("daemon")).unwrap();
        assert_eq!(asks(&socket, STRANGER, Some(named)).await, refused);
        assert_eq!(asks(&socket, named, None).await, Ok(stranger));
        assert_eq!(asks(&socket, STRANGER, Some(nameless)).await, Err(None));
    }
}
