//! The registered claims: who, for whom, and when.

use oidc::JwsError;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::forge::{EXPECTED, NOW, claims, ed25519, key_set, verify, with_claim};

#[test]
fn the_issuer_is_compared_byte_by_byte() {
    let wrong = [
        "https://auth.example/",
        "https://AUTH.example",
        "http://auth.example",
        "https://auth.example.evil",
        "",
        " https://auth.example",
    ];
    let others = [Value::Null, json!(["https://auth.example"]), json!(1)];
    for issuer in wrong.into_iter().map(Value::from).chain(others).map(Some).chain([None]) {
        assert!(
            matches!(verify(&with_claim("iss", issuer.clone())), Err(JwsError::WrongIssuer)),
            "{issuer:?}"
        );
    }
}

#[test]
fn the_audience_is_this_one_alone() {
    for audience in [json!("app"), json!(["app"])] {
        assert!(verify(&with_claim("aud", Some(audience))).is_ok());
    }
    let wrong = [
        json!("APP"),
        json!("app "),
        json!("apps"),
        json!(""),
        json!([]),
        json!(["other"]),
        json!(["app", "other"]),
        json!(["other", "app"]),
        json!([["app"]]),
        json!({"app": true}),
        json!(1),
        Value::Null,
    ];
    for audience in wrong.into_iter().map(Some).chain([None]) {
        assert!(
            matches!(verify(&with_claim("aud", audience.clone())), Err(JwsError::WrongAudience)),
            "{audience:?}"
        );
    }
}

#[test]
fn times_are_kept_to_the_second_give_or_take_the_leeway() {
    type Fits = fn(&Result<(), JwsError>) -> bool;
    let fine: Fits = Result::is_ok;
    let expired: Fits = |result| matches!(result, Err(JwsError::Expired));
    let early: Fits = |result| matches!(result, Err(JwsError::NotYetValid));
    let future: Fits = |result| matches!(result, Err(JwsError::IssuedInFuture));
    let malformed: Fits = |result| matches!(result, Err(JwsError::Claim(_)));
    let cases: [(&str, Option<Value>, Fits); 27] = [
        ("exp", Some(json!(NOW + 1)), fine),
        ("exp", Some(json!(NOW - 29)), fine),
        ("exp", Some(json!(NOW - 30)), expired),
        ("exp", Some(json!(0)), expired),
        ("exp", Some(json!(1_800_000_000.5)), fine),
        ("exp", Some(json!("1900000000")), malformed),
        ("exp", Some(json!(-1)), malformed),
        ("exp", Some(json!(i64::MAX)), malformed),
        ("exp", Some(json!(u64::MAX)), malformed),
        ("exp", Some(json!(1e300)), malformed),
        ("exp", Some(json!(NOW * 1000)), malformed),
        ("exp", Some(json!([NOW + 1])), malformed),
        ("exp", Some(json!(true)), malformed),
        ("exp", Some(Value::Null), malformed),
        ("exp", None, malformed),
        ("nbf", Some(json!(NOW + 30)), fine),
        ("nbf", Some(json!(NOW + 31)), early),
        ("nbf", Some(json!("0")), malformed),
        ("nbf", Some(Value::Null), malformed),
        ("iat", None, fine),
        ("iat", Some(json!(0)), fine),
        ("iat", Some(json!(NOW + 30)), fine),
        ("iat", Some(json!(NOW + 31)), future),
        ("iat", Some(json!("0")), malformed),
        ("iat", Some(json!(-5)), malformed),
        ("iat", Some(Value::Null), malformed),
        ("iat", Some(json!({})), malformed),
    ];
    for (name, value, fits) in cases {
        let result = verify(&with_claim(name, value.clone())).map(drop);
        assert!(fits(&result), "{name} {value:?}: {result:?}");
    }
}

#[test]
fn extreme_clocks_do_not_overflow() {
    let token = ed25519().sign("at+jwt", &claims()).unwrap();
    assert!(matches!(key_set().verify::<Value>(&token, &EXPECTED, i64::MAX), Err(JwsError::Expired)));
    assert!(matches!(key_set().verify::<Value>(&token, &EXPECTED, i64::MIN), Err(JwsError::IssuedInFuture)));
}

#[test]
fn claims_are_read_as_the_type_that_is_asked_for() {
    #[derive(Debug, Deserialize)]
    struct Subject {
        sub: String,
    }
    #[derive(Debug, Deserialize)]
    struct Session {
        #[serde(rename = "sid")]
        _session: String,
    }
    let token = ed25519().sign("at+jwt", &claims()).unwrap();
    let verified = key_set().verify::<Subject>(&token, &EXPECTED, NOW).unwrap();
    assert_eq!((verified.kid.as_str(), verified.claims.sub.as_str()), (ed25519().kid(), "ada"));
    assert!(matches!(key_set().verify::<Session>(&token, &EXPECTED, NOW), Err(JwsError::Claims(_))));
}
