//! What Keyward's speed is compared with: axum, and handlers that do as little as can be done.
//!
//! `GET /` answers a constant. `GET /verified` verifies the ES256 JWT that the request carries, each time, and answers a
//! constant; `GET /token` gives one that holds. `GET /signed` signs another JWT by RS256 each time. The port stands on the first line of the output.

mod token;

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::extract::State;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use axum::serve::ListenerExt as _;
use token::Tokens;
use tokio::net::TcpListener;

/// As short as an answer in JSON may be.
const ANSWER: ([(HeaderName, &str); 1], &str) =
    ([(CONTENT_TYPE, "application/json")], r#"{"hello":"world"}"#);

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let tokens = Arc::new(Tokens::generate()?);
    let router = Router::new()
        .route("/", get(|| async { ANSWER }))
        .route("/token", get(issue))
        .route("/verified", get(verify))
        .route("/signed", get(sign))
        .with_state(tokens);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?.port());
    // As Keyward's own connections are.
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    Ok(axum::serve(listener, router).await?)
}

async fn issue(State(tokens): State<Arc<Tokens>>) -> Result<String, StatusCode> {
    tokens.sign(now() + 3600).ok_or(StatusCode::INTERNAL_SERVER_ERROR)
}

async fn sign(
    State(tokens): State<Arc<Tokens>>,
) -> Result<([(HeaderName, &'static str); 1], String), StatusCode> {
    let token = tokens.sign_by_rsa(now() + 3600).ok_or(StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(([(CONTENT_TYPE, "application/json")], format!(r#"{{"access_token":"{token}"}}"#)))
}

async fn verify(
    State(tokens): State<Arc<Tokens>>,
    headers: HeaderMap,
) -> Result<([(HeaderName, &'static str); 1], &'static str), StatusCode> {
    let shown = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    if shown.is_some_and(|token| tokens.holds(token, now())) {
        Ok(ANSWER)
    } else {
        Err(StatusCode::UNAUTHORIZED)
    }
}

#[expect(clippy::disallowed_methods, reason = "a program of its own, which nobody hands a clock")]
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
