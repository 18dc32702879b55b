//! Class 7 of the security plan: algorithm confusion, and every other way in which a token chooses its own meaning.

use aws_lc_rs::hmac;
use oidc::{Algorithm, JwsError, KeySet, MAXIMUM_TOKEN_BYTES, SigningKey, VerifyingKey};
use serde_json::{Value, json};

use crate::forge::{
    EXPECTED, KEYS, NOW, claims, ed25519, encode, header, key_set, signed, verify, with_header,
};

#[test]
fn the_forge_makes_tokens_that_are_accepted_when_nothing_is_forged() {
    let token = signed(&header().to_string(), &claims().to_string());
    assert_eq!(verify(&token).unwrap().claims, claims());
}

#[test]
fn class_07_none_and_every_foreign_algorithm_is_refused() {
    let names = [
        "none",
        "None",
        "NONE",
        "nOnE",
        "none ",
        " none",
        "n\u{f6}ne",
        "no\u{0}ne",
        "",
        "HS256",
        "hs256",
        "HS384",
        "HS512",
        "RS256",
        "RS384",
        "PS256",
        "ES256",
        "ES384",
        "ES256K",
        "eddsa",
        "EDDSA",
        "Ed25519",
        "EdDSA ",
        "dir",
        "A256KW",
    ];
    let others = [Value::Null, json!(0), json!(["EdDSA"]), json!({"alg": "EdDSA"}), json!(true)];
    for algorithm in names.into_iter().map(Value::from).chain(others) {
        let token = with_header("alg", &algorithm);
        assert!(matches!(verify(&token), Err(JwsError::WrongAlgorithm)), "{algorithm}");
        // As it is usually tried: with no signature at all.
        let unsigned = format!("{}.", token.rsplit_once('.').unwrap().0);
        assert!(matches!(verify(&unsigned), Err(JwsError::WrongAlgorithm)), "{algorithm}");
    }
    let without = json!({"kid": ed25519().kid(), "typ": "at+jwt"}).to_string();
    assert!(matches!(verify(&signed(&without, &claims().to_string())), Err(JwsError::WrongAlgorithm)));
}

#[test]
fn class_07_no_signature_is_a_wrong_signature() {
    let token = signed(&header().to_string(), &claims().to_string());
    let (message, signature) = token.rsplit_once('.').unwrap();
    for forged in ["", "AA", &encode([0; 64]), &signature[..signature.len() - 2]] {
        let refused = verify(&format!("{message}.{forged}")).unwrap_err();
        assert!(matches!(refused, JwsError::BadSignature | JwsError::Malformed(_)), "{forged}: {refused}");
    }
}

#[test]
fn class_07_hmac_with_the_public_key_as_its_secret_is_refused() {
    for key in KEYS.iter() {
        let jwk = serde_json::to_value(key.public_jwk()).unwrap();
        let raw: Vec<u8> = ["x", "n"].iter().find_map(|name| jwk[*name].as_str()).unwrap().into();
        for secret in [raw, jwk.to_string().into_bytes(), key.kid().into()] {
            for algorithm in ["HS256", key.algorithm().name()] {
                let header = json!({"alg": algorithm, "kid": key.kid(), "typ": "at+jwt"}).to_string();
                let message = format!("{}.{}", encode(header), encode(claims().to_string()));
                let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), message.as_bytes());
                assert!(verify(&format!("{message}.{}", encode(tag))).is_err(), "{algorithm}");
            }
        }
    }
}

#[test]
fn class_07_each_key_serves_its_own_algorithm_only() {
    for key in KEYS.iter() {
        for other in KEYS.iter().filter(|other| other.kid() != key.kid()) {
            // Signed by one key, said to be by another.
            let token = key.sign("at+jwt", &claims()).unwrap();
            let (_, rest) = token.split_once('.').unwrap();
            for algorithm in [key.algorithm(), other.algorithm()] {
                let header =
                    json!({"alg": algorithm.name(), "kid": other.kid(), "typ": "at+jwt"}).to_string();
                assert!(verify(&format!("{}.{rest}", encode(header))).is_err());
            }
        }
    }
}

#[test]
fn class_07_a_token_cannot_bring_its_own_key_or_rules() {
    let own = SigningKey::generate(Algorithm::EdDsa).unwrap();
    let own_jwk = serde_json::to_value(own.public_jwk()).unwrap();
    let cases = [
        ("jwk", own_jwk.clone()),
        ("jwk", serde_json::to_value(ed25519().public_jwk()).unwrap()),
        ("jwk", Value::Null),
        ("jku", json!("https://evil.example/jwks.json")),
        ("jku", json!("https://auth.example/.well-known/jwks.json")),
        ("x5u", json!("https://evil.example/chain.pem")),
        ("x5c", json!(["MIIB"])),
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("crit", json!(["b64"])),
        ("zip", json!("DEF")),
        ("b64", json!(false)),
        ("b64", json!(true)),
    ];
    for (name, value) in cases {
        let token = with_header(name, &value);
        assert!(
            matches!(verify(&token), Err(JwsError::RefusedHeader(found)) if found == name),
            "{name} {value}"
        );
    }
    // And signed with the key that it brings.
    let token = own.sign("at+jwt", &claims()).unwrap();
    assert!(matches!(verify(&token), Err(JwsError::UnknownKey)));
}

