//! How clients prove who they are.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use oidc::{
    AssertionRules, CLIENT_ASSERTION_TYPE, Client, ClientAuthentication, ClientAuthenticationMethod,
    ClientProof, ErrorCode, JwkSet, KeySet, OAuthError, Parameters,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{
    client::client,
    forge::{NOW, ed25519, key_set, signed},
};

const ISSUER: &str = "https://auth.example";
const TOKEN_ENDPOINT: &str = "https://auth.example/token";

fn form(pairs: &[(&str, &str)]) -> Parameters {
    let text = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    Parameters::parse(&text).unwrap()
}

fn basic(credentials: &str) -> String {
    format!("Basic {}", STANDARD.encode(credentials))
}

fn with_method(method: ClientAuthenticationMethod) -> Client {
    let mut client = client();
    client.token_endpoint_auth_method = method;
    client.jwks = Some(JwkSet { keys: vec![ed25519().public_jwk().clone()] });
    client
}

fn prove(
    method: ClientAuthenticationMethod,
    authorization: Option<&str>,
    pairs: &[(&str, &str)],
) -> Result<ClientProof, OAuthError> {
    let keys = key_set();
    ClientAuthentication::read(authorization, &form(pairs))?.prove(&with_method(method), &rules(&keys))
}

fn rules(keys: &KeySet) -> AssertionRules<'_> {
    AssertionRules { issuer: ISSUER, token_endpoint: TOKEN_ENDPOINT, keys, leeway_seconds: 30, now: NOW }
}

/// RFC 6749 section 2.3.1.
const RFC_6749_HEADER: &str = "Basic czZCaGRSa3F0Mzo3RmpmcDBaQnIxS3REUmJuZlZkbUl3";

#[test]
fn rfc_6749_section_2_3_1_both_examples() {
    let read = ClientAuthentication::read(Some(RFC_6749_HEADER), &form(&[])).unwrap();
    assert_eq!(
        (read.client_id(), read.method()),
        ("s6BhdRkqt3", ClientAuthenticationMethod::ClientSecretBasic)
    );
    let posted = form(&[("client_id", "s6BhdRkqt3"), ("client_secret", "7Fjfp0ZBr1KtDRbnfVdmIw")]);
    let read = ClientAuthentication::read(None, &posted).unwrap();
    assert_eq!(
        (read.client_id(), read.method()),
        ("s6BhdRkqt3", ClientAuthenticationMethod::ClientSecretPost)
    );
    assert_eq!(
        format!("{read:?}"),
        r#"ClientAuthentication { client_id: "s6BhdRkqt3", credential: Post(Secret) }"#
    );
}

#[test]
fn a_secret_is_handed_on_decoded() {
    use ClientAuthenticationMethod::{ClientSecretBasic, ClientSecretPost};
    let header = basic("app:p%3Ass+w%C3%B6rd");
    for (method, authorization, pairs, expected) in [
        (ClientSecretBasic, Some(header.as_str()), vec![], "p:ss w\u{f6}rd"),
        (ClientSecretBasic, Some(&basic("%61pp:a:b")), vec![("client_id", "app")], "a:b"),
        (ClientSecretBasic, Some(&header.replacen("Basic", "bAsIc", 1)), vec![], "p:ss w\u{f6}rd"),
        (ClientSecretPost, None, vec![("client_id", "app"), ("client_secret", "a+b")], "a+b"),
    ] {
        match prove(method, authorization, &pairs).unwrap() {
            ClientProof::CompareSecret(secret) => assert_eq!(secret.expose(), expected),
            other => panic!("{other:?}"),
        }
    }
    let public = prove(ClientAuthenticationMethod::None, None, &[("client_id", "app")]);
    assert!(matches!(public, Ok(ClientProof::Public)));
}

/// Header and form.
type Sent<'a> = (Option<&'a str>, &'a [(&'a str, &'a str)]);

#[test]
fn rfc_6749_section_2_3_one_method_only() {
    let header = basic("app:secret");
    let cases: [Sent<'_>; 6] = [
        (Some(&header), &[("client_secret", "secret")]),
        (Some(&header), &[("client_id", "app"), ("client_secret", "secret")]),
        (Some(&header), &[("client_assertion", "a.b.c"), ("client_assertion_type", CLIENT_ASSERTION_TYPE)]),
        (Some(&header), &[("client_assertion_type", CLIENT_ASSERTION_TYPE)]),
        (None, &[("client_id", "app"), ("client_secret", "s"), ("client_assertion", "a.b.c")]),
        (Some(&header), &[("client_id", "other")]),
    ];
    for (authorization, pairs) in cases {
        let error = ClientAuthentication::read(authorization, &form(pairs)).unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidRequest, "{pairs:?}");
    }
}

