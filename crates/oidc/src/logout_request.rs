//! `LogoutRequest`: a client sends a person to sign out (OpenID Connect RP-Initiated Logout 1.0).

use crate::{
    Client, IdTokenHint, OAuthError, Parameters,
    authorization_checks::{is_sendable, words},
    form::append_query,
};

/// The parameters of the logout endpoint (RP-Initiated Logout section 2). Every error of it is shown to the person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogoutRequest {
    /// An ID token of the person; to be verified by [`IdTokenHint::verify`].
    pub id_token_hint: Option<String>,
    /// In which languages to show pages, the best first.
    pub ui_locales: Vec<String>,
    client_id: Option<String>,
    post_logout_redirect_uri: Option<String>,
    state: Option<String>,
}

impl LogoutRequest {
    /// The parameters that are read.
    pub const PARAMETERS: [&str; 5] =
        ["client_id", "id_token_hint", "post_logout_redirect_uri", "state", "ui_locales"];

    /// Reads the query, or the form of a POST. `logout_hint` is passed over.
    pub fn parse(parameters: &Parameters) -> Result<Self, OAuthError> {
        let text = |name| parameters.get(name).map(str::to_owned);
        if parameters.get("state").is_some_and(|state| !is_sendable(state)) {
            return Err(OAuthError::invalid_request(
                "The parameter 'state' is too long or has control characters.",
            ));
        }
        Ok(Self {
            id_token_hint: text("id_token_hint"),
            ui_locales: words(parameters, "ui_locales"),
            client_id: text("client_id"),
            post_logout_redirect_uri: text("post_logout_redirect_uri"),
            state: text("state"),
        })
    }

    /// Which client sends the person: as the hint says, or the parameter; where both do, both the same.
    pub fn client_id<'a>(&'a self, hint: Option<&'a IdTokenHint>) -> Result<Option<&'a str>, OAuthError> {
        match (self.client_id.as_deref(), hint) {
            (Some(named), Some(hint)) if named != hint.client_id => Err(OAuthError::invalid_request(
                "The client_id is another than that which the id_token_hint was issued to; leave it out.",
            )),
            (named, hint) => Ok(named.or(hint.map(|hint| hint.client_id.as_str()))),
        }
    }

    /// Where to send the person afterwards, `state` added; nowhere, if the client did not ask. The address has to be one
    /// of the client's own, letter by letter (RP-Initiated Logout section 3, class 2).
    pub fn return_to(&self, client: Option<&Client>) -> Result<Option<String>, OAuthError> {
        let Some(uri) = &self.post_logout_redirect_uri else { return Ok(None) };
        let Some(client) = client else {
            return Err(OAuthError::invalid_request(
                "There is a post_logout_redirect_uri, and nothing says whose; send id_token_hint or client_id with it.",
            ));
        };
        if !client.has_post_logout_redirect_uri(uri) {
            return Err(OAuthError::invalid_request(format!(
                "The post_logout_redirect_uri '{uri}' is not registered for the client '{}'; register it, letter by \
                 letter as the client sends it.",
                client.client_id
            )));
        }
        let state: Vec<_> = self.state.iter().map(|state| ("state", state)).collect();
        Ok(Some(if state.is_empty() { uri.clone() } else { append_query(uri, &state) }))
    }
}

/// Whether the person has to be asked first: unless the hint is of this very session, anybody could have sent them here
/// (RP-Initiated Logout sections 2 and 6).
pub fn logout_needs_confirmation(hint: Option<&IdTokenHint>, subject: &str, session_id: &str) -> bool {
    !hint.is_some_and(|hint| hint.subject == subject && hint.session_id.as_deref() == Some(session_id))
}
