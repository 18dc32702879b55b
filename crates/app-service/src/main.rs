//! The example app as a program of its own.

use std::error::Error;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use app_service::Settings;
use app_service::entrance::Entrance;
use app_service::health::{self, Health};
use app_service::log::Log;
use app_service::metrics::Metrics;
use axum::serve::{Listener as _, ListenerExt as _};
use clap::{Parser, Subcommand};
use secrets::{SecretRef, SecretString, check_strength};
use service_manager::{Progress, Sockets};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use url::Url;

/// A small app that leaves sign-in to Keyward.
// The references to secrets are read below and not by clap, which would repeat what is none: it may be the secret itself.
#[derive(Parser)]
#[command(version = app_service::build::told(), subcommand_negates_reqs = true)]
struct Arguments {
    #[command(subcommand)]
    verb: Option<Verb>,
    /// The public address of this app
    #[arg(long, env = "APP_URL", default_value = "http://localhost:8000")]
    app_url: Url,
    /// The sign-in server, as it calls itself in its metadata
    #[arg(long, env = "ISSUER_URL", default_value = "http://localhost:3000")]
    issuer: String,
    /// Where this app asks the sign-in server, if not at its public address
    #[arg(long, env = "INTERNAL_AUTH_URL")]
    internal_auth_url: Option<Url>,
    /// The id that this app is registered by
    #[arg(long, env = "CLIENT_ID", default_value = "example-app")]
    client_id: String,
    /// Where the secret is that it was given: `file:/absolute/path` or `env:NAME`
    #[arg(long, env = "CLIENT_SECRET", hide_env_values = true, required = true)]
    client_secret: Option<String>,
    /// Where the key is that seals its sessions: `file:/absolute/path` or `env:NAME`; `openssl rand -hex 32` makes one
    #[arg(long, env = "SESSION_KEY", hide_env_values = true, required = true)]
    session_key: Option<String>,
    /// The address to listen on
    #[arg(long, env = "APP_LISTEN", default_value = "127.0.0.1:8000")]
    listen: SocketAddr,
    /// The address on which it says whether it is ready, and what it does (/metrics), for the proxy, the health check and
    /// Prometheus and never for the world; without one it does not say
    #[arg(long, env = "INTERNAL_LISTEN", global = true)]
    internal_listen: Option<SocketAddr>,
    /// After SIGTERM: so many seconds it goes on serving while it says that it is not ready, so that the proxy turns away first
    #[arg(long, env = "DRAIN_SECONDS", default_value_t = 4)]
    drain_seconds: u64,
    /// Then it takes nobody any more: so many seconds requests in flight have to end before they are cut
    #[arg(long, env = "FINISH_SECONDS", default_value_t = 15)]
    finish_seconds: u64,
    #[command(flatten)]
    log: Log,
}

/// What blocks a thread (a look-up of a name) would be waited for without limit, and nobody waits for what it finds.
const END: Duration = Duration::from_millis(200);

#[derive(Subcommand)]
enum Verb {
    /// Ask the running app whether it is ready; ends with 0 if it is
    Healthcheck,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match execute(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("app-service: {error}");
            ExitCode::FAILURE
        }
    }
}

