//! `AuthorizationRequest`: what a client asks of the authorization endpoint.

use serde::{Deserialize, Serialize};

use crate::{
    Client, CodeChallenge, OAuthError, Parameters, Prompt, RequestFault, ResponseMode, ReturnAddress, Scopes,
    authorization_checks::{check, granted_scopes, is_sendable, number, words},
    resource::parse_resources,
};

/// An authorization request that passed every check (RFC 6749 section 4.1.1, OpenID Connect Core section 3.1.2.1).
///
/// Serialises, to be kept while the person signs in; a stored one stays valid across a restart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizationRequest {
    /// Who asks.
    pub client_id: String,
    /// Where the answer goes.
    pub return_address: ReturnAddress,
    /// What is asked for: only what the client may have.
    pub scopes: Scopes,
    /// For whom (RFC 8707): only what is registered for the client.
    pub resources: Vec<String>,
    /// What the code is bound to.
    pub code_challenge: CodeChallenge,
    /// What the ID token is bound to, given back unchanged.
    pub nonce: Option<String>,
    /// What has to be shown.
    pub prompt: Prompt,
    /// How long ago, in seconds, the person may have proved who they are.
    pub max_age: Option<u32>,
    /// Which levels of authentication are wished for, the best first.
    pub acr_values: Vec<String>,
    /// What to write into the field for the address.
    pub login_hint: Option<String>,
    /// In which languages to show pages, the best first.
    pub ui_locales: Vec<String>,
    /// An ID token of the person that is expected; not verified yet.
    pub id_token_hint: Option<String>,
}

impl AuthorizationRequest {
    /// The parameters that are read, those among them that are read to be refused.
    pub const PARAMETERS: [&str; 19] = [
        "acr_values",
        "client_id",
        "code_challenge",
        "code_challenge_method",
        "id_token_hint",
        "login_hint",
        "max_age",
        "nonce",
        "prompt",
        "redirect_uri",
        "registration",
        "request",
        "request_uri",
        "resource",
        "response_mode",
        "response_type",
        "scope",
        "state",
        "ui_locales",
    ];

    /// Whom the request names as client, before anything else is known of it.
    pub fn client_id(parameters: &Parameters) -> Result<&str, RequestFault> {
        Ok(parameters.require("client_id")?)
    }

    /// Checks a request against the client that [`client_id`](Self::client_id) named. Read `parameters` by
    /// [`Parameters::read`].
    ///
    /// `claims` (OpenID Connect Core section 5.5), `display` and parameters that nobody knows are passed over.
    pub fn parse(parameters: &Parameters, client: &Client) -> Result<Self, RequestFault> {
        let to = return_address(parameters, client)?;
        Self::parse_for(parameters, client, to.clone())
            .map_err(|error| RequestFault::SentToClient { error, to })
    }

    fn parse_for(
        parameters: &Parameters,
        client: &Client,
        return_address: ReturnAddress,
    ) -> Result<Self, OAuthError> {
        check(parameters, client)?;
        let text = |name| parameters.get(name).map(str::to_owned);
        Ok(Self {
            client_id: client.client_id.clone(),
            return_address,
            scopes: granted_scopes(parameters, client)?,
            resources: parse_resources(parameters, client)?,
            code_challenge: CodeChallenge::parse(parameters.require("code_challenge")?)?,
            nonce: text("nonce"),
            prompt: Prompt::parse(parameters.get("prompt").unwrap_or_default())?,
            max_age: number(parameters, "max_age")?,
            acr_values: words(parameters, "acr_values"),
            login_hint: text("login_hint"),
            ui_locales: words(parameters, "ui_locales"),
            id_token_hint: text("id_token_hint"),
        })
    }
}

/// Where the client can be told of anything further. The redirect URI has to be sent, and to be registered, letter by
/// letter (RFC 9700 section 2.1, class 1).
fn return_address(parameters: &Parameters, client: &Client) -> Result<ReturnAddress, RequestFault> {
    if AuthorizationRequest::client_id(parameters)? != client.client_id {
        return Err(OAuthError::invalid_request("The client_id is that of another client.").into());
    }
    let redirect_uri = parameters.require("redirect_uri")?;
    client.check_redirect_uri(redirect_uri)?;
    let state = parameters.get("state").filter(|state| is_sendable(state));
    Ok(ReturnAddress::new(redirect_uri, response_mode(parameters, client), state, &client.onward_origins))
}

/// What was wished, if it can be served; a mode that cannot is an error, to be told in the client's usual one. `query`
/// is the default of `response_type=code` (OAuth 2.0 Multiple Response Types section 2.1).
fn response_mode(parameters: &Parameters, client: &Client) -> ResponseMode {
    let registered = || ResponseMode::ALL.into_iter().filter(|mode| client.response_modes.contains(mode));
    let wished = parameters.get("response_mode");
    registered().find(|mode| Some(mode.name()) == wished).or_else(|| registered().next()).unwrap_or_default()
}
