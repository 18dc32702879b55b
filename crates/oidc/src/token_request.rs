//! `TokenRequest`: what a client asks of the token endpoint.

use std::collections::BTreeSet;

use crate::{
    AuthorizationRequest, Client, CodeVerifier, ErrorCode, GrantType, OAuthError, Parameters, Scopes, Secret,
    authorization_checks::foreign_scope, resource::parse_resources, scope::STANDARD,
};

/// A token request of a client that has authenticated, with the parameters of its grant.
#[derive(Debug)]
pub enum TokenRequest {
    /// RFC 6749 section 4.1.3.
    AuthorizationCode(CodeExchange),
    /// RFC 6749 section 6.
    RefreshToken(RefreshExchange),
    /// RFC 6749 section 4.4.2.
    ClientCredentials(ClientCredentialsRequest),
}

/// A code, to be redeemed. Whether it was used before is to be decided first: nothing else that is asked, or is wrong with
/// it, may hide that it is in two hands (class 8). Then look at the [`proof`](Self::proof), and
/// [`check`](CodeProof::check) what the code was bound to.
#[derive(Debug)]
pub struct CodeExchange {
    /// The code.
    pub code: Secret,
    proof: Result<CodeProof, OAuthError>,
}

/// What has to be shown with a code.
#[derive(Debug)]
pub struct CodeProof {
    /// Where the code was sent to.
    pub redirect_uri: String,
    /// The secret behind the challenge.
    pub code_verifier: CodeVerifier,
    /// For whom the access token is wished; see [`audience`](crate::audience).
    pub resources: Vec<String>,
}

/// A refresh token, to be rotated. Whether it was used before is to be decided first: nothing else that is asked, or is
/// wrong with it, may hide that it is in two hands (class 5).
#[derive(Debug)]
pub struct RefreshExchange {
    /// The token.
    pub refresh_token: Secret,
    /// For whom the access token is wished, as it came; [`audience`](crate::audience) refuses what was not granted.
    pub resources: Vec<String>,
    scope: Option<String>,
}

/// A client asks for itself.
#[derive(Debug)]
pub struct ClientCredentialsRequest {
    /// What the token will reach: only what the client may have, and nothing of a person.
    pub scopes: Scopes,
    /// For whom the access token is wished; see [`audience`](crate::audience), granted being the same.
    pub resources: Vec<String>,
}

impl TokenRequest {
    /// Reads a token request; the client has to be allowed to use the grant.
    pub fn parse(form: &Parameters, client: &Client) -> Result<Self, OAuthError> {
        let name = form.require("grant_type")?;
        let grant_type = GrantType::ALL.into_iter().find(|known| known.name() == name).ok_or_else(|| {
            OAuthError::new(
                ErrorCode::UnsupportedGrantType,
                format!(
                    "The grant_type '{name}' is not supported: authorization_code, refresh_token and \
                     client_credentials are."
                ),
            )
        })?;
        if !client.may_use(grant_type) {
            return Err(OAuthError::new(
                ErrorCode::UnauthorizedClient,
                format!("The client '{}' may not use {name}; add it to its grant_types.", client.client_id),
            ));
        }
        match grant_type {
            GrantType::AuthorizationCode => Ok(Self::AuthorizationCode(CodeExchange {
                code: form.require_secret("code")?,
                proof: CodeProof::parse(form, client),
            })),
            GrantType::RefreshToken => Ok(Self::RefreshToken(RefreshExchange {
                refresh_token: form.require_secret("refresh_token")?,
                scope: form.get("scope").map(str::to_owned),
                resources: form
                    .get_all("resource")
                    .map(str::to_owned)
                    .collect::<BTreeSet<_>>()
                    .into_iter()
                    .collect(),
            })),
            GrantType::ClientCredentials => {
                let (scopes, resources) = (own_scopes(form, client)?, parse_resources(form, client)?);
                Ok(Self::ClientCredentials(ClientCredentialsRequest { scopes, resources }))
            }
        }
    }
}

impl CodeExchange {
    /// What was shown with the code. Where it is missing or malformed nobody has used the code up: the client may mend its
    /// request.
    pub fn proof(&self) -> Result<&CodeProof, OAuthError> {
        self.proof.as_ref().map_err(Clone::clone)
    }
}

impl CodeProof {
    fn parse(form: &Parameters, client: &Client) -> Result<Self, OAuthError> {
        Ok(Self {
            redirect_uri: form.require("redirect_uri")?.to_owned(),
            code_verifier: CodeVerifier::parse(form.require("code_verifier")?)?,
            resources: parse_resources(form, client)?,
        })
    }

    /// Checks that whoever redeems the code is who asked for it: the same client, the same redirect URI letter by
    /// letter, and the verifier of its challenge (RFC 6749 section 4.1.3, RFC 7636 section 4.6).
    pub fn check(&self, request: &AuthorizationRequest, client: &Client) -> Result<(), OAuthError> {
        if request.client_id != client.client_id {
            return Err(invalid_grant("The code was issued to another client."));
        }
        if request.return_address.redirect_uri() != self.redirect_uri {
            return Err(invalid_grant(
                "The redirect_uri is not that of the authorization request; send the same one.",
            ));
        }
        if !request.code_challenge.is_of(&self.code_verifier) {
            return Err(invalid_grant(
                "The code_verifier is not that of the authorization request's code_challenge.",
            ));
        }
        Ok(())
    }
}

impl RefreshExchange {
    /// What the new access token reaches: what was granted, or the part of it that is asked for (RFC 6749 section 6).
    pub fn scopes(&self, granted: &Scopes) -> Result<Scopes, OAuthError> {
        let Some(requested) = &self.scope else { return Ok(granted.clone()) };
        let requested = Scopes::parse(requested)?;
        match requested.difference(granted).iter().next() {
            None => Ok(requested),
            Some(scope) => Err(OAuthError::new(
                ErrorCode::InvalidScope,
                format!("The scope '{scope}' was not granted; leave it out, or ask the person for it anew."),
            )),
        }
    }
}

/// A client by itself is no person, so the scopes of OpenID Connect are nothing it could have (class 17).
fn own_scopes(form: &Parameters, client: &Client) -> Result<Scopes, OAuthError> {
    let mut allowed = client.scope.clone();
    for scope in STANDARD {
        allowed = allowed.without(scope);
    }
    match form.get("scope") {
        None => Ok(client.default_scope.intersection(&allowed)),
        Some(text) => {
            let requested = Scopes::parse(text)?;
            match requested.difference(&allowed).iter().next() {
                None => Ok(requested),
                Some(scope) if STANDARD.contains(&scope) => Err(OAuthError::new(
                    ErrorCode::InvalidScope,
                    format!(
                        "The scope '{scope}' is of a person, and a client by itself is none; leave it out."
                    ),
                )),
                Some(scope) => Err(foreign_scope(scope, client)),
            }
        }
    }
}

/// The one answer to a code or refresh token that is unknown, expired or used (RFC 6749 section 5.2); say what it is by
/// `what`, such as "code".
pub fn invalid_or_expired(what: &str) -> OAuthError {
    invalid_grant(&format!(
        "The {what} is unknown, has expired, or was used already; let the person sign in again."
    ))
}

fn invalid_grant(description: &str) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidGrant, description)
}
