//! `ProviderError`: what the sign-in server did not answer, or should not have.

use oidc::{Description, JwsError};

/// Why there is no answer, or none that can be accepted. For the log: people are shown a [`Notice`](crate::Notice).
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum ProviderError {
    /// No answer, or one that says to come back later.
    #[error(
        "the sign-in server could not be asked: {0}; see that it runs, and that its address reaches it from here"
    )]
    Unreachable(String),
    /// It says no to this app.
    #[error("the sign-in server refused this app's request: {code}: {description}")]
    Refused {
        /// The `error` of RFC 6749 section 5.2.
        code: Description,
        /// The `error_description`, or nothing.
        description: Description,
    },
    /// It answered what no sign-in server of ours would.
    #[error("the sign-in server's answer is not accepted: {0}")]
    Unacceptable(String),
}

impl ProviderError {
    /// Whether the code or the refresh token is the reason, and not the app.
    pub(crate) fn is_invalid_grant(&self) -> bool {
        matches!(self, Self::Refused { code, .. } if code.as_str() == "invalid_grant")
    }
}

impl From<JwsError> for ProviderError {
    fn from(error: JwsError) -> Self {
        Self::Unacceptable(error.to_string())
    }
}
