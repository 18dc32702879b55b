//! The example app as a program of its own.

use std::error::Error;
use std::net::SocketAddr;
use std::process::ExitCode;

use app_service::Settings;
use clap::Parser;
use secrets::{SecretRef, SecretString, check_strength};
use tokio::net::TcpListener;
use url::Url;

/// A small app that leaves sign-in to Keyward.
// The references to secrets are read below and not by clap, which would repeat what is none: it may be the secret itself.
#[derive(Parser)]
#[command(version)]
struct Arguments {
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
    #[arg(long, env = "CLIENT_SECRET", hide_env_values = true)]
    client_secret: String,
    /// Where the key is that seals its sessions: `file:/absolute/path` or `env:NAME`; `openssl rand -hex 32` makes one
    #[arg(long, env = "SESSION_KEY", hide_env_values = true)]
    session_key: String,
    /// The address to listen on
    #[arg(long, env = "APP_LISTEN", default_value = "127.0.0.1:8000")]
    listen: SocketAddr,
}

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt().with_max_level(tracing::Level::INFO).with_writer(std::io::stderr).init();
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("app-service: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    let client_secret = resolve("--client-secret", &arguments.client_secret).await?;
    check_strength("the client secret", &client_secret)?;
    let router = app_service::router(&Settings {
        app_url: arguments.app_url,
        issuer: arguments.issuer,
        internal_auth_url: arguments.internal_auth_url,
        client_id: arguments.client_id,
        client_secret,
        session_key: resolve("--session-key", &arguments.session_key).await?,
    })?;
    let listen = arguments.listen;
    let listener = TcpListener::bind(listen).await.map_err(|error| {
        format!(
            "cannot listen on {listen}: {error}; stop what holds the address, or choose another by --listen"
        )
    })?;
    axum::serve(listener, router).with_graceful_shutdown(stop()).await?;
    Ok(())
}

async fn resolve(option: &str, reference: &str) -> Result<SecretString, Box<dyn Error>> {
    let reference: SecretRef = reference.parse().map_err(|error| format!("{option}: {error}"))?;
    Ok(reference.resolve().await?)
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
