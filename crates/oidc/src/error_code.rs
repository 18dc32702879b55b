//! `ErrorCode`: the names of what can go wrong, as the RFCs give them.

use std::fmt;

use serde::{Serialize, Serializer};

/// The value of `error` in an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// A parameter is missing, repeated or malformed (RFC 6749 sections 4.1.2.1 and 5.2, RFC 6750 section 3.1).
    InvalidRequest,
    /// The client may not use this grant or response type (RFC 6749 sections 4.1.2.1 and 5.2).
    UnauthorizedClient,
    /// The person, or the server, said no (RFC 6749 section 4.1.2.1).
    AccessDenied,
    /// Only `code` is spoken (RFC 6749 section 4.1.2.1).
    UnsupportedResponseType,
    /// The scope is unknown, malformed, or more than may be asked for (RFC 6749 sections 4.1.2.1 and 5.2).
    InvalidScope,
    /// Something of ours broke (RFC 6749 section 4.1.2.1).
    ServerError,
    /// Overloaded or in maintenance (RFC 6749 section 4.1.2.1).
    TemporarilyUnavailable,
    /// Client authentication failed (RFC 6749 section 5.2).
    InvalidClient,
    /// The code or refresh token is unknown, expired, used, or another's (RFC 6749 section 5.2).
    InvalidGrant,
    /// The grant type is not spoken (RFC 6749 section 5.2).
    UnsupportedGrantType,
    /// With `prompt=none`: something has to be shown (OpenID Connect Core section 3.1.2.6).
    InteractionRequired,
    /// With `prompt=none`: the person has to sign in (OpenID Connect Core section 3.1.2.6).
    LoginRequired,
    /// With `prompt=none`: the person has to choose a session (OpenID Connect Core section 3.1.2.6).
    AccountSelectionRequired,
    /// With `prompt=none`: the person has to consent (OpenID Connect Core section 3.1.2.6).
    ConsentRequired,
    /// The parameter `request` is not spoken (OpenID Connect Core section 3.1.2.6).
    RequestNotSupported,
    /// The parameter `request_uri` is not spoken (OpenID Connect Core section 3.1.2.6).
    RequestUriNotSupported,
    /// The parameter `registration` is not spoken (OpenID Connect Core section 3.1.2.6).
    RegistrationNotSupported,
    /// The access token is expired, revoked, malformed or another's (RFC 6750 section 3.1).
    InvalidToken,
    /// The access token does not reach this far (RFC 6750 section 3.1).
    InsufficientScope,
    /// The resource is unknown, malformed, or not one the client may ask for (RFC 8707 section 2).
    InvalidTarget,
    /// A token of this kind cannot be revoked (RFC 7009 section 2.2.1).
    UnsupportedTokenType,
}

impl ErrorCode {
    /// The name that is sent.
    pub const fn name(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::AccessDenied => "access_denied",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::InvalidScope => "invalid_scope",
            Self::ServerError => "server_error",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::InteractionRequired => "interaction_required",
            Self::LoginRequired => "login_required",
            Self::AccountSelectionRequired => "account_selection_required",
            Self::ConsentRequired => "consent_required",
            Self::RequestNotSupported => "request_not_supported",
            Self::RequestUriNotSupported => "request_uri_not_supported",
            Self::RegistrationNotSupported => "registration_not_supported",
            Self::InvalidToken => "invalid_token",
            Self::InsufficientScope => "insufficient_scope",
            Self::InvalidTarget => "invalid_target",
            Self::UnsupportedTokenType => "unsupported_token_type",
        }
    }

    /// The HTTP status where the error is answered directly: RFC 6749 section 5.2, RFC 6750 section 3.1, and for the
    /// last two RFC 6749 section 4.1.2.1, which names them only since a redirect cannot carry them.
    pub const fn status(self) -> u16 {
        match self {
            Self::InvalidClient | Self::InvalidToken => 401,
            Self::InsufficientScope => 403,
            Self::ServerError => 500,
            Self::TemporarilyUnavailable => 503,
            _ => 400,
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl Serialize for ErrorCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}
