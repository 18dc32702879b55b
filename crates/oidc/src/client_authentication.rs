//! `ClientCredential`: how a client says who it is (RFC 6749 section 2.3, OpenID Connect Core section 9).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;

use crate::{
    AudienceRule, ErrorCode, Expected, KeySet, OAuthError, Parameters, Secret, form::decode_form, peek::peek,
};

/// The one `client_assertion_type` (RFC 7523 section 2.2).
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// An assertion that is good for longer would have to be remembered for longer.
const LONGEST_ASSERTION_SECONDS: i64 = 600;
/// How far the clocks may be apart.
const LEEWAY_SECONDS: u32 = 30;
/// A longer `jti` is an attack or a mistake.
const MAXIMUM_JTI_BYTES: usize = 256;

/// Who a client says it is, and what it shows for it.
#[derive(Clone, Debug)]
pub struct ClientCredential {
    /// The `client_id`. Nothing is proved yet.
    pub client_id: String,
    /// What it shows.
    pub proof: ClientProof,
}

/// What a client shows.
#[derive(Clone, Debug)]
pub enum ClientProof {
    /// Nothing: `none`.
    None,
    /// Its secret, in the `Authorization` header: `client_secret_basic`.
    Basic(Secret),
    /// Its secret, in the form: `client_secret_post`.
    Post(Secret),
    /// A JWT that it signed: `private_key_jwt`.
    Assertion(Secret),
}

impl ClientCredential {
    /// Reads the `Authorization` header and the form of a request. Exactly one method may be used (RFC 6749
    /// section 2.3); a `client_id` that is said twice must be the same.
    pub fn read(authorization: Option<&str>, form: &Parameters) -> Result<Self, OAuthError> {
        let assertion = read_assertion(form)?;
        let secret = form.get("client_secret").map(Secret::new);
        let basic = authorization.map(read_basic).transpose()?;
        let claimed = form.get("client_id");
        let methods =
            usize::from(assertion.is_some()) + usize::from(secret.is_some()) + usize::from(basic.is_some());
        if methods > 1 {
            return Err(OAuthError::invalid_request(
                "The client authenticates in more than one way; send either an Authorization header, or client_secret, \
                 or client_assertion.",
            ));
        }
        let (client_id, proof) = match (basic, assertion, secret) {
            (Some((id, secret)), _, _) => (id, ClientProof::Basic(secret)),
            (_, Some((id, assertion)), _) => (id, ClientProof::Assertion(assertion)),
            (_, _, Some(secret)) => (required(claimed)?, ClientProof::Post(secret)),
            _ => (required(claimed)?, ClientProof::None),
        };
        if claimed.is_some_and(|claimed| claimed != client_id) {
            return Err(OAuthError::invalid_request(
                "The client_id is not the one that the client authenticates as; send the same, or leave it out.",
            ));
        }
        Ok(Self { client_id, proof })
    }
}

fn required(client_id: Option<&str>) -> Result<String, OAuthError> {
    let missing = "The client does not say who it is; authenticate, or send client_id.";
    client_id.map(ToOwned::to_owned).ok_or_else(|| OAuthError::new(ErrorCode::InvalidClient, missing))
}

/// RFC 7617, with each half encoded as a form (RFC 6749 section 2.3.1).
fn read_basic(header: &str) -> Result<(String, Secret), OAuthError> {
    let malformed = || {
        OAuthError::new(
            ErrorCode::InvalidClient,
            "The Authorization header cannot be read; send Basic with base64 of client_id:client_secret, each encoded as \
             in a form.",
        )
    };
    let (scheme, credentials) = header.split_once(' ').ok_or_else(malformed)?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(malformed());
    }
    let decoded = STANDARD.decode(credentials.trim()).map_err(|_| malformed())?;
    let text = String::from_utf8(decoded).map_err(|_| malformed())?;
    let (id, secret) = text.split_once(':').ok_or_else(malformed)?;
    let (id, secret) = (decode_form(id).ok_or_else(malformed)?, decode_form(secret).ok_or_else(malformed)?);
    if id.is_empty() || secret.is_empty() {
        return Err(malformed());
    }
    Ok((id, Secret::new(secret)))
}

fn read_assertion(form: &Parameters) -> Result<Option<(String, Secret)>, OAuthError> {
    let Some(assertion) = form.get("client_assertion") else {
        return match form.get("client_assertion_type") {
            Some(_) => {
                Err(OAuthError::invalid_request("There is a client_assertion_type and no client_assertion."))
            }
            None => Ok(None),
        };
    };
    if form.get("client_assertion_type") != Some(JWT_BEARER) {
        return Err(OAuthError::invalid_request(format!(
            "The client_assertion_type has to be {JWT_BEARER}."
        )));
    }
    let subject = peek::<Claims>(assertion).map(|claims| claims.sub).ok_or_else(|| {
        OAuthError::new(
            ErrorCode::InvalidClient,
            "The client_assertion is no JWT, or names no sub, jti or exp.",
        )
    })?;
    Ok(Some((subject, Secret::new(assertion))))
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    jti: String,
    exp: i64,
}

/// An assertion that was checked. It is good once: remember its id until it has expired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedAssertion {
    /// Its `jti`.
    pub jti: String,
    /// Its `exp`, and the leeway: Unix seconds.
    pub expires_at: i64,
}

/// Checks a client's assertion (RFC 7523 section 3): `iss` and `sub` are the client, `aud` is the issuer alone, or one
/// of `endpoints` (draft-ietf-oauth-rfc7523bis: an audience that another server could have named is refused), signed by
/// one of its keys.
pub fn check_client_assertion(
    assertion: &Secret,
    client_id: &str,
    keys: &KeySet,
    audiences: &[&str],
    now: i64,
) -> Result<CheckedAssertion, OAuthError> {
    let refuse =
        |what: &str| OAuthError::new(ErrorCode::InvalidClient, format!("The client_assertion {what}."));
    let audience = peek::<Audience>(assertion.expose()).map(|claims| claims.aud);
    let audience = audiences.iter().find(|allowed| audience.as_deref() == Some(**allowed));
    let audience =
        audience.ok_or_else(|| refuse("has an aud that is not this server's issuer, as one text"))?;
    let expected = Expected {
        typ: "JWT",
        issuer: client_id,
        audience: AudienceRule::Only(audience),
        leeway_seconds: LEEWAY_SECONDS,
    };
    let verified = keys
        .verify::<Claims>(assertion.expose(), &expected, now)
        .map_err(|error| refuse(&format!("is refused: {error}")))?;
    let claims = verified.claims;
    if claims.sub != client_id {
        return Err(refuse("has a sub that is not the client"));
    }
    if claims.jti.is_empty() || claims.jti.len() > MAXIMUM_JTI_BYTES {
        return Err(refuse("has no jti, or one that is too long"));
    }
    if claims.exp > now.saturating_add(LONGEST_ASSERTION_SECONDS) {
        return Err(refuse("is good for more than ten minutes; sign one for each request"));
    }
    Ok(CheckedAssertion { jti: claims.jti, expires_at: claims.exp.saturating_add(LEEWAY_SECONDS.into()) })
}

#[derive(Deserialize)]
struct Audience {
    aud: String,
}