fn execute(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    // Before there is a second thread.
    let sockets = match arguments.verb {
        Some(Verb::Healthcheck) => Sockets::default(),
        None => Sockets::take()?,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let done = runtime.block_on(async {
        match arguments.verb {
            Some(Verb::Healthcheck) => healthcheck(arguments.internal_listen).await,
            None => run(arguments, sockets).await,
        }
    });
    runtime.shutdown_timeout(END);
    done
}

async fn run(arguments: Arguments, sockets: Sockets) -> Result<(), Box<dyn Error>> {
    arguments.log.start();
    let client_secret = resolve("--client-secret", arguments.client_secret).await?;
    check_strength("the client secret", &client_secret)?;
    let (router, keyward) = app_service::routes(&Settings {
        app_url: arguments.app_url,
        issuer: arguments.issuer,
        internal_auth_url: arguments.internal_auth_url,
        client_id: arguments.client_id,
        client_secret,
        session_key: resolve("--session-key", arguments.session_key).await?,
    })?;
    let signals = Signals::listen()?;
    let (health, metrics) = (Health::default(), Metrics::new(&keyward));
    let entrance = match sockets.public {
        Some(given) => {
            Entrance::shared(handed_over(given, Some(arguments.listen), "--listen")?, health.clone())
        }
        None => Entrance::own(listen(arguments.listen, "--listen").await?),
    };
    let internal = match (sockets.internal, arguments.internal_listen) {
        (Some(given), own) => Some(handed_over(given, own, "--internal-listen")?),
        (None, Some(own)) => Some(listen(own, "--internal-listen").await?),
        (None, None) => None,
    };
    if let Some(internal) = internal {
        // Until the very end, so that it is told to the last that requests are not wanted.
        tokio::spawn(axum::serve(internal, health.routes().merge(metrics.routes())).into_future());
    }
    let router = arguments.log.of_requests(health.announce(metrics.measure(router)));
    let router = router.into_make_service_with_connect_info::<SocketAddr>();
    let address = entrance.local_addr()?;
    tracing::info!(%address, "serving");
    tokio::spawn(tell(Progress::Ready));
    let drain = Duration::from_secs(arguments.drain_seconds);
    let (stopping, stopped) = oneshot::channel();
    // Answers are small and written at once: waiting for more to send only delays them.
    let entrance = entrance.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps Nagle's algorithm");
        }
    });
    let serving = axum::serve(entrance, router).with_graceful_shutdown(async move {
        stop(signals, health, drain).await;
        // Nobody is left to hear it where serving has ended already.
        let _ = stopping.send(());
    });
    let deadline = async {
        match stopped.await {
            Ok(()) => tokio::time::sleep(Duration::from_secs(arguments.finish_seconds)).await,
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        served = serving.into_future() => served?,
        () = deadline => tracing::warn!(
            "requests were still in flight {} seconds after the order to stop, and are cut", arguments.finish_seconds
        ),
    }
    tracing::info!("stopped");
    Ok(())
}

async fn healthcheck(internal_listen: Option<SocketAddr>) -> Result<(), Box<dyn Error>> {
    let address =
        internal_listen.ok_or("--internal-listen is missing; say where the app says whether it is ready")?;
    Ok(health::ask(address).await?)
}

async fn listen(address: SocketAddr, option: &str) -> Result<TcpListener, String> {
    TcpListener::bind(address).await.map_err(|error| {
        format!(
            "cannot listen on {address}: {error}; stop what holds the address, or choose another by {option}"
        )
    })
}

/// A socket that the service manager listens on. The address of the option is then not listened on.
fn handed_over(
    given: std::net::TcpListener,
    own: Option<SocketAddr>,
    option: &str,
) -> std::io::Result<TcpListener> {
    let listener = TcpListener::from_std(given)?;
    let (address, configured) = (listener.local_addr()?, own.map(|own| own.to_string()));
    tracing::info!(%address, configured, "a socket was handed over: the address of {option} is not listened on");
    Ok(listener)
}

/// Tells whoever started this process, if they asked to be.
async fn tell(progress: Progress) {
    if let Err(error) = service_manager::tell(progress).await {
        tracing::warn!(%error, ?progress, "the service manager could not be told at NOTIFY_SOCKET");
    }
}

async fn resolve(option: &str, reference: Option<String>) -> Result<SecretString, Box<dyn Error>> {
    let reference = reference.ok_or_else(|| format!("{option} is missing"))?;
    let reference: SecretRef = reference.parse().map_err(|error| format!("{option}: {error}"))?;
    Ok(reference.resolve().await?)
}

/// By which it is told to stop. They are listened for before it says that it is ready: one that came in between would end it at once.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }
}

/// Resolves when no more connections are to be accepted: at Ctrl-C, or, when a service manager sends SIGTERM, once the proxy
/// has had the time to see that this process drains. A second signal cuts that short.
async fn stop(signals: Signals, health: Health, drain: Duration) {
    let Signals { mut interrupt, mut terminate } = signals;
    tokio::select! {
        _ = interrupt.recv() => return,
        _ = terminate.recv() => {}
    }
    health.drain();
    tracing::info!(seconds = drain.as_secs(), "draining: served on, and no longer ready");
    tokio::spawn(tell(Progress::Stopping));
    tokio::select! {
        () = tokio::time::sleep(drain) => {}
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
