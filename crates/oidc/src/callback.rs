//! `CallbackRules`: the provider's answer comes back to the app.

use aws_lc_rs::constant_time::verify_slices_are_equal;

use crate::{Description, Parameters, Secret};

/// By what an answer to a [`SignInRequest`](crate::SignInRequest) is judged.
#[derive(Clone, Copy, Debug)]
pub struct CallbackRules<'a> {
    /// The `state` that is kept for this browser.
    pub state: &'a str,
    /// The provider that the person was sent to.
    pub issuer: &'a str,
    /// The provider names itself in every answer: [`Discovered::names_itself`](crate::Discovered).
    pub names_itself: bool,
}

/// Why there is no code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallbackError {
    /// No answer to what this browser asked (RFC 9700 section 4.7).
    #[error("the answer's state is not that of this browser's request; start to sign in again")]
    State,
    /// Another provider answers (RFC 9207 section 2.4).
    #[error("the answer is from another issuer than the one that was asked, or does not say from which")]
    Issuer,
    /// The provider says no (RFC 6749 section 4.1.2.1).
    #[error("the provider answered {code}: {description}")]
    Refused {
        /// The `error`.
        code: Description,
        /// The `error_description`, or nothing.
        description: Description,
    },
    /// Neither code nor error.
    #[error("the answer has neither code nor error")]
    Malformed,
}

impl CallbackRules<'_> {
    /// Checks the query, or the form, that came to the redirect URI, and gives the code. `state` and `iss` come first, so
    /// that nothing of a forged answer is believed, its error neither.
    pub fn check(&self, parameters: &Parameters) -> Result<Secret, CallbackError> {
        let state = parameters.get("state").unwrap_or_default();
        // An empty state would be as none.
        if self.state.is_empty() || verify_slices_are_equal(state.as_bytes(), self.state.as_bytes()).is_err()
        {
            return Err(CallbackError::State);
        }
        match parameters.get("iss") {
            Some(issuer) if issuer == self.issuer => {}
            None if !self.names_itself => {}
            _ => return Err(CallbackError::Issuer),
        }
        if let Some(code) = parameters.get("error") {
            let description = parameters.get("error_description").unwrap_or_default();
            return Err(CallbackError::Refused { code: code.into(), description: description.into() });
        }
        parameters.get("code").map(Secret::new).ok_or(CallbackError::Malformed)
    }
}
