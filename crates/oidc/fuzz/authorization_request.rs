//! The query of the authorization endpoint.

use oidc::{AuthorizationRequest, AuthorizationResponse, RequestFault, ReturnAddress, Secret};

/// Nobody is sent anywhere but to a registered redirect URI; nothing is granted beyond the client's own; what is stored
/// is read back the same. Says whether the request was accepted.
pub(crate) fn run(data: &[u8]) -> bool {
    let (Some(parameters), client) = (super::parameters(data), super::client()) else { return false };
    match AuthorizationRequest::parse(&parameters, &client) {
        Ok(request) => {
            sends_only_home(&request.return_address);
            assert!(request.scopes.is_subset_of(&client.scope));
            assert!(request.resources.iter().all(|resource| client.resources.contains(resource)));
            let stored = serde_json::to_vec(&request).unwrap();
            assert_eq!(serde_json::from_slice::<AuthorizationRequest>(&stored).unwrap(), request);
            true
        }
        Err(RequestFault::SentToClient { to, .. }) => {
            sends_only_home(&to);
            false
        }
        Err(RequestFault::ShownToPerson(_)) => false,
    }
}

fn sends_only_home(to: &ReturnAddress) {
    assert!(super::client().has_redirect_uri(to.redirect_uri()));
    match AuthorizationResponse::success(to, "https://auth.example", &Secret::new("code")) {
        AuthorizationResponse::Redirect { location } => {
            let behind = location.strip_prefix(to.redirect_uri()).unwrap();
            assert!(behind.starts_with(['?', '&']) && behind.contains("code=code"), "{location}");
            assert!(location.bytes().all(|byte| byte.is_ascii_graphic()), "{location}");
        }
        AuthorizationResponse::FormPost { action, .. } => assert_eq!(action, to.redirect_uri()),
    }
}
