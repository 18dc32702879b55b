//! A sign-in server of one route, that can sign out, break, and go away.

use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use url::Url;

/// The token that the server knows.
pub(crate) const TOKEN: &str = "header.claims.signature";

/// How the server answers.
#[derive(Clone, Debug, Default)]
pub(crate) enum Mood {
    /// As it should.
    #[default]
    Fine,
    /// Everybody has been signed out.
    Revoked,
    /// With this, whatever it is asked.
    Broken(StatusCode, Value),
    /// Never.
    Silent,
}

/// The server.
pub(crate) struct FakeAuth {
    pub(crate) url: Url,
    mood: Arc<Mutex<Mood>>,
    task: JoinHandle<()>,
}

impl FakeAuth {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let mood = Arc::new(Mutex::new(Mood::default()));
        let router = Router::new().route("/verify-token", post(verify)).with_state(Arc::clone(&mood));
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, mood, task }
    }

    pub(crate) fn becomes(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    /// Stops listening; later connections are refused.
    pub(crate) async fn goes_away(self) {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
    }
}

async fn verify(State(mood): State<Arc<Mutex<Mood>>>, Json(question): Json<Value>) -> Response {
    let mood = mood.lock().unwrap().clone();
    let known = question == json!({ "token": TOKEN });
    match mood {
        Mood::Fine if known => Json(json!({
            "active": true,
            "sub": "0199a5f0-0000-7000-8000-000000000001",
            "sid": "0199a5f0-0000-7000-8000-000000000002",
            "exp": 1_764_000_600,
            "auth_time": 1_764_000_000,
            "amr": ["pwd", "otp", "mfa"],
            "of_a_later_release": 1,
        }))
        .into_response(),
        Mood::Fine | Mood::Revoked => {
            (StatusCode::UNAUTHORIZED, Json(json!({ "error": "Invalid auth token" }))).into_response()
        }
        Mood::Broken(status, body) => (status, Json(body)).into_response(),
        Mood::Silent => std::future::pending().await,
    }
}