#[test]
fn class_07_a_kid_is_a_name_and_nothing_else() {
    let long = "a".repeat(5_000);
    let padded = format!("{} ", ed25519().kid());
    let upper = ed25519().kid().to_uppercase();
    let names = [
        "../../../../dev/null",
        "/dev/null",
        "..%2f..%2fetc%2fpasswd",
        "file:///dev/null",
        "' OR '1'='1",
        "x' UNION SELECT 'key' --",
        "$(id)",
        "| id",
        "\0",
        "",
        "*",
        "%",
        "null",
        "0",
        "https://evil.example/key",
        &long,
        &padded,
        &upper,
    ];
    let others = [Value::Null, json!(0), json!([ed25519().kid()]), json!({"kid": ed25519().kid()})];
    for kid in names.into_iter().map(Value::from).chain(others) {
        assert!(matches!(verify(&with_header("kid", &kid)), Err(JwsError::UnknownKey)), "{kid}");
    }
    let huge = with_header("kid", &json!("a".repeat(100_000)));
    assert!(matches!(verify(&huge), Err(JwsError::TooLarge)));
    let without = json!({"alg": "EdDSA", "typ": "at+jwt"}).to_string();
    assert!(matches!(verify(&signed(&without, &claims().to_string())), Err(JwsError::UnknownKey)));
    let empty = KeySet::new(Vec::new()).verify::<Value>(&signed(&header().to_string(), "{}"), &EXPECTED, NOW);
    assert!(matches!(empty, Err(JwsError::UnknownKey)));
}

/// CVE-2022-21449: `r` and `s` of zero verified for every message and every key.
#[test]
fn class_07_psychic_signatures_are_refused() {
    let key = &KEYS[1];
    assert_eq!(key.algorithm(), Algorithm::Es256);
    let token = key.sign("at+jwt", &claims()).unwrap();
    let (message, good) = token.rsplit_once('.').unwrap();
    assert!(verify(&token).is_ok());
    // The order of P-256: zero in another spelling.
    let order = [
        0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa,
        0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
    ];
    let one = {
        let mut one = [0; 32];
        one[31] = 1;
        one
    };
    // A signature in DER, as other libraries make it, is not the form of RFC 7518 section 3.4.
    let der = b"\x30\x06\x02\x01\x00\x02\x01\x00".to_vec();
    let pairs = [
        ([0; 32], [0; 32]),
        ([0; 32], one),
        (one, [0; 32]),
        (order, order),
        ([0; 32], order),
        (one, order),
        ([0xff; 32], [0xff; 32]),
    ];
    let forged =
        pairs.map(|(r, s)| [r, s].concat()).into_iter().chain([der, vec![0; 63], vec![0; 65], vec![0; 96]]);
    for signature in forged {
        let token = format!("{message}.{}", encode(&signature));
        assert!(matches!(verify(&token), Err(JwsError::BadSignature)), "{signature:?}");
    }
    assert_ne!(good, encode([0; 64]));
}

#[test]
fn class_07_parts_of_two_tokens_make_no_third() {
    for key in KEYS.iter() {
        let mine = key.sign("at+jwt", &claims()).unwrap();
        let mut other = claims();
        other["sub"] = json!("eve");
        let theirs = key.sign("at+jwt", &other).unwrap();
        let mine: Vec<&str> = mine.split('.').collect();
        let theirs: Vec<&str> = theirs.split('.').collect();
        for mixed in [
            [mine[0], theirs[1], mine[2]].join("."),
            [mine[0], mine[1], theirs[2]].join("."),
            [mine[1], mine[0], mine[2]].join("."),
            [mine[0], mine[2], mine[1]].join("."),
            [mine[2], mine[1], mine[0]].join("."),
        ] {
            assert!(verify(&mixed).is_err(), "{mixed}");
        }
    }
}

#[test]
fn class_07_a_token_has_one_spelling() {
    let token = signed(&header().to_string(), &claims().to_string());
    let (message, signature) = token.rsplit_once('.').unwrap();
    // The last letter of 64 bytes has four bits that say nothing; another letter would be another spelling.
    let last = signature.chars().last().unwrap();
    let stray = if last == 'A' { 'B' } else { char::from(last as u8 + 1) };
    let cases = [
        format!("{token}="),
        format!("{token}=="),
        format!("{token}\n"),
        format!(" {token}"),
        format!("{token} "),
        format!("{token}."),
        format!(".{token}"),
        format!("{token}.{signature}"),
        format!("{message}.{}{stray}", &signature[..signature.len() - 1]),
        format!("{message}.{signature}AAAA"),
        message.to_owned(),
        message.replace('.', ".."),
        token.replace('.', " "),
        token.replacen('.', "", 1),
        format!("Bearer {token}"),
        String::new(),
        "..".to_owned(),
        "...".to_owned(),
        "a.b.c".to_owned(),
        "{}.{}.".to_owned(),
        "\u{1f511}.\u{1f511}.\u{1f511}".to_owned(),
        // The JSON serialisation (RFC 7515 section 7.2), which some libraries take in the same place.
        json!({"protected": encode(header().to_string()), "payload": encode(claims().to_string()), "signature": signature}).to_string(),
    ];
    for case in cases {
        assert!(verify(&case).is_err(), "{case}");
    }
}

