//! Fuzz targets: each takes bytes as they could come in, and says what may never be, whatever they are.
//!
//! They are plain functions, so that the tests run them over `seeds/` and its mutations (`tests/it/fuzz_smoke.rs`). To fuzz
//! with coverage: `scripts/fuzz`.

pub(crate) mod authorization_request;
pub(crate) mod client_assertion;
pub(crate) mod logout_request;
pub(crate) mod token_request;

use oidc::{Client, Parameters};

/// The one client that the requests are for.
pub(crate) fn client() -> Client {
    let description = r#"{
        "client_id": "app",
        "client_name": "The App",
        "redirect_uris": ["https://app.example/callback", "https://app.example/x?a=1", "http://127.0.0.1/native"],
        "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
        "scope": "openid profile email offline_access read",
        "default_scope": "openid",
        "resources": ["https://api.example"],
        "post_logout_redirect_uris": ["https://app.example/bye"]
    }"#;
    let client: Client = serde_json::from_str(description).unwrap();
    client.validate().unwrap();
    client
}

/// A query or a form, if the bytes can be one at all.
fn parameters(data: &[u8]) -> Option<Parameters> {
    std::str::from_utf8(data).ok().map(Parameters::read)
}
