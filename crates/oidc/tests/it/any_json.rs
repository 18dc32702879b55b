//! What reads JSON of others, over JSON of any kind and keys that are nearly good.

use std::collections::HashSet;

use oidc::{Jwk, JwkError, JwkSet, parse_strict_json};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::forge::KEYS;

const NAMES: [&str; 14] =
    ["kty", "crv", "x", "y", "n", "e", "kid", "alg", "use", "key_ops", "d", "k", "oth", "x5c"];
const WORDS: [&str; 13] =
    ["", "RSA", "EC", "OKP", "oct", "P-256", "Ed25519", "RS256", "ES256", "EdDSA", "sig", "verify", "AQAB"];

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 30, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map("[a-z]{0,3}", inner, 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// What a member may become; nothing, if it is taken out.
fn any_member() -> impl Strategy<Value = Option<Value>> {
    prop::option::of(prop_oneof![
        prop::sample::select(WORDS.to_vec()).prop_map(Value::from),
        prop::collection::vec(prop::sample::select(WORDS.to_vec()), 0..3).prop_map(Value::from),
        "[A-Za-z0-9_=-]{0,90}".prop_map(Value::from),
        any_json(),
    ])
}

/// A good key with up to two members changed.
fn near_key() -> impl Strategy<Value = Value> {
    let good: Vec<Value> = KEYS.iter().map(|key| serde_json::to_value(key.public_jwk()).unwrap()).collect();
    let changes = prop::collection::vec((prop::sample::select(NAMES.to_vec()), any_member()), 0..3);
    (prop::sample::select(good), changes).prop_map(|(mut key, changes)| {
        let members = key.as_object_mut().unwrap();
        for (name, value) in changes {
            match value {
                Some(value) => members.insert(name.to_owned(), value),
                None => members.remove(name),
            };
        }
        key
    })
}

fn parse(key: &Value) -> Result<Jwk, JwkError> {
    Jwk::parse(key.to_string().as_bytes())
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or_default(),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or_default(),
        _ => 0,
    }
}

proptest! {
    #[test]
    fn strict_json_is_read_as_it_was_written(value in any_json(), around in 0_usize..20) {
        let value = (0..around).fold(value, |inner, _| json!([inner]));
        let text = value.to_string();
        match parse_strict_json(text.as_bytes()) {
            Ok(read) => {
                prop_assert!(depth(&value) <= 16);
                prop_assert_eq!(read, serde_json::from_str::<Value>(&text).unwrap());
            }
            Err(error) => prop_assert!(depth(&value) > 16, "{}", error),
        }
    }

    #[test]
    fn a_name_that_occurs_twice_is_refused(name in "\\PC{0,8}", first in any_json(), second in any_json()) {
        let name = Value::from(name);
        let text = format!("{{{name}:{first},{name}:{second}}}");
        prop_assert!(parse_strict_json(text.as_bytes()).is_err(), "{}", text);
    }

    #[test]
    fn no_bytes_make_it_panic(any in prop::collection::vec(any::<u8>(), 0..100), near in r#"[\[\]{}:,"a0-9.eE+ -]{0,20}"#) {
        for bytes in [any.as_slice(), near.as_bytes()] {
            if let Ok(read) = parse_strict_json(bytes) {
                prop_assert_eq!(read, serde_json::from_slice::<Value>(bytes).unwrap());
            }
            prop_assert!(Jwk::parse(bytes).is_err() && JwkSet::parse(bytes).is_err());
        }
    }

    #[test]
    fn a_key_is_read_as_it_was_written(given in prop_oneof![4 => near_key(), 1 => any_json()]) {
        if let Ok(key) = parse(&given) {
            for private in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
                prop_assert!(given.get(private).is_none(), "{}", private);
            }
            prop_assert!((1..=256).contains(&key.kid().len()));
            let published = serde_json::to_value(&key).unwrap();
            for (name, value) in published.as_object().unwrap() {
                let may_be_left_out = ["alg", "kid", "use"].contains(&name.as_str());
                prop_assert!(given.get(name).map_or(may_be_left_out, |given| given == value), "{}", name);
            }
            prop_assert_eq!(parse(&published).unwrap(), key);
        }
    }

    #[test]
    fn a_fetched_set_is_its_usable_keys(
        entries in prop::collection::vec(prop_oneof![4 => near_key(), 1 => any_json()], 0..4),
    ) {
        let document = json!({"keys": entries});
        let usable: Vec<Jwk> = entries.iter().filter_map(|entry| parse(entry).ok()).collect();
        let kids: HashSet<&str> = usable.iter().map(Jwk::kid).collect();
        let refuses =
            |entry: &Value| !entry.is_object() || matches!(parse(entry), Err(JwkError::Private(_)));
        let is_refused = kids.len() < usable.len() || entries.iter().any(refuses);
        match JwkSet::parse(document.to_string().as_bytes()) {
            Ok(set) => {
                prop_assert!(!is_refused);
                prop_assert_eq!(&set.keys, &usable);
                prop_assert_eq!(JwkSet::parse(&serde_json::to_vec(&set).unwrap()).unwrap(), set);
            }
            Err(error) => prop_assert!(is_refused, "{}", error),
        }
        // What is registered may hold no more than that.
        if let Ok(registered) = serde_json::from_value::<JwkSet>(document) {
            prop_assert!(!is_refused);
            prop_assert_eq!(&registered.keys, &usable);
        }
    }

    #[test]
    fn what_has_no_list_of_keys_is_no_set(keys in any_json()) {
        prop_assert!(JwkSet::parse(keys.to_string().as_bytes()).is_err());
        let within = JwkSet::parse(json!({"keys": keys}).to_string().as_bytes());
        prop_assert!(within.is_err() || keys.is_array());
    }
}
