//! How the server is, for machines that ask: whether it lives, has started, is to be sent requests. Answered from memory: an answer
//! that waited behind traffic, or for the database, would turn slowness into an outage.

use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use domain::{Clock, Timestamp};
use serde::{Deserialize, Serialize};

use crate::server::Rotation;
use crate::traces::{Counts, Exporter};
use crate::{App, metrics};

/// What is known of the server. Clones know the same.
#[derive(Clone, Debug)]
pub struct Health(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    clock: Clock,
    phase: RwLock<Standing>,
    dependencies: RwLock<Vec<store::health::Health>>,
    /// The server, once there is one.
    app: OnceLock<App>,
    /// What became of what was recorded, if anything is.
    spans: OnceLock<Counts>,
    /// The secrets of the server, once there is one.
    secrets: OnceLock<Rotation>,
}

/// How far it is, since when, and what it waits for.
#[derive(Clone, Debug)]
struct Standing {
    phase: Phase,
    since: Timestamp,
    waiting_for: Option<Loss>,
}

/// Something that the server needs beside itself.
#[derive(Clone, Debug)]
pub(crate) struct Dependency {
    pub(crate) name: &'static str,
    /// Since when it is away, and why, if it is.
    pub(crate) lost: Option<store::health::Lost>,
}

/// How far it is.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Not everything is there yet that it needs.
    Starting,
    /// The database is brought to this release's form, by us or by whoever has to.
    Migrating,
    /// It serves.
    Ready,
    /// It serves on, and is to be sent nobody new.
    Draining,
}

/// Something that is away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Loss {
    /// What: `database`, `redis`.
    pub name: &'static str,
    /// Since when, by RFC 3339.
    pub since: String,
    /// Why, without a secret.
    pub error: String,
}

#[derive(Serialize)]
struct Readiness {
    status: Phase,
    /// What is away. The server is ready all the same: were every instance taken out, a hiccup would be an outage.
    degraded: Vec<Loss>,
}

#[derive(Serialize)]
struct Startup {
    status: Phase,
    waiting_for: Option<Loss>,
}

impl Health {
    /// A server that has begun to start.
    pub fn new(clock: Clock) -> Self {
        let dependencies = RwLock::default();
        let standing = Standing { phase: Phase::Starting, since: clock.now(), waiting_for: None };
        let phase = RwLock::new(standing);
        let (app, spans, secrets) = (OnceLock::new(), OnceLock::new(), OnceLock::new());
        Self(Arc::new(Inner { clock, phase, dependencies, app, spans, secrets }))
    }

    /// How far it is.
    pub fn phase(&self) -> Phase {
        self.standing().phase
    }

    /// How far it is, and since when.
    pub(crate) fn phase_since(&self) -> (Phase, Timestamp) {
        let standing = self.standing();
        (standing.phase, standing.since)
    }

