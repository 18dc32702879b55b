//! What can be registered as a client.

use oidc::{Algorithm, Client, ClientAuthenticationMethod, GrantType, ResponseMode};
use serde_json::{Value, json};

use crate::forge::ed25519;

/// A client with everything that a test may want.
pub(crate) fn client() -> Client {
    read(&description()).unwrap()
}

fn description() -> Value {
    json!({
        "client_id": "app",
        "client_name": "The App",
        "redirect_uris": ["https://app.example/callback", "https://app.example/other?tenant=1", "http://127.0.0.1/native"],
        "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
        "scope": "openid profile email offline_access read write",
        "default_scope": "openid profile",
        "resources": ["https://api.example", "https://other.example"],
        "post_logout_redirect_uris": ["https://app.example/bye"],
        "backchannel_logout_uri": "https://app.example/logout",
    })
}

fn read(description: &Value) -> Result<Client, String> {
    let client: Client = serde_json::from_value(description.clone()).map_err(|error| error.to_string())?;
    client.validate().map_err(|error| error.to_string())?;
    Ok(client)
}

#[test]
fn a_short_description_has_sound_defaults() {
    let client = read(&json!({
        "client_id": "app", "client_name": "App", "redirect_uris": ["https://app.example/callback"], "scope": "openid",
    }))
    .unwrap();
    assert_eq!(client.token_endpoint_auth_method, ClientAuthenticationMethod::ClientSecretBasic);
    assert_eq!(client.grant_types, [GrantType::AuthorizationCode]);
    assert_eq!(client.response_modes, [ResponseMode::Query, ResponseMode::FormPost]);
    assert_eq!(client.id_token_signed_response_alg, Algorithm::Rs256);
    assert_eq!(client.access_token_signed_response_alg, Algorithm::EdDsa);
    assert!(client.asks_for_consent() && !client.is_public() && !client.claims_in_id_token);
}

#[test]
fn a_client_survives_storage() {
    let mut client = client();
    client.jwks = Some(oidc::JwkSet { keys: vec![ed25519().public_jwk().clone()] });
    let stored = serde_json::to_string(&client).unwrap();
    assert_eq!(serde_json::from_str::<Client>(&stored).unwrap(), client);
}

#[test]
fn names_are_those_of_the_wire() {
    for method in ClientAuthenticationMethod::ALL {
        assert_eq!(serde_json::to_value(method).unwrap(), method.name());
    }
    for grant_type in GrantType::ALL {
        assert_eq!(serde_json::to_value(grant_type).unwrap(), grant_type.name());
    }
    for mode in ResponseMode::ALL {
        assert_eq!(serde_json::to_value(mode).unwrap(), mode.name());
    }
}

#[test]
fn what_does_not_fit_together_is_refused() {
    let key = serde_json::to_value(ed25519().public_jwk()).unwrap();
    let cases: [(&[(&str, Value)], &str); 32] = [
        (&[("client_id", json!(""))], "client_id is empty"),
        (&[("client_id", json!("a b"))], "client_id is empty"),
        (&[("client_id", json!("a".repeat(101)))], "client_id is empty"),
        (&[("client_name", json!(" "))], "client_name is empty"),
        (&[("client_name", json!("Wiki\u{1b}[2J"))], "control character"),
        (&[("client_name", json!("Wiki\nallowed"))], "control character"),
        (&[("client_name", json!("Wiki \u{202e}ikiW"))], "turns the direction"),
        (&[("client_name", json!("Wiki \u{2067}ikiW"))], "turns the direction"),
        (&[("grant_types", json!([]))], "no grant_types"),
        (&[("redirect_uris", json!([]))], "no redirect_uris"),
        (&[("response_modes", json!([]))], "no response_modes"),
        (&[("grant_types", json!(["refresh_token"]))], "refresh_token without authorization_code"),
        (&[("token_endpoint_auth_method", json!("none"))], "no way to authenticate"),
        (&[("default_scope", json!("admin"))], "default_scope is more"),
        (
            &[("jwks", json!({"keys": [key]})), ("jwks_uri", json!("https://a.example/"))],
            "both jwks and jwks_uri",
        ),
        (&[("token_endpoint_auth_method", json!("private_key_jwt"))], "has no keys"),
        (&[("jwks", json!({"keys": []}))], "no key that is spoken"),
        (&[("jwks_uri", json!("http://app.example/jwks"))], "not an https address"),
        (&[("jwks_uri", json!("https://app.example/#"))], "not an https address"),
        (&[("backchannel_logout_uri", json!("ftp://app.example"))], "not an https address"),
        (&[("backchannel_logout_uri", json!("https://a@app.example/"))], "not an https address"),
        (&[("resources", json!(["api"]))], "resources is not an absolute URI"),
        (&[("resources", json!(["https://api.example/#x"]))], "resources is not an absolute URI"),
        (
            &[("claims_in_id_token", json!(true)), ("scope", json!("read")), ("default_scope", json!(""))],
            "never gets an ID token",
        ),
        (&[("redirect_uris", json!(["https://app.example/*"]))], "patterns are not supported"),
        (&[("scope", json!("a  b"))], "invalid_scope"),
        (&[("grant_types", json!(["password"]))], "unknown variant"),
        (&[("grant_types", json!(["implicit"]))], "unknown variant"),
        (&[("id_token_signed_response_alg", json!("none"))], "unknown variant"),
        (&[("access_token_signed_response_alg", json!("none"))], "unknown variant"),
        (&[("jwks", json!({"keys": [{"kty": "oct", "k": "AA"}]}))], "private member"),
        (&[("client_secret", json!("x"))], "unknown field"),
    ];
    for (changes, expected) in cases {
        let mut description = description();
        for (name, value) in changes {
            description[*name] = value.clone();
        }
        let refused = read(&description).unwrap_err();
        assert!(refused.contains(expected), "{changes:?}: {refused}");
    }
}

#[test]
fn class_02_a_person_is_sent_only_to_registered_strings_after_signing_out() {
    let client = client();
    assert!(client.has_post_logout_redirect_uri("https://app.example/bye"));
    for attack in [
        "https://app.example/bye/",
        "https://app.example/bye?x",
        "https://app.example/callback",
        "//app.example/bye",
        "",
    ] {
        assert!(!client.has_post_logout_redirect_uri(attack), "{attack}");
    }
}

#[test]
fn who_may_be_another_app_is_a_public_client_on_the_device() {
    let (confidential, mut public) = (client(), client());
    public.token_endpoint_auth_method = ClientAuthenticationMethod::None;
    for (uri, on_device) in [
        ("https://app.example/callback", false),
        ("http://127.0.0.1/native", true),
        ("http://127.0.0.1:53000/native", true),
        ("http://[::1]:53000/native", true),
        ("http://localhost:8080/", true),
        ("http://app.localhost/", true),
        ("https://localhost:8443/", true),
        ("com.example.app:/callback", true),
    ] {
        assert_eq!(public.may_be_another_app(uri), on_device, "{uri}");
        assert!(!confidential.may_be_another_app(uri), "{uri}: it proves itself");
    }
}
