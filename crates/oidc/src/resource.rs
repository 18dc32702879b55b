//! Resource indicators (RFC 8707): for whom a token is meant.

use crate::{Client, ErrorCode, OAuthError, Parameters, client_error::is_resource};

/// Reads the parameter `resource`, which may be repeated; each has to be registered for the client, letter by letter.
pub(crate) fn parse_resources(parameters: &Parameters, client: &Client) -> Result<Vec<String>, OAuthError> {
    let mut resources: Vec<String> = Vec::new();
    for resource in parameters.get_all("resource") {
        if !is_resource(resource) {
            return Err(invalid_target(
                "The resource is not an absolute URI without fragment (RFC 8707 section 2).".to_owned(),
            ));
        }
        if !client.resources.iter().any(|registered| registered == resource) {
            return Err(unregistered(resource, client));
        }
        if !resources.iter().any(|known| known == resource) {
            resources.push(resource.to_owned());
        }
    }
    Ok(resources)
}

/// The one audience of an access token: the resource asked for now, else the one granted, else `default` (the issuer,
/// where userinfo is).
///
/// `granted` is what the authorization request named; a resource beyond it is refused (RFC 8707 section 2.2), and so is
/// one that is registered for the client no longer (class 17). Several are refused too: each could use the token at the
/// others (RFC 9068 section 5).
pub fn audience<'a>(
    requested: &'a [String],
    granted: &'a [String],
    client: &Client,
    default: &'a str,
) -> Result<&'a str, OAuthError> {
    if let Some(foreign) = requested.iter().find(|resource| !granted.contains(resource)) {
        return Err(invalid_target(format!(
            "The resource '{foreign}' was not part of the authorization; name it in the authorization request."
        )));
    }
    match if requested.is_empty() { granted } else { requested } {
        [] => Ok(default),
        [one] if client.resources.contains(one) => Ok(one),
        [one] => Err(unregistered(one, client)),
        _ => Err(invalid_target(
            "An access token is for one resource; send one 'resource', and ask again for each other."
                .to_owned(),
        )),
    }
}

fn unregistered(resource: &str, client: &Client) -> OAuthError {
    invalid_target(format!(
        "The resource '{resource}' is not registered for the client '{}'; register it, exactly as it is sent.",
        client.client_id
    ))
}

fn invalid_target(description: String) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidTarget, description)
}