    fn standing(&self) -> Standing {
        self.0.phase.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// It is so far now. What it waited for is there.
    pub fn enter(&self, phase: Phase) {
        let since = self.0.clock.now();
        *self.0.phase.write().unwrap_or_else(PoisonError::into_inner) =
            Standing { phase, since, waiting_for: None };
    }

    /// It waits for something, in the phase it is in. Since when, is kept while it is the same.
    pub fn wait_for(&self, name: &'static str, error: String) {
        let now = moment(self.0.clock.now());
        let mut standing = self.0.phase.write().unwrap_or_else(PoisonError::into_inner);
        let same = standing.waiting_for.take().filter(|loss| loss.name == name);
        standing.waiting_for = Some(Loss { name, since: same.map_or(now, |loss| loss.since), error });
    }

    /// From now on it is told when this dependency is away.
    pub fn watch(&self, dependency: &store::health::Health) {
        let mut dependencies = self.0.dependencies.write().unwrap_or_else(PoisonError::into_inner);
        dependencies.push(dependency.clone());
    }

    /// From now on it is told what this server does.
    pub fn measure(&self, app: &App) {
        // Who is measured already goes on being so: a process is one server.
        let _ = self.0.app.set(app.clone());
    }

    /// From now on it is told what this one sends.
    pub fn count_spans(&self, exporter: &Exporter) {
        let _ = self.0.spans.set(exporter.counts());
    }

    /// From now on it is told how its secrets are.
    pub(crate) fn watch_secrets(&self, rotation: &Rotation) {
        let _ = self.0.secrets.set(rotation.clone());
    }

    pub(crate) fn secrets(&self) -> Option<&Rotation> {
        self.0.secrets.get()
    }

    pub(crate) fn spans(&self) -> Counts {
        self.0.spans.get().cloned().unwrap_or_default()
    }

    pub(crate) fn app(&self) -> Option<&App> {
        self.0.app.get()
    }

    /// What the server depends on, and whether it is away.
    pub(crate) fn dependencies(&self) -> Vec<Dependency> {
        let dependencies = self.0.dependencies.read().unwrap_or_else(PoisonError::into_inner);
        dependencies.iter().map(|one| Dependency { name: one.name(), lost: one.state() }).collect()
    }

    /// What is away.
    pub fn degraded(&self) -> Vec<Loss> {
        let losses = self.dependencies().into_iter().filter_map(|Dependency { name, lost }| {
            let store::health::Lost { since, error } = lost?;
            Some(Loss { name, since: moment(since), error })
        });
        losses.collect()
    }

    /// The routes, for the internal listener.
    pub fn router(&self) -> Router {
        let (starting, ready, measured) = (self.clone(), self.clone(), self.clone());
        Router::new()
            .route(
                "/livez",
                get(|| async { answer(StatusCode::OK, &serde_json::json!({ "status": "alive" })) }),
            )
            .route("/startupz", get(|| async move { starting.startupz() }))
            .route("/readyz", get(|| async move { ready.readyz() }))
            .route("/metrics", get(|| async move { metrics::answer(&measured).await }))
            .fallback(|| async {
                (StatusCode::NOT_FOUND, "There are /livez, /startupz, /readyz and /metrics here.\n")
            })
    }

    fn startupz(&self) -> Response {
        let Standing { phase: status, waiting_for, .. } = self.standing();
        let has_started = matches!(status, Phase::Ready | Phase::Draining);
        answer(code(has_started), &Startup { status, waiting_for })
    }

    fn readyz(&self) -> Response {
        let status = self.phase();
        answer(code(status == Phase::Ready), &Readiness { status, degraded: self.degraded() })
    }
}

fn code(good: bool) -> StatusCode {
    if good { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

fn answer(status: StatusCode, body: &impl Serialize) -> Response {
    (status, [(CACHE_CONTROL, "no-store"), (CONTENT_TYPE, "application/json")], Json(body)).into_response()
}

fn moment(at: Timestamp) -> String {
    jiff::Timestamp::from_microsecond(at.micros()).map(|at| at.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::Request;
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;

    use super::*;

    fn health() -> Health {
        Health::new(Clock::new(|| Timestamp(1_900_000_000_000_000)))
    }

    async fn ask(health: &Health, path: &str) -> (u16, String) {
        let answer = health.router().oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn each_phase_has_its_answers() {
        let health = health();
        for (phase, name, started, ready) in [
            (Phase::Starting, "starting", 503, 503),
            (Phase::Migrating, "migrating", 503, 503),
            (Phase::Ready, "ready", 200, 200),
            (Phase::Draining, "draining", 200, 503),
        ] {
            health.enter(phase);
            assert_eq!(ask(&health, "/livez").await, (200, r#"{"status":"alive"}"#.to_owned()));
            let startup = format!(r#"{{"status":"{name}","waiting_for":null}}"#);
            assert_eq!(ask(&health, "/startupz").await, (started, startup));
            let readiness = format!(r#"{{"status":"{name}","degraded":[]}}"#);
            assert_eq!(ask(&health, "/readyz").await, (ready, readiness));
        }
        assert_eq!(ask(&health, "/metricz").await.0, 404);
    }

    /// Taking every instance out because the database had a hiccup would make an outage of it.
    #[tokio::test]
    async fn a_lost_dependency_is_told_and_takes_no_instance_out() {
        let health = health();
        health.enter(Phase::Ready);
        let (database, redis) = (store::health::Health::new("database"), store::health::Health::new("redis"));
        health.watch(&database);
        health.watch(&redis);
        let ready = (200, r#"{"status":"ready","degraded":[]}"#.to_owned());
        assert_eq!(ask(&health, "/readyz").await, ready);
        database.lost("connection refused");
        let (status, told) = ask(&health, "/readyz").await;
        let told: serde_json::Value = serde_json::from_str(&told).unwrap();
        let away = &told["degraded"][0];
        assert_eq!((status, &told["status"]), (200, &"ready".into()));
        assert_eq!((&away["name"], &away["error"]), (&"database".into(), &"connection refused".into()));
        let since = away["since"].as_str().unwrap();
        assert!(since.parse::<jiff::Timestamp>().is_ok(), "{since}");
        assert_eq!(told["degraded"].as_array().unwrap().len(), 1);
        database.found();
        assert_eq!(ask(&health, "/readyz").await, ready);
    }

    #[tokio::test]
    async fn what_it_waits_for_is_told_with_when_that_began() {
        let micros = Arc::new(std::sync::atomic::AtomicI64::new(1_900_000_000_000_000));
        let clock = micros.clone();
        let health =
            Health::new(Clock::new(move || Timestamp(clock.load(std::sync::atomic::Ordering::Relaxed))));
        health.wait_for("database", "connection refused".to_owned());
        micros.fetch_add(5_000_000, std::sync::atomic::Ordering::Relaxed);
        health.wait_for("database", "the database system is starting up".to_owned());
        let waiting = r#"{"name":"database","since":"2030-03-17T17:46:40Z","error":"the database system is starting up"}"#;
        let told = format!(r#"{{"status":"starting","waiting_for":{waiting}}}"#);
        assert_eq!(ask(&health, "/startupz").await, (503, told));
        health.wait_for("redis", "connection refused".to_owned());
        assert!(
            ask(&health, "/startupz").await.1.contains(r#""name":"redis","since":"2030-03-17T17:46:45Z""#)
        );
        health.enter(Phase::Ready);
        assert_eq!(
            ask(&health, "/startupz").await,
            (200, r#"{"status":"ready","waiting_for":null}"#.to_owned())
        );
    }
}
