//! What the provider says of itself.

use oidc::{Endpoints, ProviderMetadata, ProviderSettings, Scopes};
use serde_json::{Value, json};

pub(crate) fn metadata() -> Value {
    let at = |path: &str| format!("https://auth.example{path}");
    let settings = ProviderSettings {
        issuer: at(""),
        endpoints: Endpoints {
            authorization_endpoint: at("/authorize"),
            token_endpoint: at("/token"),
            userinfo_endpoint: at("/userinfo"),
            jwks_uri: at("/.well-known/jwks.json"),
            introspection_endpoint: at("/introspect"),
            revocation_endpoint: at("/revoke"),
            end_session_endpoint: at("/logout"),
        },
        scopes: Scopes::parse("openid profile email offline_access").unwrap(),
        acr_values: vec!["one".to_owned()],
        person_claims: vec!["name", "email", "email_verified"],
        ui_locales: vec!["en".to_owned(), "de".to_owned()],
    };
    serde_json::to_value(ProviderMetadata::new(settings)).unwrap()
}

#[test]
fn the_document_says_what_is_spoken() {
    let every = json!(["client_secret_basic", "client_secret_post", "private_key_jwt", "none"]);
    let proven = json!(["client_secret_basic", "client_secret_post", "private_key_jwt"]);
    let algorithms = json!(["RS256", "ES256", "EdDSA"]);
    let expected = json!({
        "issuer": "https://auth.example",
        "authorization_endpoint": "https://auth.example/authorize",
        "token_endpoint": "https://auth.example/token",
        "userinfo_endpoint": "https://auth.example/userinfo",
        "jwks_uri": "https://auth.example/.well-known/jwks.json",
        "introspection_endpoint": "https://auth.example/introspect",
        "revocation_endpoint": "https://auth.example/revoke",
        "end_session_endpoint": "https://auth.example/logout",
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query", "form_post"],
        "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "acr_values_supported": ["one"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": algorithms,
        "token_endpoint_auth_methods_supported": every,
        "token_endpoint_auth_signing_alg_values_supported": algorithms,
        "introspection_endpoint_auth_methods_supported": proven,
        "introspection_endpoint_auth_signing_alg_values_supported": algorithms,
        "revocation_endpoint_auth_methods_supported": every,
        "revocation_endpoint_auth_signing_alg_values_supported": algorithms,
        "claims_supported": [
            "iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "sid", "at_hash", "name", "email",
            "email_verified",
        ],
        "ui_locales_supported": ["en", "de"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
        "claims_parameter_supported": false,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
        "backchannel_logout_supported": true,
        "backchannel_logout_session_supported": true,
    });
    assert_eq!(metadata(), expected);
}
