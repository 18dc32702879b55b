//! The app in process, in front of nobody: what it shows without its sign-in server. How people sign in to it is tested with
//! that server (`auth-service/tests/it/relying_party`).

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops; the lint knows only test functions")]

mod command;
mod drain;
mod hosts;
mod log;
mod metrics;
mod pages;

use app_service::{Settings, router};
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use secrets::sealing::generate_key_text;
use tower::ServiceExt;

/// The app as its tests see it.
struct App {
    router: Router,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

/// What the app has to know, of a server that is not there.
fn settings(app_url: &str) -> Settings {
    // Nobody listens on a port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    Settings {
        app_url: app_url.parse().unwrap(),
        issuer: format!("http://auth.localhost:{port}"),
        internal_auth_url: Some(format!("http://127.0.0.1:{port}").parse().unwrap()),
        client_id: "example-app".to_owned(),
        client_secret: generate_key_text(),
        session_key: generate_key_text(),
    }
}

impl App {
    fn new() -> Self {
        Self::at("http://app.localhost:8000")
    }

    fn at(app_url: &str) -> Self {
        Self { router: router(&settings(app_url)).unwrap() }
    }

    async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).header("host", "app.localhost:8000").body(Body::empty()).unwrap()).await
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
