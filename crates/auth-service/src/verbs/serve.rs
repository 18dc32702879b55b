//! `auth-service serve`.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use auth_service::code_pages;
use auth_service::config::{Config, Mode};
use auth_service::connections::{Connections, serve};
use auth_service::health::{Health, Phase};
use auth_service::server::{Hangups, Secrets, Server, ServerError, Signals, keeper, system_clock};
use auth_service::stop::{Stopper, stop};
use auth_service::traces::{self, Exporter};
use clap::Args;
use service_manager::{Progress, Sockets};
use store::{LockError, ServerLock};
use tokio::net::{TcpListener, TcpSocket};

use super::{Configuration, Failure, logging};

/// As many as the system allows wait to be accepted.
const BACKLOG: u32 = 1024;

/// Once the server has ended, what told of it has so long to end: with the drain and the time for requests, and all that is between, two
/// seconds more than those at the most.
const END: Duration = Duration::from_millis(200);

/// What a start set going is done by then.
const CALM: Duration = Duration::from_secs(1);

/// Serve until Ctrl-C or SIGTERM.
#[derive(Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    configuration: Configuration,
}

impl Serve {
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        // Before there is a second thread.
        let sockets = Sockets::take()?;
        let config = self.configuration.sources()?.read().into_config()?;
        let traces = traces::of(&config.traces, system_clock(), auth::Random::system())
            .map_err(|error| format!("traces.endpoint: {error}"))?;
        let (recorder, exporter) = traces.unzip();
        logging::start(&config.log, recorder);
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let ran = runtime.block_on(run(config, sockets, exporter));
        // What blocks a thread (a look-up of a name, a hash) would be waited for without limit, and nobody waits for what it finds.
        runtime.shutdown_timeout(END);
        ran?;
        Ok(ExitCode::SUCCESS)
    }
}

async fn run(config: Config, sockets: Sockets, exporter: Option<Exporter>) -> Result<(), Failure> {
    let mut signals = Signals::catch()?;
    let hangups = Hangups::catch()?;
    let health = Health::new(system_clock());
    // From the first moment: whoever waits for us can ask what we wait for.
    let internal = Place::of(sockets.internal, config.internal.listen, "internal.listen")?.listen()?;
    let internal_address = internal.local_addr()?;
    let (end_of_answers, answering) = stop();
    let exporting = exporter.map(|exporter| {
        health.count_spans(&exporter);
        tokio::spawn(exporter.run(answering.clone()))
    });
    let answers = tokio::spawn(serve(health.router(), internal, answering, Connections::internal()));
    tracing::info!(internal = %internal_address, mode = config.mode().map(Mode::describe), "starting");
    let drain = config.server.drain;
    let starting = start(config, sockets.public, &health);
    let started = tokio::select! {
        started = starting => started?,
        _ = signals.next() => {
            tracing::info!("stopped before it served");
            return Ok(());
        }
    };
    let Started { server, listener, address, lock } = started;
    let (stopper, told) = stop();
    health.enter(Phase::Ready);
    tokio::spawn(tell(Progress::Ready));
    tokio::spawn(heed(signals, stopper, health, drain));
    tokio::spawn(hangups.heed(server.rotation().clone()));
    tracing::info!(%address, internal = %internal_address, "serving");
    tokio::spawn(async {
        tokio::time::sleep(CALM).await;
        let bytes = code_pages::give_back();
        tracing::debug!(bytes, "the memory of code that only the start ran is given back");
    });
    server.serve(listener, told).await;
    drop(lock);
    end_of_answers.stop();
    let ending = async {
        let _ = answers.await;
        if let Some(exporting) = exporting {
            let _ = exporting.await;
        }
    };
    if tokio::time::timeout(END, ending).await.is_err() {
        tracing::info!("who asks the internal address, or takes traces, is slow, and not waited for");
    }
    tracing::info!("stopped");
    Ok(())
}

