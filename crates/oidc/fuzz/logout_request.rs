//! The query of the logout endpoint.

use oidc::LogoutRequest;

/// Nobody is sent anywhere but to the one registered address, and never without a client. Says whether somebody was sent.
pub(crate) fn run(data: &[u8]) -> bool {
    let Some(parameters) = super::parameters(data) else { return false };
    let Ok(request) = LogoutRequest::parse(&parameters) else { return false };
    if let Ok(to) = request.return_to(None) {
        assert_eq!(to, None);
    }
    match request.return_to(Some(&super::client())) {
        Ok(Some(to)) => {
            assert!(
                to == "https://app.example/bye" || to.starts_with("https://app.example/bye?state="),
                "{to}"
            );
            assert!(to.bytes().all(|byte| byte.is_ascii_graphic()), "{to}");
            true
        }
        Ok(None) | Err(_) => false,
    }
}