#[test]
fn class_07_json_that_two_parsers_read_in_two_ways_is_refused() {
    let (header, claims) = (header().to_string(), claims().to_string());
    let twice = |json: &str, member: &str| json.replacen('{', &format!("{{{member},"), 1);
    let headers = [
        twice(&header, r#""alg":"none""#),
        twice(&header, r#""alg":"EdDSA""#),
        twice(&header, r#""kid":"x""#),
        twice(&header, r#""\u0061lg":"none""#),
        format!("{header}{header}"),
        format!("[{header}]"),
        "null".to_owned(),
        "\"EdDSA\"".to_owned(),
        String::new(),
    ];
    for forged in headers {
        assert!(verify(&signed(&forged, &claims)).is_err(), "{forged}");
    }
    let bodies = [
        twice(&claims, r#""sub":"eve""#),
        twice(&claims, r#""exp":99999999999"#),
        twice(&claims, r#""\u0073ub":"eve""#),
        twice(&claims, r#""act":{"sub":"a","sub":"b"}"#),
        format!("{claims} "),
        format!("{claims}{{}}"),
        format!("[{claims}]"),
        "null".to_owned(),
        String::new(),
    ];
    for forged in bodies {
        // White space behind the value is JSON; all else is not.
        assert_eq!(verify(&signed(&header, &forged)).is_ok(), forged == format!("{claims} "), "{forged}");
    }
}

#[test]
fn class_07_deep_json_and_large_tokens_are_refused() {
    for depth in [16, 100, 1_000, 2_900] {
        let deep = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let inner = format!(r#"{{"deep":{deep},"#);
        let forged = claims().to_string().replacen('{', &inner, 1);
        assert!(matches!(
            verify(&signed(&header().to_string(), &forged)),
            Err(JwsError::Json(_) | JwsError::TooLarge)
        ));
        let forged = header().to_string().replacen('{', &inner, 1);
        assert!(matches!(
            verify(&signed(&forged, &claims().to_string())),
            Err(JwsError::Json(_) | JwsError::TooLarge)
        ));
    }
    let mut large = claims();
    large["pad"] = json!("a".repeat(MAXIMUM_TOKEN_BYTES));
    assert!(matches!(verify(&ed25519().sign("at+jwt", &large).unwrap()), Err(JwsError::TooLarge)));
    assert!(matches!(verify(&"[".repeat(10_000_000)), Err(JwsError::TooLarge)));
}

#[test]
fn class_07_a_token_of_one_type_does_not_serve_another() {
    for accepted in ["at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt"] {
        assert!(verify(&with_header("typ", &json!(accepted))).is_ok(), "{accepted}");
    }
    let refused = [
        "JWT",
        "jwt",
        "logout+jwt",
        "at+jwt ",
        "at+jwtx",
        "xat+jwt",
        "text/at+jwt",
        "application/application/at+jwt",
        "application/",
        "",
    ];
    let others = [Value::Null, json!(0), json!(["at+jwt"])];
    for typ in refused.into_iter().map(Value::from).chain(others) {
        assert!(matches!(verify(&with_header("typ", &typ)), Err(JwsError::WrongType)), "{typ}");
    }
    let without = json!({"alg": "EdDSA", "kid": ed25519().kid()}).to_string();
    assert!(matches!(verify(&signed(&without, &claims().to_string())), Err(JwsError::WrongType)));
}

#[test]
fn class_07_members_of_no_meaning_are_ignored() {
    for (name, value) in [("cty", json!("x")), ("x5t", json!("x")), ("anything", json!({"at": "all"}))] {
        assert!(verify(&with_header(name, &value)).is_ok(), "{name}");
    }
}

#[test]
fn class_07_a_key_taken_out_of_the_set_verifies_nothing() {
    let token = ed25519().sign("at+jwt", &claims()).unwrap();
    assert!(key_set().verify::<Value>(&token, &EXPECTED, NOW).is_ok());
    let rest = KEYS[1..].iter().map(|key| VerifyingKey::from_jwk(key.public_jwk()).unwrap()).collect();
    assert!(matches!(KeySet::new(rest).verify::<Value>(&token, &EXPECTED, NOW), Err(JwsError::UnknownKey)));
}
