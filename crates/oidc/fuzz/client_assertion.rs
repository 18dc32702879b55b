//! A client assertion: the input itself, which nobody has signed, and the input as claims that the client has signed.

use std::sync::LazyLock;

use oidc::{
    Algorithm, AssertionRules, CLIENT_ASSERTION_TYPE, ClientAuthentication, ClientAuthenticationMethod,
    ClientProof, KeySet, OAuthError, Parameters, SigningKey, VerifyingKey,
};
use serde_json::{Value, json};

const ISSUER: &str = "https://auth.example";
const TOKEN_ENDPOINT: &str = "https://auth.example/token";
const NOW: i32 = 1_800_000_000;

/// The private key of RFC 8037 appendix A.1, as RFC 8410 section 7 writes it.
static KEY: LazyLock<SigningKey> = LazyLock::new(|| {
    let der = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20\
        \x9d\x61\xb1\x9d\xef\xfd\x5a\x60\xba\x84\x4a\xf4\x92\xec\x2c\xc4\
        \x44\x49\xc5\x69\x7b\x32\x69\x19\x70\x3b\xac\x03\x1c\xae\x7f\x60";
    SigningKey::from_pkcs8(Algorithm::EdDsa, der).unwrap()
});

/// To fuzz is not to sign, so the input itself may never be accepted. Says whether the client was read at all, or the
/// input accepted as claims.
pub(crate) fn run(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else { return false };
    let proved = prove(text);
    assert!(!matches!(proved, Some(Ok(_))));
    proved.is_some() || is_accepted_once_signed(text)
}

/// Nothing, if no client is read.
fn prove(assertion: &str) -> Option<Result<ClientProof, OAuthError>> {
    let form = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("client_assertion", assertion)
        .append_pair("client_assertion_type", CLIENT_ASSERTION_TYPE)
        .finish();
    let authentication = ClientAuthentication::read(None, &Parameters::parse(&form).ok()?).ok()?;
    let keys = KeySet::new(vec![VerifyingKey::from_jwk(KEY.public_jwk()).unwrap()]);
    let rules = AssertionRules {
        issuer: ISSUER,
        token_endpoint: TOKEN_ENDPOINT,
        keys: &keys,
        leeway_seconds: 30,
        now: NOW.into(),
    };
    let mut client = super::client();
    client.token_endpoint_auth_method = ClientAuthenticationMethod::PrivateKeyJwt;
    Some(authentication.prove(&client, &rules))
}

/// What is accepted is the client's own, for us, for an hour at most, and has an id to be known by again.
fn is_accepted_once_signed(text: &str) -> bool {
    let Ok(claims) = serde_json::from_str::<Value>(text) else { return false };
    let Ok(assertion) = KEY.sign("client-authentication+jwt", &claims) else { return false };
    let Some(Ok(proof)) = prove(&assertion) else { return false };
    let ClientProof::RememberAssertion(id) = proof else {
        panic!("an assertion proves it, and nothing else")
    };
    assert!(claims["iss"] == "app" && claims["sub"] == "app");
    let audience = &claims["aud"];
    assert!(*audience == ISSUER || *audience == json!([ISSUER]) || *audience == TOKEN_ENDPOINT);
    // Fractions are cut off.
    let expires = claims["exp"].as_f64().unwrap();
    assert!((f64::from(NOW - 29)..f64::from(NOW + 3_631)).contains(&expires));
    for begins in ["nbf", "iat"].into_iter().filter_map(|name| claims.get(name)) {
        assert!(begins.as_f64().unwrap() < f64::from(NOW + 31));
    }
    assert!(claims["jti"] == id.jti && (1..=256).contains(&id.jti.len()));
    true
}
