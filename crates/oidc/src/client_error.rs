//! `ClientError`: why a client cannot be registered; the rules as one table.

use crate::{
    Client, ClientAuthenticationMethod, GrantType, OPENID,
    redirect_uri::{is_this_machine, parse_registered_url},
};

/// Why a client cannot be registered as it is described.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the client cannot be registered: {0}")]
pub struct ClientError(&'static str);

type Rule = (fn(&Client) -> bool, &'static str);

/// What is wrong, and what to do.
const RULES: [Rule; 15] = [
    (
        |client| !is_name(&client.client_id),
        "its client_id is empty, longer than 100 characters, or has other than letters, digits, '-', '.', '_', '~'; \
         choose another",
    ),
    (
        |client| client.client_name.trim().is_empty() || client.client_name.len() > 200,
        "its client_name is empty or longer than 200 bytes; give the name that people know it by",
    ),
    (
        |client| {
            client.client_name.chars().any(|letter| letter.is_control() || is_direction_override(letter))
        },
        "its client_name has a line break, another control character, or one that turns the direction of the text around \
         it; remove them",
    ),
    (
        |client| client.grant_types.is_empty(),
        "it has no grant_types, so it could do nothing; name at least one",
    ),
    (
        |client| client.may_use(GrantType::AuthorizationCode) && client.redirect_uris.is_empty(),
        "it signs people in (authorization_code) and has no redirect_uris; register where it is answered",
    ),
    (
        |client| client.may_use(GrantType::AuthorizationCode) && client.response_modes.is_empty(),
        "it signs people in (authorization_code) and has no response_modes; name query, form_post, or both",
    ),
    (
        |client| client.may_use(GrantType::RefreshToken) && !client.may_use(GrantType::AuthorizationCode),
        "it has refresh_token without authorization_code, from which the first would come; add that one too",
    ),
    (
        |client| client.may_use(GrantType::ClientCredentials) && client.is_public(),
        "it has client_credentials and no way to authenticate (RFC 6749 section 4.4); give it a secret or a key",
    ),
    (
        |client| !client.default_scope.is_subset_of(&client.scope),
        "its default_scope is more than its scope; add what is missing to scope",
    ),
    (
        |client| client.jwks.is_some() && client.jwks_uri.is_some(),
        "it has both jwks and jwks_uri (RFC 7591 section 2); keep one",
    ),
    (
        |client| {
            client.token_endpoint_auth_method == ClientAuthenticationMethod::PrivateKeyJwt
                && client.jwks.is_none()
                && client.jwks_uri.is_none()
        },
        "it authenticates by private_key_jwt and has no keys; give jwks or jwks_uri",
    ),
    (
        |client| client.jwks.as_ref().is_some_and(|jwks| jwks.keys.is_empty()),
        "its jwks has no key that is spoken here; give an Ed25519, P-256 or RSA key for signatures",
    ),
    (
        |client| addresses(client).any(|address| !is_secure_address(address)),
        "its jwks_uri or backchannel_logout_uri is not an https address without fragment (http is for this machine)",
    ),
    (
        |client| client.resources.iter().any(|resource| !is_resource(resource)),
        "one of its resources is not an absolute URI without fragment (RFC 8707 section 2)",
    ),
    (
        |client| client.claims_in_id_token && !client.scope.contains(OPENID),
        "it has claims_in_id_token and may not ask for openid, so it never gets an ID token; add openid to scope",
    ),
];

pub(crate) fn check(client: &Client) -> Result<(), ClientError> {
    match RULES.iter().find(|(broken, _)| broken(client)) {
        Some((_, message)) => Err(ClientError(message)),
        None => Ok(()),
    }
}

/// Embeddings, overrides and isolates (Unicode Standard Annex 9): on the page that asks for consent, and in a terminal, they
/// would reorder what is not the app's to say.
fn is_direction_override(letter: char) -> bool {
    matches!(letter, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

fn is_name(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    (1..=100).contains(&text.len()) && text.bytes().all(allowed)
}

fn addresses(client: &Client) -> impl Iterator<Item = &str> {
    [&client.jwks_uri, &client.backchannel_logout_uri].into_iter().filter_map(Option::as_deref)
}

fn is_secure_address(text: &str) -> bool {
    parse_registered_url(text).is_ok_and(|url| match url.scheme() {
        "https" => true,
        "http" => is_this_machine(&url),
        _ => false,
    })
}

/// RFC 8707 section 2: an absolute URI without fragment. Compared letter by letter, so any scheme will do.
pub(crate) fn is_resource(text: &str) -> bool {
    text.len() <= 2048
        && text.bytes().all(|byte| byte.is_ascii_graphic())
        && !text.contains('#')
        && url::Url::parse(text).is_ok()
}
