//! `ClientAuthentication`: which client calls, and how it proves that.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

use crate::{
    AssertionId, AssertionRules, CLIENT_ASSERTION_TYPE, Client, ClientAuthenticationMethod, ErrorCode,
    OAuthError, Parameters, Secret,
    client_assertion::{claimed_client_id, verify},
    form::decode_form,
    key_set::read_unverified_kid,
};

/// What a request to the token, introspection or revocation endpoint brings to authenticate its client; nothing of it is
/// checked yet (RFC 6749 section 2.3).
#[derive(Debug)]
pub struct ClientAuthentication {
    client_id: String,
    credential: Credential,
}

#[derive(Debug)]
enum Credential {
    Basic(Secret),
    Post(Secret),
    Assertion(Secret),
    None,
}

/// What is left to do for whoever stores secrets and ids.
#[derive(Debug)]
pub enum ClientProof {
    /// Compare it with the stored hash; refuse by [`ClientAuthentication::failed`].
    CompareSecret(Secret),
    /// The signature is good; remember the id, and refuse by [`ClientAuthentication::failed`] if it was known.
    RememberAssertion(AssertionId),
    /// A public client: nothing is proved.
    Public,
}

impl ClientAuthentication {
    /// Reads the `Authorization` header and the form. More than one method is an error (RFC 6749 section 2.3).
    pub fn read(authorization: Option<&str>, form: &Parameters) -> Result<Self, OAuthError> {
        let secret = form.get("client_secret");
        let assertion = form.get("client_assertion").or(form.get("client_assertion_type"));
        match (authorization, secret, assertion) {
            (Some(header), None, None) => Self::from_basic(header, form),
            (None, Some(secret), None) => Self::in_form(form, Credential::Post(Secret::new(secret))),
            (None, None, Some(_)) => Self::from_assertion(form),
            (None, None, None) => Self::in_form(form, Credential::None),
            _ => Err(OAuthError::invalid_request(
                "The client authenticates in more than one way; use one: the Authorization header, client_secret, or \
                 client_assertion (RFC 6749 section 2.3).",
            )),
        }
    }

    /// Which client it says it is. Look it up; if there is none, do as much work as for a wrong secret, and refuse by
    /// [`failed`](Self::failed).
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// Which key its assertion names, if it shows one: to fetch the client's keys by. Nothing is verified.
    pub fn claimed_kid(&self) -> Option<String> {
        match &self.credential {
            Credential::Assertion(assertion) => read_unverified_kid(assertion.expose()),
            _ => None,
        }
    }

    /// The method that is used.
    pub fn method(&self) -> ClientAuthenticationMethod {
        match self.credential {
            Credential::Basic(_) => ClientAuthenticationMethod::ClientSecretBasic,
            Credential::Post(_) => ClientAuthenticationMethod::ClientSecretPost,
            Credential::Assertion(_) => ClientAuthenticationMethod::PrivateKeyJwt,
            Credential::None => ClientAuthenticationMethod::None,
        }
    }

    /// The secret that it shows, if that is how it proves itself.
    pub fn secret(&self) -> Option<&Secret> {
        match &self.credential {
            Credential::Basic(secret) | Credential::Post(secret) => Some(secret),
            Credential::Assertion(_) | Credential::None => None,
        }
    }

    /// Checks all that can be checked without a store: the client's own method and no other, and an assertion's
    /// signature and claims.
    pub fn prove(self, client: &Client, rules: &AssertionRules<'_>) -> Result<ClientProof, OAuthError> {
        if client.client_id != self.client_id || client.token_endpoint_auth_method != self.method() {
            return Err(self.failed());
        }
        match self.credential {
            Credential::Basic(secret) | Credential::Post(secret) => Ok(ClientProof::CompareSecret(secret)),
            Credential::None => Ok(ClientProof::Public),
            Credential::Assertion(assertion) => verify(assertion.expose(), &self.client_id, rules)
                .map(ClientProof::RememberAssertion)
                .map_err(|error| invalid_client(format!("The client_assertion is not accepted: {error}."))),
        }
    }

    /// The one answer to an unknown client, a wrong secret and a wrong method, so that it tells nobody which it was.
    pub fn failed(&self) -> OAuthError {
        self.method().failed()
    }

    /// RFC 6749 section 2.3.1: id and secret each form-encoded, a colon between, in base64.
    fn from_basic(header: &str, form: &Parameters) -> Result<Self, OAuthError> {
        let (client_id, secret) = read_basic(header).ok_or_else(|| {
            invalid_client(
                "The Authorization header is not 'Basic' and base64 of client_id:client_secret, each form-encoded (RFC \
                 6749 section 2.3.1).",
            )
        })?;
        if form.get("client_id").is_some_and(|other| other != client_id) {
            return Err(OAuthError::invalid_request(
                "The client_id of the form is another than that of the Authorization header; leave it out.",
            ));
        }
        Ok(Self { client_id, credential: Credential::Basic(secret) })
    }

    /// RFC 7521 section 4.2: `client_id` may be left out, since the assertion names the client.
    fn from_assertion(form: &Parameters) -> Result<Self, OAuthError> {
        if form.require("client_assertion_type")? != CLIENT_ASSERTION_TYPE {
            return Err(OAuthError::invalid_request(format!(
                "The client_assertion_type is not supported; '{CLIENT_ASSERTION_TYPE}' is."
            )));
        }
        let assertion = form.require_secret("client_assertion")?;
        let claimed = claimed_client_id(assertion.expose()).ok_or_else(|| {
            invalid_client("The client_assertion is not a JWT whose 'sub' is the client_id.")
        })?;
        if form.get("client_id").is_some_and(|other| other != claimed) {
            return Err(invalid_client(
                "The client_id of the form is another than the 'sub' of the client_assertion; leave it out.",
            ));
        }
        Ok(Self { client_id: claimed, credential: Credential::Assertion(assertion) })
    }

    fn in_form(form: &Parameters, credential: Credential) -> Result<Self, OAuthError> {
        let client_id = form.get("client_id").ok_or_else(|| {
            invalid_client("The request names no client; send client_id, or the Authorization header.")
        })?;
        Ok(Self { client_id: client_id.to_owned(), credential })
    }
}

impl ClientAuthenticationMethod {
    /// See [`ClientAuthentication::failed`].
    pub fn failed(self) -> OAuthError {
        invalid_client(format!(
            "Client authentication by {} failed; check client_id, secret, and the client's token_endpoint_auth_method.",
            self.name()
        ))
    }
}

fn read_basic(header: &str) -> Option<(String, Secret)> {
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("Basic") {
        return None;
    }
    let decoded = Zeroizing::new(STANDARD.decode(encoded.trim_start_matches(' ')).ok()?);
    let (client_id, secret) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    let (client_id, secret) = (decode_form(client_id)?, decode_form(secret)?);
    (!client_id.is_empty() && !secret.is_empty()).then(|| (client_id, Secret::new(secret)))
}

fn invalid_client(description: impl Into<crate::Description>) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidClient, description)
}
