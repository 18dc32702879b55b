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
    /// Whether a sign-in is refused for good: its refresh token is no longer good, or what is asked with it is not, or no
    /// longer, this app's to ask (RFC 6749 section 5.2, RFC 8707 section 2). Asking again mends none of it. What passes is
    /// an app that is not let in itself (`invalid_client`), a server that has no time, and what no document names, which a
    /// proxy may have said.
    pub(crate) fn is_final(&self) -> bool {
        const FINAL: [&str; 6] = [
            "invalid_grant",
            "invalid_request",
            "invalid_scope",
            "invalid_target",
            "unauthorized_client",
            "unsupported_grant_type",
        ];
        matches!(self, Self::Refused { code, .. } if FINAL.contains(&code.as_str()))
    }

    /// Whether the code or the refresh token is the reason, and not what this app asks.
    pub(crate) fn is_invalid_grant(&self) -> bool {
        matches!(self, Self::Refused { code, .. } if code.as_str() == "invalid_grant")
    }
}

impl From<JwsError> for ProviderError {
    fn from(error: JwsError) -> Self {
        Self::Unacceptable(error.to_string())
    }
}
