//! The app's side, against the provider's.

use oidc::{
    Algorithm, AuthorizationRequest, AuthorizationResponse, CallbackError, CallbackRules, ClientAssertion,
    ClientAuthentication, ClientAuthenticationMethod, CodeVerifier, Discovered, DiscoveryError, ErrorCode,
    IdToken, IdTokenRules, JwsError, KeySet, LogoutRequest, OAuthError, Parameters, PersonClaims, Scopes,
    Secret, SignInKept, SignInRequest, SignedIn, SigningKey, TokenAnswer, TokenAnswerError, TokenRequest,
    TokenResponse, TokenType, UserInfoError, VerifyingKey, assertion_form, at_hash, basic_authorization,
    code_exchange_form, discovery_url, end_session_url, read_user_info, refresh_form,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{
    client::client,
    client_authentication::assert,
    forge::{KEYS, NOW, ed25519, key_set, signed},
    metadata::metadata,
    tokens::{ISSUER, id_token},
};

const ENDPOINT: &str = "https://auth.example/authorize?tenant=1";

#[test]
fn a_sign_in_goes_there_and_back() {
    let verifier = CodeVerifier::from_random(&[7; 32]);
    let (scopes, challenge) = (Scopes::parse("openid email").unwrap(), verifier.challenge());
    let request = SignInRequest {
        client_id: "app",
        redirect_uri: "https://app.example/callback",
        scopes: &scopes,
        state: "st&te",
        nonce: "n",
        code_challenge: &challenge,
        further: &[("prompt", "login"), ("resource", "https://api.example")],
    };
    let url = request.url(ENDPOINT);
    let query = url.strip_prefix(ENDPOINT).unwrap();
    let read = Parameters::read(query);
    let read = AuthorizationRequest::parse(&read, &client()).unwrap();
    assert_eq!((&read.scopes, read.nonce.as_deref(), read.prompt.login), (&scopes, Some("n"), true));
    // The answer, and the code for it.
    let rules = CallbackRules { state: "st&te", issuer: ISSUER, names_itself: true };
    let sent = Secret::new("c+d");
    let AuthorizationResponse::Redirect { location } =
        AuthorizationResponse::success(&read.return_address, ISSUER, &sent)
    else {
        panic!("a form")
    };
    let code = rules.check(&Parameters::parse(location.split_once('?').unwrap().1).unwrap()).unwrap();
    assert_eq!(code.expose(), sent.expose());
    // Redeemed.
    let form = code_exchange_form(&code, request.redirect_uri, &verifier);
    match TokenRequest::parse(&Parameters::parse(form.expose()).unwrap(), &client()).unwrap() {
        TokenRequest::AuthorizationCode(exchange) => assert_eq!(exchange.code.expose(), "c+d"),
        other => panic!("{other:?}"),
    }
    let form = refresh_form(&Secret::new("r"));
    let refreshed = TokenRequest::parse(&Parameters::parse(form.expose()).unwrap(), &client());
    assert!(matches!(refreshed, Ok(TokenRequest::RefreshToken(_))));
    let header = basic_authorization("a:pp", &Secret::new("p%ss wörd"));
    let read = ClientAuthentication::read(Some(header.expose()), &Parameters::default()).unwrap();
    assert_eq!((read.client_id(), read.method()), ("a:pp", ClientAuthenticationMethod::ClientSecretBasic));
}

#[test]
fn an_assertion_of_ours_is_accepted_by_the_provider() {
    let text = str::to_owned;
    let assertion = ClientAssertion {
        iss: text("app"),
        sub: text("app"),
        aud: text(ISSUER),
        jti: text("1"),
        iat: NOW,
        exp: NOW + 60,
    };
    for key in KEYS.iter() {
        assert!(assert(assertion.sign(key).unwrap().expose()).is_ok());
    }
}

#[test]
fn class_16_an_answer_to_another_request_is_refused() {
    let rules = CallbackRules { state: "state", issuer: ISSUER, names_itself: true };
    let iss = "iss=https://auth.example";
    let check = |rules: &CallbackRules<'_>, query: &str| {
        rules.check(&Parameters::read(query)).map(|code| code.expose().to_owned())
    };
    assert_eq!(check(&rules, &format!("code=c&state=state&{iss}")), Ok("c".to_owned()));
    let cases = [
        (format!("code=c&{iss}"), CallbackError::State),
        (format!("code=c&state=&{iss}"), CallbackError::State),
        (format!("code=c&state=State&{iss}"), CallbackError::State),
        (format!("code=c&state=state&state=state&{iss}"), CallbackError::State),
        (format!("error=access_denied&state=x&{iss}"), CallbackError::State),
        ("code=c&state=state".to_owned(), CallbackError::Issuer),
        ("code=c&state=state&iss=https://auth.example/".to_owned(), CallbackError::Issuer),
        ("code=c&state=state&iss=https://evil.example".to_owned(), CallbackError::Issuer),
        (format!("code=c&state=state&{iss}&{iss}"), CallbackError::Issuer),
        ("error=access_denied&state=state&iss=https://evil.example".to_owned(), CallbackError::Issuer),
        (format!("state=state&{iss}"), CallbackError::Malformed),
        (format!("code=a&code=b&state=state&{iss}"), CallbackError::Malformed),
    ];
    for (query, expected) in cases {
        assert_eq!(check(&rules, &query), Err(expected), "{query}");
    }
    let refused =
        check(&rules, &format!("error=access_denied&error_description=a%0Ab&code=c&state=state&{iss}"));
    assert_eq!(refused.unwrap_err().to_string(), "the provider answered access_denied: a?b");
    let without = CallbackRules { names_itself: false, ..rules };
    assert_eq!(check(&without, "code=c&state=state"), Ok("c".to_owned()));
    assert_eq!(check(&without, "code=c&state=state&iss=https://evil.example"), Err(CallbackError::Issuer));
    let stateless = CallbackRules { state: "", ..rules };
    assert_eq!(check(&stateless, &format!("code=c&{iss}")), Err(CallbackError::State));
}

