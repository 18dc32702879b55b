//! The lean server: what an image holds.

use std::path::PathBuf;
use std::process::ExitCode;

use auth_service::config::Config;
use auth_service::server::{Secrets, Server, ServerError, Signals, system_clock};
use clap::{Parser, Subcommand};
use store::ServerLock;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tracing_subscriber::EnvFilter;

/// Small things are allocated and freed all the time, on one thread and the next: glibc takes a tenth of a request for it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Keyward's sign-in server.
#[derive(Parser)]
#[command(version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Serve until Ctrl-C or SIGTERM.
    Serve {
        /// The configuration.
        #[arg(long, env = "KEYWARD_CONFIG", default_value = "keyward.toml")]
        config: PathBuf,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let Verb::Serve { config } = Arguments::parse().verb;
    let filter = EnvFilter::try_from_env("KEYWARD_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().json().with_env_filter(filter).with_writer(std::io::stderr).init();
    match serve(&config).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("auth-service: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(path: &std::path::Path) -> Result<(), Box<dyn std::error::Error>> {
    let signals = Signals::catch()?;
    let config = Config::load(path)?;
    let address = config.server.listen;
    let secrets = Secrets::resolve(&config.keys).await?;
    let _alone = ServerLock::take(&config.database.path)?;
    let listener = TcpListener::bind(address).await.map_err(|error| ServerError::Listen {
        what: "auth-service",
        address,
        error,
        advice: "Stop what listens there, or set server.listen to another port.".to_owned(),
    })?;
    // What it is asked to listen on may leave the port to the system.
    let address = listener.local_addr().unwrap_or(address);
    let server = Server::build(config, &secrets, None, system_clock(), auth::Random::system()).await?;
    let (sender, stop) = watch::channel(false);
    tokio::spawn(signals.stop(sender));
    tracing::info!(%address, "serving");
    server.serve(listener, stop).await;
    tracing::info!("stopped");
    Ok(())
}
