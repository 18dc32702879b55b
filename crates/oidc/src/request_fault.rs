//! `RequestFault`: who may be told that an authorization request is wrong.

use crate::{OAuthError, ReturnAddress};

/// An authorization request that cannot go on (RFC 6749 section 4.1.2.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestFault {
    /// Client or redirect URI are not certain: only the person is told, and nobody is redirected.
    ShownToPerson(OAuthError),
    /// The redirect URI is the client's own: the client is told, by
    /// [`AuthorizationResponse::error`](crate::AuthorizationResponse::error).
    SentToClient {
        /// What is wrong.
        error: OAuthError,
        /// Where to say so.
        to: ReturnAddress,
    },
}

impl RequestFault {
    /// Nobody knows the client that [`AuthorizationRequest::client_id`](crate::AuthorizationRequest::client_id) named.
    pub fn unknown_client(client_id: &str) -> Self {
        Self::ShownToPerson(OAuthError::invalid_request(format!(
            "The client '{client_id}' is not known; check the client_id, or register the client."
        )))
    }

    /// What is wrong.
    pub fn error(&self) -> &OAuthError {
        match self {
            Self::ShownToPerson(error) | Self::SentToClient { error, .. } => error,
        }
    }
}

/// What comes before the redirect URI is known to be good is for the person's eyes.
impl From<OAuthError> for RequestFault {
    fn from(error: OAuthError) -> Self {
        Self::ShownToPerson(error)
    }
}
