//! Class 7 at every place that reads a token: each forgery that is known, and each token that is meant for elsewhere.

use aws_lc_rs::{
    encoding::{AsDer as _, PublicKeyX509Der},
    hmac,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaKeyPair},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use oidc::{AccessToken, Algorithm, IdTokenHint, SigningKey};
use serde_json::{Value, json};

use crate::{
    client_authentication,
    forge::{KEYS, NOW, ed25519, encode, key_set, signed},
    logout, relying_party,
    tokens::ISSUER,
};

/// A place that reads tokens, and a token as it wants them.
struct Place {
    name: &'static str,
    typ: &'static str,
    claims: fn() -> Value,
    accepts: fn(&str) -> bool,
}

const PLACES: [Place; 7] = [
    Place {
        name: "access token",
        typ: "at+jwt",
        claims: || {
            json!({
                "iss": ISSUER, "sub": "ada", "aud": "https://api.example", "exp": NOW + 300, "iat": NOW, "jti": "j",
                "client_id": "app", "scope": "openid",
            })
        },
        accepts: |token| {
            AccessToken::verify(token, &key_set(), ISSUER, "https://api.example", 30, NOW).is_ok()
        },
    },
    Place {
        name: "access token that comes back",
        typ: "at+jwt",
        claims: || {
            json!({
                "iss": ISSUER, "sub": "ada", "aud": "https://api.example", "exp": NOW + 300, "iat": NOW, "jti": "j",
                "client_id": "app", "scope": "openid",
            })
        },
        accepts: |token| AccessToken::verify_own(token, &key_set(), ISSUER, NOW).is_ok(),
    },
    Place {
        name: "client assertion",
        typ: "client-authentication+jwt",
        claims: || json!({"iss": "app", "sub": "app", "aud": ISSUER, "jti": "1", "iat": NOW, "exp": NOW + 60}),
        accepts: |token| client_authentication::assert(token).is_ok(),
    },
    Place {
        name: "ID token at the app",
        typ: "JWT",
        claims: id_token_claims,
        accepts: |token| relying_party::verify(token).is_ok(),
    },
    Place {
        name: "ID token of a refresh",
        typ: "JWT",
        claims: || {
            json!({
                "iss": ISSUER, "sub": "ada", "aud": "app", "exp": NOW + 300, "iat": NOW, "auth_time": NOW, "sid": "s",
            })
        },
        accepts: |token| relying_party::verify_refreshed(token).is_ok(),
    },
    Place {
        name: "ID token that comes back",
        typ: "JWT",
        claims: id_token_claims,
        accepts: |token| IdTokenHint::verify(token, &key_set(), ISSUER).is_ok(),
    },
    Place {
        name: "logout token",
        typ: "logout+jwt",
        claims: || {
            json!({
                "iss": ISSUER, "aud": "app", "iat": NOW, "exp": NOW + 120, "jti": "1", "sub": "ada", "sid": "s",
                "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
            })
        },
        accepts: |token| logout::check(token).is_ok(),
    },
];

fn id_token_claims() -> Value {
    json!({
        "iss": ISSUER, "sub": "ada", "aud": "app", "exp": NOW + 300, "iat": NOW, "auth_time": NOW,
        "nonce": "n-0S6_WzA2Mj", "sid": "s",
    })
}

impl Place {
    fn header(&self) -> Value {
        json!({"alg": "EdDSA", "kid": ed25519().kid(), "typ": self.typ})
    }

    /// Properly signed, one member of the header set otherwise.
    fn with_header(&self, name: &str, value: Value) -> String {
        let mut header = self.header();
        header[name] = value;
        signed(&header.to_string(), &(self.claims)().to_string())
    }
}

/// The public half of a key in every form in which somebody may hold it for a secret.
fn spellings(key: &SigningKey) -> Vec<Vec<u8>> {
    let private = key.to_pkcs8().unwrap();
    let der: PublicKeyX509Der<'static> = match key.algorithm() {
        Algorithm::EdDsa => Ed25519KeyPair::from_pkcs8(&private).unwrap().public_key().as_der().unwrap(),
        Algorithm::Es256 => EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &private)
            .unwrap()
            .public_key()
            .as_der()
            .unwrap(),
        Algorithm::Rs256 => RsaKeyPair::from_pkcs8(&private).unwrap().public_key().as_der().unwrap(),
    };
    let der = der.as_ref().to_vec();
    let base64 = STANDARD.encode(&der);
    let lines: Vec<_> = base64.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----", lines.join("\n"));
    let jwk = serde_json::to_string(key.public_jwk()).unwrap();
    let set = format!(r#"{{"keys":[{jwk}]}}"#);
    let texts = [format!("{pem}\n"), pem, base64, jwk, set, key.kid().to_owned(), String::new()];
    texts.map(String::into_bytes).into_iter().chain([der]).collect()
}

