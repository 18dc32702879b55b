//! The form of the token endpoint. What stands before the first line feed is the `Authorization` header.

use oidc::{ClientAuthentication, Scopes, TokenRequest};

/// A client is never read without a name; nothing is granted beyond its own. Says whether a request was read.
pub(crate) fn run(data: &[u8]) -> bool {
    let split = data.iter().position(|byte| *byte == b'\n');
    let (header, form) = split.map_or((&b""[..], data), |at| (&data[..at], &data[at + 1..]));
    let (Some(parameters), client) = (super::parameters(form), super::client()) else { return false };
    let header = std::str::from_utf8(header).ok().filter(|header| !header.is_empty());
    if let Ok(authentication) = ClientAuthentication::read(header, &parameters) {
        assert!(!authentication.client_id().is_empty());
    }
    match TokenRequest::parse(&parameters, &client) {
        Ok(TokenRequest::AuthorizationCode(exchange)) => {
            assert!(!exchange.code.expose().is_empty());
            if let Ok(proof) = exchange.proof() {
                assert!((43..=128).contains(&proof.code_verifier.expose().len()));
                assert!(proof.resources.iter().all(|resource| client.resources.contains(resource)));
                return true;
            }
            false
        }
        Ok(TokenRequest::RefreshToken(exchange)) => {
            let granted = Scopes::parse("openid read").unwrap();
            if let Ok(scopes) = exchange.scopes(&granted) {
                assert!(scopes.is_subset_of(&granted));
            }
            true
        }
        Ok(TokenRequest::ClientCredentials(request)) => {
            assert!(request.scopes.is_subset_of(&Scopes::parse("read").unwrap()));
            true
        }
        Err(_) => false,
    }
}