#[test]
fn what_names_no_client_is_refused() {
    let headers = [
        "",
        "Basic",
        "Basic ",
        "Basic !!",
        "Bearer abc",
        "Digest username=app",
        "Basic YXBw",
        "Basic  ",
        &basic(":secret"),
        &basic("app:"),
        &basic("app:%"),
        &basic("%FF:secret"),
        &basic(":"),
        &format!("Basic {}", STANDARD.encode([0xff, b':', b'a'])),
        &format!("{} x", basic("app:secret")),
    ];
    for header in headers {
        let error = ClientAuthentication::read(Some(header), &form(&[])).unwrap_err();
        assert_eq!((error.code, error.status()), (ErrorCode::InvalidClient, 401), "{header}");
    }
    assert_eq!(ClientAuthentication::read(None, &form(&[])).unwrap_err().code, ErrorCode::InvalidClient);
    let secret_alone = form(&[("client_secret", "secret")]);
    assert_eq!(ClientAuthentication::read(None, &secret_alone).unwrap_err().code, ErrorCode::InvalidClient);
    let wrong_type = form(&[("client_assertion", "a.b.c"), ("client_assertion_type", "saml2-bearer")]);
    assert_eq!(ClientAuthentication::read(None, &wrong_type).unwrap_err().code, ErrorCode::InvalidRequest);
    let no_type = form(&[("client_assertion", "a.b.c")]);
    assert_eq!(ClientAuthentication::read(None, &no_type).unwrap_err().code, ErrorCode::InvalidRequest);
}

/// A method, and what is sent for it: header and form.
type Used<'a> = (ClientAuthenticationMethod, Option<&'a str>, Vec<(&'a str, &'a str)>);

#[test]
fn class_11_a_client_uses_its_own_method_and_no_other() {
    let assertion = assertion(&[]);
    let header = basic("app:secret");
    let used: [Used<'_>; 4] = [
        (ClientAuthenticationMethod::ClientSecretBasic, Some(&header), vec![]),
        (
            ClientAuthenticationMethod::ClientSecretPost,
            None,
            vec![("client_id", "app"), ("client_secret", "secret")],
        ),
        (
            ClientAuthenticationMethod::PrivateKeyJwt,
            None,
            vec![("client_assertion", assertion.as_str()), ("client_assertion_type", CLIENT_ASSERTION_TYPE)],
        ),
        (ClientAuthenticationMethod::None, None, vec![("client_id", "app")]),
    ];
    for registered in ClientAuthenticationMethod::ALL {
        for (method, authorization, pairs) in &used {
            let proof = prove(registered, *authorization, pairs);
            if registered == *method {
                assert!(proof.is_ok(), "{registered:?} {proof:?}");
            } else {
                assert_eq!(proof.unwrap_err().code, ErrorCode::InvalidClient, "{registered:?} {method:?}");
            }
        }
    }
    // And of no other client.
    let other = prove(ClientAuthenticationMethod::None, None, &[("client_id", "other")]);
    assert_eq!(other.unwrap_err().code, ErrorCode::InvalidClient);
}

#[test]
fn class_13_a_wrong_secret_and_an_unknown_client_are_one_answer() {
    let one = ClientAuthentication::read(Some(&basic("app:wrong")), &form(&[])).unwrap().failed();
    let other = ClientAuthentication::read(Some(&basic("nobody:secret")), &form(&[])).unwrap().failed();
    assert_eq!(one, other);
}

fn assertion_claims() -> Value {
    json!({"iss": "app", "sub": "app", "aud": ISSUER, "jti": "1", "iat": NOW, "exp": NOW + 60})
}

fn assertion(changes: &[(&str, Option<Value>)]) -> String {
    let mut claims = assertion_claims();
    let members = claims.as_object_mut().unwrap();
    for (name, value) in changes {
        match value {
            Some(value) => members.insert((*name).to_owned(), value.clone()),
            None => members.remove(*name),
        };
    }
    signed(&json!({"alg": "EdDSA", "kid": ed25519().kid()}).to_string(), &claims.to_string())
}

/// Through the form, as it comes in; also what the matrix of forged tokens asks.
pub(crate) fn assert(assertion: &str) -> Result<ClientProof, OAuthError> {
    let pairs = [
        ("client_assertion", assertion),
        ("client_assertion_type", CLIENT_ASSERTION_TYPE),
        ("client_id", "app"),
    ];
    let text = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    let keys = key_set();
    let client = with_method(ClientAuthenticationMethod::PrivateKeyJwt);
    ClientAuthentication::read(None, &Parameters::parse(&text)?)?.prove(&client, &rules(&keys))
}

