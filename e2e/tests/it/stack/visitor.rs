//! Somebody out in the world, who knows the two names and the authority.

use reqwest::redirect::Policy;
use reqwest::{Certificate, Client};

use super::installation::{APP, AUTH, Installation};

impl Installation {
    /// A client without cookies that follows nothing.
    pub(super) fn stranger(&self) -> Client {
        let authority = Certificate::from_pem(&self.authority()).unwrap();
        Client::builder()
            .tls_certs_only([authority])
            .https_only(false)
            .redirect(Policy::none())
            .no_proxy()
            .resolve(AUTH, self.address(0))
            .resolve(APP, self.address(0))
            .build()
            .unwrap()
    }
}

/// A page of the sign-in server.
pub(super) fn auth(path: &str) -> String {
    format!("https://{AUTH}{path}")
}

/// A page of the app.
pub(super) fn app(path: &str) -> String {
    format!("https://{APP}{path}")
}
