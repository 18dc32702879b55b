//! The way of requests, told to a collector of OpenTelemetry: a span for each request, and in it one for each hash, statement,
//! beginning and commit.
//!
//! Spans are those of `tracing` with the target [`TARGET`], which no log has and which cost next to nothing while nobody records
//! them. A [`Recorder`] keeps what they say, which are names that stand in the code and numbers: no value of a path, nothing that
//! stands behind a `?`, no secret. A full queue drops a span and counts it; nobody ever waits for the collector.

mod context;
mod counts;
mod exporter;
mod otlp;
mod recorder;
mod request;
mod span;

pub(crate) use counts::Counts;
pub use exporter::Exporter;
pub use recorder::Recorder;
pub(crate) use request::trace;

use auth::Random;
use domain::Clock;
use outbound::{EgressClient, EgressError, EgressSettings};
use tokio::sync::mpsc;
use tracing_subscriber::EnvFilter;

use crate::config;

/// What spans are named by that are recorded. `store` and `auth` name theirs so, too.
pub const TARGET: &str = "traces";

/// Spans that wait to be sent. Half a thousand requests, of a few spans each.
const QUEUE: usize = 4096;

/// The filter of a log, which has none of these spans.
pub fn unlogged(filter: EnvFilter) -> EnvFilter {
    match format!("{TARGET}=off").parse() {
        Ok(directive) => filter.add_directive(directive),
        Err(_) => filter,
    }
}

/// What records and what sends, if the operator wants it.
pub fn of(
    settings: &config::Traces,
    clock: Clock,
    random: Random,
) -> Result<Option<(Recorder, Exporter)>, EgressError> {
    let Some(endpoint) = &settings.endpoint else { return Ok(None) };
    let everywhere = ["0.0.0.0/0", "::/0"].iter().filter_map(|network| network.parse().ok());
    let client = EgressClient::new(&EgressSettings {
        root_certificate: None,
        // The operator names the one address that is asked.
        allowed_networks: everywhere.collect(),
        plain_http_hosts: endpoint.host_str().map(str::to_owned).into_iter().collect(),
        timeout: exporter::PATIENCE,
        maximum_response_bytes: 64 * 1024,
    })?;
    let url = format!("{}/v1/traces", endpoint.as_str().trim_end_matches('/'));
    client.check(&url)?;
    let (sender, queue) = mpsc::channel(QUEUE);
    let counts = Counts::default();
    let recorder = Recorder::new(sender, counts.clone(), clock, random, settings.one_in);
    Ok(Some((recorder, Exporter::new(client, url, queue, counts))))
}
