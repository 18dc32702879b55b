//! `Client`: what the protocol has to know of a client.

use serde::{Deserialize, Serialize};

use crate::{Algorithm, ClientError, ErrorCode, JwkSet, OAuthError, OnwardOrigin, RedirectUri, Scopes};

/// How a client proves who it is at the token endpoint (RFC 7591 section 2, OpenID Connect Core section 9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuthenticationMethod {
    /// Its secret, in the `Authorization` header.
    ClientSecretBasic,
    /// Its secret, in the form.
    ClientSecretPost,
    /// A JWT, signed with its key (RFC 7523).
    PrivateKeyJwt,
    /// Not at all: a public client (RFC 6749 section 2.1).
    None,
}

impl ClientAuthenticationMethod {
    /// Every method that is spoken.
    pub const ALL: [Self; 4] =
        [Self::ClientSecretBasic, Self::ClientSecretPost, Self::PrivateKeyJwt, Self::None];

    /// The name in `token_endpoint_auth_method`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ClientSecretBasic => "client_secret_basic",
            Self::ClientSecretPost => "client_secret_post",
            Self::PrivateKeyJwt => "private_key_jwt",
            Self::None => "none",
        }
    }
}

/// What a client can redeem for a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantType {
    /// RFC 6749 section 4.1.
    AuthorizationCode,
    /// RFC 6749 section 6.
    RefreshToken,
    /// RFC 6749 section 4.4.
    ClientCredentials,
}

impl GrantType {
    /// Every grant that is spoken.
    pub const ALL: [Self; 3] = [Self::AuthorizationCode, Self::RefreshToken, Self::ClientCredentials];

    /// The name in `grant_type`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::RefreshToken => "refresh_token",
            Self::ClientCredentials => "client_credentials",
        }
    }
}

/// How the answer of the authorization endpoint reaches the client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseMode {
    /// In the query of the redirect URI (OAuth 2.0 Multiple Response Types section 2.1).
    #[default]
    Query,
    /// In a form that posts itself (OAuth 2.0 Form Post Response Mode).
    FormPost,
}

impl ResponseMode {
    /// Every mode that is spoken.
    pub const ALL: [Self; 2] = [Self::Query, Self::FormPost];

    /// The name in `response_mode`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::FormPost => "form_post",
        }
    }
}

/// A registered client, with the names of RFC 7591 section 2 and OpenID Connect Registration section 2 where they have
/// one. Its secret is not here: whoever stores it compares it. [`validate`](Self::validate) before it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// Its id.
    pub client_id: String,
    /// Its name, as people see it.
    pub client_name: String,
    /// Where it may be answered.
    #[serde(default)]
    pub redirect_uris: Vec<RedirectUri>,
    /// The one way in which it authenticates.
    #[serde(default = "client_secret_basic")]
    pub token_endpoint_auth_method: ClientAuthenticationMethod,
    /// What it may redeem.
    #[serde(default = "authorization_code")]
    pub grant_types: Vec<GrantType>,
    /// How it may be answered.
    #[serde(default = "every_response_mode")]
    pub response_modes: Vec<ResponseMode>,
    /// What it may ask for.
    pub scope: Scopes,
    /// What it is taken to ask for when it says nothing (RFC 6749 section 3.3).
    #[serde(default)]
    pub default_scope: Scopes,
    /// The resources it may ask for (RFC 8707).
    #[serde(default)]
    pub resources: Vec<String>,
    /// Ours: people need not be told what it gets to know.
    #[serde(default)]
    pub first_party: bool,
    /// People are asked all the same.
    #[serde(default)]
    pub require_consent: bool,
    /// What its ID tokens are signed with; RS256 is what every client can read (OpenID Connect Core section 15.1).
    #[serde(default = "rs256")]
    pub id_token_signed_response_alg: Algorithm,
    /// What its access tokens are signed with: `EdDSA` is the quickest, RS256 what every resource has to be able to verify
    /// (RFC 9068 section 4).
    #[serde(default = "eddsa")]
    pub access_token_signed_response_alg: Algorithm,
    /// The claims of the scopes stand in the ID token too: some frameworks ask nowhere else.
    #[serde(default)]
    pub claims_in_id_token: bool,
    /// Where a person may be sent after signing out (RP-Initiated Logout section 3).
    #[serde(default)]
    pub post_logout_redirect_uris: Vec<RedirectUri>,
    /// Where its callbacks lead on to before a person sees a page, besides their own origins.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub onward_origins: Vec<OnwardOrigin>,
    /// Who is told when a session ends (Back-Channel Logout section 2.2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backchannel_logout_uri: Option<String>,
    /// Its public keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks: Option<JwkSet>,
    /// Where its public keys are published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<String>,
}

