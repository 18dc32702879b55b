//! `AuthorizationResponse`: the answer of the authorization endpoint.

use std::fmt;

use crate::{OAuthError, ResponseMode, ReturnAddress, Secret, form::append_query};

/// What the person's browser is told to do (RFC 6749 section 4.1.2). It has `iss` always (RFC 9207), and `state` when
/// the client sent one.
pub enum AuthorizationResponse {
    /// Answer 303 with this `Location`.
    Redirect {
        /// The redirect URI as presented, its own query kept, and the answer behind.
        location: String,
    },
    /// Show a page with this form, which posts itself (OAuth 2.0 Form Post Response Mode).
    FormPost {
        /// The redirect URI as presented.
        action: String,
        /// Name and value of each hidden field.
        fields: Vec<(&'static str, String)>,
        /// What `form-action` of the page has to name, besides `'self'`.
        ends_at: String,
    },
}

impl AuthorizationResponse {
    /// The client gets its code (RFC 6749 section 4.1.2).
    pub fn success(to: &ReturnAddress, issuer: &str, code: &Secret) -> Self {
        Self::new(to, issuer, vec![("code", code.expose().to_owned())])
    }

    /// The client is told why not (RFC 6749 section 4.1.2.1).
    pub fn error(to: &ReturnAddress, issuer: &str, error: &OAuthError) -> Self {
        let fields =
            vec![("error", error.code.to_string()), ("error_description", error.description.to_string())];
        Self::new(to, issuer, fields)
    }

    fn new(to: &ReturnAddress, issuer: &str, mut fields: Vec<(&'static str, String)>) -> Self {
        fields.extend(to.state().map(|state| ("state", state.to_owned())));
        fields.push(("iss", issuer.to_owned()));
        match to.response_mode() {
            ResponseMode::Query => Self::Redirect { location: append_query(to.redirect_uri(), &fields) },
            ResponseMode::FormPost => Self::FormPost {
                action: to.redirect_uri().to_owned(),
                fields,
                ends_at: to.form_action_sources().unwrap_or_default(),
            },
        }
    }
}

/// Holds a code, so nothing of it is printed.
impl fmt::Debug for AuthorizationResponse {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Redirect { .. } => "Redirect",
            Self::FormPost { .. } => "FormPost",
        })
    }
}
