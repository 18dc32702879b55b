//! ID tokens, access tokens, and what is told of them.

use std::sync::Arc;

use oidc::{
    AccessToken, Algorithm, ErrorCode, IdToken, IdTokenHint, Introspection, JwsError, Parameters,
    PersonClaims, Scopes, Secret, TokenReference, TokenTypeHint, UserInfo, at_hash, invalid_token,
};
use serde_json::{Value, json};

use crate::{
    client::client,
    forge::{KEYS, NOW, ed25519, key_set, signed},
};

pub(crate) const ISSUER: &str = "https://auth.example";

pub(crate) fn id_token() -> IdToken {
    IdToken {
        iss: ISSUER.to_owned(),
        sub: "ada".to_owned(),
        aud: "app".to_owned(),
        exp: NOW + 300,
        iat: NOW,
        auth_time: NOW - 60,
        nonce: Some("n-0S6_WzA2Mj".to_owned()),
        acr: Some("two".to_owned()),
        amr: vec!["pwd".to_owned(), "otp".to_owned()],
        sid: Some("s".to_owned()),
        at_hash: None,
        person: PersonClaims::default(),
    }
}

fn access_token() -> AccessToken {
    AccessToken {
        iss: ISSUER.to_owned(),
        sub: "ada".to_owned(),
        aud: "https://api.example".to_owned(),
        exp: NOW + 300,
        iat: NOW,
        jti: "j".to_owned(),
        client_id: "app".to_owned(),
        scope: Scopes::parse("openid email").unwrap(),
        auth_time: Some(NOW - 60),
        acr: None,
        amr: vec![],
        sid: Some("s".to_owned()),
    }
}

fn ada() -> PersonClaims {
    PersonClaims {
        name: Some("Ada Lovelace".to_owned()),
        locale: Some("en".to_owned()),
        updated_at: Some(NOW),
        email: Some("ada@example.org".to_owned()),
        email_verified: Some(true),
        ..PersonClaims::default()
    }
}

/// OpenID Connect Core appendix A.3, whose ID token is RS256; with Ed25519 it is the half of SHA-512.
#[test]
fn openid_connect_core_appendix_a_3_at_hash() {
    let access_token = Secret::new("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y");
    assert_eq!(at_hash(&access_token, Algorithm::Rs256), "77QmUPtjPfzWtF2AnpK9RQ");
    assert_eq!(at_hash(&access_token, Algorithm::Es256), "77QmUPtjPfzWtF2AnpK9RQ");
    assert_eq!(at_hash(&access_token, Algorithm::EdDsa).len(), 43);
    // The same hash serves codes; appendix A.4.
    let code = Secret::new("Qcb0Orv1zh30vL1MPRsbm-diHiMwcLyZvn1arpZv-Jxf_11jnpEX3Tgfvk");
    assert_eq!(at_hash(&code, Algorithm::Rs256), "LDktKdoQak3Pk0cnXxCltA");
}

#[test]
fn an_id_token_says_what_is_known_and_nothing_empty() {
    let claims = serde_json::to_value(id_token()).unwrap();
    let expected = json!({
        "iss": ISSUER, "sub": "ada", "aud": "app", "exp": NOW + 300, "iat": NOW, "auth_time": NOW - 60,
        "nonce": "n-0S6_WzA2Mj", "acr": "two", "amr": ["pwd", "otp"], "sid": "s",
    });
    assert_eq!(claims, expected);
    let bare = IdToken { nonce: None, acr: None, amr: vec![], sid: None, person: ada(), ..id_token() };
    let expected = json!({
        "iss": ISSUER, "sub": "ada", "aud": "app", "exp": NOW + 300, "iat": NOW, "auth_time": NOW - 60,
        "name": "Ada Lovelace", "locale": "en", "updated_at": NOW, "email": "ada@example.org", "email_verified": true,
    });
    assert_eq!(serde_json::to_value(bare).unwrap(), expected);
}

#[test]
fn class_17_scopes_decide_what_is_told_of_a_person() {
    let told =
        |scopes: &str| serde_json::to_value(ada().for_scopes(&Scopes::parse(scopes).unwrap())).unwrap();
    let (profile, email) = (
        json!({"name": "Ada Lovelace", "locale": "en", "updated_at": NOW}),
        json!({"email": "ada@example.org", "email_verified": true}),
    );
    assert_eq!(told("openid"), json!({}));
    assert_eq!(told("openid profile"), profile);
    assert_eq!(told("openid email offline_access"), email);
    assert_eq!(told("profile email"), serde_json::to_value(ada()).unwrap());
    let names: Vec<_> =
        PersonClaims::NAMES.into_iter().filter(|name| told("profile email").get(name).is_some()).collect();
    assert_eq!(names, ["name", "locale", "updated_at", "email", "email_verified"]);
}

