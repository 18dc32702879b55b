//! Public keys as they are published, and what is no key.

use oidc::{Algorithm, Jwk, JwkError, JwkSet};
use serde_json::{Value, json};

use crate::forge::KEYS;

/// RFC 7638 section 3.1.
const RFC_7638_MODULUS: &str = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXj\
    BZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdA\
    ZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awa\
    pJzKnqDKgw";

/// 1,024 bits: Wycheproof's `RS256_1024`.
const SHORT_MODULUS: &str = "rJBIp6T1YK-RtPyvYqFFlcucqewSAA_IReSFchE8qyiQrbARqRlXWkB2DR8j_pJQnIpYELbQWZC5Cd0PTGAU8rMbar\
    2AW6zpmBbi7aQf17lUBdt8XI9M9rq7FPVQ1dDdUXm1SVH_9qqWhvMPR422SbfHBEzCAtzK0ANDRo6qz78";

fn rsa() -> Value {
    json!({"kty": "RSA", "n": RFC_7638_MODULUS, "e": "AQAB", "alg": "RS256", "kid": "2011-04-29"})
}

fn ed25519() -> Value {
    json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})
}

fn p256() -> Value {
    json!({"kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"})
}

fn parse(jwk: &Value) -> Result<Jwk, JwkError> {
    Jwk::parse(jwk.to_string().as_bytes())
}

fn with(mut jwk: Value, name: &str, value: Value) -> Value {
    jwk[name] = value;
    jwk
}

#[test]
fn thumbprints_match_rfc_7638_and_rfc_8037() {
    let key = parse(&rsa()).unwrap();
    assert_eq!((key.kid(), key.algorithm()), ("2011-04-29", Algorithm::Rs256));
    assert_eq!(key.thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    let key = parse(&ed25519()).unwrap();
    assert_eq!(
        (key.kid(), key.algorithm()),
        ("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k", Algorithm::EdDsa)
    );
    assert_eq!(parse(&p256()).unwrap().algorithm(), Algorithm::Es256);
}

#[test]
fn a_published_key_has_these_members() {
    for key in KEYS.iter() {
        let published = serde_json::to_value(key.public_jwk()).unwrap();
        let names: Vec<&str> = published.as_object().unwrap().keys().map(String::as_str).collect();
        let mut expected = match key.algorithm() {
            Algorithm::EdDsa => vec!["crv", "kty", "x"],
            Algorithm::Es256 => vec!["crv", "kty", "x", "y"],
            Algorithm::Rs256 => vec!["e", "kty", "n"],
        };
        expected.extend(["alg", "kid", "use"]);
        expected.sort_unstable();
        let mut names = names;
        names.sort_unstable();
        assert_eq!(names, expected);
        assert_eq!(published["kid"], key.public_jwk().thumbprint());
        assert_eq!(parse(&published).unwrap(), *key.public_jwk());
    }
}

#[test]
fn private_and_symmetric_keys_are_refused() {
    for name in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
        for key in [rsa(), ed25519(), p256()] {
            let refused = parse(&with(key, name, json!("AAAA"))).unwrap_err();
            assert!(matches!(refused, JwkError::Private(found) if found == name), "{name}: {refused}");
        }
    }
    assert!(matches!(parse(&json!({"kty": "oct", "k": "AAAA"})), Err(JwkError::Private("k"))));
}

#[test]
fn foreign_kinds_uses_and_algorithms_are_refused() {
    let cases = [
        with(rsa(), "alg", json!("RS512")),
        with(rsa(), "alg", json!("PS256")),
        with(rsa(), "alg", json!("HS256")),
        with(rsa(), "alg", json!("none")),
        with(rsa(), "alg", json!("ES256")),
        with(ed25519(), "alg", json!("ES256")),
        with(rsa(), "use", json!("enc")),
        with(rsa(), "key_ops", json!(["sign"])),
        with(rsa(), "key_ops", json!([])),
        with(rsa(), "key_ops", json!("verify")),
        with(ed25519(), "crv", json!("X25519")),
        with(ed25519(), "crv", json!("Ed448")),
        with(p256(), "crv", json!("P-384")),
        with(p256(), "crv", json!("secp256k1")),
        with(p256(), "kty", json!("OKP")),
        with(rsa(), "kty", json!("oct")),
        with(rsa(), "kty", json!("rsa")),
    ];
    for case in cases {
        assert!(matches!(parse(&case), Err(JwkError::Unsupported(_))), "{case}: {:?}", parse(&case));
    }
    assert!(parse(&with(rsa(), "key_ops", json!(["verify"]))).is_ok());
    assert!(parse(&with(rsa(), "x5c", json!(["MIIB"]))).is_ok());
}