/// Whoever writes another reader of tokens finds out here that it belongs among the places. `key_set` is what they all read by.
#[test]
fn class_07_every_reader_of_tokens_is_a_place() {
    let source = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut readers: Vec<String> = std::fs::read_dir(source)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            let text = std::fs::read_to_string(path).unwrap();
            [".open(", "keys.verify(", ".verifies("].iter().any(|call| text.contains(call))
        })
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    readers.sort();
    let known = [
        "access_token",
        "client_assertion",
        "id_token_hint",
        "id_token_rules",
        "key_set",
        "logout_token",
        "verifying_key",
        "wycheproof",
    ];
    assert_eq!(readers, known);
}

#[test]
fn class_07_every_place_accepts_its_own_token() {
    for place in &PLACES {
        for key in KEYS.iter() {
            let token = key.sign(place.typ, &(place.claims)()).unwrap();
            assert!((place.accepts)(&token), "{} {}", place.name, key.algorithm());
        }
    }
}

#[test]
fn class_07_no_place_accepts_anothers_token() {
    for place in &PLACES {
        for other in &PLACES {
            if place.typ == other.typ {
                continue;
            }
            let theirs = ed25519().sign(other.typ, &(other.claims)()).unwrap();
            assert!(!(place.accepts)(&theirs), "{} accepts {}", place.name, other.name);
            // With the claims that would do, and the type of the other: only the type stands between.
            let relabelled = ed25519().sign(other.typ, &(place.claims)()).unwrap();
            let older = place.name == "client assertion" && other.typ == "JWT";
            assert_eq!((place.accepts)(&relabelled), older, "{} accepts {}", place.name, other.typ);
        }
    }
}

#[test]
fn class_07_every_place_refuses_other_algorithms() {
    for place in &PLACES {
        for algorithm in [
            "none", "None", "NONE", "nOnE", "", "HS256", "HS512", "ES256", "RS256", "PS256", "Ed25519",
            "eddsa",
        ] {
            let token = place.with_header("alg", json!(algorithm));
            assert!(!(place.accepts)(&token), "{} {algorithm}", place.name);
            let (message, _) = token.rsplit_once('.').unwrap();
            assert!(!(place.accepts)(&format!("{message}.")), "{} {algorithm}", place.name);
            assert!(!(place.accepts)(message), "{} {algorithm}", place.name);
        }
    }
}

#[test]
fn class_07_every_place_refuses_hmac_with_a_public_key() {
    for place in &PLACES {
        for key in KEYS.iter() {
            for secret in spellings(key) {
                for (algorithm, hash) in [("HS256", hmac::HMAC_SHA256), ("HS512", hmac::HMAC_SHA512)] {
                    for kid in [json!(key.kid()), Value::Null] {
                        let mut header = json!({"alg": algorithm, "typ": place.typ});
                        if !kid.is_null() {
                            header["kid"] = kid;
                        }
                        let message = format!(
                            "{}.{}",
                            encode(header.to_string()),
                            encode((place.claims)().to_string())
                        );
                        let tag = hmac::sign(&hmac::Key::new(hash, &secret), message.as_bytes());
                        assert!(!(place.accepts)(&format!("{message}.{}", encode(tag))), "{}", place.name);
                    }
                }
            }
        }
    }
}

#[test]
fn class_07_every_place_refuses_tokens_that_bring_their_key() {
    let own = SigningKey::generate(Algorithm::EdDsa).unwrap();
    let own_jwk = serde_json::to_value(own.public_jwk()).unwrap();
    for place in &PLACES {
        let members = [
            ("jwk", own_jwk.clone()),
            ("jwk", serde_json::to_value(ed25519().public_jwk()).unwrap()),
            ("jku", json!("https://evil.example/jwks.json")),
            ("x5u", json!("https://evil.example/chain.pem")),
            ("x5c", json!(["MIIB"])),
            ("crit", json!(["exp"])),
            ("crit", json!([])),
            ("zip", json!("DEF")),
            ("b64", json!(false)),
        ];
        for (name, value) in members {
            assert!(!(place.accepts)(&place.with_header(name, value)), "{} {name}", place.name);
        }
        assert!(!(place.accepts)(&own.sign(place.typ, &(place.claims)()).unwrap()), "{}", place.name);
        // The same, under the name of a key that is known.
        let mut header = place.header();
        header["jwk"] = own_jwk.clone();
        let message = format!("{}.{}", encode(header.to_string()), encode((place.claims)().to_string()));
        let pair = Ed25519KeyPair::from_pkcs8(&own.to_pkcs8().unwrap()).unwrap();
        assert!(
            !(place.accepts)(&format!("{message}.{}", encode(pair.sign(message.as_bytes())))),
            "{}",
            place.name
        );
    }
}

