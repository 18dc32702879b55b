//! `TokenRequest`: what a client asks of the token endpoint (RFC 6749 sections 4.1.3, 4.4.2 and 6).

use crate::{ErrorCode, OAuthError, Parameters, Secret};

/// A request, by its grant.
#[derive(Clone, Debug)]
pub enum TokenRequest {
    /// A code for tokens (RFC 6749 section 4.1.3).
    AuthorizationCode {
        /// The code.
        code: Secret,
        /// The address it was sent to; has to be the same.
        redirect_uri: Option<String>,
        /// The PKCE verifier (RFC 7636 section 4.5).
        code_verifier: Secret,
        /// For which resource (RFC 8707 section 2.2).
        resources: Vec<String>,
    },
    /// New tokens for a refresh token (RFC 6749 section 6).
    RefreshToken {
        /// The token.
        refresh_token: Secret,
        /// Less than was granted, if said.
        scope: Option<String>,
        /// For which resource.
        resources: Vec<String>,
    },
    /// A token for the client itself (RFC 6749 section 4.4.2).
    ClientCredentials {
        /// What it asks for.
        scope: Option<String>,
        /// For which resource.
        resources: Vec<String>,
    },
}

impl TokenRequest {
    /// Reads a form.
    pub fn read(form: &Parameters) -> Result<Self, OAuthError> {
        let scope = || form.get("scope").map(ToOwned::to_owned);
        let resources = form.get_all("resource").map(ToOwned::to_owned).collect();
        match form.require("grant_type")? {
            "authorization_code" => Ok(Self::AuthorizationCode {
                code: form.require_secret("code")?,
                redirect_uri: form.get("redirect_uri").map(ToOwned::to_owned),
                code_verifier: form.require_secret("code_verifier")?,
                resources,
            }),
            "refresh_token" => Ok(Self::RefreshToken {
                refresh_token: form.require_secret("refresh_token")?,
                scope: scope(),
                resources,
            }),
            "client_credentials" => Ok(Self::ClientCredentials { scope: scope(), resources }),
            _ => Err(OAuthError::new(
                ErrorCode::UnsupportedGrantType,
                "The grant_type is not one of authorization_code, refresh_token, client_credentials.",
            )),
        }
    }
}

/// What a client asks of the introspection (RFC 7662 section 2.1) or revocation endpoint (RFC 7009 section 2.1). The
/// `token_type_hint` is not read: our tokens tell by themselves what they are.
#[derive(Clone, Debug)]
pub struct TokenQuery {
    /// The token.
    pub token: Secret,
}

impl TokenQuery {
    /// Reads a form.
    pub fn read(form: &Parameters) -> Result<Self, OAuthError> {
        Ok(Self { token: form.require_secret("token")? })
    }
}
