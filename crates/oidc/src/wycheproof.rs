//! Wycheproof's vectors for the three algorithms (`tests/vectors/README.md`).

use serde::Deserialize;
use serde_json::Value;

use crate::{Jwk, JwkSet, JwsError, KeySet, VerifyingKey, key_set::HeaderRules};

#[derive(Deserialize)]
struct Group {
    key: Value,
    tests: Vec<(u32, String, String, String)>,
}

/// Each signature verifies just when the vectors say that it is valid: what they call acceptable (RFC 8017 lets a
/// verifier choose) is refused too. Gives how many were valid, and how many not.
fn run(vectors: &str) -> (usize, usize) {
    let groups: Vec<Group> = serde_json::from_str(vectors).unwrap();
    let mut counts = (0, 0);
    for Group { key, tests } in groups {
        let key = VerifyingKey::from_jwk(&Jwk::parse(key.to_string().as_bytes()).unwrap()).unwrap();
        for (id, message, signature, result) in tests {
            let verified = key.verifies(&bytes(&message), &bytes(&signature));
            assert_eq!(verified, result == "valid", "{} test {id}, {result}", key.algorithm());
            if verified { counts.0 += 1 } else { counts.1 += 1 }
        }
    }
    counts
}

fn bytes(hexadecimal: &str) -> Vec<u8> {
    let digits = hexadecimal.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
    digits.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

#[derive(Deserialize)]
struct TokenGroup {
    key: Value,
    tests: Vec<(u32, String, String)>,
}

/// The payload is no JSON, so a token of theirs that is valid gets as far as that, and no other does; but an empty header
/// is no JSON either.
#[test]
fn tokens_as_wycheproof_says() {
    let groups: Vec<TokenGroup> =
        serde_json::from_str(include_str!("../tests/vectors/wycheproof_jws.json")).unwrap();
    let rules = HeaderRules { types: &[], may_omit_type: true, may_omit_kid: false };
    let mut valid = 0;
    for TokenGroup { key, tests } in groups {
        let key = VerifyingKey::from_jwk(&Jwk::parse(key.to_string().as_bytes()).unwrap()).unwrap();
        let keys = KeySet::new(vec![key]);
        for (id, token, result) in tests {
            let error = keys.open(&token, &rules).map(|opened| opened.claims).unwrap_err();
            let verified = matches!(error, JwsError::Json(_))
                && token.matches('.').count() == 2
                && !token.starts_with('.');
            assert_eq!(verified, result == "valid", "test {id}: {error}");
            valid += usize::from(verified);
        }
    }
    assert_eq!(valid, 2);
}

#[derive(Deserialize)]
struct SetGroup {
    keys: Value,
    tests: Vec<(u32, String, String)>,
}

/// Key sets that are mixed, of another use, algorithm or curve, too weak, or no keys at all. A key that is passed over
/// verifies nothing.
#[test]
fn key_sets_as_wycheproof_says() {
    let groups: Vec<SetGroup> =
        serde_json::from_str(include_str!("../tests/vectors/wycheproof_jwk.json")).unwrap();
    let rules = HeaderRules { types: &[], may_omit_type: true, may_omit_kid: false };
    let mut valid = 0;
    for SetGroup { keys, tests } in groups {
        let set = serde_json::json!({ "keys": keys }).to_string();
        let keys = JwkSet::parse(set.as_bytes()).and_then(|set| KeySet::from_jwk_set(&set));
        for (id, token, result) in tests {
            // The payload is no JSON: what is valid gets as far as that.
            let verified = keys
                .as_ref()
                .is_ok_and(|keys| matches!(keys.open(&token, &rules).map(drop), Err(JwsError::Json(_))));
            assert_eq!(verified, result == "valid", "test {id}");
            valid += usize::from(verified);
        }
    }
    assert_eq!(valid, 1);
}

#[test]
fn es256_as_wycheproof_says() {
    assert_eq!(run(include_str!("../tests/vectors/wycheproof_ecdsa_p256_sha256.json")), (173, 89));
}

#[test]
fn eddsa_as_wycheproof_says() {
    assert_eq!(run(include_str!("../tests/vectors/wycheproof_ed25519.json")), (88, 63));
}

#[test]
fn rs256_as_wycheproof_says() {
    assert_eq!(run(include_str!("../tests/vectors/wycheproof_rsa_2048_sha256.json")), (9, 250));
    assert_eq!(run(include_str!("../tests/vectors/wycheproof_rsa_3072_sha256.json")), (8, 251));
    assert_eq!(run(include_str!("../tests/vectors/wycheproof_rsa_4096_sha256.json")), (7, 251));
}
