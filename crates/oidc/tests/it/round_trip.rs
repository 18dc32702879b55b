//! What a key signs, its public half verifies, also after both were stored and published.

use oidc::{Algorithm, JwkSet, KeySet, SignError, SigningKey, SigningKeyError};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::forge::{EXPECTED, KEYS, NOW, claims, ed25519, key_set, verify};

#[test]
fn each_algorithm_signs_and_verifies_through_storage_and_publication() {
    let published = JwkSet { keys: KEYS.iter().map(|key| key.public_jwk().clone()).collect() };
    let json = serde_json::to_vec(&published).unwrap();
    let fetched = JwkSet::parse(&json).unwrap();
    assert_eq!(fetched, published);
    let set = KeySet::from_jwk_set(&fetched).unwrap();
    for key in KEYS.iter() {
        let stored = key.to_pkcs8().unwrap();
        let restored = SigningKey::from_pkcs8(key.algorithm(), &stored).unwrap();
        assert_eq!((restored.kid(), restored.public_jwk()), (key.kid(), key.public_jwk()));
        let token = restored.sign("at+jwt", &claims()).unwrap();
        let verified = set.verify::<Value>(&token, &EXPECTED, NOW).unwrap();
        assert_eq!((verified.kid.as_str(), verified.claims), (key.kid(), claims()));
    }
}

#[test]
fn a_private_key_is_not_read_as_another_algorithms() {
    for key in KEYS.iter() {
        let stored = key.to_pkcs8().unwrap();
        for algorithm in [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256] {
            let fits = SigningKey::from_pkcs8(algorithm, &stored);
            assert_eq!(fits.is_ok(), algorithm == key.algorithm());
            assert!(matches!(
                SigningKey::from_pkcs8(algorithm, &stored[..stored.len() - 1]),
                Err(SigningKeyError::Parse(found)) if found == algorithm
            ));
        }
    }
}

#[test]
fn nothing_of_a_private_key_is_shown() {
    for key in KEYS.iter() {
        let shown = format!("{key:?}");
        assert_eq!(shown, format!("SigningKey({} {})", key.algorithm(), key.kid()));
        let published = serde_json::to_value(key.public_jwk()).unwrap();
        for private in ["d", "p", "q", "dp", "dq", "qi", "k"] {
            assert!(published.get(private).is_none(), "{private}");
        }
    }
}

#[test]
fn only_objects_are_signed() {
    for claims in [json!([]), json!("x"), json!(1), Value::Null] {
        assert!(matches!(ed25519().sign("at+jwt", &claims), Err(SignError::Claims(None))), "{claims}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic_or_passes(token in "[A-Za-z0-9_.=-]{0,200}", any in "\\PC{0,100}") {
        prop_assert!(verify(&token).is_err());
        prop_assert!(verify(&any).is_err());
    }

    #[test]
    fn every_change_of_a_letter_is_noticed(index in 0_usize..10_000, letter in "[A-Za-z0-9_.-]") {
        let token = ed25519().sign("at+jwt", &claims()).unwrap();
        let index = index % token.len();
        let mut changed = token.clone();
        changed.replace_range(index..=index, &letter);
        prop_assert_eq!(key_set().verify::<Value>(&changed, &EXPECTED, NOW).is_ok(), changed == token);
    }
}