/// With every algorithm accepted, and an access token whose hash may be there.
pub(crate) fn verify(token: &str) -> Result<SignedIn, JwsError> {
    verify_by(token, |_| {})
}

/// An ID token that came of a refresh of ada's sign-in.
pub(crate) fn verify_refreshed(token: &str) -> Result<SignedIn, JwsError> {
    let (keys, access_token) = (key_set(), Secret::new("access"));
    let rules = IdTokenRules {
        issuer: ISSUER,
        client_id: "app",
        nonce: "",
        max_age: None,
        algorithms: &[Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa],
        access_token: Some(&access_token),
        keys: &keys,
        leeway_seconds: 30,
        now: NOW,
    };
    rules.verify_refreshed(token, &SignInKept { subject: "ada", session_id: Some("s"), auth_time: Some(NOW) })
}

fn verify_by(token: &str, change: impl Fn(&mut IdTokenRules<'_>)) -> Result<SignedIn, JwsError> {
    let (keys, access_token) = (key_set(), Secret::new("access"));
    let mut rules = IdTokenRules {
        issuer: ISSUER,
        client_id: "app",
        nonce: "n-0S6_WzA2Mj",
        max_age: None,
        algorithms: &[Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa],
        access_token: Some(&access_token),
        keys: &keys,
        leeway_seconds: 30,
        now: NOW,
    };
    change(&mut rules);
    rules.verify(token)
}

#[test]
fn who_signed_in_is_told() {
    for key in KEYS.iter() {
        let person = PersonClaims { name: Some("Ada".to_owned()), ..PersonClaims::default() };
        let at_hash = Some(at_hash(&Secret::new("access"), key.algorithm()));
        let token = IdToken { at_hash, person: person.clone(), ..id_token() };
        let expected = SignedIn {
            subject: "ada".to_owned(),
            session_id: Some("s".to_owned()),
            auth_time: Some(NOW - 60),
            acr: Some("two".to_owned()),
            amr: vec!["pwd".to_owned(), "otp".to_owned()],
            person,
        };
        assert_eq!(verify(token.sign(key).unwrap().expose()).unwrap(), expected);
    }
}

#[test]
fn openid_connect_core_section_3_1_3_7_every_check() {
    let header = json!({"alg": "EdDSA", "kid": ed25519().kid(), "typ": "JWT"}).to_string();
    let with = |name: &str, value: Option<Value>| {
        let mut claims = serde_json::to_value(id_token()).unwrap();
        let members = claims.as_object_mut().unwrap();
        match value {
            Some(value) => members.insert(name.to_owned(), value),
            None => members.remove(name),
        };
        signed(&header, &claims.to_string())
    };
    let fine = [
        ("aud", Some(json!(["app"]))),
        ("azp", Some(json!("app"))),
        ("exp", Some(json!(NOW - 29))),
        ("iat", Some(json!(NOW + 30))),
        ("sid", None),
        ("acr", None),
        ("amr", None),
        ("auth_time", None),
        ("unknown", Some(json!({"a": 1}))),
    ];
    for (name, value) in fine {
        assert!(verify(&with(name, value.clone())).is_ok(), "{name} {value:?}");
    }
    let wrong = [
        ("iss", Some(json!("https://auth.example/"))),
        ("iss", None),
        ("aud", Some(json!("other"))),
        ("aud", Some(json!(["app", "other"]))),
        ("aud", None),
        ("azp", Some(json!("other"))),
        ("azp", Some(json!(["app"]))),
        ("exp", Some(json!(NOW - 30))),
        ("exp", None),
        ("iat", Some(json!(NOW + 31))),
        ("iat", None),
        ("nbf", Some(json!(NOW + 31))),
        ("nonce", Some(json!("other"))),
        ("nonce", Some(json!(["n-0S6_WzA2Mj"]))),
        ("nonce", None),
        ("at_hash", Some(json!("77QmUPtjPfzWtF2AnpK9RQ"))),
        ("at_hash", Some(json!(1))),
        ("auth_time", Some(json!("yesterday"))),
        ("sub", Some(json!(""))),
        ("sub", Some(json!("s".repeat(256)))),
        ("sub", Some(json!(7))),
        ("sub", None),
        ("amr", Some(json!("pwd"))),
        ("email_verified", Some(json!("true"))),
    ];
    for (name, value) in wrong {
        assert!(verify(&with(name, value.clone())).is_err(), "{name} {value:?}");
    }
    let token = with("", None);
    assert!(matches!(verify_by(&token, |rules| rules.nonce = ""), Err(JwsError::Claim("nonce"))));
    assert!(matches!(
        verify_by(&with("nonce", Some(json!(""))), |rules| rules.nonce = ""),
        Err(JwsError::Claim("nonce"))
    ));
    let rs256 = verify_by(&token, |rules| rules.algorithms = &[Algorithm::Rs256]);
    assert!(matches!(rs256, Err(JwsError::WrongAlgorithm)));
    assert!(verify_by(&token, |rules| rules.max_age = Some(30)).is_ok());
    assert!(matches!(verify_by(&token, |rules| rules.max_age = Some(29)), Err(JwsError::Claim("auth_time"))));
    let undated = with("auth_time", None);
    assert!(matches!(
        verify_by(&undated, |rules| rules.max_age = Some(30)),
        Err(JwsError::Claim("auth_time"))
    ));
}

#[test]
fn an_id_token_of_another_provider_may_lack_typ_and_kid() {
    let claims = serde_json::to_value(id_token()).unwrap().to_string();
    for header in [
        json!({"alg": "EdDSA"}),
        json!({"alg": "EdDSA", "typ": "jwt"}),
        json!({"alg": "EdDSA", "kid": ed25519().kid()}),
    ] {
        assert!(verify(&signed(&header.to_string(), &claims)).is_ok(), "{header}");
    }
    for header in [
        json!({"alg": "EdDSA", "typ": "at+jwt"}),
        json!({"alg": "EdDSA", "typ": "logout+jwt"}),
        json!({"alg": "ES256"}),
    ] {
        assert!(verify(&signed(&header.to_string(), &claims)).is_err(), "{header}");
    }
}

/// OpenID Connect Core section 10.1: among several keys a token has to name its own.
#[test]
fn class_07_without_kid_nobody_chooses_among_keys() {
    let claims = serde_json::to_value(id_token()).unwrap().to_string();
    let token = signed(&json!({"alg": "EdDSA"}).to_string(), &claims);
    let other = SigningKey::generate(Algorithm::EdDsa).unwrap();
    let set = |keys: &[&SigningKey]| {
        KeySet::new(keys.iter().map(|key| VerifyingKey::from_jwk(key.public_jwk()).unwrap()).collect())
    };
    let verify = |keys: KeySet| {
        let rules = IdTokenRules {
            issuer: ISSUER,
            client_id: "app",
            nonce: "n-0S6_WzA2Mj",
            max_age: None,
            algorithms: &[Algorithm::EdDsa],
            access_token: None,
            keys: &keys,
            leeway_seconds: 30,
            now: NOW,
        };
        rules.verify(&token).map(drop)
    };
    assert!(verify(set(&[ed25519()])).is_ok());
    assert!(matches!(verify(set(&[ed25519(), &other])), Err(JwsError::UnknownKey)));
    assert!(matches!(verify(set(&[&other])), Err(JwsError::BadSignature)));
}

#[test]
fn an_answer_with_tokens_is_read_back() {
    let response = TokenResponse {
        access_token: Secret::new("access"),
        token_type: TokenType::Bearer,
        expires_in: 300,
        scope: Scopes::parse("openid").unwrap(),
        id_token: Some(Secret::new("a.b.c")),
        refresh_token: None,
    };
    let answer = TokenAnswer::parse(&serde_json::to_vec(&response).unwrap()).unwrap();
    assert_eq!((answer.access_token.expose(), answer.expires_in), ("access", Some(300)));
    assert_eq!(answer.id_token.unwrap().expose(), "a.b.c");
    assert!(answer.refresh_token.is_none() && answer.scope == Some(response.scope));
    let error = OAuthError::new(ErrorCode::InvalidGrant, "The code has expired.");
    let refused = TokenAnswer::parse(&serde_json::to_vec(&error).unwrap()).unwrap_err();
    assert_eq!(refused.to_string(), "the token endpoint answered invalid_grant: The code has expired.");
    for wrong in [
        "",
        "[]",
        "{}",
        r#"{"access_token":"a"}"#,
        r#"{"access_token":"a","token_type":"DPoP"}"#,
        r#"{"access_token":"","token_type":"Bearer"}"#,
        r#"{"access_token":1,"token_type":"Bearer"}"#,
        r#"{"access_token":"a","access_token":"b","token_type":"Bearer"}"#,
        r#"{"access_token":"a","token_type":"Bearer","expires_in":"300"}"#,
        r#"{"access_token":"a","token_type":"Bearer","scope":"a  b"}"#,
    ] {
        assert!(TokenAnswer::parse(wrong.as_bytes()).is_err(), "{wrong}");
    }
    assert!(matches!(TokenAnswer::parse(&vec![b' '; 70_000]), Err(TokenAnswerError::TooLarge)));
}

#[test]
fn class_18_metadata_is_the_issuers_own() {
    let parse = |document: &Value, issuer: &str| Discovered::parse(document.to_string().as_bytes(), issuer);
    let found = parse(&metadata(), ISSUER).unwrap();
    assert_eq!((found.token_endpoint.as_str(), found.names_itself), ("https://auth.example/token", true));
    assert_eq!(found.end_session_endpoint.as_deref(), Some("https://auth.example/logout"));
    assert_eq!(discovery_url(ISSUER), "https://auth.example/.well-known/openid-configuration");
    assert_eq!(discovery_url("https://a.example/t/"), "https://a.example/t/.well-known/openid-configuration");
    for issuer in ["https://auth.example/", "https://evil.example", "HTTPS://auth.example", ""] {
        assert!(matches!(parse(&metadata(), issuer), Err(DiscoveryError::Issuer)), "{issuer}");
    }
    let with = |name: &str, value: Value| {
        let mut document = metadata();
        document[name] = value;
        parse(&document, ISSUER)
    };
    assert!(with("token_endpoint", json!("http://localhost:3000/token")).is_ok());
    for insecure in [
        "http://auth.example/token",
        "http://localhost.evil.example/",
        "file:///etc/passwd",
        "ftp://auth.example/",
    ] {
        assert!(matches!(
            with("token_endpoint", json!(insecure)),
            Err(DiscoveryError::Insecure("token_endpoint"))
        ));
    }
    for wrong in [
        json!(1),
        Value::Null,
        json!(""),
        json!("/token"),
        json!("https://a:b@auth.example/"),
        json!("https://auth.example/#"),
    ] {
        assert!(
            matches!(with("jwks_uri", wrong.clone()), Err(DiscoveryError::Member("jwks_uri"))),
            "{wrong}"
        );
        assert!(matches!(with("userinfo_endpoint", wrong), Err(DiscoveryError::Member("userinfo_endpoint"))));
    }
    for wrong in [json!([]), json!(["plain"]), json!("S256"), Value::Null] {
        assert!(matches!(with("code_challenge_methods_supported", wrong), Err(DiscoveryError::NoPkce)));
    }
    for silent in [json!(false), json!("true"), Value::Null] {
        assert!(!with("authorization_response_iss_parameter_supported", silent).unwrap().names_itself);
    }
    assert!(matches!(Discovered::parse(b"[]", ISSUER), Err(DiscoveryError::Member("issuer"))));
    assert!(matches!(Discovered::parse(b"{", ISSUER), Err(DiscoveryError::Json(_))));
    assert!(matches!(Discovered::parse(&vec![b' '; 300_000], ISSUER), Err(DiscoveryError::TooLarge)));
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,120}", query in "([a-z_]{1,8}=[a-z]{0,5}&?){0,5}") {
        let _ = TokenAnswer::parse(text.as_bytes());
        prop_assert!(Discovered::parse(text.as_bytes(), ISSUER).is_err());
        prop_assert!(verify(&text).is_err());
        let rules = CallbackRules { state: "state", issuer: ISSUER, names_itself: true };
        if let Ok(parameters) = Parameters::parse(&query) {
            prop_assert!(rules.check(&parameters).is_err());
        }
    }
}

