//! Begins to log, and to record.

use auth_service::config::{Format, LOG, Log};
use auth_service::traces::{self, Recorder};
use tracing::Subscriber;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Layer, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, fmt};

/// To standard error, where systemd and Docker read; what is recorded, to whoever sends it.
pub(crate) fn start(log: &Log, recorder: Option<Recorder>) {
    // One that cannot be read was refused with the rest of the configuration.
    let named = std::env::var(LOG).ok().filter(|filter| !filter.is_empty());
    let named = named.and_then(|filter| EnvFilter::try_new(filter).ok());
    let filter = named.unwrap_or_else(|| EnvFilter::new(log.directives()));
    // What is recorded is not logged, too.
    let filter = traces::unlogged(filter);
    let registry = tracing_subscriber::registry();
    match recorder {
        // A filter for all is quicker than one for each layer.
        None => registry.with(filter).with(lines(log.format)).init(),
        Some(recorder) => {
            let spans = Targets::new().with_target(traces::TARGET, LevelFilter::INFO);
            registry.with(lines(log.format).with_filter(filter)).with(recorder.with_filter(spans)).init();
        }
    }
    auth_service::panics::tell_by_place();
}

fn lines<S>(format: Format) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    let lines = fmt::layer().with_writer(std::io::stderr);
    match format {
        // The span of the request, once: the list of all spans would say it again.
        Format::Json => lines.json().with_span_list(false).boxed(),
        Format::Text => lines.with_ansi(false).boxed(),
    }
}