#[test]
fn rfc_7523_an_assertion_serves_once_until_it_expires() {
    match assert(&assertion(&[])).unwrap() {
        ClientProof::RememberAssertion(id) => {
            assert_eq!((id.jti.as_str(), id.remember_until), ("1", NOW + 90));
        }
        other => panic!("{other:?}"),
    }
    let fine = [
        ("aud", json!(TOKEN_ENDPOINT)),
        ("aud", json!([ISSUER])),
        ("exp", json!(NOW + 3630)),
        ("exp", json!(NOW - 29)),
        ("nbf", json!(NOW + 30)),
    ];
    for (name, value) in fine {
        assert!(assert(&assertion(&[(name, Some(value.clone()))])).is_ok(), "{name} {value}");
    }
    assert!(assert(&assertion(&[("iat", None)])).is_ok());
}

#[test]
fn rfc_7523_section_3_every_claim_counts() {
    let wrong = [
        ("iss", None),
        ("iss", Some(json!("other"))),
        ("iss", Some(json!(ISSUER))),
        ("sub", None),
        ("sub", Some(json!("other"))),
        ("sub", Some(json!(["app"]))),
        ("aud", None),
        ("aud", Some(json!("https://auth.example/"))),
        ("aud", Some(json!("https://evil.example"))),
        ("aud", Some(json!([ISSUER, TOKEN_ENDPOINT]))),
        ("aud", Some(json!([ISSUER, "https://evil.example"]))),
        ("aud", Some(json!([TOKEN_ENDPOINT]))),
        ("aud", Some(json!("https://auth.example/introspect"))),
        ("aud", Some(json!([]))),
        ("exp", None),
        ("exp", Some(json!(NOW - 30))),
        ("exp", Some(json!(NOW + 3631))),
        ("exp", Some(json!(i64::MAX))),
        ("exp", Some(json!("soon"))),
        ("nbf", Some(json!(NOW + 31))),
        ("iat", Some(json!(NOW + 31))),
        ("jti", None),
        ("jti", Some(json!(""))),
        ("jti", Some(json!(1))),
        ("jti", Some(json!("j".repeat(257)))),
    ];
    for (name, value) in wrong {
        let refused = assert(&assertion(&[(name, value.clone())])).unwrap_err();
        assert_eq!(refused.code, ErrorCode::InvalidClient, "{name} {value:?}");
    }
    // Another client's assertion, and one that names another client than the form.
    assert!(assert(&assertion(&[("iss", Some(json!("other"))), ("sub", Some(json!("other")))])).is_err());
}

#[test]
fn class_07_an_assertion_is_verified_with_the_clients_own_keys() {
    let pairs =
        [("client_assertion", assertion(&[])), ("client_assertion_type", CLIENT_ASSERTION_TYPE.to_owned())];
    let pairs = pairs.each_ref().map(|(name, value)| (*name, value.as_str()));
    let client = with_method(ClientAuthenticationMethod::PrivateKeyJwt);
    let prove =
        |keys: &KeySet| ClientAuthentication::read(None, &form(&pairs)).unwrap().prove(&client, &rules(keys));
    assert!(prove(&KeySet::from_jwk_set(client.jwks.as_ref().unwrap()).unwrap()).is_ok());
    assert_eq!(prove(&KeySet::default()).unwrap_err().code, ErrorCode::InvalidClient);
}

#[test]
fn an_assertion_without_kid_is_of_the_only_key_of_its_algorithm() {
    let claims = assertion_claims().to_string();
    for header in [
        json!({"alg": "EdDSA"}),
        json!({"alg": "EdDSA", "typ": "JWT"}),
        json!({"alg": "EdDSA", "typ": "client-authentication+jwt"}),
    ] {
        assert!(assert(&signed(&header.to_string(), &claims)).is_ok(), "{header}");
    }
    for header in [
        json!({"alg": "ES256"}),
        json!({"alg": "none"}),
        json!({}),
        json!({"alg": "EdDSA", "typ": "at+jwt"}),
        json!({"alg": "EdDSA", "typ": "logout+jwt"}),
        json!({"alg": "EdDSA", "kid": null}),
    ] {
        assert!(assert(&signed(&header.to_string(), &claims)).is_err(), "{header}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic_or_passes(header in "\\PC{0,60}", credentials in "\\PC{0,60}", assertion in "[a-zA-Z0-9._-]{0,80}") {
        let _ = ClientAuthentication::read(Some(&header), &form(&[]));
        let _ = ClientAuthentication::read(Some(&basic(&credentials)), &form(&[]));
        prop_assert!(assert(&assertion).is_err());
    }

    #[test]
    fn id_and_secret_are_read_back(id in "\\PC{1,20}", secret in "\\PC{1,40}") {
        let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let header = basic(&format!("{}:{}", encode(&id), encode(&secret)));
        let read = ClientAuthentication::read(Some(&header), &form(&[])).unwrap();
        prop_assert_eq!(read.client_id(), &id);
        let mut client = client();
        client.client_id = id;
        match read.prove(&client, &rules(&key_set())).unwrap() {
            ClientProof::CompareSecret(found) => prop_assert_eq!(found.expose(), &secret),
            other => prop_assert!(false, "{:?}", other),
        }
    }
}
