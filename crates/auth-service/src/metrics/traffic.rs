//! Requests, counted by route, method and kind of answer.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request};
use axum::http::{Method, StatusCode};

use super::durations::{Durations, Histogram};

/// What a request to no route is counted under.
const NO_ROUTE: &str = "none";
const METHODS: [&str; 4] = ["GET", "POST", "OPTIONS", "other"];
/// The hundreds of a status, from 200 on: nothing is answered below.
const CLASSES: [&str; 4] = ["2xx", "3xx", "4xx", "5xx"];

/// What was asked, how often, and how long the answers took.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    /// By the template of the route. A template comes from the router and never from a request, so there are only so many.
    routes: RwLock<HashMap<String, Arc<Route>>>,
}

/// A histogram for each method and class.
type Route = [[Durations; CLASSES.len()]; METHODS.len()];

/// A request on its way. It is counted when it [ends](Self::end); one whose connection is cut before has no answer to count.
#[derive(Debug)]
pub(crate) struct Measured {
    route: Arc<Route>,
    method: usize,
    begun: Instant,
}

/// What was asked of one route by one method, and answered with one class of status.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) route: String,
    pub(super) method: &'static str,
    pub(super) class: &'static str,
    pub(super) durations: Histogram,
}

impl Traffic {
    /// A request to this route has come, and when.
    pub(crate) fn begin(&self, method: &Method, template: &str, begun: Instant) -> Measured {
        let method = match *method {
            // A HEAD is answered as a GET is.
            Method::GET | Method::HEAD => 0,
            Method::POST => 1,
            Method::OPTIONS => 2,
            _ => 3,
        };
        Measured { route: self.series(template), method, begun }
    }

    fn series(&self, template: &str) -> Arc<Route> {
        let known = self.routes.read().unwrap_or_else(PoisonError::into_inner).get(template).cloned();
        known.unwrap_or_else(|| {
            let mut routes = self.routes.write().unwrap_or_else(PoisonError::into_inner);
            routes.entry(template.to_owned()).or_default().clone()
        })
    }

    /// Everything that was asked at least once, in order.
    pub(super) fn read(&self) -> Vec<Answered> {
        let routes = self.routes.read().unwrap_or_else(PoisonError::into_inner);
        let mut all = Vec::new();
        for (template, route) in routes.iter() {
            for (method, classes) in METHODS.iter().zip(route.iter()) {
                for (class, durations) in CLASSES.iter().zip(classes) {
                    let durations = durations.read();
                    if durations.count() > 0 {
                        all.push(Answered { route: template.clone(), method, class, durations });
                    }
                }
            }
        }
        all.sort_by(|a, b| (&a.route, a.method, a.class).cmp(&(&b.route, b.method, b.class)));
        all
    }
}

/// The template of the route that a request is to.
pub(crate) fn template(request: &Request) -> &str {
    request.extensions().get::<MatchedPath>().map_or(NO_ROUTE, MatchedPath::as_str)
}

impl Measured {
    /// It was answered. Says how long that took.
    pub(crate) fn end(self, status: StatusCode) -> Duration {
        let class = usize::from(status.as_u16() / 100).saturating_sub(2).min(CLASSES.len() - 1);
        let took = self.begun.elapsed();
        self.route[self.method][class].record(took);
        took
    }
}

/// When a request comes.
#[expect(clippy::disallowed_methods, reason = "it is how long a real request takes")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    #[test]
    fn what_strangers_send_makes_no_series_of_its_own() {
        let traffic = Traffic::default();
        for (method, path, status) in
            [("GET", "/a?b=c", 404), ("HEAD", "/b", 404), ("BREW", "/c", 405), ("DELETE", "/d", 500)]
        {
            let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
            traffic
                .begin(request.method(), template(&request), now())
                .end(StatusCode::from_u16(status).unwrap());
        }
        let told: Vec<_> = traffic.read().into_iter().collect();
        let told: Vec<_> =
            told.iter().map(|one| (&*one.route, one.method, one.class, one.durations.count())).collect();
        let expected = [("none", "GET", "4xx", 2), ("none", "other", "4xx", 1), ("none", "other", "5xx", 1)];
        assert_eq!(told, expected);
    }
}
