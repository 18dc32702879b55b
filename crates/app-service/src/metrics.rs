//! What whoever watches the app is told: Prometheus metrics, on the internal listener. Every label is of a closed set: kinds, and
//! the templates of routes, of which there are only so many. Nothing that a stranger sends makes a series.

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use keyward_client::Keyward;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::prometheus_text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::build;

/// The text format that every Prometheus reads.
const FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";
/// Upper ends of the buckets, in seconds: from a page out of memory to one that waited for the sign-in server.
const BUCKETS: [f64; 10] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 1.0, 5.0];

/// What is counted. A copy counts the same.
#[derive(Clone, Debug)]
pub struct Metrics {
    requests: Requests,
    registry: Arc<Registry>,
}

type Requests = Family<Answered, Histogram>;

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Answered {
    method: &'static str,
    route: String,
    status: &'static str,
}

impl Metrics {
    /// Of the app that signs people in by `keyward`.
    pub fn new(keyward: &Keyward) -> Self {
        let requests = Requests::new_with_constructor(|| Histogram::new(BUCKETS));
        let mut registry = Registry::default();
        registry.register(
            "app_http_request_duration_seconds",
            "How long requests took to be answered, by template of the route and class of status",
            requests.clone(),
        );
        registry.register_collector(Box::new(Asked(keyward.clone())));
        Self { requests, registry: Arc::new(registry) }
    }

    /// `/metrics`.
    pub fn routes(&self) -> Router {
        Router::new().route("/metrics", get(told)).with_state(self.clone())
    }

    /// Counts what is asked of these routes.
    pub fn measure(&self, routes: Router) -> Router {
        routes.layer(middleware::from_fn_with_state(self.clone(), measured))
    }
}

async fn told(State(metrics): State<Metrics>) -> Response {
    let mut text = String::new();
    match encode(&mut text, &metrics.registry) {
        Ok(()) => ([(CONTENT_TYPE, FORMAT), (CACHE_CONTROL, "no-store")], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "metrics could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

async fn measured(State(metrics): State<Metrics>, request: Request, next: Next) -> Response {
    let begun = now();
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let method = match *request.method() {
        // A HEAD is answered as a GET is.
        Method::GET | Method::HEAD => "GET",
        Method::POST => "POST",
        _ => "other",
    };
    let response = next.run(request).await;
    let status = match response.status().as_u16() {
        ..300 => "2xx",
        300..400 => "3xx",
        400..500 => "4xx",
        500.. => "5xx",
    };
    let answered = Answered { method, route, status };
    metrics.requests.get_or_create(&answered).observe(begun.elapsed().as_secs_f64());
    response
}

/// What the app asked its sign-in server, and what it is.
#[derive(Debug)]
struct Asked(Keyward);

impl Collector for Asked {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> std::fmt::Result {
        let activity = self.0.activity();
        let mut counts = |name, help, kinds: &[(&'static str, u64)]| {
            let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            for (outcome, count) in kinds {
                let labels = [("outcome", *outcome)];
                ConstCounter::new(*count).encode(metric.encode_family(&labels)?)?;
            }
            Ok::<_, std::fmt::Error>(())
        };
        counts(
            "app_provider_requests",
            "Requests to the sign-in server, by class of the answer; none where there was no answer",
            &activity.asked,
        )?;
        counts(
            "app_sessions_proved_again",
            "Sessions that were to be proved again, by whether they hold, have ended, or nobody could say",
            &activity.renewals,
        )?;
        let help = "Always 1; the labels say which build of the app this is";
        let mut metric = encoder.encode_descriptor("app_build_info", help, None, MetricType::Gauge)?;
        let labels = [("version", build::VERSION), ("revision", build::REVISION.unwrap_or("unknown"))];
        ConstGauge::new(1_i64).encode(metric.encode_family(&labels)?)
    }
}

#[expect(clippy::disallowed_methods, reason = "it is how long a real request takes")]
fn now() -> Instant {
    Instant::now()
}
