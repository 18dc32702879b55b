//! A client assertion, of a client whose key nobody knows.

use oidc::{
    AssertionRules, CLIENT_ASSERTION_TYPE, ClientAuthentication, ClientAuthenticationMethod, Jwk, KeySet,
    Parameters, VerifyingKey,
};

/// The public key of RFC 8037 appendix A.2; to fuzz is not to sign, so nothing may be accepted. Says whether the client
/// was read at all.
pub(crate) fn run(data: &[u8]) -> bool {
    let Ok(assertion) = std::str::from_utf8(data) else { return false };
    let form = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("client_assertion", assertion)
        .append_pair("client_assertion_type", CLIENT_ASSERTION_TYPE)
        .finish();
    let Ok(form) = Parameters::parse(&form) else { return false };
    let Ok(authentication) = ClientAuthentication::read(None, &form) else { return false };
    let jwk = br#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    let keys = KeySet::new(vec![VerifyingKey::from_jwk(&Jwk::parse(jwk).unwrap()).unwrap()]);
    let rules = AssertionRules {
        issuer: "https://auth.example",
        token_endpoint: "https://auth.example/token",
        keys: &keys,
        leeway_seconds: 30,
        now: 1_800_000_000,
    };
    let mut client = super::client();
    client.token_endpoint_auth_method = ClientAuthenticationMethod::PrivateKeyJwt;
    assert!(authentication.prove(&client, &rules).is_err());
    true
}