fn client_secret_basic() -> ClientAuthenticationMethod {
    ClientAuthenticationMethod::ClientSecretBasic
}

fn authorization_code() -> Vec<GrantType> {
    vec![GrantType::AuthorizationCode]
}

fn every_response_mode() -> Vec<ResponseMode> {
    ResponseMode::ALL.to_vec()
}

fn rs256() -> Algorithm {
    Algorithm::Rs256
}

fn eddsa() -> Algorithm {
    Algorithm::EdDsa
}

impl Client {
    /// Checks that what is registered fits together.
    pub fn validate(&self) -> Result<(), ClientError> {
        crate::client_error::check(self)
    }

    /// Cannot keep a secret (RFC 6749 section 2.1).
    pub fn is_public(&self) -> bool {
        self.token_endpoint_auth_method == ClientAuthenticationMethod::None
    }

    /// Whether a person has to consent to what it asks for.
    pub fn asks_for_consent(&self) -> bool {
        self.require_consent || !self.first_party
    }

    /// Whether whoever sends somebody in its name, to be answered there, may be another app on their device: it shows
    /// nothing of itself, and any app there can take such an address (RFC 8252 section 8.6).
    pub fn may_be_another_app(&self, redirect_uri: &str) -> bool {
        self.is_public() && crate::redirect_uri::is_on_device(redirect_uri)
    }

    /// Whether it may redeem this.
    pub fn may_use(&self, grant_type: GrantType) -> bool {
        self.grant_types.contains(&grant_type)
    }

    /// What is left of what it was granted: an operator may have taken some of it from the client since (class 17).
    pub fn still_allowed(&self, granted: &Scopes) -> Result<Scopes, OAuthError> {
        let left = granted.intersection(&self.scope);
        if left.is_empty() && !granted.is_empty() {
            return Err(OAuthError::new(
                ErrorCode::InvalidScope,
                format!(
                    "The client '{}' may have nothing any more of what it was granted; add it to its scope, or let the \
                     person sign in again.",
                    self.client_id
                ),
            ));
        }
        Ok(left)
    }

    /// Whether it may be answered there; see [`RedirectUri::matches`].
    pub fn has_redirect_uri(&self, presented: &str) -> bool {
        self.redirect_uris.iter().any(|registered| registered.matches(presented))
    }

    /// The same, and what to do if not; to be shown to the person.
    pub fn check_redirect_uri(&self, presented: &str) -> Result<(), OAuthError> {
        if self.has_redirect_uri(presented) {
            return Ok(());
        }
        Err(OAuthError::invalid_request(format!(
            "The redirect_uri '{presented}' is not registered for the client '{}'; register it, letter by letter as the \
             client sends it.",
            self.client_id
        )))
    }

    /// Whether a person may be sent there after signing out: the same string, without exception
    /// (RP-Initiated Logout section 3).
    pub fn has_post_logout_redirect_uri(&self, presented: &str) -> bool {
        self.post_logout_redirect_uris.iter().any(|registered| registered.as_str() == presented)
    }
}
