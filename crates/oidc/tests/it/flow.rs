//! The whole way, both sides: what a use case of the provider and one of an app do, without their stores.

use oidc::{
    AccessToken, AssertionRules, AuthorizationRequest, AuthorizationResponse, CallbackRules, Client,
    ClientAuthentication, ClientProof, CodeVerifier, Discovered, IdToken, IdTokenHint, IdTokenRules,
    Introspection, Known, KnownConsent, KnownSession, LogoutRequest, OPENID, Parameters, PersonClaims,
    Scopes, Secret, SignInRequest, SigningKey, Step, TokenAnswer, TokenRequest, TokenResponse, TokenType,
    UserInfo, at_hash, audience, basic_authorization, bearer_token, code_exchange_form, decide,
    logout_needs_confirmation,
};

use crate::{
    client::client,
    forge::{KEYS, NOW, key_set},
    metadata::metadata,
    tokens::ISSUER,
};

const SECRET: &str = "s3cret";
const CODE: &str = "SplxlOBeZQQYbYS6WxSbIA";

fn person() -> PersonClaims {
    PersonClaims {
        email: Some("ada@example.org".to_owned()),
        email_verified: Some(true),
        ..PersonClaims::default()
    }
}

/// The authorization endpoint: a query in, the address with the code out, and the request that the code stands for.
fn authorize(query: &str, client: &Client) -> (String, AuthorizationRequest) {
    let parameters = Parameters::read(query);
    assert_eq!(AuthorizationRequest::client_id(&parameters).unwrap(), client.client_id);
    let request = AuthorizationRequest::parse(&parameters, client).unwrap();
    let session = KnownSession { subject: "ada", auth_time: NOW, authenticated_now: false, acr: &["one"] };
    let known = Known {
        session: Some(session),
        account_chosen: false,
        hinted_subject: None,
        consent: KnownConsent {
            required: client.asks_for_consent(),
            each_time: client.may_be_another_app(request.return_address.redirect_uri()),
            scopes: None,
            resources: &[],
            given_now: false,
        },
        reachable_acr: &["one"],
        now: NOW,
    };
    assert_eq!(decide(&request, &known), Step::Consent);
    let consent = KnownConsent { given_now: true, ..known.consent };
    assert_eq!(decide(&request, &Known { consent, ..known }), Step::Proceed);
    match AuthorizationResponse::success(&request.return_address, ISSUER, &Secret::new(CODE)) {
        AuthorizationResponse::Redirect { location } => (location, request),
        other @ AuthorizationResponse::FormPost { .. } => panic!("{other:?}"),
    }
}

/// The token endpoint: header and form in, tokens out.
fn token(
    header: &str,
    form: &str,
    issued: &AuthorizationRequest,
    client: &Client,
    key: &SigningKey,
) -> Vec<u8> {
    let form = Parameters::parse(form).unwrap();
    let keys = key_set();
    let rules =
        AssertionRules { issuer: ISSUER, token_endpoint: "", keys: &keys, leeway_seconds: 30, now: NOW };
    let authentication = ClientAuthentication::read(Some(header), &form).unwrap();
    match authentication.prove(client, &rules).unwrap() {
        ClientProof::CompareSecret(secret) => assert_eq!(secret.expose(), SECRET),
        other => panic!("{other:?}"),
    }
    let TokenRequest::AuthorizationCode(exchange) = TokenRequest::parse(&form, client).unwrap() else {
        panic!("another grant")
    };
    assert_eq!(exchange.code.expose(), CODE);
    let proof = exchange.proof().unwrap();
    proof.check(issued, client).unwrap();
    let access_token = AccessToken {
        iss: ISSUER.to_owned(),
        sub: "ada".to_owned(),
        aud: audience(&proof.resources, &issued.resources, client, ISSUER).unwrap().to_owned(),
        exp: NOW + 300,
        iat: NOW,
        jti: "1".to_owned(),
        client_id: client.client_id.clone(),
        scope: issued.scopes.clone(),
        auth_time: Some(NOW),
        acr: None,
        amr: vec![],
        sid: Some("s".to_owned()),
    };
    let access_token = access_token.sign(key).unwrap();
    let id_token = IdToken {
        iss: ISSUER.to_owned(),
        sub: "ada".to_owned(),
        aud: client.client_id.clone(),
        exp: NOW + 300,
        iat: NOW,
        auth_time: NOW,
        nonce: issued.nonce.clone(),
        acr: Some("one".to_owned()),
        amr: vec!["pwd".to_owned()],
        sid: Some("s".to_owned()),
        at_hash: Some(at_hash(&access_token, key.algorithm())),
        person: if client.claims_in_id_token {
            person().for_scopes(&issued.scopes)
        } else {
            PersonClaims::default()
        },
    };
    let response = TokenResponse {
        access_token,
        token_type: TokenType::Bearer,
        expires_in: 300,
        scope: issued.scopes.clone(),
        id_token: issued.scopes.contains(OPENID).then(|| id_token.sign(key).unwrap()),
        refresh_token: None,
    };
    serde_json::to_vec(&response).unwrap()
}

