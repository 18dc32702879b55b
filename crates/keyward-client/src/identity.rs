//! Who is asking.

use std::convert::Infallible;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

/// A person who is signed in, as the server vouched for a moment ago.
///
/// As an extractor it takes what [`RequireSignIn`](crate::RequireSignIn) found; on a route without that layer the
/// request is refused ([`LayerMissing`]), so that a forgotten layer lets nobody in.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Identity {
    /// Whose account it is. Never changes and is never given to another person: the key to store with your own rows.
    #[serde(rename = "sub")]
    pub subject: String,
    /// The session that the token belongs to.
    #[serde(rename = "sid")]
    pub session: String,
    /// When the token expires, Unix seconds. The session usually lives on, and the server renews the token.
    #[serde(rename = "exp")]
    pub expires_at: i64,
    /// When the person last proved who they are, Unix seconds.
    pub auth_time: i64,
    /// How they proved it: names of RFC 8176, such as `pwd`, `otp`, `mfa`.
    #[serde(default)]
    pub amr: Vec<String>,
}

/// A handler asked for an [`Identity`] on a route without [`RequireSignIn`](crate::RequireSignIn).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this route takes an Identity but lacks the layer RequireSignIn, so nobody was asked; add the layer")]
pub struct LayerMissing;

impl IntoResponse for LayerMissing {
    fn into_response(self) -> Response {
        (StatusCode::INTERNAL_SERVER_ERROR, "This page is not set up correctly. Its log says more.\n")
            .into_response()
    }
}

impl<S: Sync> FromRequestParts<S> for Identity {
    type Rejection = LayerMissing;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, LayerMissing> {
        parts.extensions.get::<Self>().cloned().ok_or(LayerMissing)
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for Identity {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Option<Self>, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned())
    }
}
