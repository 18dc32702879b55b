//! Who is asking.

use std::convert::Infallible;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};

/// A person who is signed in.
///
/// As an extractor it takes what [`RequireSignIn`](crate::RequireSignIn) found; on a route without that layer the
/// request is refused ([`LayerMissing`]), so that a forgotten layer lets nobody in. As `Option<Identity>` it takes what
/// [`KnowSignIn`](crate::KnowSignIn) found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Identity {
    /// Whose account it is. Never changes and is never given to another person: the key to store with your own rows.
    pub subject: String,
    /// What the server calls the session.
    pub session_id: Option<String>,
    /// The person's name, if they gave one.
    pub name: Option<String>,
    /// The person's address. It may change, and later be somebody else's: know people by [`subject`](Self::subject).
    pub email: Option<String>,
    /// Whether the person has proved that the address is theirs.
    pub email_verified: bool,
    /// When the person last proved who they are, Unix seconds.
    pub auth_time: Option<i64>,
    /// The level that was reached: `1` for one proof, `2` for two of different kinds.
    pub acr: Option<String>,
    /// How they proved it: names of RFC 8176, such as `pwd`, `otp`, `mfa`.
    pub amr: Vec<String>,
}

/// A handler asked for an [`Identity`] on a route without [`RequireSignIn`](crate::RequireSignIn).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this route takes an Identity but lacks the layer RequireSignIn, so nobody was asked; add the layer")]
pub struct LayerMissing;

impl IntoResponse for LayerMissing {
    fn into_response(self) -> Response {
        tracing::error!(error = %self, "a page is not set up correctly");
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