struct Started {
    server: Server,
    listener: TcpListener,
    address: SocketAddr,
    /// Held for as long as it serves.
    lock: Option<ServerLock>,
}

/// Everything up to the first request.
async fn start(
    config: Config,
    given: Option<std::net::TcpListener>,
    health: &Health,
) -> Result<Started, Failure> {
    let shares = given.is_some();
    let (clock, random) = (system_clock(), auth::Random::system());
    let keeper = keeper(&config, &config.references_to_serve(), health, &random).await?;
    let secrets = Secrets::resolve(&config.keys, &config.password.hashing, &keeper).await?;
    let lock = match config.mode() {
        Some(Mode::Small(path)) => Some(ServerLock::take(path).map_err(|error| refused(error, shares))?),
        _ => None,
    };
    // Ours from now on, so that a port that is taken is told at once; nobody can connect until it is listened on.
    let place = Place::of(given, config.server.listen, "server.listen")?;
    let (admin_socket, group) = (config.admin_socket(), config.admin.group.clone());
    let mut server = Server::build(config, &secrets, &keeper, None, clock, random, health).await?;
    if let Some(path) = &admin_socket {
        server.listen_to_operators(path, group.as_deref())?;
    }
    if shares {
        server.share_listener();
    }
    let listener = place.listen()?;
    // What it is asked to listen on may leave the port to the system.
    let address = listener.local_addr()?;
    Ok(Started { server, listener, address, lock })
}

/// Why the database is not ours. Who is handed a socket that another process has may well have meant to run beside that one.
fn refused(error: LockError, shares: bool) -> Failure {
    match error {
        LockError::Taken { .. } if shares => format!(
            "{error}. Processes share a socket in the full mode alone, where they share what they count, too, in PostgreSQL and Redis; \
             whoever connects between the end of one and the start of the next waits (docs/guide/without-docker.md)"
        )
        .into(),
        error => error.into(),
    }
}

/// Where connections are to come from.
enum Place {
    /// An address that is ours, and not listened on yet.
    Bound(TcpSocket),
    /// A socket that the service manager listens on.
    Given(std::net::TcpListener),
}

impl Place {
    /// The socket that was handed over, or else the address of the setting.
    fn of(
        given: Option<std::net::TcpListener>,
        address: SocketAddr,
        setting: &str,
    ) -> Result<Self, ServerError> {
        let Some(given) = given else { return Ok(Self::Bound(bind(address, setting)?)) };
        let at = given.local_addr().map(|at| at.to_string()).unwrap_or_default();
        tracing::info!(
            address = at,
            "a socket was handed over: {setting}, which is {address}, is not listened on"
        );
        Ok(Self::Given(given))
    }

    fn listen(self) -> std::io::Result<TcpListener> {
        match self {
            Self::Bound(socket) => socket.listen(BACKLOG),
            Self::Given(listener) => TcpListener::from_std(listener),
        }
    }
}

fn bind(address: SocketAddr, setting: &str) -> Result<TcpSocket, ServerError> {
    let bound = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        // What a server before us left in TIME_WAIT keeps nobody from listening.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        Ok(socket)
    };
    bound().map_err(|error| ServerError::Listen {
        what: "auth-service",
        address,
        error,
        advice: format!("Stop what listens there, or set {setting} to another port."),
    })
}

/// The first signal begins to drain, the second ends the process.
async fn heed(mut signals: Signals, stopper: Stopper, health: Health, drain: Duration) {
    signals.next().await;
    health.enter(Phase::Draining);
    tracing::info!(seconds = drain.as_secs(), "draining: served on, and no longer ready");
    let draining = stopper.drain_for(drain);
    tokio::join!(draining, tell(Progress::Stopping), signals.end_at_the_next());
}

/// Tells whoever started this process, if they asked to be.
async fn tell(progress: Progress) {
    if let Err(error) = service_manager::tell(progress).await {
        tracing::warn!(%error, ?progress, "the service manager could not be told at NOTIFY_SOCKET");
    }
}
