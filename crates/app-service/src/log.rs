//! What is written to standard error: settings as the sign-in server's `[log]`, and for each request a span that has the proxy's name for
//! it. Never a secret, a code, a token, or what stands behind the `?` of an address.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::HeaderMap;
use axum::middleware::{self, Next};
use axum::response::Response;
use clap::{ArgAction, Args, ValueEnum};
use domain::Network;
use tracing::Instrument as _;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

/// What the lines of requests are named by.
const TARGET: &str = "access";
/// A proxy's name for a request is no longer.
const LONGEST_ID: usize = 64;
/// No path of ours is longer; a stranger's may be, and fills no log with it.
const LONGEST_PATH: usize = 200;

/// What is written, and how.
#[derive(Args, Clone, Debug)]
pub struct Log {
    /// `json`, a line for machines, or `text`, one for people
    #[arg(long = "log-format", env = "LOG_FORMAT", value_enum, default_value = "json")]
    pub format: Format,
    /// The least that is written
    #[arg(long = "log-level", env = "LOG_LEVEL", value_enum, default_value = "info")]
    pub level: Level,
    /// Whether every request is written: route, status, how long it took, and from where. A proxy does so already
    #[arg(long = "log-access", env = "LOG_ACCESS", action = ArgAction::Set, default_value_t = false)]
    pub access: bool,
    /// Whether the line of a request has the whole address that it came from. Otherwise it has its network (/24, or /56 of IPv6)
    #[arg(long = "log-full-addresses", env = "LOG_FULL_ADDRESSES", action = ArgAction::Set, default_value_t = false)]
    pub full_addresses: bool,
    /// Addresses of proxies, with commas between, whose word is believed on where a request came from (`X-Forwarded-For`) and what it is
    /// called (`X-Request-Id`)
    #[arg(long, env = "TRUSTED_PROXIES", value_delimiter = ',')]
    pub trusted_proxies: Vec<IpAddr>,
}

/// How a line is written.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Format {
    /// An object of JSON.
    Json,
    /// Words.
    Text,
}

/// The least that is written.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Level {
    /// What failed.
    Error,
    /// What may need somebody, too.
    Warn,
    /// What was refused, and what the app does, too.
    Info,
    /// What helps to find a fault, too.
    Debug,
}

impl From<Level> for LevelFilter {
    fn from(level: Level) -> Self {
        match level {
            Level::Error => Self::ERROR,
            Level::Warn => Self::WARN,
            Level::Info => Self::INFO,
            Level::Debug => Self::DEBUG,
        }
    }
}

impl Log {
    /// Begins to write.
    pub fn start(&self) {
        let access = if self.access { LevelFilter::DEBUG } else { LevelFilter::OFF };
        let filter = Targets::new().with_default(LevelFilter::from(self.level)).with_target(TARGET, access);
        let lines = fmt::layer().with_writer(std::io::stderr);
        let lines = match self.format {
            // The span of the request, once: the list of all spans would say it again.
            Format::Json => lines.json().with_span_list(false).boxed(),
            Format::Text => lines.with_ansi(false).boxed(),
        };
        tracing_subscriber::registry().with(filter).with(lines).init();
    }

    /// Gives each request of these routes its span, and its line.
    pub fn of_requests(&self, routes: Router) -> Router {
        routes.layer(middleware::from_fn_with_state(Arc::new(self.clone()), serve))
    }
}

async fn serve(State(log): State<Arc<Log>>, request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_canonical());
    let is_believed = peer.is_some_and(|peer| log.trusted_proxies.contains(&peer));
    let request_id = request_id(request.headers()).filter(|_| is_believed);
    let from = peer.map(|peer| came_from(peer, request.headers(), &log.trusted_proxies));
    // At the highest level, so that whatever is logged of a request has its name, however little is logged.
    let span = tracing::error_span!(
        "request",
        method = %request.method(),
        path = &*shown(request.uri().path()),
        request_id,
    );
    let told = log.access.then(|| {
        let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
        let from = from
            .map(|from| if log.full_addresses { from.to_string() } else { Network::of(from).to_string() });
        (route, from, now())
    });
    async {
        let response = next.run(request).await;
        if let Some((route, from, begun)) = told {
            let (status, seconds) = (response.status().as_u16(), begun.elapsed().as_secs_f64());
            tracing::debug!(target: TARGET, route, status, seconds, from, "answered");
        }
        response
    }
    .instrument(span)
    .await
}

/// As much of a path as is written down of it.
fn shown(path: &str) -> Cow<'_, str> {
    if path.len() <= LONGEST_PATH {
        return path.into();
    }
    let (beginning, _) = path.split_at(path.floor_char_boundary(LONGEST_PATH));
    format!("{beginning}…").into()
}

/// What the proxy calls a request, so that its log and ours can be laid side by side.
fn request_id(headers: &HeaderMap) -> Option<&str> {
    let id = headers.get("x-request-id")?.to_str().ok()?;
    let is_name = |letter: u8| letter.is_ascii_alphanumeric() || matches!(letter, b'-' | b'_' | b'.');
    (!id.is_empty() && id.len() <= LONGEST_ID && id.bytes().all(is_name)).then_some(id)
}

/// Where a request came from. Each proxy adds whom it was asked by, so those that are believed are gone through from the last one on.
fn came_from(peer: IpAddr, headers: &HeaderMap, trusted: &[IpAddr]) -> IpAddr {
    let lines = headers.get_all("x-forwarded-for").iter().rev();
    let hops = lines.filter_map(|line| line.to_str().ok()).flat_map(|line| line.rsplit(','));
    let mut address = peer;
    for hop in hops {
        if !trusted.contains(&address) {
            break;
        }
        let Ok(before) = hop.trim().parse() else { break };
        address = before;
    }
    address
}

#[expect(clippy::disallowed_methods, reason = "it is how long a real request takes")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_proxy_that_is_believed_says_where_a_request_came_from() {
        let proxy: IpAddr = "172.30.10.2".parse().unwrap();
        let came = |peer: &str, lines: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append("x-forwarded-for", line.parse().unwrap());
            }
            Network::of(came_from(peer.parse().unwrap(), &headers, &[proxy])).to_string()
        };
        assert_eq!(came("172.30.10.2", &["198.51.100.20"]), "198.51.100.0/24");
        assert_eq!(came("172.30.10.2", &["2001:db8:1:22ff::1"]), "2001:db8:1:2200::/56");
        assert_eq!(came("172.30.10.2", &["203.0.113.9, 198.51.100.20"]), "198.51.100.0/24");
        assert_eq!(came("172.30.10.2", &["203.0.113.9", "198.51.100.20, 172.30.10.2"]), "198.51.100.0/24");
        assert_eq!(came("172.30.10.2", &["nonsense"]), "172.30.10.0/24");
        assert_eq!(came("172.30.10.2", &[]), "172.30.10.0/24");
        assert_eq!(came("192.0.2.7", &["198.51.100.20"]), "192.0.2.0/24");
        assert_eq!(came("::ffff:192.0.2.7", &[]), "192.0.2.0/24");
    }
}
