//! `OAuthError`: an error as it is answered.

use serde::Serialize;

use crate::{Description, ErrorCode};

/// An error as the endpoints answer it. Serialises to the body of RFC 6749 section 5.2.
///
/// The description is for the developer of the client, so it may say what was sent wrongly, and never repeats a
/// credential.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{code}: {description}")]
pub struct OAuthError {
    /// What it is.
    #[serde(rename = "error")]
    pub code: ErrorCode,
    /// What happened, why, and what to do next.
    #[serde(rename = "error_description")]
    pub description: Description,
}

impl OAuthError {
    /// An error with its description.
    pub fn new(code: ErrorCode, description: impl Into<Description>) -> Self {
        Self { code, description: description.into() }
    }

    pub(crate) fn invalid_request(description: impl Into<Description>) -> Self {
        Self::new(ErrorCode::InvalidRequest, description)
    }

    /// With the id by which the operator finds the request in the log.
    #[must_use]
    pub fn with_support_id(mut self, support_id: &str) -> Self {
        self.description = self.description.ending_with(&format!(" (support id {support_id})"));
        self
    }

    /// The HTTP status where the error is answered directly.
    pub fn status(&self) -> u16 {
        self.code.status()
    }

    /// The `WWW-Authenticate` of the token, introspection and revocation endpoints, where there has to be one:
    /// beside a 401 (RFC 9110 section 11.6.1), with the scheme of RFC 6749 section 2.3.1.
    pub fn client_challenge(&self, realm: &Realm) -> Option<String> {
        matches!(self.code, ErrorCode::InvalidClient).then(|| format!(r#"Basic realm="{}""#, realm.as_str()))
    }

    /// The `WWW-Authenticate` of an endpoint that takes an access token (RFC 6750 section 3). `scope` is what would
    /// have been needed.
    pub fn bearer_challenge(&self, realm: &Realm, scope: Option<&str>) -> String {
        let scope = scope.map(Description::from).map(|scope| format!(r#", scope="{scope}""#));
        format!(
            r#"Bearer realm="{}", error="{}", error_description="{}"{}"#,
            realm.as_str(),
            self.code,
            self.description,
            scope.unwrap_or_default()
        )
    }
}

/// The `realm` of a challenge (RFC 9110 section 11.5): the issuer, in the characters that need no escape in quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Realm(Description);

impl Realm {
    /// Usually the issuer.
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The challenge to a request without any token: no error is named (RFC 6750 section 3.1).
    pub fn bearer_challenge(&self) -> String {
        format!(r#"Bearer realm="{}""#, self.as_str())
    }
}