#[test]
fn rfc_9068_an_access_token_is_verified_for_its_resource() {
    for key in KEYS.iter() {
        let token = access_token().sign(key).unwrap();
        let verify = |issuer, audience, now| {
            AccessToken::verify(token.expose(), &key_set(), issuer, audience, 30, now)
        };
        assert_eq!(verify(ISSUER, "https://api.example", NOW).unwrap(), access_token());
        assert!(matches!(verify(ISSUER, "https://other.example", NOW), Err(JwsError::WrongAudience)));
        assert!(matches!(verify(ISSUER, ISSUER, NOW), Err(JwsError::WrongAudience)));
        assert!(matches!(
            verify("https://evil.example", "https://api.example", NOW),
            Err(JwsError::WrongIssuer)
        ));
        assert!(matches!(verify(ISSUER, "https://api.example", NOW + 330), Err(JwsError::Expired)));
    }
    for missing in ["sub", "jti", "client_id", "iat", "exp", "aud", "iss"] {
        let mut claims = serde_json::to_value(access_token()).unwrap();
        claims.as_object_mut().unwrap().remove(missing);
        let token = ed25519().sign("at+jwt", &claims).unwrap();
        assert!(
            AccessToken::verify(&token, &key_set(), ISSUER, "https://api.example", 30, NOW).is_err(),
            "{missing}"
        );
    }
    let unscoped = AccessToken { scope: Scopes::default(), ..access_token() };
    assert!(serde_json::to_value(&unscoped).unwrap().get("scope").is_none());
    let token = unscoped.sign(ed25519()).unwrap();
    let read =
        AccessToken::verify(token.expose(), &key_set(), ISSUER, "https://api.example", 30, NOW).unwrap();
    assert_eq!(read.require_scope("openid").unwrap_err().code, ErrorCode::InsufficientScope);
    let mut listed = serde_json::to_value(access_token()).unwrap();
    listed["aud"] = json!(["https://api.example"]);
    let token = ed25519().sign("at+jwt", &listed).unwrap();
    assert!(AccessToken::verify(&token, &key_set(), ISSUER, "https://api.example", 30, NOW).is_ok());
}

#[test]
fn userinfo_needs_openid_and_tells_what_the_scopes_allow() {
    let mut token = access_token();
    let told = serde_json::to_value(UserInfo::of(&token, &ada()).unwrap()).unwrap();
    assert_eq!(told, json!({"sub": "ada", "email": "ada@example.org", "email_verified": true}));
    token.scope = Scopes::parse("email profile").unwrap();
    let error = UserInfo::of(&token, &ada()).unwrap_err();
    assert_eq!((error.code, error.status()), (ErrorCode::InsufficientScope, 403));
    assert_eq!(invalid_token().status(), 401);
}

#[test]
fn rfc_7662_introspection_tells_whom_it_concerns() {
    let told = |introspection: Introspection| serde_json::to_value(introspection).unwrap();
    assert_eq!(told(Introspection::inactive()), json!({"active": false}));
    let expected = json!({
        "active": true, "scope": "openid email", "client_id": "app", "token_type": "Bearer", "exp": NOW + 300, "iat": NOW,
        "sub": "ada", "aud": "https://api.example", "iss": ISSUER, "jti": "j", "auth_time": NOW - 60,
    });
    assert_eq!(told(Introspection::of(&Arc::new(access_token()), &client())), expected);
    let mut resource = client();
    resource.client_id = "api".to_owned();
    assert!(Introspection::of(&Arc::new(access_token()), &resource).is_active());
    resource.resources.clear();
    assert_eq!(told(Introspection::of(&Arc::new(access_token()), &resource)), json!({"active": false}));
}

#[test]
fn rfc_7009_a_hint_is_only_a_hint() {
    let parse = |form: &str| TokenReference::parse(&Parameters::parse(form).unwrap());
    for (form, hint) in [
        ("token=t", None),
        ("token=t&token_type_hint=access_token", Some(TokenTypeHint::AccessToken)),
        ("token=t&token_type_hint=refresh_token", Some(TokenTypeHint::RefreshToken)),
        ("token=t&token_type_hint=saml", None),
    ] {
        let reference = parse(form).unwrap();
        assert_eq!((reference.token.expose(), reference.hint), ("t", hint), "{form}");
    }
    assert_eq!(parse("token=&token_type_hint=access_token").unwrap_err().code, ErrorCode::InvalidRequest);
}

#[test]
fn an_id_token_hint_may_be_old_and_has_to_be_ours() {
    let old = IdToken { exp: 1, iat: 0, ..id_token() };
    for key in KEYS.iter() {
        let hint = IdTokenHint::verify(old.sign(key).unwrap().expose(), &key_set(), ISSUER).unwrap();
        let expected =
            IdTokenHint { subject: "ada".into(), session_id: Some("s".into()), client_id: "app".into() };
        assert_eq!(hint, expected);
    }
    let verify = |token: &str, issuer| IdTokenHint::verify(token, &key_set(), issuer);
    let token = id_token().sign(ed25519()).unwrap();
    assert!(matches!(verify(token.expose(), "https://evil.example"), Err(JwsError::WrongIssuer)));
    let claims = serde_json::to_value(id_token()).unwrap();
    for typ in ["at+jwt", "logout+jwt"] {
        assert!(
            matches!(verify(&ed25519().sign(typ, &claims).unwrap(), ISSUER), Err(JwsError::WrongType)),
            "{typ}"
        );
    }
    for (name, value) in
        [("sub", Value::Null), ("sub", json!(1)), ("aud", json!(["a", "b"])), ("aud", Value::Null)]
    {
        let mut claims = claims.clone();
        claims[name] = value;
        let header = json!({"alg": "EdDSA", "kid": ed25519().kid(), "typ": "JWT"}).to_string();
        assert!(verify(&signed(&header, &claims.to_string()), ISSUER).is_err(), "{name}");
    }
}