/// OpenID Connect Core section 12.2.
#[test]
fn a_refreshed_id_token_is_of_the_same_sign_in() {
    let kept = SignInKept { subject: "ada", session_id: Some("s"), auth_time: Some(NOW - 60) };
    let refreshed = IdToken { nonce: None, ..id_token() };
    let check = |change: &dyn Fn(&mut IdToken), kept: &SignInKept<'_>| {
        let mut token = refreshed.clone();
        change(&mut token);
        let (keys, token) = (key_set(), token.sign(ed25519()).unwrap());
        let rules = IdTokenRules {
            issuer: ISSUER,
            client_id: "app",
            nonce: "",
            max_age: Some(1),
            algorithms: &[Algorithm::EdDsa],
            access_token: Some(&Secret::new("access")),
            keys: &keys,
            leeway_seconds: 30,
            now: NOW,
        };
        rules.verify_refreshed(token.expose(), kept).map(|signed_in| signed_in.subject)
    };
    assert_eq!(check(&|_| (), &kept).unwrap(), "ada");
    let wrong: [&dyn Fn(&mut IdToken); 9] = [
        &|token| token.nonce = Some("n-0S6_WzA2Mj".to_owned()),
        &|token| token.sub = "eve".to_owned(),
        &|token| token.sid = Some("other".to_owned()),
        &|token| token.sid = None,
        &|token| token.auth_time = NOW,
        &|token| token.iss = "https://evil.example".to_owned(),
        &|token| token.aud = "other".to_owned(),
        &|token| token.exp = NOW - 30,
        &|token| token.at_hash = Some("77QmUPtjPfzWtF2AnpK9RQ".to_owned()),
    ];
    for (number, change) in wrong.into_iter().enumerate() {
        assert!(check(change, &kept).is_err(), "{number}");
    }
    for other in [
        SignInKept { subject: "eve", ..kept },
        SignInKept { session_id: None, ..kept },
        SignInKept { auth_time: None, ..kept },
    ] {
        assert!(check(&|_| (), &other).is_err(), "{other:?}");
    }
}