#[test]
fn a_person_signs_in_is_known_and_signs_out() {
    let mut client = client();
    client.claims_in_id_token = true;
    for key in KEYS.iter() {
        let provider = Discovered::parse(metadata().to_string().as_bytes(), ISSUER).unwrap();
        // The app sends the person, and gets the code.
        let verifier = CodeVerifier::from_random(&[9; 32]);
        let (scopes, challenge) = (Scopes::parse("openid email").unwrap(), verifier.challenge());
        let (redirect_uri, state, nonce) = ("https://app.example/callback", "state", "nonce");
        let request = SignInRequest {
            client_id: "app",
            redirect_uri,
            scopes: &scopes,
            state,
            nonce,
            code_challenge: &challenge,
            further: &[],
        };
        let url = request.url(&provider.authorization_endpoint);
        let (location, issued) = authorize(url.split_once('?').unwrap().1, &client);
        let callback = CallbackRules { state, issuer: ISSUER, names_itself: provider.names_itself };
        let code = callback.check(&Parameters::parse(location.split_once('?').unwrap().1).unwrap()).unwrap();
        // It redeems the code, and knows the person.
        let header = basic_authorization("app", &Secret::new(SECRET));
        let form = code_exchange_form(&code, redirect_uri, &verifier);
        let answer =
            TokenAnswer::parse(&token(header.expose(), form.expose(), &issued, &client, key)).unwrap();
        let id_token = answer.id_token.unwrap();
        let keys = key_set();
        let rules = IdTokenRules {
            issuer: ISSUER,
            client_id: "app",
            nonce,
            max_age: Some(60),
            algorithms: &[key.algorithm()],
            access_token: Some(&answer.access_token),
            keys: &keys,
            leeway_seconds: 30,
            now: NOW,
        };
        let signed_in = rules.verify(id_token.expose()).unwrap();
        assert_eq!((signed_in.subject.as_str(), &signed_in.person), ("ada", &person()));
        // The token serves at userinfo, and at introspection.
        let bearer = format!("Bearer {}", answer.access_token.expose());
        let found = bearer_token(Some(&bearer), None, &Parameters::default()).unwrap().unwrap();
        let access_token = AccessToken::verify(found.expose(), &keys, ISSUER, ISSUER, 30, NOW).unwrap();
        let told = serde_json::to_value(UserInfo::of(&access_token, &person()).unwrap()).unwrap();
        assert_eq!((&told["sub"], &told["email"]), (&"ada".into(), &"ada@example.org".into()));
        assert!(Introspection::of(&std::sync::Arc::new(access_token), &client).is_active());
        // The person signs out, and is sent back.
        let query =
            format!("id_token_hint={}&post_logout_redirect_uri=https://app.example/bye", id_token.expose());
        let request = LogoutRequest::parse(&Parameters::parse(&query).unwrap()).unwrap();
        let hint = IdTokenHint::verify(request.id_token_hint.as_deref().unwrap(), &keys, ISSUER).unwrap();
        assert_eq!(request.client_id(Some(&hint)).unwrap(), Some("app"));
        assert!(!logout_needs_confirmation(Some(&hint), "ada", "s"));
        assert_eq!(request.return_to(Some(&client)).unwrap().as_deref(), Some("https://app.example/bye"));
    }
}
