//! Asking a running server.

use std::path::{Path, PathBuf};

use axum::body::Body;
use axum::http::Request;
use axum::http::header::{CONTENT_TYPE, HOST};
use http_body_util::BodyExt as _;
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;

use super::{Operation, Refusal};

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// Nobody listens there.
    #[error("no server answers at {path} ({error})", path = .path.display())]
    Nobody {
        /// The socket.
        path: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
    /// The server did not do it.
    #[error("{0}")]
    Refused(String),
    /// The connection broke off, so that nobody knows whether it was done.
    #[error(
        "the server at {path} broke off ({error}): whether it did what was asked, its audit trail tells (`keyward audit list`)",
        path = .path.display()
    )]
    BrokenOff {
        /// The socket.
        path: PathBuf,
        /// Why.
        error: String,
    },
}

/// Asks the server at this socket.
pub async fn call<O: Operation>(socket: &Path, operation: &O) -> Result<O::Answer, CallError> {
    let path = || socket.to_owned();
    let stream =
        UnixStream::connect(socket).await.map_err(|error| CallError::Nobody { path: path(), error })?;
    let broken =
        |error: &dyn std::fmt::Display| CallError::BrokenOff { path: path(), error: error.to_string() };
    let body = serde_json::to_vec(operation).map_err(|error| CallError::Refused(error.to_string()))?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|error| broken(&error))?;
    let asking = async {
        let request = Request::post(O::PATH)
            .header(HOST, "localhost")
            .header(CONTENT_TYPE, "application/json")
            .body(Body::from(body))
            .map_err(|error| broken(&error))?;
        let answer = sender.send_request(request).await.map_err(|error| broken(&error))?;
        let status = answer.status();
        let bytes = answer.into_body().collect().await.map_err(|error| broken(&error))?.to_bytes();
        if status.is_success() {
            return serde_json::from_slice(&bytes).map_err(|error| {
                CallError::Refused(format!(
                    "what the server answered cannot be read ({error}): `keyward` is of another release than it"
                ))
            });
        }
        let told = serde_json::from_slice::<Refusal>(&bytes).map(|refusal| refusal.error);
        Err(CallError::Refused(told.unwrap_or_else(|_| {
            format!(
                "the server did not take what was asked ({status}: {}): `keyward` is of another release than it",
                String::from_utf8_lossy(&bytes)
            )
        })))
    };
    // The connection works for as long as somebody polls it; it ends with the answer.
    tokio::pin!(asking);
    tokio::pin!(connection);
    tokio::select! {
        done = &mut asking => done,
        ended = &mut connection => {
            if let Err(error) = ended {
                return Err(broken(&error));
            }
            asking.await
        }
    }
}
