//! Begins to log.

use auth_service::config::{Format, Log};
use tracing_subscriber::EnvFilter;

/// To standard error, where systemd and Docker read.
pub(crate) fn start(log: &Log) {
    let filter = EnvFilter::try_from_env("KEYWARD_LOG").unwrap_or_else(|_| EnvFilter::new(log.directives()));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match log.format {
        Format::Json => lines.json().init(),
        Format::Text => lines.with_ansi(false).init(),
    }
}
