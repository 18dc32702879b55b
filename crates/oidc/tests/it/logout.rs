//! Signing out: a client sends the person, and every client is told.

use oidc::{
    ErrorCode, IdTokenHint, JwsError, LoggedOut, LogoutEvent, LogoutRequest, LogoutToken, LogoutTokenRules,
    Parameters, logout_needs_confirmation,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{
    client::client,
    forge::{KEYS, NOW, ed25519, key_set, signed},
    tokens::ISSUER,
};

fn parse(query: &str) -> LogoutRequest {
    LogoutRequest::parse(&Parameters::parse(query).unwrap()).unwrap()
}

fn hint(client_id: &str) -> IdTokenHint {
    IdTokenHint {
        subject: "ada".to_owned(),
        session_id: Some("s".to_owned()),
        client_id: client_id.to_owned(),
    }
}

#[test]
fn the_client_is_the_one_that_both_name() {
    let named = parse("client_id=app");
    assert_eq!(named.client_id(None).unwrap(), Some("app"));
    assert_eq!(named.client_id(Some(&hint("app"))).unwrap(), Some("app"));
    assert_eq!(named.client_id(Some(&hint("other"))).unwrap_err().code, ErrorCode::InvalidRequest);
    assert_eq!(parse("").client_id(Some(&hint("app"))).unwrap(), Some("app"));
    assert_eq!(parse("").client_id(None).unwrap(), None);
    let request = parse("id_token_hint=a.b.c&ui_locales=de+en&logout_hint=ada");
    assert_eq!((request.id_token_hint.as_deref(), request.ui_locales.len()), (Some("a.b.c"), 2));
}

#[test]
fn class_02_the_person_is_sent_only_where_the_client_is() {
    let bye = "post_logout_redirect_uri=https://app.example/bye";
    let to = |query: &str| parse(query).return_to(Some(&client())).map_err(|error| error.code);
    assert_eq!(to("state=x"), Ok(None));
    assert_eq!(to(bye), Ok(Some("https://app.example/bye".to_owned())));
    assert_eq!(to(&format!("{bye}&state=a%26b")), Ok(Some("https://app.example/bye?state=a%26b".to_owned())));
    let attacks = [
        "https://app.example/bye/",
        "https://app.example/bye?x",
        "https://app.example/bye%23",
        "https://app.example/x/..%2Fbye",
        "https://app.example/..;/bye",
        "https://app.example@evil.example/bye",
        "https://app.example/callback",
        "https://evil.example/",
        "//evil.example/bye",
        "/bye",
        "javascript:alert(1)",
        "HTTPS://app.example/bye",
        "https://app.example:443/bye",
    ];
    for attack in attacks {
        let query = format!("post_logout_redirect_uri={attack}");
        assert_eq!(to(&query), Err(ErrorCode::InvalidRequest), "{attack}");
    }
    assert_eq!(parse(bye).return_to(None).unwrap_err().code, ErrorCode::InvalidRequest);
    let broken = LogoutRequest::parse(&Parameters::parse("state=a%0Ab").unwrap());
    assert_eq!(broken.unwrap_err().code, ErrorCode::InvalidRequest);
}

#[test]
fn nobody_is_signed_out_by_a_strangers_link() {
    assert!(!logout_needs_confirmation(Some(&hint("app")), "ada", "s"));
    assert!(logout_needs_confirmation(None, "ada", "s"));
    assert!(logout_needs_confirmation(Some(&hint("app")), "eve", "s"));
    assert!(logout_needs_confirmation(Some(&hint("app")), "ada", "t"));
    let without = IdTokenHint { session_id: None, ..hint("app") };
    assert!(logout_needs_confirmation(Some(&without), "ada", "s"));
}

fn token() -> LogoutToken {
    LogoutToken {
        iss: ISSUER.to_owned(),
        aud: "app".to_owned(),
        iat: NOW,
        exp: NOW + 120,
        jti: "bWJq".to_owned(),
        sub: "ada".to_owned(),
        sid: Some("s".to_owned()),
        events: LogoutEvent,
    }
}

pub(crate) fn check(token: &str) -> Result<LoggedOut, JwsError> {
    let keys = key_set();
    LogoutTokenRules { issuer: ISSUER, client_id: "app", keys: &keys, leeway_seconds: 30, now: NOW }
        .verify(token)
}

#[test]
fn a_logout_token_is_that_of_back_channel_logout_section_2_4() {
    let expected = json!({
        "iss": ISSUER, "aud": "app", "iat": NOW, "exp": NOW + 120, "jti": "bWJq", "sub": "ada", "sid": "s",
        "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
    });
    assert_eq!(serde_json::to_value(token()).unwrap(), expected);
    for key in KEYS.iter() {
        let told = check(token().sign(key).unwrap().expose()).unwrap();
        let expected = LoggedOut {
            subject: Some("ada".to_owned()),
            session_id: Some("s".to_owned()),
            jti: "bWJq".to_owned(),
            remember_until: NOW + 150,
        };
        assert_eq!(told, expected);
    }
    let all = LogoutToken { sid: None, ..token() };
    assert_eq!(check(all.sign(ed25519()).unwrap().expose()).unwrap().session_id, None);
}

#[test]
fn back_channel_logout_section_2_6_every_check() {
    let header = json!({"alg": "EdDSA", "kid": ed25519().kid(), "typ": "logout+jwt"}).to_string();
    let event = "http://schemas.openid.net/event/backchannel-logout";
    let cases = [
        ("iss", Some(json!("https://evil.example"))),
        ("iss", None),
        ("aud", Some(json!("other"))),
        ("aud", Some(json!(["app", "other"]))),
        ("aud", None),
        ("iat", Some(json!(NOW + 31))),
        ("iat", None),
        ("exp", Some(json!(NOW - 30))),
        ("exp", None),
        ("sub", Some(json!(""))),
        ("sub", Some(json!(1))),
        ("sid", Some(json!(["s"]))),
        ("sid", Some(Value::Null)),
        ("events", None),
        ("events", Some(json!({}))),
        ("events", Some(json!([event]))),
        ("events", Some(json!({event: true}))),
        ("events", Some(json!({"https://evil.example/event": {}}))),
        ("nonce", Some(json!("n"))),
        ("nonce", Some(Value::Null)),
        ("jti", None),
        ("jti", Some(json!(""))),
        ("jti", Some(json!(7))),
    ];
    for (name, value) in cases {
        let mut claims = serde_json::to_value(token()).unwrap();
        let members = claims.as_object_mut().unwrap();
        match value.clone() {
            Some(value) => members.insert(name.to_owned(), value),
            None => members.remove(name),
        };
        assert!(check(&signed(&header, &claims.to_string())).is_err(), "{name} {value:?}");
    }
    let mut nobody = serde_json::to_value(token()).unwrap();
    for name in ["sub", "sid"] {
        nobody.as_object_mut().unwrap().remove(name);
    }
    assert!(matches!(check(&signed(&header, &nobody.to_string())), Err(JwsError::Claim("sub"))));
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(query in "([a-z_]{0,24}=[a-z:/.%0-9]{0,20}&?){0,5}", token in "\\PC{0,80}") {
        if let Ok(parameters) = Parameters::parse(&query) {
            let _ = LogoutRequest::parse(&parameters).map(|request| request.return_to(Some(&client())));
        }
        prop_assert!(check(&token).is_err());
        prop_assert!(IdTokenHint::verify(&token, &key_set(), ISSUER).is_err());
    }
}
