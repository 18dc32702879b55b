//! `Prompt`: what has to be shown to the person, whatever is known of them.

use serde::{Deserialize, Serialize};

use crate::OAuthError;

/// The parameter `prompt` (OpenID Connect Core section 3.1.2.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "a set of four values that the specification combines freely"
)]
pub struct Prompt {
    /// Nothing may be shown.
    pub none: bool,
    /// The person has to prove anew who they are.
    pub login: bool,
    /// The person has to be asked for consent.
    pub consent: bool,
    /// The person has to choose an account.
    pub select_account: bool,
}

impl Prompt {
    /// Reads values with spaces between; `none` stands alone.
    pub fn parse(text: &str) -> Result<Self, OAuthError> {
        let mut prompt = Self::default();
        for value in text.split(' ').filter(|value| !value.is_empty()) {
            match value {
                "none" => prompt.none = true,
                "login" => prompt.login = true,
                "consent" => prompt.consent = true,
                "select_account" => prompt.select_account = true,
                _ => {
                    return Err(OAuthError::invalid_request(format!(
                        "The prompt '{value}' is not supported: none, login, consent and select_account are."
                    )));
                }
            }
        }
        if prompt.none && (prompt.login || prompt.consent || prompt.select_account) {
            return Err(OAuthError::invalid_request(
                "The prompt 'none' stands beside another; send it alone, or leave it out.",
            ));
        }
        Ok(prompt)
    }
}
