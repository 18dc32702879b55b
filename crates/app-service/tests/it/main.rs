//! The app in process, in front of a sign-in server that knows only the one question.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops; the lint knows only test functions")]

mod fake;
mod hosts;
mod pages;
mod refusals;

use app_service::{Settings, router};
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use tower::ServiceExt;

use crate::fake::FakeAuth;

/// The app as its tests see it.
struct App {
    router: Router,
    auth: FakeAuth,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl App {
    async fn start() -> Self {
        let auth = FakeAuth::start().await;
        let settings = Settings {
            app_url: "http://app.localhost:8000".parse().unwrap(),
            auth_url: "http://auth.localhost:3000".parse().unwrap(),
            internal_auth_url: Some(auth.url.clone()),
        };
        Self { router: router(&settings).unwrap(), auth }
    }

    async fn get(&self, path: &str, token: Option<&str>) -> Answer {
        let request = Request::get(path).header("host", "app.localhost:8000");
        let request = match token {
            Some(token) => request.header("cookie", format!("theme=dark; jwt={token}")),
            None => request,
        };
        self.send(request.body(Body::empty()).unwrap()).await
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Status, headers in order of their names, and body.
    fn whole(&self) -> String {
        let mut lines: Vec<_> =
            self.headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
        lines.sort();
        format!("{}\n{}\n\n{}", self.status, lines.join("\n"), self.body)
    }
}