#[test]
fn class_07_at_every_place_a_kid_is_a_name() {
    let names = [
        "../../../../dev/null",
        "/dev/null",
        "' OR '1'='1",
        "x' UNION SELECT 'key' --",
        "$(id)",
        "| id",
        "\0",
        "",
        "*",
        "https://evil.example/key",
        "null",
        "0",
    ];
    let values = names.map(Value::from).into_iter().chain([
        Value::Null,
        json!(0),
        json!([ed25519().kid()]),
        json!("a".repeat(100_000)),
    ]);
    for value in values {
        for place in &PLACES {
            let token = place.with_header("kid", value.clone());
            assert!(
                !(place.accepts)(&token),
                "{} {}",
                place.name,
                &value.to_string()[..value.to_string().len().min(40)]
            );
        }
    }
}

/// CVE-2022-21449: `r` and `s` of zero, or of the order of the curve.
#[test]
fn class_07_every_place_refuses_psychic_signatures() {
    const ORDER: &str = "_____wAAAAD__________7zm-q2nF56E87nKwvxjJVE";
    let es256 = &KEYS[1];
    let zero = encode([0; 32]);
    for place in &PLACES {
        for kid in [Some(es256.kid()), None] {
            let mut header = json!({"alg": "ES256", "typ": place.typ});
            if let Some(kid) = kid {
                header["kid"] = json!(kid);
            }
            let message = format!("{}.{}", encode(header.to_string()), encode((place.claims)().to_string()));
            let order = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(ORDER).unwrap();
            for signature in [
                encode([0; 64]),
                encode([order.clone(), order].concat()),
                zero.clone(),
                encode(b"\x30\x06\x02\x01\x00\x02\x01\x00"),
                String::new(),
            ] {
                assert!(!(place.accepts)(&format!("{message}.{signature}")), "{} {signature}", place.name);
            }
        }
    }
}

#[test]
fn class_07_every_place_refuses_json_of_two_readings_or_without_end() {
    for place in &PLACES {
        let (header, claims) = (place.header().to_string(), (place.claims)().to_string());
        assert!((place.accepts)(&signed(&header, &claims)));
        let first = |json: &str, member: &str| json.replacen('{', &format!("{{{member},"), 1);
        for member in [r#""sub":"eve""#, r#""\u0073ub":"eve""#, r#""exp":99999999999"#, r#""iss":"x""#] {
            assert!(!(place.accepts)(&signed(&header, &first(&claims, member))), "{} {member}", place.name);
        }
        for member in [r#""alg":"none""#, r#""\u0061lg":"EdDSA""#, r#""typ":"JWT""#] {
            assert!(!(place.accepts)(&signed(&first(&header, member), &claims)), "{} {member}", place.name);
        }
        for depth in [17, 100, 2_000] {
            let deep = format!(r#""deep":{}{}"#, "[".repeat(depth), "]".repeat(depth));
            assert!(!(place.accepts)(&signed(&header, &first(&claims, &deep))), "{} {depth}", place.name);
            assert!(!(place.accepts)(&signed(&first(&header, &deep), &claims)), "{} {depth}", place.name);
        }
        let large = format!(r#""pad":"{}""#, "a".repeat(10_000));
        assert!(!(place.accepts)(&signed(&header, &first(&claims, &large))), "{}", place.name);
        for claims in ["", "null", "[]", "7", "{}"] {
            assert!(!(place.accepts)(&signed(&header, claims)), "{} {claims}", place.name);
        }
    }
}

#[test]
fn class_07_every_place_has_one_spelling_of_a_token() {
    for place in &PLACES {
        let token = signed(&place.header().to_string(), &(place.claims)().to_string());
        let (message, signature) = token.rsplit_once('.').unwrap();
        for other in [
            format!("{token}="),
            format!("{token}\n"),
            format!(" {token}"),
            format!("{token}."),
            format!("Bearer {token}"),
            message.to_owned(),
            format!("{message}.{signature}A"),
            token.replacen('.', "..", 1),
            format!("{token}.{signature}"),
        ] {
            assert!(!(place.accepts)(&other), "{}", place.name);
        }
        // And every bit of it counts.
        for index in (0..token.len()).step_by(7) {
            let mut changed = token.clone().into_bytes();
            changed[index] ^= 1;
            if let Ok(changed) = String::from_utf8(changed) {
                assert!(!(place.accepts)(&changed), "{} {index}", place.name);
            }
        }
    }
}