#[test]
fn numbers_that_are_no_key_are_refused() {
    let short: String = RFC_7638_MODULUS.chars().take(170).collect();
    let even = format!("{}g", &RFC_7638_MODULUS[..341]);
    let zeros = "A".repeat(43);
    let cases = [
        with(rsa(), "n", json!(short)),
        with(rsa(), "n", json!(format!("AAAA{RFC_7638_MODULUS}"))),
        with(rsa(), "n", json!("B".repeat(4_000))),
        with(rsa(), "n", json!(even)),
        with(rsa(), "n", json!("")),
        with(rsa(), "n", json!(format!("{RFC_7638_MODULUS}=="))),
        with(rsa(), "n", json!(7)),
        with(rsa(), "e", json!("AQ")),
        with(rsa(), "e", json!("AA")),
        with(rsa(), "e", json!("Ag")),
        with(rsa(), "e", json!("AAEAAQ")),
        with(rsa(), "e", json!("_______9")),
        with(rsa(), "kid", json!("")),
        with(rsa(), "kid", json!("k".repeat(257))),
        with(rsa(), "kid", json!(7)),
        with(ed25519(), "x", json!("AAAA")),
        with(ed25519(), "x", json!("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURp")),
        with(ed25519(), "x", json!("11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo")),
        with(ed25519(), "x", Value::Null),
        // Off the curve, at the origin, and beyond the field.
        with(p256(), "x", json!("e83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU")),
        with(with(p256(), "x", json!(zeros)), "y", json!(zeros)),
        with(p256(), "y", json!("__________________________________________8")),
        json!({"kty": "EC", "crv": "P-256", "x": zeros}),
        json!({"kty": "RSA", "e": "AQAB"}),
        json!({}),
        json!([]),
        json!("key"),
        Value::Null,
    ];
    for case in cases {
        assert!(
            matches!(parse(&case), Err(JwkError::Member(_) | JwkError::Invalid(_))),
            "{case}: {:?}",
            parse(&case)
        );
    }
    assert!(matches!(Jwk::parse(br#"{"kty":"OKP","kty":"EC"}"#), Err(JwkError::Json(_))));
    assert!(matches!(Jwk::parse(&vec![b' '; 40_000]), Err(JwkError::TooLarge { .. })));
}

#[test]
fn a_set_passes_over_what_it_does_not_speak_and_refuses_what_is_wrong() {
    let set = |keys: Value| JwkSet::parse(json!({"keys": keys, "other": 1}).to_string().as_bytes());
    let foreign = json!({"kty": "EC", "crv": "P-521", "x": "AA", "y": "AA"});
    let kept = set(json!([rsa(), foreign, ed25519(), with(p256(), "use", json!("enc"))])).unwrap();
    assert_eq!(kept.keys.len(), 2);
    assert!(set(json!([])).unwrap().keys.is_empty());
    assert!(matches!(set(json!([rsa(), rsa()])), Err(JwkError::RepeatedKid)));
    assert!(matches!(set(json!([with(ed25519(), "d", json!("AAAA"))])), Err(JwkError::Private("d"))));
    assert!(matches!(set(json!([rsa(), 1])), Err(JwkError::Member("keys"))));
    assert!(matches!(set(json!({})), Err(JwkError::Member("keys"))));
    assert!(matches!(set(Value::Array(vec![json!({}); 65])), Err(JwkError::TooMany { .. })));
    assert!(matches!(JwkSet::parse(b"[]"), Err(JwkError::Member("keys"))));
    assert!(matches!(JwkSet::parse(&vec![b' '; 300_000]), Err(JwkError::TooLarge { .. })));
}

#[test]
fn rfc_7517_section_5_a_fetched_set_passes_over_keys_that_cannot_be_used() {
    let good = parse(&p256()).unwrap();
    for unusable in [
        with(rsa(), "n", json!(SHORT_MODULUS)),
        with(rsa(), "e", json!("AQ")),
        with(rsa(), "kid", json!("")),
        with(ed25519(), "x", json!("AAAA")),
        json!({"kty": "EC", "crv": "P-256", "x": p256()["x"]}),
        json!({}),
    ] {
        let document = json!({"keys": [unusable, p256()]});
        let fetched = JwkSet::parse(document.to_string().as_bytes()).unwrap();
        assert_eq!(fetched.keys, std::slice::from_ref(&good), "{unusable}");
        // Whoever registers a set is there to put it right.
        assert!(serde_json::from_value::<JwkSet>(document).is_err(), "{unusable}");
    }
}