/// OpenID Connect Core section 5.3.2.
#[test]
fn userinfo_is_about_the_person_of_the_id_token() {
    let read = |text: &str| read_user_info(text.as_bytes(), "ada");
    let person = read(r#"{"sub":"ada","name":"Ada","email":"ada@example.com","unknown":{"a":[1]}}"#).unwrap();
    assert_eq!((person.name.as_deref(), person.email.as_deref()), (Some("Ada"), Some("ada@example.com")));
    for about_another in
        [r#"{"sub":"eve"}"#, r#"{"sub":["ada"]}"#, r#"{"sub":""}"#, "{}", "[]", "null", "\"ada\""]
    {
        assert!(matches!(read(about_another), Err(UserInfoError::Subject)), "{about_another}");
    }
    for no_claims in
        [r#"{"sub":"ada","sub":"eve"}"#, r#"{"sub":"ada","name":7}"#, r#"{"sub":"ada"#, "", "ada"]
    {
        assert!(read(no_claims).is_err(), "{no_claims}");
    }
    let huge = format!(r#"{{"sub":"ada","name":"{}"}}"#, "a".repeat(70_000));
    assert!(matches!(read(&huge), Err(UserInfoError::TooLarge)));
}

#[test]
fn what_an_app_sends_else() {
    let form = refresh_form(&Secret::new("r"));
    let public = Parameters::parse(assertion_form(&form, "app", None).expose()).unwrap();
    let read = ClientAuthentication::read(None, &public).unwrap();
    assert_eq!((read.client_id(), read.method()), ("app", ClientAuthenticationMethod::None));
    let hint = Secret::new("a.b.c");
    let url = end_session_url("https://auth.example/end?x=1", "app", Some(&hint), "https://app.example/bye");
    let query = url.strip_prefix("https://auth.example/end?x=1&").unwrap();
    let request = LogoutRequest::parse(&Parameters::parse(query).unwrap()).unwrap();
    assert_eq!(request.id_token_hint.as_deref(), Some("a.b.c"));
    assert_eq!(request.client_id(None).unwrap(), Some("app"));
    assert_eq!(request.return_to(Some(&client())).unwrap().as_deref(), Some("https://app.example/bye"));
}
