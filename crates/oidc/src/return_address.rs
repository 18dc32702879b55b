//! `ReturnAddress`: where, and how, the client is answered.

use serde::{Deserialize, Serialize};

use crate::{OnwardOrigin, ResponseMode, form_action_sources};

/// Where the answer of the authorization endpoint goes. One exists only for a redirect URI that is registered, so
/// whoever holds one may send there; store it only sealed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReturnAddress {
    redirect_uri: String,
    response_mode: ResponseMode,
    state: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    onward: Vec<OnwardOrigin>,
}

impl ReturnAddress {
    pub(crate) fn new(
        redirect_uri: &str,
        response_mode: ResponseMode,
        state: Option<&str>,
        onward: &[OnwardOrigin],
    ) -> Self {
        Self {
            redirect_uri: redirect_uri.to_owned(),
            response_mode,
            state: state.map(str::to_owned),
            onward: onward.to_owned(),
        }
    }

    /// The validated redirect URI, letter by letter as it was presented.
    pub fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }

    /// What [`form_action_sources`] has of it.
    pub fn form_action_sources(&self) -> Option<String> {
        form_action_sources(&self.redirect_uri, &self.onward)
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
