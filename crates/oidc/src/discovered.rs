//! `Discovered`: what an app learns of a provider.

use serde_json::{Map, Value};
use url::Url;

use crate::{CODE_CHALLENGE_METHOD, StrictJsonError, parse_strict_json, redirect_uri::is_this_machine};

const MAXIMUM_DOCUMENT_BYTES: usize = 256 * 1024;

/// A provider's metadata, as far as an app needs it (OpenID Connect Discovery section 3).
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "the names are those of RFC 8414 section 2 and RP-Initiated Logout section 2.1"
)]
pub struct Discovered {
    pub issuer: String,
    pub authorization_endpoint: String,
    pub token_endpoint: String,
    pub jwks_uri: String,
    pub userinfo_endpoint: Option<String>,
    pub revocation_endpoint: Option<String>,
    pub introspection_endpoint: Option<String>,
    pub end_session_endpoint: Option<String>,
    /// The provider names itself in every answer (RFC 9207 section 3).
    pub names_itself: bool,
}

/// Why a provider's metadata is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum DiscoveryError {
    /// Too large to be metadata.
    #[error("the provider's metadata is larger than {MAXIMUM_DOCUMENT_BYTES} bytes")]
    TooLarge,
    /// No JSON.
    #[error("the provider's metadata is {0}")]
    Json(#[from] StrictJsonError),
    /// It speaks for another issuer (OpenID Connect Discovery section 4.3).
    #[error(
        "the provider's metadata names another issuer than the configured one; they have to be the same, letter by letter"
    )]
    Issuer,
    /// A member is missing or has the wrong form.
    #[error("the provider's metadata has no proper `{0}`")]
    Member(&'static str),
    /// An address that anybody on the way could answer.
    #[error("the provider's `{0}` is not an https address; http is for this machine")]
    Insecure(&'static str),
    /// The code would be bound to nobody (RFC 9700 section 2.1.1).
    #[error("the provider does not support PKCE with S256, without which a stolen code could be used")]
    NoPkce,
}

/// Where the metadata of an issuer is (OpenID Connect Discovery section 4.1).
pub fn discovery_url(issuer: &str) -> String {
    format!("{}/.well-known/openid-configuration", issuer.strip_suffix('/').unwrap_or(issuer))
}

impl Discovered {
    /// Checks the document that [`discovery_url`] of `issuer` gave: it has to be that issuer's (OpenID Connect Discovery
    /// section 4.3), each address https, and PKCE spoken.
    pub fn parse(json: &[u8], issuer: &str) -> Result<Self, DiscoveryError> {
        if json.len() > MAXIMUM_DOCUMENT_BYTES {
            return Err(DiscoveryError::TooLarge);
        }
        let Value::Object(members) = parse_strict_json(json)? else {
            return Err(DiscoveryError::Member("issuer"));
        };
        if members.get("issuer").and_then(Value::as_str) != Some(issuer) {
            return Err(DiscoveryError::Issuer);
        }
        if !list_has(&members, "code_challenge_methods_supported", CODE_CHALLENGE_METHOD) {
            return Err(DiscoveryError::NoPkce);
        }
        let required = |name| address(&members, name)?.ok_or(DiscoveryError::Member(name));
        let names_itself =
            members.get("authorization_response_iss_parameter_supported") == Some(&Value::Bool(true));
        Ok(Self {
            issuer: issuer.to_owned(),
            authorization_endpoint: required("authorization_endpoint")?,
            token_endpoint: required("token_endpoint")?,
            jwks_uri: required("jwks_uri")?,
            userinfo_endpoint: address(&members, "userinfo_endpoint")?,
            revocation_endpoint: address(&members, "revocation_endpoint")?,
            introspection_endpoint: address(&members, "introspection_endpoint")?,
            end_session_endpoint: address(&members, "end_session_endpoint")?,
            names_itself,
        })
    }
}

fn list_has(members: &Map<String, Value>, name: &str, wanted: &str) -> bool {
    members.get(name).and_then(Value::as_array).is_some_and(|list| list.iter().any(|value| value == wanted))
}

fn address(members: &Map<String, Value>, name: &'static str) -> Result<Option<String>, DiscoveryError> {
    let text = match members.get(name) {
        None => return Ok(None),
        Some(Value::String(text)) => text,
        Some(_) => return Err(DiscoveryError::Member(name)),
    };
    let url = Url::parse(text).map_err(|_| DiscoveryError::Member(name))?;
    if url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() {
        return Err(DiscoveryError::Member(name));
    }
    match url.scheme() {
        "https" => Ok(Some(text.clone())),
        "http" if is_this_machine(&url) => Ok(Some(text.clone())),
        _ => Err(DiscoveryError::Insecure(name)),
    }
}
