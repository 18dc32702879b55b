//! Bearer tokens in requests (RFC 6750 section 2).

use crate::{OAuthError, Parameters, Secret};

/// Finds the access token of a request: in the `Authorization` header, or in the form of a POST, in one of them only.
///
/// `form` is the body, where it is a form and the method is POST. `query` is looked at only to refuse a token there: it
/// would be in logs and histories (RFC 9700 section 4.3.2). Without any token, answer 401 with
/// [`Realm::bearer_challenge`](crate::Realm::bearer_challenge).
pub fn bearer_token(
    authorization: Option<&str>,
    form: Option<&Parameters>,
    query: &Parameters,
) -> Result<Option<Secret>, OAuthError> {
    if query.get("access_token").is_some() {
        return Err(OAuthError::invalid_request(
            "The access token stands in the query, where logs would keep it; send it in the Authorization header.",
        ));
    }
    let header = authorization.and_then(|header| scheme(header, "Bearer"));
    let posted = form.and_then(|form| form.get("access_token"));
    match (header, posted) {
        (Some(_), Some(_)) => Err(OAuthError::invalid_request(
            "The request has two access tokens; send it in the Authorization header alone.",
        )),
        (Some(token), None) | (None, Some(token)) if !is_token(token) => Err(OAuthError::invalid_request(
            "The access token is malformed: 'Bearer', one space, and the token as it was issued.",
        )),
        (Some(token), None) | (None, Some(token)) => Ok(Some(Secret::new(token))),
        (None, None) => Ok(None),
    }
}

/// What stands behind the scheme, whose case does not count (RFC 9110 section 11.1).
fn scheme<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    let (scheme, rest) = header.split_once(' ').unwrap_or((header, ""));
    scheme.eq_ignore_ascii_case(name).then_some(rest)
}

/// `b64token` (RFC 6750 section 2.1).
fn is_token(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
    !body.is_empty() && body.bytes().all(allowed)
}
