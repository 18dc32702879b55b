//! `ReturnAddress`: where, and how, the client is answered.

use serde::{Deserialize, Serialize};

use crate::ResponseMode;

/// Where the answer of the authorization endpoint goes. One exists only for a redirect URI that is registered, so
/// whoever holds one may send there; store it only sealed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReturnAddress {
    redirect_uri: String,
    response_mode: ResponseMode,
    state: Option<String>,
}

impl ReturnAddress {
    pub(crate) fn new(redirect_uri: &str, response_mode: ResponseMode, state: Option<&str>) -> Self {
        Self { redirect_uri: redirect_uri.to_owned(), response_mode, state: state.map(str::to_owned) }
    }

    /// The validated redirect URI, letter by letter as it was presented.
    pub fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }

    /// In which way the answer is told.
    pub fn response_mode(&self) -> ResponseMode {
        self.response_mode
    }

    /// What the client wants back unchanged.
    pub fn state(&self) -> Option<&str> {
        self.state.as_deref()
    }
}
