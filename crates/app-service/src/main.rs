//! The example app as a program of its own.

use std::error::Error;
use std::net::SocketAddr;
use std::process::ExitCode;

use app_service::Settings;
use clap::Parser;
use tokio::net::TcpListener;
use url::Url;

/// A small app that leaves sign-in to Keyward.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// The public address of this app
    #[arg(long, env = "APP_URL", default_value = "http://localhost:8000")]
    app_url: Url,
    /// The public address of the sign-in server
    #[arg(long, env = "AUTH_URL", default_value = "http://localhost:3000")]
    auth_url: Url,
    /// Where this app asks the sign-in server, if not at its public address
    #[arg(long, env = "INTERNAL_AUTH_URL")]
    internal_auth_url: Option<Url>,
    /// The address to listen on
    #[arg(long, env = "APP_LISTEN", default_value = "127.0.0.1:8000")]
    listen: SocketAddr,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("app-service: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let Arguments { app_url, auth_url, internal_auth_url, listen } = Arguments::parse();
    let router = app_service::router(&Settings { app_url, auth_url, internal_auth_url })?;
    let listener = TcpListener::bind(listen).await.map_err(|error| {
        format!(
            "cannot listen on {listen}: {error}; stop what holds the address, or choose another by --listen"
        )
    })?;
    axum::serve(listener, router).with_graceful_shutdown(stop()).await?;
    Ok(())
}

/// Ctrl-C, or what a service manager sends.
async fn stop() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return std::future::pending().await };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}
